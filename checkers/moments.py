"""Operations one by one with the transaction that each belongs to: for checkers that follow few, rich operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from harness.history import KIND_CODE, History, Op, Status

__all__ = ["Moment", "operations"]


class Moment(NamedTuple):
    """The transaction in which something happened."""

    row: int
    status: Status
    start: int
    end: int

    @property
    def ok(self) -> bool:
        """Whether it was acknowledged."""
        return self.status is Status.OK

    @property
    def possible(self) -> bool:
        """Whether it may have taken effect."""
        return self.status is not Status.ABORTED


def operations(history: History, kinds: Iterable[str]) -> Iterator[tuple[Moment, Op]]:
    """The operations of these kinds in the order of rows, and within a row as they were made."""
    places = np.flatnonzero(np.isin(history.op_kind, [KIND_CODE[kind] for kind in kinds]))
    rows = np.searchsorted(history.op_offset, places, "right") - 1
    for place, row in zip(places.tolist(), rows.tolist(), strict=True):
        status = Status(int(history.status[row]))
        yield Moment(row, status, int(history.start[row]), int(history.end[row])), history.op(place)
