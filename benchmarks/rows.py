"""What `benchmarks.checking` measures: one table of histories, each with its checker and its goals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from benchmarks.histories import Planted, list_append_history, plant, ring_history, stale_history, stale_read_history
from benchmarks.registers import cool_history, hot_history, random_history, serializable_findings
from benchmarks.weak_levels import LEVELS, weak_findings, weak_history
from checkers.catalogue import CATALOGUE, closed_refutations
from checkers.lists.list_append import check_list_append
from checkers.rw_register import check_rw_register
from harness.history import History
from harness.level import Level
from harness.verdict import Findings

__all__ = ["CHECKERS", "ROWS", "Goal", "Made", "Row"]

Made = tuple[History, Sequence[Planted]]


class Goal(NamedTuple):
    """The most that judging may take (columns loaded, warm cache), None where nothing is promised."""

    seconds: float | None = None
    megabytes: int | None = None


class Row(NamedTuple):
    """One measurement: a history with what was planted in it, judged by a checker of `CHECKERS`.

    `names` are all anomalies that may be found; what was planted must be. `rival` is what another tool takes.
    """

    name: str
    make: Callable[[], Made]
    checker: str
    goal: Goal = Goal()
    rival: str = ""
    names: tuple[str, ...] = ()


CHECKERS: dict[str, Callable[[History], Findings]] = {
    "list-append": check_list_append,
    "rw-register": check_rw_register,
    "serializable": serializable_findings,
    **{level: partial(weak_findings, level=level) for level in LEVELS},
}

_PLANTED = (
    "G0",
    "G1c",
    "G-single-item",
    "G-nonadjacent-item",
    "G2-item",
    "G-single-item-realtime",
    # Two lists in opposite orders show more than one thing, and a stale read misses an acknowledged append.
    "lost-append",
)
# What a serializable history may show whose serial order is not that of times and sessions.
_OUT_OF_ORDER = tuple(row.name for row in CATALOGUE if Level("serializable") not in closed_refutations([row.name]))


def _correct(make: Callable[[int], History], txns: int) -> Callable[[], Made]:
    """So many transactions, and nothing planted in them."""
    return lambda: (make(txns), ())


def _lists(txns: int, goal: Goal, rival: str = "") -> Row:
    return Row(f"list-append, {txns:,}", _correct(list_append_history, txns), "list-append", goal, rival)


def _planted(anomalies: int) -> Row:
    return Row(
        f"list-append, 1,000,000, {anomalies} anomal{'y' if anomalies == 1 else 'ies'}",
        lambda: plant(list_append_history(1_000_000), anomalies),
        "list-append",
        Goal(4.0),
        names=_PLANTED,
    )


def _tangled(what: str, make: Callable[[int], History], *names: str) -> Row:
    return Row(f"list-append, 100,000 {what}", _correct(make, 100_000), "list-append", names=names)


def _registers(what: str, make: Callable[[int], History], txns: int, seconds: float) -> tuple[Row, ...]:
    """Serializability, which has the goal, and the whole checker: all levels and all names."""
    name, history, names = f"{what}, {txns:,}", _correct(make, txns), _OUT_OF_ORDER if "random" in what else ()
    return (
        Row(f"serializable, {name}", history, "serializable", Goal(seconds)),
        Row(f"rw-register, {name}", history, "rw-register", names=names),
    )


def _weak(level: str, txns: int, goal: Goal, rival: str) -> Row:
    return Row(f"{level}, {txns:,}", _correct(weak_history, txns), level, goal, rival)


ROWS: tuple[Row, ...] = (
    _lists(200, Goal(0.2)),
    _lists(10_000, Goal()),
    _lists(100_000, Goal(1.0), "Elle 15 s (8.8 warm), 1.8 GB"),
    _lists(1_000_000, Goal(1.0, 1_000), "Elle 89.6 s, 10.8 GB"),
    _lists(10_000_000, Goal(12.0, 6_000)),
    _planted(1),
    _planted(10),
    _planted(100),
    _tangled("in one component", stale_history, "G1b", "G-single-item"),
    _tangled("in one cycle", ring_history, "G-nonadjacent-item"),
    _tangled("tied by real time", stale_read_history, "G-single-item-realtime", "lost-append"),
    *_registers("cool keys", cool_history, 10_000, 0.5),
    *_registers("cool keys", cool_history, 100_000, 5.0),
    *_registers("20 hot keys", hot_history, 10_000, 2.0),
    # The fewer reads a transaction has, the less is known of the order.
    *_registers("random, 80 % reads", random_history, 10_000, 10.0),
    *_registers("random", partial(random_history, reads=0.5), 10_000, 10.0),
    *_registers("random, 1-4 operations", partial(random_history, ops_min=1, ops_max=4, reads=0.5), 2_000, 10.0),
    _weak("monotonic-atomic-view", 100_000, Goal(), "AWDIT 0.50 s, 64 MB (RC)"),
    _weak("read-atomic", 100_000, Goal(), "AWDIT 0.64 s, 120 MB"),
    _weak("causal-cerone", 100_000, Goal(), "AWDIT 2.77 s, 692 MB"),
    _weak("read-committed", 1_000_000, Goal(5.0, 4_000), ""),
    _weak("monotonic-atomic-view", 1_000_000, Goal(5.0, 4_000), "AWDIT 6.9 s, 714 MB (RC)"),
    _weak("read-atomic", 1_000_000, Goal(8.0, 4_000), "AWDIT: stack overflow"),
    _weak("causal-cerone", 1_000_000, Goal(30.0, 4_000), "AWDIT: stack overflow"),
)
