"""The mock's data models in plain dictionaries, each as obvious as it can be. Closing the database forgets them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from harness.surface import Refused, Traversal

__all__ = ["Cache", "Graph", "Index", "Temporal"]


class Graph:
    """Nodes with properties, and edges between them."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict] = {}
        self.edges: set[tuple[str, str, str]] = set()

    def add_node(self, one: str, properties: dict) -> None:
        self.nodes[one] = dict(properties)

    def add_edge(self, source: str, kind: str, target: str) -> None:
        if not {source, target} <= self.nodes.keys():
            raise Refused("missing", "no such node")
        self.edges.add((source, kind, target))

    def delete_node(self, one: str) -> None:
        del self.nodes[one]
        self.edges = {edge for edge in self.edges if one not in (edge[0], edge[2])}

    def delete_edge(self, source: str, kind: str, target: str) -> None:
        self.edges.discard((source, kind, target))

    def traverse(self, start: str, depth: int) -> Traversal:
        steps = self._steps(start)
        near = {one for one, (step, _) in steps.items() if step <= depth}
        nodes = {one: self.nodes[one] for one in near}
        return Traversal(nodes, sorted(edge for edge in self.edges if edge[0] in near and steps[edge[0]][0] < depth))

    def path(self, source: str, target: str) -> list[str] | None:
        steps = self._steps(source)
        if target not in steps:
            return None
        way = [target]
        while way[-1] != source:
            way.append(steps[way[-1]][1])
        return way[::-1]

    def _steps(self, start: str) -> dict[str, tuple[int, str]]:
        """{id: (how many steps from the start, where the last one came from)}."""
        if start not in self.nodes:
            raise Refused("missing", "no such node")
        found, left = {start: (0, start)}, deque([start])
        while left:
            here = left.popleft()
            for _, _, there in sorted(edge for edge in self.edges if edge[0] == here):
                if there not in found:
                    found[there] = (found[here][0] + 1, here)
                    left.append(there)
        return found


class Temporal:
    """Edges that are valid in [from, until); until 0 is open."""

    def __init__(self) -> None:
        self.edges: list[tuple[str, str, str, int, int]] = []

    def add(self, source: str, kind: str, target: str, since: int, until: int) -> None:
        if until and until < since:
            raise Refused("argument", "it ends before it begins")
        self.edges.append((source, kind, target, since, until))

    def at(self, source: str, time: int) -> list[tuple[str, str]]:
        return sorted(
            (kind, target)
            for one, kind, target, since, until in self.edges
            if one == source and since <= time and (not until or time < until)
        )


class Cache:
    """Entries by key; a lookup compares with all of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.entries: dict[str, tuple[str, np.ndarray, float]] = {}
        self._now = now

    def put(self, key: str, text: str, embedding: list[float], seconds: float) -> None:
        self.entries[key] = (text, np.array(embedding), self._now() + seconds if seconds else float("inf"))

    def get(self, embedding: list[float], threshold: float) -> str | None:
        query = np.array(embedding)
        best, found = threshold, None
        for text, stored, until in self.entries.values():
            if stored.shape != query.shape:
                raise Refused("dimension", f"{query.size} and not {stored.size}")
            length = float(np.linalg.norm(stored) * np.linalg.norm(query))
            cosine = float(stored @ query) / length if length else 0.0
            if cosine >= best and self._now() < until:
                best, found = cosine, text
        return found

    def clear(self) -> int:
        count = len(self.entries)
        self.entries = {}
        return count


class Index:
    """Vectors by id, searched exhaustively by cosine distance; a zero vector has a distance of 1 to all."""

    def __init__(self, dimension: int) -> None:
        self.vectors: dict[int, np.ndarray] = {}
        self.dimension = dimension

    def put(self, ids: list[int], vectors: np.ndarray) -> int:
        if vectors.shape != (len(ids), self.dimension):
            raise Refused("dimension", f"{vectors.shape} and not ({len(ids)}, {self.dimension})")
        self.vectors.update(zip(ids, vectors, strict=True))
        return len(ids)

    def search(self, query: np.ndarray, k: int) -> list[tuple[int, float]]:
        ids, matrix = list(self.vectors), np.stack(list(self.vectors.values()))
        lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
        distances = 1 - (matrix @ query) / np.where(lengths > 0, lengths, 1)
        order = np.argsort(distances, kind="stable")[:k]
        return [(ids[one], float(distances[one])) for one in order]
