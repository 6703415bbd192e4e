"""Which versions of a register surely come before which, by the few rules that need no search.

    order      T1 precedes T2 in its session or in time (as far as kept), was read by it, or wrote a sure older
               version; or by any number of such steps
    adjacent   T2 read what T1 left and then wrote the key: nothing lies between, so what comes after T1 comes after
               T2, and what comes before T2 comes before T1
    seen       T3 read what T1 left at a key, and what T2 did precedes T3: so T2's version is older than T1's

Where the first fails, there is a cycle of dependencies anyway; where another one does, a cycle with one rw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.history import Status, Txn

from .small import Small, bits, small

__all__ = ["NOBODY", "sure_orders"]

NOBODY = -1
Known = set[tuple[Any, int, int]]


def sure_orders(txns: Sequence[Txn], kept: str, *, with_rw: bool) -> Known:
    """(key, row of the older version's writer, row of the newer one's). What a key holds at first is NOBODY's.

    `with_rw` applies all rules, else the first only.
    """
    history = small(txns)
    writers = _writers(history)
    sights = _sights(history, writers)
    reach = [0] * len(history.txns)
    for i, mask in enumerate(history.earlier[kept]):
        for j in bits(mask):
            reach[j] |= 1 << i
    for _, writer, reader in sights:
        if writer != NOBODY:
            reach[writer] |= 1 << reader
    known: set[tuple[Any, int, int]] = {(key, NOBODY, i) for key, every in writers.items() for i in every}
    updates = [(key, old, new) for key, old, new in sights if new in writers.get(key, ())]
    while True:
        _close(reach)
        found = {(key, i, j) for key, every in writers.items() for i in every for j in every if reach[i] >> j & 1}
        for key, old, reader in sights if with_rw else []:
            found |= {
                (key, i, old)
                for i in writers.get(key, ())
                if reach[i] >> reader & 1 and i not in {old, reader} and old != NOBODY
            }
        for key, old, new in updates if with_rw else []:
            found |= {(key, new, j) for k, i, j in known if (k, i) == (key, old) and j != new}
            found |= {(key, i, old) for k, i, j in known if (k, j) == (key, new) and i not in {old, NOBODY}}
        if found <= known:
            row = [txn.row for txn in history.txns]
            return {(key, i if i == NOBODY else row[i], j if j == NOBODY else row[j]) for key, i, j in known}
        known |= found
        for _, i, j in found:
            if NOBODY not in {i, j}:
                reach[i] |= 1 << j


def _writers(history: Small) -> dict[Any, list[int]]:
    """The transactions that left a version of each key, those of unknown outcome only where it was read."""
    read = {(read.key, read.value) for txn in history.txns for read in txn.reads}
    writers: dict[Any, list[int]] = {}
    for i, txn in enumerate(history.txns):
        if txn.status == Status.OK or any((key, value) in read for key, value in txn.leaves.items()):
            for key in txn.leaves:
                writers.setdefault(key, []).append(i)
    return writers


def _sights(history: Small, writers: dict[Any, list[int]]) -> list[tuple[Any, int, int]]:
    """(key, writer, reader) of each read of which it is certain who was read from."""
    found = []
    wrote = [{(key, value) for _, key, value in txn.wrote} for txn in history.txns]
    for i, txn in enumerate(history.txns):
        for key, value in {(read.key, read.value) for read in txn.reads if not txn.left_before(read)}:
            left = [w for w in writers.get(key, ()) if w != i and (key, value) in wrote[w]]
            candidates = [*([NOBODY] if value is None else []), *left]
            if len(candidates) == 1:
                found.append((key, candidates[0], i))
    return found


def _close(reach: list[int]) -> None:
    for middle, _ in enumerate(reach):
        for i, row in enumerate(reach):
            if row >> middle & 1:
                reach[i] = row | reach[middle]
