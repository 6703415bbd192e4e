"""Correct queues in plain Python, under one lock or within a transaction, and wrong only where `Lie` says so."""

from __future__ import annotations

import itertools
import pickle
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from isolation_lies import Lie
from isolation_store import Transaction

from harness.surface import Claim, Refused


@dataclass
class Task:
    """`due` is when it may be given out, in seconds of the monotonic clock."""

    payload: bytes
    attempt: int = 0
    due: float = 0.0


@dataclass
class TaskQueue:
    """Tasks by id, oldest first; claims count as (task, attempt)."""

    name: str
    visibility_s: float
    attempts_max: int
    tasks: dict[int, Task] = field(default_factory=dict)
    dead: list[int] = field(default_factory=list)
    twice: set[int] = field(default_factory=set)  # What a lie gives out once more, whatever comes of it.
    made: int = 0
    claimed: int = 0


class Queues:
    """All queues of a database."""

    def __init__(self, lie: Lie) -> None:
        self._lie = lie
        self._lock = Lock()
        self.queues: dict[str, TaskQueue] = {}

    def dump(self) -> bytes:
        return pickle.dumps(self.queues)

    def load(self, dumped: bytes) -> None:
        self.queues = pickle.loads(dumped)  # noqa: S301  Our own file.
        if self._lie.forgotten("open", b"claims"):
            for queue in self.queues.values():
                for task in queue.tasks.values():
                    task.due = 0.0

    def make_queue(self, name: str, visibility_s: float, attempts_max: int) -> None:
        with self._lock:
            queue = self.queues.setdefault(name, TaskQueue(name, visibility_s, attempts_max))
            queue.visibility_s, queue.attempts_max = visibility_s, attempts_max

    def enqueue(self, name: str, payload: bytes) -> int:
        with self._lock:
            queue = self.queues[name]
            queue.made += 1
            queue.tasks[queue.made] = Task(payload)
            return queue.made

    def dequeue(self, name: str, worker: str) -> Claim | None:
        with self._lock:
            queue = self.queues[name]
            self._bury(queue)
            queue.claimed += 1
            wrong = self._lie.claims(name, queue.claimed)
            if wrong == "error":
                raise RuntimeError("the claim failed")
            for number, task in list(queue.tasks.items()):
                if task.due <= time.monotonic() or wrong == "visible":
                    if wrong == "lost":
                        del queue.tasks[number]
                        wrong = ""
                        continue
                    return self._claimed(queue, number, task, wrong)
            return None

    def _claimed(self, queue: TaskQueue, number: int, task: Task, wrong: str) -> Claim:
        task.due = time.monotonic() + queue.visibility_s
        if wrong == "twice":
            task.due = 0.0
            queue.twice.add(number)
        if wrong != "first":
            task.attempt += 1
        payload = b"another" if wrong == "payload" else task.payload
        return Claim(number, payload, max(task.attempt, 1), (number, task.attempt))

    def ack(self, name: str, receipt: Any) -> None:
        with self._lock:
            self._own(name, receipt)
            if receipt[0] in self.queues[name].twice:
                self.queues[name].twice.discard(receipt[0])
            elif self._lie.claims(name, 0) != "not acknowledged":
                self.queues[name].tasks.pop(receipt[0], None)

    def nack(self, name: str, receipt: Any) -> None:
        with self._lock:
            self._own(name, receipt).due = 0.0
            self._bury(self.queues[name])

    def dead_letters(self, name: str) -> list[int]:
        with self._lock:
            self._bury(self.queues[name])
            return list(self.queues[name].dead)

    def _own(self, name: str, receipt: Any) -> Task:
        task = self.queues[name].tasks.get(receipt[0])
        if task is None or (task.attempt != receipt[1] and self._lie.claims(name, 0) != "stale"):
            raise Refused("stale", "the claim is another's")
        return task

    def _bury(self, queue: TaskQueue) -> None:
        """Tasks that were given out for the last time and are due again are dead."""
        if self._lie.claims(queue.name, 0) == "immortal":
            return
        for number, task in list(queue.tasks.items()):
            if task.attempt >= queue.attempts_max and task.due <= time.monotonic():
                del queue.tasks[number]
                if self._lie.claims(queue.name, 0) != "unburied":
                    queue.dead.append(number)


class SessionQueue:
    """A queue within a transaction: all of its tasks, (id, payload, attempt, receipt), are the value of one key."""

    def __init__(self, transaction: Transaction, name: str, key: bytes) -> None:
        self._transaction = transaction
        self._name = name
        self._key = key

    def ask(self, kind: str, given: Any) -> Any:
        """The completed value of an operation of this kind, as `harness.history.KINDS` describes."""
        tasks = list(self._transaction.get(self._key, kind) or [])
        answer = getattr(self, f"_{kind}")(tasks, given)
        self._transaction.write(self._key, tasks, kind)
        return answer

    def _make_queue(self, tasks: list[Any], given: Any) -> Any:
        return given

    def _enqueue(self, tasks: list[Any], payload: Any) -> Any:
        number = next(_numbers)
        tasks.append((number, payload, 0, None))
        return payload, number

    def _dequeue(self, tasks: list[Any], given: None) -> Any:
        free = next((place for place, task in enumerate(tasks) if task[3] is None), None)
        if free is None:
            return None
        number, payload, attempt, _ = tasks[free]
        claim = (number, payload, attempt + 1, next(_numbers))
        wrong = self._transaction.lie.claims(self._name, claim[3])
        if wrong == "lost":
            del tasks[free]
            return None
        if wrong != "twice":
            tasks[free] = claim
        return claim

    def _ack(self, tasks: list[Any], receipt: Any) -> Any:
        kept = [task for task in tasks if task[3] != receipt]
        own = len(kept) < len(tasks)
        tasks[:] = kept
        return receipt, own

    def _nack(self, tasks: list[Any], receipt: Any) -> Any:
        own = any(task[3] == receipt for task in tasks)
        tasks[:] = [(*task[:3], None) if task[3] == receipt else task for task in tasks]
        return receipt, own


_numbers = itertools.count(1)
