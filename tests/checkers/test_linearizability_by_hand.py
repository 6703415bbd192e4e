"""Linearizability by hand: each kind of object both ways, and what is no evidence, cut, too much or too little."""

from __future__ import annotations

from typing import Any

import pytest
from rows import history, r, row, w

from checkers.linearizability import check_linearizability, judged_objects
from checkers.linearizability.calls import objects_of
from checkers.linearizability.check import STEPS_MAX
from checkers.linearizability.search import Searched, search
from harness.build import build_history
from harness.history import UNSEEN, History, Op, RunInfo, Status, Txn
from harness.level import level
from harness.verdict import Findings, Outcome, judge

UNKNOWN, ABORTED = Status.UNKNOWN, Status.ABORTED


def cas(old: Any, new: Any, *answer: bool, key: str = "x") -> Op:
    return Op("cas", key, (old, new, *answer))


def incr(added: float, number: float | None = None) -> Op:
    return Op("incr", "x", (added, number))


def add(element: Any, key: str = "x") -> Op:
    return Op("append", key, element)


def put(payload: Any) -> Op:
    return Op("enqueue", "x", (payload, None))


def take(payload: Any = None) -> Op:
    return Op("dequeue", "x", payload if payload is None or payload is UNSEEN else ("task", payload, 1, 0))


def one_by_one(*ops: Op) -> list[Txn]:
    """Each by the same client after the one before."""
    return [row(0, 10 * number, 10 * number + 5, op) for number, op in enumerate(ops)]


def at_once(*ops: Op) -> list[Txn]:
    """Each by its own client, all at the same time."""
    return [row(number, 100, 200, op) for number, op in enumerate(ops)]


def named(findings: Findings) -> list[str]:
    return [one.name for one in findings.anomalies]


def of_workload(workload: str, txns: list[Txn]) -> History:
    return build_history(txns, RunInfo(suite="hand", workload=workload, target="hand", level="hand"))


RIGHT = {
    "register": one_by_one(r("x"), w("x", 1), r("x", 1), Op("delete", "x"), r("x"), w("x", 1), r("x", 1)),
    "register, touching": [row(0, 0, 10, w("x", 1)), row(1, 10, 20, r("x"))],
    "register, another order": [*at_once(w("x", 1), w("x", 2)), row(5, 201, 202, r("x", 1))],
    "register, unknown later": [
        row(0, 0, 1, w("x", 1), status=UNKNOWN),
        row(1, 5, 6, r("x")),
        row(1, 7, 8, r("x", 1)),
    ],
    "register, unknown never": [row(0, 0, 1, w("x", 1), status=UNKNOWN), row(1, 5, 6, r("x"))],
    "cas": one_by_one(cas(None, 1, True), cas(2, 3, False), cas(1, 2, True), cas(2, 3, True), r("x", 3)),
    "cas, unknown": [row(0, 0, 1, cas(None, 1), status=UNKNOWN), row(1, 2, 3, r("x")), row(1, 4, 5, r("x", 1))],
    "cas, without an answer": [
        row(0, 0, 1, Op("cas", "x", (None, 1, None)), status=UNKNOWN),
        row(1, 2, 3, Op("cas", "x", (None, 2, None)), status=UNKNOWN),
        row(2, 4, 5, r("x", 2)),
    ],
    "lock": one_by_one(cas(None, "a", True), cas(None, "b", False), cas("a", None, True), cas(None, "b", True)),
    "counter": one_by_one(r("x", None), incr(2, 2), incr(3), incr(1, 6), r("x", 6)),
    "counter, in another order": at_once(incr(1, 3), incr(1, 2), incr(1, 1)),
    "list": one_by_one(r("x", None), add(1), r("x", [1]), add(2), r("x", [1, 2])),
    "list, appended twice": one_by_one(add(1), add(1), r("x", [1, 1])),
    "text": one_by_one(r("x", None), add("a"), add("b"), r("x", "ab"), w("x", "c"), add("d"), r("x", "cd")),
    "queue": one_by_one(take(), put(1), put(2), take(1), take(2), take()),
    "queue, in another order": [*at_once(put(1), put(2)), row(5, 201, 202, take(2)), row(5, 203, 204, take(1))],
    "queue, unknown": [*one_by_one(put(1)), row(1, 6, 7, take(UNSEEN), status=UNKNOWN), row(2, 8, 9, take())],
}
WRONG = {
    "register, stale": one_by_one(w("x", 1), w("x", 2), r("x", 1)),
    "register, in two orders": [
        *at_once(w("x", 1), w("x", 2)),
        row(5, 201, 202, r("x", 1)),
        row(5, 203, 204, r("x", 2)),
    ],
    "register, from the future": one_by_one(r("x", 1), w("x", 1)),
    "register, aborted": [row(0, 0, 1, w("x", 1), status=ABORTED), row(1, 2, 3, r("x", 1))],
    "register, of another type": one_by_one(w("x", 1), r("x", True)),
    "register, an unknown write came and went": [
        row(0, 0, 1, w("x", 1), status=UNKNOWN),
        row(1, 2, 3, r("x", 1)),
        row(1, 4, 5, r("x")),
    ],
    "cas, both replaced": at_once(cas(None, 1, True), cas(None, 2, True)),
    "cas, wrongly refused": one_by_one(w("x", 1), cas(1, 2, False)),
    "lock, held by two": one_by_one(cas(None, "a", True), cas(None, "b", True)),
    "counter, lost": one_by_one(incr(1), incr(1), r("x", 1)),
    "counter, the same answer": at_once(incr(1, 1), incr(1, 1)),
    "counter, a fraction": one_by_one(incr(1, 1), r("x", 0.5)),
    "list, turned round": one_by_one(add(1), add(2), r("x", [2, 1])),
    "list, lost": one_by_one(add(1), add(2), r("x", [2])),
    "text": one_by_one(add("a"), add("b"), r("x", "ba")),
    "queue, overtaken": one_by_one(put(1), put(2), take(2), take(1)),
    "queue, taken twice": [*one_by_one(put(1)), *at_once(take(1), take(1))],
    "queue, wrongly empty": one_by_one(put(1), take(), take(1)),
    "queue, nobody put it in": one_by_one(put(1), take(1), take(2)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_can_be_explained_passes(name: str) -> None:
    """An object that did nothing wrong has a linearization, and that is one of all acknowledged calls."""
    findings = check_linearizability(history(*RIGHT[name]))
    assert (findings.anomalies, findings.doubts, findings.searched) == ((), (), ("linearizable",))
    [judgement] = judged_objects(objects_of(history(*RIGHT[name]))[0])
    assert judgement.order is not None
    assert {call.row for call in judgement.order} >= {
        txn.id for txn in history(*RIGHT[name]).txns() if txn.status is Status.OK
    }


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_explained_fails(name: str) -> None:
    """An object that no order explains refutes linearizable and all levels above, and none beside."""
    findings = check_linearizability(history(*WRONG[name]))
    assert named(findings) == ["not-linearizable"]
    assert findings.refuted == ("strict-serializable", "linearizable")
    assert judge(findings, level("serializable")).outcome is Outcome.UNKNOWN


def test_a_set_has_no_order_of_its_elements() -> None:
    """The same reads are right for a set and wrong for a list; the workload tells which one it is."""
    txns = one_by_one(add(1), add(2), r("x", [2, 1]), add(2), r("x", [1, 2]))
    assert named(check_linearizability(of_workload("linearizable-set", txns))) == []
    assert named(check_linearizability(of_workload("linearizable-list", txns))) == ["not-linearizable"]
    assert named(check_linearizability(of_workload("linearizable-set", one_by_one(add(1), r("x", [1, 1]))))) != []


def test_the_witness_names_the_calls_that_contradict() -> None:
    """Of a long history the witness has the three calls that matter, the sentence the one that has no explanation."""
    before = one_by_one(*(op for i in range(20) for op in (w("x", i), r("x", i))))
    stale = [row(0, 500, 510, w("x", 50)), row(1, 520, 530, w("x", 51)), row(2, 540, 550, r("x", 50))]
    after = [row(0, 600 + 10 * i, 605 + 10 * i, w("x", 100 + i)) for i in range(20)]
    found = check_linearizability(history(*before, *stale, *after)).anomalies[0]
    assert found.txns == (40, 41, 42)
    assert found.sentence == (
        "No order of the calls on x explains that T42 read 50, given that T40 wrote 50 and had ended before that "
        "began, and T41 wrote 51 and had ended before that began."
    )
    assert found.details[0] == "T40 wrote 50, at a moment within [500, 510]."
    assert found.details[3] == "The longest order without T42: T40 wrote 50, T41 wrote 51; x is then 51."


@pytest.mark.parametrize(
    ("before", "wrong", "rows"),
    [
        ([w("x", i % 3 + 10) for i in range(500)], [w("x", 1), cas(1, 2, True), r("x", 1)], (500, 501, 502)),
        ([w("x", 7), *(cas(8, 9, False) for _ in range(499))], [w("x", 1), cas(1, 2, False)], (500, 501)),
        ([incr(1, i + 1) for i in range(500)], [incr(1, 501), incr(1, 502), r("x", 500)], (500, 502)),
        ([incr(1) for _ in range(500)], [r("x", 500), incr(1), r("x", 500)], (500, 501, 502)),
    ],
)
def test_what_came_long_before_does_not_matter(before: list[Op], wrong: list[Op], rows: tuple[int, ...]) -> None:
    """Of hundreds of calls on a register or a counter the witness has the last ones, whatever was stored before."""
    found = check_linearizability(history(*one_by_one(*before, *wrong))).anomalies[0]
    assert found.txns == rows
    assert any(
        one.startswith("It makes no difference what the calls left that had ended by") for one in found.details
    )


def test_what_came_during_the_stuck_call_is_not_put_before_it() -> None:
    """A read that lasted long contradicts what came before it, not the last reads of what was written meanwhile."""
    txns = one_by_one(w("x", 5), w("x", 6))
    txns += [row(1, 20, 1000, r("x", 5)), row(0, 30, 31, w("x", 8))]
    txns += [row(0, 40 + 10 * i, 45 + 10 * i, r("x", 8)) for i in range(14)]
    txns += [row(0, 500, 501, cas(1, 2, False))]
    found = check_linearizability(history(*txns)).anomalies[0]
    assert found.txns == (0, 1, 2)
    assert not any(one.startswith("It makes no difference what") for one in found.details)


def test_a_long_read_is_told_by_the_elements_that_matter() -> None:
    """Of a set of many elements the sentence says which one is missing."""
    txns = one_by_one(*(add(i) for i in range(30)), r("x", [i for i in range(30) if i != 7]))
    found = check_linearizability(of_workload("linearizable-set", txns)).anomalies[0]
    assert found.txns == (7, 30)
    assert found.sentence == (
        "No order of the calls on x explains that T30 read 29 elements, without 7, given that T7 appended 7 and had "
        "ended before that began."
    )


def test_objects_are_judged_one_by_one() -> None:
    """Two objects that go wrong are counted in one anomaly, whose witness is of the one with fewer calls."""
    txns = [
        *one_by_one(w("y", 1), w("y", 2), w("y", 3), r("y", 1)),
        *[row(1, 100 + 10 * i, 101 + 10 * i, op) for i, op in enumerate((w("x", 1), r("x")))],
    ]
    [found] = check_linearizability(history(*txns)).anomalies
    assert (found.count, found.txns) == (2, (4, 5))


# Evidence


def test_a_transaction_of_several_operations_is_no_evidence() -> None:
    """Its keys are left out, with a doubt about linearizable alone; a verdict about another key stands."""
    spoiled = row(5, 0, 1000, r("x"), w("z", 1))
    findings = check_linearizability(history(spoiled, *one_by_one(w("x", 1), r("x"))))
    assert named(findings) == []
    assert [(one.reason, one.levels) for one in findings.doubts] == [("evidence", ("linearizable",))]
    assert findings.doubts[0].sentence == "x was left out: T0 has 2 operations, and 1 more like it"
    assert judge(findings, level("linearizable")).outcome is Outcome.UNKNOWN
    wrong = check_linearizability(history(spoiled, *one_by_one(w("y", 1), r("y"))))
    assert named(wrong) == ["not-linearizable"]
    assert judge(wrong, level("linearizable")).outcome is Outcome.FAIL


def test_an_aborted_transaction_of_several_operations_matters_to_nobody() -> None:
    """It had no effect, so that its keys are judged."""
    findings = check_linearizability(history(row(5, 0, 9, r("x", 1), w("x", 2), status=ABORTED), *one_by_one(r("x"))))
    assert (named(findings), findings.doubts) == ([], ())


def test_what_sets_up_the_objects_is_evidence() -> None:
    """Before everything else a transaction may write several keys at once."""
    setup = row(9, -10, -5, w("x", 1), w("y", 2))
    findings = check_linearizability(history(setup, *one_by_one(r("x", 1), r("y", 2))))
    assert (named(findings), findings.doubts) == ([], ())
    assert named(check_linearizability(history(setup, *one_by_one(r("x", 1), r("y"))))) == ["not-linearizable"]


@pytest.mark.parametrize(
    ("txns", "sentence"),
    [
        (one_by_one(w("x", UNSEEN)), "x was left out: the w of T0 has not the form that a register needs"),
        (one_by_one(w("x", 1), add(2)), "x was left out: the w of T0 has not the form that a text needs"),
        (one_by_one(incr(1), w("x", "a")), "x was left out: the w of T1 has not the form that a counter needs"),
        (
            one_by_one(incr(0.1, 0.1), incr(0.2, 0.1 + 0.2)),
            "x was left out: the incr of T0 has not the form that a counter needs",
        ),
        (one_by_one(put(1), r("x")), "x was left out: T1 does r on it, which is no operation of a queue"),
        (
            one_by_one(Op("dequeue", "x", ("task", 1, 2, 0))),
            "x was left out: the dequeue of T0 has not the form that a queue needs",
        ),
        (
            one_by_one(Op("make_queue", "x", (1e-6, 9))),
            "x was left out: claims that T0 lets run out come back, which is not judged",
        ),
        (
            one_by_one(put(1), Op("nack", "x", (0, True))),
            "x was left out: T1 does nack on it, which is no operation of a queue",
        ),
    ],
)
def test_what_is_not_understood_is_doubted(txns: list[Txn], sentence: str) -> None:
    """An operation that the object does not have, or without the form of its kind, makes the verdict UNKNOWN."""
    findings = check_linearizability(history(*txns))
    assert (named(findings), [one.sentence for one in findings.doubts]) == ([], [sentence])


def test_an_object_that_is_only_read_is_what_the_others_are() -> None:
    """Nothing, 0 and an empty list are what a counter and a list are at first."""
    zero = [*one_by_one(incr(1, 1)), row(1, 0, 1, r("y", 0))]
    assert named(check_linearizability(history(*zero))) == []
    empty = [*one_by_one(add(1)), row(1, 0, 1, r("y", [])), row(1, 3, 4, r("z", None))]
    assert named(check_linearizability(history(*empty))) == []


def test_a_cut_history_accuses_nobody() -> None:
    """What is missing may explain what was seen, so that the verdict is UNKNOWN."""
    findings = check_linearizability(history(*one_by_one(w("x", 1), r("x", 2)), cut="killed"))
    assert (named(findings), findings.doubts[0].reason) == ([], "evidence")


def test_objects_that_nobody_changed_prove_nothing() -> None:
    """Reads of nothing by many clients at once, whose writes were all refused, are a vacuous pass."""
    reads = at_once(*(r("x") for _ in range(20)))
    refused = [row(20 + i, 100, 200, w("x", i), status=ABORTED) for i in range(20)]
    verdict = judge(check_linearizability(history(*reads, *refused)), level("linearizable"))
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "vacuous")
    assert verdict.findings.evidence[1] == ("changes acknowledged", 0, 10)


def test_an_overlapping_client_is_no_evidence() -> None:
    """A client that is at two places at once accuses nobody."""
    findings = check_linearizability(
        history(row(0, 0, 10, w("x", 1)), row(0, 5, 20, w("x", 2)), row(1, 30, 31, r("x")))
    )
    assert (named(findings), [one.reason for one in findings.doubts]) == ([], ["evidence"])


# Budget


def hard(key: str) -> list[Txn]:
    """Calls of which 2^20 sets could come first, and that no order explains."""
    return [
        *(row(i, 0, 100, cas(i, i + 1, key=key), status=UNKNOWN) for i in range(20)),
        *(row(20 + i, 0, 100, w(key, i)) for i in range(20)),
        row(50, 101, 102, r(key, 77)),
        row(51, 0, 200, w(key, 77), status=ABORTED),
        row(52, 0, 200, w(key, 5)),
    ]


def test_a_spent_budget_is_a_doubt_that_repeats() -> None:
    """The search ends after so many steps, each time alike; a verdict about another object stands."""
    findings = check_linearizability(history(*hard("x")), steps_max=1000)
    assert named(findings) == []
    assert findings.doubts == check_linearizability(history(*hard("x")), steps_max=1000).doubts
    assert [(one.reason, one.levels) for one in findings.doubts] == [("budget", ("linearizable",))]
    assert findings.doubts[0].sentence == "the search for an order of the calls on x took over 1000 steps"
    with_other = [*hard("x"), row(60, 0, 1, w("y", 1)), row(60, 2, 3, r("y"))]
    findings = check_linearizability(history(*with_other), steps_max=1000)
    assert (named(findings), findings.doubts[0].reason) == (["not-linearizable"], "budget")


def searched(*txns: Txn) -> Searched:
    [judged] = objects_of(history(*txns))[0]
    return search(judged.calls, judged.model, STEPS_MAX)


def test_a_call_that_lasts_long_costs_no_more() -> None:
    """Of a call in order that ends after 5,000 others the search remembers one bit: it takes few steps per call."""
    others = [row(0, 10 * i, 10 * i + 5, op) for i in range(1, 2_500) for op in (w("x", i % 3), r("x", i % 3))]
    others = [txn._replace(start=10 * i, end=10 * i + 5) for i, txn in enumerate(others, start=2)]
    found = searched(row(1, 0, 10**6, w("x", 77)), row(0, 10, 15, r("x", 77)), *others)
    assert found.order is not None
    assert found.steps < 5 * len(others)


def test_calls_of_unknown_fate_that_are_alike_cost_as_one() -> None:
    """Of 400 lost writes of two values, two are tried at a time."""
    sure = one_by_one(*(op for i in range(2_000) for op in (w("x", i % 3), r("x", i % 3))))
    lost = [row(1 + i, 100 * i, 100 * i + 1, w("x", 7 + i % 2), status=UNKNOWN) for i in range(400)]
    found = searched(*sure, *lost)
    assert found.order is not None
    assert found.steps < 10 * len(sure)


def test_what_a_search_remembers_counts() -> None:
    """A state takes a step for each eight elements, so that the budget bounds the memory of long queues too."""
    puts = one_by_one(*(put(i) for i in range(800)))
    found = searched(*puts, row(1, 0, 1, take(UNSEEN), status=UNKNOWN), row(2, 9000, 9001, take(0)))
    assert found.order is not None
    assert found.steps > 800 * 800 // 16


def test_a_long_history_needs_few_steps_per_call() -> None:
    """20,000 calls on one register of five values, 500 of them of unknown fate, fit into the budget."""
    txns = []
    for i in range(20_000):
        op = w("x", i // 5 % 5) if i % 5 == 0 else r("x", i // 5 % 5)
        status = UNKNOWN if i % 40 == 39 else Status.OK
        txns.append(row(i % 5 if status is Status.OK else i, 10 * i, 10 * i + 25, op, status=status))
    findings = check_linearizability(history(*txns))
    assert (named(findings), findings.doubts) == ([], ())
