"""cache, vectors, restart: entries are put, read and deleted by all clients; who comes later finds what was left.

    T1 ── delete k ── acknowledged
    T2 ───────────────────────────── r k 7       the entry is gone, but not from the index that finds it

Uses keys, key_choice, contention, writes_per_key, ops_min, ops_max, read_ratio and rollback_ratio. In `cache` and
`restart` a third of the changes are deletes. In `vectors` key_choice is "rotating", and each key is written once with
each of VECTOR_VALUES. The finale reads every key: in `restart`, whose keys are plain, of a target that was restarted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.history import Op
from harness.models import VECTOR_DIMENSION, VECTOR_VALUES
from harness.program import Params, Program, Rng, Workload, write
from workloads.mixed import mixed_programs
from workloads.sweep import no_programs, read_back, straight

__all__ = ["CACHE", "RESTART", "VECTORS"]

_GAP = 64
_DELETE_SHARE = 1 / 3


def _entry(number: int) -> tuple[str, str]:
    return ("cache", f"entry{number}")


def _key(number: int) -> str:
    return f"key{number}"


def _vector(number: int) -> tuple[str, int]:
    return ("vectors", number)


def _write(key: object, nth: int) -> Op:
    return write(key, f"v{nth}")


def _write_vector(key: object, nth: int) -> Op:
    return write(key, VECTOR_VALUES[nth - 1])


def _make_vectors(rng: Rng, params: Params) -> Iterator[Program]:
    yield straight([Op("make_vectors", "vectors", VECTOR_DIMENSION)])


def _vector_programs(rng: Rng, params: Params) -> Iterator[Program]:
    once_each = replace(params, key_choice="rotating", writes_per_key=len(VECTOR_VALUES))
    return mixed_programs(_vector, _write_vector)(rng, once_each)


CACHE = Workload(
    "cache",
    no_programs,
    mixed_programs(_entry, _write, delete_share=_DELETE_SHARE),
    read_back(_entry, gap=_GAP),
    Params(keys=6, key_choice="uniform", ops_max=2),
)
VECTORS = Workload(
    "vectors", _make_vectors, _vector_programs, read_back(_vector, gap=_GAP), Params(keys=6, ops_max=2)
)
RESTART = Workload(
    "restart",
    no_programs,
    mixed_programs(_key, _write, delete_share=_DELETE_SHARE),
    read_back(_key, gap=_GAP),
    Params(keys=64, key_choice="uniform", ops_max=3, read_ratio=0.2),
    restarts=True,
)
