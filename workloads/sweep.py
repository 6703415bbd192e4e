"""Finales: reading back everything that a run left behind, without knowing how much it was.

A sweep reads the numbers 0, 1, 2, ... in chunks and stops where a long gap begins. It looks at what its last
program saw, so it wants its programs run one after the other. Program i always reads chunk i: a runner may make
the sweep anew and pass over i programs to try one of them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.history import Op
from harness.program import Params, Program, Programs, Rng, Rollback, read

__all__ = ["no_programs", "read_back", "straight", "sweep"]

_BROKEN_OFF_MAX = 3
_NOT_STARTED_MAX = 10_000


def no_programs(rng: Rng, params: Params) -> Iterator[Program]:
    """The setup or finale of a workload that has none."""
    yield from ()


def straight(ops: Sequence[Op], *, rollback: bool = False) -> Program:
    """One transaction of these operations, whatever they return; rolled back at its end if so wanted."""
    # `yield from ops` would break: a list cannot be sent a result.
    for op in ops:  # noqa: UP028
        yield op
    if rollback:
        raise Rollback


def read_back(key: Callable[[int], Any], *, chunk: int = 8, gap: int = 2) -> Programs:
    """The finale that reads each of key(0), key(1), … once, to a gap of twice the keys in use, and at least `gap`."""

    def finale(rng: Rng, params: Params) -> Iterator[Program]:
        return sweep(lambda number: [read(key(number))], chunk=chunk, gap=lambda _: max(gap, 2 * params.keys))

    return finale


@dataclass
class _Chunk:
    started: bool = False
    finished: bool = False
    holds: list[bool] = field(default_factory=list)  # For each number whether there was something.


def sweep(
    reads: Callable[[int], Sequence[Op]],
    *,
    chunk: int,
    gap: Callable[[int], int],
    holds: Callable[[Op], bool] = lambda op: not _is_nothing(op.value),
) -> Iterator[Program]:
    """Transactions that read the numbers 0, 1, 2, ..., `chunk` numbers each; `reads(i)` are the reads of number i.

    `holds` says whether a completed read found something. Ends after `gap(found)` numbers in a row without anything,
    where `found` numbers held something; after three programs in a row that broke off; and after 10,000 in a row that
    nobody started. So it is finite.
    """
    first = found = missing = broken_off = not_started = 0
    while missing < gap(found) and broken_off < _BROKEN_OFF_MAX and not_started < _NOT_STARTED_MAX:
        seen = _Chunk()
        yield _watched(reads, range(first, first + chunk), holds, seen)
        first += chunk
        not_started = 0 if seen.started else not_started + 1
        broken_off = broken_off + 1 if seen.started and not seen.finished else 0
        for something in seen.holds if seen.finished else ():
            missing = 0 if something else missing + 1
            found += something


def _watched(
    reads: Callable[[int], Sequence[Op]], numbers: range, holds: Callable[[Op], bool], seen: _Chunk
) -> Program:
    seen.started = True
    for number in numbers:
        something = False
        for op in reads(number):
            done = yield op
            something |= holds(done)
        seen.holds.append(something)
    seen.finished = True


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple | dict) and not value)
