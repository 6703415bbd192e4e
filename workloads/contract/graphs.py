"""Section E: a graph finds what was put into it, ends on cycles, leaves nothing dangling, takes any text as an id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, answer, holds, outcome, same
from harness.surface import Refused, Traversal

__all__ = ["GRAPHS"]

_KIND = "knows"
_NOTHING = Traversal({}, [])

_IDS: Final = {
    "E3 emoji": "🦀🚀",
    "E3 CJK": "数据库節点",
    "E3 spaces": "a node  with spaces",
    "E3 slashes": "path/to/node",
    "E3 special chars": "n:o%d_e*?[#]{}|\\'\";--",
}
# Ids that one layout or another of edges in a table of keys could take for each other.
_NEIGHBOURS: Final = ("road", f"road/{_KIND}", f"road:{_KIND}", "road.", "roa")


def _loops(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    _nodes(db, "loops", "A")
    _edges(db, "loops", ("A", "A"))
    once = outcome(db.call, "traverse", "loops", "A", 1)
    yield same("E1.1", _edges_of(once), [("A", _KIND, "A")], "edges of a node with an edge to itself")
    deep = outcome(db.call, "traverse", "loops", "A", 5)
    yield same("E1.2", _ids(deep), {"A"}, "nodes within 5 steps of it")
    _nodes(db, "loops", "B", "C")
    _edges(db, "loops", ("A", "B"), ("B", "C"), ("C", "A"))
    around = outcome(db.call, "traverse", "loops", "A", 100)
    found = (_ids(around), _edges_of(around))
    cycle = ({"A", "B", "C"}, [(source, _KIND, target) for source, target in ("AA", "AB", "BC", "CA")])
    yield same("E1.3", found, cycle, "nodes and edges within 100 steps of a cycle's first node")
    _nodes(db, "loops", "X", "Y")
    _edges(db, "loops", ("X", "Y"))
    apart = [_ids(outcome(db.call, "traverse", "loops", start, 100)) for start in "AX"]
    yield same("E1.4", apart, [{"A", "B", "C"}, {"X", "Y"}], "nodes reached from either of two islands")


def _dangling(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    yield _edge_to_nowhere(db)
    if rig.has("delete_node"):
        yield _deleted_node(db)
    if rig.has("path"):
        _nodes(db, "ways", *"ABCDEX")
        _edges(db, "ways", ("A", "D"), ("D", "E"), ("E", "C"), ("A", "B"), ("B", "C"))
        yield same("E2.3", outcome(db.call, "path", "ways", "A", "X"), None, "the way to a node on another island")
        yield same("E2.4", outcome(db.call, "path", "ways", "A", "C"), ["A", "B", "C"], "the shortest way")
    if rig.has("delete_edge"):
        _nodes(db, "cut", *"ABC")
        _edges(db, "cut", ("A", "B"), ("A", "C"))
        outcome(db.call, "delete_edge", "cut", "A", _KIND, "B")
        left = outcome(db.call, "traverse", "cut", "A", 1)
        yield same("E2.5", _edges_of(left), [("A", _KIND, "C")], "edges after one of two was deleted")


def _edge_to_nowhere(db: Handle) -> Observed:
    """Both are honest: to refuse it and have none, or to take it and have it."""
    _nodes(db, "nowhere", "here")
    why = answer(lambda: db.call("add_edge", "nowhere", "here", _KIND, "missing"))
    seen = _edges_of(outcome(db.call, "traverse", "nowhere", "here", 1))
    expected = [] if why else [("here", _KIND, "missing")]
    told = f"add_edge to a node that does not exist: {why or 'accepted'}; edges of its source then: {seen!r}"
    return holds("E2.1", why in {"", "missing"} and seen == expected, told)


def _deleted_node(db: Handle) -> Observed:
    _nodes(db, "deleted", "other", "source", "target")
    _edges(db, "deleted", ("other", "source"), ("source", "target"))
    outcome(db.call, "delete_node", "deleted", "source")
    gone = outcome(db.call, "traverse", "deleted", "source", 2)
    if isinstance(gone, Refused) and gone.why == "missing":
        gone = _NOTHING
    left = [gone, *(outcome(db.call, "traverse", "deleted", start, 2) for start in ("other", "target"))]
    expected: list[Any] = [(set(), []), ({"other"}, []), ({"target"}, [])]
    seen = [(_ids(one), _edges_of(one)) for one in left]
    return same("E2.2", seen, expected, "what is reached from a deleted node, from its source, from its target")


def _special_ids(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    added = {name: outcome(db.call, "add_node", "ids", one, {"label": one}) for name, one in _IDS.items()}
    for name, one in _IDS.items():
        reached = outcome(db.call, "traverse", "ids", one, 1) if added[name] is None else added[name]
        nodes = reached.nodes if isinstance(reached, Traversal) else reached
        yield same(name, nodes, {one: {"label": one}}, "nodes within one step of it")
    ends = {one: f"end of {one}" for one in _NEIGHBOURS}
    _nodes(db, "neighbours", *_NEIGHBOURS, *ends.values())
    _edges(db, "neighbours", *ends.items())
    seen = {one: _edges_of(outcome(db.call, "traverse", "neighbours", one, 1)) for one in _NEIGHBOURS}
    expected = {one: [(one, _KIND, end)] for one, end in ends.items()}
    yield same("E3 neighbours", seen, expected, "edges of ids that begin alike")


def _nodes(db: Handle, graph: str, *ids: str) -> None:
    for one in ids:
        db.call("add_node", graph, one, {})


def _edges(db: Handle, graph: str, *edges: tuple[str, str]) -> None:
    for source, target in edges:
        db.call("add_edge", graph, source, _KIND, target)


def _ids(reached: Any) -> Any:
    """The ids of a traversal's nodes; an exception as it is."""
    return set(reached.nodes) if isinstance(reached, Traversal) else reached


def _edges_of(reached: Any) -> Any:
    return list(reached.edges) if isinstance(reached, Traversal) else reached


GRAPHS: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="E1",
        title="Loops and cycles",
        severity="medium",
        checks=(
            Check("E1.1", "An edge of a node to itself is found"),
            Check("E1.2", "A traversal through such an edge ends, with this one node"),
            Check("E1.3", "A traversal of a cycle ends, with each node and edge once"),
            Check("E1.4", "A traversal does not reach what no edge leads to"),
        ),
        program=_loops,
        calls=("add_node", "add_edge", "traverse"),
        impact="Traversals hang or answer with nodes that are not connected.",
        advice="Remember visited nodes during a traversal, and report an edge even if its target was visited before.",
    ),
    Scenario(
        id="E2",
        title="Dangling edges and missing ways",
        severity="medium",
        checks=(
            Check("E2.1", "An edge to a node that does not exist is refused, or it is there afterwards"),
            Check("E2.2", "A deleted node is gone with all its edges, in both directions", ("delete_node",)),
            Check("E2.3", "Between islands there is no way", ("path",)),
            Check("E2.4", "The shortest of two ways is found", ("path",), ours=True),
            Check("E2.5", "A deleted edge is gone and the others stay", ("delete_edge",), ours=True),
        ),
        program=_dangling,
        calls=("add_node", "add_edge", "traverse"),
        impact="Queries follow edges to nodes that do not exist, or lose edges that do.",
        advice="Delete a node and its edges of both directions in one transaction.",
    ),
    Scenario(
        id="E3",
        title="Unusual ids",
        severity="medium",
        checks=(
            Check("E3 emoji", "A node with an emoji for an id is found with its properties"),
            Check("E3 CJK", "A node with a Chinese id is found with its properties"),
            Check("E3 spaces", "A node with spaces in its id is found with its properties"),
            Check("E3 slashes", "A node with slashes in its id is found with its properties"),
            Check("E3 special chars", "A node with punctuation in its id is found with its properties"),
            Check("E3 neighbours", "Nodes whose ids begin alike have none of each other's edges", ours=True),
        ),
        program=_special_ids,
        calls=("add_node", "add_edge", "traverse"),
        impact="Data under ids that users choose is lost, or mixed with that of other ids.",
        advice="Escape or length-prefix ids where keys are made of them.",
    ),
)
