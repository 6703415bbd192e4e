"""Graphs: nodes and edges, cycles, and no edge that dangles whatever happens at the same time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import networkx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine import Conflict, Database, InvalidArgument, InvalidKey, InvalidValue, MemoryVfs, MissingNode
from engine.models.graph import Edge, Graph, Node, Traversal


def graph_of(*edges: str, nodes: str = "", database: Database | None = None) -> Graph:
    """A graph with the edges "ab", "bc" … of kind k, and more nodes."""
    graph = (database or Database.open()).graph("g")
    for node in {*nodes, *"".join(edges)}:
        graph.add_node(node)
    for source, target in edges:
        graph.add_edge(source, "k", target)
    return graph


def reached(traversal: Traversal) -> tuple[str, list[str]]:
    """The ids, joined in the order in which they were reached, and the edges."""
    return "".join(node.id for node in traversal.nodes), [edge.source + edge.target for edge in traversal.edges]


IDS = ["🎉🚀", "日本語", "with spaces", "a/b/../c", "<>&\"'%;--\n\t", "nul\0nul", "\0", "x", "xx"]


def test_any_text_is_an_id() -> None:
    """A node is found under exactly its id with exactly its properties, and only its own edges."""
    graph = Database.open().graph("g")
    for place, node_id in enumerate(IDS):
        graph.add_node(node_id, {"place": place, "of": [node_id, None, 1.5, b"\0"]})
        graph.add_edge(node_id, node_id, node_id, {"self": place})
    for place, node_id in enumerate(IDS):
        node = Node(node_id, {"place": place, "of": [node_id, None, 1.5, b"\0"]})
        edge = Edge(node_id, node_id, node_id, {"self": place})
        assert graph.node(node_id) == node
        assert graph.traverse(node_id, 1) == Traversal([node], [edge])
    assert [node.id for node in graph.nodes()] == sorted(IDS)
    assert graph.node("absent") is None


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda graph: graph.add_node(""), InvalidArgument),
        (lambda graph: graph.add_node(b"a"), InvalidArgument),
        (lambda graph: graph.add_node("\ud800"), InvalidKey),
        (lambda graph: graph.add_node("x" * 70_000), InvalidKey),
        (lambda graph: graph.add_node("n", [1]), InvalidArgument),
        (lambda graph: graph.add_node("n", {1: 2}), InvalidArgument),
        (lambda graph: graph.add_node("n", {"a": object()}), InvalidValue),
        (lambda graph: graph.add_edge("a", "", "a"), InvalidArgument),
        (lambda graph: graph.add_edge("a", "k", ""), InvalidArgument),
        (lambda graph: graph.add_edge("a", "k", "missing"), MissingNode),
        (lambda graph: graph.add_edge("missing", "k", "a"), MissingNode),
        (lambda graph: graph.edges("a", "sideways"), InvalidArgument),
        (lambda graph: graph.edges("missing"), MissingNode),
        (lambda graph: graph.neighbors("missing"), MissingNode),
        (lambda graph: graph.traverse("missing"), MissingNode),
        (lambda graph: graph.traverse("a", -1), InvalidArgument),
        (lambda graph: graph.traverse("a", 1.5), InvalidArgument),
        (lambda graph: graph.path("a", "missing"), MissingNode),
        (lambda graph: graph.path("missing", "a"), MissingNode),
        (lambda graph: graph.path("a", "a", True), InvalidArgument),
        (lambda graph: graph.delete_node(None), InvalidArgument),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, error: type[Exception]) -> None:
    """Each raises its typed error, and the graph stays as it was."""
    graph = graph_of("aa")
    with pytest.raises(error):
        call(graph)
    assert graph.nodes() == [Node("a", {})]
    assert graph.edges("a", "both") == [Edge("a", "k", "a", {})]


def test_a_node_or_edge_that_exists_is_given_other_properties() -> None:
    """Adding it again replaces its properties and nothing else."""
    graph = graph_of("ab")
    graph.add_node("a", {"new": 1})
    graph.add_edge("a", "k", "b", {"new": 2})
    assert graph.node("a") == Node("a", {"new": 1})
    assert graph.edges("a") == graph.edges("b", "in") == [Edge("a", "k", "b", {"new": 2})]
    assert graph.edge("a", "k", "b") == Edge("a", "k", "b", {"new": 2})
    assert graph.edge("b", "k", "a") is None


def test_edges_have_a_direction_and_a_kind() -> None:
    """Each direction and kind gives its own edges; an edge to itself is one edge, also in both directions."""
    graph = graph_of("ab", "ca", "aa", nodes="d")
    graph.add_edge("a", "j", "b", {"p": 1})
    ab, aa, ca, j = (
        Edge("a", "k", "b", {}),
        Edge("a", "k", "a", {}),
        Edge("c", "k", "a", {}),
        Edge("a", "j", "b", {"p": 1}),
    )
    assert graph.edges("a") == [j, aa, ab]
    assert graph.edges("a", "in") == [aa, ca]
    assert graph.edges("a", "both") == [j, aa, ab, ca]
    assert graph.edges("a", "both", "j") == [j]
    assert graph.edges("b", "in", "k") == [ab]
    assert graph.edges("d", "both") == []
    assert graph.neighbors("a") == ["a", "b"]
    assert graph.neighbors("a", "in") == ["a", "c"]
    assert graph.neighbors("a", "both") == ["a", "b", "c"]
    assert graph.neighbors("b", "both", "j") == ["a"]


def test_a_deleted_edge_is_gone_from_both_ends() -> None:
    """Only the one of that kind and direction goes; whether there was one is told."""
    graph = graph_of("ab", "ba")
    graph.add_edge("a", "j", "b")
    assert graph.delete_edge("a", "k", "b")
    assert not graph.delete_edge("a", "k", "b")
    assert graph.edges("a", "both") == [Edge("a", "j", "b", {}), Edge("b", "k", "a", {})]
    assert graph.edges("b", "in") == [Edge("a", "j", "b", {})]


def test_a_deleted_node_takes_its_edges_along() -> None:
    """Edges from it, to it and to itself are gone; a node of that id that comes later has none of them."""
    graph = graph_of("ab", "ba", "bb", "bc", "ca")
    assert graph.delete_node("b")
    assert not graph.delete_node("b")
    assert graph.node("b") is None
    assert graph.edges("a", "both") == graph.edges("c", "both") == [Edge("c", "k", "a", {})]
    assert reached(graph.traverse("c")) == ("ca", ["ca"])
    graph.add_node("b")
    assert graph.edges("b", "both") == []


def test_cycles_end() -> None:
    """A loop and a cycle are walked once, however deep: every node and edge once, and nothing that is apart."""
    graph = graph_of("aa", "ab", "bc", "ca", "xy")
    assert reached(graph.traverse("a", 100)) == reached(graph.traverse("a")) == ("abc", ["aa", "ab", "bc", "ca"])
    assert reached(graph.traverse("y", 5)) == ("y", [])


def test_traversal_is_breadth_first_and_as_deep_as_it_was_told() -> None:
    """Nearest nodes first; with depth n, edges n steps away and no further; only edges of the kind are followed."""
    graph = graph_of("ab", "ac", "bd", "cd", "de", "eb")
    graph.add_edge("a", "j", "e")
    assert reached(graph.traverse("a", 0)) == ("a", [])
    assert reached(graph.traverse("a", 1, "k")) == ("abc", ["ab", "ac"])
    assert reached(graph.traverse("a", 2, "k")) == ("abcd", ["ab", "ac", "bd", "cd"])
    assert reached(graph.traverse("a", 9, "k")) == ("abcde", ["ab", "ac", "bd", "cd", "de", "eb"])
    assert reached(graph.traverse("a", 1)) == ("aebc", ["ae", "ab", "ac"])
    assert reached(graph.traverse("a", kind="none")) == ("a", [])


def test_paths_are_shortest() -> None:
    """The shortest way along the edges' direction, None where there is none or it is longer than allowed."""
    graph = graph_of("ab", "bc", "cd", "bd", "de", nodes="z")
    assert graph.path("a", "e") == ["a", "b", "d", "e"]
    assert graph.path("a", "e", 3) == ["a", "b", "d", "e"]
    assert graph.path("a", "e", 2) is None
    assert graph.path("a", "a") == graph.path("a", "a", 0) == ["a"]
    assert graph.path("e", "a") is None
    assert graph.path("a", "z") is None


def commits(first: Callable[[Graph], object], second: Callable[[Graph], object]) -> bool:
    """Whether two transactions that both began before either committed can both commit."""
    database = Database.open()
    graph_of("ab", nodes="c", database=database)
    one, two = database.begin_transaction(), database.begin_transaction()
    first(one.graph("g"))
    second(two.graph("g"))
    one.commit()
    try:
        two.commit()
    except Conflict:
        return False
    return True


@pytest.mark.parametrize("new", [("a", "c"), ("c", "a"), ("c", "c")])
def test_an_edge_and_the_deletion_of_its_node_cannot_both_commit(new: tuple[str, str]) -> None:
    """Whichever commits first, and at whichever end the node is: no edge ever dangles."""
    victim = "c" if new == ("c", "c") else "a"

    def add(graph: Graph) -> None:
        graph.add_edge(new[0], "k", new[1])

    def delete(graph: Graph) -> None:
        graph.delete_node(victim)

    assert not commits(add, delete)
    assert not commits(delete, add)


def test_what_does_not_meet_commits() -> None:
    """Edges between the same nodes, and a deletion elsewhere, are no conflict."""
    assert commits(lambda graph: graph.add_edge("a", "j", "b"), lambda graph: graph.add_edge("b", "j", "a"))
    assert commits(lambda graph: graph.add_edge("a", "j", "b"), lambda graph: graph.delete_node("c"))


def test_a_traversal_conflicts_with_a_new_edge_on_its_way() -> None:
    """Two transactions that each close the other's circle: one of them is refused."""
    assert not commits(
        lambda graph: graph.path("b", "a") or graph.add_edge("b", "k", "a"),
        lambda graph: graph.path("b", "a") or graph.add_edge("c", "k", "a") or graph.add_edge("b", "j", "c"),
    )


def test_a_graph_outlives_its_database() -> None:
    """After closing and opening again nodes, edges and what was deleted are as before."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        graph = graph_of("ab", "bc", "ca", database=database)
        graph.add_node("a", {"x": [1, "é"]})
        graph.delete_node("b")
    with Database.open("/db", vfs=disk) as database:
        assert database.graph("g").nodes() == [Node("a", {"x": [1, "é"]}), Node("c", {})]
        assert database.graph("g").edges("c", "both") == [Edge("c", "k", "a", {})]
        assert database.graph("other").nodes() == []


NODES = st.sampled_from("abcd")


class GraphIsANetwork(RuleBasedStateMachine):
    """Each rule does the same to the graph and to a networkx multigraph."""

    @initialize()
    def start(self) -> None:
        self.graph = Database.open().graph("g")
        self.model = networkx.MultiDiGraph()

    @rule(node=NODES)
    def add_node(self, node: str) -> None:
        self.graph.add_node(node)
        self.model.add_node(node)

    @rule(node=NODES)
    def delete_node(self, node: str) -> None:
        assert self.graph.delete_node(node) == (node in self.model)
        if node in self.model:
            self.model.remove_node(node)

    @rule(source=NODES, other=NODES, kind=st.sampled_from("jk"))
    def add_edge(self, source: str, other: str, kind: str) -> None:
        if source in self.model and other in self.model:
            self.graph.add_edge(source, kind, other)
            self.model.add_edge(source, other, kind)
        else:
            with pytest.raises(MissingNode):
                self.graph.add_edge(source, kind, other)

    @rule(source=NODES, other=NODES, kind=st.sampled_from("jk"))
    def delete_edge(self, source: str, other: str, kind: str) -> None:
        found = self.model.has_edge(source, other, kind)
        assert self.graph.delete_edge(source, kind, other) == found
        if found:
            self.model.remove_edge(source, other, kind)

    @rule(start=NODES, depth=st.integers(0, 3))
    def look_around(self, start: str, depth: int) -> None:
        if start not in self.model:
            return
        distances = networkx.single_source_shortest_path_length(self.model, start)
        nodes, edges = self.graph.traverse(start, depth)
        assert {node.id for node in nodes} == {node for node, steps in distances.items() if steps <= depth}
        assert sorted((edge.source, edge.target, edge.kind) for edge in edges) == sorted(
            edge
            for node, steps in distances.items()
            if steps < depth
            for edge in self.model.out_edges(node, keys=True)
        )
        for target in self.model:
            path = self.graph.path(start, target)
            assert (None if path is None else len(path) - 1) == distances.get(target)
            assert path is None or all(self.model.has_edge(*step) for step in pairwise(path))

    @invariant()
    def both_ends_agree(self) -> None:
        if not hasattr(self, "graph"):
            return
        assert [node.id for node in self.graph.nodes()] == sorted(self.model)
        for node in self.model:
            out = sorted((kind, target) for _, target, kind in self.model.out_edges(node, keys=True))
            into = sorted((kind, source) for source, _, kind in self.model.in_edges(node, keys=True))
            assert [(edge.kind, edge.target) for edge in self.graph.edges(node)] == out
            assert [(edge.kind, edge.source) for edge in self.graph.edges(node, "in")] == into


TestGraphIsANetwork = GraphIsANetwork.TestCase
TestGraphIsANetwork.__doc__ = "Any sequence of calls leaves what networkx holds, and both find the same ways."
TestGraphIsANetwork.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
