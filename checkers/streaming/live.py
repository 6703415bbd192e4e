"""The window as a history of its own: the retired past as one transaction before all others, then what is still live.

    retired  append x 1 … append x 9        the past   append x <past>
    live     read x = [1 … 9 10]            live       read x = [<past> 10]

Edges between live transactions are the same as in the whole history, and all edges out of the past are there too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy.typing as npt

from checkers.streaming.past import Past
from checkers.streaming.rows import Row
from harness.build import HistoryBuilder
from harness.history import History, Op, RunInfo, Status

__all__ = ["PAST_ROW", "Live", "live_history"]

PAST_ROW: Final = 0
# An element that no client appends.
_PAST: Final = ("#past",)


@dataclass(frozen=True, kw_only=True)
class Live:
    """The window. `rows[i]` is row i + 1 of `history`; row 0 is the past, which appended what stands for it."""

    history: History
    rows: tuple[Row, ...]

    def ids(self, numbers: Sequence[int] | npt.NDArray[Any]) -> tuple[int, ...]:
        """The stream's own ids of these rows of the history."""
        return tuple(self.rows[int(number) - 1].txn.id for number in numbers)


def live_history(rows: Sequence[Row], past: Past, info: RunInfo) -> Live:
    """The history of these rows, given in the order of the stream, behind the past."""
    in_order = sorted(rows, key=lambda row: row.txn.start)
    read_keys = {read.key: row.txn.ops[read.place].key for row in in_order for read in row.reads}
    begun = [Op("append", key, _PAST) for encoded, key in read_keys.items() if past.count(encoded)]
    before = min((row.txn.start for row in in_order), default=0) - 1
    nobody = min((row.txn.client for row in in_order), default=0) - 1
    builder = HistoryBuilder()
    builder.add(nobody, before, before, Status.OK, begun)
    for row in in_order:
        txn = row.txn
        builder.add(txn.client, txn.start, txn.end, txn.status, _shortened(row, past), txn.error)
    return Live(history=builder.build(info), rows=tuple(in_order))


def _shortened(row: Row, past: Past) -> Sequence[Op]:
    """The operations, each list with one element in the place of the past."""
    ops = list(row.txn.ops)
    for read in row.reads:
        count = past.count(read.key)
        if count:
            key, elements = ops[read.place].key, ops[read.place].value
            ops[read.place] = Op("r", key, [_PAST, *elements[count:]])
    return ops
