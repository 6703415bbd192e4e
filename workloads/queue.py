"""queue: producers put tasks into a queue, workers take them out; each task is one worker's at a time.

    T1 ── dequeue → task 7 ─────────── commit       both were given task 7, and neither gave it back:
    T2 ───── dequeue → task 7 ─── commit            its claim was made of two steps

    T1 ── dequeue → task 7, claim 1 ── commit ── nack claim 1 ── commit
    T2 ────────────────────────────────────────────── dequeue → task 7, claim 2 ── ack claim 1 → true
                                                            the acknowledgement of a claim that is over was taken

Uses ops_max (how many tasks a producer puts in at once), read_ratio (the share of workers) and rollback_ratio. A
worker acknowledges at once, gives the task back, or leaves the claim to later transactions, some of which come too
late. The finale empties the queue. In `queue` a claim lasts longer than any run, so that a task comes back only where
it was given back; in `queue-redelivery` it ends at once, so that every task that is not acknowledged comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.history import Op
from harness.program import Params, Program, Programs, Rng, Rollback, Workload
from workloads.sweep import straight

__all__ = ["QUEUE", "QUEUE_REDELIVERY"]

_QUEUE = "tasks"
_A_DAY_S = 86_400.0
_AT_ONCE_S = 1e-6
_DELIVERIES_MAX = 1_000_000
_KEPT_MAX = 16
_CHUNK = 32
_PROGRAMS_MAX = 5_000


@dataclass
class _Kept:
    """Receipts of claims that are left to later transactions, the oldest first."""

    receipts: list[int] = field(default_factory=list)

    def add(self, receipt: int) -> None:
        self.receipts = [*self.receipts, receipt][-_KEPT_MAX:]

    def take(self, again: bool) -> int | None:
        """The oldest one; `again`: it is left where it is, for another to be too late with."""
        if not self.receipts:
            return None
        return self.receipts[0] if again else self.receipts.pop(0)


def _setup(visibility_s: float) -> Programs:
    def setup(rng: Rng, params: Params) -> Iterator[Program]:
        yield straight([Op("make_queue", _QUEUE, (visibility_s, _DELIVERIES_MAX))])

    return setup


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    kept = _Kept()
    task = 0
    while True:
        if rng.random() >= params.read_ratio:
            count = rng.randint(1, params.ops_max)
            ops = [Op("enqueue", _QUEUE, f"task{task + i}") for i in range(count)]
            task += count
            yield straight(ops, rollback=rng.random() < params.rollback_ratio)
        elif rng.random() < 0.5:
            yield _work(kept, rng.choice(("ack", "ack", "nack", "")), rng.random() < params.rollback_ratio)
        else:
            yield _finish(kept, rng.choice(("ack", "nack")), rng.random() < 0.5)


def _work(kept: _Kept, then: str, rollback: bool) -> Program:
    """Claim a task, and `then` acknowledge it or give it back; else leave it to later."""
    claim = (yield Op("dequeue", _QUEUE)).value
    if claim is not None:
        if then:
            yield Op(then, _QUEUE, claim[3])
        else:
            kept.add(claim[3])
    if rollback:
        raise Rollback


def _finish(kept: _Kept, how: str, again: bool) -> Program:
    """End a claim that was left; where there is none, leave one."""
    receipt = kept.take(again)
    if receipt is None:
        yield from _work(kept, "", False)
    else:
        yield Op(how, _QUEUE, receipt)


@dataclass
class _Drained:
    """What the finale got out so far. `over`: the last program found nothing, or something that was done before."""

    tasks: set[Any] = field(default_factory=set)
    over: bool = False


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    """Empty the queue: whatever still comes out is acknowledged, until nothing does."""
    drained = _Drained()
    for _ in range(_PROGRAMS_MAX):
        yield _drain(drained)
        if drained.over:
            return


def _drain(drained: _Drained) -> Program:
    for _ in range(_CHUNK):
        claim = (yield Op("dequeue", _QUEUE)).value
        drained.over = claim is None or claim[0] in drained.tasks
        if drained.over:
            return
        drained.tasks.add(claim[0])
        yield Op("ack", _QUEUE, claim[3])


QUEUE = Workload("queue", _setup(_A_DAY_S), _programs, _finale, Params(ops_max=2, read_ratio=0.7))
# Few tasks at a time, so that a claim which is left is soon another's.
QUEUE_REDELIVERY = Workload(
    "queue-redelivery", _setup(_AT_ONCE_S), _programs, _finale, Params(ops_max=1, read_ratio=0.85)
)
