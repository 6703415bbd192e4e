"""Isolation and consistency levels, and which implies which.

`IMPLIES[a]` lists the levels that every history allowed by `a` is allowed by too, one row per level with the
work it comes from. Everything else in this file is derived from that table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from typing import NewType

__all__ = ["IMPLIES", "LEVELS", "Level", "implied_by", "level", "maximal", "minimal", "refuted_by"]

Level = NewType("Level", str)

# level: (implied levels, source). A level whose name starts with "strong" adds session or real-time order.
IMPLIES: dict[str, tuple[tuple[str, ...], str]] = {
    "read-uncommitted": ((), "Adya 1999, PL-1"),
    "read-committed": (("read-uncommitted",), "Adya 1999, PL-2"),
    "monotonic-atomic-view": (("read-committed",), "Bailis 2013"),
    "read-atomic": (("monotonic-atomic-view",), "Cerone 2015"),
    "update-atomic": (("read-atomic",), "Cerone 2015; Liu 2018 as ROLA"),
    "causal-cerone": (("read-atomic",), "Cerone 2015"),
    "cursor-stability": (("read-committed",), "Adya 1999, PL-CS"),
    "consistent-view": (("cursor-stability",), "Adya 1999, PL-2+"),
    "prefix": (("causal-cerone",), "Cerone 2015"),
    "parallel-snapshot-isolation": (
        ("causal-cerone", "update-atomic", "consistent-view"),
        "Cerone 2015: no cycle with fewer than two anti-dependencies",
    ),
    "repeatable-read": (("cursor-stability", "monotonic-atomic-view"), "Adya 1999, PL-2.99; Bailis 2013"),
    "snapshot-isolation": (
        ("consistent-view", "parallel-snapshot-isolation", "prefix"),
        "Adya 1999; Cerone 2015",
    ),
    "update-serializable": (("consistent-view",), "Adya 1999, PL-3U"),
    "serializable": (("repeatable-read", "snapshot-isolation", "update-serializable"), "Adya 1999, PL-3"),
    "strong-session-read-uncommitted": (("read-uncommitted",), "Daudjee 2004, by analogy"),
    "strong-session-read-committed": (
        ("read-committed", "strong-session-read-uncommitted"),
        "Daudjee 2004, by analogy",
    ),
    "strong-session-monotonic-atomic-view": (
        ("monotonic-atomic-view", "strong-session-read-committed"),
        "Biswas & Enea 2019, as their read committed",
    ),
    "strong-session-read-atomic": (
        ("read-atomic", "strong-session-monotonic-atomic-view"),
        "Biswas & Enea 2019: read atomic with session order",
    ),
    "strong-session-causal-cerone": (
        ("causal-cerone", "strong-session-read-atomic"),
        "Biswas & Enea 2019: causal consistency of transactions, with session order",
    ),
    "strong-session-snapshot-isolation": (
        ("snapshot-isolation", "strong-session-causal-cerone"),
        "Daudjee 2006",
    ),
    "strong-session-serializable": (("serializable", "strong-session-snapshot-isolation"), "Daudjee 2004"),
    "strong-read-uncommitted": (("strong-session-read-uncommitted",), "Daudjee 2004, by analogy"),
    "strong-read-committed": (
        ("strong-session-read-committed", "strong-read-uncommitted"),
        "Daudjee 2004, by analogy",
    ),
    "strong-snapshot-isolation": (
        ("strong-session-snapshot-isolation", "strong-read-committed"),
        "Daudjee 2006",
    ),
    "strict-serializable": (
        ("strong-session-serializable", "strong-snapshot-isolation", "linearizable"),
        "Adya 1999, PL-SS; Bailis 2013",
    ),
    "linearizable": (("sequential",), "Viotti & Vukolić 2016 (single objects)"),
    "sequential": (("causal",), "Viotti & Vukolić 2016"),
    "causal": (("writes-follow-reads", "PRAM"), "Viotti & Vukolić 2016"),
    "writes-follow-reads": ((), "Viotti & Vukolić 2016"),
    "PRAM": (("monotonic-reads", "monotonic-writes", "read-your-writes"), "Viotti & Vukolić 2016"),
    "monotonic-reads": ((), "Viotti & Vukolić 2016"),
    "monotonic-writes": ((), "Viotti & Vukolić 2016"),
    "read-your-writes": ((), "Viotti & Vukolić 2016"),
}

LEVELS: tuple[Level, ...] = tuple(Level(name) for name in IMPLIES)


def level(name: str) -> Level:
    """The level called `name`. Raises ValueError with the known names for any other."""
    if name not in IMPLIES:
        near = difflib.get_close_matches(name, IMPLIES, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"unknown level {name!r}{hint}; known levels: {', '.join(IMPLIES)}")
    return Level(name)


@cache
def implied_by(name: str) -> frozenset[Level]:
    """Every level that `name` implies, itself included."""
    below = {Level(name)}
    for weaker in IMPLIES[name][0]:
        below |= implied_by(weaker)
    return frozenset(below)


def refuted_by(names: Iterable[str]) -> tuple[Level, ...]:
    """Every level that implies one of `names`: refuting a level refutes all above it. In table order."""
    broken = set(names)
    return tuple(one for one in LEVELS if broken & implied_by(one))


def maximal(names: Iterable[str]) -> tuple[Level, ...]:
    """The levels of `names` that no other level of `names` implies. In table order."""
    kept = set(names)
    return tuple(
        one for one in LEVELS if one in kept and not any(one in implied_by(two) for two in kept if two != one)
    )


def minimal(names: Iterable[str]) -> tuple[Level, ...]:
    """The levels of `names` that imply no other level of `names`. In table order."""
    kept = set(names)
    return tuple(one for one in LEVELS if one in kept and not (implied_by(one) - {one}) & kept)
