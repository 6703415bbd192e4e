"""Section D, the queue: a task is given to one worker at a time, again after its time, and not for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from harness.contract import Check, Handle, Observed, Rig, Scenario, Skipped, answer, holds, outcome, same, tried
from harness.surface import Claim, Refused
from workloads.contract.performances import anomalies_of

__all__ = ["QUEUES"]

_CALLS: Final = ("make_queue", "enqueue", "dequeue")
_FOR_EVER_S: Final = 3_600.0


# D1

_TASKS: Final = 50
_WORKERS: Final = 10
_ROUNDS: Final = 20
_ENOUGH_S: Final = 12.0  # No round is begun after this time.
_ERRORS_MAX: Final = 3  # of a worker's claims in a round, after which it gives up


class _Round(NamedTuple):
    """{task id: payload} of what was enqueued, all claims, and the errors of the workers, by the call that raised."""

    tasks: dict[Any, bytes]
    claims: list[Claim]
    errors: list[tuple[str, Exception]]


def _race(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    rounds: list[_Round] = []
    began = rig.now()
    while len(rounds) < _ROUNDS and (not rounds or rig.now() - began < _ENOUGH_S):
        rounds.append(_emptied(rig, db, f"race{len(rounds)}"))
    told = f"{_WORKERS} workers claimed each of {_TASKS} tasks once"
    yield tried("D1.1", list(map(_claimed_twice, rounds)), told)
    yield tried("D1.2", list(map(_unclaimed, rounds)), told)
    yield tried("D1.3", list(map(_met_error, rounds)), "no worker met an error")
    yield tried("D1.4", list(map(_mixed_up, rounds)), "each claim had its task's payload")
    yield _two_processes(rig)


def _emptied(rig: Rig, db: Handle, queue: str) -> _Round:
    """All workers take tasks, and acknowledge them where that is possible, until there is none left."""
    db.call("make_queue", queue, _FOR_EVER_S, 3)
    payloads = [b"%s task %d" % (queue.encode(), number) for number in range(_TASKS)]
    tasks = {db.call("enqueue", queue, payload): payload for payload in payloads}
    claims: list[Claim] = []
    errors: list[tuple[str, Exception]] = []
    acknowledges = rig.has("ack")

    def work(number: int) -> None:
        failed = 0
        while failed < _ERRORS_MAX:
            claim = outcome(_without_conflict, lambda: db.call("dequeue", queue, f"worker{number}"))
            if claim is None:
                return
            if isinstance(claim, Claim):
                claims.append(claim)
                ack = partial(db.call, "ack", queue, claim.receipt)
                said = outcome(_without_conflict, ack) if acknowledges else None
                if isinstance(said, Exception):
                    errors.append(("ack", said))
            else:
                failed += 1
                errors.append(("dequeue", claim))

    rig.threads(_WORKERS, work)
    return _Round(tasks, claims, errors)


def _without_conflict(call: Callable[[], Any]) -> Any:
    """The call, again as often as it is refused for a conflict: whoever goes on for ever runs into the time limit."""
    while True:
        try:
            return call()
        except Refused as refusal:
            if refusal.why != "conflict":
                raise


def _claimed_twice(emptied: _Round) -> str:
    counts = Counter(repr(claim.task) for claim in emptied.claims)
    twice = [task for task, count in counts.items() if count > 1]
    if not twice:
        return ""
    return f"{len(emptied.claims)} claims of {len(counts)} tasks: {len(twice)} were claimed more than once"


def _unclaimed(emptied: _Round) -> str:
    if len(emptied.tasks) < _TASKS:
        return f"{_TASKS} tasks have {len(emptied.tasks)} ids"
    claimed = {repr(claim.task) for claim in emptied.claims}
    left = [task for task in emptied.tasks if repr(task) not in claimed]
    # Whoever got an error instead of a claim may have claimed a task without knowing it.
    if len(left) <= sum(call == "dequeue" for call, _ in emptied.errors):
        return ""
    return f"{len(left)} of {_TASKS} tasks were claimed by nobody when the queue was said to be empty"


def _met_error(emptied: _Round) -> str:
    if not emptied.errors:
        return ""
    call, error = emptied.errors[0]
    return f"{call} raised {type(error).__name__}: {error}"


def _mixed_up(emptied: _Round) -> str:
    for claim in emptied.claims:
        payload = emptied.tasks.get(claim.task)
        if claim.payload != payload:
            return f"task {claim.task} was given out with {claim.payload!r}, its payload is {payload!r}"
    return ""


def _two_processes(rig: Rig) -> Observed:
    """Two processes empty one queue at the same time, and this one takes what they leave."""
    path = rig.path()
    db = rig.open(path)
    made = ("make_queue", "shared", _FOR_EVER_S, 3)
    db.call(*made)
    tasks = [db.call("enqueue", "shared", b"task %d" % number) for number in range(_TASKS)]
    db.close()
    calls = [made, *[("dequeue", "shared", "a process")] * (_TASKS + 1)]
    answers = rig.threads(2, lambda _: rig.child(path, calls, "close"))
    db = rig.open(path)
    db.call(*made)
    processes = [found if isinstance(found, list) else [found] for found in answers]
    claims = [one for found in processes for one in found if isinstance(one, Claim)]
    by_processes = len(claims)
    while (claim := _without_conflict(lambda: db.call("dequeue", "shared", "this process"))) is not None:
        claims.append(claim)
    errors = [one for found in processes for one in found[1:] if isinstance(one, Exception)]
    unopened = [found[0] for found in processes if isinstance(found[0], Exception)]
    deaths = [found[-1] for found in processes if isinstance(found[-1], str)]
    told = f"{by_processes} claims by two processes, {len(claims) - by_processes} afterwards, of {_TASKS} tasks"
    counts = Counter(repr(claim.task) for claim in claims)
    missing = sum(repr(task) not in counts for task in tasks)
    once = max(counts.values(), default=0) <= 1 and missing <= len(errors)  # An error may hide a claim.
    return holds("D1.5", once and not deaths, "; ".join([told, *map(str, (*deaths, *unopened, *errors[:1]))]))


# D2

_VISIBILITIES_S: Final = (0.1, 1.0, 5.0)  # A machine that is too slow for one is given the next.
_CLOCKS_DIFFER: Final = 0.9  # A database's clock may count in milliseconds.
_PATIENCE_S: Final = 10.0
_POLL_S: Final = 0.05
_TOO_SLOW: Final = "this machine is too slow: the time of the claim had passed before it could be looked at"
_PAYLOAD: Final = b"visible once"


def _visibility(rig: Rig) -> Iterator[Observed | Skipped]:
    db = rig.open()
    for visibility_s in _VISIBILITIES_S:
        queue = f"visibility{visibility_s}"
        db.call("make_queue", queue, visibility_s, 5)
        task = db.call("enqueue", queue, _PAYLOAD)
        began = rig.now()
        first = db.call("dequeue", queue, "worker1")
        second = db.call("dequeue", queue, "worker2")
        in_time = rig.now() - began < visibility_s * _CLOCKS_DIFFER
        if second is None or in_time:
            break
    yield _is_claim("D2.1", first, (task, _PAYLOAD, 1), "the first claim")
    if second is None or in_time:
        yield same("D2.2", second, None, f"a second claim within the {visibility_s} s of the first")
    else:
        yield Skipped("D2.2", _TOO_SLOW)
    again = _next(rig, db, queue, visibility_s)
    yield _is_claim("D2.3", again, (task, _PAYLOAD, 2), f"the claim after {visibility_s} s")
    if rig.has("ack"):
        if first is None or again is None:
            yield Skipped("D2.4", "the task was not claimed by two workers, one after the other")
        else:
            yield same("D2.4", answer(lambda: db.call("ack", queue, first.receipt)), "stale", "the first one's ack")
        yield _acknowledged(rig, db)


def _is_claim(check: str, claim: Any, expected: tuple[Any, bytes, int], what: str) -> Observed:
    return same(check, None if claim is None else tuple(claim[:3]), expected, f"{what} (task, payload, attempt)")


def _next(rig: Rig, db: Handle, queue: str, after_s: float) -> Any:
    """The claim that is due after this time, waited for with patience; None where it does not come."""
    deadline_s = rig.now() + after_s + _PATIENCE_S
    while True:
        claim = db.call("dequeue", queue, "worker3")
        if claim is not None or rig.now() > deadline_s:
            return claim
        rig.wait(_POLL_S)


def _acknowledged(rig: Rig, db: Handle) -> Observed | Skipped:
    for visibility_s in _VISIBILITIES_S:
        queue = f"acknowledged{visibility_s}"
        db.call("make_queue", queue, visibility_s, 5)
        db.call("enqueue", queue, _PAYLOAD)
        began = rig.now()
        claim = db.call("dequeue", queue, "worker1")
        said = answer(partial(db.call, "ack", queue, claim.receipt))
        if not said or rig.now() - began < visibility_s * _CLOCKS_DIFFER:
            break
    else:
        return Skipped("D2.5", _TOO_SLOW)
    if said:
        return holds("D2.5", False, f"the acknowledgement was answered with {said}")
    rig.wait(2 * visibility_s)
    return same("D2.5", db.call("dequeue", queue, "worker2"), None, "a claim after the acknowledgement")


# D3

_ATTEMPTS: Final = 3
_LOOPS: Final = 5
_A_WHILE_S: Final = 0.3


def _dead_letters(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    db.call("make_queue", "failing", _FOR_EVER_S, _ATTEMPTS)
    task = db.call("enqueue", "failing", b"always fails")
    deliveries: list[tuple[Any, int]] = []
    for loop in range(_LOOPS):
        if loop >= _ATTEMPTS:
            rig.wait(_A_WHILE_S)  # Nothing is due any more.
        claim = db.call("dequeue", "failing", "worker") if loop >= _ATTEMPTS else _next(rig, db, "failing", 0.0)
        if claim is not None:
            deliveries.append((claim.task, claim.attempt))
            db.call("nack", "failing", claim.receipt)
    expected = [(task, attempt) for attempt in range(1, _ATTEMPTS + 1)]
    yield same("D3.1", deliveries, expected, "(task, attempt) of all deliveries")
    if rig.has("dead_letters"):
        yield same("D3.2", db.call("dead_letters", "failing"), [task], "the dead letters")


# D4

_RECORDED: Final = ("make_queue", "enqueue", "dequeue", "ack", "nack")
_TXNS: Final = 400


def _recorded(rig: Rig) -> Iterator[Observed]:
    """Tasks are put in, claimed, acknowledged and given back within transactions, some of which are rolled back."""
    ran = rig.run("queue", clients=_WORKERS, txns=_TXNS)
    wrong = {anomaly.name: anomaly.sentence for anomaly in anomalies_of(ran)}
    told = f"{_TXNS} transactions by {_WORKERS} clients"
    twice = wrong.pop("duplicate-claim", "")
    yield holds("D4.1", not twice, f"{told}: {twice or 'each claim was one worker’s'}")
    others = [f"{name}: {sentence}" for name, sentence in wrong.items()] or ([ran.trouble] if ran.trouble else [])
    yield holds("D4.2", not others, f"{told}: {'; '.join(others) or 'every task was there until it was done'}")


QUEUES: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="D1",
        title="Queue race",
        severity="high",
        calls=_CALLS,
        program=_race,
        impact="Tasks are worked on twice, or never: payments, mails and bills are sent twice or not at all.",
        advice="Look for a task and claim it in one atomic step.",
        checks=(
            Check("D1.1", "10 workers that empty a queue of 50 tasks claim none of them twice."),
            Check("D1.2", "They have claimed all 50 when the queue is empty."),
            Check("D1.3", "None of them meets an error or waits for ever."),
            Check("D1.4", "Each claim has the payload of its task.", ours=True),
            Check("D1.5", "Two processes that empty one queue claim each task once.", ours=True),
        ),
    ),
    Scenario(
        id="D2",
        title="Visibility time-out",
        severity="high",
        calls=_CALLS,
        program=_visibility,
        impact="A task of a worker that died is lost, or one that is still being worked on is given out again.",
        advice="Keep the end of each claim with the task, and a receipt that tells one claim from the next.",
        checks=(
            Check("D2.1", "A worker gets the task with its payload, on its first attempt."),
            Check("D2.2", "No other worker gets it before its visibility time-out."),
            Check("D2.3", "After it another worker gets the same task, on its second attempt."),
            Check("D2.4", "The first worker's late acknowledgement is refused as stale.", ("ack",), True),
            Check("D2.5", "A task that was acknowledged never comes back.", ("ack",), True),
        ),
    ),
    Scenario(
        id="D3",
        title="Dead letters",
        severity="high",
        calls=(*_CALLS, "nack"),
        program=_dead_letters,
        impact="A task that cannot be done comes back for ever, or disappears without a trace.",
        advice="Count the deliveries of a task, and move it to the dead letters after the last one.",
        checks=(
            Check("D3.1", "A task that is always given back is delivered exactly three times."),
            Check("D3.2", "After that it is the one dead letter.", ("dead_letters",), True),
        ),
    ),
    Scenario(
        id="D4",
        title="Queue in transactions",
        severity="high",
        level="serializable",
        kinds=_RECORDED,
        program=_recorded,
        time_limit_s=60.0,  # A recorded run may take 20 s, and then its queue is emptied.
        impact="A task that is claimed or put in by a transaction is claimed by another one too, or lost.",
        advice="Keep claims where transactions keep everything else, and let them conflict.",
        checks=(
            Check("D4.1", "In a recorded history of 10 clients nobody claims a task that is another's.", ours=True),
            Check("D4.2", "In it no task is lost, and none comes back that was acknowledged.", ours=True),
        ),
    ),
)
