"""A temporal graph: edges that are valid for a time, from a moment on and before another one.

    ("edge", source, kind, target, from)    [until or None, properties]

An edge is valid at t where from <= t < until; without an until for ever. Times are numbers of whatever unit, and have
nothing to do with the clock. An edge between the same nodes may have many periods, one from each moment; nodes need
not be told.

Reading reads all edges of the source (and kind), whatever their time, and new ones conflict with it. `add_edge` reads
nothing; `end_edge` reads all periods of its edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.errors import InvalidArgument
from engine.models.arguments import checked_name, checked_number, checked_properties
from engine.models.space import Space
from engine.models.view import View, atomic

__all__ = ["Temporal", "TemporalEdge"]


class TemporalEdge(NamedTuple):
    """An edge in one of its periods, [valid_from, valid_until); no end is None."""

    source: str
    kind: str
    target: str
    valid_from: float
    valid_until: float | None
    properties: dict[str, Any]

    def is_valid_at(self, moment: float) -> bool:
        """Whether the moment is in the period."""
        return self.valid_from <= moment and (self.valid_until is None or moment < self.valid_until)


class Temporal(View):
    """A temporal graph by its name."""

    kind = "temporal"

    @atomic
    def add_edge(
        self,
        space: Space,
        source: str,
        kind: str,
        target: str,
        valid_from: float,
        valid_until: float | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a period of an edge; one from the same moment is replaced.

        Raises InvalidArgument for a period without a moment in it: its end must be behind its beginning.
        """
        start = _moment(valid_from)
        until = None if valid_until is None else _moment(valid_until)
        if until is not None and until <= start:
            raise InvalidArgument(f"an edge that is valid from {start} cannot end at {until}")
        space.put((*_edge_row(source, kind, target), start), [until, checked_properties(properties)])

    @atomic
    def edges_at(self, space: Space, source: str, at: float, kind: str | None = None) -> list[TemporalEdge]:
        """The edges from `source` that are valid at a moment, in the order of kinds, then of targets."""
        moment = _moment(at)
        return [edge for edge in _edges(space, source, kind) if edge.is_valid_at(moment)]

    @atomic
    def end_edge(self, space: Space, source: str, kind: str, target: str, at: float) -> bool:
        """Let the edge end at `at` where it is valid then; returns whether it was.

        A period that begins at `at` is gone with it: there is no moment left in it.
        """
        moment = _moment(at)
        ended = [edge for edge in _periods(space, _edge_row(source, kind, target)) if edge.is_valid_at(moment)]
        for edge in ended:
            row = (*_edge_row(source, kind, target), edge.valid_from)
            if edge.valid_from == moment:
                space.delete(row)
            else:
                space.put(row, [moment, edge.properties])
        return bool(ended)

    @atomic
    def history(self, space: Space, source: str, kind: str | None = None) -> list[TemporalEdge]:
        """All edges from `source`, whenever they are valid, in the order in which they begin."""
        return sorted(_edges(space, source, kind), key=lambda edge: edge.valid_from)


def _edges(space: Space, source: str, kind: str | None) -> list[TemporalEdge]:
    named = ("edge", checked_name(source, "the id of a node"))
    return _periods(space, named if kind is None else (*named, checked_name(kind, "the kind of an edge")))


def _periods(space: Space, prefix: tuple[str, ...]) -> list[TemporalEdge]:
    return [
        TemporalEdge(source, kind, target, start, until, properties)
        for (_, source, kind, target, start), (until, properties) in space.scan(prefix)
    ]


def _edge_row(source: str, kind: str, target: str) -> tuple[str, str, str, str]:
    return (
        "edge",
        checked_name(source, "the id of a node"),
        checked_name(kind, "the kind of an edge"),
        checked_name(target, "the id of a node"),
    )


def _moment(number: float) -> float:
    """The number, as an int where it is whole: 5 and 5.0 are one moment, and ints of any size keep their value."""
    checked_number(number, "a moment")
    return int(number) if number == int(number) else number
