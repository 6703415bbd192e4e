"""Which transactions of a window no later one can touch: they and everything before them are known.

A transaction stays where something that may still change comes before it: it can be retired iff nothing that stays
leads to it. Components of the graph are then retired whole or not at all, and later edges lead out of them only -
unless a later read misses what had ended before it began, which `past` notices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from checkers.graphs.graph import Edges
from checkers.lists.dependencies import unseen_appends
from checkers.lists.observations import Observations
from checkers.streaming.live import PAST_ROW
from checkers.streaming.past import UNSEEN_MAX, Knot

__all__ = ["Order", "knot_of", "order_of", "retirable"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# More transactions than these are not told apart: their order is then a matter of the whole log.
_KNOT_MAX = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class Order:
    """What leads to what in a window: data edges (e,) and real time, which is taken a little too wide with ties."""

    start: Ints  # (n,)
    end: Ints  # (n,)
    passes_time: Bools  # (n,) committed for sure: real time leads on from it
    takes_part: Bools  # (n,)
    source: Ints
    target: Ints

    def reached(self, seeds: Bools) -> Bools:
        """(n,) the seeds and everything that they lead to."""
        reached = seeds.copy()
        while True:
            more = reached.copy()
            ended = self.end[reached & self.passes_time]
            if len(ended):
                more |= self.takes_part & (self.start >= ended.min())
            more[self.target[more[self.source]]] = True
            if (more == reached).all():
                return reached
            reached = more


def order_of(seen: Observations, edges: Edges) -> Order:
    """The order of a window with these edges."""
    history = seen.history
    return Order(
        start=history.start,
        end=history.end,
        passes_time=seen.included & (history.status == 0),
        takes_part=seen.included,
        source=edges.source,
        target=edges.target,
    )


def retirable(seen: Observations, order: Order, unsettled: Bools) -> Bools:
    """(n,) what can be retired, the past included, where the `unsettled` rows may still change."""
    pairs = np.array(list(_open_pairs(seen)), dtype=np.int64).reshape(-1, 2)
    # Until a read shows which of two overlapping appends came first, either may be the other's predecessor.
    wider = Order(
        start=order.start,
        end=order.end,
        passes_time=order.passes_time,
        takes_part=order.takes_part,
        source=np.concatenate((order.source, pairs[:, 0], pairs[:, 1])),
        target=np.concatenate((order.target, pairs[:, 1], pairs[:, 0])),
    )
    free = ~wider.reached(unsettled)
    free[PAST_ROW] = True
    return free


def _open_pairs(seen: Observations) -> Iterator[tuple[int, int]]:
    """Rows that ran at the same time and appended to one key what no read shows."""
    start, end = seen.history.start, seen.history.end
    for rows in _writers_by_key(seen):
        if len(rows) > UNSEEN_MAX:
            continue
        for place, one in enumerate(rows):
            for two in rows[:place]:
                if end[one] >= start[two] and end[two] >= start[one]:
                    yield one, two


def _writers_by_key(seen: Observations) -> Iterator[list[int]]:
    """For each key with appends that no read shows, the rows that made them."""
    unseen = unseen_appends(seen)
    keys = seen.append_key[unseen]
    for group in np.split(seen.append_row[unseen], np.flatnonzero(np.diff(keys)) + 1):
        yield np.unique(group).tolist()


def knot_of(seen: Observations, order: Order, retired: Bools, ids: dict[int, int]) -> Knot | None:
    """The retired rows whose appends to one key have no order yet, by their `ids`; None if there are too many."""
    open_rows = {row for pair in _open_pairs(seen) if retired[list(pair)].all() for row in pair}
    if len(open_rows) > _KNOT_MAX:
        return None
    leads_to = {}
    for row in open_rows:
        seed = np.zeros(len(retired), dtype=bool)
        seed[row] = True
        reached = order.reached(seed)
        leads_to[ids[row]] = [ids[other] for other in open_rows if other != row and reached[other]]
    return Knot(leads_to)
