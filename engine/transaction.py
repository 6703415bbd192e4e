"""Transactions: buffered writes over a snapshot, and a record of what was read.

The snapshot is taken at the first operation. A transaction reads its own writes. What it read is valid only once
`commit` has returned, a transaction without writes included. One thread at a time may use a transaction.

A savepoint remembers what was written so far. Going back to it takes back writes, never reads: what the client has
seen may have decided what it does next, so it is judged all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Final

from engine.errors import InvalidKey, NoSavepoint, ReadOnly, TransactionClosed
from engine.index import Expiring, Writes, value_of
from engine.isolation import IsolationLevel
from engine.keys import (
    KEY_LENGTH_MAX,
    PREFIX_LENGTH_MIN,
    Key,
    encode_bound,
    encode_key,
    encode_value,
    moment_after,
    prefix_end,
)
from engine.ssi import KeyRange
from engine.store import Store

__all__ = ["ReadCommittedTransaction", "Transaction", "checked_prefix"]

_NO_SNAPSHOT: Final = -1


class Transaction:
    """A transaction at SNAPSHOT or SERIALIZABLE.

    As a context manager it commits at the end of the block, or aborts where the block raises. One that is neither
    committed nor aborted keeps all versions since its snapshot in memory.
    """

    __slots__ = (
        "_commit_ts", "_may_pivot", "_open", "_ranges", "_reads", "_safe", "_savepoints", "_snap", "_store",
        "_writes", "deferrable", "isolation", "read_only",
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

    @property
    def start_ts(self) -> int | None:
        """The number of the newest commit that this transaction sees; None before its first operation."""
        return None if self._snap == _NO_SNAPSHOT else self._snap

    @property
    def commit_ts(self) -> int | None:
        """Its place in the order of commits: its own number, or `start_ts` if it wrote nothing. None before."""
        return self._commit_ts

    def get(self, key: Key) -> bytes | None:
        """The value of `key`, None where there is none."""
        if not self._open:
            self._refuse_closed()
        if type(key) is not bytes or not 0 < len(key) <= KEY_LENGTH_MAX:
            key = encode_key(key)
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

    def put(self, key: Key, value: bytes, *, ttl_seconds: float | None = None) -> None:
        """Store `value` at `key` when the transaction commits.

        With `ttl_seconds` it ends that long after this call: snapshots taken from then on do not see it. The
        transaction's own reads do, whatever the time. Raises InvalidValue for a time that makes no sense.
        """
        if type(key) is not bytes or not 0 < len(key) <= KEY_LENGTH_MAX:
            key = encode_key(key)
        if type(value) is not bytes:
            value = encode_value(value)
        if ttl_seconds is None:
            self._write(key, value)
        else:
            self._write(key, Expiring(value, moment_after(self._store.clock.now(), ttl_seconds)))

    def delete(self, key: Key) -> None:
        """Remove `key` when the transaction commits. It is a write even where there is nothing to remove."""
        self._write(encode_key(key), None)

    def exists(self, key: Key) -> bool:
        """Whether `key` has a value."""
        return self.get(key) is not None

    def scan(self, start: Key = b"", end: Key | None = None) -> list[tuple[bytes, bytes]]:
        """All (key, value) pairs with start <= key < end, in key order; `end` None: to the last key."""
        return self._scan(encode_bound(start), None if end is None else encode_bound(end))

    def scan_prefix(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """All pairs whose key starts with `prefix`, in key order. Raises InvalidKey for one under 2 bytes."""
        return self.scan_prefix_unchecked(checked_prefix(prefix))

    def scan_prefix_unchecked(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """As `scan_prefix` with a prefix of any length; b"" is everything."""
        start = encode_bound(prefix)
        return self._scan(start, prefix_end(start))

    def put_batch(self, pairs: Iterable[tuple[Key, bytes]]) -> int:
        """Put all pairs, the last one winning where a key comes twice; returns how many pairs there were.

        All are checked before the first is put.
        """
        checked = [(encode_key(key), encode_value(value)) for key, value in pairs]
        for key, value in checked:
            self._write(key, value)
        return len(checked)

    def get_batch(self, keys: Iterable[Key]) -> list[bytes | None]:
        """The values of `keys` in their order, None for those that have none."""
        return [self.get(key) for key in keys]

    def delete_batch(self, keys: Iterable[Key]) -> int:
        """Delete all of `keys`; returns how many had a value."""
        return sum([self._delete_existing(key) for key in [encode_key(key) for key in keys]])

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
        self._writes = dict(self._savepoints[place][1])

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

    def _write(self, key: bytes, value: bytes | Expiring | None) -> None:
        if not self._open:
            self._refuse_closed()
        if self.read_only:
            raise ReadOnly("the transaction was declared read-only")
        if self._snap < 0:
            self._begin()
        if self._store.failure is not None:
            self._store.refuse_unusable()
        self._writes[key] = value

    def _delete_existing(self, key: bytes) -> bool:
        found = self.exists(key)
        self._write(key, None)
        return found

    def _scan(self, start: bytes, end: bytes | None) -> list[tuple[bytes, bytes]]:
        if not self._open:
            self._refuse_closed()
        if self._snap < 0:
            self._begin()
        self._store.refuse_unusable()
        # The bounds are what was read, an empty result included: whoever adds a key inside changes the answer.
        if not self._safe:
            self._ranges.add((start, end))
        return self._with_own_writes(self._store.index.visible_between(start, end, self._snap), start, end)

    def _with_own_writes(
        self, pairs: list[tuple[bytes, bytes]], start: bytes, end: bytes | None
    ) -> list[tuple[bytes, bytes]]:
        own = {
            key: value_of(written)
            for key, written in self._writes.items()
            if start <= key and (end is None or key < end)
        }
        if not own:
            return pairs
        merged = [pair for pair in pairs if pair[0] not in own]
        merged += [(key, value) for key, value in own.items() if value is not None]
        merged.sort()
        return merged

    def _refuse_ended(self) -> None:
        if not self._open:
            self._refuse_closed()
        self._store.refuse_unusable()

    def _refuse_closed(self) -> None:
        raise TransactionClosed("the transaction was already committed or aborted")


class ReadCommittedTransaction(Transaction):
    """A transaction at READ_COMMITTED: each operation sees the newest committed state, and commit is never refused.

    `start_ts` is the number of the newest commit at its latest read.
    """

    __slots__ = ()

    def get(self, key: Key) -> bytes | None:
        """The value of `key` now, None where there is none."""
        if not self._open:
            self._refuse_closed()
        key = encode_key(key)
        if key in self._writes:
            self._store.refuse_unusable()
            return value_of(self._writes[key])
        value, self._snap = self._store.peek(key)
        return value

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

    def _scan(self, start: bytes, end: bytes | None) -> list[tuple[bytes, bytes]]:
        if not self._open:
            self._refuse_closed()
        pairs, self._snap = self._store.peek_range(start, end)
        return self._with_own_writes(pairs, start, end)


def checked_prefix(prefix: Key) -> bytes:
    """The prefix as bytes. Raises InvalidKey for one under PREFIX_LENGTH_MIN bytes."""
    encoded = encode_bound(prefix)
    if len(encoded) < PREFIX_LENGTH_MIN:
        raise InvalidKey(f"a prefix has at least {PREFIX_LENGTH_MIN} bytes; scan_prefix_unchecked takes any")
    return encoded
