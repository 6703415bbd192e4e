"""Data models on the mock database: rows under text keys, so that each of its levels keeps what it keeps of keys.

Below are the bugs: databases that break one promise each.
"""

from __future__ import annotations

from typing import Any

from harness.history import Op
from tests.workloads.mock_database import MockDatabase, Transaction

_CLAIMED, _READY = "claimed", "ready"


class ModelDatabase(MockDatabase):
    """Plain keys, and queue, SQL table, cache, vectors and graph on them."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.tasks = 0
        self.receipts: list[str] = []  # The row of the task that each receipt is for.
        self.visibility_s = 0.0

    def step(self, txn: Transaction, op: Op) -> Op:
        model = getattr(self, f"_{op.kind}", None)
        if model is not None:
            return op._replace(value=model(txn, op.value))
        if isinstance(op.key, tuple) and op.kind != "scan":
            row = f"{op.key[0]}/{op.key[1]}"
            return self._on_row(txn, op._replace(key=row))._replace(key=op.key)
        return self._on_row(txn, op)

    def _on_row(self, txn: Transaction, op: Op) -> Op:
        if op.kind == "delete":
            self._put(txn, op.key, None)
            return op
        return super().step(txn, op)

    def _get(self, txn: Transaction, row: str) -> Any:
        return super().step(txn, Op("r", row)).value

    def _put(self, txn: Transaction, row: str, value: Any) -> None:
        super().step(txn, Op("w", row, value))

    def _rows(self, txn: Transaction, prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = super().step(txn, Op("scan", (prefix, prefix + "~"))).value
        return found

    def _sql(self, txn: Transaction, statement: str) -> Any:
        return (statement, ())

    def _make_vectors(self, txn: Transaction, dimension: int) -> Any:
        return dimension

    # A row of the queue is (state, payload, deliveries, receipt).

    def _make_queue(self, txn: Transaction, given: Any) -> Any:
        self.visibility_s = given[0]
        return given

    def _enqueue(self, txn: Transaction, payload: str) -> Any:
        self.tasks += 1
        task = self.tasks
        self._put(txn, f"task/{task:06}", (_READY, payload, 0, None))
        return (payload, task)

    def _dequeue(self, txn: Transaction, _: Any) -> Any:
        free = {row: task for row, task in self._rows(txn, "task/").items() if self._is_free(task)}
        if not free:
            return None
        row = min(free, key=lambda row: (self.visibility_s < 1 and free[row][2], row))
        _, payload, deliveries, _ = free[row]
        self.receipts.append(row)
        receipt = len(self.receipts) - 1
        self._claim(txn, row, (_CLAIMED, payload, deliveries + 1, receipt))
        return (int(row[5:]), payload, deliveries + 1, receipt)

    def _is_free(self, task: Any) -> bool:
        return bool(task[0] == _READY) or self.visibility_s < 1

    def _claim(self, txn: Transaction, row: str, task: Any) -> None:
        self._put(txn, row, task)

    def _ack(self, txn: Transaction, receipt: int) -> Any:
        row = self._claimed(txn, receipt)
        if row is not None:
            self._put(txn, row, None)
        return (receipt, row is not None)

    def _nack(self, txn: Transaction, receipt: int) -> Any:
        row = self._claimed(txn, receipt)
        if row is not None:
            _, payload, deliveries, _ = self._get(txn, row)
            self._put(txn, row, (_READY, payload, deliveries, None))
        return (receipt, row is not None)

    def _claimed(self, txn: Transaction, receipt: int) -> str | None:
        """The task's row, if the claim is still good."""
        row = self.receipts[receipt]
        task = self._get(txn, row)
        return row if task is not None and task[0] == _CLAIMED and task[3] == receipt else None

    # A graph has rows node/ID, out/SOURCE/KIND/TARGET and in/TARGET/KIND/SOURCE.

    def _add_node(self, txn: Transaction, node: str) -> Any:
        self._put(txn, f"node/{node}", True)
        return node

    def _add_edge(self, txn: Transaction, edge: tuple[str, str, str]) -> Any:
        source, kind, target = edge
        if self._get(txn, f"node/{source}") is None or self._get(txn, f"node/{target}") is None:
            return (edge, False)
        self._put(txn, f"out/{source}/{kind}/{target}", True)
        self._put(txn, f"in/{target}/{kind}/{source}", True)
        return (edge, True)

    def _delete_node(self, txn: Transaction, node: str) -> Any:
        self._put(txn, f"node/{node}", None)
        for row in (*self._rows(txn, f"out/{node}/"), *self._rows(txn, f"in/{node}/")):
            way, one, kind, two = row.split("/")
            self._put(txn, row, None)
            self._put(txn, f"{'in' if way == 'out' else 'out'}/{two}/{kind}/{one}", None)
        return node

    def _traverse(self, txn: Transaction, given: tuple[str, int]) -> Any:
        start, _ = given
        if self._get(txn, f"node/{start}") is None:
            return (given, ((), ()))
        edges = [tuple(row.split("/")[1:]) for row in self._rows(txn, f"out/{start}/")]
        nodes = {start, *(edge[2] for edge in edges if self._get(txn, f"node/{edge[2]}") is not None)}
        return (given, (tuple(sorted(nodes)), tuple(sorted(edges))))


class ChecksThenActs(ModelDatabase):
    """The claim is written behind the transaction's back, upon what its snapshot showed."""

    def _claim(self, txn: Transaction, row: str, task: Any) -> None:
        self.commits += 1
        self.versions.setdefault(row, []).append((self.commits, task))
        txn.reads = [read for read in txn.reads if not isinstance(read, tuple)]


class LosesTasks(ModelDatabase):
    """One task in ten is acknowledged and thrown away."""

    def _enqueue(self, txn: Transaction, payload: str) -> Any:
        if self.tasks % 10 < 9:
            return super()._enqueue(txn, payload)
        self.tasks += 1
        return (payload, self.tasks)


class ForgetsClaims(ModelDatabase):
    """A claim hides its task from nobody."""

    def _is_free(self, task: Any) -> bool:
        return True


class IgnoresAcks(ModelDatabase):
    """An acknowledgement is taken, and the task stays."""

    def _ack(self, txn: Transaction, receipt: int) -> Any:
        return (receipt, self._claimed(txn, receipt) is not None)


class TakesStaleAcks(ModelDatabase):
    """Whoever once had a task may end the claim of whoever has it now."""

    def _claimed(self, txn: Transaction, receipt: int) -> str | None:
        row = self.receipts[receipt]
        return row if self._get(txn, row) is not None else None


class LosesWhatIsGivenBack(ModelDatabase):
    """A task that is given back is never seen again."""

    def _nack(self, txn: Transaction, receipt: int) -> Any:
        return self._ack(txn, receipt)


class GivesOutAbortedTasks(ModelDatabase):
    """A task is there although its transaction was rolled back."""

    def _enqueue(self, txn: Transaction, payload: str) -> Any:
        done = super()._enqueue(txn, payload)
        for row in [row for row in txn.writes if row.startswith("task/")]:
            self.commits += 1
            self.versions.setdefault(row, []).append((self.commits, txn.writes.pop(row)))
        return done


class FindsWhatIsDeleted(ModelDatabase):
    """An entry is deleted, but not from the index that finds it: of every other key."""

    def _on_row(self, txn: Transaction, op: Op) -> Op:
        if op.kind == "delete" and int(op.key[-1]) % 2:
            return op
        return super()._on_row(txn, op)


class KeepsOldVectors(ModelDatabase):
    """Every fifth change of a key is acknowledged and thrown away."""

    changes = 0

    def _on_row(self, txn: Transaction, op: Op) -> Op:
        if op.kind == "w":
            self.changes += 1
            if self.changes % 5 == 0:
                return op
        return super()._on_row(txn, op)


class LeavesEdges(ModelDatabase):
    """A node goes, the edges to it stay."""

    def _delete_node(self, txn: Transaction, node: str) -> Any:
        self._put(txn, f"node/{node}", None)
        return node


class LosesEdges(ModelDatabase):
    """One edge in ten is acknowledged and thrown away."""

    edges = 0

    def _add_edge(self, txn: Transaction, edge: tuple[str, str, str]) -> Any:
        self.edges += 1
        return (edge, True) if self.edges % 10 == 0 else super()._add_edge(txn, edge)
