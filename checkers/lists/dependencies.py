"""The edges of a list-append history: who overwrote, who read, who missed whose append.

    order of x: 1 2 3        ww   writer of 1 → writer of 2 → writer of 3
    T read x = [1 2]         wr   writer of 2 → T          rw   T → writer of 3

An append that no read shows comes after everything shown, so the last shown writer and every reader of the
whole order precede it. Source: Adya 1999; Kingsbury & Alvaro 2020.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from checkers.graphs.graph import RW, WR, WW, Edges
from checkers.joins import expand
from checkers.lists import list_kernels
from checkers.lists.observations import Observations

__all__ = ["UNSEEN_IN_ALL", "UNSEEN_PER_READ", "dependencies", "open_orders", "unseen_appends"]

Ints = npt.NDArray[Any]

# The rw edges to unseen appends: so many of each read, and of few reads as many more as make so many in all.
UNSEEN_PER_READ = 64
UNSEEN_IN_ALL = 1_000_000


def dependencies(seen: Observations, *, atomic_append: bool = True) -> tuple[Edges, int]:
    """All ww, wr and rw edges, and how many rw edges to unseen appends were left out as too many for a read.

    Marks: of a ww edge the later append (a number into append_op), of the others the read (into read_op).
    Where an append is a read and a write (`atomic_append` false), one that nobody saw may have been overwritten
    before all that was seen: then it has no ww edge. The rw edges to it stay, because a level that a cycle
    with them refutes forbids lost updates too.
    """
    unseen = unseen_appends(seen)
    overwrites = _overwrites(seen)
    reads, anti, whole = _reads(seen)
    missed, left_out = _missed_unseen(seen, unseen, whole)
    parts = [overwrites, reads, anti, missed]
    if atomic_append:
        parts.append(_unseen_overwrites(seen, unseen))
    edges = Edges(
        source=np.concatenate([part.ends[0] for part in parts]),
        target=np.concatenate([part.ends[1] for part in parts]),
        kind=np.repeat(np.array([part.kind for part in parts], dtype=np.int8), [len(part.mark) for part in parts]),
        mark=np.concatenate([part.mark for part in parts]),
    )
    return edges, left_out


def open_orders(seen: Observations) -> list[tuple[int, Ints]]:
    """(key number, rows): the transactions of two or more whose unseen appends to a key may stand in any order."""
    unseen = unseen_appends(seen)
    pairs = np.unique(seen.append_key[unseen].astype(np.int64) * len(seen.history) + seen.append_row[unseen])
    keys, rows = pairs // max(len(seen.history), 1), pairs % max(len(seen.history), 1)
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else keys
    groups = zip(keys[starts].tolist(), np.split(rows, starts[1:]), strict=True) if len(keys) else ()
    return [(key, group) for key, group in groups if len(group) > 1]


def unseen_appends(seen: Observations) -> Ints:
    """Included appends that the order of their key does not show, of keys whose order is not disputed."""
    hidden = np.flatnonzero(seen.append_place < 0)
    kept = seen.included[seen.append_row[hidden]] & ~seen.disputed[seen.append_key[hidden]]
    return hidden[kept].astype(np.int32)


class _Part(NamedTuple):
    """Edges of one kind: sources and targets (2, e), and their marks (e,)."""

    ends: Ints
    kind: int
    mark: Ints


def _overwrites(seen: Observations) -> _Part:
    most = int(seen.order_size.sum())
    ends, mark = np.empty((2, most), dtype=np.int32), np.empty(most, dtype=np.int32)
    count = list_kernels.edges_along_orders(
        seen.order_list, seen.order_size, seen.list_first, seen.place_writer, seen.place_append, ends, mark
    )
    return _Part(ends[:, :count], WW, mark[:count])


def _reads(seen: Observations) -> tuple[_Part, _Part, Ints]:
    """wr into and rw out of the reads, and the reads of a whole order."""
    most = len(seen.read_op)
    wr, rw = (np.empty((2, most), dtype=np.int32) for _ in range(2))
    wr_read, rw_read = (np.empty(most, dtype=np.int32) for _ in range(2))
    wrs, rws, whole = list_kernels.edges_of_reads(
        seen.read_row,
        seen.read_key,
        seen.read_list,
        seen.read_size,
        seen.read_reach,
        seen.order_list,
        seen.order_size,
        seen.list_first,
        seen.place_before,
        seen.place_after,
        seen.place_writer,
        wr,
        wr_read,
        rw,
        rw_read,
    )
    return _Part(wr[:, :wrs], WR, wr_read[:wrs]), _Part(rw[:, :rws], RW, rw_read[:rws]), np.flatnonzero(whole)


def _missed_unseen(seen: Observations, unseen: Ints, whole: Ints) -> tuple[_Part, int]:
    """rw from every read of a whole order to the unseen appends of its key, the first ended ones if too many."""
    by_end = unseen[np.lexsort((seen.history.end[seen.append_row[unseen]], seen.append_key[unseen]))]
    keys = seen.append_key[by_end]
    low = np.searchsorted(keys, seen.read_key[whole], side="left")
    high = np.searchsorted(keys, seen.read_key[whole], side="right")
    sizes = np.minimum(high - low, max(UNSEEN_PER_READ, UNSEEN_IN_ALL // max(len(whole), 1)))
    read = np.repeat(whole, sizes).astype(np.int32)
    ends = np.stack((seen.read_row[read], seen.append_row[by_end[expand(low, sizes)]]))
    return _between_different(_Part(ends, RW, read)), int((high - low - sizes).sum())


def _unseen_overwrites(seen: Observations, unseen: Ints) -> _Part:
    """ww from the last shown writer of a key to each of its unseen appends."""
    unseen = unseen[seen.order_list[seen.append_key[unseen]] >= 0]
    key = seen.append_key[unseen]
    last = seen.place_before[seen.list_first[seen.order_list[key]] + seen.order_size[key] - 1]
    unseen, last = unseen[last >= 0], last[last >= 0]
    ends = np.stack((seen.place_writer[last], seen.append_row[unseen]))
    return _between_different(_Part(ends, WW, unseen))


def _between_different(part: _Part) -> _Part:
    kept = part.ends[0] != part.ends[1]
    return _Part(part.ends[:, kept], part.kind, part.mark[kept])
