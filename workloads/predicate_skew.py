"""predicate-skew: who finds a range of keys empty inserts a key of its own; only one may find it empty.

    T1 ── scan g..h {} ── w g1 1 ── commit       neither range read saw the other's new key:
    T2 ───── scan g..h {} ── w g2 2 ── commit    T1 ─rw→ T2 ─rw→ T1, both by a predicate

Uses keys (the ranges in play at a time) and writes_per_key (the transactions that try each range). Every key
belongs to one program, so it is written at most once.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.history import Op
from harness.program import Params, Program, Rng, Workload, scan, write
from workloads.keys import rotating_groups
from workloads.sweep import no_programs, sweep

__all__ = ["PREDICATE_SKEW"]

_CHUNK = 16
_GAP = 64


def _range(group: int) -> Op:
    # Letters and digits only: they are in the same order in nearly every collation.
    return scan(f"group{group}key", f"group{group}kez")


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    for value, (group, turn) in enumerate(rotating_groups(rng, params.keys, max(2, params.writes_per_key)), start=1):
        yield _insert_if_empty(_range(group), f"group{group}key{turn}", value)


def _insert_if_empty(whole_range: Op, key: str, value: int) -> Program:
    found = (yield whole_range).value
    if not found:
        yield write(key, value)


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    return sweep(lambda group: [_range(group)], chunk=_CHUNK, gap=lambda _: _GAP)


PREDICATE_SKEW = Workload("predicate-skew", no_programs, _programs, _finale, Params(keys=1, writes_per_key=3))
