"""Temporal graphs: an edge is valid from its first moment and before its last one."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from engine import Conflict, Database, InvalidArgument, InvalidValue, MemoryVfs
from engine.models.temporal import Temporal, TemporalEdge


def met(*periods: tuple[float, float | None]) -> Temporal:
    """A graph in which a met b in these periods."""
    graph = Database.open().temporal("t")
    for start, until in periods:
        graph.add_edge("a", "met", "b", start, until, {"from": start})
    return graph


def periods(edges: list[TemporalEdge]) -> list[tuple[float, float | None]]:
    return [(edge.valid_from, edge.valid_until) for edge in edges]


def test_a_period_is_half_open() -> None:
    """The edge is there at its first moment and no longer at its end, with its properties."""
    graph = met((5000, 6000))
    edge = TemporalEdge("a", "met", "b", 5000, 6000, {"from": 5000})
    assert [graph.edges_at("a", at) for at in (4999, 4999.999)] == [[], []]
    assert [graph.edges_at("a", at) for at in (5000, 5000.0, 5999.999)] == [[edge]] * 3
    assert [graph.edges_at("a", at) for at in (6000, 6001)] == [[], []]
    assert graph.edges_at("b", 5500) == []


def test_a_period_without_an_end_lasts() -> None:
    """It is valid from its beginning on, however late, and never before; 0 is a moment like others."""
    graph = met((0, None))
    assert periods(graph.edges_at("a", 0)) == periods(graph.edges_at("a", 32_503_680_000_000_000)) == [(0, None)]
    assert graph.edges_at("a", -1) == []


@pytest.mark.parametrize(("start", "until"), [(2000, 1000), (0, 0), (5, 5.0), (1.5, 1.4)])
def test_a_period_without_a_moment_is_refused(start: float, until: float) -> None:
    """An end at or before the beginning is a ValueError, and no edge is there at any time."""
    graph = Database.open().temporal("t")
    with pytest.raises(InvalidArgument, match="cannot end") as refused:
        graph.add_edge("a", "met", "b", start, until)
    assert isinstance(refused.value, ValueError)
    assert graph.history("a") == []


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda graph: graph.add_edge("", "k", "b", 1), InvalidArgument),
        (lambda graph: graph.add_edge("a", "", "b", 1), InvalidArgument),
        (lambda graph: graph.add_edge("a", "k", None, 1), InvalidArgument),
        (lambda graph: graph.add_edge("a", "k", "b", float("nan")), InvalidArgument),
        (lambda graph: graph.add_edge("a", "k", "b", 1, float("inf")), InvalidArgument),
        (lambda graph: graph.add_edge("a", "k", "b", "1"), InvalidArgument),
        (lambda graph: graph.add_edge("a", "k", "b", 1, 2, {"p": object()}), InvalidValue),
        (lambda graph: graph.edges_at("a", None), InvalidArgument),
        (lambda graph: graph.edges_at("", 1), InvalidArgument),
        (lambda graph: graph.history("a", kind=""), InvalidArgument),
        (lambda graph: graph.end_edge("a", "k", "b", True), InvalidArgument),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, error: type[Exception]) -> None:
    """Each raises its typed error and changes nothing."""
    graph = met((1, 2))
    with pytest.raises(error):
        call(graph)
    assert periods(graph.history("a")) == [(1, 2)]


def test_only_what_is_valid_at_the_time_is_found() -> None:
    """Of edges of the past, the present and the far future exactly the one is found; kinds can be told apart."""
    graph = met((1000, 2000), (3000, None))
    graph.add_edge("a", "future", "b", 32_503_680_000)
    assert periods(graph.edges_at("a", 1500)) == [(1000, 2000)]
    assert graph.edges_at("a", 2500) == []
    assert [edge.kind for edge in graph.edges_at("a", 32_503_680_000)] == ["future", "met"]
    assert [edge.kind for edge in graph.edges_at("a", 32_503_680_000, "future")] == ["future"]
    assert graph.edges_at("a", 1500, "future") == []


def test_history_is_in_the_order_of_beginnings() -> None:
    """All periods of all edges of the source, ended ones too; one from the same moment replaces the earlier one."""
    graph = met((9, None), (-5, 2), (1.5, 3), (9.0, 10))
    graph.add_edge("a", "knew", "c", 0)
    assert [(edge.kind, edge.valid_from) for edge in graph.history("a")] == [
        ("met", -5), ("knew", 0), ("met", 1.5), ("met", 9)
    ]  # fmt: skip
    assert periods(graph.history("a", "met")) == [(-5, 2), (1.5, 3), (9, 10)]
    assert graph.history("b") == []


def test_ending_an_edge_ends_what_is_valid_then() -> None:
    """The period ends at that moment and keeps its properties; others stay; what is not valid then cannot end."""
    graph = met((0, 10), (20, None), (30, 40))
    assert graph.end_edge("a", "met", "b", 5)
    assert not graph.end_edge("a", "met", "b", 5)
    assert not graph.end_edge("a", "met", "c", 5)
    assert graph.edges_at("a", 4.9) == [TemporalEdge("a", "met", "b", 0, 5, {"from": 0})]
    assert graph.edges_at("a", 5) == []
    assert graph.end_edge("a", "met", "b", 35)
    assert periods(graph.history("a")) == [(0, 5), (20, 35), (30, 35)]
    assert graph.end_edge("a", "met", "b", 20)
    assert periods(graph.history("a")) == [(0, 5), (30, 35)]


PERIODS = st.lists(st.tuples(st.integers(0, 6), st.none() | st.integers(1, 4)), max_size=5)


@given(PERIODS, st.integers(-1, 11))
@settings(derandomize=True, database=None, deadline=None)
def test_validity_is_what_the_definition_says(lengths: list[tuple[int, int | None]], at: int) -> None:
    """For any periods and time: exactly those with from <= t < until are found."""
    given_periods = {start: None if length is None else start + length for start, length in lengths}
    graph = met(*given_periods.items())
    expected = [
        (start, end) for start, end in sorted(given_periods.items()) if start <= at and (end is None or at < end)
    ]
    assert periods(graph.edges_at("a", at)) == expected


def test_two_who_see_no_period_cannot_both_begin_one() -> None:
    """Each adds a period because nothing was valid: the second is refused, as it would be one after the other."""
    database = Database.open()
    one, two = database.begin_transaction(), database.begin_transaction()
    for transaction, start in ((one, 1), (two, 2)):
        assert transaction.temporal("t").edges_at("a", 5) == []
        transaction.temporal("t").add_edge("a", "met", "b", start)
    one.commit()
    with pytest.raises(Conflict):
        two.commit()


def test_a_temporal_graph_outlives_its_database() -> None:
    """After closing and opening again every period is what it was, and has another name's none."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        database.temporal("t").add_edge("a", "met", "b", 1.5, 1 << 60, {"p": [1]})
        database.temporal("t").add_edge("a", "met", "b", 3)
        database.temporal("t").end_edge("a", "met", "b", 7)
    with Database.open("/db", vfs=disk) as database:
        assert periods(database.temporal("t").history("a")) == [(1.5, 7), (3, 7)]
        assert database.temporal("t2").history("a") == []
