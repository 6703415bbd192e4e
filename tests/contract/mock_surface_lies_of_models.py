"""Lies of a mock's graphs, caches and vectors, by the check that finds each: sections E to H."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np
from mock_surface import MockSurface
from mock_surface_lying import Honest, told

from harness.surface import Refused, Traversal

__all__ = ["CACHES", "GRAPHS", "TEMPORAL", "VECTORS"]

# E: graphs.


def loops_dropped(db: MockSurface, honest: Honest, graph: str, start: str, depth: int) -> Any:
    nodes, edges = honest(graph, start, depth)
    return Traversal(nodes, [edge for edge in edges if depth > 1 or edge[0] != edge[2]])


def nothing_deep(db: MockSurface, honest: Honest, graph: str, start: str, depth: int) -> Any:
    return Traversal({}, []) if depth == 5 else honest(graph, start, depth)


def edges_twice(db: MockSurface, honest: Honest, graph: str, start: str, depth: int) -> Any:
    nodes, edges = honest(graph, start, depth)
    return Traversal(nodes, sorted([*edges, edges[-1]]) if len(edges) == 4 else edges)


def islands_joined(db: MockSurface, honest: Honest, graph: str, start: str, depth: int) -> Any:
    reached = honest(graph, start, depth)
    return reached if depth < 100 else reached._replace(nodes=dict(db.graphs[graph].nodes))


def dangling_dropped(db: MockSurface, honest: Honest, graph: str, source: str, kind: str, target: str) -> None:
    if target in db.graphs[graph].nodes:
        honest(graph, source, kind, target)


def incoming_left(db: MockSurface, honest: Honest, graph: str, one: str) -> None:
    incoming = {edge for edge in db.graphs[graph].edges if edge[2] == one}
    honest(graph, one)
    db.graphs[graph].edges |= incoming
    db.graphs[graph].nodes[one] = {}


def renamed(change: Callable[[str], str]) -> type[MockSurface]:
    return told("add_node", lambda db, honest, graph, one, properties: honest(graph, change(one), properties))


def neighbours_mixed(db: MockSurface, honest: Honest, graph: str, start: str, depth: int) -> Any:
    nodes, edges = honest(graph, start, depth)
    if graph != "neighbours":
        return Traversal(nodes, edges)
    return Traversal(nodes, sorted(edge for edge in db.graphs[graph].edges if edge[0].startswith(start)))


GRAPHS = {
    "E1.1": told("traverse", loops_dropped),
    "E1.2": told("traverse", nothing_deep),
    "E1.3": told("traverse", edges_twice),
    "E1.4": told("traverse", islands_joined),
    "E2.1": told("add_edge", dangling_dropped),
    "E2.2": told("delete_node", incoming_left),
    "E2.3": told("path", lambda db, honest, *arguments: honest(*arguments) or []),
    "E2.4": told("path", lambda db, honest, *ends: ["A", "D", "E", "C"] if honest(*ends) else None),
    "E2.5": told("delete_edge", lambda db, honest, *arguments: None),
    "E3 emoji": renamed(lambda one: "".join(letter for letter in one if ord(letter) < 0x10000)),
    "E3 CJK": renamed(lambda one: one.encode("gb2312", "ignore").decode("gb2312") if "数" in one else one),
    "E3 spaces": renamed(lambda one: one.replace("  ", " ")),
    "E3 slashes": renamed(lambda one: one.removeprefix("path/")),
    "E3 special chars": renamed(lambda one: one.replace("'", "''")),
    "E3 neighbours": told("traverse", neighbours_mixed),
}

# F: temporal graphs.


def swapped(db: MockSurface, honest: Honest, graph: str, source: str, kind: str, target: str, *ends: int) -> None:
    honest(graph, source, kind, target, *(sorted(ends) if ends[1] else ends))


def zero_closed(db: MockSurface, honest: Honest, graph: str, source: str, kind: str, target: str, *ends: int) -> None:
    if any(ends):
        honest(graph, source, kind, target, *ends)


def future_now(db: MockSurface, honest: Honest, graph: str, source: str, kind: str, target: str, *ends: int) -> None:
    honest(graph, source, kind, target, min(ends[0], 2_000_000_000), ends[1])


TEMPORAL = {
    "F1.1": told("add_temporal_edge", swapped),
    "F1.2": told("temporal_edges", lambda db, honest, graph, one, at: honest(graph, one, at - 1)),
    "F1.3": told(
        "temporal_edges", lambda db, honest, graph, one, at: honest(graph, one, at) or honest(graph, one, at - 1)
    ),
    "F1.4": told("add_temporal_edge", zero_closed),
    "F1.5": told("add_temporal_edge", future_now),
}

# G: caches.


def mortal_dropped(db: MockSurface, honest: Honest, *entry: Any) -> None:
    if not entry[-1]:
        honest(*entry)


def any_dimension(db: MockSurface, honest: Honest, *arguments: Any) -> Any:
    try:
        return honest(*arguments)
    except Refused:
        return None


def stricter(db: MockSurface, honest: Honest, cache: str, embedding: Any, least: float) -> Any:
    return honest(cache, embedding, least + 0.02 if cache == "similar" else least)


def first_of_all(db: MockSurface, honest: Honest, cache: str, embedding: Any, least: float) -> Any:
    found = honest(cache, embedding, least)
    return "value_north" if found and cache == "similar" else found


CACHES = {
    "G1.1": told("cache_put", mortal_dropped),
    "G1.2": told("cache_put", lambda db, honest, *entry: honest(*entry[:-1], 0)),
    "G1.3": told("cache_put", lambda db, honest, *entry: honest(*entry[:-1], entry[-1] or 1)),
    "G2.1": told("cache_get", stricter),
    "G2.2": told("cache_get", lambda db, honest, cache, one, least: honest(cache, one, least - 0.1)),
    "G2.3": told("cache_get", lambda db, honest, cache, one, least: honest(cache, one, least) if any(one) else "any"),
    "G2.4": told("cache_get", any_dimension),
    "G2.5": told("cache_get", first_of_all),
    "G3.1": told("cache_stats", lambda db, honest, cache: {"entries": honest(cache)["entries"] // 2}),
    "G3.2": told("cache_delete", lambda db, honest, cache, key: None),
    "G3.3": told("cache_clear", lambda db, honest, cache: honest(cache) and 0),
    "G3.4": told("cache_clear", lambda db, honest, cache: len(db.caches[cache].entries)),
}

# H: vectors.


def older_kept(db: MockSurface, honest: Honest, index: str, ids: list[int], vectors: Any) -> int:
    new = [place for place, one in enumerate(ids) if one not in db.indexes[index].vectors]
    return honest(index, [ids[place] for place in new], vectors[new]) if new else 0


def every_other(db: MockSurface, honest: Honest, index: str, query: Any, k: int) -> Any:
    return honest(index, query, 2 * k)[::2] if k in (10, 20) else honest(index, query, k)


def longer(db: MockSurface, honest: Honest, index: str, query: Any, k: int) -> Any:
    return [(one, 1.5 * far) for one, far in honest(index, query, k)]


def not_a_number(db: MockSurface, honest: Honest, index: str, query: Any, k: int) -> Any:
    return [(one, far if np.any(db.indexes[index].vectors[one]) else nan) for one, far in honest(index, query, k)]


VECTORS = {
    "H1.1": told("search_vectors", not_a_number),
    "H1.2": told("search_vectors", lambda db, honest, index, query, k: honest(index, query, k)[: 9 if k > 10 else k]),
    "H1.3": told("put_vectors", older_kept),
    "H2.1": told("count_vectors", lambda db, honest, index: honest(index) - 1),
    "H2.2": told("search_vectors", every_other),
    "H2.3": told("search_vectors", longer),
    "H3.1": told("search_index", every_other),
}
