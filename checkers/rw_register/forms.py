"""The levels that are decided here, each as a graph that must not have a circle.

Dependencies (ww, wr and what order there is) lead from a to b, anti-dependencies (rw) from a reader to the writer of
the next version. What may not be:

    SERIAL     any circle                                     one node T for each transaction
    SNAPSHOT   a circle without two rw one after another      two nodes: its commit T, its snapshot n + T
    PARALLEL   a circle with at most one rw                   two layers, T without an rw so far, n + T with one

For SNAPSHOT every circle of the graph is a forbidden one: an rw arrives at a commit, from where only dependencies
lead on. For PARALLEL a circle of dependencies is one of the graph; one with a single rw is a way from T to n + T by
way of that rw, and is looked for apart. Sources: Adya 1999; Cerone & Gotsman 2016 and 2018.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from checkers.joins import Ints
from harness.level import Level

__all__ = ["FORMS", "Form", "Kind", "Order", "antis", "dependencies", "own"]


class Kind(IntEnum):
    """What must not have a circle."""

    SERIAL = 0
    SNAPSHOT = 1
    PARALLEL = 2


class Order(IntEnum):
    """What order is kept besides: none, that within each session, real time too."""

    NONE = 0
    SESSION = 1
    REALTIME = 2


class Form(NamedTuple):
    """A level as a kind of circle and an order, and what its refutation is called (see `Order` for the suffix)."""

    level: Level
    kind: Kind
    order: Order
    anomaly: str

    def nodes(self, size: int) -> int:
        """How many nodes `size` transactions have."""
        return size if self.kind == Kind.SERIAL else 2 * size


FORMS: dict[str, Form] = {
    name: Form(Level(name), kind, order, anomaly)
    for kind, anomaly, names in (
        (
            Kind.SERIAL,
            "no-serial-order",
            ("serializable", "strong-session-serializable", "strict-serializable"),
        ),
        (
            Kind.SNAPSHOT,
            "no-snapshot-order",
            ("snapshot-isolation", "strong-session-snapshot-isolation", "strong-snapshot-isolation"),
        ),
        (
            Kind.PARALLEL,
            "no-parallel-snapshot-order",
            ("parallel-snapshot-isolation",),
        ),
    )
    for order, name in enumerate(names)
    for order in (Order(order),)
}


def dependencies(kind: Kind, size: int, before: Ints, after: Ints) -> tuple[Ints, Ints]:
    """The edges (source, target) of dependencies between transactions 0..size-1; PARALLEL has two for each."""
    if kind == Kind.SERIAL:
        return before, after
    if kind == Kind.SNAPSHOT:
        return before, size + after
    return np.concatenate((before, size + before)), np.concatenate((after, size + after))


def antis(kind: Kind, size: int, reader: Ints, writer: Ints) -> tuple[Ints, Ints]:
    """The edges of anti-dependencies, one for each."""
    if kind == Kind.SERIAL:
        return reader, writer
    return (size + reader, writer) if kind == Kind.SNAPSHOT else (reader, size + writer)


def own(kind: Kind, size: int) -> tuple[Ints, Ints]:
    """The edges between the two nodes of one transaction: its snapshot comes before its commit."""
    if kind == Kind.SERIAL:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    one, two = np.arange(size), np.arange(size) + size
    return (two, one) if kind == Kind.SNAPSHOT else (one, two)
