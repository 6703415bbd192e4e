"""Joins of integer columns: the few vector steps that the invariant checkers are made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Ints", "expand", "find", "is_in", "join", "mutual"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def find(ascending: Ints, wanted: Ints, answer: Ints, *, absent: int) -> Ints:
    """answer[i] for the first i with ascending[i] == wanted, `absent` where there is none; shape of `wanted`."""
    if len(ascending) == 0:
        return np.full(len(wanted), absent, dtype=np.int64)
    at = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return np.where(ascending[at] == wanted, answer[at], absent).astype(np.int64)


def is_in(wanted: Ints, those: Ints) -> Bools:
    """Which of `wanted` stand in `those`; shape of `wanted`."""
    return np.isin(wanted, those) if len(those) else np.zeros(len(wanted), dtype=np.bool_)


def join(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Every pair (i, j) with left[i] == right[j], as two columns in the order of i."""
    order = np.argsort(right, kind="stable")
    first = np.searchsorted(right[order], left, "left")
    counts = np.searchsorted(right[order], left, "right") - first
    i = np.repeat(np.arange(len(left)), counts)
    within = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, order[np.repeat(first, counts) + within]


def mutual(before: Ints, after: Ints, nodes: int) -> list[tuple[int, int]]:
    """Edges (i, j) with j the way back of i: one pair for each two nodes with edges both ways, in node order."""
    there = before * nodes + after
    nodes_of, edge = np.unique(there, return_index=True)
    back = find(nodes_of, after[edge] * nodes + before[edge], edge, absent=-1)
    chosen = (back >= 0) & (before[edge] < after[edge])
    return list(zip(edge[chosen].tolist(), back[chosen].tolist(), strict=True))


def expand(first: Ints, size: Ints) -> Ints:
    """The numbers first[i] .. first[i] + size[i] - 1 for every i, one after another."""
    starts = np.cumsum(size) - size
    return np.repeat(first - starts, size) + np.arange(int(size.sum()))
