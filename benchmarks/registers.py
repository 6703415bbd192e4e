"""Made-up register histories of a correct database, and the solver alone, for measuring it.

A transaction takes effect at a moment of its own between its start and its end.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from checkers.registers import registers_of
from checkers.rw_register.solver import decide
from harness.build import HistoryBuilder
from harness.history import History, Op, RunInfo, Status
from harness.level import Level
from harness.verdict import Anomaly, Doubt, Findings

__all__ = ["cool_history", "hot_history", "random_history", "serializable_findings"]

_CLIENTS = 10
_TXNS_PER_KEY = 5


class Mix(NamedTuple):
    """How many operations a transaction has, how many keys there are, and which part of the operations read."""

    ops_min: int
    ops_max: int
    keys: int
    reads: float


def cool_history(txns: int, *, seed: int = 0) -> History:
    """A strictly serializable history: one to four reads and blind writes, a key for every five transactions."""
    return _history(txns, Mix(1, 4, max(txns // _TXNS_PER_KEY, 1), 0.5), seed, shuffled=False)


def hot_history(txns: int, *, keys: int = 20, seed: int = 0) -> History:
    """A strictly serializable history: one to four reads and blind writes of few keys."""
    return _history(txns, Mix(1, 4, keys, 0.5), seed, shuffled=False)


def random_history(txns: int, *, ops_min: int = 8, ops_max: int = 8, reads: float = 0.8, seed: int = 0) -> History:
    """A serializable history whose serial order has nothing to do with times and sessions.

    The fewer operations read, the less is known of the order.
    """
    return _history(txns, Mix(ops_min, ops_max, max(txns // _TXNS_PER_KEY, 1), reads), seed, shuffled=True)


def _history(txns: int, mix: Mix, seed: int, *, shuffled: bool) -> History:
    rng = Random(seed)
    spans = _spans(txns, rng)
    order = sorted(range(txns), key=lambda row: spans[row][2])
    if shuffled:
        rng.shuffle(order)
    stored: dict[int, int] = {}
    builder = HistoryBuilder()
    for number, row in enumerate(order):
        client, start, _, end = spans[row]
        builder.add(client, start, end, Status.OK, _ops(rng, mix, stored, 8 * number + 1))
    return builder.build(RunInfo(workload="rw-register", clock="positions", foreign=True))


def _spans(txns: int, rng: Random) -> list[tuple[int, int, int, int]]:
    """(client, start, moment of effect, end) of each transaction; a client has one at a time."""
    free = [0] * _CLIENTS
    spans = []
    for i in range(txns):
        client = i % _CLIENTS
        start = free[client] + rng.randint(1, 20)
        end = start + rng.randint(20, 100)
        free[client] = end + 1
        spans.append((client, start, rng.randint(start, end), end))
    return spans


def _ops(rng: Random, mix: Mix, stored: dict[int, int], value: int) -> list[Op]:
    ops: list[Op] = []
    for place in range(rng.randint(mix.ops_min, mix.ops_max)):
        key = rng.randrange(mix.keys)
        if rng.random() < mix.reads:
            ops.append(Op("r", key, stored.get(key)))
        else:
            stored[key] = value + place
            ops.append(Op("w", key, value + place))
    return ops


def serializable_findings(history: History) -> Findings:
    """What the solver alone says of serializability: a certificate, unless it spends its budget."""
    answer = decide(registers_of(history), Level("serializable"))
    assert not isinstance(answer, Anomaly), "a correct history was accused"
    if isinstance(answer, Doubt):
        return Findings(checker="rw-register", doubts=(answer,))
    return Findings(checker="rw-register", certificates=(answer,))
