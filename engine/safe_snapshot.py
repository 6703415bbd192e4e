"""Safe snapshots: those that no pivot can make dangerous, so that reading them needs no tracking and no judgement.

A reader R without writes is refused only where it is Tin of   R ──rw──▶ pivot ──rw──▶ Tout   and Tout committed at
or before R's snapshot s. The pivot's own snapshot is then older than Tout, so the pivot was running when s was taken.
Hence s is safe

    at once     where no serializable transaction that may write was running when it was taken
    later       when all that were running have ended, none of them committed with an out-edge at or before s

and is known to be unsafe as soon as one of them commits with such an out-edge. A DEFERRABLE transaction waits for
the one or the other, and takes another snapshot where it was unsafe.

Ports, Grittner: Serializable snapshot isolation in PostgreSQL, VLDB 2012, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.latch import Latches

__all__ = ["Candidate", "SafeSnapshots"]


class Candidate:
    """A snapshot whose safety is being waited for. `safe` is None as long as nobody knows."""

    __slots__ = ("safe", "snap")

    def __init__(self, snap: int) -> None:
        self.snap = snap
        self.safe: bool | None = None


class SafeSnapshots:
    """The running transactions that may become pivots, and the snapshots that wait for their ends.

    Every method but `wait` and `wake` runs under the store's commit mutex.
    """

    def __init__(self, latches: Latches) -> None:
        self._writers: dict[int, int] = {}  # snapshot → serializable transactions that may write; ascending
        self._candidates: list[Candidate] = []
        self._turn = latches.condition("safe snapshot")

    def is_safe_now(self) -> bool:
        """Whether a snapshot taken now is safe at once."""
        return not self._writers

    def writer_began(self, snap: int) -> None:
        """A serializable transaction that may write registered `snap`."""
        self._writers[snap] = self._writers.get(snap, 0) + 1

    def writer_ended(self, snap: int) -> None:
        """It is no longer running. Where it committed, `committed` is called first."""
        left = self._writers[snap] - 1
        if left:
            self._writers[snap] = left
            return
        del self._writers[snap]
        if self._candidates:
            oldest = next(iter(self._writers), None)
            self._settle([one for one in self._candidates if oldest is None or oldest > one.snap], safe=True)

    def committed(self, min_out: int) -> None:
        """A transaction with writes committed with its earliest out-edge at `min_out`."""
        if self._candidates:
            self._settle([one for one in self._candidates if min_out <= one.snap], safe=False)

    def candidate(self, snap: int) -> Candidate:
        """Begin to watch the snapshot `snap`, taken now."""
        found = Candidate(snap)
        if self._writers:
            self._candidates.append(found)
        else:
            found.safe = True
        return found

    def forget(self, candidate: Candidate) -> None:
        """Nobody waits for it any more."""
        if candidate in self._candidates:
            self._candidates.remove(candidate)

    def wait(self, candidate: Candidate, is_over: Callable[[], bool]) -> bool | None:
        """Return once the candidate is known to be safe or not; None where `is_over` became true before a `wake`.

        The caller does not hold the commit mutex.
        """
        with self._turn:
            while candidate.safe is None and not is_over():
                self._turn.wait()
            return candidate.safe

    def wake(self) -> None:
        """Let all who wait look around: the database can no longer be used."""
        with self._turn:
            self._turn.notify_all()

    def _check(self, active: Mapping[int, int]) -> None:
        """Assert the invariants against the snapshots in use. For tests."""
        assert list(self._writers) == sorted(self._writers), "the snapshots of writers are not in order"
        for snap, count in self._writers.items():
            assert 0 < count <= active.get(snap, 0), f"{count} writers use snapshot {snap}, which they do not hold"
        for one in self._candidates:
            assert one.safe is None, "a settled candidate is still watched"
            assert one.snap in active, "a candidate whose snapshot is not held"

    def _settle(self, settled: list[Candidate], *, safe: bool) -> None:
        if not settled:
            return
        with self._turn:
            for one in settled:
                one.safe = safe
                self._candidates.remove(one)
            self._turn.notify_all()
