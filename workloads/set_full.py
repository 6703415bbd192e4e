"""set: each transaction adds one element, and whatever was acknowledged must still be there at the end.

    T1 ── w element7 7 ── acknowledged
    T2 ───────────────────────────────── r element7 –       the element is lost

Uses ops_max (how many of the newest elements a reader looks at), read_ratio and rollback_ratio: what was rolled back
must never be seen. An element is a key of its own, because every database can store a key; the finale reads them all.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.program import Params, Program, Rng, Workload, read, write
from workloads.sweep import no_programs, straight, sweep

__all__ = ["SET"]

_CHUNK = 64
_GAP = 256


def _key(element: int) -> str:
    return f"element{element}"


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    element = 1
    while True:
        if rng.random() < params.read_ratio:
            newest = range(max(1, element - params.ops_max), max(2, element))
            yield straight([read(_key(one)) for one in newest])
        else:
            yield straight([write(_key(element), element)], rollback=rng.random() < params.rollback_ratio)
            element += 1


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    # A fault may refuse thousands of additions in a row, so the gap that ends the sweep grows with the set.
    return sweep(lambda number: [read(_key(number + 1))], chunk=_CHUNK, gap=lambda found: _GAP + found)


SET = Workload("set", no_programs, _programs, _finale, Params(ops_max=8, read_ratio=0.25))
