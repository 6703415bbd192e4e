"""The anomalies of a list-append history that are not cycles: reads that contradict what is known.

Each is found as columns, counted by the reads (or transactions) that show it, and the first one becomes the
witness. Sources: Adya 1999 (G1a, G1b); Berenson 1995 (lost update); Kingsbury & Alvaro 2020 (the others).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from checkers import kernels
from checkers.observations import Observations
from harness.history import KIND_CODE, UNSEEN_LENGTH, Status

__all__ = ["Phenomenon", "find_phenomena"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_ABSENT = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Phenomenon:
    """What was found: `rows` are the witness's transactions, `ops` the operations that show it.

    `key` and `element` (None where it is about whole lists) are what it is about; `count` how many show it.
    """

    name: str
    count: int
    rows: tuple[int, ...]
    ops: tuple[int, ...]
    key: Any
    element: Any = None


def find_phenomena(seen: Observations) -> Iterator[Phenomenon]:
    """Everything that a single read, or a few side by side, already prove."""
    walked = _walk(seen)
    yield from _aborted(seen)
    yield from _intermediate(seen, walked["is_last"])
    yield from _unwritten(seen)
    yield from _from_ops("internal", seen, walked["contradicts"])
    yield from _from_ops("future-read", seen, walked["foresees"])
    yield from _repeated(seen)
    yield from _incompatible(seen)
    yield from _lost_update(seen, walked["updated_read"])
    yield from _lost_append(seen)


def _walk(seen: Observations) -> dict[str, Ints]:
    history = seen.history
    is_append = history.op_kind == KIND_CODE["append"]
    is_read = history.op_kind == KIND_CODE["r"]
    place = np.full(len(is_read), -1, dtype=np.int64)
    place[seen.append_op] = seen.append_place
    in_order = np.zeros(len(is_read), dtype=bool)
    in_order[seen.read_op] = seen.read_list == seen.order_list[seen.read_key]
    found = kernels.walk_transactions(
        history.op_offset,
        is_read,
        is_append,
        history.op_key,
        history.op_value,
        np.where(is_read, seen.op_size, UNSEEN_LENGTH),
        history.elements,
        place,
        in_order,
        seen.included,
        len(history.keys),
    )
    return dict(zip(("contradicts", "foresees", "updated_read", "is_last"), found, strict=True))


def _first_place(seen: Observations, marked: Bools) -> Ints:
    """(r,) for each read how many elements come before the first marked place of its list."""
    first = np.full(len(seen.list_size), _ABSENT, dtype=np.int64)
    places = np.flatnonzero(marked)[::-1]
    first[seen.place_list[places]] = places - seen.list_first[seen.place_list[places]]
    of_read = np.full(len(seen.read_op), _ABSENT, dtype=np.int64)
    full = seen.read_list >= 0
    of_read[full] = first[seen.read_list[full]]
    return of_read


def _aborted(seen: Observations) -> Iterator[Phenomenon]:
    """G1a: a list with an aborted element; dirty-update: a committed element behind an aborted one."""
    if not len(seen.append_op):
        return
    status = seen.history.status[seen.append_row[seen.place_append]]
    marked = (seen.place_append >= 0) & (status == Status.ABORTED)
    first = _first_place(seen, marked)
    reads = np.flatnonzero(first < seen.read_size)
    if not len(reads):
        return
    yield _about_place("G1a", seen, reads, first)
    last = seen.place_before[seen.list_first[seen.read_list[reads]] + seen.read_size[reads] - 1]
    built = reads[last - seen.list_first[seen.read_list[reads]] > first[reads]]
    if len(built):
        yield _about_place("dirty-update", seen, built, first)


def _about_place(name: str, seen: Observations, reads: Ints, first: Ints) -> Phenomenon:
    """A witness of a read, the append at its first marked place and, for a dirty update, the next append."""
    read = int(reads[0])
    place = int(seen.list_first[seen.read_list[read]] + first[read])
    append = int(seen.place_append[place])
    rows, ops = [int(seen.append_row[append])], [int(seen.append_op[append])]
    if name == "dirty-update":
        after = int(seen.place_append[seen.place_after[place]])
        rows.append(int(seen.append_row[after]))
        ops.append(int(seen.append_op[after]))
    return Phenomenon(
        name,
        len(reads),
        tuple(dict.fromkeys((*rows, int(seen.read_row[read])))),
        (*ops, int(seen.read_op[read])),
        seen.history.keys[int(seen.read_key[read])],
        seen.history.values[int(seen.place_element[place])],
    )


def _intermediate(seen: Observations, is_last: Ints) -> Iterator[Phenomenon]:
    """G1b: a list that ends with an append which its writer followed with another."""
    full = np.flatnonzero(seen.read_size > 0)
    kept = np.maximum.accumulate(np.where(seen.place_repeated, 0, np.arange(len(seen.place_repeated))))
    place = kept[seen.list_first[seen.read_list[full]] + seen.read_size[full] - 1] if len(full) else full
    writer = seen.place_writer[place]
    other = (writer >= 0) & (writer != seen.read_row[full])
    place, full = place[other], full[other]
    append = seen.place_append[place]
    early = is_last[seen.append_op[append]] == 0
    if bool(early.any()):
        read, one = int(full[early][0]), int(append[early][0])
        yield Phenomenon(
            "G1b",
            int(early.sum()),
            (int(seen.append_row[one]), int(seen.read_row[read])),
            (int(seen.append_op[one]), int(seen.read_op[read])),
            seen.history.keys[int(seen.read_key[read])],
            seen.history.values[int(seen.place_element[place[early][0]])],
        )


def _unwritten(seen: Observations) -> Iterator[Phenomenon]:
    """garbage-read: an element that nobody appended. A cut history may have lost the append: no accusation."""
    if seen.history.cut:
        return
    first = _first_place(seen, seen.place_append < 0)
    reads = np.flatnonzero(first < seen.read_size)
    if len(reads):
        yield _about_read("garbage-read", seen, reads, first)


def _repeated(seen: Observations) -> Iterator[Phenomenon]:
    """duplicate-elements: a list that holds an element twice. Also in a cut history: nobody appends twice."""
    first = _first_place(seen, seen.place_repeated)
    reads = np.flatnonzero(first < seen.read_size)
    if len(reads):
        yield _about_read("duplicate-elements", seen, reads, first)


def _about_read(name: str, seen: Observations, reads: Ints, first: Ints) -> Phenomenon:
    read = int(reads[0])
    place = int(seen.list_first[seen.read_list[read]] + first[read])
    return Phenomenon(
        name,
        len(reads),
        (int(seen.read_row[read]),),
        (int(seen.read_op[read]),),
        seen.history.keys[int(seen.read_key[read])],
        seen.history.values[int(seen.place_element[place])],
    )


def _from_ops(name: str, seen: Observations, marked: Ints) -> Iterator[Phenomenon]:
    """One phenomenon for the marked operations, each a read that its own transaction contradicts."""
    ops = np.flatnonzero(marked)
    if len(ops):
        op = int(ops[0])
        key = int(seen.history.op_key[op])
        own = np.flatnonzero((seen.op_row == seen.op_row[op]) & (seen.history.op_key == key))
        yield Phenomenon(
            name, len(ops), (int(seen.op_row[op]),), tuple(int(one) for one in own), seen.history.keys[key]
        )


def _incompatible(seen: Observations) -> Iterator[Phenomenon]:
    """incompatible-order: a read that is no beginning of the longest list read of its key."""
    reads = np.flatnonzero(seen.read_reach < 0)
    if len(reads):
        read = int(reads[0])
        key = int(seen.read_key[read])
        longest = np.flatnonzero((seen.read_list == seen.order_list[key]) & (seen.read_size == seen.order_size[key]))[
            0
        ]
        yield Phenomenon(
            "incompatible-order",
            len(reads),
            tuple(dict.fromkeys((int(seen.read_row[read]), int(seen.read_row[longest])))),
            (int(seen.read_op[read]), int(seen.read_op[longest])),
            seen.history.keys[key],
        )


def _lost_update(seen: Observations, updated_read: Ints) -> Iterator[Phenomenon]:
    """lost-update: two transactions read one version of a key and then both appended to it."""
    appends = np.flatnonzero(updated_read >= 0)
    if len(appends) < 2:
        return
    read_of_op = np.full(len(updated_read), -1, dtype=np.int64)
    read_of_op[seen.read_op] = np.arange(len(seen.read_op))
    reads = read_of_op[updated_read[appends]]
    # A version is how far the read reaches in its key's order, or the very list where it contradicts the order.
    compatible = seen.read_reach[reads] >= 0
    version = np.stack(
        (
            seen.read_key[reads],
            np.where(compatible, -1, seen.read_list[reads]),
            seen.read_distinct[reads],
        )
    )
    order = np.lexsort((appends, *version[::-1]))
    same = (version[:, order[1:]] == version[:, order[:-1]]).all(axis=0)
    if not bool(same.any()):
        return
    count = int((same & ~np.concatenate(([False], same[:-1]))).sum())
    pairs = np.flatnonzero(same)
    one, two = (int(appends[order[i]]) for i in (pairs[0], pairs[0] + 1))
    yield Phenomenon(
        "lost-update",
        count,
        (int(seen.op_row[one]), int(seen.op_row[two])),
        (int(updated_read[one]), one, int(updated_read[two]), two),
        seen.history.keys[int(seen.history.op_key[one])],
    )


def _lost_append(seen: Observations) -> Iterator[Phenomenon]:
    """lost-append: an acknowledged append that is missing in a read which began after the acknowledgement."""
    history = seen.history
    acknowledged = np.flatnonzero(history.status[seen.append_row] == Status.OK)
    if not len(acknowledged) or not len(seen.read_op):
        return
    key, end = seen.append_key[acknowledged], history.end[seen.append_row[acknowledged]]
    place = np.where(seen.append_place[acknowledged] >= 0, seen.append_place[acknowledged], _ABSENT)
    order = np.lexsort((place, key))[::-1]
    key, place, end, acknowledged = key[order], place[order], end[order], acknowledged[order]
    # From the back: the earliest acknowledgement among the appends of a key at this place or later.
    earliest, holder = _running_minimum(key, end)
    compatible = np.flatnonzero(seen.read_reach >= 0)
    at = _last_at_or_after(key, place, seen.read_key[compatible], seen.read_reach[compatible])
    missing = compatible[at >= 0]
    at = at[at >= 0]
    late = earliest[at] < history.start[seen.read_row[missing]]
    if not bool(late.any()):
        return
    read, append = int(missing[late][0]), int(acknowledged[holder[at[late][0]]])
    yield Phenomenon(
        "lost-append",
        int(late.sum()),
        (int(seen.append_row[append]), int(seen.read_row[read])),
        (int(seen.append_op[append]), int(seen.read_op[read])),
        history.keys[int(seen.read_key[read])],
        history.values[int(history.op_value[seen.append_op[append]])],
    )


def _running_minimum(key: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Within each run of equal keys the minimum of `end` so far, and the index that holds it."""
    # Ranks in the order of `end`, later runs ranked lower: one running minimum then serves all runs.
    run = np.concatenate(([0], np.cumsum(key[1:] != key[:-1])))
    by_end = np.lexsort((end, -run))
    rank = np.empty(len(end), dtype=np.int64)
    rank[by_end] = np.arange(len(end))
    holder = by_end[np.minimum.accumulate(rank)]
    return end[holder], holder


def _last_at_or_after(key: Ints, place: Ints, of_key: Ints, reach: Ints) -> Ints:
    """In columns descending by (key, place): the last index of this key whose place is >= reach, or -1."""
    width = max(int(reach.max(initial=0)), int(place[place < _ABSENT].max(initial=0))) + 2
    code = key * width + np.minimum(place, width - 1)
    wanted = of_key * width + reach
    at = len(code) - np.searchsorted(code[::-1], wanted, side="left") - 1
    safe = np.maximum(at, 0)
    return np.where((at >= 0) & (key[safe] == of_key), at, -1)
