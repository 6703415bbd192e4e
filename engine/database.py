"""The database: a directory (or memory) that is opened once, read and written by transactions.

A single call outside a transaction is a serializable transaction of its own. It is never refused, but for
`delete_batch`, which reads before it writes: where others keep on writing its keys, it gives up in the end.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import ClassVar, Final, TypeVar

from engine.backup import Backup, restore_backup, verify_backup, write_backup
from engine.clock import Clock, SystemClock
from engine.codec import NO_CODEC, codec_named
from engine.commit_log import CommitLog, Sync
from engine.errors import Conflict
from engine.files import LOCK_NAME, Files
from engine.index import Expiring, Writes
from engine.isolation import IsolationLevel
from engine.keys import (
    KEY_LENGTH_MAX,
    RESERVED,
    Key,
    checked_limit,
    checked_prefix,
    encode_bound,
    encode_end,
    encode_key,
    encode_value,
    moment_after,
    prefix_end,
)
from engine.latch import Latches, ThreadLatches
from engine.models.views import Views
from engine.place import checked_path, make_place
from engine.recovery import Recovery
from engine.salvage import Salvaged, salvage
from engine.store import Store
from engine.transaction import ReadCommittedTransaction, Transaction
from engine.vfs import OsVfs, Vfs

__all__ = ["MEMORY", "RETRIES", "Database"]

MEMORY: Final = ":memory:"
RETRIES: Final = 100
CHECKPOINT_LENGTH: Final = 256 << 20  # bytes

Result = TypeVar("Result")


class Database(Views):
    """An open database. Made by `Database.open`; all methods may be called from any thread."""

    store_class: ClassVar[type[Store]] = Store
    log_class: ClassVar[type[CommitLog]] = CommitLog
    recovery_class: ClassVar[type[Recovery]] = Recovery
    transaction_class: ClassVar[type[Transaction]] = Transaction

    def __init__(self, path: str, store: Store, files: Files | None, clock: Clock) -> None:
        """For `open`: takes over everything it is given."""
        self.path = path
        self._store = store
        self._files = files
        self._clock = clock
        self._opened = clock.now()
        self._codec = NO_CODEC

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] = MEMORY,
        sync: str = "full",
        *,
        checkpoint_length: int = CHECKPOINT_LENGTH,
        vfs: Vfs | None = None,
        clock: Clock | None = None,
        latches: Latches | None = None,
    ) -> Database:
        """Open the database in the directory `path`, making it where it does not exist.

        ":memory:" without a `vfs` is a database without a log, gone when it is closed. `sync` says what an
        acknowledged commit survives: "full" power loss, "normal" the death of the process, "off" neither.

        A checkpoint is made whenever the log is longer than `checkpoint_length` bytes, and than the last one; with 0
        only when `checkpoint` is called.

        Raises InvalidPath (nothing was created), Locked, Corrupt, NewerFormat, ValueError for another `sync` or
        a `checkpoint_length` that is none, and OSError where the system refuses.
        """
        mode = _sync_mode(sync)
        if isinstance(checkpoint_length, bool) or not isinstance(checkpoint_length, int) or checkpoint_length < 0:
            raise ValueError(f"checkpoint_length is a number of bytes, 0 or more, not {checkpoint_length!r}")
        place = checked_path(path)
        latches = latches if latches is not None else ThreadLatches()
        clock = clock if clock is not None else SystemClock()
        mutex = latches.mutex("commit")
        if place == MEMORY and vfs is None:
            # Nobody could ever read its log again.
            return cls(place, cls.store_class(latches, mutex, clock, None), None, clock)
        if vfs is None:
            vfs, place = OsVfs(), os.path.abspath(place)  # The process may change its directory.
        make_place(vfs, place)
        lock = vfs.lock(posixpath.join(place, LOCK_NAME))
        try:
            recovered = cls.recovery_class(vfs, place).run()
            log = cls.log_class(vfs, place, recovered, mode, latches, mutex, os.urandom(16))
            store = cls.store_class(latches, mutex, clock, log, recovered.seq)
            store.load(recovered.newest)
        except BaseException:
            lock.close()
            raise
        log.on_failure = store.poison
        files = Files(vfs, place, lock, log, latches, recovered.checkpoint_seq, checkpoint_length)
        files.keep_the_log_short(store)
        return cls(place, store, files, clock)

    def close(self) -> None:
        """Make everything safe, whatever the sync mode, and give up the directory. Closing twice is allowed.

        Transactions that are still open can only be aborted. Raises Poisoned where something that was acknowledged
        may not be safe.
        """
        newest = self._store.close()
        if self._files is not None:
            self._files.close(newest)

    @property
    def compression(self) -> str:
        """How what is written from now on is compressed: "none", "lz4", "zstd" or "zlib". May be set at any time.

        It concerns the log, checkpoints and backups; what was written before stays readable. Setting another name
        raises ValueError.
        """
        return self._codec.name

    @compression.setter
    def compression(self, name: str) -> None:
        self._codec = codec_named(name)
        if self._files is not None:
            self._files.log.codec = self._codec

    def checkpoint(self) -> int:
        """Write the whole state beside the log and drop what the log no longer needs; returns its newest commit.

        Others read and commit meanwhile. It is also done without asking, see `open`. In memory there is nothing to
        do. Nothing is lost where it fails: OSError where the checkpoint cannot be written, Poisoned where the log
        cannot.
        """
        if self._files is None:
            return self._store.newest()
        self._store.refuse_unusable()
        return self._files.checkpoint(self._store)

    def backup(self, path: str | os.PathLike[str]) -> Backup:
        """Write everything committed so far to the new or empty directory `path`, while others go on.

        Raises InvalidPath, or OSError with an unfinished backup left behind, which `verify_backup` refuses.
        """
        vfs = OsVfs() if self._files is None else self._files.vfs
        database_id = os.urandom(16) if self._files is None else self._files.log.database_id
        snap = self._store.register_snapshot()
        try:
            self._store.acknowledge(snap)
            entries = self._store.index.entries_at(snap)
            return write_backup(vfs, checked_path(path), database_id, snap, entries, self._codec, self._clock.now())
        finally:
            self._store.release(snap)

    @staticmethod
    def verify_backup(path: str | os.PathLike[str], *, vfs: Vfs | None = None) -> Backup:
        """Read all of a backup and compare every byte with its manifest; returns what it holds.

        Raises Corrupt, NewerFormat, or InvalidPath where there is no directory.
        """
        return verify_backup(vfs if vfs is not None else OsVfs(), checked_path(path))

    @staticmethod
    def restore(backup: str | os.PathLike[str], path: str | os.PathLike[str], *, vfs: Vfs | None = None) -> Backup:
        """Make a database in the new or empty directory `path` of a backup, which is verified first.

        Raises as `verify_backup`, and InvalidPath for `path`.
        """
        return restore_backup(vfs if vfs is not None else OsVfs(), checked_path(backup), checked_path(path))

    @staticmethod
    def salvage(path: str | os.PathLike[str], into: str | os.PathLike[str], *, vfs: Vfs | None = None) -> Salvaged:
        """Make a database in `into` of what stands before the first damage in `path`, which is only read.

        Raises InvalidPath, Locked where `path` is open, and NewerFormat.
        """
        return salvage(vfs if vfs is not None else OsVfs(), checked_path(path), checked_path(into))

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, key: Key) -> bytes | None:
        """The value of `key`, None where there is none."""
        if type(key) is not bytes or not 0 < len(key) <= KEY_LENGTH_MAX or key >= RESERVED:
            key = encode_key(key)
        return self._store.read(key)

    def exists(self, key: Key) -> bool:
        """Whether `key` has a value."""
        return self._store.read(encode_key(key)) is not None

    def put(self, key: Key, value: bytes, *, ttl_seconds: float | None = None) -> None:
        """Store `value` at `key`, until `ttl_seconds` from now where they are given (see `Transaction.put`)."""
        if type(key) is not bytes or not 0 < len(key) <= KEY_LENGTH_MAX or key >= RESERVED:
            key = encode_key(key)
        if type(value) is not bytes:
            value = encode_value(value)
        if ttl_seconds is None:
            self._store.write({key: value})
        else:
            self._store.write({key: Expiring(value, moment_after(self._clock.now(), ttl_seconds))})

    def delete(self, key: Key) -> None:
        """Remove `key`. It is a write even where there is nothing to remove."""
        self._store.write({encode_key(key): None})

    def scan(self, start: Key = b"", end: Key | None = None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        """All (key, value) pairs with start <= key < end, in key order (see `Transaction.scan`)."""
        return self._store.read_range(encode_bound(start), encode_end(end), checked_limit(limit))

    def scan_prefix(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """All pairs whose key starts with `prefix`, in key order. Raises InvalidKey for one under 2 bytes."""
        return self.scan_prefix_unchecked(checked_prefix(prefix))

    def scan_prefix_unchecked(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """As `scan_prefix` with a prefix of any length; b"" is everything."""
        start = encode_bound(prefix)
        return self._store.read_range(start, encode_end(prefix_end(start)))

    def put_batch(self, pairs: Iterable[tuple[Key, bytes]]) -> int:
        """Put all pairs in one transaction, the last one winning where a key comes twice; returns their number."""
        writes: Writes = {}
        count = 0
        for key, value in pairs:
            if type(key) is not bytes or not 0 < len(key) <= KEY_LENGTH_MAX or key >= RESERVED:
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
        self,
        isolation: IsolationLevel = IsolationLevel.SERIALIZABLE,
        *,
        read_only: bool = False,
        deferrable: bool = False,
    ) -> Transaction:
        """A new transaction; its snapshot is taken at its first operation. The same as `transaction`.

        One that is SERIALIZABLE, `read_only` and `deferrable` waits at its first operation until its snapshot is
        safe: then it is never refused, and slows nobody down. It waits for the serializable transactions that run
        at that moment, so a thread that holds one of them open waits for itself. Raises ValueError for `deferrable`
        without the other two, and for another `isolation`.
        """
        self._store.refuse_unusable()
        if type(isolation) is not IsolationLevel:
            isolation = IsolationLevel(isolation)  # Its value, the level's name, will do.
        if deferrable and not (read_only and isolation is IsolationLevel.SERIALIZABLE):
            raise ValueError("only a serializable transaction that is read_only can be deferrable")
        if isolation is IsolationLevel.READ_COMMITTED:
            return ReadCommittedTransaction(self._store, isolation, read_only)
        return self.transaction_class(self._store, isolation, read_only, deferrable)

    def transaction(
        self,
        isolation: IsolationLevel = IsolationLevel.SERIALIZABLE,
        *,
        read_only: bool = False,
        deferrable: bool = False,
    ) -> Transaction:
        """A new transaction, to be used as a context manager or ended by `commit` or `abort`."""
        return self.begin_transaction(isolation, read_only=read_only, deferrable=deferrable)

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

    def atomically(self, work: Callable[[Transaction], Result]) -> Result:
        """The same as `with_transaction(work)`: what a data model is used through, as within a transaction."""
        return self.with_transaction(work)

    def now(self) -> float:
        """What the engine's clock says, in seconds since the epoch."""
        return self._clock.now()

    def stats(self) -> dict[str, int | float | str]:
        """What there is and what happened since it was opened, counted.

        keys: with a value, rows of data models included. versions: in memory, deletions included. active:
        transactions that hold a snapshot. remembered: what running transactions are judged by. newest: the newest
        commit's number. commits: with or without writes; conflicts: refused ones. flushes, syncs, log_bytes: of the
        log; log_length: bytes of it now. checkpoint: the commit of the newest one; checkpoints: made, and
        failed_checkpoints: that were tried by itself and failed. open_seconds: by the clock.
        """
        store, files = self._store, self._files
        newest = store.newest()
        log = None if files is None else files.log
        return {
            "keys": store.index.live_count,
            "versions": sum(1 for _ in store.index.every_version()),
            "active": store.active_count(),
            "remembered": store.remembered(),
            "newest": newest,
            "commits": store.commit_count,
            "conflicts": store.conflict_count,
            "flushes": 0 if log is None else log.flush_count,
            "syncs": 0 if log is None else log.sync_count,
            "log_bytes": 0 if log is None else log.byte_count,
            "log_length": 0 if log is None else log.length,
            "checkpoint": 0 if files is None else files.checkpoint_seq,
            "checkpoints": 0 if files is None else files.checkpoint_count,
            "failed_checkpoints": 0 if files is None else files.failed_checkpoint_count,
            "compression": self._codec.name,
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
