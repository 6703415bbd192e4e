"""The oracle itself, held against histories whose answer can be seen by eye, and against itself on random ones."""

from __future__ import annotations

from itertools import pairwise, product

import networkx as nx
import pytest
from hypothesis import given, settings

from harness.build import build_history
from harness.history import UNSEEN, Op, Status, Txn

from .choices import Seeded
from .cycles import (
    CLASSES,
    PHENOMENA,
    SUFFIXES,
    Edge,
    Phenomenon,
    closed_upward,
    cycle_class,
    cycles,
    holding,
    minimal,
)
from .histories import histories, random_history, simulated_history
from .list_append import TooManyOrders, dependency_edges, oracle, oracle_every_order, problems
from .notation import txns

CYCLES = {
    "dirty write": ("ax1 ay1; ax2 ay2; rx1,2 ry2,1", {"G0": (1, 2)}),
    "circular information": ("ax1 ry1; ay1 rx1", {"G1c": (1, 2)}),
    "read skew": ("ax1 ay1; rx1 ry", {"G-single-item": (1, 2)}),
    "long fork": ("ax1; ay1; rx1 ry; rx ry1", {"G-nonadjacent-item": (1, 4)}),
    "write skew": ("rx ay1; ry ax1", {"G2-item": (1, 2)}),
    "write skew of three": ("rx ay1; ry az1; rz ax1", {"G2-item": (1, 3)}),
    "writes against the session": ("0 1-2 ax1; 0 3-4 ax2; rx2,1", {"G0-process": (1, 2)}),
    "a session reads its future": ("0 1-2 rx1; 0 3-4 ax1", {"G1c-process": (1, 2)}),
    "a session misses its past": ("0 1-2 ax1; 0 3-4 rx", {"G-single-item-process": (1, 2)}),
    "long fork of a session": (
        "0 1-2 ay1; 0 3-9 rx; 2 1-9 ax1; 3 1-9 rx1 ry",
        {"G-nonadjacent-item-process": (1, 4)},
    ),
    "write skew of a session": ("0 1-2 ay1; 0 3-9 rx; 1 1-9 ax1 ry", {"G2-item-process": (1, 3)}),
    "writes against real time": ("0 1-2 ax1; 1 3-4 ax2; rx2,1", {"G0-realtime": (1, 2)}),
    "a read of the future": ("0 1-2 rx1; 1 3-4 ax1", {"G1c-realtime": (1, 2)}),
    "a stale read": ("0 1-2 ax1; 1 3-4 rx", {"G-single-item-realtime": (1, 2)}),
    "long fork in time": (
        "0 1-2 ay1; 1 3-9 rx; 2 1-9 ax1; 3 1-9 rx1 ry",
        {"G-nonadjacent-item-realtime": (1, 4)},
    ),
    "write skew in time": ("0 1-2 ay1; 1 3-9 rx; 2 1-9 ax1 ry", {"G2-item-realtime": (1, 3)}),
    "ends touch: no real-time order": ("0 1-2 ax1; 1 2-4 rx", {}),
    "nothing wrong": ("0 1-2 ax1; 1 3-4 rx1 ax2; 0 5-6 rx1,2", {}),
    "the smallest class only": ("ax1 ay1; ax2 ay2; rx1,2 ry2,1; rx ry2", {"G0": (1, 2)}),
    "two that do not compare": (
        "0 1-2 rx ay1; 0 3-4 ry ax1",
        {"G2-item": (1, 2), "G-single-item-process": (1, 2)},
    ),
    "two components": ("ax1 ry1; ay1 rx1; az1 rw1; aw1 rz1", {"G1c": (2, 2)}),
    "the shortest witness": ("ax1 ry1; ay1 rx1; az1 rw1; aw1 rv1; av1 rz1", {"G1c": (2, 2)}),
    "where reads contradict one another no append is unobserved": ("ax1; ax2; rx1 ay1; rx2 ry", {}),
    "the first of the longest lists counts": ("ax1 ay2; ax3 ay1; rx1,3; rx3,1 ry1,2", {"G0": (1, 2)}),
}


@pytest.mark.parametrize(("history", "expected"), CYCLES.values(), ids=CYCLES.keys())
def test_cycles(history: str, expected: dict[str, tuple[int, int]]) -> None:
    """A history drawn for one cycle has exactly the names, counts and witness lengths that the eye sees."""
    assert oracle(txns(history)).cycles == expected


EDGES = {
    "a position whose writer aborted is walked over": (
        "ax1; aborted ax2; ax3; rx1,2; rx1,2,3",
        ["0 ww 2", "0 wr 3", "3 rw 2", "2 wr 4"],
    ),
    "own earlier appends are no dependency": ("ax1; rx1 ax2 rx1,2", ["0 ww 1", "0 wr 1"]),
    "a read that ends in an own earlier append gives no rw": (
        "ax1; rx1 ax2 rx1,2; ax3; rx1,2,3",
        ["0 ww 1", "0 wr 1", "1 ww 2", "2 wr 3"],
    ),
    "a read that ends in an own later append does": ("rx1 ax1; ax2; rx1,2", ["0 ww 1", "0 rw 1", "1 wr 2"]),
    "the next writer is the reader itself": ("ax1; rx1 ax2; ax3; rx1,2,3", ["0 ww 1", "0 wr 1", "1 ww 2", "2 wr 3"]),
    "unobserved appends follow the last observed one": (
        "ax1; ax2; ax3; rx1; rx",
        ["0 ww 1", "0 ww 2", "0 wr 3", "3 rw 1", "3 rw 2", "4 rw 0"],
    ),
    "unobserved appends to a key that was read empty": ("ax1; ax2; rx", ["2 rw 0", "2 rw 1"]),
    "an incompatible read gives wr only": (
        "ax1; ax2; ax3; rx1,2,3; rx2,1",
        ["0 ww 1", "1 ww 2", "2 wr 3", "0 wr 4"],
    ),
    "repeated elements are read once": ("ax1; ax2; rx1,2,1; rx1,1", ["0 ww 1", "1 wr 2", "0 wr 3", "3 rw 1"]),
    "distinct elements make a list long": ("ax1; ax2; rx1,1,1; rx1,2", ["0 ww 1", "0 wr 2", "2 rw 1", "1 wr 3"]),
    "UNKNOWN and not read: not in the graph": ("ax1; unknown ax2 rx1", []),
    "UNKNOWN and read: in the graph with its reads": (
        "ax1; unknown rx1 ax2 ry?; rx1,2",
        ["0 wr 1", "0 ww 1", "1 wr 2"],
    ),
    "UNKNOWN and read by an UNKNOWN that was read": ("unknown ax1; unknown rx1 ay1; ry1", ["0 wr 1", "1 wr 2"]),
    "the unread append of an included UNKNOWN": ("unknown ax1 ay1; rx1 ry", ["0 wr 1", "1 rw 0"]),
    "no order from UNKNOWN, but across it": (
        "0 1-2 ax1; 0 3-4 unknown ax2; 0 5-6 rx1,2",
        ["0 ww 1", "0 session 1", "0 realtime 1", "1 wr 2", "0 session 2", "0 realtime 2"],
    ),
    "no order from or to ABORTED": ("0 1-2 ax1; 0 3-4 aborted rx1; 1 5-6 ry", ["0 realtime 2"]),
}


@pytest.mark.parametrize(("history", "expected"), EDGES.values(), ids=EDGES.keys())
def test_edges(history: str, expected: list[str]) -> None:
    """Exactly the edges of the definitions are drawn."""
    found = {f"{edge.before} {edge.kind} {edge.after}" for edge in dependency_edges(txns(history))}
    assert found == set(expected)


OTHERS = {
    "aborted read": ("aborted ax1; rx1", {"G1a": 1}),
    "aborted read, and not in the longest list": (
        "aborted ax1; ax2; ax3; rx2,3; rx1",
        {"G1a": 1, "incompatible-order": 1},
    ),
    "intermediate read": ("ax1 ax2; rx1", {"G1b": 1}),
    "a whole transaction was read": ("ax1 ax2; rx1,2", {}),
    "own intermediate version": ("ax1 rx1 ax2", {}),
    "internal: own append missing": ("ax1 rx", {"internal": 1}),
    "internal: own append not at the end": ("ax1; ax2 rx2,1", {"internal": 1}),
    "internal: a second read differs": ("ax1; rx rx1", {"internal": 1}),
    "internal: one more than appended since": ("ax1; rx ax2 rx1,2", {"internal": 1}),
    "internal: an unseen read says nothing": ("rx ax1 rx? ax2 rx1,2", {}),
    "future read": ("rx1 ax1", {"future-read": 1}),
    "dirty update": ("aborted ax1; ax2; rx1,2", {"dirty-update": 1, "G1a": 1}),
    "aborted above the included one": ("aborted ax1; ax2; rx2,1", {"G1a": 1}),
    "duplicate": ("ax1; rx1,1; rx1,1", {"duplicate-elements": 1}),
    "incompatible": ("ax1; ax2; rx1,2; rx2", {"incompatible-order": 1}),
    "lost update": ("rx ax1; rx ax2; rx1,2", {"lost-update": 1}),
    "updates of two versions": ("rx ax1; rx1 ax2", {}),
    "a read after the own append is no version": ("ax1 rx1; ax2 rx2; rx1", {"incompatible-order": 1}),
    "garbage": ("ax1; rx1,7", {"garbage-read": 1}),
    "lost append": ("0 1-2 ax1; 1 3-4 rx", {"lost-append": 1}),
    "lost append of a session": ("0 1-2 ax1; 0 3-4 rx", {"lost-append": 1}),
    "the append may come later": ("0 1-2 unknown ax1; 1 3-4 rx", {}),
    "what UNKNOWN read counts once it is included": ("aborted ax1; unknown rx1 ay1; ry1", {"G1a": 1}),
    "what UNKNOWN read does not count else": ("aborted ax1; unknown rx1 ay1", {}),
    "what ABORTED read does not count": ("aborted ax1; aborted rx1,7", {}),
}


@pytest.mark.parametrize(("history", "expected"), OTHERS.values(), ids=OTHERS.keys())
def test_anomalies_that_are_no_cycles(history: str, expected: dict[str, int]) -> None:
    """Each anomaly that is no cycle is found and counted where the eye sees it, and nowhere else."""
    assert oracle(txns(history)).others == expected


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("0 1-5 ax1; 0 3-6 rx7", ["client 0 runs transactions 0 and 1 at the same time"]),
        ("0 1-5 ax1; 0 5-6 rx1", []),
        ("ax1; aborted ax1; rx7", ["element 1 is appended twice to 'x'"]),
        ("ax1 ax1", ["element 1 is appended twice to 'x'"]),
        ("ax1; ay1", []),
    ],
)
def test_problems_of_the_evidence(history: str, expected: list[str]) -> None:
    """A client in two places or an element appended twice is reported, and then nothing else is judged."""
    found = oracle(txns(history))
    assert found.evidence == expected
    assert not expected or not found.names


def test_every_order_of_unread_appends() -> None:
    """Unread appends whose order is open leave a write skew that is a read skew under either order."""
    history = txns("ry az1 ax1; rz ay2 ax2")
    assert oracle(history).cycles == {"G2-item": (1, 2)}
    assert oracle_every_order(history) == {"G-single-item"}


def test_one_order_without_the_anomaly_is_enough() -> None:
    """Appends that nobody read and that fit in some order are no anomaly."""
    assert oracle_every_order(txns("ax1 ay1; ax2 ay2; ax3")) == set()


def test_too_many_orders() -> None:
    """Six unread appends to a key have 720 orders, five have 120."""
    with pytest.raises(TooManyOrders):
        oracle_every_order(txns("ax1; ax2; ax3; ax4; ax5; ax6"))
    assert oracle_every_order(txns("ax1; ax2; ax3; ax4; ax5")) == set()


def test_every_order_agrees_with_the_sure_edges() -> None:
    """What holds by the sure edges holds under every order; where these are acyclic, so is some order."""
    compared = 0
    for seed in range(600):
        history = random_history(seed)
        try:
            every_order = oracle_every_order(history)
        except TooManyOrders:
            continue
        sure = holding(dependency_edges(history))
        open_order = closed_upward(one for one in PHENOMENA if one.name in every_order)
        assert sure <= open_order, seed
        for name in ("G0", "G1c", "G2"):
            decided = {one for one in PHENOMENA if CLASSES[one.cycle_class] == name}
            assert sure & decided == open_order & decided, (seed, name)
        compared += 1
    assert compared > 550


def _phenomena_of_simple_cycles(edges: list[Edge]) -> set[Phenomenon]:
    """The class and the strongest order edge of every simple cycle, parallel edges taken one at a time."""
    suffixes = {"session": 1, "realtime": 2}
    kinds: dict[tuple[int, int], list[str]] = {}
    for edge in edges:
        kinds.setdefault((edge.before, edge.after), []).append(edge.kind)
    found = set()
    for cycle in nx.simple_cycles(nx.DiGraph(kinds.keys())):
        for labels in product(*(kinds[step] for step in pairwise([*cycle, cycle[0]]))):
            suffix = max(suffixes.get(label, 0) for label in labels)
            found.add(Phenomenon(CLASSES.index(cycle_class(labels)), suffix, 0))
    return found


def test_closed_walks_and_simple_cycles_agree() -> None:
    """The minimal phenomena by closed walks are those by simple cycles, though a closed walk need not be simple."""
    for seed in range(400):
        history = random_history(seed)
        if len(history) <= 6:
            edges = dependency_edges(history)
            assert minimal(holding(edges)) == minimal(_phenomena_of_simple_cycles(edges)), seed


def test_adjacent_rw_edges_that_a_longer_walk_does_not_avoid() -> None:
    """Two write skews that share a transaction are no long fork: their common walk has adjacent rw edges too."""
    skews = [Edge(0, 1, "rw"), Edge(1, 0, "rw"), Edge(0, 2, "rw"), Edge(2, 0, "rw")]
    assert cycles(skews) == {"G2-item": (1, 2)}


def test_predicate_edges() -> None:
    """A cycle with a predicate rw edge has no item form, and an item cycle beside it is the smaller one."""
    phantom = [Edge(0, 1, "rw", predicate=True), Edge(1, 0, "rw")]
    assert cycles(phantom) == {"G2": (1, 2)}
    assert cycles([*phantom, Edge(1, 0, "wr")]) == {"G-single": (1, 2)}
    assert cycles([*phantom, Edge(0, 1, "rw")]) == {"G2-item": (1, 2)}
    assert cycles([*phantom, Edge(0, 2, "rw"), Edge(2, 0, "wr")]) == {"G-single-item": (1, 2)}


def test_a_smaller_suffix_reports_for_the_larger_component() -> None:
    """A cycle is counted with the smallest suffix it needs, though components of larger ones contain it."""
    circle = [Edge(0, 1, "wr"), Edge(1, 0, "wr")]
    beside = [Edge(1, 2, "realtime"), Edge(2, 0, "ww")]
    assert cycles([*circle, *beside]) == {"G1c": (1, 2)}
    assert cycles([*circle, *beside, Edge(0, 1, "ww")]) == {"G1c": (1, 2), "G0-realtime": (1, 3)}


def test_columns_keep_what_is_judged() -> None:
    """A history gives the same judgement after it went into columns and back."""
    for seed in range(300):
        history = random_history(seed)
        assert oracle(list(build_history(history).txns())) == oracle(history), seed


def test_a_serial_database_is_never_accused() -> None:
    """A simulated database that runs one transaction at a time shows no anomaly at all."""
    for seed in range(300):
        history = simulated_history(Seeded(seed), level="serial", bugs=())
        assert oracle(history).names == set(), seed


def test_a_snapshot_database_shows_write_skew_only() -> None:
    """Snapshots with the first committer winning show G2 and nothing else, under every order."""
    names = set()
    for seed in range(300):
        history = simulated_history(Seeded(seed), level="snapshot", bugs=())
        names |= oracle(history).names
        names |= oracle_every_order(history)
    assert "G2-item" in names
    assert names <= {"G2-item", "G2-item-process", "G2-item-realtime"}


def test_a_read_committed_database_shows_no_dirty_data() -> None:
    """Reads of what is committed at the time show nothing aborted, intermediate, future, repeated or invented."""
    forbidden = {"G1a", "G1b", "dirty-update", "future-read", "duplicate-elements", "garbage-read"}
    for seed in range(300):
        history = simulated_history(Seeded(seed), level="read committed", bugs=())
        assert not oracle(history).names & forbidden, seed


def test_random_histories_show_every_name() -> None:
    """Every anomaly that a list-append history can show occurs among 1,500 seeded histories."""
    expected = {
        cycle_class + item + suffix
        for cycle_class, item in zip(CLASSES, ("", "", "-item", "-item", "-item"), strict=True)
        for suffix in SUFFIXES
    }
    expected |= {"G1a", "G1b", "internal", "future-read", "dirty-update", "duplicate-elements", "incompatible-order"}
    expected |= {"lost-update", "garbage-read", "lost-append"}
    assert {name for seed in range(1500) for name in oracle(random_history(seed)).names} == expected


@given(histories())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_random_histories_are_evidence(history: list[Txn]) -> None:
    """A random history has two to ten transactions in the order of their starts, and can be judged."""
    assert 2 <= len(history) <= 10
    assert [txn.id for txn in history] == list(range(len(history)))
    assert [txn.start for txn in history] == sorted(txn.start for txn in history)
    assert problems(history) == []


def test_notation() -> None:
    """One line holds client, times, status and operations; without client and times all run side by side."""
    assert txns("3 1-4 unknown ax1 rx1,12 ry rz?\nry") == [
        Txn(
            id=0,
            client=3,
            ops=(Op("append", "x", 1), Op("r", "x", [1, 12]), Op("r", "y", []), Op("r", "z", UNSEEN)),
            status=Status.UNKNOWN,
            start=1,
            end=4,
        ),
        Txn(id=1, client=101, ops=(Op("r", "y", []),), status=Status.OK, start=0, end=1000),
    ]
    with pytest.raises(ValueError, match="not an operation: 'x1'"):
        txns("x1")
