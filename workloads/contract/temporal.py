"""Section F: an edge of a temporal graph is valid from its first moment until just before its end, [from, until)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, answer, holds, outcome, same

__all__ = ["TEMPORAL"]

_YEAR_3000 = 32_503_680_000
_GRAPH = "history"


def _intervals(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    yield _inverted(db)
    outcome(db.call, "add_temporal_edge", _GRAPH, "met", "MET", "bob", 5000, 6000)
    met = [("MET", "bob")]
    yield same(
        "F1.2", _at(db, "met", 4999, 5000, 5999), [[], met, met], "edges just before, at and within an interval"
    )
    yield same("F1.3", _at(db, "met", 6000, 6001), [[], []], "edges at the end of the interval and after it")
    outcome(db.call, "add_temporal_edge", _GRAPH, "open", "BORN", "earth", 0, 0)
    always = _at(db, "open", 0, 5000, _YEAR_3000)
    yield same(
        "F1.4", always, [[("BORN", "earth")]] * 3, "an edge from 0 with an open end at 0, 5000, and the year 3000"
    )
    outcome(db.call, "add_temporal_edge", _GRAPH, "late", "FUTURE", "mars", _YEAR_3000, 0)
    late = _at(db, "late", _YEAR_3000 - 1, _YEAR_3000, _YEAR_3000 + 1)
    future = [("FUTURE", "mars")]
    yield same("F1.5", late, [[], future, future], "an edge from the year 3000 on: a second before, at, and after it")


def _inverted(db: Handle) -> Observed:
    """To refuse an interval that ends before it begins is honest, and so is to take it for an empty one."""
    why = answer(lambda: db.call("add_temporal_edge", _GRAPH, "inverted", "KNOWS", "bob", 2000, 1000))
    seen = _at(db, "inverted", 0, 999, 1000, 1500, 2000, 2001)
    told = f"an interval from 2000 until 1000: {why or 'accepted'}; edges at six times around it: {seen!r}"
    return holds("F1.1", why in {"", "argument"} and seen == [[]] * 6, told)


def _at(db: Handle, source: str, *times: int) -> list[Any]:
    return [outcome(db.call, "temporal_edges", _GRAPH, source, time) for time in times]


TEMPORAL: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="F1",
        title="Intervals of validity",
        severity="medium",
        checks=(
            Check("F1.1", "An interval that ends before it begins is refused, or valid at no time"),
            Check("F1.2", "An edge is valid at its first moment and not before"),
            Check("F1.3", "An edge is not valid at its end"),
            Check("F1.4", "An edge from 0 without an end is valid at every time"),
            Check("F1.5", "An edge that begins in the year 3000 is valid from then on and not before"),
        ),
        program=_intervals,
        calls=("add_temporal_edge", "temporal_edges"),
        impact="Questions about the past are answered with what was not true then.",
        advice="Compare times as half-open intervals, and refuse those that end before they begin.",
    ),
)
