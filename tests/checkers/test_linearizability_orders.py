"""Linearizability held against every order of small random histories, and against the other checkers of objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest
from sequential_objects import (
    OBJECTS,
    acknowledged,
    history,
    is_linearizable,
    is_linearization,
    orders,
    random_txns,
)

from checkers.invariants.total_queue import check_total_queue
from checkers.linearizability import check_linearizability, witness
from checkers.linearizability.calls import Object, objects_of
from checkers.linearizability.models import Call
from checkers.linearizability.queues import decide_queue
from checkers.linearizability.ranks import decide_by_ranks
from checkers.linearizability.registers import decide_counter, decide_register
from checkers.linearizability.search import search
from checkers.linearizability.witness import Contradiction, contradiction
from checkers.register import check_register
from harness.history import UNSEEN, History, Op, Status, Txn
from harness.verdict import Findings

# 5,000 of each by hand: `range(5_000)` in place of these.
SEEDS = range(400)
STEPS = 10**7
WAYS = {
    "register": decide_register,
    "counter": decide_counter,
    "set": decide_by_ranks,
    "list": decide_by_ranks,
    "queue": decide_queue,
}


def small(name: str, seed: int) -> tuple[list[Txn], Object | None]:
    """A random history of one object, and the object as the checker sees it; None where it has no calls."""
    rng = Random(seed)
    txns = random_txns(name, rng, rng.randint(2, 8))
    objects, doubts = objects_of(history(name, txns))
    assert doubts == []
    return txns, objects[0] if objects else None


def contradicted(name: str, seeds: range) -> Iterator[tuple[int, list[Txn], list[Call], Contradiction]]:
    """(seed, transactions, calls, what contradicts) of each small history that has no order."""
    for seed in seeds:
        txns, judged = small(name, seed)
        if judged and not is_linearizable(name, txns):
            yield seed, txns, judged.calls, contradiction(judged.calls, judged.model)


def as_it_must(txns: list[Txn], required: list[Txn], end: int) -> list[Txn]:
    """What had begun by `end`, all but the required ones of unknown fate."""
    return [
        txn if txn in required or txn.status is Status.ABORTED else txn._replace(status=Status.UNKNOWN)
        for txn in txns
        if txn.start <= end
    ]


def of(txns: list[Txn], calls: list[Call]) -> list[Txn]:
    return [txns[call.row] for call in calls]


@pytest.mark.parametrize("name", OBJECTS)
def test_verdicts_are_those_of_all_orders(name: str) -> None:
    """The search, the quick way where there is one, and the checker say what trying every order says, never else."""
    seen: Counter[object] = Counter()
    for seed in SEEDS:
        txns, judged = small(name, seed)
        right = is_linearizable(name, txns)
        assert (not check_linearizability(history(name, txns)).anomalies) == right, seed
        if judged is None:
            continue
        assert judged.model.name in {name, "list"}
        searched = search(judged.calls, judged.model, STEPS)
        assert (searched.order is not None, searched.spent) == (right, False), seed
        way = WAYS.get(name)
        decided = way(judged.calls) if way else None
        assert decided is None or (decided.order is not None) == right, seed
        seen["quickly" if decided else "searched", right] += 1
    ways = ("quickly", "searched") if name in WAYS else ("searched",)
    assert all(seen[way, right] >= 10 for way in ways for right in (True, False)), seen


@pytest.mark.parametrize("name", OBJECTS)
def test_every_linearization_is_one(name: str) -> None:
    """Each order that is found keeps real time, is explained by the object, and has all acknowledged calls once."""
    for seed in SEEDS:
        txns, judged = small(name, seed)
        if judged is None:
            continue
        way = WAYS.get(name)
        decided = way(judged.calls) if way else None
        for order in (search(judged.calls, judged.model, STEPS).order, decided.order if decided else None):
            if order is not None:
                rows = [call.row for call in order]
                assert is_linearization(name, of(txns, order)), seed
                assert len(set(rows)) == len(rows)
                needed = {
                    txn.id for txn in acknowledged(txns) if txn.ops[0].kind != "r" or txn.ops[0].value is not UNSEEN
                }
                assert set(rows) >= needed, seed


@pytest.mark.parametrize("name", OBJECTS)
def test_the_longest_order_cannot_be_extended(name: str) -> None:
    """All that ended before the stuck call has the order that is given; with the stuck call it has none."""
    for seed, txns, calls, found in contradicted(name, SEEDS):
        before = [txn for txn in of(txns, [call for call in calls if call.required]) if txn.end < found.stuck.end]
        begun = as_it_must(txns, before, found.stuck.end)
        in_order = {call.row for call in found.order}
        assert is_linearization(name, [txn for call in found.order for txn in begun if txn.id == call.row]), seed
        assert {txn.id for txn in before} <= in_order, seed
        ended = [txn for txn in txns if txn.status is Status.OK and txn.end <= found.stuck.end]
        assert next(orders(name, as_it_must(txns, ended, found.stuck.end), ended), None) is None, seed


@pytest.mark.parametrize("name", OBJECTS)
def test_the_witness_contradicts_by_itself_and_nothing_can_be_spared(name: str) -> None:
    """The core has no order whatever becomes of the others, and has one as soon as any of its calls is weakened."""
    for seed, txns, _, found in contradicted(name, SEEDS):
        core = of(txns, found.core)
        assert not is_linearizable(name, as_it_must(txns, core, found.stuck.end)), seed
        for spared in core:
            fewer = [txn for txn in core if txn is not spared]
            if spared.id != found.stuck.row:
                assert is_linearizable(name, as_it_must(txns, fewer, found.stuck.end)), seed


@pytest.mark.parametrize("name", ["register", "counter"])
def test_recent_calls_contradict_whatever_was_stored_before(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where calls of long ago are said not to matter, the others contradict after whatever value those had left."""
    monkeypatch.setattr(witness, "_RECENT_MIN", 1)
    recent = 0
    for seed, txns, _, found in contradicted(name, range(5 * len(SEEDS))):
        if found.since is None:
            continue
        recent += 1
        part = [txn for txn in txns if txn.status is not Status.OK or txn.end > found.since]
        left = as_it_must(part, of(txns, found.core), found.stuck.end)
        for value in (None, *range(-3, 12)) if name == "register" else range(-10, 20):
            before = Txn(99, 99, (Op("w", "x", value),), Status.OK, -100, -99)
            assert not is_linearizable(name, [before, *left]), (seed, value)
    assert recent >= 20


@pytest.mark.parametrize("name", [*WAYS])
def test_a_quick_core_has_no_order_either(name: str) -> None:
    """What a quick way accuses by few calls, the search accuses by the same."""
    cores = 0
    for seed in SEEDS:
        judged = small(name, seed)[1]
        decided = WAYS[name](judged.calls) if judged else None
        if judged and decided and decided.order is None:
            assert search(decided.core, judged.model, STEPS).order is None, seed
            cores += len(decided.core) < len(judged.calls)
    assert cores >= 10


@pytest.mark.parametrize(("name", "check"), [("register", check_register), ("queue", check_total_queue)])
def test_what_another_checker_accuses_is_not_linearizable(name: str, check: Callable[[History], Findings]) -> None:
    """Stale and dirty reads of registers without cas, and tasks lost or given twice, have no linearization either."""
    accused = 0
    for seed in SEEDS:
        recorded = history(name, small(name, seed)[0])
        if check(recorded).anomalies:
            accused += 1
            assert check_linearizability(recorded).anomalies, seed
    assert accused >= 20
