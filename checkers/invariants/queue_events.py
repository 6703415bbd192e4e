"""What a history says of each of its queues: who put a task in, who claimed it, and how claims were ended."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from checkers.moments import Moment, operations
from harness.history import UNSEEN, History, Op

__all__ = ["Claim", "Put", "Queue", "Return", "queues_of"]

_HOUR_S: Final = 3600.0
_AT_ONCE_S: Final = 1e-6
# Two clocks of one machine differ by less than this share, whatever corrects them.
_DRIFT: Final = 0.01
_KINDS: Final = ("make_queue", "enqueue", "dequeue", "ack", "nack")


class Put(NamedTuple):
    """A task was put in. `task` is the id that the queue gave it, None where no answer came."""

    at: Moment
    task: Any


class Claim(NamedTuple):
    """A task was given to a worker."""

    at: Moment
    task: Any
    receipt: Any


class Return(NamedTuple):
    """A claim was ended by `kind`, ack or nack. `accepted` is None where no answer came."""

    at: Moment
    kind: str
    receipt: Any
    accepted: bool | None

    @property
    def sure(self) -> bool:
        """Whether it was surely accepted."""
        return self.at.ok and self.accepted is True


@dataclass
class Queue:
    """The events of one queue, in the order of rows. Tasks are known by their payloads.

    `visibility_s` is how long a claim lasts, None where the history does not tell. Claims and returns of aborted
    transactions never happened and are left out, but for the receipts of the former. `unanswered` counts the dequeues
    that may have claimed anything, `looks` are those that found nothing, of acknowledged transactions.
    """

    name: Any
    clock: str
    visibility_s: float | None = None
    deliveries_max: float = math.inf
    puts: dict[Any, list[Put]] = field(default_factory=lambda: defaultdict(list))
    claims: dict[Any, list[Claim]] = field(default_factory=lambda: defaultdict(list))
    returns: dict[Any, list[Return]] = field(default_factory=lambda: defaultdict(list))
    never_claimed: dict[Any, Claim] = field(default_factory=dict)
    looks: list[Moment] = field(default_factory=list)
    unanswered: int = 0
    malformed: list[int] = field(default_factory=list)

    @cached_property
    def payloads_of(self) -> dict[Any, set[Any]]:
        """For each receipt the tasks of which a claim has it."""
        payloads: dict[Any, set[Any]] = defaultdict(set)
        for payload, claims in self.claims.items():
            for claim in claims:
                payloads[claim.receipt].add(payload)
        return payloads

    def returns_of(self, payload: Any) -> list[Return]:
        """How claims of this task were perhaps ended."""
        receipts = dict.fromkeys(claim.receipt for claim in self.claims[payload])
        return [one for receipt in receipts for one in self.returns.get(receipt, ()) if one.accepted is not False]

    def expiries_max(self, first: int, last: int) -> float:
        """How many claims of one task can have run out, one after the other, between two moments."""
        if not self.visibility_s:
            return math.inf
        if self.clock == "nanoseconds":
            return (last - first) * (1 + _DRIFT) // (self.visibility_s * 1e9)
        return 0 if self.visibility_s >= _HOUR_S else math.inf

    def runs_out(self, claim: Claim) -> float:
        """The moment from which the claim has surely run out by itself."""
        if self.visibility_s is None or not claim.at.ok:
            return math.inf
        if self.visibility_s <= _AT_ONCE_S:
            return claim.at.end
        if self.clock != "nanoseconds":
            return math.inf
        return claim.at.end + self.visibility_s * 1e9 * (1 + _DRIFT)


def queues_of(history: History) -> list[Queue]:
    """Every queue that the history names."""
    queues: dict[Any, Queue] = {}
    for at, op in operations(history, _KINDS):
        queue = queues.setdefault(op.key, Queue(op.key, history.info.clock))
        if not _take(queue, at, op):
            queue.malformed.append(at.row)
    for queue in queues.values():
        _name_by_task(queue)
    return list(queues.values())


def _name_by_task(queue: Queue) -> None:
    """A task that came without its payload is known by its id."""
    payloads = {put.task: payload for payload, puts in queue.puts.items() for put in puts if put.task is not None}
    for claim in queue.claims.pop(None, []):
        queue.claims[payloads.get(claim.task)].append(claim)


def _take(queue: Queue, at: Moment, op: Op) -> bool:
    """Note one operation; False where it is not in the form that KINDS gives it."""
    if op.kind == "dequeue":
        return _take_claim(queue, at, op.value)
    if not isinstance(op.value, tuple) or len(op.value) != 2:
        return False
    asked, answer = op.value
    if op.kind == "make_queue":
        queue.visibility_s, queue.deliveries_max = asked, answer
    elif op.kind == "enqueue":
        queue.puts[asked].append(Put(at, answer))
    elif at.possible:
        queue.returns[asked].append(Return(at, op.kind, asked, answer))
    return True


def _take_claim(queue: Queue, at: Moment, answer: Any) -> bool:
    if answer is UNSEEN:
        queue.unanswered += at.possible
    elif answer is None:
        queue.looks += [at] if at.ok else []
    elif isinstance(answer, tuple) and len(answer) == 4:
        task, payload, _, receipt = answer
        if at.possible:
            queue.claims[payload].append(Claim(at, task, receipt))
        else:
            queue.never_claimed[receipt] = Claim(at, task, receipt)
    else:
        return False
    return True
