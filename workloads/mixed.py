"""Random reads and changes: what the workloads list-append, rw-register and session-guarantees are made of.

Elements and values of a key are 1, 2, 3, ..., each once. Uses keys, key_choice, contention, writes_per_key, ops_min,
ops_max, read_ratio and rollback_ratio.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from harness.history import Op
from harness.program import Params, Program, Rng, Workload, read
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, straight, sweep

__all__ = ["mixed"]

_CHUNK = 8


def mixed(name: str, prefix: str, change: Callable[[Any, Any], Op], defaults: Params) -> Workload:
    """The workload of this name: `change` (key, number) is `append` or `write`; keys begin with `prefix`."""

    def key(number: int) -> str:
        return f"{prefix}{number}"

    def programs(rng: Rng, params: Params) -> Iterator[Program]:
        chooser = KeyChooser(rng, params)
        changed: Counter[int] = Counter()

        def op() -> Op:
            if rng.random() < params.read_ratio:
                return read(key(chooser.choose()))
            number = chooser.choose_for_write()
            changed[number] += 1
            return change(key(number), changed[number])

        while True:
            ops = [op() for _ in range(rng.randint(params.ops_min, params.ops_max))]
            yield straight(ops, rollback=rng.random() < params.rollback_ratio)

    def finale(rng: Rng, params: Params) -> Iterator[Program]:
        return sweep(lambda number: [read(key(number))], chunk=_CHUNK, gap=lambda _: max(2, 2 * params.keys))

    return Workload(name, no_programs, programs, finale, defaults)
