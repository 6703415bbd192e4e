"""Wrong readings of the rule in `engine.ssi`, each a small subclass. A test has to notice every one."""

from __future__ import annotations

from typing import Any

from engine import Conflict, Database, IsolationLevel, Transaction
from engine.collection import Collector
from engine.ssi import SerializableRule
from engine.store import Store


class OnlyTheSmallestOutEdge(SerializableRule):
    def _refuse_tin(self, overwriters: Any, has_writes: bool, snap: int) -> None:
        super()._refuse_tin({min(overwriters)}, has_writes, snap)


class OverwriterForItsOutEdge(SerializableRule):
    """A reader without writes is judged by q, which is always above its snapshot, instead of by min_out(q)."""

    def _refuse_tin(self, overwriters: Any, has_writes: bool, snap: int) -> None:
        for q in overwriters:
            if q in self._min_out and (has_writes or q <= snap):
                raise Conflict("dangerous structure")


class LargestOutEdge(SerializableRule):
    def judge(self, writes: Any, reads: Any, ranges: Any, snap: int) -> int | None:
        overwriters = self._first_overwriters(reads, ranges, snap)
        if not overwriters:
            return None
        self._refuse_tin(overwriters, bool(writes), snap)
        if writes:
            self._refuse_pivot(writes, max(overwriters))
        return max(overwriters)


class StampAssigned(SerializableRule):
    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        for key in reads:
            self._stamps.pop(key, None)
        for read in ranges:
            self._range_stamps.pop(read, None)
        super().remember_reads(reads, ranges, snap, stamp)


class NewestOverwriter(SerializableRule):
    def _first_overwriters(self, reads: Any, ranges: Any, snap: int) -> set[int]:
        keys = {*reads, *(self._changed_inside(ranges, snap) if ranges else ())}
        return {newest for key in keys if (newest := self._index.newest_seq(key)) > snap}


class StrictComparison(SerializableRule):
    def _refuse_pivot(self, writes: Any, min_out: int) -> None:
        super()._refuse_pivot(writes, min_out + 1)


class RangesForgotten(SerializableRule):
    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        super().remember_reads(reads, (), snap, stamp)


class MissingKeysForgotten(SerializableRule):
    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        present = [key for key in reads if self._index.visible_between(key, key + b"\0", snap)]
        super().remember_reads(present, ranges, snap, stamp)


class StampsDropped(SerializableRule):
    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        """Nothing is stamped."""


class ReadersWithoutWritesForgotten(SerializableRule):
    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        if stamp != snap:
            super().remember_reads(reads, ranges, snap, stamp)


class ReadersStampedBeforeTheirSnapshot(SerializableRule):
    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        super().remember_reads(reads, ranges, snap, stamp - 1 if stamp == snap else stamp)


class ReadersWithoutWritesAccepted(SerializableRule):
    def _refuse_tin(self, overwriters: Any, has_writes: bool, snap: int) -> None:
        if has_writes:
            super()._refuse_tin(overwriters, has_writes, snap)


class DeletesAreNoWrites(SerializableRule):
    def judge(self, writes: Any, reads: Any, ranges: Any, snap: int) -> int | None:
        kept = {key: value for key, value in writes.items() if value is not None}
        return super().judge(kept, reads, ranges, snap)


class DeletesLoseNoUpdate(SerializableRule):
    def refuse_lost_update(self, writes: Any, snap: int) -> None:
        super().refuse_lost_update({key: value for key, value in writes.items() if value is not None}, snap)


class NoWriteConflicts(SerializableRule):
    def refuse_lost_update(self, writes: Any, snap: int) -> None:
        """The last committer wins."""


class OutEdgesForgotten(SerializableRule):
    def remember_out_edge(self, seq: int, min_out: int) -> None:
        """A committed pivot is not remembered."""


class ForgetsTooEarly(SerializableRule):
    def forget(self, horizon: int, newest: int) -> None:
        self._stamps = {key: stamp for key, stamp in self._stamps.items() if stamp > horizon + 1}
        super().forget(horizon, newest)


class ReaderSnapshotIgnored(SerializableRule):
    """A range stamp counts even where the key was overwritten since its reader's snapshot: refuses too much."""

    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        super().remember_reads(reads, (), snap, stamp)
        for read in ranges:
            self._range_stamps[read] = [(1 << 60, stamp)]


class OverwrittenKeysStamped(SerializableRule):
    """Keys overwritten since the reader's snapshot are stamped all the same: refuses too much."""

    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        super().remember_reads((), ranges, snap, stamp)
        for key in reads:
            self._stamps[key] = max(stamp, self._stamps.get(key, 0))


class ReadersStampedAtTheNewestCommit(Store):
    """A reader without writes is placed at its end instead of at its snapshot: refuses too much."""

    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        number = super().commit(isolation, writes, reads, ranges, snap, **rest)
        if not writes and self._active:
            self.rule.remember_reads(reads, ranges, snap, self.seq)
        return number


class IntermediateVersionsCollected(Store):
    def _prune(self) -> None:
        super()._prune()
        seen = {*self._active, self.seq}
        for newest in self.index.versions.values():
            node = newest
            while node[2] is not None:
                newer, node = node, node[2]
                if not any(node[0] <= snap < newer[0] for snap in seen):
                    newer[2], node = node[2], newer
        self._collector = Collector()


class RefusedCommitsLeaveStamps(Store):
    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        try:
            return super().commit(isolation, writes, reads, ranges, snap, **rest)
        except Conflict:
            self.rule.remember_reads(reads, ranges, snap, self.seq + 1)
            raise


class RefusedCommitsLeaveVersions(Store):
    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        try:
            return super().commit(isolation, writes, reads, ranges, snap, **rest)
        except Conflict:
            self._install(writes, b"")
            raise


class LostUpdatesAllowed(Store):
    """SERIALIZABLE judged as if every level were READ_COMMITTED."""

    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        return super().commit(IsolationLevel.READ_COMMITTED, writes, reads, ranges, snap, **rest)


class RangeToItsLastKey(Transaction):
    __slots__ = ()

    def _scan(self, start: bytes, end: bytes | None) -> list[tuple[bytes, bytes]]:
        before = set(self._ranges)
        pairs = super()._scan(start, end)
        self._ranges = before | ({(start, pairs[-1][0] + b"\0")} if pairs else {(start, end)})
        return pairs


class EmptyRangesForgotten(Transaction):
    __slots__ = ()

    def _scan(self, start: bytes, end: bytes | None) -> list[tuple[bytes, bytes]]:
        before = set(self._ranges)
        pairs = super()._scan(start, end)
        if not pairs:
            self._ranges = before
        return pairs


class MissingKeysNotRead(Transaction):
    __slots__ = ()

    def get(self, key: Any) -> bytes | None:
        before = set(self._reads)
        value = super().get(key)
        if value is None:
            self._reads = before
        return value


def database_with(part: type) -> type[Database]:
    """A database class with one part replaced: a rule, a store or a transaction class."""
    if issubclass(part, SerializableRule):
        store = type("WrongStore", (Store,), {"rule_class": part})
        return type("WrongDatabase", (Database,), {"store_class": store})
    if issubclass(part, Store):
        return type("WrongDatabase", (Database,), {"store_class": part})

    def begin_transaction(self: Database, isolation: Any = IsolationLevel.SERIALIZABLE, **_: Any) -> Transaction:
        return part(self._store, isolation, False)  # type: ignore[no-any-return]

    return type("WrongDatabase", (Database,), {"begin_transaction": begin_transaction})


# Schedule, initial keys: the engine refuses somebody, the wrong reading commits what has no strict serial order.
ACCEPTS_TOO_MUCH: dict[type, tuple[str, str]] = {
    OnlyTheSmallestOutEdge: ("r2z w1z c1 r3x r3y w4x c4 w2y c2 c3", ""),
    OverwriterForItsOutEdge: ("d3z w4x c3 r2x r4z c4 c2", "z"),
    LargestOutEdge: ("s3yz d2z d1y s1x~ w3x c3 c2 c1", "y"),
    StampAssigned: ("w4z d3y d2x c3 r4x r1x c4 c1 r2z c2", "x"),
    NewestOverwriter: ("w2y r3y r2z c2 w1y c1 d3z c3", "z"),
    StrictComparison: ("r3x r1y w1x w3y c1 c3", ""),
    RangesForgotten: ("d4x r3x s4y~ c4 w3y c3", "x"),
    MissingKeysForgotten: ("r3x r1y w1x w3y c1 c3", ""),
    StampsDropped: ("r3x r1y w1x w3y c1 c3", ""),
    ReadersWithoutWritesForgotten: ("r3x w2x c2 r1y c1 w3y c3", ""),
    ReadersStampedBeforeTheirSnapshot: ("r3x w2x c2 r1y c1 w3y c3", ""),
    ReadersWithoutWritesAccepted: ("d3z w4x c3 r2x r4z c4 c2", "z"),
    DeletesAreNoWrites: ("r2y d1y r1x w2x c2 c1", "y"),
    DeletesLoseNoUpdate: ("w3x r1x d1x c3 c1", ""),
    NoWriteConflicts: ("r3x w2x c2 w3x c3", ""),
    OutEdgesForgotten: ("d3z w4x c3 r2x r4z c4 c2", "z"),
    ForgetsTooEarly: ("r3x r1y w1x w3y c1 c3", ""),
    IntermediateVersionsCollected: ("w2y r3y r2z c2 w1y c1 d3z c3", "z"),
    RefusedCommitsLeaveVersions: ("w1y w2y c1 c2", ""),
    LostUpdatesAllowed: ("r3x r1y w1x w3y c1 c3", ""),
    RangeToItsLastKey: ("r1x w4x s4x~ c4 w1z c1", ""),
    EmptyRangesForgotten: ("w1x s3xy r1z d3z c3 c1", "z"),
    MissingKeysNotRead: ("r3x r1y w1x w3y c1 c3", ""),
}
# Schedule: the engine commits every one of these, the wrong reading refuses somebody.
REFUSES_TOO_MUCH: dict[type, str] = {
    ReaderSnapshotIgnored: "s1xy w2x c2 r3y w4y c4 w1z c1 w3x c3",
    OverwrittenKeysStamped: "r1x w2x c2 r3y w4y c4 w1z c1 w3x c3",
    ReadersStampedAtTheNewestCommit: "r1x r3y w4y c4 c1 w3x c3",
}
