"""One transaction across models: a task, a row, an edge and a cached answer change together, or not at all."""

from engine import Conflict, Database, Transaction


def ship(transaction: Transaction) -> str:
    """Take an order from the queue, mark its row, link its node and forget what was said about it."""
    task = transaction.queue("orders").dequeue("shipper")
    assert task is not None
    order = task.payload.decode()
    transaction.execute("UPDATE orders SET state = 'sent' WHERE name = ?", [order])
    transaction.graph("parcels").add_edge("depot", "sent", order)
    transaction.cache("answers").delete(f"where is {order}?")
    transaction.queue("orders").ack(task)
    return order


def main() -> None:
    """Send tea while somebody cancels it: each misses what the other one does, so one of the two is refused."""
    database = Database.open()
    database.execute("CREATE TABLE orders (name TEXT PRIMARY KEY, state TEXT)")
    database.execute("INSERT INTO orders VALUES ('tea', 'waits')")
    database.graph("parcels").add_node("depot")
    database.graph("parcels").add_node("tea")
    database.cache("answers").put("where is tea?", b"here", [0.1, 0.9])
    database.queue("orders").enqueue(b"tea")

    cancel = database.begin_transaction()
    if cancel.execute("SELECT name FROM orders WHERE state = 'waits'").rows:
        cancel.graph("parcels").delete_node("tea")
    print("sent:", database.with_transaction(ship), database.graph("parcels").edges("depot"))
    try:
        cancel.commit()
    except Conflict as conflict:
        print("cancelling it was refused:", conflict)


if __name__ == "__main__":
    main()
