"""total-queue: what is put into a queue comes out, to one worker at a time, and not again once it is done.

    T1 ── dequeue → 7 ── commit
    T2 ──── dequeue → 7 ── commit        duplicate-claim: nobody had given it back, and its time was not over
    T3 ── ack 7's claim ── commit
    T4 ──────────────────────────── dequeue → 7       redelivered-task
    T5 ──────────────────────────── dequeue → none    lost-task, where a task put in before is in nobody's hands

The name is Jepsen's. How long a claim lasts is told by the history's make_queue. Where its clock does not count
nanoseconds, a claim of an hour or more outlasts the run, one of up to a microsecond is over at once, and of others
nothing is concluded from time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from checkers.dirty_reads import DIRTY_READS
from checkers.findings import anomaly, concurrency, findings, shown
from checkers.invariants.queue_events import Claim, Queue, Return, queues_of
from harness.history import History
from harness.verdict import Anomaly, Doubt, Evidence, Findings

__all__ = ["check_total_queue"]

_CLAIMS_NEEDED = 10
_ORDER = ("duplicate-claim", "lost-task", "redelivered-task", "stale-ack", *DIRTY_READS)


class _Wrong(NamedTuple):
    """One task that something is wrong with: the witness's rows, and why, in a sentence."""

    name: str
    queue: Any
    payload: Any
    rows: tuple[int, ...]
    sentence: str


def check_total_queue(history: History) -> Findings:
    """duplicate-claim, lost-task, redelivered-task, stale-ack, and claims of what nobody put in."""
    queues = queues_of(history)
    wrong = [one for queue in queues for one in _wrong(queue, whole=not history.cut)]
    claims = sum(claim.at.ok for queue in queues for claims in queue.claims.values() for claim in claims)
    acknowledged = sum(one.sure and one.kind == "ack" for queue in queues for one in _returns(queue))
    return findings(
        "total-queue",
        history,
        searched=_ORDER,
        anomalies=[_anomaly(history, [one for one in wrong if one.name == name]) for name in _named(wrong)],
        evidence=[
            concurrency(history),
            Evidence("tasks claimed", claims, _CLAIMS_NEEDED),
            Evidence("claims acknowledged", acknowledged, 1),
            Evidence("looks into an empty queue", sum(len(queue.looks) for queue in queues), 1),
        ],
        doubts=[doubt for queue in queues for doubt in _doubts(queue)],
    )


def _named(wrong: list[_Wrong]) -> list[str]:
    found = {one.name for one in wrong}
    return [name for name in _ORDER if name in found]


def _anomaly(history: History, wrong: list[_Wrong]) -> Anomaly:
    first = wrong[0]
    seen = (first.queue, first.payload)
    return anomaly(history, first.name, first.rows, first.sentence, seen=seen, count=len(wrong))


def _returns(queue: Queue) -> Iterator[Return]:
    return (one for returns in queue.returns.values() for one in returns)


def _doubts(queue: Queue) -> Iterator[Doubt]:
    for row in queue.malformed[:1]:
        yield Doubt("evidence", f"an operation of T{row} on queue {shown(queue.name)} has not the form of its kind")
    twice = [payload for payload, puts in queue.puts.items() if len(puts) > 1]
    for payload in twice[:1]:
        one, two = (put.at.row for put in queue.puts[payload][:2])
        yield Doubt("evidence", f"T{one} and T{two} both put {shown(payload)} into {shown(queue.name)}")


def _wrong(queue: Queue, whole: bool) -> Iterator[_Wrong]:
    """Everything that is wrong. Of a cut history, only what no missing transaction could explain."""
    yield from _dirty(queue, whole)
    for payload in queue.claims:
        yield from _redelivered(queue, payload)
    if whole:
        for payload in queue.claims:
            yield from _duplicate_claim(queue, payload)
            yield from _stale_ack(queue, payload)
        yield from _never_claimed(queue)
        yield from _lost(queue)


def _dirty(queue: Queue, whole: bool) -> Iterator[_Wrong]:
    """Claims of what only aborted transactions put in, or nobody, or under another id."""
    for payload, claims in queue.claims.items():
        puts = queue.puts.get(payload, [])
        for claim in (claim for claim in claims if claim.at.ok):
            told = f"T{claim.at.row} was given {shown(payload)} of queue {shown(queue.name)}"
            ids = [put.task for put in puts if put.task is not None]
            if puts and not any(put.at.possible for put in puts):
                writer = puts[0].at.row
                sentence = f"{told}, which T{writer} put in and was aborted."
                yield _Wrong("G1a", queue.name, payload, (writer, claim.at.row), sentence)
                break
            if whole and (not puts or (ids and claim.task not in ids)):
                why = f"as task {shown(claim.task)}, but it is {shown(ids[0])}" if ids else "but nobody put that in"
                yield _Wrong("garbage-read", queue.name, payload, (claim.at.row,), f"{told}, {why}.")
                break


def _duplicate_claim(queue: Queue, payload: Any) -> Iterator[_Wrong]:
    """More claims than can have followed one another, in whatever order they were."""
    claims = [claim for claim in queue.claims[payload] if claim.at.ok]
    if len(claims) < 2:
        return
    given_back = [one for one in queue.returns_of(payload) if one.kind == "nack"]
    first, last = min(claim.at.start for claim in claims), max(claim.at.end for claim in claims)
    if len(claims) - 1 <= len(given_back) + queue.expiries_max(first, last):
        return
    returned = {one.receipt for one in given_back}
    one, two = sorted(claims, key=lambda claim: claim.receipt in returned)[:2]
    rows = tuple(sorted({one.at.row, two.at.row}))
    workers = f"T{rows[0]} and T{rows[1]}" if len(rows) == 2 else f"T{rows[0]} twice"
    sentence = (
        f"{shown(payload)} of queue {shown(queue.name)} was given to {workers}:"
        f" {len(claims)} claims of it were committed, {len(given_back)} can have been given back,"
        f" and a claim lasts {queue.visibility_s} s."
    )
    yield _Wrong("duplicate-claim", queue.name, payload, rows, sentence)


def _redelivered(queue: Queue, payload: Any) -> Iterator[_Wrong]:
    """A claim that began after the task had been acknowledged, by a receipt that is of no other task's claim."""
    acks = [one for one in queue.returns_of(payload) if one.kind == "ack" and one.sure]
    for claim in queue.claims[payload]:
        before = [one for one in acks if claim.at.ok and one.at.end < claim.at.start]
        before = [one for one in before if queue.payloads_of[one.receipt] == {payload}]
        if before:
            ack = before[0].at.row
            sentence = (
                f"T{claim.at.row} was given {shown(payload)} of queue {shown(queue.name)},"
                f" which T{ack} had acknowledged before."
            )
            rows = (ack, claim.at.row)
            yield _Wrong("redelivered-task", queue.name, payload, rows, sentence)
            return


def _stale_ack(queue: Queue, payload: Any) -> Iterator[_Wrong]:
    """A claim was acknowledged although it was over: the task had been given to another, or it been ended before.

    Of a nack that came too late nothing is said: some queues do not tell whether one was of any use.
    """
    claims = queue.claims[payload]
    receipts = [claim.receipt for claim in claims]
    if queue.unanswered or len(set(receipts)) < len(receipts):
        return
    for late in (one for one in queue.returns_of(payload) if one.sure and one.kind == "ack"):
        own = claims[receipts.index(late.receipt)]
        row, why = _over_before(queue, own, claims, late)
        if row >= 0:
            claim = f"T{own.at.row}'s claim of {shown(payload)}"
            sentence = f"T{late.at.row} acknowledged {claim} although T{row} {why} before."
            rows = (own.at.row, row, late.at.row)
            yield _Wrong("stale-ack", queue.name, payload, rows, sentence)
            return


def _never_claimed(queue: Queue) -> Iterator[_Wrong]:
    """A claim was acknowledged that only an aborted transaction had made."""
    receipts = {claim.receipt for claims in queue.claims.values() for claim in claims}
    for receipt in queue.never_claimed:
        if queue.unanswered or receipt in receipts:
            continue
        for end in (one for one in queue.returns.get(receipt, ()) if one.sure and one.kind == "ack"):
            claim = queue.never_claimed[receipt]
            own = f"T{claim.at.row}'s claim of task {shown(claim.task)}"
            sentence = f"T{end.at.row} acknowledged {own}, which was aborted."
            rows = (claim.at.row, end.at.row)
            yield _Wrong("stale-ack", queue.name, claim.task, rows, sentence)


def _over_before(queue: Queue, own: Claim, claims: list[Claim], late: Return) -> tuple[int, str]:
    """(row, what it did) of a transaction that had surely ended the claim `own` before `late` began, or -1."""
    for other in claims:
        if own.at.ok and other.at.ok and own.at.end < other.at.start and other.at.end < late.at.start:
            return other.at.row, "had been given it"
    for earlier in queue.returns[own.receipt]:
        if earlier.sure and earlier.at.end < late.at.start:
            return earlier.at.row, "had ended that claim"
    return -1, ""


def _lost(queue: Queue) -> Iterator[_Wrong]:
    """Tasks that must have been there when somebody found nothing, and did not come out after that."""
    last = max(queue.looks, key=lambda look: look.start, default=None)
    if last is None:
        return
    lost = []
    for payload, puts in queue.puts.items():
        free = _free_from(queue, payload) if puts[0].at.ok else None
        if free is not None and free < last.start:
            lost.append(payload)
    # A dequeue whose answer never came may have claimed any one of them.
    for payload in lost[queue.unanswered :]:
        put = queue.puts[payload][0].at.row
        sentence = (
            f"T{last.row} found queue {shown(queue.name)} empty, although T{put} had put in {shown(payload)},"
            " which is in nobody's hands."
        )
        yield _Wrong("lost-task", queue.name, payload, (put, last.row), sentence)


def _free_from(queue: Queue, payload: Any) -> float | None:
    """From when on the task was surely free to be claimed; None where it may be done, dead, or somebody's."""
    claims = queue.claims.get(payload, [])
    returns = queue.returns_of(payload) if claims else []
    if any(one.kind == "ack" for one in returns) or len(claims) + queue.unanswered >= queue.deliveries_max:
        return None
    free: float = queue.puts[payload][0].at.end
    for claim in claims:
        # Of two claims with one receipt, nobody knows which of them was given back.
        alone = sum(claim.receipt == other.receipt for other in claims) == 1
        given_back = [one.at.end for one in returns if alone and one.sure and one.receipt == claim.receipt]
        free = max(free, min([queue.runs_out(claim), *given_back]))
    return free
