"""Which cycle anomalies a small dependency graph holds, decided from the definitions and not fast.

A phenomenon is (class, suffix, rw kind). It holds in a graph restricted to edges of that suffix and rw kind where a
closed walk of that class exists; of each strongly connected component the minimal ones are reported. Class names:
Adya 1999 and Cerone & Gotsman 2016; the rule of the minimal ones makes two implementations comparable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple

import networkx as nx

__all__ = [
    "CLASSES",
    "PHENOMENA",
    "RW_KINDS",
    "SUFFIXES",
    "Edge",
    "Phenomenon",
    "closed_upward",
    "cycle_class",
    "cycles",
    "holding",
    "minimal",
]

CLASSES = ("G0", "G1c", "G-single", "G-nonadjacent", "G2")
SUFFIXES = ("", "-process", "-realtime")
RW_KINDS = ("item", "predicate")

_SUFFIX_OF = {"ww": "", "wr": "", "rw": "", "session": "-process", "realtime": "-realtime"}


class Edge(NamedTuple):
    """`before` precedes `after` (rows of transactions); kind is ww, wr, rw, session or realtime."""

    before: int
    after: int
    kind: str
    predicate: bool = False


class Phenomenon(NamedTuple):
    """What is reported: numbers into CLASSES, SUFFIXES and RW_KINDS, weaker demands first."""

    cycle_class: int
    suffix: int
    rw_kind: int

    @property
    def name(self) -> str:
        """As the catalogue spells it; G0 and G1c have no rw edge and so no item form."""
        cycle_class = CLASSES[self.cycle_class]
        has_item_form = cycle_class not in {"G0", "G1c"} and RW_KINDS[self.rw_kind] == "item"
        return cycle_class + ("-item" if has_item_form else "") + SUFFIXES[self.suffix]

    def below(self, other: Phenomenon) -> bool:
        """Whether this one is smaller than or equal to `other` in the product order."""
        return all(mine <= theirs for mine, theirs in zip(self, other, strict=True))


PHENOMENA = tuple(
    Phenomenon(cycle_class, suffix, rw_kind)
    for cycle_class in range(len(CLASSES))
    for suffix in range(len(SUFFIXES))
    for rw_kind in range(len(RW_KINDS))
)


def cycles(edges: Sequence[Edge]) -> dict[str, tuple[int, int]]:
    """Name -> (number of components that report it, transactions in the shortest witness of any of them)."""
    found: dict[str, list[int]] = {}
    for suffix in range(len(SUFFIXES)):
        for component in _components(_up_to(edges, suffix)):
            inside = [edge for edge in edges if edge.before in component and edge.after in component]
            for one in minimal(holding(_up_to(inside, suffix))):
                if one.suffix == suffix:
                    found.setdefault(one.name, []).append(_witness_length(inside, one))
    return {name: (len(lengths), min(lengths)) for name, lengths in found.items()}


def holding(edges: Sequence[Edge]) -> set[Phenomenon]:
    """Every phenomenon of which a closed walk exists in the graph of these edges, or of one below it."""
    found: set[Phenomenon] = set()
    searched: set[tuple[Edge, ...]] = set()  # More demands that allow no more edges give nothing more.
    for suffix, rw_kind in product(range(len(SUFFIXES)), range(len(RW_KINDS))) if _cyclic(edges) else ():
        allowed = _restricted(edges, Phenomenon(0, suffix, rw_kind))
        cyclic = tuple(allowed) not in searched and _cyclic(allowed)
        searched.add(tuple(allowed))
        for cycle_class, name in enumerate(CLASSES) if cyclic else ():
            one = Phenomenon(cycle_class, suffix, rw_kind)
            if any(smaller.below(one) for smaller in found):
                break
            if _closed_walk(allowed, name):
                found.add(one)
                break
    return closed_upward(found)


def minimal(phenomena: Iterable[Phenomenon]) -> set[Phenomenon]:
    """Those that no other one is below."""
    every = set(phenomena)
    return {one for one in every if not any(other.below(one) for other in every - {one})}


def closed_upward(phenomena: Iterable[Phenomenon]) -> set[Phenomenon]:
    """Those, and every one that one of them is below."""
    held = set(phenomena)
    return {one for one in PHENOMENA if any(smaller.below(one) for smaller in held)}


def cycle_class(kinds: Sequence[str]) -> str:
    """The class of one cycle, from the kinds of its edges in order; session and realtime count as ww."""
    anti = [kind == "rw" for kind in kinds]
    if sum(anti) == 0:
        return "G1c" if "wr" in kinds else "G0"
    if sum(anti) == 1:
        return "G-single"
    adjacent = any(one and following for one, following in pairwise([*anti, anti[0]]))
    return "G2" if adjacent else "G-nonadjacent"


def _up_to(edges: Iterable[Edge], suffix: int) -> list[Edge]:
    return [edge for edge in edges if SUFFIXES.index(_SUFFIX_OF[edge.kind]) <= suffix]


def _restricted(edges: Iterable[Edge], one: Phenomenon) -> list[Edge]:
    refused = "predicate" if RW_KINDS[one.rw_kind] == "item" else ""
    return [edge for edge in _up_to(edges, one.suffix) if edge.kind != "rw" or _rw_kind(edge) != refused]


def _rw_kind(edge: Edge) -> str:
    return "predicate" if edge.predicate else "item"


def _graph(edges: Iterable[Edge]) -> nx.DiGraph:
    return nx.DiGraph((edge.before, edge.after) for edge in edges)


def _components(edges: Iterable[Edge]) -> Iterator[set[int]]:
    return (found for found in nx.strongly_connected_components(_graph(edges)) if len(found) > 1)


def _closed_walk(edges: Sequence[Edge], name: str) -> bool:
    """Whether the graph of these edges has a closed walk of the class called `name`."""
    dependencies = [edge for edge in edges if edge.kind != "rw"]
    if name == "G0":
        return _cyclic(edge for edge in dependencies if edge.kind != "wr")
    if name == "G1c":
        return _cyclic(dependencies)
    if name == "G-single":
        return _rw_closed_by(dependencies, edges)
    if name == "G-nonadjacent":
        return _walk_without_adjacent_rw(edges)
    return _cyclic(edges)


def _cyclic(edges: Iterable[Edge]) -> bool:
    return not nx.is_directed_acyclic_graph(_graph(edges))


def _rw_closed_by(dependencies: Sequence[Edge], edges: Sequence[Edge]) -> bool:
    """Whether a path of dependencies leads from the head of some rw edge back to its tail."""
    graph = _graph(dependencies)
    graph.add_nodes_from(node for edge in edges for node in edge[:2])
    return any(nx.has_path(graph, edge.after, edge.before) for edge in edges if edge.kind == "rw")


def _walk_without_adjacent_rw(edges: Sequence[Edge]) -> bool:
    """Whether a closed walk has a rw edge and never two in a row, the last and the first one included.

    Walks over (transaction, whether the last edge was rw): back at the same pair, last and first edge fit too.
    Once around with a single rw edge, twice around with two: so it holds wherever G-single does.
    """
    walk = nx.DiGraph()
    for edge in edges:
        if edge.kind == "rw":
            walk.add_edge((edge.before, False), (edge.after, True))
        else:
            walk.add_edge((edge.before, False), (edge.after, False))
            walk.add_edge((edge.before, True), (edge.after, False))
    components = nx.strongly_connected_components(walk)
    return any(len(found) > 1 and any(after_rw for _, after_rw in found) for found in components)


def _witness_length(edges: Sequence[Edge], one: Phenomenon) -> int:
    """Transactions in a shortest simple cycle of that class. A minimal phenomenon always has one.

    Splitting a closed walk where it meets itself leaves a shorter one of the same or a smaller class: two
    halves with adjacent rw edges at the seam would mean that the walk had adjacent ones there as well.
    """
    allowed = _restricted(edges, one)
    kinds: dict[tuple[int, int], set[str]] = {}
    for edge in allowed:
        kinds.setdefault((edge.before, edge.after), set()).add("ww" if _SUFFIX_OF[edge.kind] else edge.kind)
    graph = _graph(allowed)
    for length in range(2, len(graph) + 1):
        for cycle in nx.simple_cycles(graph, length_bound=length):
            steps = [sorted(kinds[step]) for step in pairwise([*cycle, cycle[0]])]
            if any(cycle_class(labels) == CLASSES[one.cycle_class] for labels in product(*steps)):
                return len(cycle)
    raise AssertionError(f"{one.name} holds by a closed walk but no simple cycle of that class was found")
