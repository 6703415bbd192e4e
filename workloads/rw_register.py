"""rw-register: short random transactions of reads and writes; every value is written to its key once.

    T1 ── r x – ── w y 1 ───────────── commit       T1 missed T2's write and T2 missed T1's:
    T2 ──────── r y – ── w x 1 ── commit            T1 ─rw→ T2 ─rw→ T1

Uses keys, key_choice, contention, writes_per_key, ops_min, ops_max, read_ratio and rollback_ratio.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harness.history import Op
from harness.program import Params, Program, Rng, Workload, read, write
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, straight, sweep

__all__ = ["RW_REGISTER"]

_CHUNK = 8


def _key(number: int) -> str:
    return f"x{number}"


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    chooser = KeyChooser(rng, params)
    written: Counter[int] = Counter()
    while True:
        length = rng.randint(params.ops_min, params.ops_max)
        ops = [_op(rng, params, chooser, written) for _ in range(length)]
        yield straight(ops, rollback=rng.random() < params.rollback_ratio)


def _op(rng: Rng, params: Params, chooser: KeyChooser, written: Counter[int]) -> Op:
    if rng.random() < params.read_ratio:
        return read(_key(chooser.choose()))
    number = chooser.choose_for_write()
    written[number] += 1
    return write(_key(number), written[number])


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    return sweep(lambda number: [read(_key(number))], chunk=_CHUNK, gap=lambda _: max(2, 2 * params.keys))


RW_REGISTER = Workload(
    "rw-register", no_programs, _programs, _finale, Params(keys=8, ops_min=3, ops_max=5, read_ratio=0.7)
)
