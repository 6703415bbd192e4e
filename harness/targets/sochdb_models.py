"""SochDB's data models beyond keys and values: each call as its SDK has it, results as harness.surface wants them.

Queues and vector indexes are objects of the SDK beside the database. One queue object is shared by all threads, as
its docstring intends; where a queue was not made with `make_queue`, it has the SDK's defaults.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import Any, Final, NamedTuple

from harness.surface import Claim, Refused, Traversal

__all__ = [
    "CODECS",
    "PRIORITY",
    "Models",
    "Use",
    "ack",
    "begin_at",
    "cache_get",
    "cache_put",
    "cache_stats",
    "compression",
    "dead_letters",
    "dequeue",
    "enqueue",
    "find_path",
    "isolation",
    "level_name",
    "make_queue",
    "make_vectors",
    "nack",
    "put_vectors",
    "queue_stats",
    "restore",
    "search_vectors",
    "set_compression",
    "stats",
    "temporal_edges",
    "traverse",
]

PRIORITY: Final = 1
_LISTED_MAX: Final = 1_000_000
# What harness.surface calls a codec, and what the SDK calls it.
CODECS: Final = {"zstd": "zstd_fast"}


class Models:
    """The queue objects and vector indexes of one surface, by name."""

    def __init__(self) -> None:
        self.vectors: dict[str, Any] = {}
        self._lock = Lock()
        self._configured: dict[str, Any] = {}
        self._queues: dict[str, Any] = {}

    def reopened(self) -> None:
        """The database has a new handle: queues are made anew on it as they were configured."""
        with self._lock:
            self._queues.clear()

    def configure(self, name: str, config: Any) -> None:
        """From now on, this queue has this configuration."""
        with self._lock:
            self._configured[name] = config
            self._queues.pop(name, None)

    def queue(self, driver: Any, database: Any, name: str) -> Any:
        """The queue of this name: one object for all threads, since that is what its lock works for."""
        with self._lock:
            if name not in self._queues:
                config = self._configured.get(name) or driver.QueueConfig(queue_id=name)
                self._queues[name] = driver.PriorityQueue(driver.FFIQueueBackend(database), config)
            return self._queues[name]


class Use(NamedTuple):
    """What a call works on: the SDK's module, the database, and the transaction or else the database again."""

    driver: Any
    db: Any
    on: Any
    models: Models

    def queue(self, name: str) -> Any:
        """The queue object of this name."""
        return self.models.queue(self.driver, self.db, name)


# Queues.


def make_queue(use: Use, name: str, visibility_s: float, attempts_max: int) -> None:
    """Configure a queue; its dead letters go to a queue of their own."""
    use.models.configure(
        name,
        use.driver.QueueConfig(
            queue_id=name,
            visibility_timeout_ms=round(visibility_s * 1000),
            max_attempts=attempts_max,
            dead_letter_queue_id=f"{name}-dead",
        ),
    )


def enqueue(use: Use, name: str, payload: bytes) -> Any:
    """All tasks have one priority, so that the first one in is the first one out."""
    return use.queue(name).enqueue(priority=PRIORITY, payload=payload).task_id


def dequeue(use: Use, name: str, worker: Any) -> Claim | None:
    """A task; its id is what `ack` and `nack` take."""
    task = use.queue(name).dequeue(worker_id=str(worker))
    return None if task is None else Claim(task.task_id, task.payload, task.attempts, task.task_id)


def ack(use: Use, name: str, receipt: Any) -> None:
    """False is the SDK's word for a task that is not there to be acknowledged."""
    if not use.queue(name).ack(receipt):
        raise Refused("stale", "ack returned False")


def nack(use: Use, name: str, receipt: Any) -> None:
    """False may mean that the task is not there, or that it became a dead letter: both are no refusal."""
    use.queue(name).nack(receipt)


def dead_letters(use: Use, name: str) -> list[Any]:
    """The tasks of the queue of dead letters, as the README reads them."""
    dead = use.driver.PriorityQueue.from_database(use.db, f"{name}-dead")
    return [task.task_id for task in dead.list_tasks(limit=_LISTED_MAX)]


def queue_stats(use: Use, name: str) -> dict[str, int]:
    """How many tasks wait, are claimed, and are dead letters."""
    found = use.queue(name).stats()
    return {"ready": found.pending, "claimed": found.inflight, "dead": len(dead_letters(use, name))}


# Graphs.


def traverse(use: Use, graph: str, start: str, depth: int) -> Traversal:
    """Nodes by id; of an edge given twice, both are shown."""
    nodes, edges = use.db.traverse(graph, start, max_depth=depth)
    return Traversal(
        {node["id"]: node["properties"] for node in nodes},
        sorted((edge["from_id"], edge["edge_type"], edge["to_id"]) for edge in edges),
    )


def find_path(use: Use, graph: str, source: str, target: str) -> list[str] | None:
    """The ids on the way."""
    found = use.db.find_path(source, target, namespace=graph)
    return None if found is None else list(found["path"])


def temporal_edges(use: Use, graph: str, source: str, at: int) -> list[tuple[str, str]]:
    """What is valid at a time. Times are numbers to SochDB: nothing here asks for those of now."""
    edges = use.db.query_temporal_graph(graph, source, mode="POINT_IN_TIME", timestamp=at)
    return sorted((edge["edge_type"], edge["to_id"]) for edge in edges)


# Cache and vectors.


def cache_put(use: Use, cache: str, key: str, text: str, embedding: Any, seconds: float) -> None:
    """An embedding is a list of floats to the SDK."""
    use.db.cache_put(cache, key, text, _floats(embedding), ttl_seconds=seconds)


def cache_get(use: Use, cache: str, embedding: Any, threshold: float) -> str | None:
    """The text of the best match."""
    found: str | None = use.db.cache_get(cache, _floats(embedding), threshold)
    return found


def cache_stats(use: Use, cache: str) -> dict[str, Any]:
    """The entries that can still be found, and what else it tells."""
    found = use.db.cache_stats(cache)
    return {"entries": found["active_entries"], **found}


def make_vectors(use: Use, index: str, dimension: int) -> None:
    """A stand-alone index: it is in memory, beside the database."""
    use.models.vectors[index] = use.driver.VectorIndex(dimension=dimension)


def put_vectors(use: Use, index: str, ids: Any, vectors: Any) -> int:
    """The batch call, since that is the one that the README times."""
    import numpy as np

    rows = np.asarray(vectors, dtype=np.float32)
    return int(use.models.vectors[index].insert_batch(np.asarray(ids, dtype=np.uint64), rows))


def search_vectors(use: Use, index: str, query: Any, k: int) -> list[tuple[int, float]]:
    """Nearest first; the distance is one minus the cosine."""
    import numpy as np

    return list(use.models.vectors[index].search(np.asarray(query, dtype=np.float32), k))


def _floats(vector: Any) -> list[float]:
    return [float(one) for one in vector]


# Administration.


def restore(use: Use, backup: str, directory: str) -> None:
    """Into a new database, which shows what was restored when it is opened again."""
    restored = use.driver.Database.open(directory)
    try:
        restored.backup_restore(backup)
    finally:
        restored.close()


def set_compression(use: Use, codec: str) -> None:
    """zstd has two names in the SDK; a name that it does not know is passed on."""
    use.db.set_compression(CODECS.get(codec, codec))


def compression(use: Use) -> str:
    """The codec's name, zstd without its speed."""
    name = str(use.db.get_compression())
    return next((ours for ours, theirs in CODECS.items() if theirs == name), name)


def stats(use: Use) -> dict[str, Any]:
    """What it tells, with its number of keys as `keys`."""
    found = dict(use.db.stats())
    with suppress(KeyError):
        found["keys"] = found.pop("keys_count")
    return found


def isolation(use: Use) -> str:
    """The README shows a text; the SDK has an enumeration."""
    level = use.on.isolation
    return str(getattr(level, "value", level)).lower()


def begin_at(use: Use, level: str) -> Any:
    """As the README shows it."""
    return use.db.transaction(isolation=use.driver.IsolationLevel[level_name(level)])


def level_name(level: str) -> str:
    """The level as the SDK's enumeration names it."""
    return level.upper().replace(" ", "_")
