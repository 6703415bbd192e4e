"""long-fork: independent single writes, and readers that must agree on the order in which these happened.

    T1 ── w x 1 ── commit          T3 ── r x 1 ── r y – ── commit
    T2 ── w y 2 ── commit          T4 ── r y 2 ── r x – ── commit       T1 ─wr→ T3 ─rw→ T2 ─wr→ T4 ─rw→ T1

Uses keys (the groups in play at a time), ops_max (the keys of a group, at least 2) and read_ratio (the share of
transactions that read a whole group, at least two of each, in an order of their own). Every key is written once.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.program import Params, Program, Rng, Workload, read, write
from workloads.keys import rotating_groups
from workloads.sweep import no_programs, straight, sweep

__all__ = ["LONG_FORK"]

_CHUNK = 16
_GAP = 64


def _group(number: int, size: int) -> list[str]:
    return [f"fork{number}key{i}" for i in range(size)]


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    size = max(2, params.ops_max)
    readers = max(2, round(size * params.read_ratio / max(1 - params.read_ratio, 0.01)))
    for value, (number, turn) in enumerate(rotating_groups(rng, params.keys, size + readers), start=1):
        group = _group(number, size)
        if turn < size:
            yield straight([write(group[turn], value)])
        else:
            yield straight([read(key) for key in rng.sample(group, size)])


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    size = max(2, params.ops_max)
    return sweep(lambda number: [read(key) for key in _group(number, size)], chunk=_CHUNK, gap=lambda _: _GAP)


LONG_FORK = Workload("long-fork", no_programs, _programs, _finale, Params(keys=1, ops_max=5, read_ratio=0.6))
