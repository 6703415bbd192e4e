"""Levels as one line from weak to strong, through the expected one: refuted, not refuted, not searched.

The levels form a lattice, not a line; the rail is a chain in it, each level implied by the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from harness.level import IMPLIES, Level, implied_by, maximal, minimal, refuted_by
from reports.overall import Overall

__all__ = ["Standing", "Stop", "off_rail", "rail", "standing"]

_STOPS_MAX = 7

# Known names first: they fill the rail where there is room.
_PREFERRED = (
    "read-committed",
    "snapshot-isolation",
    "serializable",
    "strict-serializable",
    "repeatable-read",
    "read-atomic",
    "causal-cerone",
    "prefix",
    "strong-session-serializable",
    "strong-snapshot-isolation",
    "strong-session-snapshot-isolation",
    "consistent-view",
    "cursor-stability",
    "read-uncommitted",
    "linearizable",
    "sequential",
    "causal",
    "PRAM",
    "read-your-writes",
)


class Stop(NamedTuple):
    """A level on the rail. `state` is refuted, observed, not refuted or not searched."""

    level: str
    state: str
    expected: bool


class Standing(NamedTuple):
    """What the checkers left of the lattice: `refuted` closed upward, `strongest` not refuted.

    `vouched` are those of them that some search with enough evidence left in no doubt: they were observed.
    """

    expected: str
    refuted: tuple[Level, ...]
    strongest: tuple[Level, ...]
    vouched: frozenset[Level]

    def state(self, level: str) -> str:
        """The state of one level."""
        if level in self.refuted:
            return "refuted"
        if level in self.vouched:
            return "observed"
        if any(level in implied_by(one) for one in self.strongest):
            return "not refuted"
        return "not searched"


def standing(runs: Iterable[Overall], expected: str) -> Standing:
    """Several runs of one target at one level together: one refutation is enough."""
    runs = list(runs)
    refuted = refuted_by(level for one in runs for level in one.refuted)
    strongest = maximal({level for one in runs for level in one.searched} - set(refuted))
    sure = [one for one in runs if not one.lacking]
    vouched = frozenset(level for level in strongest if any(level not in one.doubted for one in sure))
    return Standing(expected, refuted, strongest, vouched)


def rail(place: Standing) -> tuple[Stop, ...]:
    """At most seven levels, weak to strong. A level that is not in the table stands alone."""
    if place.expected not in IMPLIES:
        return (Stop(place.expected, "not searched", True),) if place.expected else ()
    chosen: list[str] = [place.expected]
    left = {level for one in place.strongest for level in implied_by(one)} & implied_by(place.expected)
    for wanted in (*place.strongest, *maximal(left), *minimal(place.refuted), *_PREFERRED):
        if len(chosen) < _STOPS_MAX and wanted not in chosen and all(_ordered(wanted, one) for one in chosen):
            chosen.append(wanted)
    chosen.sort(key=lambda one: len(implied_by(one)))
    return tuple(Stop(one, place.state(one), one == place.expected) for one in chosen)


def off_rail(place: Standing) -> str:
    """The weakest refuted and the strongest standing levels that the chain had to leave out, as sentences."""
    shown = {stop.level for stop in rail(place)}
    told = (("refuted", minimal(place.refuted)), ("not refuted", place.strongest))
    sentences = []
    for word, levels in told:
        missing = ", ".join(level for level in levels if level not in shown)
        if missing:
            sentences.append(f"Not on this line, {word}: {missing}.")
    return " ".join(sentences)


def _ordered(one: str, two: str) -> bool:
    return one in implied_by(two) or two in implied_by(one)
