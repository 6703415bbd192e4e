"""Which old versions must stay, and dropping the others while transactions run.

A version may go when the one that hides it is at or below the horizon, the oldest snapshot in use. One old snapshot
then holds all that was written since; so from time to time the chains are swept, and of each two neighbours

    hiding [9] ──▶ [7] ──▶ [4]      7 stays if a snapshot in use lies in [4, 9):
                                    in [7, 9) it sees 7, in [4, 7) 7 is its FIRST overwriter

Nothing else of a chain can matter: a snapshot yet to be taken is the newest commit or newer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Final

from engine.index import Node

__all__ = ["Collector"]

_SWEEP_COUNT_MIN: Final = 4096


class Collector:
    """The versions that hide older ones, in the order of their commits. Used under the store's commit mutex."""

    def __init__(self) -> None:
        self._hiding: deque[tuple[int, list[Node]]] = deque()
        self._count = 0  # nodes in `_hiding`
        self._sweep_at = _SWEEP_COUNT_MIN

    def watch(self, number: int, hiding: list[Node]) -> None:
        """The nodes of commit `number` that hide an older version."""
        if hiding:
            self._hiding.append((number, hiding))
            self._count += len(hiding)

    def collect(self, snapshots: Sequence[int], newest: int) -> None:
        """Drop what nobody needs. `snapshots` are those in use, ascending; `newest` is the newest commit."""
        horizon = snapshots[0] if snapshots else newest
        hiding = self._hiding
        while hiding and hiding[0][0] <= horizon:
            nodes = hiding.popleft()[1]
            self._count -= len(nodes)
            for node in nodes:
                node[2] = None
        if self._count > self._sweep_at:
            self._sweep(snapshots)

    def must_collect(self, horizon: int) -> bool:
        """Whether `collect` would find anything to do."""
        return bool(self._hiding) and (self._hiding[0][0] <= horizon or self._count > self._sweep_at)

    def _sweep(self, snapshots: Sequence[int]) -> None:
        """Cut from every chain what no snapshot in use sees or is first overwritten by.

        Newest first: a node that is cut out here is met later in the walk, and left out. Its own link stays as it
        is, since a reader without a lock may stand on it.
        """
        cut: set[int] = set()
        kept: deque[tuple[int, list[Node]]] = deque()
        for number, nodes in reversed(self._hiding):
            still = [node for node in nodes if id(node) not in cut and self._relinked(node, snapshots, cut)]
            if still:
                kept.appendleft((number, still))
        self._hiding = kept
        self._count = sum(len(nodes) for _, nodes in kept)
        # Twice what is left: a sweep then costs O(1) per version made since the last one.
        self._sweep_at = max(_SWEEP_COUNT_MIN, 2 * self._count)

    def _relinked(self, node: Node, snapshots: Sequence[int], cut: set[int]) -> bool:
        """Take out what `node` hides as far as nobody needs it; returns whether it still hides something."""
        older: Node | None = node[2]
        while older is not None and not self._is_needed(older, node, snapshots):
            cut.add(id(older))
            older = older[2]
        node[2] = older
        return older is not None

    def _is_needed(self, node: Node, hiding: Node, snapshots: Sequence[int]) -> bool:
        """Whether a snapshot in use sees `node`, which `hiding` hides, or is first overwritten by it."""
        below = node[2][0] if node[2] is not None else 0
        return _between(snapshots, below, hiding[0])

    def _check(self, horizon: int, versions: list[Node]) -> None:
        """Assert that exactly the versions that hide another one are watched, all above the horizon."""
        watched = {id(node) for _, nodes in self._hiding for node in nodes}
        hiding = {id(node) for node in versions if node[2] is not None}
        assert hiding == watched, "an old version that nothing will collect, or a watch on nothing"
        assert all(number > horizon for number, _ in self._hiding), "collection is behind the horizon"
        assert self._count == len(watched), "the number of hiding versions is wrong"


def _between(snapshots: Sequence[int], low: int, high: int) -> bool:
    """Whether one of the ascending snapshots lies in [low, high)."""
    place = bisect_left(snapshots, low)
    return place < len(snapshots) and snapshots[place] < high
