"""monotonic: counters that only grow; each transaction adds to one, or looks at several.

    T1 ── incr a 1 → 7 ── commit             T3 ── r a 7 ── r b 2      T1 before T2
    T2 ── incr b 1 → 3 ── commit             T4 ── r a 6 ── r b 3      T2 before T1

Uses keys (the counters), key_choice, contention, writes_per_key, ops_max (how many are looked at), read_ratio and
rollback_ratio.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.history import Op
from harness.program import Params, Program, Rng, Workload, read
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, read_back, straight

__all__ = ["MONOTONIC"]


def _key(number: int) -> str:
    return f"m{number}"


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    chooser = KeyChooser(rng, params)
    while True:
        if rng.random() < params.read_ratio:
            looked_at = dict.fromkeys(chooser.choose() for _ in range(params.ops_max))
            yield straight([read(_key(number)) for number in looked_at])
        else:
            op = Op("incr", _key(chooser.choose_for_write()), 1)
            yield straight([op], rollback=rng.random() < params.rollback_ratio)


MONOTONIC = Workload(
    "monotonic", no_programs, _programs, read_back(_key), Params(keys=4, ops_max=4, key_choice="uniform")
)
