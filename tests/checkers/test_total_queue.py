"""The total-queue checker on histories made by hand, and against every possible order of small ones."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from checkers.invariants.total_queue import check_total_queue
from harness.build import build_history
from harness.history import UNSEEN, Op, RunInfo, Status, Txn
from harness.verdict import Outcome, judge
from tests.checkers.queue_orders import explained, small_histories
from tests.checkers.rows import history, row

FOR_EVER = row(9, -2, -1, Op("make_queue", "q", (86_400.0, 1_000_000)))
AT_ONCE = row(9, -2, -1, Op("make_queue", "q", (1e-6, 1_000_000)))


def put(payload: str, task: int | None) -> Op:
    return Op("enqueue", "q", (payload, task))


def got(payload: str, receipt: int, task: int = 1) -> Op:
    return Op("dequeue", "q", (task, payload, 1, receipt))


NOTHING = Op("dequeue", "q", None)


def ack(receipt: int, accepted: bool | None = True) -> Op:
    return Op("ack", "q", (receipt, accepted))


def nack(receipt: int, accepted: bool | None = True) -> Op:
    return Op("nack", "q", (receipt, accepted))


def found(*rows: Txn, cut: str = "", clock: str = "steps") -> list[tuple[str, tuple[int, ...]]]:
    made = history(*rows, cut=cut)
    findings = check_total_queue(replace(made, info=replace(made.info, clock=clock)))
    assert findings.doubts == ()
    return [(one.name, one.txns) for one in findings.anomalies]


PUT = row(0, 1, 2, put("a", 1))
TWICE = (FOR_EVER, PUT, row(1, 3, 6, got("a", 10)), row(2, 4, 7, got("a", 11)))


def test_a_task_of_two_workers_at_a_time_is_a_duplicate_claim() -> None:
    """Two committed claims of which none was given back; the witness is the two."""
    assert found(*TWICE) == [("duplicate-claim", (2, 3))]
    (one,) = check_total_queue(history(*TWICE)).anomalies
    assert one.sentence == (
        "a of queue q was given to T2 and T3: 2 claims of it were committed, 0 can have been given back,"
        " and a claim lasts 86400.0 s."
    )


def test_a_claim_that_was_given_back_makes_room_for_one_more() -> None:
    """A nack that was accepted, or may have been, explains the second claim; a refused or aborted one does not."""
    for status in (Status.OK, Status.UNKNOWN):
        for accepted in (True, None):
            assert found(*TWICE, row(1, 7, 8, nack(10, accepted), status=status)) == []
    assert found(*TWICE, row(1, 7, 8, nack(10, False))) == [("duplicate-claim", (2, 3))]
    assert found(*TWICE, row(1, 7, 8, nack(10), status=Status.ABORTED)) == [("duplicate-claim", (2, 3))]
    third = (row(1, 8, 9, nack(10)), row(3, 10, 11, got("a", 12)))
    assert found(*TWICE, *third) == [("duplicate-claim", (3, 5))]


@pytest.mark.parametrize("status", [Status.ABORTED, Status.UNKNOWN])
def test_only_acknowledged_claims_count(status: Status) -> None:
    """A second claim that was aborted, or perhaps was, accuses nobody."""
    assert found(*TWICE[:3], TWICE[3]._replace(status=status)) == []


def test_a_claim_whose_time_is_over_is_nobodys() -> None:
    """A microsecond is always over; other times only where the clock counts nanoseconds."""
    assert found(AT_ONCE, *TWICE[1:]) == []
    second = row(9, -2, -1, Op("make_queue", "q", (1.0, 1_000_000)))
    assert found(second, *TWICE[1:]) == []
    assert found(second, *TWICE[1:], clock="nanoseconds") == [("duplicate-claim", (2, 3))]
    later = row(2, 2_000_000_000, 2_000_000_001, got("a", 11))
    assert found(second, *TWICE[1:3], later, clock="nanoseconds") == []


def test_a_history_that_does_not_tell_how_long_claims_last_is_taken_at_its_best() -> None:
    """Without make_queue a claim may have run out, and may be held still."""
    assert found(*TWICE[1:]) == []
    claimed = (PUT, row(1, 3, 4, got("a", 10)))
    assert found(*claimed, row(2, 7, 8, NOTHING)) == []
    assert found(*claimed, row(1, 5, 6, nack(10)), row(2, 7, 8, NOTHING)) == [("lost-task", (0, 3))]
    assert found(PUT, row(2, 7, 8, NOTHING)) == [("lost-task", (0, 1))]


def test_what_was_put_in_and_is_in_nobodys_hands_is_lost() -> None:
    """An acknowledged task that a later look into the queue does not find, and nobody claimed."""
    look = row(2, 3, 4, NOTHING)
    assert found(FOR_EVER, PUT, look) == [("lost-task", (1, 2))]
    assert found(FOR_EVER, PUT, row(2, 2, 4, NOTHING)) == []
    assert found(FOR_EVER, PUT._replace(status=Status.UNKNOWN), look) == []
    assert found(FOR_EVER, PUT, look._replace(status=Status.UNKNOWN)) == []
    assert found(FOR_EVER, PUT, row(1, 5, 6, got("a", 10)), look) == []
    assert found(FOR_EVER, PUT, row(1, 5, 6, got("a", 10), status=Status.UNKNOWN), look) == []
    assert found(FOR_EVER, PUT, row(1, 5, 6, got("a", 10), status=Status.ABORTED), look) == [("lost-task", (1, 2))]


def test_a_claim_of_unknown_fate_may_be_made_late() -> None:
    """Even where claims end at once: it may have had the task at the very moment of a later look."""
    claim, look = row(1, 3, 4, got("a", 10)), row(2, 7, 8, NOTHING)
    assert found(AT_ONCE, PUT, claim, look) == [("lost-task", (1, 3))]
    assert found(AT_ONCE, PUT, claim._replace(status=Status.UNKNOWN), look) == []


def test_a_dequeue_without_an_answer_may_have_the_task() -> None:
    """As many missing tasks as there are unanswered dequeues accuse nobody."""
    unanswered = row(3, 1, 9, Op("dequeue", "q", UNSEEN), status=Status.UNKNOWN)
    look = row(2, 5, 6, NOTHING)
    assert found(FOR_EVER, PUT, unanswered, look) == []
    second = row(1, 1, 2, put("b", 2))
    assert found(FOR_EVER, PUT, second, unanswered, look) == [("lost-task", (2, 4))]


def test_a_task_that_was_given_back_is_there_again() -> None:
    """After a nack, or where claims end at once, a later look has to find it; not after an acknowledgement."""
    claim, look = row(1, 3, 4, got("a", 10)), row(2, 7, 8, NOTHING)
    assert found(FOR_EVER, PUT, claim, row(1, 5, 6, nack(10)), look) == [("lost-task", (1, 4))]
    assert found(FOR_EVER, PUT, claim, row(1, 5, 6, nack(10, None)), look) == []
    assert found(FOR_EVER, PUT, claim, look) == []
    assert found(AT_ONCE, PUT, claim, look) == [("lost-task", (1, 3))]
    assert found(AT_ONCE, PUT, claim, row(1, 5, 6, ack(10)), look) == []
    assert found(AT_ONCE, PUT, claim, row(1, 5, 6, ack(10), status=Status.UNKNOWN), look) == []


def test_a_task_that_was_delivered_for_the_last_time_may_be_dead() -> None:
    """A queue that delivers a task once at most owes nobody a second delivery."""
    once = row(9, -2, -1, Op("make_queue", "q", (86_400.0, 1)))
    rest = (PUT, row(1, 3, 4, got("a", 10)), row(1, 5, 6, nack(10)), row(2, 7, 8, NOTHING))
    assert found(FOR_EVER, *rest) == [("lost-task", (1, 4))]
    assert found(once, *rest) == []


def test_what_is_done_does_not_come_back() -> None:
    """A claim that began after an acknowledgement had ended; one that began before it accuses nobody."""
    done = (AT_ONCE, PUT, row(1, 3, 4, got("a", 10)), row(1, 5, 6, ack(10)))
    assert found(*done, row(2, 7, 8, got("a", 11))) == [("redelivered-task", (3, 4))]
    assert found(*done, row(2, 6, 8, got("a", 11))) == []
    unsure = (*done[:3], row(1, 5, 6, ack(10), status=Status.UNKNOWN))
    assert found(*unsure, row(2, 7, 8, got("a", 11))) == []


def test_a_receipt_of_two_tasks_tells_of_neither_that_it_is_done() -> None:
    """An acknowledgement that may be of another task accuses nobody; a later one of this task does."""
    claims = (PUT, row(8, 1, 2, put("b", 2)), row(1, 3, 4, got("a", 10)), row(2, 3, 4, got("b", 10, 2)))
    either = (AT_ONCE, *claims, row(1, 7, 8, ack(10)))
    assert found(*either, row(1, 11, 12, got("a", 12))) == []
    own = (row(1, 5, 6, got("a", 11)), row(1, 9, 10, ack(11)), row(1, 11, 12, got("a", 12)))
    assert ("redelivered-task", (7, 8)) in found(*either, *own)


def test_a_claim_that_is_over_cannot_be_ended() -> None:
    """Its task was given to another worker before, or the claim itself ended before."""
    claims = (AT_ONCE, PUT, row(1, 3, 4, got("a", 10)), row(2, 5, 6, got("a", 11)))
    assert found(*claims, row(1, 7, 8, ack(10))) == [("stale-ack", (2, 3, 4))]
    assert found(*claims, row(1, 7, 8, ack(10, False))) == []
    assert found(*claims, row(1, 6, 8, ack(10))) == []
    given_back = (FOR_EVER, PUT, row(1, 3, 4, got("a", 10)), row(1, 5, 6, nack(10)))
    assert found(*given_back, row(1, 7, 8, ack(10))) == [("stale-ack", (2, 3, 4))]
    assert found(*given_back, row(1, 7, 8, nack(10))) == []


def test_a_claim_that_never_was_cannot_be_ended() -> None:
    """An acknowledgement with the receipt of an aborted claim is stale, unless an unanswered dequeue may have it."""
    aborted = row(1, 3, 4, got("a", 10), status=Status.ABORTED)
    done = row(1, 5, 6, ack(10))
    assert found(FOR_EVER, PUT, aborted, done) == [("stale-ack", (2, 3))]
    assert found(FOR_EVER, PUT, aborted, row(1, 5, 6, ack(10, False))) == []
    assert found(FOR_EVER, PUT, aborted, row(1, 5, 6, nack(10))) == []
    assert found(FOR_EVER, PUT, aborted, done, row(2, 3, 4, got("a", 10))) == []
    unanswered = row(3, 1, 9, Op("dequeue", "q", UNSEEN), status=Status.UNKNOWN)
    assert found(FOR_EVER, PUT, unanswered, aborted, done) == []


def test_receipts_that_are_one_for_all_claims_of_a_task_show_no_stale_end() -> None:
    """Where a receipt is the task's own, nobody can say whose claim was ended."""
    claims = (AT_ONCE, PUT, row(1, 3, 4, got("a", 10)), row(2, 5, 6, got("a", 10)))
    assert found(*claims, row(1, 7, 8, ack(10))) == []
    given_back = (FOR_EVER, PUT, row(1, 3, 4, got("a", 10)), row(1, 5, 6, nack(10)), row(2, 7, 8, got("a", 10)))
    assert found(*given_back, row(3, 9, 10, NOTHING)) == []


def test_nobody_gets_what_nobody_put_in() -> None:
    """A task of an aborted transaction, of nobody, or under another id; of a cut history only the first."""
    aborted = (FOR_EVER, PUT._replace(status=Status.ABORTED), row(1, 3, 4, got("a", 10)))
    assert found(*aborted) == found(*aborted, cut="its end is missing") == [("G1a", (1, 2))]
    assert found(FOR_EVER, row(1, 3, 4, got("a", 10))) == [("garbage-read", (1,))]
    assert found(FOR_EVER, PUT, row(1, 3, 4, got("a", 10, task=2))) == [("garbage-read", (2,))]
    assert found(FOR_EVER, row(0, 1, 2, put("a", None), status=Status.UNKNOWN), row(1, 3, 4, got("a", 10))) == []
    assert found(FOR_EVER, row(1, 3, 4, got("a", 10)), cut="its end is missing") == []


def test_a_task_without_its_payload_is_known_by_its_id() -> None:
    """A weak level may leave half a task behind: it is the same task all the same."""
    bare = row(2, 5, 6, Op("dequeue", "q", (1, None, 1, 11)))
    assert found(*TWICE[:3], bare) == [("duplicate-claim", (2, 3))]
    assert found(FOR_EVER, bare) == [("garbage-read", (1,))]


def test_a_cut_history_accuses_of_nothing_that_is_missing_from_it() -> None:
    """Of a cut history, a transaction that is not there may have put in, given back or taken."""
    assert found(*TWICE, cut="its end is missing") == []
    assert found(FOR_EVER, PUT, row(2, 3, 4, NOTHING), cut="its end is missing") == []


def test_a_history_that_is_no_evidence_says_so() -> None:
    """A payload that was put in twice and an operation without its form are doubts, and nobody is accused."""
    findings = check_total_queue(history(*TWICE, row(3, 8, 9, put("a", 2))))
    assert findings.anomalies == ()
    assert [doubt.sentence for doubt in findings.doubts] == ["T1 and T4 both put a into q"]
    findings = check_total_queue(history(*TWICE, row(3, 8, 9, Op("dequeue", "q", "a"))))
    assert [doubt.sentence for doubt in findings.doubts] == [
        "an operation of T4 on queue q has not the form of its kind"
    ]


def test_queues_are_judged_by_themselves() -> None:
    """One payload in two queues is two tasks."""
    other = [Op(op.kind, "other", op.value) for op in (put("a", 1), got("a", 11))]
    assert found(*TWICE[:3], row(2, 4, 7, *other)) == []


def test_an_empty_history_is_vacuous() -> None:
    """Nothing was claimed, so nothing can have been wrong."""
    verdict = judge(check_total_queue(history(FOR_EVER)), "strict-serializable")
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "vacuous")


@pytest.mark.parametrize("visibility_s", [86_400.0, 1e-6])
def test_whatever_is_accused_no_order_explains(visibility_s: float) -> None:
    """Of 700 small histories no accused one has an order that a queue could follow, and most others are accused."""
    lawful = accused = missed = 0
    for seed in range(700):
        rows = small_histories(Random(seed), visibility_s)
        anomalies = check_total_queue(build_history(rows, RunInfo(clock="steps"))).anomalies
        if explained(rows, visibility_s):
            lawful += 1
            assert anomalies == (), (seed, anomalies)
        else:
            accused += bool(anomalies)
            missed += not anomalies
    assert lawful > 300
    assert accused > 200
    assert accused > 4 * missed
