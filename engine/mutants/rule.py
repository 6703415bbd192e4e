"""Wrong readings of the rule in `engine.ssi`."""

from __future__ import annotations

from typing import Any

from engine.errors import Conflict
from engine.ssi import SerializableRule

__all__ = [
    "DeletesAreNoWrites",
    "DeletesLoseNoUpdate",
    "ForgetsTooEarly",
    "LargestOutEdge",
    "MissingKeysForgotten",
    "NewestOverwriter",
    "NoWriteConflicts",
    "NothingIsJudged",
    "OnlyTheSmallestOutEdge",
    "OutEdgesForgotten",
    "OverwriterForItsOutEdge",
    "OverwrittenKeysStamped",
    "RangesForgotten",
    "ReaderSnapshotIgnored",
    "ReadersStampedBeforeTheirSnapshot",
    "ReadersWithoutWritesAccepted",
    "ReadersWithoutWritesForgotten",
    "StampAssigned",
    "StampsDropped",
    "StrictComparison",
]


class OnlyTheSmallestOutEdge(SerializableRule):
    """Of the commits that overwrote what was read, only the earliest is looked at."""

    def _refuse_tin(self, overwriters: Any, has_writes: bool, snap: int) -> None:
        super()._refuse_tin({min(overwriters)}, has_writes, snap)


class OverwriterForItsOutEdge(SerializableRule):
    """A reader without writes is judged by q, which is always above its snapshot, instead of by min_out(q)."""

    def _refuse_tin(self, overwriters: Any, has_writes: bool, snap: int) -> None:
        for q in overwriters:
            if q in self._min_out and (has_writes or q <= snap):
                raise Conflict("dangerous structure")


class LargestOutEdge(SerializableRule):
    """The latest out-edge is taken for `min_out` instead of the earliest."""

    def judge(self, writes: Any, reads: Any, ranges: Any, snap: int) -> int | None:
        overwriters = self._first_overwriters(reads, ranges, snap)
        if not overwriters:
            return None
        self._refuse_tin(overwriters, bool(writes), snap)
        if writes:
            self._refuse_pivot(writes, max(overwriters))
        return max(overwriters)


class StampAssigned(SerializableRule):
    """A stamp is set to the newest reader's, even where an older reader's was higher."""

    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        for key in reads:
            self._stamps.pop(key, None)
        for read in ranges:
            self._range_stamps.pop(read, None)
        super().remember_reads(reads, ranges, snap, stamp)


class NewestOverwriter(SerializableRule):
    """The newest overwriter of what was read is taken instead of the first."""

    def _first_overwriters(self, reads: Any, ranges: Any, snap: int) -> set[int]:
        keys = {*reads, *(self._changed_inside(ranges, snap) if ranges else ())}
        return {newest for key in keys if (newest := self._index.newest_seq(key)) > snap}


class StrictComparison(SerializableRule):
    """A stamp equal to `min_out` does not count: with two transactions the reader is Tout."""

    def _refuse_pivot(self, writes: Any, min_out: int) -> None:
        super()._refuse_pivot(writes, min_out + 1)


class RangesForgotten(SerializableRule):
    """Ranges that were read are not stamped."""

    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        super().remember_reads(reads, (), snap, stamp)


class MissingKeysForgotten(SerializableRule):
    """Keys that were read and not there are not stamped."""

    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        present = [key for key in reads if self._index.visible_between(key, key + b"\0", snap)]
        super().remember_reads(present, ranges, snap, stamp)


class StampsDropped(SerializableRule):
    """Nothing that was read is stamped at commit."""

    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        """Nothing is stamped."""


class ReadersWithoutWritesForgotten(SerializableRule):
    """A transaction without writes leaves no stamp."""

    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        if stamp != snap:
            super().remember_reads(reads, ranges, snap, stamp)


class ReadersStampedBeforeTheirSnapshot(SerializableRule):
    """A reader without writes is stamped one commit before its snapshot."""

    def remember_reads(self, reads: Any, ranges: Any, snap: int, stamp: int) -> None:
        super().remember_reads(reads, ranges, snap, stamp - 1 if stamp == snap else stamp)


class ReadersWithoutWritesAccepted(SerializableRule):
    """A transaction without writes is never Tin."""

    def _refuse_tin(self, overwriters: Any, has_writes: bool, snap: int) -> None:
        if has_writes:
            super()._refuse_tin(overwriters, has_writes, snap)


class DeletesAreNoWrites(SerializableRule):
    """A deletion is not judged as a write."""

    def judge(self, writes: Any, reads: Any, ranges: Any, snap: int) -> int | None:
        kept = {key: value for key, value in writes.items() if value is not None}
        return super().judge(kept, reads, ranges, snap)


class DeletesLoseNoUpdate(SerializableRule):
    """A deletion does not conflict with a concurrent write of its key."""

    def refuse_lost_update(self, writes: Any, snap: int) -> None:
        super().refuse_lost_update({key: value for key, value in writes.items() if value is not None}, snap)


class NoWriteConflicts(SerializableRule):
    """The last committer wins: the second finding of the seed."""

    def refuse_lost_update(self, writes: Any, snap: int) -> None:
        return


class OutEdgesForgotten(SerializableRule):
    """A committed pivot is not remembered."""

    def remember_out_edge(self, seq: int, min_out: int) -> None:
        return


class ForgetsTooEarly(SerializableRule):
    """Stamps one commit above the horizon are dropped."""

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


class NothingIsJudged(SerializableRule):
    """Every commit is accepted: lost updates and write skew, the first two findings of the seed together."""

    def refuse_lost_update(self, writes: Any, snap: int) -> None:
        return

    def judge(self, writes: Any, reads: Any, ranges: Any, snap: int) -> int | None:
        return None
