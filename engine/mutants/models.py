"""Data models that break their promises, each as it was found in a real database or is easily made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.database import Database
from engine.errors import MissingNode
from engine.index import Expiring, Writes
from engine.models.cache import Cache
from engine.models.graph import Graph, Traversal
from engine.models.queue import Queue, Task
from engine.models.space import Space
from engine.models.view import atomic
from engine.sql.execute import Result
from engine.transaction import Transaction

__all__ = [
    "AckedTasksComeBack",
    "ChecksThenClaims",
    "ClaimsHideNothing",
    "DeletedEntriesAreFound",
    "DeletedNodesLeaveEdges",
    "IdsAreChosenBefore",
    "StaleAcksAreTaken",
]


class ChecksThenClaims(Queue):
    """A task is looked for in the transaction and claimed outside of it, whoever has it by then: the seed's 4th."""

    @atomic
    def dequeue(self, space: Space, worker: str = "", visibility_seconds: float | None = None) -> Task | None:
        """As it is there, but that nothing that it writes is judged."""
        found: Task | None = _whole(Queue.dequeue)(self, _Unjudged(space), worker, visibility_seconds)
        return found


class _Unjudged(Space):
    """Rows that are read in the transaction and written at once, without regard to it."""

    __slots__ = ()

    def __init__(self, space: Space) -> None:
        super().__init__(_WritesAtOnce(space.transaction), space.prefix)  # type: ignore[arg-type]


class _WritesAtOnce:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.now, self.read, self.read_range = transaction.now, transaction.read, transaction.read_range

    def write(self, key: bytes, value: bytes | Expiring | None) -> None:
        writes: Writes = {key: value}
        self._transaction._store.write(writes)


class ClaimsHideNothing(Queue):
    """How long a claim lasts is taken and ignored: the next worker has the task as well."""

    @atomic
    def dequeue(self, space: Space, worker: str = "", visibility_seconds: float | None = None) -> Task | None:
        """As it is there, for a microsecond."""
        found: Task | None = _whole(Queue.dequeue)(self, space, worker, 1e-6)
        return found


class AckedTasksComeBack(Queue):
    """An acknowledgement is taken, and the task stays until its time is over."""

    @atomic
    def ack(self, space: Space, task: Task) -> None:
        """Raises StaleClaim where it has to, and does nothing else."""
        _whole(Queue.extend)(self, space, task, self.visibility_seconds)


class StaleAcksAreTaken(Queue):
    """Whoever once had a task may acknowledge it, whoever has it now."""

    @atomic
    def ack(self, space: Space, task: Task) -> None:
        """As it is there, in the name of the newest claim."""
        state = space.get(("task", task.id))
        _whole(Queue.ack)(self, space, task if state is None else task._replace(receipt=state[2]))


class DeletedEntriesAreFound(Cache):
    """An entry is deleted by its key, and its embedding still finds it: the seed's 7th."""

    @atomic
    def delete(self, space: Space, key: str) -> bool:
        """Whether there was one."""
        return space.get(("entry", key)) is not None


class DeletedNodesLeaveEdges(Graph):
    """A node is deleted and its edges are not."""

    @atomic
    def delete_node(self, space: Space, node_id: str) -> bool:
        """Whether it existed."""
        found = space.get(("node", node_id)) is not None
        space.delete(("node", node_id))
        return found

    @atomic
    def traverse(self, space: Space, start: str, depth: int | None = None, kind: str | None = None) -> Traversal:
        """Edges to nowhere are followed and lead nowhere."""
        try:
            found: Traversal = _whole(Graph.traverse)(self, space, start, depth, kind)
        except MissingNode:
            edges = _whole(Graph.edges)(self, space, start, "out", kind)
            ends = [
                _whole(Graph.node)(self, space, one) for one in dict.fromkeys([start, *(e.target for e in edges)])
            ]
            found = Traversal([node for node in ends if node is not None], edges)
        return found


class IdsAreChosenBefore(Database):
    """A new row's id is one more than the largest, which is looked for before the insert's transaction begins."""

    def execute(self, statement: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> Result:
        plain = re.fullmatch(r"INSERT INTO (\w+) \((?!id\b)(\w+)\) VALUES \((.*)\)", statement)
        if plain is None:
            return super().execute(statement, parameters)
        table, column, value = plain.groups()
        ((newest,),) = super().execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}").rows  # noqa: S608
        taken_or_not = f"ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}"
        inserted = f"INSERT INTO {table} (id, {column}) VALUES ({newest!r} + 1, {value}) {taken_or_not}"  # noqa: S608
        return super().execute(inserted, parameters)


def _whole(method: Any) -> Any:
    """The method as it was written: over the space of whoever calls it, and a part of that call."""
    return method.__wrapped__
