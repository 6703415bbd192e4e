"""The edges of a list-append history: who overwrote, who read, who missed whose append.

    order of x: 1 2 3        ww   writer of 1 → writer of 2 → writer of 3
    T read x = [1 2]         wr   writer of 2 → T          rw   T → writer of 3

An append that no read shows comes after everything shown, so the last shown writer and every reader of the
whole order precede it. Source: Adya 1999; Kingsbury & Alvaro 2020.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from checkers.graph import RW, WR, WW, Edges
from checkers.observations import Observations, expand

__all__ = ["UNSEEN_PER_READ", "dependencies", "open_orders", "unseen_appends"]

Ints = npt.NDArray[np.int64]

UNSEEN_PER_READ = 64


def dependencies(seen: Observations, *, atomic_append: bool = True) -> tuple[Edges, int]:
    """All ww, wr and rw edges, and how many rw edges to unseen appends were left out as too many for a read.

    Marks: of a ww edge the later append (a number into append_op), of the others the read (into read_op).
    Where an append is a read and a write (`atomic_append` false), one that nobody saw may have been overwritten
    before all that was seen: then it has no ww edge. The rw edges to it stay, because a level that a cycle
    with them refutes forbids lost updates too.
    """
    unseen = unseen_appends(seen)
    missed, left_out = _missed_unseen(seen, unseen)
    parts = [_overwrites(seen), *_reads(seen), missed]
    if atomic_append:
        parts.append(_unseen_overwrites(seen, unseen))
    return Edges(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]}), left_out


def open_orders(seen: Observations) -> list[tuple[int, Ints]]:
    """(key number, rows): the transactions of two or more whose unseen appends to a key may stand in any order."""
    unseen = unseen_appends(seen)
    pairs = np.unique(seen.append_key[unseen] * len(seen.history) + seen.append_row[unseen])
    keys, rows = pairs // max(len(seen.history), 1), pairs % max(len(seen.history), 1)
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else keys
    groups = zip(keys[starts].tolist(), np.split(rows, starts[1:]), strict=True) if len(keys) else ()
    return [(key, group) for key, group in groups if len(group) > 1]


def unseen_appends(seen: Observations) -> Ints:
    """Included appends that the order of their key does not show, of keys whose order is not disputed."""
    hidden = (seen.append_place < 0) & seen.included[seen.append_row] & ~seen.disputed[seen.append_key]
    return np.flatnonzero(hidden)


def _edges(source: Ints, target: Ints, kind: int, mark: Ints) -> dict[str, Any]:
    kept = source != target
    return {
        "source": source[kept],
        "target": target[kept],
        "kind": np.full(int(kept.sum()), kind, dtype=np.int64),
        "mark": mark[kept],
    }


def _overwrites(seen: Observations) -> dict[str, Any]:
    """From the writer of each place of an order to the writer of the next place that has one."""
    known = np.flatnonzero(seen.order_list >= 0)
    places = expand(seen.list_first[seen.order_list[known]], seen.order_size[known])
    key = np.repeat(known, seen.order_size[known])
    written = seen.place_writer[places] >= 0
    places, key = places[written], key[written]
    same = key[1:] == key[:-1]
    before, after = places[:-1][same], places[1:][same]
    return _edges(seen.place_writer[before], seen.place_writer[after], WW, seen.place_append[after])


def _reads(seen: Observations) -> tuple[dict[str, Any], dict[str, Any]]:
    """wr into and rw out of every read that did not end with the reader's own append."""
    writer = _last_writer(seen)
    reading = np.flatnonzero((writer != seen.read_row) & (writer >= 0))
    wr = _edges(writer[reading], seen.read_row[reading], WR, reading)
    place, end = _next_place(seen)
    missing = np.flatnonzero((writer != seen.read_row) & (seen.read_reach >= 0) & (place < end))
    after = seen.place_after[place[missing]]
    follows = after < end[missing]
    missing, after = missing[follows], after[follows]
    return wr, _edges(seen.read_row[missing], seen.place_writer[after], RW, missing)


def _last_writer(seen: Observations) -> Ints:
    """(r,) the included writer of the last element of each read that has one, -1 for none."""
    writer = np.full(len(seen.read_op), -1, dtype=np.int64)
    full = np.flatnonzero(seen.read_size > 0)
    last = seen.place_before[seen.list_first[seen.read_list[full]] + seen.read_size[full] - 1]
    writer[full] = np.where(last >= 0, seen.place_writer[last], -1)
    return writer


def _next_place(seen: Observations) -> tuple[Ints, Ints]:
    """(r,) the place of its key's order that a read reaches up to, and where that order ends."""
    order = seen.order_list[seen.read_key]
    first = np.where(order >= 0, seen.list_first[order] if len(seen.list_first) else 0, 0)
    return first + np.maximum(seen.read_reach, 0), first + seen.order_size[seen.read_key]


def _missed_unseen(seen: Observations, unseen: Ints) -> tuple[dict[str, Any], int]:
    """rw from every read of a whole order to the unseen appends of its key, the first ended ones if too many."""
    place, end = _next_place(seen)
    after = (
        seen.place_after[np.minimum(place, max(len(seen.place_writer) - 1, 0))] if len(seen.place_writer) else place
    )
    whole = (seen.read_reach >= 0) & (_last_writer(seen) != seen.read_row)
    whole &= (place >= end) | (after >= end)
    reads = np.flatnonzero(whole)
    by_end = unseen[np.lexsort((seen.history.end[seen.append_row[unseen]], seen.append_key[unseen]))]
    low = np.searchsorted(seen.append_key[by_end], seen.read_key[reads], side="left")
    high = np.searchsorted(seen.append_key[by_end], seen.read_key[reads], side="right")
    sizes = np.minimum(high - low, UNSEEN_PER_READ)
    source = np.repeat(reads, sizes)
    target = by_end[expand(low, sizes)]
    edges = _edges(seen.read_row[source], seen.append_row[target], RW, source)
    return edges, int((high - low - sizes).sum())


def _unseen_overwrites(seen: Observations, unseen: Ints) -> dict[str, Any]:
    """ww from the last shown writer of a key to each of its unseen appends."""
    key = seen.append_key[unseen]
    order = seen.order_list[key]
    shown, unseen = order >= 0, unseen[order >= 0]
    order, key = order[shown], key[shown]
    last = seen.place_before[seen.list_first[order] + seen.order_size[key] - 1] if len(unseen) else unseen
    written = last >= 0
    return _edges(seen.place_writer[last[written]], seen.append_row[unseen[written]], WW, unseen[written])
