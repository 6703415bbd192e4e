"""All histories of at most three transactions of at most two operations on two keys, each once up to renaming.

Reads see any value that anyone writes to the key or nothing; a list is any sequence of distinct elements appended
to the key. Renamed are keys, values, and the transactions themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations_with_replacement, count, islice, permutations, product
from typing import Any

from harness.history import Op, Status, Txn

__all__ = ["TIMES", "all_histories"]

# (client, start, end) of each of three transactions: at a time, one after another, in one session, two and then one.
TIMES: tuple[tuple[tuple[int, int, int], ...], ...] = (
    ((0, 0, 9), (1, 0, 9), (2, 0, 9)),
    ((0, 0, 1), (1, 2, 3), (2, 4, 5)),
    ((0, 0, 1), (0, 1, 2), (0, 2, 3)),
    ((0, 0, 1), (1, 0, 1), (0, 2, 3)),
)

Program = tuple[tuple[str, str], ...]  # (r or w, key) of each operation.
Names = tuple[tuple[int, ...], str]  # The transactions in an order, and what x and y are called.
_OPS = tuple(product("rw", "xy"))
_PROGRAMS: tuple[Program, ...] = tuple(sorted(one for length in (1, 2) for one in product(_OPS, repeat=length)))


def all_histories(write: str, part: int = 0, parts: int = 1) -> Iterator[list[Txn]]:
    """Every history once, its writes of kind `write` (w or append), all transactions OK and at one time.

    Of `parts` that together are all, only one.
    """
    every = chain.from_iterable(combinations_with_replacement(_PROGRAMS, size) for size in (1, 2, 3))
    for programs in islice(every, part, None, parts):
        renamings = [(_renamed(programs, *names), names) for names in _names(programs)]
        if min(renamed for renamed, _ in renamings) < programs:
            continue
        same = [names for renamed, names in renamings if renamed == programs]
        known: set[Any] = set()
        for answers in _answers(programs, write):
            form = answers if len(same) == 1 else min(_seen(programs, answers, order) for order, _ in same)
            if form not in known:
                known.add(form)
                yield _history(programs, answers, write)


Answers = tuple[tuple[int, ...], ...]  # For each read in order: the numbers of the writes that it saw.


def _answers(programs: tuple[Program, ...], write: str) -> Iterator[Answers]:
    ops = [op for program in programs for op in program]
    writes: dict[str, list[int]] = {"x": [], "y": []}
    for number, (kind, key) in enumerate(ops):
        if kind == "w":
            writes[key].append(number)
    choices = []
    for kind, key in ops:
        if kind == "r":
            lengths = range(len(writes[key]) + 1) if write == "append" else range(min(len(writes[key]), 1) + 1)
            choices.append([seen for length in lengths for seen in permutations(writes[key], length)])
    return product(*choices)


def _names(programs: tuple[Program, ...]) -> Iterator[Names]:
    """Every order of the transactions with every naming of the keys, as they are first."""
    return product(permutations(range(len(programs))), ("xy", "yx"))


def _renamed(programs: tuple[Program, ...], order: tuple[int, ...], keys: str) -> tuple[Program, ...]:
    """The programs in this order, with x and y called as `keys` says."""
    rename = dict(zip("xy", keys, strict=True))
    return tuple(tuple((kind, rename[key]) for kind, key in programs[i]) for i in order)


def _seen(programs: tuple[Program, ...], answers: Answers, order: tuple[int, ...]) -> Answers:
    """What the reads of the programs in this order saw, the writes numbered as they come."""
    operation, read = count(), iter(answers)
    numbered = [[(next(operation), next(read) if kind == "r" else None) for kind, _ in one] for one in programs]
    fresh = {number: place for place, number in enumerate(number for i in order for number, _ in numbered[i])}
    every = (seen for i in order for _, seen in numbered[i] if seen is not None)
    return tuple(tuple(fresh[number] for number in seen) for seen in every)


def _history(programs: tuple[Program, ...], answers: Answers, write: str) -> list[Txn]:
    number, read = count(), iter(answers)
    txns = []
    for row, program in enumerate(programs):
        ops = []
        for kind, key in program:
            value: Any = next(number)
            if kind == "r":
                value = list(next(read))
                value = value if write == "append" else value[0] if value else None
            ops.append(Op(write if kind == "w" else "r", key, value))
        txns.append(Txn(row, row, tuple(ops), Status.OK, 0, 9))
    return txns
