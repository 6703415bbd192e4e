"""An anomaly in a stream, and how those of several parts of it add up to those of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.level import Level

__all__ = ["Sighting", "added"]


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """An anomaly in a stream: `count` as in the batch's `Anomaly`, and one smallest witness.

    `txns` are the ids of the witness's transactions, `kinds` the kinds of its steps, () where it is no cycle.
    """

    name: str
    count: int
    txns: tuple[int, ...]
    kinds: tuple[str, ...]
    refutes: tuple[Level, ...]


def added(sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """One sighting a name: the sum of the counts, and the smallest witness."""
    by_name: dict[str, Sighting] = {}
    for one in sightings:
        known = by_name.get(one.name, replace(one, count=0))
        smaller = min(known, one, key=lambda sighting: len(sighting.txns))
        by_name[one.name] = replace(smaller, count=known.count + one.count)
    return tuple(by_name.values())
