"""The reference engine's own calls, for the contract suite: each row of CALLS as a call of `engine`.

A call is made on a transaction or, by itself, on the database: the data models take either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import engine
from engine import Database, IsolationLevel, Transaction
from engine.models.queue import Queue
from harness.surface import CALLS, DOCUMENTED, Claim, Lacking, Refused, Traversal

__all__ = ["ReferenceSurface"]

Owner = Database | Transaction

# The first row that fits says why.
_WHYS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (engine.Conflict, "conflict"),
    (engine.TransactionClosed, "ended"),
    (engine.DatabaseClosed, "closed"),
    (engine.Locked, "locked"),
    (engine.Corrupt, "damaged"),
    (engine.StaleClaim, "stale"),
    (engine.MissingNode, "missing"),
    (engine.DimensionMismatch, "dimension"),
    (engine.SqlNameError, "missing"),
    (engine.SqlConstraintError, "duplicate"),
    (engine.SqlSyntaxError, "statement"),
    (engine.SqlUnsupported, "statement"),
    (PermissionError, "permission"),
    (ValueError, "argument"),
    (TypeError, "argument"),
)


class ReferenceSurface:
    """One database of the engine, of the class `database_class`: a mutant's where one is planted."""

    lacking: Mapping[str, str] = {}
    documented: Mapping[str, str] = dict.fromkeys(DOCUMENTED, "the docstrings of engine.Database and Transaction")

    def __init__(self, database_class: type[Database] = Database, sync: str = "full") -> None:
        self._class = database_class
        self._sync = sync
        self._database: Database | None = None
        self._queues: dict[str, tuple[float, int]] = {}

    def open(self, path: str) -> None:
        """Open or make the database in the directory `path`."""
        with _translated():
            self._database = self._class.open(path, sync=self._sync)

    def close(self) -> None:
        """Close it; calls after that go to the closed database."""
        self._opened().close()

    def _opened(self) -> Database:
        assert self._database is not None, "open it first"
        return self._database

    def begin(self) -> Transaction:
        """A serializable transaction."""
        with _translated():
            return self._opened().transaction()

    def commit(self, transaction: Transaction) -> int:
        """Commit; the transaction's place in the order of commits."""
        with _translated():
            return transaction.commit()

    def abort(self, transaction: Transaction) -> None:
        """Abort."""
        with _translated():
            transaction.abort()

    def call(self, name: str, *arguments: Any, within: Any = None) -> Any:
        """Make a call of CALLS within a transaction, or by itself."""
        assert name in CALLS, name
        owner = self._opened() if within is None else within
        with _translated():
            own: Callable[..., Any] | None = getattr(self, f"_{name}", None)
            if own is not None:
                return own(owner, *arguments)
            return getattr(owner, _SAME.get(name, name))(*arguments)

    # Queues: how long a claim lasts and how often a task is given out is said once.

    def _make_queue(self, owner: Owner, queue: str, visibility_s: float, max_attempts: int) -> None:
        self._queues[queue] = visibility_s, max_attempts

    def _queue(self, owner: Owner, queue: str) -> Queue:
        visibility_s, max_attempts = self._queues.get(queue, (30.0, 3))
        return owner.queue(queue, visibility_s, max_attempts)

    def _enqueue(self, owner: Owner, queue: str, payload: bytes) -> Any:
        return self._queue(owner, queue).enqueue(payload)

    def _dequeue(self, owner: Owner, queue: str, worker: str) -> Claim | None:
        task = self._queue(owner, queue).dequeue(worker)
        return None if task is None else Claim(task.id, task.payload, task.attempt, task)

    def _ack(self, owner: Owner, queue: str, receipt: Any) -> None:
        self._queue(owner, queue).ack(receipt)

    def _nack(self, owner: Owner, queue: str, receipt: Any) -> None:
        self._queue(owner, queue).nack(receipt)

    def _dead_letters(self, owner: Owner, queue: str) -> list[Any]:
        return [task.id for task in self._queue(owner, queue).dead_letters()]

    def _queue_stats(self, owner: Owner, queue: str) -> dict[str, int]:
        return dict(self._queue(owner, queue).stats())

    # SQL and graphs.

    def _sql(self, owner: Owner, statement: str) -> list[dict[str, Any]]:
        return owner.execute(statement).dicts()

    def _add_node(self, owner: Owner, graph: str, node: str, properties: dict[str, Any]) -> None:
        owner.graph(graph).add_node(node, properties)

    def _add_edge(self, owner: Owner, graph: str, source: str, kind: str, target: str) -> None:
        owner.graph(graph).add_edge(source, kind, target)

    def _delete_node(self, owner: Owner, graph: str, node: str) -> None:
        owner.graph(graph).delete_node(node)

    def _delete_edge(self, owner: Owner, graph: str, source: str, kind: str, target: str) -> None:
        owner.graph(graph).delete_edge(source, kind, target)

    def _traverse(self, owner: Owner, graph: str, start: str, depth: int) -> Traversal:
        reached = owner.graph(graph).traverse(start, depth)
        edges = sorted((edge.source, edge.kind, edge.target) for edge in reached.edges)
        return Traversal({node.id: dict(node.properties) for node in reached.nodes}, edges)

    def _path(self, owner: Owner, graph: str, source: str, target: str) -> list[str] | None:
        return owner.graph(graph).path(source, target)

    def _add_temporal_edge(
        self, owner: Owner, graph: str, source: str, kind: str, target: str, begin: int, end: int
    ) -> None:
        owner.temporal(graph).add_edge(source, kind, target, begin, end or None)

    def _temporal_edges(self, owner: Owner, graph: str, source: str, at: int) -> list[tuple[str, str]]:
        return sorted((edge.kind, edge.target) for edge in owner.temporal(graph).edges_at(source, at))

    # Caches and vectors.

    def _cache_put(self, owner: Owner, cache: str, key: str, text: str, embedding: Any, ttl_seconds: float) -> None:
        owner.cache(cache).put(key, text.encode(), embedding, ttl_seconds=ttl_seconds or None)

    def _cache_get(self, owner: Owner, cache: str, embedding: Any, threshold: float) -> str | None:
        hit = owner.cache(cache).get(embedding, threshold)
        return None if hit is None else hit.value.decode()

    def _cache_delete(self, owner: Owner, cache: str, key: str) -> None:
        owner.cache(cache).delete(key)

    def _cache_clear(self, owner: Owner, cache: str) -> int:
        return owner.cache(cache).clear()

    def _cache_stats(self, owner: Owner, cache: str) -> dict[str, int]:
        return dict(owner.cache(cache).stats())

    def _make_vectors(self, owner: Owner, index: str, dimension: int) -> None:
        owner.vectors(index, dimension=dimension)

    def _put_vectors(self, owner: Owner, index: str, ids: list[int], vectors: Any) -> int:
        return owner.vectors(index).insert_batch(zip(ids, vectors, strict=True))

    def _search_vectors(self, owner: Owner, index: str, query: Any, k: int) -> list[tuple[Any, float]]:
        return owner.vectors(index).search(query, k)

    def _count_vectors(self, owner: Owner, index: str) -> int:
        return owner.vectors(index).count()

    _make_index, _put_index, _search_index = _make_vectors, _put_vectors, _search_vectors

    # Namespaces.

    def _ns_put(self, owner: Owner, namespace: str, key: str, value: bytes) -> None:
        owner.namespace(namespace).put(key, value)

    def _ns_get(self, owner: Owner, namespace: str, key: str) -> bytes | None:
        return owner.namespace(namespace).get(key)

    def _ns_delete(self, owner: Owner, namespace: str, key: str) -> None:
        owner.namespace(namespace).delete(key)

    def _ns_scan(self, owner: Owner, namespace: str, prefix: str) -> list[tuple[str, bytes]]:
        found = owner.namespace(namespace).scan_prefix_unchecked(prefix)
        return [(key.decode(), value) for key, value in found]

    # The database as a whole.

    def _put_ttl(self, owner: Owner, key: bytes, value: bytes, seconds: float) -> None:
        owner.put(key, value, ttl_seconds=seconds)

    def _verify_backup(self, owner: Database, directory: str) -> bool:
        owner.verify_backup(directory)
        return True

    def _set_compression(self, owner: Database, codec: str) -> None:
        owner.compression = codec

    def _compression(self, owner: Database) -> str:
        return owner.compression

    def _stats_full(self, owner: Database) -> dict[str, Any]:
        return {name: figure for name, figure in owner.stats().items() if not isinstance(figure, str)}

    def _drop_log(self, owner: Database) -> None:
        owner.checkpoint()

    # What a documentation can promise.

    def _begin_at(self, owner: Database, level: str) -> Transaction:
        return owner.transaction(isolation=_LEVELS[level])

    def _start_ts(self, owner: Transaction) -> int | None:
        return owner.start_ts

    def _isolation(self, owner: Transaction) -> str:
        return owner.isolation.name.lower().replace("_", " ")

    def script(self, name: str, arguments: tuple[Any, ...], within: str = "") -> str:
        """There is none: what fails here is a mutant, and its command repeats it. Raises Lacking."""
        raise Lacking("the engine's own calls are not written as programs; the command repeats the check")


# Calls that have another name on the engine.
_SAME: Final = {"scan_unchecked": "scan_prefix_unchecked", "put_path": "put", "get_path": "get"}
_LEVELS: Final = {
    "serializable": IsolationLevel.SERIALIZABLE,
    "snapshot": IsolationLevel.SNAPSHOT,
    "read committed": IsolationLevel.READ_COMMITTED,
}


@contextmanager
def _translated() -> Iterator[None]:
    """The engine's typed errors as refusals, all others as they are."""
    try:
        yield
    except Exception as error:
        for kind, why in _WHYS:
            if isinstance(error, kind):
                raise Refused(why, f"{type(error).__name__}: {error}") from error
        raise
