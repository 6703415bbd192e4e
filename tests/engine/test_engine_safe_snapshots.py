"""Safe snapshots and DEFERRABLE transactions: never refused, never tracked, and never wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from engine import Conflict, Database, DatabaseClosed, IsolationLevel, Transaction
from engine.proof.schedule import Ran, is_strictly_serializable
from engine.proof.threads.orders import seeded
from engine.proof.threads.turns import Turns


def test_without_writers_every_snapshot_is_safe() -> None:
    """A declared reader that begins alone is never refused and leaves nothing to judge by."""
    database = Database.open()
    database.put("z", b"1")
    older = database.begin_transaction(IsolationLevel.SNAPSHOT)
    older.get("z")
    database.put("z", b"2")
    reader = database.begin_transaction(read_only=True)
    assert reader.get("x") is None
    pivot = database.begin_transaction()
    pivot.get("y")
    database.put("y", b"1")
    pivot.put("x", b"1")
    pivot.commit()
    assert reader.scan() == [(b"z", b"2")]
    remembered = database.stats()["remembered"]
    assert reader.commit() == reader.start_ts == 2
    assert database.stats()["remembered"] == remembered == 4  # three changed keys and the pivot's out-edge
    database._check()


def test_a_declared_reader_beside_a_writer_is_judged() -> None:
    """The read-only anomaly: a reader that began while the pivot ran is not safe, and is refused."""
    database = Database.open()
    pivot = database.begin_transaction()
    pivot.get("y")
    database.put("y", b"1")
    reader = database.begin_transaction(read_only=True)
    assert reader.get("y") == b"1"
    assert reader.get("x") is None
    pivot.put("x", b"1")
    pivot.commit()
    with pytest.raises(Conflict, match="dangerous structure"):
        reader.commit()
    database._check()


def read_deferred(database: Database, then: Callable[[], None]) -> Any:
    """What a deferrable reader reads and where it is placed; `then` is called once it waits."""
    seen: list[Any] = []
    errors: list[Exception] = []
    running = database.stats()["active"]

    def read() -> None:
        reader = database.begin_transaction(read_only=True, deferrable=True)
        try:
            seen.append(reader.scan())
            seen.append(reader.commit())
        except Exception as error:  # noqa: BLE001 — raised again below.
            errors.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    while database.stats()["active"] == running:
        time.sleep(0.0005)  # It registers its snapshot, then waits.
    assert seen == []
    then()
    thread.join()
    if errors:
        raise errors[0]
    return seen


def writer_of(database: Database) -> Transaction:
    writer = database.begin_transaction()
    writer.get("y")
    writer.put("x", b"1")
    return writer


def test_a_deferrable_reader_waits_for_the_writers_before_it() -> None:
    """Where none of them commits with an out-edge, the snapshot that was taken first is the one it reads."""
    for end in (Transaction.commit, Transaction.abort):
        database = Database.open()
        writer = writer_of(database)
        assert read_deferred(database, lambda writer=writer, end=end: end(writer)) == [[], 0]  # type: ignore[misc]
        database._check()


def test_a_deferrable_reader_takes_another_snapshot_where_the_first_is_unsafe() -> None:
    """The pivot commits with an out-edge at or before the first snapshot: the second one sees it committed."""
    database = Database.open()
    pivot = writer_of(database)
    database.put("y", b"1")
    assert read_deferred(database, pivot.commit) == [[(b"x", b"1"), (b"y", b"1")], 2]
    database._check()


def test_a_waiting_reader_learns_that_the_database_was_closed() -> None:
    """Closing ends the wait with DatabaseClosed."""
    database = Database.open()
    writer_of(database)
    with pytest.raises(DatabaseClosed):
        read_deferred(database, database.close)


@pytest.mark.parametrize(
    ("level", "read_only"),
    [(IsolationLevel.SERIALIZABLE, False), (IsolationLevel.SNAPSHOT, True), (IsolationLevel.READ_COMMITTED, True)],
)
def test_only_serializable_readers_can_be_deferrable(level: IsolationLevel, read_only: bool) -> None:
    """Anything else is refused when the transaction is made."""
    with pytest.raises(ValueError, match="deferrable"):
        Database.open().begin_transaction(level, read_only=read_only, deferrable=True)


def random_run(seed: int) -> int:
    """Writers and deferrable readers in threads under a scheduler; returns how many of the latter committed."""
    turns = Turns(seeded(Random(seed)))
    database = Database.open(latches=turns)
    ticks = iter(range(10**9))
    ran: list[Ran] = []
    deferred = 0

    def client(name: str) -> None:
        nonlocal deferred
        choices = Random(f"{seed} {name}")
        for number in range(2):
            start = next(ticks)
            transaction = database.begin_transaction(read_only=name == "r", deferrable=name == "r")
            steps: list[tuple[str, str, Any]] = []
            for _ in range(2):
                key, kind = choices.choice("xyz"), "r" if name == "r" else choices.choice("rw")
                value = f"{name}{number}".encode()
                steps.append((kind, key, transaction.get(key) if kind == "r" else value))
                if kind == "w":
                    transaction.put(key, value)
                turns.stop("step")
            try:
                transaction.commit()
            except Conflict:
                assert name != "r", "a deferrable reader was refused"
                continue
            deferred += name == "r"
            ran.append(Ran(f"{name}{number}", steps, start, next(ticks), "committed"))

    turns.run(*[lambda name=name: client(name) for name in "abr"])  # type: ignore[misc]
    database._check()
    assert is_strictly_serializable(ran), seed
    return deferred


def test_deferrable_readers_are_never_refused_and_never_wrong() -> None:
    """Over many orders of threads all of them commit, and everything that commits is strictly serializable."""
    assert sum(random_run(seed) for seed in range(300)) == 600
