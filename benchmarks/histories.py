"""Made-up histories of a correct database, as large as one likes, for measuring checkers."""

from __future__ import annotations

from random import Random

from harness.build import HistoryBuilder
from harness.history import History, Op, RunInfo, Status

__all__ = ["list_append_history"]

_CLIENTS = 10
_KEYS_IN_PLAY = 10
_APPENDS_PER_KEY = 64


def list_append_history(txns: int, *, seed: int = 0) -> History:
    """A strictly serializable list-append history: 1 to 4 operations each, ten clients, rotating keys.

    Transaction i takes effect at 10 i + 9 and runs from 10 i to some time after, so that clients overlap.
    """
    rng = Random(seed)
    builder = HistoryBuilder()
    keys = list(range(_KEYS_IN_PLAY))
    lists: dict[int, list[int]] = {key: [] for key in keys}
    for i in range(txns):
        ops: list[Op] = []
        for _ in range(rng.randint(1, 4)):
            slot = rng.randrange(_KEYS_IN_PLAY)
            if len(lists[keys[slot]]) >= _APPENDS_PER_KEY:
                del lists[keys[slot]]
                keys[slot] = max(keys) + 1
                lists[keys[slot]] = []
            key = keys[slot]
            if rng.random() < 0.5:
                ops.append(Op("r", key, lists[key].copy()))
            else:
                lists[key].append(len(lists[key]) + 1)
                ops.append(Op("append", key, lists[key][-1]))
        builder.add(i % _CLIENTS, 10 * i, 10 * i + 9 + rng.randint(0, 80), Status.OK, ops)
    return builder.build(RunInfo(workload="list-append", clock="positions", foreign=True))
