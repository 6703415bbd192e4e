"""A queue of tasks: each is given to one worker at a time, and again where it was not acknowledged, but not for ever.

    enqueue ──▶ delayed ──▶ ready ──dequeue──▶ claimed ──ack──▶ gone
                  ▲           ▲                   │
                  └── nack ───┴── its time is up ─┤
                                                  └── either, after the last attempt ──▶ dead

Where a task stands follows from its row and the time alone: nothing has to run for a claim to end.

    ("enqueued",)             how many there ever were; the newest one's id
    ("payload", id)           its bytes
    ("task", id)              [attempt, moment, receipt, worker, is this the last attempt]
    ("visible", moment, id)   when it may be given to a worker: from now on, or when its claim ends
    ("final", moment, id)     instead, when it is the last attempt: dead from this moment on

Tasks are given in the order of their moments, then ids; one that comes back has a moment like any other, and waits
for those only that are older.

`enqueue` reads and writes the number of tasks: two conflict with each other, and with no worker. `dequeue` reads the
first visible task and nothing behind it: two that take the same one conflict, and so does a task that is put before
it. `ack`, `nack` and `extend` read and write their task; `stats` reads all of them, `dead_letters` those that are at
their last attempt.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import InvalidArgument, StaleClaim
from engine.keys import encode_value
from engine.models.arguments import checked_count, checked_delay, checked_duration, checked_text
from engine.models.space import Space
from engine.models.view import View, atomic

if TYPE_CHECKING:
    from engine.models.views import Views

__all__ = ["DeadLetter", "Queue", "Task"]


class Task(NamedTuple):
    """A task that a worker has claimed. `attempt` counts its deliveries; `receipt` stands for this one."""

    id: int
    payload: bytes
    attempt: int
    receipt: str
    worker: str


class DeadLetter(NamedTuple):
    """A task that was not acknowledged in any of its `attempts`; `worker` had the last one."""

    id: int
    payload: bytes
    attempts: int
    worker: str


class _State(NamedTuple):
    """The row of a task. `moment`: see the rows above. `receipt` is empty while nobody has claimed it."""

    attempt: int
    moment: float
    receipt: str = ""
    worker: str = ""
    final: bool = False

    def is_dead(self, now: float) -> bool:
        return self.final and self.moment <= now


class Queue(View):
    """A queue by its name.

    `visibility_seconds` is how long a claim lasts, `max_attempts` how often a task is delivered; both hold for
    what is claimed through this object.
    """

    kind = "queue"

    def __init__(self, owner: Views, name: str, visibility_seconds: float = 30, max_attempts: int = 3) -> None:
        super().__init__(owner, name)
        self.visibility_seconds = checked_duration(visibility_seconds, "visibility_seconds")
        self.max_attempts = checked_count(max_attempts, "max_attempts", 1)

    @atomic
    def enqueue(self, space: Space, payload: bytes, delay_seconds: float = 0) -> int:
        """Add a task that is ready in `delay_seconds`; returns its id, one more than that of the task before."""
        payload = encode_value(payload)
        moment = _from_now(space, checked_delay(delay_seconds, "delay_seconds"))
        task_id: int = (space.get(("enqueued",)) or 0) + 1
        space.put(("enqueued",), task_id)
        space.put(("payload", task_id), payload)
        _place(space, task_id, _State(0, moment))
        return task_id

    @atomic
    def dequeue(self, space: Space, worker: str = "", visibility_seconds: float | None = None) -> Task | None:
        """Claim the task that has been ready for longest, None where there is none."""
        checked_text(worker, "the name of a worker")
        if visibility_seconds is None:
            visibility_seconds = self.visibility_seconds
        ends = _from_now(space, checked_duration(visibility_seconds, "visibility_seconds"))
        ready = _first_ready(space)
        if ready is None:
            return None
        task_id, old, payload = ready
        attempt = old.attempt + 1
        # An aborted claim and the next one have the same attempt: only chance tells their receipts apart.
        receipt = os.urandom(8).hex()
        _move(space, task_id, old, _State(attempt, ends, receipt, worker, attempt >= self.max_attempts))
        return Task(task_id, payload, attempt, receipt, worker)

    @atomic
    def ack(self, space: Space, task: Task) -> None:
        """The task is done. Raises StaleClaim where it is not this worker's any more.

        A claim that ran out is still good as long as nobody else has the task and it is not dead: the work is done.
        """
        state = _claimed(space, task)
        space.delete(_place_of(task.id, state))
        space.delete(("task", task.id))
        space.delete(("payload", task.id))

    @atomic
    def nack(self, space: Space, task: Task, delay_seconds: float = 0) -> None:
        """Give the task back, to be ready in `delay_seconds`; dead after the last attempt. Raises StaleClaim."""
        checked_delay(delay_seconds, "delay_seconds")
        state = _claimed(space, task)
        moment = _from_now(space, 0 if state.final else delay_seconds)
        _move(space, task.id, state, _State(state.attempt, moment, "", state.worker, state.final))

    @atomic
    def extend(self, space: Space, task: Task, seconds: float) -> None:
        """Let the claim end `seconds` from now. Raises StaleClaim."""
        ends = _from_now(space, checked_duration(seconds, "seconds"))
        state = _claimed(space, task)
        _move(space, task.id, state, state._replace(moment=ends))

    @atomic
    def dead_letters(self, space: Space) -> list[DeadLetter]:
        """The tasks that had their last attempt, in the order in which they died."""
        now = space.now()
        ids = [key[2] for key, _ in space.scan(("final",)) if key[1] <= now]
        states = [_state(space, task_id) for task_id in ids]
        return [
            DeadLetter(task_id, space.get(("payload", task_id)), state.attempt, state.worker)
            for task_id, state in zip(ids, states, strict=True)
        ]

    @atomic
    def stats(self, space: Space) -> dict[str, int]:
        """How many tasks were ever enqueued and acknowledged, and how many are delayed, ready, claimed and dead."""
        now = space.now()
        counts = {"enqueued": space.get(("enqueued",)) or 0, "delayed": 0, "ready": 0, "claimed": 0, "dead": 0}
        tasks = [_State(*row) for _, row in space.scan(("task",))]
        for state in tasks:
            counts[_standing(state, now)] += 1
        return {**counts, "acknowledged": counts["enqueued"] - len(tasks)}


def _from_now(space: Space, seconds: float) -> float:
    return float(space.now() + seconds)


def _first_ready(space: Space) -> tuple[int, _State, bytes] | None:
    """The task that stands first, if it is time.

    Transactions at READ_COMMITTED overwrite one another, and can leave a place without its task: that is removed.
    """
    while first := space.scan(("visible",), limit=1):
        place = first[0][0]
        _, moment, task_id = place
        if moment > space.now():
            return None
        row, payload = space.get(("task", task_id)), space.get(("payload", task_id))
        if row is not None and payload is not None and _place_of(task_id, _State(*row)) == place:
            return task_id, _State(*row), payload
        space.delete(place)
    return None


def _standing(state: _State, now: float) -> str:
    if state.is_dead(now):
        return "dead"
    if state.moment <= now:
        return "ready"
    return "claimed" if state.receipt else "delayed"


def _claimed(space: Space, task: Task) -> _State:
    if not isinstance(task, Task):
        raise InvalidArgument(f"a task is what dequeue returned, not {type(task).__name__}")
    row = space.get(("task", task.id))
    state = None if row is None else _State(*row)
    if state is None or not task.receipt or state.receipt != task.receipt or state.is_dead(space.now()):
        raise StaleClaim(f"task {task.id} is not claimed by attempt {task.attempt} any more")
    return state


def _state(space: Space, task_id: int) -> _State:
    return _State(*space.get(("task", task_id)))


def _place_of(task_id: int, state: _State) -> tuple[str, float, int]:
    return ("final" if state.final else "visible", state.moment, task_id)


def _place(space: Space, task_id: int, state: _State) -> None:
    space.put(("task", task_id), state)
    space.put(_place_of(task_id, state), None)


def _move(space: Space, task_id: int, old: _State, new: _State) -> None:
    space.delete(_place_of(task_id, old))
    _place(space, task_id, new)
