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
_OPS = tuple(product("rw", "xy"))
_PROGRAMS: tuple[Program, ...] = tuple(sorted(one for length in (1, 2) for one in product(_OPS, repeat=length)))


def all_histories(write: str, part: int = 0, parts: int = 1) -> Iterator[list[Txn]]:
    """Every history once, its writes of kind `write` (w or append), all transactions OK and at one time.

    Of `parts` that together are all, only one.
    """
    every = chain.from_iterable(combinations_with_replacement(_PROGRAMS, size) for size in (1, 2, 3))
    for programs in islice(every, part, None, parts):
        known: set[Any] = set()
        for answers in _answers(programs, write):
            form = _smallest_form(programs, answers)
            if form not in known and form[0] == programs:
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


def _smallest_form(programs: tuple[Program, ...], answers: Answers) -> tuple[tuple[Program, ...], Any]:
    """The same for all histories that differ only in the names of transactions and keys."""
    orders = permutations(range(len(programs)))
    return min(_form(programs, answers, order, keys) for order in orders for keys in ("xy", "yx"))


def _form(programs: tuple[Program, ...], answers: Answers, order: Any, keys: str) -> tuple[tuple[Program, ...], Any]:
    """The programs in this order with keys renamed, and what they saw, their writes numbered as they come."""
    rename = {"x": keys[0], "y": keys[1]}
    operation = count()
    numbered = [[(kind, key, next(operation)) for kind, key in program] for program in programs]
    reads = [number for program in numbered for kind, _, number in program if kind == "r"]
    seen = dict(zip(reads, answers, strict=True))
    fresh = {number: place for place, number in enumerate(n for i in order for _, _, n in numbered[i])}
    renamed = tuple(tuple((kind, rename[key]) for kind, key, _ in numbered[i]) for i in order)
    return renamed, tuple(
        tuple(fresh[n] for n in seen.get(number, ())) for i in order for _, _, number in numbered[i]
    )


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
