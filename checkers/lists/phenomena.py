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

from checkers.compiling import prepare
from checkers.lists import phenomena_kernels
from checkers.lists.observations import Observations
from harness.history import KIND_CODE, Status

__all__ = ["Phenomenon", "find_phenomena"]

Ints = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

_ABSENT = phenomena_kernels.ABSENT
_OPS_SHOWN = 8


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
    manner: str = ""  # Which of several ways in which it comes about.


def find_phenomena(seen: Observations) -> Iterator[Phenomenon]:
    """Everything that a single read, or a few side by side, already prove."""
    prepare(phenomena_kernels, len(seen.history.op_kind))
    walked = _walk(seen)
    yield from _aborted(seen)
    yield from _intermediate(seen, walked["is_last"])
    yield from _unwritten(seen)
    yield from _from_ops("internal", seen, walked["contradicts"])
    yield from _from_ops("future-read", seen, _foresees(seen, walked["yet_to_come"]))
    yield from _repeated(seen)
    yield from _incompatible(seen) or _misplaced(seen)
    yield from _lost_update(seen, walked["updated_read"])
    yield from _lost_append(seen)


def _walk(seen: Observations) -> dict[str, Ints]:
    history = seen.history
    is_append = history.op_kind == KIND_CODE["append"]
    is_read = history.op_kind == KIND_CODE["r"]
    place = np.full(len(is_read), -1, dtype=np.int32)
    place[seen.append_op] = seen.append_place
    found = phenomena_kernels.walk_transactions(
        history.op_offset,
        is_read,
        is_append,
        history.op_key,
        history.op_value,
        seen.op_size,
        history.elements,
        place,
        seen.included,
        len(history.keys),
    )
    return dict(zip(("contradicts", "yet_to_come", "updated_read", "is_last"), found, strict=True))


def _showing(seen: Observations, marked: Bools) -> tuple[Ints, Ints]:
    """The reads whose lists hold a marked place (f,), and how many elements come before the first one in each."""
    places = np.flatnonzero(marked)[::-1]
    if not len(places):
        return places, places
    first = np.full(len(seen.list_key), _ABSENT, dtype=np.int32)
    first[seen.place_list[places]] = places - seen.list_first[seen.place_list[places]]
    before = np.where(seen.read_list >= 0, first[seen.read_list], _ABSENT)
    reads = np.flatnonzero(before < seen.read_size)
    return reads, before[reads]


def _aborted(seen: Observations) -> Iterator[Phenomenon]:
    """G1a: a list with an aborted element; dirty-update: a committed element behind an aborted one."""
    aborted = seen.history.status[seen.append_row] == Status.ABORTED
    if not bool(aborted.any()):
        return
    marked = (seen.place_append >= 0) & aborted[seen.place_append]
    reads, first = _showing(seen, marked)
    if not len(reads):
        return
    yield _about_place("G1a", seen, reads, first)
    start = seen.list_first[seen.read_list[reads]]
    last = seen.place_before[start + seen.read_size[reads] - 1]
    built = last - start > first
    if bool(built.any()):
        yield _about_place("dirty-update", seen, reads[built], first[built])


def _about_place(name: str, seen: Observations, reads: Ints, first: Ints) -> Phenomenon:
    """A witness of a read, the append at its first marked place and, for a dirty update, the next append."""
    read = int(reads[0])
    place = int(seen.list_first[seen.read_list[read]] + first[0])
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
    if not len(seen.append_op):
        return
    full = np.flatnonzero(seen.read_size > 0)
    place = seen.list_first[seen.read_list[full]] + seen.read_size[full] - 1
    if bool(seen.place_repeated.any()):
        # The first place of a list is no repetition: what is kept stays within the list.
        kept = np.maximum.accumulate(np.where(seen.place_repeated, 0, np.arange(len(seen.place_repeated))))
        place = kept[place]
    shown = ((seen.place_writer >= 0) & ~is_last[seen.append_op][seen.place_append])[place]
    shown[shown] = seen.place_writer[place[shown]] != seen.read_row[full[shown]]
    if bool(shown.any()):
        read, one = int(full[shown][0]), int(seen.place_append[place[shown][0]])
        yield Phenomenon(
            "G1b",
            int(shown.sum()),
            (int(seen.append_row[one]), int(seen.read_row[read])),
            (int(seen.append_op[one]), int(seen.read_op[read])),
            seen.history.keys[int(seen.read_key[read])],
            seen.history.values[int(seen.place_element[place[shown][0]])],
        )


def _unwritten(seen: Observations) -> Iterator[Phenomenon]:
    """garbage-read: an element that nobody appended. A cut history may have lost the append: no accusation."""
    if seen.history.cut:
        return
    reads, first = _showing(seen, seen.place_append < 0)
    if len(reads):
        yield _about_read("garbage-read", seen, reads, first)


def _repeated(seen: Observations) -> Iterator[Phenomenon]:
    """duplicate-elements: a list that holds an element twice. Also in a cut history: nobody appends twice."""
    reads, first = _showing(seen, seen.place_repeated)
    if len(reads):
        yield _about_read("duplicate-elements", seen, reads, first)


def _about_read(name: str, seen: Observations, reads: Ints, first: Ints) -> Phenomenon:
    read = int(reads[0])
    place = int(seen.list_first[seen.read_list[read]] + first[0])
    return Phenomenon(
        name,
        len(reads),
        (int(seen.read_row[read]),),
        (int(seen.read_op[read]),),
        seen.history.keys[int(seen.read_key[read])],
        seen.history.values[int(seen.place_element[place])],
    )


def _foresees(seen: Observations, yet_to_come: Ints) -> Bools:
    """(m,) the reads that saw an append which their transaction had yet to make."""
    foresees = np.zeros(len(yet_to_come), dtype=bool)
    soonest = yet_to_come[seen.read_op]
    in_order = seen.read_list == seen.order_list[seen.read_key]
    foresees[seen.read_op] = in_order & (soonest >= 0) & (soonest < seen.read_size)
    for read in np.flatnonzero(~in_order & (soonest >= 0) & (seen.read_size > 0)).tolist():
        op, first = seen.read_op[read], seen.list_first[seen.read_list[read]]
        shown = seen.place_append[first : first + seen.read_size[read]]
        shown = seen.append_op[shown[shown >= 0]]
        foresees[op] = bool(((shown > op) & (seen.op_row[shown] == seen.read_row[read])).any())
    return foresees


def _from_ops(name: str, seen: Observations, marked: Ints) -> Iterator[Phenomenon]:
    """One phenomenon for the marked operations, each a read that its own transaction contradicts.

    Of a transaction with very many operations on the key it shows those around the read.
    """
    ops = np.flatnonzero(marked)
    if len(ops):
        op = int(ops[0])
        key = int(seen.history.op_key[op])
        own = np.flatnonzero((seen.op_row == seen.op_row[op]) & (seen.history.op_key == key))
        at = int(np.searchsorted(own, op))
        shown = own[max(at - _OPS_SHOWN, 0) : at + _OPS_SHOWN + 1].tolist()
        yield Phenomenon(name, len(ops), (int(seen.op_row[op]),), tuple(shown), seen.history.keys[key])


def _misplaced(seen: Observations) -> list[Phenomenon]:
    """incompatible-order: a list that shows an append of a transaction without an earlier one of it before."""
    if not len(seen.append_op) or not len(seen.place_append):
        return []
    of_one = (seen.append_row[1:] == seen.append_row[:-1]) & (seen.append_key[1:] == seen.append_key[:-1])
    follows = np.append(False, of_one)
    marked = follows[seen.place_append] & (seen.place_writer >= 0)
    # Nearly always the earlier one stands directly before, in the same list.
    directly = np.append(False, seen.place_append[1:] == seen.place_append[:-1] + 1)
    directly[seen.list_first[:-1]] = False
    odd = np.flatnonzero(marked & ~directly)
    marked[:] = False
    marked[odd] = ~_shown_before(seen, odd)
    reads, before = _showing(seen, marked)
    shown = seen.place_append[seen.list_first[seen.read_list[reads]] + before]
    # What a transaction sees of its own appends is `internal`.
    others = seen.append_row[shown] != seen.read_row[reads]
    reads, shown = reads[others], shown[others]
    if not len(reads):
        return []
    read, append = int(reads[0]), int(shown[0])
    rows = (int(seen.append_row[append]), int(seen.read_row[read]))
    return [
        Phenomenon(
            "incompatible-order",
            len(reads),
            tuple(dict.fromkeys(rows)),
            (int(seen.append_op[append - 1]), int(seen.append_op[append]), int(seen.read_op[read])),
            seen.history.keys[int(seen.read_key[read])],
            seen.history.values[int(seen.history.op_value[seen.append_op[append]])],
            manner=" of one transaction",
        )
    ]


def _shown_before(seen: Observations, places: Ints) -> Bools:
    """Whether the list of each of these places shows the append with the number before somewhere in front of it."""
    if not len(places):
        return np.zeros(0, dtype=bool)
    list_and_append = seen.place_list.astype(np.int64) * len(seen.append_op) + seen.place_append
    shown = np.flatnonzero((seen.place_append >= 0) & ~seen.place_repeated)
    shown = shown[np.argsort(list_and_append[shown])]
    wanted = list_and_append[places] - 1
    found = shown[np.minimum(np.searchsorted(list_and_append[shown], wanted), len(shown) - 1)]
    earlier: Bools = (list_and_append[found] == wanted) & (found < places)
    return earlier


def _incompatible(seen: Observations) -> list[Phenomenon]:
    """incompatible-order: a read that is no beginning of the longest list read of its key."""
    reads = np.flatnonzero(seen.read_reach < 0)
    if not len(reads):
        return []
    read = int(reads[0])
    key = int(seen.read_key[read])
    in_full = (seen.read_list == seen.order_list[key]) & (seen.read_size == seen.order_size[key])
    longest = int(np.flatnonzero(in_full)[0])
    return [
        Phenomenon(
            "incompatible-order",
            len(reads),
            tuple(dict.fromkeys((int(seen.read_row[read]), int(seen.read_row[longest])))),
            (int(seen.read_op[read]), int(seen.read_op[longest])),
            seen.history.keys[key],
        )
    ]


def _lost_update(seen: Observations, updated_read: Ints) -> Iterator[Phenomenon]:
    """lost-update: two transactions read one version of a key and then both appended to it."""
    appends = np.flatnonzero(updated_read >= 0)
    read_of_op = np.full(len(updated_read), -1, dtype=np.int32)
    read_of_op[seen.read_op] = np.arange(len(seen.read_op))
    reads = read_of_op[updated_read[appends]]
    version = _versions(seen, reads)
    often = np.bincount(version)[version] > 1 if len(version) else np.zeros(0, dtype=bool)
    if not bool(often.any()):
        return
    appends, version = appends[often], version[often]
    order = np.lexsort((appends, version, seen.read_key[reads[often]]))
    one, two = (int(appends[order[i]]) for i in (0, 1))
    yield Phenomenon(
        "lost-update",
        len(np.unique(version)),
        (int(seen.op_row[one]), int(seen.op_row[two])),
        (int(updated_read[one]), one, int(updated_read[two]), two),
        seen.history.keys[int(seen.history.op_key[one])],
    )


def _versions(seen: Observations, reads: Ints) -> Ints:
    """A number for the version that each read saw: its place in the key's order, or in the very list where it
    contradicts the order; the empty version of a key whose order is empty has a number of its own.
    """
    key = seen.read_key[reads]
    held_by = np.where(seen.read_reach[reads] >= 0, seen.order_list[key], seen.read_list[reads])
    lists = len(seen.list_key)
    # A list of s places has s + 1 versions.
    numbered = seen.list_first[held_by] + held_by + seen.read_distinct[reads]
    return np.where(held_by >= 0, numbered, seen.list_first[-1] + lists + key)


def _lost_append(seen: Observations) -> Iterator[Phenomenon]:
    """lost-append: an acknowledged append that is missing in a read which began after the acknowledgement."""
    history = seen.history
    missing, unseen = phenomena_kernels.earliest_missing(
        seen.order_list,
        seen.order_size,
        seen.list_first,
        seen.place_append,
        seen.append_place,
        seen.append_key,
        seen.append_row,
        history.status == Status.OK,
        history.end,
    )
    count, read, append = phenomena_kernels.late_reads(
        seen.read_row,
        seen.read_key,
        seen.read_reach,
        seen.order_list,
        seen.order_size,
        seen.list_first,
        missing,
        unseen,
        seen.append_row,
        history.start,
        history.end,
    )
    if count:
        yield Phenomenon(
            "lost-append",
            count,
            (int(seen.append_row[append]), int(seen.read_row[read])),
            (int(seen.append_op[append]), int(seen.read_op[read])),
            history.keys[int(seen.read_key[read])],
            history.values[int(history.op_value[seen.append_op[append]])],
        )
