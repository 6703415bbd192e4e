"""write-skew: of each pair of keys only one may be taken, and two transactions each take their own.

    T1 ── r a – ── r b – ── w a 1 ── commit       neither saw the other's write:
    T2 ──── r a – ── r b – ── w b 2 ── commit     T1 ─rw→ T2 ─rw→ T1

Uses keys: the pairs in play at a time. Each side of a pair belongs to one program, so every key is written at
most once and the order of its versions is beyond doubt.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.program import Params, Program, Rng, Workload, read, write
from workloads.keys import rotating_groups
from workloads.sweep import no_programs, sweep

__all__ = ["WRITE_SKEW"]

_CHUNK = 16
_GAP = 64


def _pair(number: int) -> tuple[str, str]:
    return f"pair{number}a", f"pair{number}b"


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    for value, (pair, side) in enumerate(rotating_groups(rng, params.keys, 2), start=1):
        yield _take(_pair(pair), side, value)


def _take(pair: tuple[str, str], side: int, value: int) -> Program:
    first = yield read(pair[0])
    second = yield read(pair[1])
    if first.value is None and second.value is None:
        yield write(pair[side], value)


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    return sweep(lambda pair: [read(key) for key in _pair(pair)], chunk=_CHUNK, gap=lambda _: _GAP)


WRITE_SKEW = Workload("write-skew", no_programs, _programs, _finale, Params(keys=1))
