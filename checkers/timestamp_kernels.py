"""The loop beneath `checkers.timestamps`, in one source for both ways of running (see `checkers.compiling`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["APPEND", "KERNELS", "READ", "READ_LIST", "WRITE", "Ints", "sweep"]

KERNELS = ("sweep",)

Ints = npt.NDArray[Any]

READ, READ_LIST, WRITE, APPEND = range(4)  # A greater number: an operation that says nothing.


def sweep(
    row: Ints,
    commits: Ints,
    op_offset: Ints,
    op_kind: Ints,
    op_key: Ints,
    op_value: Ints,
    op_length: Ints,
    elements: Ints,
    version_first: Ints,
    version: Ints,
    snapshot: Ints,
    commit: Ints,
    nothing: int,
    wrong: Ints,
    lost: Ints,
) -> tuple[int, int]:
    """Go through the moments (e,) at which rows take their snapshot or, where `commits`, commit, in order.

    A key holds the last value written to it, `nothing` at first, or a list: a beginning of its elements
    version[version_first[k]:version_first[k + 1]], in the order of commits. Marks in `wrong` (m,) the reads that
    see anything else than the snapshot and the transaction's own operations before, in `lost` (m,) the writes of a
    key that was committed after the snapshot. Returns the first wrong read in this order, -1 for none, and what it
    ought to have seen: a value, or how many elements.
    """
    keys = len(version_first) - 1
    value = np.full(keys, nothing, np.int64)
    size = np.zeros(keys, np.int64)
    latest = np.full(keys, -1, np.int64)  # The timestamp of the last commit to each key.
    own_by = np.full(keys, -1, np.int64)
    own_value = np.zeros(keys, np.int64)
    own_size = np.zeros(keys, np.int64)
    agreed = np.zeros(len(elements) + 1, np.int64)  # How far a list that begins here agrees with its key's.
    first_wrong, expected = -1, -1
    for e in range(len(row)):
        t = row[e]
        for i in range(op_offset[t], op_offset[t + 1]):
            k, kind = op_key[i], op_kind[i]
            if commits[e]:
                if WRITE <= kind <= APPEND:
                    lost[i] = latest[k] > snapshot[t] and latest[k] != commit[t]
                    latest[k] = commit[t]
                    value[k] = op_value[i]
                    size[k] += kind == APPEND
                continue
            mine = own_by[k] == t
            if WRITE <= kind <= APPEND:
                own_size[k] = (own_size[k] if mine else 0) + (kind == APPEND)
                own_value[k] = op_value[i]
                own_by[k] = t
                continue
            seen, should = -1, -1
            if kind == READ:
                seen, should = op_value[i], own_value[k] if mine else value[k]
            elif kind == READ_LIST:
                seen, should = op_length[i], size[k] + (own_size[k] if mine else 0)
                if seen == should:
                    first, done = op_value[i], agreed[op_value[i]]
                    while done < seen and elements[first + done] == version[version_first[k] + done]:
                        done += 1
                    agreed[first] = done
                    seen = min(done, seen)
            if seen != should:
                wrong[i] = 1
                if first_wrong < 0:
                    first_wrong, expected = i, should
    return first_wrong, expected
