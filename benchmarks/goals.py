"""Goals as data, and when a figure counts as having missed one on a machine that others use too.

Stores take turns round by round, and each round gives one ratio of the engine to the peer measured beside it. The
median ratio says how it is. A goal is missed only where the median misses it and three quarters of the rounds do:

    at most 1.0    0.8 0.9 0.9 0.9 1.1    reached
                   0.9 0.9 1.1 1.1 1.2    close: the median misses it, but so little that rounds differ on it
                   1.1 1.1 1.2 1.2 1.3    missed
"""

from __future__ import annotations

from statistics import median
from typing import Literal, NamedTuple

import msgspec

__all__ = ["Goal", "Judged", "Line", "State", "judge", "within"]

State = Literal["reached", "close", "missed", "not measured"]


class Goal(NamedTuple):
    """At most (or at least) `bound` times the column `against`; where that is None, `bound` in the row's unit."""

    bound: float
    against: str | None = None
    at_least: bool = False


class Judged(msgspec.Struct):
    """A goal and what the rounds say: the median of the ratios, the smallest and the largest."""

    goal: Goal
    state: State
    median: float | None = None
    low: float | None = None
    high: float | None = None


class Line(msgspec.Struct):
    """A row as measured: samples by column in the order of rounds, and in how many rounds a result was wrong."""

    row: str
    what: str
    unit: str
    samples: dict[str, list[float]]
    wrong: dict[str, int]
    goals: list[Judged]

    def missed(self) -> bool:
        """Whether a goal was missed, or the engine wrong."""
        return "engine" in self.wrong or any(one.state == "missed" for one in self.goals)


def judge(goal: Goal, samples: dict[str, list[float]]) -> Judged:
    """The goal against the samples of one row."""
    ours = samples["engine"]
    if goal.against is None:
        ratios = sorted(ours)
    elif goal.against in samples:
        ratios = sorted(one / peer for one, peer in zip(ours, samples[goal.against], strict=True))
    else:
        return Judged(goal, "not measured")
    middle = median(ratios)
    # What at least a quarter of the rounds reach.
    place = (len(ratios) - 1) // 4
    favourable = ratios[-1 - place] if goal.at_least else ratios[place]
    state: State = "reached" if _keeps(goal, middle) else "close" if _keeps(goal, favourable) else "missed"
    return Judged(goal, state, middle, ratios[0], ratios[-1])


def _keeps(goal: Goal, ratio: float) -> bool:
    return ratio >= goal.bound if goal.at_least else ratio <= goal.bound


def within(figure: float, most: float | None) -> tuple[bool, str]:
    """Whether a figure is at most so much (None: nothing is promised), and what a table says of it."""
    if most is None:
        return True, ""
    return figure <= most, f"<= {most:g}" if figure <= most else f"[red]<= {most:g} missed[/]"
