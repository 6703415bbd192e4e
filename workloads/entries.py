"""cache, vectors, restart: entries are put, read and deleted by all clients; who comes later finds what was left.

    T1 ── delete k ── acknowledged
    T2 ───────────────────────────── r k 7       the entry is gone, but not from the index that finds it

Uses keys, key_choice, contention, writes_per_key, ops_min, ops_max, read_ratio and rollback_ratio. In `cache` and
`restart` a third of the changes are deletes. In `vectors` key_choice is "rotating", and each key is written once with
each of VECTOR_VALUES. The finale reads every key: in `restart`, whose keys are plain, of a target that was restarted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from harness.history import Op
from harness.models import VECTOR_DIMENSION, VECTOR_VALUES
from harness.program import Params, Program, Programs, Rng, Workload, delete, read, write
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, straight, sweep

__all__ = ["CACHE", "RESTART", "VECTORS"]

_CHUNK = 8
_GAP = 64
_DELETE_SHARE = 1 / 3


def _programs(key: Callable[[int], Any], value: Callable[[int], Any], *, delete_share: float) -> Programs:
    """Transactions on the keys key(0), key(1), …; the nth write of a key stores value(n), n from 1."""

    def programs(rng: Rng, params: Params) -> Iterator[Program]:
        chooser = KeyChooser(rng, params)
        written: Counter[int] = Counter()

        def op() -> Op:
            if rng.random() < params.read_ratio:
                return read(key(chooser.choose()))
            if rng.random() < delete_share:
                return delete(key(chooser.choose()))
            number = chooser.choose_for_write()
            written[number] += 1
            return write(key(number), value(written[number]))

        while True:
            ops = [op() for _ in range(rng.randint(params.ops_min, params.ops_max))]
            yield straight(ops, rollback=rng.random() < params.rollback_ratio)

    return programs


def _finale(key: Callable[[int], Any]) -> Programs:
    def finale(rng: Rng, params: Params) -> Iterator[Program]:
        return sweep(lambda number: [read(key(number))], chunk=_CHUNK, gap=lambda _: max(_GAP, 2 * params.keys))

    return finale


def _entry(number: int) -> tuple[str, str]:
    return ("cache", f"entry{number}")


def _key(number: int) -> str:
    return f"key{number}"


def _vector(number: int) -> tuple[str, int]:
    return ("vectors", number)


def _make_vectors(rng: Rng, params: Params) -> Iterator[Program]:
    yield straight([Op("make_vectors", "vectors", VECTOR_DIMENSION)])


def _vector_programs(rng: Rng, params: Params) -> Iterator[Program]:
    once_each = replace(params, key_choice="rotating", writes_per_key=len(VECTOR_VALUES))
    return _programs(_vector, lambda nth: VECTOR_VALUES[nth - 1], delete_share=0)(rng, once_each)


CACHE = Workload(
    "cache",
    no_programs,
    _programs(_entry, "v{}".format, delete_share=_DELETE_SHARE),
    _finale(_entry),
    Params(keys=6, key_choice="uniform", ops_max=2),
)
VECTORS = Workload("vectors", _make_vectors, _vector_programs, _finale(_vector), Params(keys=6, ops_max=2))
RESTART = Workload(
    "restart",
    no_programs,
    _programs(_key, "v{}".format, delete_share=_DELETE_SHARE),
    _finale(_key),
    Params(keys=64, key_choice="uniform", ops_max=3, read_ratio=0.2),
    restarts=True,
)
