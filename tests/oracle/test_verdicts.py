"""The brute force itself: textbook histories with verdicts that the eye sees, and two definitions of one level."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from harness.history import Txn
from harness.level import Level, implied_by, maximal, refuted_by

from .abstract import CLOCKS, KINDS, MODELS, abstract_history
from .graphs import has_version_order
from .notation import notation, registers, txns
from .verdicts import DECIDED, Verdicts

COMMITTED = {"strong-session-monotonic-atomic-view", "strong-read-committed"}
PARALLEL = {"parallel-snapshot-isolation", "strong-session-causal-cerone", "strong-read-committed"}

REGISTERS = {
    "nothing wrong": ("0 1-2 wx1; 1 3-4 rx1 wx2; 0 5-6 rx2", {"strict-serializable"}),
    "stale read": ("0 1-2 wx1; 1 3-4 rx", {"strong-session-serializable", "strong-read-committed"}),
    "stale read of a session": ("0 1-2 wx1; 0 3-4 rx", {"serializable", *COMMITTED}),
    "write skew": ("rx wy1; ry wx1", {"strong-snapshot-isolation"}),
    "long fork": (
        "wx1; wy1; rx1 ry; rx ry1",
        PARALLEL,
    ),
    "lost update": ("rx wx1; rx wx2", {"strong-session-causal-cerone", "strong-read-committed"}),
    "causality violation": (
        "wx1; rx1 wy2; ry2 rx",
        {"strong-session-read-atomic", "strong-read-committed"},
    ),
    "fractured read": ("wx1 wy1; wx2 wy2; rx1 ry2", COMMITTED),
    "seen and later gone": ("wx1 wy1; rx1 ry", {"strong-read-committed"}),
    "aborted read": ("aborted wx1; rx1", {"strong-read-uncommitted"}),
    "intermediate read": ("wx1 wx2; rx1", {"strong-read-uncommitted"}),
    "circular information": ("wx1 ry1; wy1 rx1", {"strong-read-uncommitted"}),
    "future read": ("rx1 wx1", {"strong-read-uncommitted"}),
    "garbage": ("rx7", set()),
    "own write missed": ("wx1 rx", {"repeatable-read", "consistent-view", *COMMITTED}),
    "an unknown one took effect": ("0 1-2 unknown wx1; 1 3-4 rx1", {"strict-serializable"}),
    "an unknown one did not": ("0 1-2 unknown wx1; 1 3-4 rx", {"strict-serializable"}),
    "an unknown one took effect late": ("0 1-2 unknown wx1; 1 3-4 rx; 1 5-6 rx1", {"strict-serializable"}),
    "an unknown one cannot be undone": (
        "0 1-2 unknown wx1; 1 3-4 rx1; 1 5-6 rx",
        {"serializable", "strong-session-read-atomic", "strong-read-committed"},
    ),
    "phantom": ("sac wa1; sac wb2", {"strong-snapshot-isolation", "repeatable-read"}),
    "a range read misses": ("0 1-2 wa1; 1 3-4 sac", {"strong-session-serializable", "strong-read-committed"}),
    "deleted again": ("0 1-2 wa1; 0 3-4 da; 1 5-6 sac", {"strict-serializable"}),
    "deleted, and yet seen": ("0 1-2 wa1; 0 3-4 da wb1; 1 5-6 sac:a1,b1", {"serializable", *COMMITTED}),
}

LISTS = {
    "nothing wrong": ("0 1-2 ax1; 1 3-4 rx1 ax2; 0 5-6 rx1,2", {"strict-serializable"}),
    "write skew": ("rx ay1; ry ax1", {"strong-snapshot-isolation"}),
    "long fork": (
        "ax1; ay1; rx1 ry; rx ry1",
        PARALLEL,
    ),
    "dirty write": ("ax1 ay1; ax2 ay2; rx1,2 ry2,1", set()),
    "either order of unread appends": (
        "ry az1 ax1; rz ay2 ax2",
        {"strong-session-causal-cerone", "strong-read-committed"},
    ),
    "incompatible": ("ax1; ax2; rx1,2; rx2", set()),
    "twice": ("ax1; rx1,1", set()),
    "an append lost": ("0 1-2 ax1; 1 3-4 rx", {"strong-session-serializable", "strong-read-committed"}),
}


@pytest.mark.parametrize(("text", "strongest"), REGISTERS.values(), ids=REGISTERS.keys())
def test_registers(text: str, strongest: set[str]) -> None:
    """The strongest levels that allow a textbook history of registers are those that the literature says."""
    assert strongest_of(registers(text)) == strongest


@pytest.mark.parametrize(("text", "strongest"), LISTS.values(), ids=LISTS.keys())
def test_lists(text: str, strongest: set[str]) -> None:
    """The same for lists."""
    assert strongest_of(txns(text)) == strongest


def strongest_of(history: list[Txn]) -> set[Level]:
    verdicts = Verdicts(history)
    return set(maximal(level for level in DECIDED if verdicts.allowed(level)))


BY_GRAPHS = {
    "serializable": ("serializable", ""),
    "strong-session-serializable": ("serializable", "session"),
    "strict-serializable": ("serializable", "realtime"),
    "snapshot-isolation": ("SI", ""),
    "strong-session-snapshot-isolation": ("SI", "session"),
    "strong-snapshot-isolation": ("SI", "realtime"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_executions_and_graphs_agree(kind: str) -> None:
    """A history has an execution of a level iff some version order gives a graph without the cycles it forbids."""
    for history in made(kind):
        verdicts = Verdicts(history)
        for level, (condition, kept) in BY_GRAPHS.items():
            found = has_version_order(verdicts.history, condition, kept)
            assert found == verdicts.allowed(level), (level, notation(history))


@pytest.mark.parametrize("kind", KINDS)
def test_verdicts_fit_the_lattice(kind: str) -> None:
    """No level allows a history that a level implied by it, with a definition of its own, does not allow."""
    for history in made(kind):
        verdicts = Verdicts(history)
        granted = {one for level in DECIDED if verdicts.allowed(level) for one in implied_by(level)}
        refused = set(refuted_by(level for level in DECIDED if verdicts.allowed(level) is False))
        assert not granted & refused, notation(history)
        assert Verdicts(history).settled() == (granted, refused), notation(history)


def made(kind: str) -> Iterator[list[Txn]]:
    for model, seed in product(MODELS, range(60)):
        yield abstract_history(kind, model, seed, plain=bool(seed & 1), clock=CLOCKS[seed % len(CLOCKS)])
