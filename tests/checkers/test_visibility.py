"""Read atomic and causal consistency of lists, against the definition applied naively."""

from __future__ import annotations

from itertools import product

import pytest

from anomalist.judging import judge_history
from checkers.graphs.graph import residue
from checkers.lists.dependencies import dependencies
from checkers.lists.observations import observe
from checkers.lists.visibility import check_visibility, unseen_but_visible
from harness.build import build_history
from harness.history import History, RunInfo, Status
from harness.level import Level
from harness.verdict import Outcome
from tests.oracle.histories import random_history
from tests.oracle.notation import txns

SEEDS = 1_500


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ax1 ay1; rx1 ry", [("fractured-read", (0, 1))]),
        ("ax1 ay1; ry rx1", [("fractured-read", (0, 1))]),
        ("ax1 ay1; rx1 az1; rz1 ry", [("causality-violation", (0, 1, 2))]),
        ("ax1 ay1; rx1 az1; rz1 ry1", []),
        ("1 1-2 ax1; 1 3-4 rx", [("fractured-read-process", (0, 1))]),
        ("1 1-2 unknown ax1; 1 3-4 rx", []),
        ("1 1-2 ax1 ay1; 2 1-2 rx1; 2 3-4 ry", [("causality-violation-process", (0, 1, 2))]),
        ("1 1-2 ax1 ay1; 2 1-2 rx1; 3 3-4 ry", []),
        ("rz ax1 rx5,1; az2; rz2 ax5", [("causality-violation", (1, 2, 0))]),
        ("ry ax1 rx5,1; ax5 ay2", [("fractured-read", (1, 0))]),
        ("rx ax1; rx ax2", []),
        ("rx ay1; ry ax1", []),
        ("ax1 ay1; rx1 ry; 1 1-2 az1; 1 3-4 rz", [("fractured-read", (0, 1))]),
        ("ax1 ay1; rx1 az1; rz1 ry; 1 1-2 av1; 1 3-4 rv", [("causality-violation", (0, 1, 2)), SESSION := None]),
    ],
)
def test_what_is_visible_has_to_be_seen(text: str, found: list[tuple[str, tuple[int, ...]] | None]) -> None:
    """A reader sees all of what it saw a part of, directly or through others; sessions count for their own names."""
    anomalies = check_visibility(build_history(txns(text))).anomalies
    named = [(one.name, one.txns) for one in anomalies]
    if SESSION in found:
        assert [name for name, _ in named] == ["causality-violation", "fractured-read-process"]
        named = named[:1]
    assert named == [one for one in found if one]


def naive(history: History) -> set[str]:
    """The names by the definition: pairs of who is visible to whom, then what a read lacks of them."""
    seen = observe(history)
    rows = [row for row in range(len(history)) if seen.included[row]]
    appends: dict[tuple[int, int], list[int]] = {}
    for append in range(len(seen.append_op)):
        appends.setdefault((int(seen.append_row[append]), int(seen.append_key[append])), []).append(append)
    shows, lacks = set(), set()
    for read in range(len(seen.read_op)):
        reader, key = int(seen.read_row[read]), int(seen.read_key[read])
        if seen.disputed[key] or seen.read_reach[read] < 0:
            continue
        for writer in rows:
            of_writer = appends.get((writer, key), []) if writer != reader else []
            there = [0 <= seen.append_place[one] < seen.read_reach[read] for one in of_writer]
            shows |= {(writer, reader)} if any(there) else set()
            lacks |= {(reader, writer)} if not all(there) else set()
    session = {
        (one, two)
        for one, two in product(rows, rows)
        if one < two and history.client[one] == history.client[two] and history.status[one] == Status.OK
    }
    return _named(shows, lacks, "") | _named(shows | session, lacks, "-process")


def _named(visible: set[tuple[int, int]], lacks: set[tuple[int, int]], suffix: str) -> set[str]:
    closed = set(visible)
    while more := {(a, d) for a, b in closed for c, d in visible if b == c} - closed:
        closed |= more
    if any((writer, reader) in visible for reader, writer in lacks):
        return {"fractured-read" + suffix}
    return {"causality-violation" + suffix} if any((writer, reader) in closed for reader, writer in lacks) else set()


def test_what_is_found_is_what_the_definition_says() -> None:
    """On random histories the names are those of the definition, less what a name without sessions covers."""
    counted: dict[str, int] = {}
    for seed in range(SEEDS):
        history = build_history(random_history(seed))
        expected = naive(history)
        if "fractured-read" in expected:
            expected -= {"fractured-read-process"}
        if {"fractured-read", "causality-violation"} & expected:
            expected -= {"causality-violation-process"}
        seen = observe(history)
        edges, _ = dependencies(seen, atomic_append=True)
        found = unseen_but_visible(seen, residue(history, seen.included, edges))
        assert {one.name for one in found.anomalies} == expected, seed
        for name in expected:
            counted[name] = counted.get(name, 0) + 1
    assert min(counted.get(name, 0) for name in ("fractured-read", "fractured-read-process")) > 20
    assert min(counted.get(name, 0) for name in ("causality-violation", "causality-violation-process")) > 2


@pytest.mark.parametrize(
    ("text", "expected", "outcome"),
    [
        ("ax1 ay1; rx1 ry", "read-atomic", Outcome.FAIL),
        ("ax1 ay1; rx1 az1; rz1 ry", "read-atomic", Outcome.PASS),
        ("ax1 ay1; rx1 az1; rz1 ry", "causal-cerone", Outcome.FAIL),
        ("ax1 ay1; rx1 ry", "prefix", Outcome.FAIL),
        ("rx ax1; rx ax2", "causal-cerone", Outcome.PASS),
        ("ax1 ay1; rx1 ry", "monotonic-atomic-view", Outcome.UNKNOWN),
        ("rx ax1; rx ax2", "prefix", Outcome.UNKNOWN),
        ("ax1; rx1", "prefix", Outcome.PASS),
    ],
)
def test_weak_levels_are_decided_where_they_are_expected(text: str, expected: str, outcome: Outcome) -> None:
    """A list-append history held to a weak level is judged by this checker too; what nobody decides is UNKNOWN."""
    history = build_history(txns(text), RunInfo(workload="list-append"))
    verdicts = judge_history(history, Level(expected), checkers=("list-append",), strict_evidence=False)
    assert max(verdict.outcome for verdict in verdicts) is outcome


def test_an_append_that_was_overwritten_was_not_missed() -> None:
    """Where an append is a read and a write, no list has to show one that is in none."""
    history = build_history(txns("1 1-2 ax1; 1 3-4 rx"), RunInfo(append="read-modify-write"))
    assert check_visibility(history).anomalies == ()


def test_what_many_readers_lack_takes_few_edges() -> None:
    """A hundred readers of nothing who append to one list lack each other's appends; the search is nearly linear."""
    rows = txns("; ".join([*(f"rx ax{i}" for i in range(100)), "rx" + ",".join(map(str, range(100)))]))
    seen = observe(build_history(rows))
    edges, _ = dependencies(seen)
    unseen = unseen_but_visible(seen, residue(seen.history, seen.included, edges), budget=50_000)
    assert (unseen.anomalies, unseen.cut_short) == ([], False)
