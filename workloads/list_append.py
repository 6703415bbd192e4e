"""list-append: short random transactions of reads and appends; every read shows its list's whole past.

    T1 ── r x [] ── append y 1 ───────────── commit       T1 missed T2's append and T2 missed T1's:
    T2 ──────── r y [] ── append x 1 ── commit            T1 ─rw→ T2 ─rw→ T1

Uses keys, key_choice, contention, writes_per_key, ops_min, ops_max, read_ratio and rollback_ratio.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harness.history import Op
from harness.program import Params, Program, Rng, Workload, append, read
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, straight, sweep

__all__ = ["LIST_APPEND"]

_CHUNK = 8


def _key(number: int) -> str:
    return f"x{number}"


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    chooser = KeyChooser(rng, params)
    appended: Counter[int] = Counter()
    while True:
        length = rng.randint(params.ops_min, params.ops_max)
        ops = [_op(rng, params, chooser, appended) for _ in range(length)]
        yield straight(ops, rollback=rng.random() < params.rollback_ratio)


def _op(rng: Rng, params: Params, chooser: KeyChooser, appended: Counter[int]) -> Op:
    if rng.random() < params.read_ratio:
        return read(_key(chooser.choose()))
    number = chooser.choose_for_write()
    appended[number] += 1
    return append(_key(number), appended[number])


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    return sweep(lambda number: [read(_key(number))], chunk=_CHUNK, gap=lambda _: max(2, 2 * params.keys))


LIST_APPEND = Workload("list-append", no_programs, _programs, _finale, Params(keys=6, ops_min=2, ops_max=4))
