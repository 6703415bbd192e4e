"""Mistakes in the order of things between threads: on one thread, and on most days, each of these is right."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from engine.commit_log import CommitLog
from engine.errors import Conflict, Poisoned
from engine.index import Writes
from engine.latch import Latches
from engine.safe_snapshot import Candidate, SafeSnapshots
from engine.ssi import KeyRange, SerializableRule
from engine.store import Store

__all__ = [
    "AcknowledgesBeforeTheFlush",
    "AcknowledgesFollowersOfADeadLeader",
    "BeginsOutsideTheMutex",
    "CarriesOnAfterAFailedFlush",
    "ChoosesThenRegisters",
    "CloseAcknowledgesTheQueue",
    "DeadLeaderWakesNobody",
    "DeferrableDoesNotWait",
    "LastWriterWakesNobody",
    "ReadersDoNotWait",
    "RotatesWithoutTheLead",
    "SkipsStampsWhenAlone",
    "ValidatesOutsideTheMutex",
]


def _register(store: Store, snap: int, may_pivot: bool) -> int:
    store._active[snap] = store._active.get(snap, 0) + 1
    store._active = dict(sorted(store._active.items()))
    if may_pivot:
        store._safety.writer_began(snap)
    return snap


class _SkippingRule(SerializableRule):
    alone = False

    def remember_reads(self, reads: Iterable[bytes], ranges: Iterable[KeyRange], snap: int, stamp: int) -> None:
        if not self.alone:
            super().remember_reads(reads, ranges, snap, stamp)


class SkipsStampsWhenAlone(Store):
    """Begins without a lock, and a commit that found nobody running leaves no stamps: who begins now is missed."""

    rule: _SkippingRule
    rule_class = _SkippingRule

    def register_snapshot(self, *, may_pivot: bool = False) -> int:
        return _register(self, self.newest_now(), may_pivot)  # In one go: the horizon is always right.

    def _install(self, *parts: Any, **named: Any) -> int:
        self.rule.alone = not self._active
        return super()._install(*parts, **named)


class BeginsOutsideTheMutex(Store):
    """Begins without a lock: the horizon may be computed between the choice of a snapshot and its registration."""

    def register_snapshot(self, *, may_pivot: bool = False) -> int:
        snap = self.newest_now()
        if self._point is not None:
            self._point("begin")
        return _register(self, snap, may_pivot)


class ChoosesThenRegisters(Store):
    """Gives up the mutex between the choice of a snapshot and its registration: pruning ignores it meanwhile."""

    def register_snapshot(self, *, may_pivot: bool = False) -> int:
        with self._mutex:
            snap = self.newest_now()
        with self._mutex:
            return _register(self, snap, may_pivot)


class _TrustingRule(SerializableRule):
    def refuse_lost_update(self, writes: Writes, snap: int) -> None:
        """Somebody has looked before."""


class ValidatesOutsideTheMutex(Store):
    """Looks for write conflicts before it takes the commit mutex, and not again under it."""

    rule_class = _TrustingRule

    def commit(self, isolation: Any, writes: Any, reads: Any, ranges: Any, snap: int, **rest: Any) -> int:
        try:
            SerializableRule.refuse_lost_update(self.rule, writes, snap)
        except Conflict:
            self.release(snap, **rest)
            raise
        return super().commit(isolation, writes, reads, ranges, snap, **rest)


class DeferrableDoesNotWait(Store):
    """Takes every snapshot of a transaction without writes for a safe one."""

    def register_reader(self, *, deferrable: bool) -> tuple[int, bool]:
        return self.register_snapshot(), True


class _SilentSnapshots(SafeSnapshots):
    def _settle(self, settled: list[Candidate], *, safe: bool) -> None:
        for one in settled:
            one.safe = safe
            self._candidates.remove(one)


class LastWriterWakesNobody(Store):
    """Settles whether a snapshot is safe, and does not wake who waits for that."""

    def __init__(self, latches: Latches, *parts: Any, **named: Any) -> None:
        super().__init__(latches, *parts, **named)
        self._safety = _SilentSnapshots(latches)


class AcknowledgesBeforeTheFlush(CommitLog):
    """Acknowledges whoever is not the last of a group at once: the last one will flush it."""

    def acknowledge(self, seq: int) -> None:
        if self._queue and self._queue[0][0] <= seq < self._queue[-1][0]:
            return  # Somebody behind will flush it soon.
        super().acknowledge(seq)


class ReadersDoNotWait(CommitLog):
    """Waits for what a thread wrote, and not for what it read."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self._own: dict[int, int] = {}  # thread → its newest commit

    def append(self, seq: int, *parts: Any, **named: Any) -> None:
        self._own[threading.get_ident()] = seq
        super().append(seq, *parts, **named)

    def acknowledge(self, seq: int) -> None:
        if self._own.get(threading.get_ident()) == seq:
            super().acknowledge(seq)


class CloseAcknowledgesTheQueue(CommitLog):
    """Closing tells everybody who waits that his commit is safe, and does not write it."""

    def close(self, seq: int) -> None:
        with self._turn:
            self.flushed_seq = seq
            for waiter in self._waiting:
                waiter.gate.open()
        super().close(seq)

    def _flush(self, group: Any) -> None:
        if self.flushed_seq < group[-1][0]:
            super()._flush(group)


class RotatesWithoutTheLead(CommitLog):
    """A checkpoint starts a new segment while the leader of a group writes to the old one."""

    def rotate(self) -> None:
        self._rotate(self._flush_queue() + 1)


class AcknowledgesFollowersOfADeadLeader(CommitLog):
    """Tells the leader that the flush failed, and its followers that it did not."""

    def acknowledge(self, seq: int) -> None:
        try:
            super().acknowledge(seq)
        except Poisoned as poisoned:
            if poisoned.__cause__ is not None:  # Only the leader has seen the failure itself.
                raise


class CarriesOnAfterAFailedFlush(CommitLog):
    """Tells the leader that the flush failed, and lets the next one try again with whatever is queued then."""

    def _poisoned(self, error: BaseException) -> Poisoned:
        self._failure = None
        return Poisoned(f"the log could not be written ({error})")


class DeadLeaderWakesNobody(CommitLog):
    """A leader whose flush fails goes away without waking those who wait for it."""

    def _go_on(self, stay: Any) -> None:
        if self._failure is None:
            super()._go_on(stay)
        stay.is_over = True
