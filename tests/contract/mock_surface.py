"""A correct database for the contract suite's sections E to P, in plain Python: whatever fails on it is our mistake.

One version of all rows is one dictionary, which a commit replaces and never changes: a snapshot is a reference. Keys
are durable by a log; the other models live in memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from mock_surface_log import CODECS, Row, framed, frames, rows_of
from mock_surface_models import Cache, Graph, Index, Temporal

from harness.expressions import written
from harness.surface import CALLS, DOCUMENTED, Refused
from harness.target import Capabilities

__all__ = ["CLOCK", "MockSurface", "MockTarget", "MockTransaction"]

LEVELS = ("serializable", "snapshot", "read committed")
Value = tuple[bytes, float]  # and the time of its end, or 0


class Clock:
    """Seconds that a test can let pass without waiting."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return time.monotonic() + self.passed


CLOCK = Clock()


class MockTarget:
    """The target whose surface this is; it has no sessions.

    It can lack one call of CALLS, and one name of DOCUMENTED may be missing in its documentation.
    """

    def __init__(self, lack: str = "", undocumented: str = "") -> None:
        self.name, self.version, self.settings = "mock", "1", {}
        self.levels = {"serializable": "strict-serializable"}
        self.capabilities = Capabilities(kinds=frozenset(), steps=True, native=False)
        self._lack = lack
        self._undocumented = undocumented

    def surface(self) -> MockSurface:
        surface = MockSurface()
        if self._lack:
            surface.lacking[self._lack] = f"the mock lacks {self._lack}"
        surface.documented.pop(self._undocumented, None)
        return surface

    def open(self) -> None:
        raise NotImplementedError

    def session(self, level: str) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class MockTransaction:
    """Reads of one snapshot, or of what is newest, and buffered writes."""

    def __init__(self, db: MockSurface, level: str) -> None:
        self.db = db
        self.level = level
        self.snapshot, self.number = db.rows, db.number
        self.reads: set[bytes] = set()
        self.writes: dict[bytes, Value | None] = {}
        self.scanned = False
        self.ended = False

    def seen(self) -> dict[bytes, Value]:
        return self.db.rows if self.level == "read committed" else self.snapshot

    def put(self, key: bytes, value: bytes) -> None:
        self.writes[key] = (value, 0.0)

    def put_ttl(self, key: bytes, value: bytes, seconds: float) -> None:
        self.writes[key] = (value, CLOCK.now() + seconds)

    def delete(self, key: bytes) -> None:
        self.writes[key] = None

    def get(self, key: bytes) -> bytes | None:
        self.reads.add(key)
        stored = self.writes[key] if key in self.writes else self.seen().get(key)
        return stored[0] if stored is not None and alive(stored) else None

    def exists(self, key: bytes) -> bool:
        return self.get(key) is not None

    def scan(self, start: bytes, end: bytes) -> list[tuple[bytes, bytes]]:
        return [(key, value) for key, value in self.scan_unchecked(b"") if start <= key < end]

    def scan_prefix(self, prefix: bytes) -> list[tuple[bytes, bytes]]:
        if len(prefix) < 2:
            raise Refused("argument", "a prefix has two bytes or more")
        return self.scan_unchecked(prefix)

    def scan_unchecked(self, prefix: bytes) -> list[tuple[bytes, bytes]]:
        self.scanned = True
        rows = sorted({**self.seen(), **self.writes}.items())
        return [(key, one[0]) for key, one in rows if key.startswith(prefix) and one is not None and alive(one)]

    def start_ts(self) -> int:
        return self.number

    def isolation(self) -> str:
        return self.level

    def conflicts(self) -> bool:
        """Whether something that it relies on was written since its snapshot."""
        if self.level == "read committed":
            return False
        relied = self.writes.keys() | (self.reads if self.level == "serializable" else set())
        now = self.db.rows
        changed = any(self.snapshot.get(key) is not now.get(key) for key in relied)
        return bool(self.writes) and (changed or (self.scanned and now is not self.snapshot))


def alive(stored: Value) -> bool:
    return not stored[1] or CLOCK.now() < stored[1]


_WITHIN = {name for name in vars(MockTransaction) if name in CALLS}


class MockSurface:
    """A `harness.surface.Surface`."""

    def __init__(self) -> None:
        self.lacking = {
            name: "the mock has no such call" for name in CALLS if name not in _WITHIN and not hasattr(self, name)
        }
        self.documented = dict.fromkeys(DOCUMENTED, "the mock's documentation")
        self.rows: dict[bytes, Value] = {}
        self.number = 0
        self.codec = "none"
        self.mutex = threading.RLock()
        self.closed = True

    # Opening, closing, and the log.

    def open(self, path: str) -> None:
        if "\0" in path:
            raise Refused("argument", "there is a NUL in the path")
        self.place = Path(path)
        self.place.mkdir(parents=True, exist_ok=True)
        if not os.stat(path).st_mode & 0o200:
            raise Refused("permission", "the directory is read-only")
        self.lock()
        self.rows, self.number, self.checkpointed = {}, 0, 0
        try:
            for name in ("snapshot", "log"):
                if (self.place / name).exists():
                    self.recover(self.place / name)
        except BaseException:
            self.lock_file.close()
            raise
        self.closed = False
        self.log = (self.place / "log").open("ab", buffering=0)
        self.graphs: dict[str, Graph] = defaultdict(Graph)
        self.temporals: dict[str, Temporal] = defaultdict(Temporal)
        self.caches: dict[str, Cache] = defaultdict(lambda: Cache(CLOCK.now))
        self.indexes: dict[str, Index] = {}
        self.paths: dict[str, bytes] = {}
        self.spaces: dict[str, dict[str, bytes]] = defaultdict(dict)

    def lock(self) -> None:
        self.lock_file = (self.place / "lock").open("w")
        try:
            fcntl.flock(self.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.lock_file.close()
            raise Refused("locked", "another one has it open") from error

    def recover(self, file: Path) -> None:
        """What the file has, and its torn tail cut off."""
        found = list(self.frames(file.read_bytes()))
        for _, body in found:
            self.number += 1
            self.apply(rows_of(body))
        os.truncate(file, found[-1][0] if found else 0)

    def frames(self, data: bytes) -> Any:
        return frames(data)

    def apply(self, rows: list[Row]) -> None:
        now = dict(self.rows)
        for key, value, until in rows:
            if value is None:
                now.pop(key, None)
            else:
                now[key] = (value, until)
        self.rows = now

    def append(self, rows: list[Row]) -> None:
        self.log.write(framed(rows, self.codec))

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.log.close()
            self.lock_file.close()

    # Transactions.

    def begin(self) -> MockTransaction:
        return self.begin_at("serializable")

    def begin_at(self, level: str) -> MockTransaction:
        self.check_open()
        if level not in LEVELS:
            raise Refused("argument", f"no level {level}")
        return MockTransaction(self, level)

    def begin_transaction(self) -> MockTransaction:
        return self.begin()

    def with_transaction(self, work: Any) -> Any:
        transaction = self.begin()
        try:
            result = work(transaction)
        except BaseException:
            self.abort(transaction)
            raise
        self.commit(transaction)
        return result

    def commit(self, transaction: MockTransaction) -> int:
        self.check_open()
        self.check_running(transaction)
        with self.mutex:
            transaction.ended = True
            if transaction.conflicts():
                raise Refused("conflict", "another transaction was first")
            if transaction.writes:
                rows = [(key, *(one or (None, 0.0))) for key, one in transaction.writes.items()]
                self.append(rows)
                self.apply(rows)
                self.number += 1
            return self.number

    def abort(self, transaction: MockTransaction) -> None:
        self.check_open()
        self.check_running(transaction)
        transaction.ended = True

    def check_open(self) -> None:
        if self.closed:
            raise Refused("closed", "the database is closed")

    def check_running(self, transaction: MockTransaction) -> None:
        if transaction.ended:
            raise Refused("ended", "the transaction has ended")

    def call(self, name: str, *arguments: Any, within: MockTransaction | None = None) -> Any:
        self.check_open()
        if within is not None:
            self.check_running(within)
            return getattr(within, name)(*arguments)
        if name not in _WITHIN:
            return getattr(self, name)(*arguments)
        with self.mutex:
            transaction = self.begin()
            result = getattr(transaction, name)(*arguments)
            self.commit(transaction)
        return result

    def script(self, name: str, arguments: tuple[Any, ...], within: str = "") -> str:
        return f"{within or 'db'}.{name}({', '.join(map(written, arguments))})"

    # Batches, paths, namespaces.

    def put_batch(self, pairs: list[tuple[bytes, bytes]]) -> int:
        transaction = self.begin()
        for key, value in pairs:
            transaction.put(key, value)
        self.commit(transaction)
        return len(pairs)

    def get_batch(self, keys: list[bytes]) -> list[bytes | None]:
        transaction = self.begin()
        return [transaction.get(key) for key in keys]

    def delete_batch(self, keys: list[bytes]) -> int:
        transaction = self.begin()
        there = sum(transaction.exists(key) for key in keys)
        for key in keys:
            transaction.delete(key)
        self.commit(transaction)
        return there

    def put_path(self, path: str, value: bytes) -> None:
        self.paths[path] = value

    def get_path(self, path: str) -> bytes | None:
        return self.paths.get(path)

    def ns_put(self, space: str, key: str, value: bytes) -> None:
        self.spaces[space][key] = value

    def ns_get(self, space: str, key: str) -> bytes | None:
        return self.spaces[space].get(key)

    def ns_delete(self, space: str, key: str) -> None:
        self.spaces[space].pop(key, None)

    def ns_scan(self, space: str, prefix: str) -> list[tuple[str, bytes]]:
        return [(key, value) for key, value in sorted(self.spaces[space].items()) if key.startswith(prefix)]

    # Graphs, caches, vectors.

    def add_node(self, graph: str, one: str, properties: dict) -> None:
        self.graphs[graph].add_node(one, properties)

    def add_edge(self, graph: str, source: str, kind: str, target: str) -> None:
        self.graphs[graph].add_edge(source, kind, target)

    def delete_node(self, graph: str, one: str) -> None:
        self.graphs[graph].delete_node(one)

    def delete_edge(self, graph: str, source: str, kind: str, target: str) -> None:
        self.graphs[graph].delete_edge(source, kind, target)

    def traverse(self, graph: str, start: str, depth: int) -> Any:
        return self.graphs[graph].traverse(start, depth)

    def path(self, graph: str, source: str, target: str) -> list[str] | None:
        return self.graphs[graph].path(source, target)

    def add_temporal_edge(self, graph: str, source: str, kind: str, target: str, since: int, until: int) -> None:
        self.temporals[graph].add(source, kind, target, since, until)

    def temporal_edges(self, graph: str, source: str, at: int) -> list[tuple[str, str]]:
        return self.temporals[graph].at(source, at)

    def cache_put(self, cache: str, key: str, text: str, embedding: list[float], seconds: float) -> None:
        self.caches[cache].put(key, text, embedding, seconds)

    def cache_get(self, cache: str, embedding: list[float], threshold: float) -> str | None:
        return self.caches[cache].get(embedding, threshold)

    def cache_delete(self, cache: str, key: str) -> None:
        self.caches[cache].entries.pop(key, None)

    def cache_clear(self, cache: str) -> int:
        return self.caches[cache].clear()

    def cache_stats(self, cache: str) -> dict[str, int]:
        return {"entries": len(self.caches[cache].entries)}

    def make_vectors(self, index: str, dimension: int) -> None:
        self.indexes[index] = Index(dimension)

    def put_vectors(self, index: str, ids: list[int], vectors: Any) -> int:
        return self.indexes[index].put(ids, vectors)

    def search_vectors(self, index: str, query: Any, k: int) -> list[tuple[int, float]]:
        return self.indexes[index].search(query, k)

    def count_vectors(self, index: str) -> int:
        return len(self.indexes[index].vectors)

    def make_index(self, index: str, dimension: int) -> None:
        self.indexes[f"index {index}"] = Index(dimension)

    def put_index(self, index: str, ids: list[int], vectors: Any) -> None:
        self.indexes[f"index {index}"].put(ids, vectors)

    def search_index(self, index: str, query: Any, k: int) -> list[tuple[int, float]]:
        return self.indexes[f"index {index}"].search(query, k)

    # Statistics, checkpoints, compression, backups.

    def stats(self) -> dict[str, int]:
        return {"keys": sum(alive(one) for one in self.rows.values())}

    def stats_full(self) -> dict[str, float]:
        return {"commits": self.number, "log bytes": (self.place / "log").stat().st_size, "uptime": 1.5}

    def checkpoint(self) -> int:
        with self.mutex:
            self.write("snapshot")
            self.checkpointed = (self.place / "log").stat().st_size
            return self.number

    def drop_log(self) -> None:
        with self.mutex:
            rest = (self.place / "log").read_bytes()[self.checkpointed :]
            (self.place / "log").write_bytes(rest)
            self.checkpointed = 0

    def write(self, name: str) -> None:
        """All rows in one file, which is there in full or not at all."""
        rows = [(key, *one) for key, one in self.rows.items()]
        (self.place / "new").write_bytes(framed(rows, self.codec))
        (self.place / "new").rename(self.place / name)

    def set_compression(self, codec: str) -> None:
        if codec not in CODECS:
            raise Refused("argument", f"no codec {codec}")
        self.codec = codec

    def compression(self) -> str:
        return self.codec

    def backup(self, directory: str) -> None:
        copy = Path(directory)
        copy.mkdir(parents=True)
        data = framed(self.rows_to_copy(), self.codec)
        (copy / "snapshot").write_bytes(data)
        (copy / "manifest").write_text(hashlib.sha256(data).hexdigest())

    def rows_to_copy(self) -> list[Row]:
        return [(key, *one) for key, one in self.rows.items()]

    def verify_backup(self, directory: str) -> bool:
        copy = Path(directory)
        return hashlib.sha256((copy / "snapshot").read_bytes()).hexdigest() == (copy / "manifest").read_text()

    def restore(self, directory: str, new: str) -> None:
        if not self.verify_backup(directory):
            raise Refused("damaged", "the backup is damaged")
        Path(new).mkdir(parents=True)
        (Path(new) / "snapshot").write_bytes((Path(directory) / "snapshot").read_bytes())
