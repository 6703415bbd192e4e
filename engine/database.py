"""The database: a directory (or memory) that is opened once, read and written by transactions.

A single call outside a transaction is a serializable transaction of its own; it is never refused.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import ClassVar, Final, TypeVar

from engine.clock import Clock, SystemClock
from engine.commit_log import CommitLog, Sync
from engine.errors import Conflict, InvalidPath
from engine.isolation import IsolationLevel
from engine.keys import KEY_LENGTH_MAX, Key, encode_bound, encode_key, encode_value, prefix_end
from engine.latch import Latches, Mutex, ThreadLatches
from engine.recovery import recover
from engine.store import Store
from engine.transaction import Transaction, checked_prefix, new_transaction
from engine.vfs import Lock, OsVfs, Vfs
from engine.wal import segment_names

__all__ = ["MEMORY", "RETRIES", "Database"]

MEMORY: Final = ":memory:"
RETRIES: Final = 100
_LOCK_NAME: Final = "LOCK"

Result = TypeVar("Result")


class Database:
    """An open database. Made by `Database.open`; all methods may be called from any thread."""

    store_class: ClassVar[type[Store]] = Store
    log_class: ClassVar[type[CommitLog]] = CommitLog

    def __init__(self, path: str, store: Store, log: CommitLog | None, lock: Lock | None, clock: Clock) -> None:
        """For `open`: takes over everything it is given."""
        self.path = path
        self._store = store
        self._log = log
        self._lock = lock
        self._clock = clock
        self._opened = clock.now()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] = MEMORY,
        sync: str = "full",
        *,
        vfs: Vfs | None = None,
        clock: Clock | None = None,
        latches: Latches | None = None,
    ) -> Database:
        """Open the database in the directory `path`, making it where it does not exist.

        ":memory:" without a `vfs` is a database without a log, gone when it is closed. `sync` says what an
        acknowledged commit survives: "full" power loss, "normal" the death of the process, "off" neither.

        Raises InvalidPath (nothing was created), Locked, Corrupt, ValueError for another `sync` or a log written
        by a newer engine, and OSError where the system refuses.
        """
        mode = _sync_mode(sync)
        place = os.fspath(path)
        latches = latches if latches is not None else ThreadLatches()
        clock = clock if clock is not None else SystemClock()
        mutex = latches.mutex("commit")
        if place == MEMORY and vfs is None:
            # Nobody could ever read its log again.
            return cls(place, cls.store_class(latches, mutex, None), None, None, clock)
        vfs = vfs if vfs is not None else OsVfs()
        _prepare_directory(vfs, place)
        lock = vfs.lock(posixpath.join(place, _LOCK_NAME))
        try:
            store, log = cls._recovered(vfs, place, mode, latches, mutex)
        except BaseException:
            lock.close()
            raise
        return cls(place, store, log, lock, clock)

    @classmethod
    def _recovered(
        cls, vfs: Vfs, directory: str, sync: Sync, latches: Latches, mutex: Mutex
    ) -> tuple[Store, CommitLog]:
        recovered = recover(vfs, directory)
        log = cls.log_class(vfs, directory, recovered, sync, latches, mutex, os.urandom(16))
        store = cls.store_class(latches, mutex, log, recovered.seq)
        store.load(recovered.newest)
        log.on_failure = store.poison
        return store, log

    def close(self) -> None:
        """Make everything safe, whatever the sync mode, and give up the directory. Closing twice is allowed.

        Transactions that are still open can only be aborted. Raises Poisoned where the log cannot be written.
        """
        newest = self._store.close()
        if newest is None:
            return
        try:
            if self._log is not None:
                self._log.close(newest)
        finally:
            if self._lock is not None:
                self._lock.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, key: Key) -> bytes | None:
        """The value of `key`, None where there is none."""
        if type(key) is not bytes or not 0 < len(key) <= KEY_LENGTH_MAX:
            key = encode_key(key)
        return self._store.read(key)

    def exists(self, key: Key) -> bool:
        """Whether `key` has a value."""
        return self._store.read(encode_key(key)) is not None

    def put(self, key: Key, value: bytes) -> None:
        """Store `value` at `key`."""
        self._store.write({encode_key(key): encode_value(value)})

    def delete(self, key: Key) -> None:
        """Remove `key`. It is a write even where there is nothing to remove."""
        self._store.write({encode_key(key): None})

    def scan(self, start: Key = b"", end: Key | None = None) -> list[tuple[bytes, bytes]]:
        """All (key, value) pairs with start <= key < end, in key order; `end` None: to the last key."""
        return self._store.read_range(encode_bound(start), None if end is None else encode_bound(end))

    def scan_prefix(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """All pairs whose key starts with `prefix`, in key order. Raises InvalidKey for one under 2 bytes."""
        return self.scan_prefix_unchecked(checked_prefix(prefix))

    def scan_prefix_unchecked(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """As `scan_prefix` with a prefix of any length; b"" is everything."""
        start = encode_bound(prefix)
        return self._store.read_range(start, prefix_end(start))

    def put_batch(self, pairs: Iterable[tuple[Key, bytes]]) -> int:
        """Put all pairs in one transaction, the last one winning where a key comes twice; returns their number."""
        writes: dict[bytes, bytes | None] = {}
        count = 0
        for key, value in pairs:
            if type(key) is not bytes or not 0 < len(key) <= KEY_LENGTH_MAX:
                key = encode_key(key)  # noqa: PLW2901
            writes[key] = value if type(value) is bytes else encode_value(value)
            count += 1
        if writes:
            self._store.write(writes)
        return count

    def get_batch(self, keys: Iterable[Key]) -> list[bytes | None]:
        """The values of `keys` in their order and at one moment, None for those that have none."""
        return self._store.read_many([encode_key(key) for key in keys])

    def delete_batch(self, keys: Iterable[Key]) -> int:
        """Delete all of `keys` in one transaction; returns how many of them had a value."""
        encoded = [encode_key(key) for key in keys]
        return self.with_transaction(lambda transaction: transaction.delete_batch(encoded)) if encoded else 0

    def begin_transaction(
        self, isolation: IsolationLevel = IsolationLevel.SERIALIZABLE, *, read_only: bool = False
    ) -> Transaction:
        """A new transaction; its snapshot is taken at its first operation. The same as `transaction`."""
        self._store.refuse_unusable()
        return new_transaction(self._store, isolation, read_only)

    def transaction(
        self, isolation: IsolationLevel = IsolationLevel.SERIALIZABLE, *, read_only: bool = False
    ) -> Transaction:
        """A new transaction, to be used as a context manager or ended by `commit` or `abort`."""
        return self.begin_transaction(isolation, read_only=read_only)

    def with_transaction(
        self,
        work: Callable[[Transaction], Result],
        retries: int = RETRIES,
        *,
        isolation: IsolationLevel = IsolationLevel.SERIALIZABLE,
        read_only: bool = False,
    ) -> Result:
        """Run `work` in a transaction: commit when it returns, abort when it raises, again after a conflict.

        Returns what `work` returned. After `retries` conflicts beyond the first attempt the last Conflict is raised.
        """
        for left in range(retries, -1, -1):
            transaction = self.begin_transaction(isolation, read_only=read_only)
            try:
                with transaction:
                    return work(transaction)
            except Conflict:
                if left == 0:
                    raise
        raise ValueError(f"retries is at least 0, not {retries}")

    def stats(self) -> dict[str, int | float | str]:
        """What there is and what happened since it was opened, counted.

        keys: with a value. versions: in memory, deletions included. active: transactions that hold a snapshot.
        remembered: what running transactions are judged by. newest: the newest commit's number. commits: with or
        without writes; conflicts: refused ones. flushes, syncs, log_bytes: of the log. open_seconds: by the clock.
        """
        store, log = self._store, self._log
        store.refuse_unusable()
        return {
            "keys": store.index.live_count,
            "versions": sum(1 for _ in store.index.every_version()),
            "active": store.active_count(),
            "remembered": store.rule.remembered(),
            "newest": store.seq,
            "commits": store.commit_count,
            "conflicts": store.conflict_count,
            "flushes": 0 if log is None else log.flush_count,
            "syncs": 0 if log is None else log.sync_count,
            "log_bytes": 0 if log is None else log.byte_count,
            "open_seconds": self._clock.now() - self._opened,
        }

    def _check(self) -> None:
        """Assert every invariant of what is in memory. For tests: walks everything."""
        self._store._check()


def _sync_mode(sync: str) -> Sync:
    try:
        return Sync(sync)
    except ValueError:
        raise ValueError(f'sync is "full", "normal" or "off", not {sync!r}') from None


def _prepare_directory(vfs: Vfs, path: str) -> None:
    """Make the directory and those above it, each name durable before it is used."""
    if not path or "\0" in path:
        raise InvalidPath("the path is empty or contains a NUL character")
    missing = []
    place = path.rstrip("/") or "/"
    while place and not vfs.is_directory(place):
        if vfs.is_file(place):
            raise InvalidPath(f"{place!r} is a file, a database is a directory")
        missing.append(place)
        place = posixpath.dirname(place)
    for place in reversed(missing):
        _make_directory(vfs, place)
    if not missing and not segment_names(vfs.names(path)):
        # Whoever made this directory may have died before its name was durable.
        vfs.sync_directory(posixpath.dirname(path.rstrip("/")) or ".")


def _make_directory(vfs: Vfs, path: str) -> None:
    try:
        vfs.make_directory(path)
    except FileExistsError:
        if not vfs.is_directory(path):  # Otherwise somebody else made it at the same moment.
            raise InvalidPath(f"{path!r} is a file, a database is a directory") from None
    except FileNotFoundError as error:
        raise InvalidPath(f"{path!r} cannot be made: {error.strerror}") from error
    vfs.sync_directory(posixpath.dirname(path) or ".")
