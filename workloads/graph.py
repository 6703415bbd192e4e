"""graph: nodes and edges come and go; an edge always has both its nodes.

    T1 ── node 5 exists ── add edge 3 → 5 ── commit      each of them was right about the graph that it saw,
    T2 ───── node 5 has no edges ── delete node 5 ── commit     and together they leave an edge to nowhere

Uses keys (the nodes in play at a time), read_ratio (the share of transactions that look around a node) and
rollback_ratio. An id is used once and an edge has a kind of its own, so that what is gone never comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from harness.history import Op
from harness.program import Params, Program, Rng, Rollback, Workload
from workloads.sweep import straight, sweep

__all__ = ["GRAPH"]

_GRAPH = "graph"
_CHUNK = 16
_GAP = 128
_NEW_NODE_SHARE = 0.3
_DELETE_SHARE = 0.5


class _Nodes:
    """The numbers of the nodes in play, and of those that just went: a link may still be made to these."""

    def __init__(self, keys: int) -> None:
        self.active = list(range(max(2, keys)))
        self._gone: list[int] = []
        self._next = len(self.active)

    @property
    def wanted(self) -> list[int]:
        return [*self.active, *self._gone]

    def replace(self, place: int) -> tuple[int, int]:
        """(the node that goes, the one that comes in its place)."""
        old, new = self.active[place], self._next
        self.active[place] = new
        self._gone = [*self._gone, old][-2:]
        self._next += 1
        return old, new


def _node(number: int) -> str:
    return f"node{number}"


def _look(number: int) -> Op:
    return Op("traverse", _GRAPH, (_node(number), 1))


def _add(number: int) -> Op:
    return Op("add_node", _GRAPH, _node(number))


def _setup(rng: Rng, params: Params) -> Iterator[Program]:
    yield straight([_add(number) for number in _Nodes(params.keys).active])


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    nodes = _Nodes(params.keys)
    for number in count():
        rollback = rng.random() < params.rollback_ratio
        if rng.random() < params.read_ratio:
            yield straight([_look(node) for node in rng.sample(nodes.wanted, 2)])
        elif rng.random() < _NEW_NODE_SHARE:
            old, new = nodes.replace(rng.randrange(len(nodes.active)))
            delete = [Op("delete_node", _GRAPH, _node(old))] if rng.random() < _DELETE_SHARE else []
            yield straight([*delete, _add(new)], rollback=rollback)
        else:
            source, target = rng.sample(nodes.wanted, 2)
            yield _link(source, f"edge{number}", target, rollback)


def _link(source: int, kind: str, target: int, rollback: bool) -> Program:
    """Add an edge between two nodes that are there: whether the database would refuse it else is its own affair."""
    for number in (source, target):
        _, (found, _) = (yield _look(number)).value
        if _node(number) not in found:
            return
    yield Op("add_edge", _GRAPH, (_node(source), kind, _node(target)))
    if rollback:
        raise Rollback


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    return sweep(
        lambda number: [_look(number)], chunk=_CHUNK, gap=lambda _: _GAP, holds=lambda op: bool(op.value[1][0])
    )


GRAPH = Workload("graph", _setup, _programs, _finale, Params(keys=5, read_ratio=0.3))
