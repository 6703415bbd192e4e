"""The engine and its peers behind the same few calls, each written as its own Python API wants to be used.

`durable` False: a commit is with the operating system when it returns. True: it is on the disk.

    engine  sync="normal" / "full"             lmdb    sync=False / True, one writer at a time by its lock
    sqlite  WAL, synchronous=NORMAL / FULL     sochdb  sync_mode normal / full; a conflict raises, and is tried again
"""

from __future__ import annotations

import importlib.metadata
import sqlite3
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from engine import Database
from engine import __version__ as engine_version

__all__ = ["STORES", "EngineStore", "Pair", "Store", "Vectors", "versions"]

Pair = tuple[bytes, bytes]
Vectors = npt.NDArray[np.float32]

_MAP_BYTES = 2 << 30  # lmdb wants its largest size in advance; the file is sparse


class Store(Protocol):
    """A key-value store in a directory of its own, that exists."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None: ...

    def session(self) -> Store:
        """A handle for one more thread; closed with the store."""
        ...

    def put(self, key: bytes, value: bytes) -> None:
        """One put, committed."""
        ...

    def put_all(self, pairs: list[Pair]) -> None:
        """All pairs in one commit, by the call made for that."""
        ...

    def get(self, key: bytes) -> bytes | None:
        """One get in a transaction of its own."""
        ...

    def get_each(self, keys: list[bytes]) -> list[bytes | None]:
        """One get a key, all in one transaction."""
        ...

    def scan(self, prefix: bytes) -> list[Pair]:
        """All pairs whose key starts with `prefix`, in key order."""
        ...

    def move(self, source: bytes, target: bytes) -> None:
        """One from the number at `source` to that at `target`: a serializable transaction."""
        ...

    def increment(self, key: bytes) -> bool:
        """Add one to the number at `key`; False where the store refused and nothing should have happened."""
        ...

    def put_vectors(self, vectors: Vectors) -> None:
        """Index vectors, numbered by their rows, by the call made for many. Only of stores that have vectors."""
        ...

    def nearest(self, query: Vectors, k: int) -> list[int]:
        """The numbers of the k vectors nearest to one, nearest first."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class EngineStore:
    """Ours."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self._database = Database.open(directory, sync="full" if durable else "normal")
        self.put, self.get = self._database.put, self._database.get

    def session(self) -> EngineStore:
        return self

    def put_all(self, pairs: list[Pair]) -> None:
        self._database.put_batch(pairs)

    def get_each(self, keys: list[bytes]) -> list[bytes | None]:
        with self._database.transaction() as transaction:
            return [transaction.get(key) for key in keys]

    def scan(self, prefix: bytes) -> list[Pair]:
        return self._database.scan_prefix(prefix)

    def move(self, source: bytes, target: bytes) -> None:
        with self._database.transaction() as transaction:
            _move_one(transaction, source, target)

    def increment(self, key: bytes) -> bool:
        self._database.with_transaction(lambda transaction: _add_one(transaction, key))
        return True

    def put_vectors(self, vectors: Vectors) -> None:
        self._database.vectors("vectors", metric="l2").insert_batch(enumerate(vectors))

    def nearest(self, query: Vectors, k: int) -> list[int]:
        return [number for number, _ in self._database.vectors("vectors", metric="l2").search(query, k)]

    def close(self) -> None:
        self._database.close()


class LmdbStore:
    """LMDB: a memory-mapped tree, one writer at a time."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        import lmdb

        self._environment = lmdb.open(str(directory), map_size=_MAP_BYTES, sync=durable)

    def session(self) -> LmdbStore:
        return self

    def put(self, key: bytes, value: bytes) -> None:
        with self._environment.begin(write=True) as transaction:
            transaction.put(key, value)

    def put_all(self, pairs: list[Pair]) -> None:
        with self._environment.begin(write=True) as transaction, transaction.cursor() as cursor:
            cursor.putmulti(pairs)

    def get(self, key: bytes) -> bytes | None:
        with self._environment.begin() as transaction:
            return transaction.get(key)

    def get_each(self, keys: list[bytes]) -> list[bytes | None]:
        with self._environment.begin() as transaction:
            return [transaction.get(key) for key in keys]

    def scan(self, prefix: bytes) -> list[Pair]:
        # All keys of the benchmark have one prefix: the plain iterator, which is the fastest way there is.
        with self._environment.begin() as transaction, transaction.cursor() as cursor:
            return list(cursor) if cursor.set_range(prefix) else []

    def move(self, source: bytes, target: bytes) -> None:
        with self._environment.begin(write=True) as transaction:
            _move_one(transaction, source, target)

    def increment(self, key: bytes) -> bool:
        with self._environment.begin(write=True) as transaction:
            _add_one(transaction, key)
        return True

    def close(self) -> None:
        self._environment.close()


class SqliteStore:
    """SQLite with a write-ahead log; a connection for each thread."""

    _GET: ClassVar = "SELECT value FROM pairs WHERE key = ?"
    _PUT: ClassVar = "INSERT OR REPLACE INTO pairs VALUES (?, ?)"

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self._directory, self._durable = directory, durable
        self._sessions: list[SqliteStore] = []
        self._connection = sqlite3.connect(
            directory / "pairs.db", timeout=600, isolation_level=None, check_same_thread=False
        )
        self._run = self._connection.execute
        self._run("PRAGMA journal_mode = WAL")
        self._run(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._run("CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def session(self) -> SqliteStore:
        self._sessions.append(SqliteStore(self._directory, durable=self._durable))
        return self._sessions[-1]

    def put(self, key: bytes, value: bytes) -> None:
        self._run(self._PUT, (key, value))

    def put_all(self, pairs: list[Pair]) -> None:
        self._run("BEGIN IMMEDIATE")
        self._connection.executemany(self._PUT, pairs)
        self._run("COMMIT")

    def get(self, key: bytes) -> bytes | None:
        row = self._run(self._GET, (key,)).fetchone()
        return None if row is None else row[0]

    def get_each(self, keys: list[bytes]) -> list[bytes | None]:
        self._run("BEGIN")
        values = [self.get(key) for key in keys]
        self._run("COMMIT")
        return values

    def scan(self, prefix: bytes) -> list[Pair]:
        return self._run("SELECT key, value FROM pairs WHERE key >= ? ORDER BY key", (prefix,)).fetchall()

    def move(self, source: bytes, target: bytes) -> None:
        self._run("BEGIN IMMEDIATE")
        _move_one(self, source, target)
        self._run("COMMIT")

    def increment(self, key: bytes) -> bool:
        self._run("BEGIN IMMEDIATE")
        _add_one(self, key)
        self._run("COMMIT")
        return True

    def close(self) -> None:
        for session in self._sessions:
            session.close()
        self._connection.close()


class SochdbStore:
    """SochDB through its Python SDK. Its `scan_batched` takes half of `scan_prefix`, which it recommends."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        import sochdb

        self._error = sochdb.SochDBError
        config = {"sync_mode": "full" if durable else "normal"}
        self._database: Any = sochdb.Database.open(str(directory), config=config)
        self.put, self.get, self.put_all = self._database.put, self._database.get, self._database.put_batch

    def session(self) -> SochdbStore:
        return self

    def get_each(self, keys: list[bytes]) -> list[bytes | None]:
        with self._database.transaction() as transaction:
            return [transaction.get(key) for key in keys]

    def scan(self, prefix: bytes) -> list[Pair]:
        return list(self._database.scan_prefix(prefix))

    def move(self, source: bytes, target: bytes) -> None:
        with self._database.transaction() as transaction:
            _move_one(transaction, source, target)

    def increment(self, key: bytes) -> bool:
        transaction = self._database.transaction()
        try:
            _add_one(transaction, key)
            transaction.commit()
        except self._error:
            transaction.abort()
            return False
        return True

    def put_vectors(self, vectors: Vectors) -> None:
        import sochdb

        self._index = sochdb.VectorIndex(dimension=vectors.shape[1])
        self._index.insert_batch(np.arange(len(vectors), dtype=np.uint64), vectors)

    def nearest(self, query: Vectors, k: int) -> list[int]:
        return [number for number, _ in self._index.search(query, k=k)]

    def close(self) -> None:
        self._database.close()


STORES: dict[str, type[Store]] = {
    "engine": EngineStore,
    "lmdb": LmdbStore,
    "sqlite": SqliteStore,
    "sochdb": SochdbStore,
}


def _move_one(transaction: Any, source: bytes, target: bytes) -> None:
    less, more = int(transaction.get(source) or 0) - 1, int(transaction.get(target) or 0) + 1
    transaction.put(source, b"%d" % less)
    transaction.put(target, b"%d" % more)


def _add_one(transaction: Any, key: bytes) -> None:
    transaction.put(key, b"%d" % (int(transaction.get(key) or 0) + 1))


def versions() -> dict[str, str | None]:
    """Each store's version, None where it is not installed."""
    return {
        "engine": engine_version,
        "lmdb": _installed("lmdb"),
        "sqlite": sqlite3.sqlite_version,
        "sochdb": _installed("sochdb"),
    }


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
