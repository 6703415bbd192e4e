"""The loops beneath `checkers.registers`, in one source for both ways of running (see `checkers.compiling`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["KERNELS", "Numbers", "before_own_writes", "find_versions", "sort_versions"]

KERNELS = ("before_own_writes", "sort_versions", "find_versions")

Numbers = npt.NDArray[Any]


def before_own_writes(
    op_offset: Numbers, read_op: Numbers, read_key: Numbers, write_op: Numbers, write_key: Numbers, keys: int
) -> Numbers:
    """For each read (r,) 1 where its transaction had not written its key yet, otherwise 0.

    Reads and writes come in the order of operations; transaction t has those from op_offset[t] on.
    """
    before = np.ones(len(read_op), np.int8)
    written = np.full(keys, -1, np.int64)  # The latest write of each key so far.
    read = write = 0
    for t in range(len(op_offset) - 1):
        begin, end = op_offset[t], op_offset[t + 1]
        while read < len(read_op) and read_op[read] < end:
            while write < len(write_op) and write_op[write] < read_op[read]:
                written[write_key[write]] = write_op[write]
                write += 1
            if written[read_key[read]] >= begin:
                before[read] = 0
            read += 1
    return before


def sort_versions(key: Numbers, value: Numbers, keys: int, values: int) -> Numbers:
    """The places of (key, value) in ascending order, equal ones in the order given: two passes of counting."""
    by_value = np.empty(len(key), np.int32)
    next_place = np.zeros(values + 1, np.int64)
    for i in range(len(value)):
        next_place[value[i] + 1] += 1
    for v in range(values):
        next_place[v + 1] += next_place[v]
    for i in range(len(value)):
        by_value[next_place[value[i]]] = i
        next_place[value[i]] += 1
    order = np.empty(len(key), np.int32)
    next_place = np.zeros(keys + 1, np.int64)
    for i in range(len(key)):
        next_place[key[i] + 1] += 1
    for k in range(keys):
        next_place[k + 1] += next_place[k]
    for j in range(len(by_value)):
        i = by_value[j]
        order[next_place[key[i]]] = i
        next_place[key[i]] += 1
    return order


def find_versions(key: Numbers, value: Numbers, wanted_key: Numbers, wanted_value: Numbers, keys: int) -> Numbers:
    """The first place of each wanted (key, value) among ascending ones, -1 where it is not there."""
    first = np.zeros(keys + 1, np.int64)
    for i in range(len(key)):
        first[key[i] + 1] += 1
    for k in range(keys):
        first[k + 1] += first[k]
    found = np.empty(len(wanted_key), np.int32)
    for i in range(len(wanted_key)):
        low, end = first[wanted_key[i]], first[wanted_key[i] + 1]
        high = end
        while low < high:
            middle = (low + high) // 2
            if value[middle] < wanted_value[i]:
                low = middle + 1
            else:
                high = middle
        found[i] = low if low < end and value[low] == wanted_value[i] else -1
    return found
