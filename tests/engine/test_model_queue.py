"""Queues: each task to one worker at a time, in order, again when it was not acknowledged, and not for ever."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import hypothesis.strategies as st
import pytest
from engine_watch import Watch
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine import Conflict, Database, InvalidArgument, InvalidValue, IsolationLevel, MemoryVfs, StaleClaim
from engine.models.queue import DeadLetter, Queue, Task


def opened(**settings: Any) -> tuple[Queue, Watch, Database]:
    watch = Watch()
    database = Database.open(clock=watch)
    return database.queue("q", **settings), watch, database


def taken(queue: Queue) -> Task:
    task = queue.dequeue()
    assert task is not None
    return task


def counts(**counted: int) -> dict[str, int]:
    names = ("enqueued", "delayed", "ready", "claimed", "dead", "acknowledged")
    return {name: counted.get(name, 0) for name in names}


def test_a_task_is_claimed_acknowledged_and_gone() -> None:
    """A worker is given the payload under the task's id; while it has it nobody else does, and after it nobody."""
    queue, watch, database = opened()
    assert queue.dequeue() is None
    assert queue.enqueue(b"work") == 1
    task = queue.dequeue("w1")
    assert task is not None
    assert task[:3] == (1, b"work", 1)
    assert task.worker == "w1"
    assert queue.dequeue("w2") is None
    assert queue.stats() == counts(enqueued=1, claimed=1)
    queue.ack(task)
    watch.seconds += 1000
    assert queue.dequeue("w2") is None
    assert queue.stats() == counts(enqueued=1, acknowledged=1)
    assert database.stats()["keys"] == 1, "more is left of it than the number of tasks"


def test_tasks_come_in_the_order_in_which_they_became_visible() -> None:
    """First the older moment, then the smaller id; a delayed task waits, and one that was given back queues up."""
    queue, watch, _ = opened(visibility_seconds=5)
    for payload, delay in ((b"late", 3), (b"a", 0), (b"b", 0)):
        queue.enqueue(payload, delay_seconds=delay)
    watch.seconds += 1
    queue.enqueue(b"c")
    assert queue.stats() == counts(enqueued=4, delayed=1, ready=3)
    first = taken(queue)
    assert first.payload == b"a"
    queue.nack(first)
    assert [taken(queue).payload for _ in range(3)] == [b"b", b"a", b"c"]
    assert queue.dequeue() is None
    watch.seconds += 2
    assert taken(queue).payload == b"late"


def test_ids_beyond_a_digit_stay_in_order() -> None:
    """Tasks of one moment come by number, not by its text."""
    queue, _, _ = opened()
    ids = [queue.enqueue(b"") for _ in range(300)]
    assert ids == list(range(1, 301))
    assert [taken(queue).id for _ in range(300)] == ids


def test_a_redelivered_task_does_not_starve() -> None:
    """A task whose claim ran out comes before all that were enqueued after that, however many keep coming."""
    queue, watch, _ = opened(visibility_seconds=5)
    queue.enqueue(b"old")
    taken(queue)
    watch.seconds += 6
    for _ in range(3):
        queue.enqueue(b"new")
    assert (taken(queue).payload, taken(queue).payload) == (b"old", b"new")


def test_a_claim_ends_exactly_at_its_moment() -> None:
    """Just before nobody is given the task; from the moment on somebody is, with the same id and attempt 2."""
    queue, watch, _ = opened(visibility_seconds=0.1)
    queue.enqueue(b"work")
    old = taken(queue)
    watch.seconds = 1000.0999
    assert queue.dequeue() is None
    watch.seconds = 1000.1
    assert queue.stats() == counts(enqueued=1, ready=1)
    new = taken(queue)
    assert (new.id, new.payload, new.attempt) == (1, b"work", 2)
    assert new.receipt != old.receipt


@pytest.mark.parametrize("settle", ["ack", "nack", "extend"])
@pytest.mark.parametrize("made_stale_by", ["redelivery", "ack", "nack", "death"])
def test_a_stale_claim_is_refused(settle: str, made_stale_by: str) -> None:
    """Whoever lost the task can neither acknowledge, give back nor extend it, and nothing changes."""
    queue, watch, database = opened(visibility_seconds=5, max_attempts=1 if made_stale_by == "death" else 9)
    queue.enqueue(b"work")
    stale = taken(queue)
    if made_stale_by in {"ack", "nack"}:
        getattr(queue, made_stale_by)(stale)
    else:
        watch.seconds += 5
    fresh = queue.dequeue() if made_stale_by in {"redelivery", "nack"} else None
    before, commits = queue.stats(), database.stats()["newest"]
    with pytest.raises(StaleClaim, match="task 1"):
        getattr(queue, settle)(stale, *([7] if settle == "extend" else []))
    assert database.stats()["newest"] == commits
    assert queue.stats() == before
    if fresh is not None:
        queue.ack(fresh)
        assert queue.stats() == counts(enqueued=1, acknowledged=1)


def test_a_late_acknowledgement_counts_while_nobody_else_has_the_task() -> None:
    """The claim ran out, but the task is still in the queue, and the work is done."""
    queue, watch, _ = opened(visibility_seconds=5)
    queue.enqueue(b"work")
    task = taken(queue)
    watch.seconds += 60
    queue.ack(task)
    assert queue.dequeue() is None


def test_a_claim_of_an_aborted_transaction_is_no_claim() -> None:
    """The task stays ready, at the same attempt, and the receipt of the aborted claim is refused."""
    queue, _, database = opened()
    queue.enqueue(b"work")
    with database.transaction() as transaction:
        aborted = transaction.queue("q").dequeue()
        transaction.abort()
    task = taken(queue)
    assert aborted is not None
    assert (task.id, task.attempt) == (aborted.id, aborted.attempt) == (1, 1)
    with pytest.raises(StaleClaim):
        queue.ack(aborted)
    queue.ack(task)


def test_an_extended_claim_ends_later() -> None:
    """It ends so many seconds after the extension, and then the task comes back."""
    queue, watch, _ = opened(visibility_seconds=5)
    queue.enqueue(b"work")
    task = taken(queue)
    watch.seconds = 1004.0
    queue.extend(task, 10)
    watch.seconds = 1013.0
    assert queue.dequeue() is None
    watch.seconds = 1014.0
    assert taken(queue).attempt == 2


@pytest.mark.parametrize("by", ["nack", "expiry"])
def test_a_task_is_dead_after_its_last_attempt_and_not_before(by: str) -> None:
    """With three attempts it is delivered three times, then it is a dead letter at once, and never given out."""
    queue, watch, _ = opened(visibility_seconds=5)
    queue.enqueue(b"poison")
    for attempt in (1, 2, 3):
        task = queue.dequeue(f"w{attempt}")
        assert task is not None
        assert task.attempt == attempt
        watch.seconds += 4.9
        assert queue.dead_letters() == []
        assert queue.stats() == counts(enqueued=1, claimed=1)
        if by == "nack":
            queue.nack(task, delay_seconds=50 if attempt == 3 else 0)
        else:
            watch.seconds += 0.2
    assert queue.dead_letters() == [DeadLetter(1, b"poison", 3, "w3")]
    assert queue.stats() == counts(enqueued=1, dead=1)
    watch.seconds += 1000
    assert queue.dequeue() is None


def test_dead_letters_stand_in_the_order_of_their_deaths() -> None:
    """The first to die is the first in the list; others are not in it."""
    queue, watch, _ = opened(visibility_seconds=5, max_attempts=1)
    for payload in (b"a", b"b", b"c", b"d"):
        queue.enqueue(payload)
    a, b, c = taken(queue), taken(queue), taken(queue)
    queue.nack(b)
    watch.seconds += 1
    queue.nack(a)
    queue.ack(c)
    assert [letter.payload for letter in queue.dead_letters()] == [b"b", b"a"]
    assert queue.stats() == counts(enqueued=4, ready=1, dead=2, acknowledged=1)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda queue: queue.enqueue("text"), InvalidValue),
        (lambda queue: queue.enqueue(b"x", delay_seconds=-1), InvalidArgument),
        (lambda queue: queue.enqueue(b"x", delay_seconds=float("nan")), InvalidArgument),
        (lambda queue: queue.enqueue(b"x", delay_seconds="1"), InvalidArgument),
        (lambda queue: queue.dequeue(worker=5), InvalidArgument),
        (lambda queue: queue.dequeue(visibility_seconds=0), InvalidArgument),
        (lambda queue: queue.dequeue(visibility_seconds=True), InvalidArgument),
        (lambda queue: queue.dequeue(visibility_seconds=float("inf")), InvalidArgument),
        (lambda queue: queue.ack(1), InvalidArgument),
        (lambda queue: queue.nack(Task(1, b"", 1, "", ""), 0), StaleClaim),
        (lambda queue: queue.nack(Task(1, b"", 1, "x", ""), -1), InvalidArgument),
        (lambda queue: queue.extend(Task(1, b"", 1, "x", ""), 0), InvalidArgument),
        (lambda queue: Database.open().queue("q", visibility_seconds=-1), InvalidArgument),
        (lambda queue: Database.open().queue("q", max_attempts=0), InvalidArgument),
        (lambda queue: Database.open().queue("q", max_attempts=1.5), InvalidArgument),
        (lambda queue: Database.open().queue(""), InvalidArgument),
    ],
)
def test_arguments_that_make_no_sense_are_refused(call: Any, error: type[Exception]) -> None:
    """Each raises its typed error and changes nothing."""
    queue, _, _ = opened()
    queue.enqueue(b"kept")
    with pytest.raises(error):
        call(queue)
    assert queue.stats() == counts(enqueued=1, ready=1)


def test_queues_share_nothing() -> None:
    """Two queues, one's name the beginning of the other's, have tasks of their own."""
    database = Database.open()
    database.queue("q").enqueue(b"1")
    assert database.queue("q1").dequeue() is None
    assert database.queue("q1").enqueue(b"2") == 1
    assert taken(database.queue("q")).payload == b"1"


def test_two_claims_of_one_task_conflict() -> None:
    """Two transactions that saw the same task ready cannot both have it; the other one gets the next."""
    queue, _, database = opened()
    queue.enqueue(b"a")
    queue.enqueue(b"b")
    one, two = database.begin_transaction(), database.begin_transaction()
    mine, theirs = one.queue("q").dequeue(), two.queue("q").dequeue()
    assert mine is not None
    assert theirs is not None
    assert mine.id == theirs.id == 1
    one.commit()
    with pytest.raises(Conflict):
        two.commit()
    assert taken(queue).id == 2


def test_an_acknowledgement_and_a_redelivery_cannot_both_happen() -> None:
    """Of a late ack and a claim of the same task at the same time, one is refused."""
    queue, watch, database = opened(visibility_seconds=5)
    queue.enqueue(b"work")
    late = taken(queue)
    watch.seconds += 5
    one, two = database.begin_transaction(), database.begin_transaction()
    one.queue("q").ack(late)
    assert two.queue("q").dequeue() is not None
    two.commit()
    with pytest.raises(Conflict):
        one.commit()


def test_putting_a_task_behind_does_not_disturb_a_claim() -> None:
    """A dequeue has read its task and nothing behind: with a reader of both in the way it commits all the same."""
    queue, watch, database = opened()
    queue.enqueue(b"a")
    watch.seconds += 1
    worker, writer = database.begin_transaction(), database.begin_transaction()
    assert worker.queue("q").dequeue() is not None
    writer.get("x")
    writer.queue("q").enqueue(b"b")
    writer.commit()
    worker.put("x", b"")
    worker.commit()
    assert queue.stats() == counts(enqueued=2, ready=1, claimed=1)


def test_a_task_put_before_the_claimed_one_conflicts() -> None:
    """A dequeue took the first task: whoever puts one before it, and missed what the worker wrote, conflicts."""
    queue, watch, database = opened()
    queue.enqueue(b"a")
    watch.seconds -= 1
    writer, worker = database.begin_transaction(), database.begin_transaction()
    writer.get("x")
    writer.queue("q").enqueue(b"first")
    watch.seconds += 1
    assert worker.queue("q").dequeue() is not None
    worker.put("x", b"")
    worker.commit()
    with pytest.raises(Conflict):
        writer.commit()


def test_each_task_is_claimed_once_by_many_threads() -> None:
    """Ten workers and fifty tasks: every task is given to exactly one of them, with its own payload."""
    database = Database.open()
    for number in range(50):
        database.queue("q").enqueue(b"%d" % number)
    claims: list[Task] = []
    start = threading.Barrier(10)

    def work(name: str) -> None:
        start.wait()
        while (task := database.queue("q").dequeue(name)) is not None:
            claims.append(task)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert Counter(task.id for task in claims) == Counter(range(1, 51))
    assert {task.id: task.payload for task in claims} == {n + 1: b"%d" % n for n in range(50)}
    assert {task.attempt for task in claims} == {1}


def test_a_queue_outlives_its_database() -> None:
    """After closing and opening again claims, attempts, dead letters and counts are what they were."""
    disk, watch = MemoryVfs(), Watch()
    with Database.open("/db", vfs=disk, clock=watch) as database:
        queue = database.queue("q", visibility_seconds=5, max_attempts=2)
        for payload in (b"a", b"b", b"c"):
            queue.enqueue(payload)
        queue.ack(taken(queue))
        b, c = taken(queue), taken(queue)
        watch.seconds += 5
        assert taken(queue).id == b.id
        before = queue.stats()
    with Database.open("/db", vfs=disk, clock=watch) as database:
        queue = database.queue("q", visibility_seconds=5, max_attempts=2)
        assert queue.stats() == before == counts(enqueued=3, ready=1, claimed=1, acknowledged=1)
        watch.seconds += 5
        assert queue.dead_letters() == [DeadLetter(2, b"b", 2, "")]
        queue.ack(c)
        assert queue.dequeue() is None
        assert queue.enqueue(b"d") == 4


class QueueIsALine(RuleBasedStateMachine):
    """Each rule does the same to the queue and to a list of plain dicts."""

    @initialize(max_attempts=st.integers(1, 3))
    def start(self, max_attempts: int) -> None:
        self.queue, self.watch, self.database = opened(visibility_seconds=5, max_attempts=max_attempts)
        self.line: list[dict[str, Any]] = []
        self.count = 0
        self.claims: list[Task] = []

    def standing(self, task: dict[str, Any]) -> str:
        if task["moment"] <= self.watch.seconds:
            return "dead" if task["attempt"] == self.queue.max_attempts else "ready"
        return "claimed" if task["receipt"] else "delayed"

    @rule(delay=st.sampled_from([0, 0, 3, 7.5]))
    def enqueue(self, delay: float) -> None:
        self.count += 1
        assert self.queue.enqueue(b"%d" % self.count, delay) == self.count
        moment = self.watch.seconds + delay
        self.line.append({"id": self.count, "moment": moment, "attempt": 0, "receipt": ""})

    @rule(visibility=st.none() | st.sampled_from([1, 8]))
    def dequeue(self, visibility: float | None) -> None:
        task = self.queue.dequeue("w", visibility)
        ready = sorted((one["moment"], one["id"]) for one in self.line if self.standing(one) == "ready")
        assert (task is None) == (not ready)
        if task is not None:
            (mine,) = [one for one in self.line if one["id"] == ready[0][1]]
            mine.update(
                attempt=mine["attempt"] + 1, moment=self.watch.seconds + (visibility or 5), receipt=task.receipt
            )
            assert task == Task(mine["id"], b"%d" % mine["id"], mine["attempt"], mine["receipt"], "w")
            self.claims.append(task)

    @rule(which=st.integers(0, 30), how=st.sampled_from(["ack", "nack", "nack later", "extend"]))
    def settle(self, which: int, how: str) -> None:
        if not self.claims:
            return
        task = self.claims[which % len(self.claims)]
        mine = [one for one in self.line if one["receipt"] == task.receipt and self.standing(one) != "dead"]
        calls = {
            "ack": lambda: self.queue.ack(task),
            "nack": lambda: self.queue.nack(task),
            "nack later": lambda: self.queue.nack(task, 3),
            "extend": lambda: self.queue.extend(task, 9),
        }
        if not mine:
            with pytest.raises(StaleClaim):
                calls[how]()
            return
        calls[how]()
        if how == "ack":
            self.line.remove(mine[0])
        elif how == "extend":
            mine[0]["moment"] = self.watch.seconds + 9
        else:
            later = 3 if how == "nack later" and mine[0]["attempt"] < self.queue.max_attempts else 0
            mine[0].update(moment=self.watch.seconds + later, receipt="")

    @rule(seconds=st.sampled_from([0.5, 1, 5]))
    def time_passes(self, seconds: float) -> None:
        self.watch.seconds += seconds

    @invariant()
    def counts_are_exact(self) -> None:
        if not hasattr(self, "line"):
            return
        standings = Counter(self.standing(task) for task in self.line)
        assert self.queue.stats() == counts(
            enqueued=self.count, acknowledged=self.count - len(self.line), **standings
        )
        dead = sorted((one["moment"], one["id"]) for one in self.line if self.standing(one) == "dead")
        assert [letter.id for letter in self.queue.dead_letters()] == [task_id for _, task_id in dead]


TestQueueIsALine = QueueIsALine.TestCase
TestQueueIsALine.__doc__ = "Any sequence of calls and times leaves what a list of dicts would hold."
TestQueueIsALine.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def test_what_overwriting_transactions_leave_of_a_task_stops_nobody() -> None:
    """A claim that is written over the acknowledgement, as READ_COMMITTED lets it be, leaves no task and no error."""
    queue, watch, database = opened()
    for payload in (b"one", b"two"):
        queue.enqueue(payload)
    first = database.transaction(IsolationLevel.READ_COMMITTED)
    claim = first.queue("q").dequeue()
    with database.transaction(IsolationLevel.READ_COMMITTED) as second:
        other = second.queue("q").dequeue()
        assert claim is not None
        assert other is not None
        assert claim.payload == other.payload == b"one"
        second.queue("q").ack(other)
    first.commit()
    watch.seconds += 60
    assert taken(queue).payload == b"two"
    assert queue.dequeue() is None
