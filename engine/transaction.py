"""Transactions: buffered writes over a snapshot, and a record of what was read.

The snapshot is taken at the first operation. A transaction reads its own writes. What it read is valid only once
`commit` has returned, a transaction without writes included. One thread at a time may use a transaction.

A savepoint remembers what was written so far. Going back to it takes back writes, never reads: what the client has
seen may have decided what it does next, so it is judged all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, TypeAlias, TypeVar

from engine.errors import NoSavepoint, ReadOnly, TransactionClosed
from engine.index import Expiring, Writes, value_of
from engine.isolation import IsolationLevel
from engine.key_values import KeyValues
from engine.models.views import Views
from engine.ssi import KeyRange, range_read
from engine.store import Store

__all__ = ["ReadCommittedTransaction", "Transaction"]

Result = TypeVar("Result")
_Before: TypeAlias = tuple[bytes, Any]  # a key, and what had been written to it before: perhaps nothing

_NO_SNAPSHOT: Final = -1
_ABSENT: Final = object()


class Transaction(KeyValues, Views):
    """A transaction at SNAPSHOT or SERIALIZABLE.

    As a context manager it commits at the end of the block, or aborts where the block raises. One that is neither
    committed nor aborted keeps all versions since its snapshot in memory.
    """

    __slots__ = (
        "_commit_ts", "_may_pivot", "_open", "_ranges", "_reads", "_safe", "_savepoints", "_snap", "_store",
        "_undo", "_writes", "deferrable", "isolation", "read_only",
    )  # fmt: skip

    def __init__(self, store: Store, isolation: IsolationLevel, read_only: bool, deferrable: bool = False) -> None:
        self.isolation = isolation
        self.read_only = read_only
        self.deferrable = deferrable
        self._store = store
        self._may_pivot = isolation is IsolationLevel.SERIALIZABLE and not read_only
        self._safe = False
        self._open = True
        self._snap = _NO_SNAPSHOT
        self._commit_ts: int | None = None
        self._writes: Writes = {}
        self._reads: set[bytes] = set()
        self._ranges: set[KeyRange] = set()
        self._savepoints: list[tuple[str, Writes]] = []
        self._undo: list[_Before] | None = None  # how to take back the writes of `atomically`, while it runs

    @property
    def start_ts(self) -> int | None:
        """The number of the newest commit that this transaction sees; None before its first operation."""
        return None if self._snap == _NO_SNAPSHOT else self._snap

    @property
    def commit_ts(self) -> int | None:
        """Its place in the order of commits: its own number, or `start_ts` if it wrote nothing. None before."""
        return self._commit_ts

    def now(self) -> float:
        """What the engine's clock says, in seconds since the epoch."""
        return self._store.clock.now()

    def read(self, key: bytes) -> bytes | None:
        """The value of a key that is checked already, or is a row of a data model."""
        if not self._open:
            self._refuse_closed()
        if self._snap < 0:
            self._begin()
        store = self._store
        if store.failure is not None:
            store.refuse_unusable()
        if key in self._writes:
            return value_of(self._writes[key])
        if not self._safe:
            self._reads.add(key)
        snap = self._snap
        node = store.index.versions.get(key)
        while node is not None:
            if node[0] <= snap:
                value: bytes | None = node[1]
                return value
            node = node[2]
        return None

    def write(self, key: bytes, value: bytes | Expiring | None) -> None:
        """Put a value at such a key, or delete it (None), when the transaction commits."""
        if not self._open:
            self._refuse_closed()
        if self.read_only:
            raise ReadOnly("the transaction was declared read-only")
        if self._snap < 0:
            self._begin()
        if self._store.failure is not None:
            self._store.refuse_unusable()
        if self._undo is not None:
            self._undo.append((key, self._writes.get(key, _ABSENT)))
        self._writes[key] = value

    def read_range(self, start: bytes, end: bytes | None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        """The pairs of [start, end) in key order, bounds as such keys; the first `limit` of them.

        With a `limit` that is reached, nothing behind the last key returned has been read.
        """
        if not self._open:
            self._refuse_closed()
        if self._snap < 0:
            self._begin()
        self._store.refuse_unusable()
        own = self._own_writes(start, end)
        pairs = _merged(self._store.pairs(start, end, self._snap, limit, own), own, limit)
        if not self._safe:
            self._ranges.add(range_read(start, end, pairs, limit))
        return pairs

    def atomically(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` and return what it returned. Where it raises, all that it wrote is taken back, reads are not."""
        outer, undo, savepoints = self._undo, list[_Before](), list(self._savepoints)
        self._undo = undo
        try:
            result = work(self)
        except BaseException:
            self._take_back(undo)
            self._savepoints = savepoints
            raise
        else:
            if outer is not None:
                outer += undo
            return result
        finally:
            self._undo = outer

    def _take_back(self, undo: list[_Before]) -> None:
        for key, before in reversed(undo):
            if before is _ABSENT:
                self._writes.pop(key, None)
            else:
                self._writes[key] = before

    def savepoint(self, name: str) -> None:
        """Remember what was written so far under `name`; a name that is taken already is hidden until released."""
        self._refuse_ended()
        self._savepoints.append((name, dict(self._writes)))

    def rollback_to(self, name: str) -> None:
        """Take back all writes since the latest savepoint `name`, which stays; later ones go. Reads stay read.

        Raises NoSavepoint.
        """
        place = self._place_of(name)
        del self._savepoints[place + 1 :]
        kept = self._savepoints[place][1]
        if self._undo is not None:
            self._undo += [(key, self._writes.get(key, _ABSENT)) for key in self._writes.keys() | kept.keys()]
        self._writes = dict(kept)

    def release(self, name: str) -> None:
        """Forget the latest savepoint `name` and later ones; what was written stays. Raises NoSavepoint."""
        del self._savepoints[self._place_of(name) :]

    def _place_of(self, name: str) -> int:
        self._refuse_ended()
        for place in range(len(self._savepoints) - 1, -1, -1):
            if self._savepoints[place][0] == name:
                return place
        raise NoSavepoint(f"the transaction has no savepoint {name!r}")

    def commit(self) -> int:
        """Make the writes visible and as safe as the database's sync mode promises; returns `commit_ts`.

        Raises Conflict (nothing happened; run the transaction again), TransactionClosed, DatabaseClosed, or
        Poisoned (the outcome is unknown until the database is opened again).
        """
        if not self._open:
            self._refuse_closed()
        if self._snap < 0:
            self._begin()
        self._open = False
        if self._safe:
            self._store.finish_safe_reader(self._snap)
            self._commit_ts = self._snap
        else:
            self._commit_ts = self._store.commit(
                self.isolation, self._writes, self._reads, self._ranges, self._snap, may_pivot=self._may_pivot
            )
        return self._commit_ts

    def abort(self) -> None:
        """Give up. Nothing of the transaction remains. Raises TransactionClosed where it has ended already."""
        if not self._open:
            self._refuse_closed()
        self._open = False
        if self._snap >= 0:
            self._store.release(self._snap, may_pivot=self._may_pivot)

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._open:
            return
        if kind is None:
            self.commit()
        else:
            self.abort()

    def _begin(self) -> None:
        if self.read_only and self.isolation is IsolationLevel.SERIALIZABLE:
            self._snap, self._safe = self._store.register_reader(deferrable=self.deferrable)
        else:
            self._snap = self._store.register_snapshot(may_pivot=self._may_pivot)

    def _own_writes(self, start: bytes, end: bytes | None) -> dict[bytes, bytes | None]:
        return {
            key: value_of(written)
            for key, written in self._writes.items()
            if start <= key and (end is None or key < end)
        }

    def _refuse_ended(self) -> None:
        if not self._open:
            self._refuse_closed()
        self._store.refuse_unusable()

    def _refuse_closed(self) -> None:
        raise TransactionClosed("the transaction was already committed or aborted")


class ReadCommittedTransaction(Transaction):
    """A transaction at READ_COMMITTED: each operation sees the newest committed state, and commit is never refused.

    `start_ts` is the number of the newest commit at its latest read. What runs within `atomically` is one operation.
    """

    __slots__ = ("_holds_snapshot",)

    def __init__(self, store: Store, isolation: IsolationLevel, read_only: bool) -> None:
        super().__init__(store, isolation, read_only)
        self._safe = True  # Nobody judges what it read.
        self._holds_snapshot = False

    def atomically(self, work: Callable[[Transaction], Result]) -> Result:
        """As `Transaction.atomically`. `work` sees one snapshot from its beginning to its end."""
        if self._holds_snapshot or not self._open:
            return super().atomically(work)
        snap = self._snap = self._store.register_snapshot()
        self._holds_snapshot = True
        try:
            return super().atomically(work)
        finally:
            self._holds_snapshot = False
            self._store.release(snap)

    def read(self, key: bytes) -> bytes | None:
        """The value now of a key that is checked already, or is a row of a data model."""
        if self._holds_snapshot:
            return super().read(key)
        if not self._open:
            self._refuse_closed()
        if key in self._writes:
            self._store.refuse_unusable()
            return value_of(self._writes[key])
        value, self._snap = self._store.peek(key)
        return value

    def read_range(self, start: bytes, end: bytes | None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        """The pairs of [start, end) now, in key order; the first `limit` of them."""
        if self._holds_snapshot:
            return super().read_range(start, end, limit)
        if not self._open:
            self._refuse_closed()
        own = self._own_writes(start, end)
        pairs, self._snap = self._store.peek_range(start, end, limit, own)
        return _merged(pairs, own, limit)

    def commit(self) -> int:
        """Make the writes visible, and everything that was read safe; returns `commit_ts`."""
        if not self._open:
            self._refuse_closed()
        self._open = False
        if self._writes:
            self._commit_ts = self._store.write(self._writes)
        else:
            self._begin()
            self._commit_ts = self._snap
            self._store.finish_reader(self._commit_ts)
        return self._commit_ts

    def abort(self) -> None:
        """Give up. Nothing of the transaction remains. Raises TransactionClosed where it has ended already."""
        if not self._open:
            self._refuse_closed()
        self._open = False

    def _begin(self) -> None:
        if self._snap < 0:
            self._snap = self._store.newest()


def _merged(
    pairs: list[tuple[bytes, bytes]], own: dict[bytes, bytes | None], limit: int | None
) -> list[tuple[bytes, bytes]]:
    """The pairs as a transaction sees them that has `own` writes there."""
    if not own:
        return pairs
    merged = [pair for pair in pairs if pair[0] not in own]
    merged += [(key, value) for key, value in own.items() if value is not None]
    merged.sort()
    return merged[:limit]
