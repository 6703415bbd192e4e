"""Random reads and changes of keys: most of a workload like list-append, rw-register, session-guarantees or cache.

Uses keys, key_choice, contention, writes_per_key, ops_min, ops_max, read_ratio and rollback_ratio.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from harness.history import Op
from harness.program import Params, Program, Programs, Rng, Workload, delete, read
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, read_back, straight

__all__ = ["mixed", "mixed_programs"]


def mixed(name: str, prefix: str, change: Callable[[Any, Any], Op], defaults: Params) -> Workload:
    """The workload of this name: `change` (key, number) is `append` or `write`; keys begin with `prefix`.

    Elements and values of a key are 1, 2, 3, ..., each once.
    """
    key = (prefix + "{}").format
    return Workload(name, no_programs, mixed_programs(key, change), read_back(key), defaults)


def mixed_programs(
    key: Callable[[int], Any], change: Callable[[Any, int], Op], *, delete_share: float = 0
) -> Programs:
    """Transactions on the keys key(0), key(1), …; the nth change of a key k that is no delete is `change(k, n)`."""

    def programs(rng: Rng, params: Params) -> Iterator[Program]:
        chooser = KeyChooser(rng, params)
        changed: Counter[int] = Counter()

        def op() -> Op:
            if rng.random() < params.read_ratio:
                return read(key(chooser.choose()))
            if delete_share and rng.random() < delete_share:
                return delete(key(chooser.choose()))
            number = chooser.choose_for_write()
            changed[number] += 1
            return change(key(number), changed[number])

        while True:
            ops = [op() for _ in range(rng.randint(params.ops_min, params.ops_max))]
            yield straight(ops, rollback=rng.random() < params.rollback_ratio)

    return programs
