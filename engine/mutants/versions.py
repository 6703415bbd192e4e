"""Versions, stamps and reads that are kept too short, recorded wrongly, or left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.collection import Collector
from engine.errors import Conflict
from engine.index import Node, expiry_of
from engine.isolation import IsolationLevel
from engine.store import Store
from engine.transaction import Transaction

__all__ = [
    "AbortsLeaveVersions",
    "EmptyRangesForgotten",
    "IntermediateVersionsCollected",
    "JudgedAsSnapshotIsolation",
    "MissingKeysNotRead",
    "OldVersionsDropped",
    "RangeToItsLastKey",
    "ReadersStampedAtTheNewestCommit",
    "ReadsTheNewest",
    "RefusedCommitsAcknowledged",
    "RefusedCommitsLeaveStamps",
    "RefusedCommitsLeaveVersions",
    "SavepointsDropReads",
    "TtlPerRead",
]


class ReadersStampedAtTheNewestCommit(Store):
    """A reader without writes is placed at its end instead of at its snapshot: refuses too much."""

    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        number = super().commit(isolation, writes, reads, ranges, snap, **rest)
        if not writes and self._active:
            self.rule.remember_reads(reads, ranges, snap, self.seq)
        return number


class IntermediateVersionsCollected(Collector):
    """A version that no snapshot sees is dropped, though it is the first overwriter of what one has read."""

    def must_collect(self, horizon: int) -> bool:
        return bool(self._hiding)

    def collect(self, snapshots: Sequence[int], newest: int) -> None:
        super().collect(snapshots, newest)
        self._sweep(snapshots)

    def _is_needed(self, node: Node, hiding: Node, snapshots: Sequence[int]) -> bool:
        return any(node[0] <= snap < hiding[0] for snap in snapshots)


class OldVersionsDropped(Collector):
    """Whatever is hidden is dropped at once, whoever still sees it."""

    def must_collect(self, horizon: int) -> bool:
        return bool(self._hiding)

    def collect(self, snapshots: Sequence[int], newest: int) -> None:
        super().collect([], newest)


class RefusedCommitsLeaveStamps(Store):
    """A transaction that was refused goes on standing in the way of others: refuses too much."""

    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        try:
            return super().commit(isolation, writes, reads, ranges, snap, **rest)
        except Conflict:
            self.rule.remember_reads(reads, ranges, snap, self.seq + 1)
            raise


class RefusedCommitsLeaveVersions(Store):
    """What a refused transaction wrote stays, though its client was told that it does not."""

    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        try:
            return super().commit(isolation, writes, reads, ranges, snap, **rest)
        except Conflict:
            with self._mutex:
                self._install(writes, self._log.encode(writes) if self._log is not None else None)
                self._prune()
            raise


class JudgedAsSnapshotIsolation(Store):
    """SERIALIZABLE is judged by first committer wins alone: the first finding of the seed."""

    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        return super().commit(IsolationLevel.SNAPSHOT, writes, reads, ranges, snap, **rest)


class RefusedCommitsAcknowledged(Store):
    """A refused commit is dropped and acknowledged all the same: the third finding of the seed."""

    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        try:
            return super().commit(isolation, writes, reads, ranges, snap, **rest)
        except Conflict:
            return snap


class AbortsLeaveVersions(Transaction):
    """What an aborted transaction wrote stays."""

    __slots__ = ()

    def abort(self) -> None:
        super().abort()
        if self._writes:
            self._store.write(self._writes)


class ReadsTheNewest(Transaction):
    """Each read sees what is committed at that moment instead of the snapshot."""

    __slots__ = ()

    def read(self, key: bytes) -> bytes | None:
        snap = self._snap
        if snap >= 0 and self._open:
            self._snap = self._store.seq
        try:
            return super().read(key)
        finally:
            if snap >= 0:
                self._snap = snap


class SavepointsDropReads(Transaction):
    """Going back to a savepoint forgets what was read, not only what was written."""

    __slots__ = ()

    def rollback_to(self, name: str) -> None:
        super().rollback_to(name)
        self._reads.clear()
        self._ranges.clear()


class TtlPerRead(Transaction):
    """Whether a value has ended is judged when it is read instead of when the snapshot was taken."""

    __slots__ = ()

    def read(self, key: bytes) -> bytes | None:
        node = self._store.index.versions.get(key)
        if node is not None and (expires_at := expiry_of(node)) is not None:
            return super().read(key) if self._store.clock.now() < expires_at else None
        return super().read(key)


class RangeToItsLastKey(Transaction):
    """A range is recorded to the last key that was found instead of its bound."""

    __slots__ = ()

    def read_range(self, start: bytes, end: bytes | None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        before = set(self._ranges)
        pairs = super().read_range(start, end, limit)
        self._ranges = before | ({(start, pairs[-1][0] + b"\0")} if pairs else {(start, end)})
        return pairs


class EmptyRangesForgotten(Transaction):
    """A range in which nothing was found is not recorded."""

    __slots__ = ()

    def read_range(self, start: bytes, end: bytes | None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        before = set(self._ranges)
        pairs = super().read_range(start, end, limit)
        if not pairs:
            self._ranges = before
        return pairs


class MissingKeysNotRead(Transaction):
    """A key that was not there is not recorded as read."""

    __slots__ = ()

    def read(self, key: bytes) -> bytes | None:
        before = set(self._reads)
        value = super().read(key)
        if value is None:
            self._reads = before
        return value
