"""Finales: reading back everything that a run left behind, without knowing how much it was.

A sweep reads number 0, 1, 2, ... in chunks and stops where a long gap begins. It looks at what its last program
saw, so it wants its programs run one after the other; one that was not run to its end is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.history import Op
from harness.program import Params, Program, Rng

__all__ = ["no_programs", "straight", "sweep"]

_TRIES = 3


def no_programs(rng: Rng, params: Params) -> Iterator[Program]:
    """The setup or finale of a workload that has none."""
    yield from ()


def straight(ops: Sequence[Op]) -> Program:
    """One transaction of these operations, whatever they return."""
    # `yield from ops` would break: a list cannot be sent a result.
    for op in ops:  # noqa: UP028
        yield op


def sweep(reads: Callable[[int], Sequence[Op]], *, chunk: int, gap: Callable[[int], int]) -> Iterator[Program]:
    """Transactions that read the numbers 0, 1, 2, ..., `chunk` numbers each; `reads(i)` are the reads of number i.

    Ends after `gap(found)` numbers in a row without anything, where `found` numbers held something, and after
    three tries of a program that never came to its end: the sweep is finite whatever the database does.
    """
    first = found = missing = 0
    while missing < gap(found):
        for _ in range(_TRIES):
            seen: list[bool] = []
            yield _watched([reads(number) for number in range(first, first + chunk)], seen)
            if len(seen) == chunk:
                break
        else:
            return
        first += chunk
        for something in seen:
            missing = 0 if something else missing + 1
            found += something


def _watched(groups: Sequence[Sequence[Op]], seen: list[bool]) -> Program:
    for group in groups:
        something = False
        for op in group:
            done = yield op
            something |= not _is_nothing(done.value)
        seen.append(something)


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple | dict) and not value)
