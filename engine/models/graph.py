"""A graph: nodes with properties, and directed edges of a kind between two nodes that exist.

    ("node", id)                    its properties
    ("out", source, kind, target)   an edge, with its properties
    ("in", target, kind, source)    the same edge, seen from its target

`add_edge` reads both nodes, and `delete_node` all edges from and to its node: where an edge is added while one of its
nodes is deleted, one of the two is refused, so that no edge dangles. Other calls read the nodes that they are given,
and the edges that they look at, new ones of that node (and kind) included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from engine.errors import InvalidArgument, MissingNode
from engine.models.arguments import checked_count, checked_name, checked_properties
from engine.models.space import Space
from engine.models.view import View, atomic

__all__ = ["Direction", "Edge", "Graph", "Node", "Traversal"]

Direction: TypeAlias = Literal["out", "in", "both"]


class Node(NamedTuple):
    """A node and its properties."""

    id: str
    properties: dict[str, Any]


class Edge(NamedTuple):
    """An edge and its properties. There is one of each kind from a node to another one, or to itself."""

    source: str
    kind: str
    target: str
    properties: dict[str, Any]


class Traversal(NamedTuple):
    """What was reached: the nodes, nearest first, and the edges that were followed, each once."""

    nodes: list[Node]
    edges: list[Edge]


class Graph(View):
    """A graph by its name. Ids of nodes and kinds of edges are any text but the empty one."""

    kind = "graph"

    @atomic
    def add_node(self, space: Space, node_id: str, properties: Mapping[str, Any] | None = None) -> None:
        """Add a node, or give it other properties where it exists. Its edges stay."""
        space.put(_node_row(node_id), checked_properties(properties))

    @atomic
    def node(self, space: Space, node_id: str) -> Node | None:
        """The node, None where there is none."""
        properties = space.get(_node_row(node_id))
        return None if properties is None else Node(node_id, properties)

    @atomic
    def nodes(self, space: Space) -> list[Node]:
        """All nodes in the order of their ids."""
        return [Node(key[1], properties) for key, properties in space.scan(("node",))]

    @atomic
    def delete_node(self, space: Space, node_id: str) -> bool:
        """Delete a node with all edges from it and to it; returns whether it existed."""
        found = space.get(_node_row(node_id)) is not None
        for edge in _edges(space, node_id, "both", None):
            _delete_edge(space, edge.source, edge.kind, edge.target)
        space.delete(_node_row(node_id))
        return found

    @atomic
    def add_edge(
        self, space: Space, source: str, kind: str, target: str, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Add an edge, or give it other properties where it exists. Raises MissingNode unless both nodes exist."""
        row = _edge_row(source, kind, target)
        _require(space, source)
        _require(space, target)
        space.put(row, checked_properties(properties))
        space.put(("in", target, kind, source), None)

    @atomic
    def edge(self, space: Space, source: str, kind: str, target: str) -> Edge | None:
        """The edge, None where there is none."""
        properties = space.get(_edge_row(source, kind, target))
        return None if properties is None else Edge(source, kind, target, properties)

    @atomic
    def delete_edge(self, space: Space, source: str, kind: str, target: str) -> bool:
        """Delete an edge; returns whether it existed."""
        found = space.get(_edge_row(source, kind, target)) is not None
        _delete_edge(space, source, kind, target)
        return found

    @atomic
    def edges(self, space: Space, node_id: str, direction: Direction = "out", kind: str | None = None) -> list[Edge]:
        """The edges from the node ("out"), to it ("in") or both, perhaps of one kind. Raises MissingNode.

        In the order of kinds, then of the other node's ids; with "both" the outgoing ones first.
        """
        _require(space, node_id)
        return _edges(space, node_id, direction, kind)

    @atomic
    def neighbors(
        self, space: Space, node_id: str, direction: Direction = "out", kind: str | None = None
    ) -> list[str]:
        """The ids at the other ends of `edges`, each once and in order. Raises MissingNode."""
        _require(space, node_id)
        edges = _edges(space, node_id, direction, kind)
        return sorted({edge.target if edge.source == node_id else edge.source for edge in edges})

    @atomic
    def traverse(self, space: Space, start: str, depth: int | None = None, kind: str | None = None) -> Traversal:
        """Follow outgoing edges, perhaps of one kind, at most `depth` of them in a row. Raises MissingNode.

        The start is reached too. Without a `depth` everything is that can be.
        """
        _require(space, start)
        edges = list(_breadth_first(space, start, _checked_depth(depth), kind))
        reached = dict.fromkeys([start, *[edge.target for edge in edges]])
        return Traversal([_require(space, node_id) for node_id in reached], edges)

    @atomic
    def path(self, space: Space, source: str, target: str, max_depth: int | None = None) -> list[str] | None:
        """The ids along a shortest path of outgoing edges, both ends included, None where there is none.

        With `max_depth` the path has at most so many edges. Raises MissingNode for either end.
        """
        _require(space, source)
        _require(space, target)
        before: dict[str, str | None] = {source: None}
        for edge in _breadth_first(space, source, _checked_depth(max_depth), None):
            if target in before:
                break
            before.setdefault(edge.target, edge.source)
        return _way_back(before, target)


def _way_back(before: dict[str, str | None], target: str) -> list[str] | None:
    if target not in before:
        return None
    way: list[str] = []
    at: str | None = target
    while at is not None:
        way.append(at)
        at = before[at]
    return way[::-1]


def _breadth_first(space: Space, start: str, depth: int | None, kind: str | None) -> Iterator[Edge]:
    """The edges that can be followed from `start` in up to `depth` steps, nearest first, each once."""
    reached, level, steps = {start}, [start], 0
    while level and (depth is None or steps < depth):
        following = []
        for node_id in level:
            for edge in _outgoing(space, node_id, kind):
                yield edge
                if edge.target not in reached:
                    reached.add(edge.target)
                    following.append(edge.target)
        level = following
        steps += 1


def _edges(space: Space, node_id: str, direction: Direction, kind: str | None) -> list[Edge]:
    if direction not in get_args(Direction):
        raise InvalidArgument(f'a direction is "out", "in" or "both", not {direction!r}')
    found = [] if direction == "in" else _outgoing(space, node_id, kind)
    if direction != "out":
        # With "both", an edge to itself is among the outgoing ones already.
        found += [edge for edge in _incoming(space, node_id, kind) if direction == "in" or edge.source != node_id]
    return found


def _outgoing(space: Space, node_id: str, kind: str | None) -> list[Edge]:
    rows = space.scan(("out", node_id, *_kinds(kind)))
    return [Edge(node_id, key[2], key[3], properties) for key, properties in rows]


def _incoming(space: Space, node_id: str, kind: str | None) -> list[Edge]:
    rows = [key for key, _ in space.scan(("in", node_id, *_kinds(kind)))]
    return [Edge(key[3], key[2], node_id, space.get(("out", key[3], key[2], node_id))) for key in rows]


def _delete_edge(space: Space, source: str, kind: str, target: str) -> None:
    space.delete(("out", source, kind, target))
    space.delete(("in", target, kind, source))


def _require(space: Space, node_id: str) -> Node:
    properties = space.get(_node_row(node_id))
    if properties is None:
        raise MissingNode(f"the graph has no node {node_id!r}")
    return Node(node_id, properties)


def _node_row(node_id: str) -> tuple[str, str]:
    return ("node", checked_name(node_id, "the id of a node"))


def _edge_row(source: str, kind: str, target: str) -> tuple[str, str, str, str]:
    checked_name(source, "the id of a node")
    checked_name(target, "the id of a node")
    return ("out", source, checked_name(kind, "the kind of an edge"), target)


def _kinds(kind: str | None) -> tuple[str, ...]:
    return () if kind is None else (checked_name(kind, "the kind of an edge"),)


def _checked_depth(depth: int | None) -> int | None:
    return None if depth is None else checked_count(depth, "a depth", 0)
