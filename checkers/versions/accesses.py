"""Operations as accesses of single keys: a scan is one for each key that it returned or might have returned.

w x 1 · scan w..z {x 1}        write x 1 · read x 1 · read y nothing (where somebody writes y)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkers.findings import shown
from checkers.joins import Bools, Ints, expand, is_in
from checkers.versions import kernels
from checkers.versions.key_ranges import KeyRanges
from harness.history import KIND_CODE, SCALAR, UNSEEN_LENGTH, History, Status

__all__ = ["NOTHING", "UNSEEN_VALUE", "Accesses", "absences", "accesses"]

NOTHING = -1  # The value of a key that is not there.
UNSEEN_VALUE = -2  # The value of a write whose record lacks it.
ABSENCES_MAX = 40_000_000

_R, _W, _SCAN, _DELETE, _SQL = (KIND_CODE[kind] for kind in ("r", "w", "scan", "delete", "sql"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Accesses:
    """a accesses in the order of their transactions and operations.

    `value` is a number into the history's values, NOTHING or UNSEEN_VALUE. `absent`: a scan did not return the key.
    `astray`: a scan returned the key without having asked for it. `before`, `own` and `last` are what
    `kernels.walk` says. `doubts` are sentences on what cannot be judged.
    """

    op: Ints
    row: Ints
    key: Ints
    value: Ints
    write: Bools
    absent: Bools
    astray: Bools
    before: Ints
    own: Bools
    last: Bools
    doubts: tuple[str, ...]
    left_out: int  # How many absences were too many to be looked at.


def accesses(history: History) -> Accesses:
    """All accesses with a known result, by transactions of every status. n log n."""
    op_row = np.repeat(np.arange(len(history), dtype=np.int64), np.diff(history.op_offset))
    none = next((number for number, value in enumerate(history.values) if value is None), -2)
    parts = [_points(history, none), _returned(history, none)]
    absences, doubts, left_out = _absences(history, parts[1])
    parts.append(absences)
    op, key, value, flag = (np.concatenate([part[i] for part in parts]) for i in range(4))
    if len(parts[1][0]) or len(parts[2][0]):
        order = np.argsort(op, kind="stable")
        op, key, value, flag = op[order], key[order], value[order], flag[order]
    row = op_row[op]
    write = flag == _IS_WRITE
    first = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=len(history)))))
    before, own, last = kernels.walk(first, key, write, max(len(history.keys), 1))
    return Accesses(
        op=op,
        row=row,
        key=key,
        value=value,
        write=write,
        absent=flag == _IS_ABSENT,
        astray=flag == _IS_ASTRAY,
        before=before,
        own=own,
        last=last,
        doubts=(*_strange(history), *doubts),
        left_out=left_out,
    )


def absences(history: History) -> tuple[Ints, Ints]:
    """(operation, key number) of what each scan did not return, of the keys of its range that anybody wrote."""
    (op, key, *_), _, _ = _absences(history, _returned(history, NOTHING))
    return op, key


_IS_READ, _IS_WRITE, _IS_ABSENT, _IS_ASTRAY = range(4)
_Part = tuple[Ints, Ints, Ints, Ints]  # op, key, value, flag


def _points(history: History, none: int) -> _Part:
    kind, length = history.op_kind, history.op_length
    read = (kind == _R) & (length == SCALAR)
    write = ((kind == _W) & (length < 0)) | (kind == _DELETE)
    op = np.flatnonzero(read | write)
    value = history.op_value[op].astype(np.int64)
    value[(value == none) | (kind[op] == _DELETE)] = NOTHING
    value[(kind[op] == _W) & (length[op] == UNSEEN_LENGTH)] = UNSEEN_VALUE
    return op, history.op_key[op].astype(np.int64), value, np.where(write[op], _IS_WRITE, _IS_READ)


def _returned(history: History, none: int) -> _Part:
    scan = np.flatnonzero((history.op_kind == _SCAN) & (history.op_length > 0))
    pairs = history.op_length[scan].astype(np.int64) // 2
    place = expand(history.op_value[scan], 2 * pairs)[::2]
    value = history.elements[place + 1].astype(np.int64)
    value[value == none] = NOTHING
    return np.repeat(scan, pairs), history.elements[place].astype(np.int64), value, np.zeros(len(place), np.int64)


def _absences(history: History, returned: _Part) -> tuple[_Part, list[str], int]:
    """What each scan of a transaction that was not rolled back did not return, of the keys that anybody wrote."""
    op_status = np.repeat(history.status, np.diff(history.op_offset))
    alive = op_status != Status.ABORTED
    scan = np.flatnonzero((history.op_kind == _SCAN) & (history.op_length >= 0) & alive)
    if not len(scan):
        return (scan, scan, scan, scan), [], 0
    written = np.unique(history.op_key[(history.op_kind == _W) & alive]).astype(np.int64)
    ranges = KeyRanges(history.keys, written)
    asked, of_scan = np.unique(history.op_key[scan], return_inverse=True)
    slices = [ranges.slice_of(history.keys[one]) for one in asked.tolist()]
    unclear = [history.keys[one] for one, found in zip(asked.tolist(), slices, strict=True) if found is None]
    doubts = [f"which keys lie in {shown(one)} is not known" for one in unclear[:1]]
    bounds = np.array([found or (0, 0) for found in slices], dtype=np.int64).reshape(-1, 2)[of_scan]
    size = bounds[:, 1] - bounds[:, 0]
    kept = np.cumsum(size) <= ABSENCES_MAX
    _mark_astray(history, ranges, returned, dict(zip(asked.tolist(), slices, strict=True)))
    op = np.repeat(scan[kept], size[kept])
    key = ranges.numbers[expand(bounds[kept, 0], size[kept])]
    keys = max(len(history.keys), 1)
    missing = ~is_in(op * keys + key, returned[0] * keys + returned[1])
    op, key = op[missing], key[missing]
    part = op, key, np.full(len(op), NOTHING), np.full(len(op), _IS_ABSENT)
    return part, doubts, int(size[~kept].sum())


def _mark_astray(
    history: History, ranges: KeyRanges, returned: _Part, slices: dict[int, tuple[int, int] | None]
) -> None:
    """Mark what was returned of written keys outside of what was asked for."""
    place = np.full(len(history.keys), -1, dtype=np.int64)
    place[ranges.numbers] = np.arange(len(ranges.numbers))
    at = place[returned[1]]
    asked = history.op_key[returned[0]]
    bounds = np.zeros((len(history.keys), 2), dtype=np.int64)
    bounds[:, 1] = len(ranges.numbers)
    for one, found in slices.items():
        if found is not None:
            bounds[one] = found
    outside = (at >= 0) & ((at < bounds[asked, 0]) | (at >= bounds[asked, 1]))
    returned[3][outside] = _IS_ASTRAY


def _strange(history: History) -> list[str]:
    """Operations that are no plain reads and writes of single values."""
    kind, length = history.op_kind, history.op_length
    plain = ((kind == _R) | (kind == _W)) & (length < 0)
    # A statement of its own is the set-up's, and its key a label.
    plain |= (kind == _DELETE) | (kind == _SCAN) | (kind == _SQL)
    if bool(plain.all()):
        return []
    op = history.op(int(np.flatnonzero(~plain)[0]))
    return [f"operation {op.kind} of {shown(op.key)} is no plain read or write of a single value"]
