"""Which refusals were unnecessary: committing the transaction would have closed no cycle of dependencies.

The dependencies follow from programs and schedule alone, since snapshots are known. With everything committed so far
acyclic, a refusal was necessary if and only if the refused transaction would have reached itself:

    ww        both write a key, the first commits first
    wr        implied by real time: what was read had been committed before the reader started
    rw        one reads a key that the other, still running at that start, writes
    realtime  one commits before the other starts

Plain validation of read sets, as in Badger or FoundationDB, is measured beside it, by the same definition: a
transaction with writes is refused if a key or range that it read has a version newer than its snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.proof.worlds.world import Program, Schedule

__all__ = ["Conflicts", "Refusals", "closes_cycle", "validate_read_sets"]


@dataclass
class Refusals:
    """How many transactions were refused, and how many of them without need."""

    refused: int = 0
    unnecessary: int = 0

    def count(self, necessary: bool, times: int = 1) -> None:
        """One more refusal, seen so many times."""
        self.refused += times
        if not necessary:
            self.unnecessary += times

    def add(self, other: Refusals) -> None:
        """Count those of another part of the world."""
        self.refused += other.refused
        self.unnecessary += other.unnecessary

    @property
    def share(self) -> float:
        """The unnecessary among the refused."""
        return self.unnecessary / self.refused if self.refused else 0.0


class Conflicts(NamedTuple):
    """Per transaction, as bit masks: those that write what it reads, and those that write what it writes."""

    overwriters: tuple[int, ...]
    rivals: tuple[int, ...]

    @classmethod
    def between(cls, programs: Sequence[Program]) -> Conflicts:
        """The conflicts of transactions with these programs."""
        overwriters = _writers([one.keys_read for one in programs], programs)
        rivals = _writers([one.keys_written for one in programs], programs)
        return cls(overwriters, rivals)

    def successors(self, schedule: Schedule) -> list[int]:
        """Per transaction, as bit masks: those that have to come after it if both commit."""
        return [
            after | (concurrent & overwriters) | (outlasting & rivals)
            for after, concurrent, outlasting, overwriters, rivals in zip(
                schedule.after, schedule.concurrent, schedule.outlasting, self.overwriters, self.rivals, strict=True
            )
        ]


def closes_cycle(successors: Sequence[int], committed: int, name: int) -> bool:
    """Whether transaction `name` would reach itself if it committed beside those of the mask `committed`."""
    itself = 1 << name
    reached = front = successors[name] & committed
    while front:
        one = front.bit_length() - 1
        following = successors[one]
        if following & itself:
            return True
        front = (front ^ 1 << one) | (following & committed & ~reached)
        reached |= following & committed
    return False


def validate_read_sets(
    programs: Sequence[Program],
    schedule: Schedule,
    conflicts: Conflicts,
    successors: Sequence[int],
    refusals: Refusals,
    times: int,
) -> None:
    """Run the case under plain validation of read sets, `times` times, and count its refusals."""
    committed = 0
    for event in schedule.events:
        if event >= 0:
            continue
        name = ~event
        newer = conflicts.overwriters[name] & schedule.concurrent[name] & committed
        if newer and programs[name].keys_written:
            refusals.count(closes_cycle(successors, committed, name), times)
        else:
            committed |= 1 << name


def _writers(touched: Sequence[frozenset[bytes]], programs: Sequence[Program]) -> tuple[int, ...]:
    """Per transaction, as bit masks: the others that write one of the keys that it touches."""
    return tuple(
        sum(1 << j for j, other in enumerate(programs) if j != i and not keys.isdisjoint(other.keys_written))
        for i, keys in enumerate(touched)
    )
