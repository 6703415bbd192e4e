"""Which keys of a history a scan asked for: ranges [low, high) and prefixes as slices of the sorted keys."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np

from checkers.joins import Ints

__all__ = ["KeyRanges"]

_ORDERED = (str, bytes, int)


class KeyRanges:
    """`numbers` (k,) are those of the given keys that have an order, type by type and in each type ascending."""

    def __init__(self, keys: Sequence[Any], numbers: Ints) -> None:
        self._sorted: dict[type, list[Any]] = {}
        self._first: dict[type, int] = {}
        parts: list[Ints] = []
        for kind in _ORDERED:
            chosen = sorted((one for one in numbers.tolist() if type(keys[one]) is kind), key=lambda one: keys[one])
            self._first[kind] = sum(len(part) for part in parts)
            self._sorted[kind] = [keys[one] for one in chosen]
            parts.append(np.array(chosen, dtype=np.int64))
        self.numbers: Ints = np.concatenate(parts)

    def slice_of(self, asked: Any) -> tuple[int, int] | None:
        """(first, last): `numbers[first:last]` lie in what was asked for; None where that has no known order."""
        pair = isinstance(asked, tuple)
        if pair and (len(asked) != 2 or type(asked[0]) is not type(asked[1])):
            return None
        low = asked[0] if pair else asked
        kind = type(low)
        if kind not in self._sorted or (kind is int and not pair):
            return None
        keys = self._sorted[kind]
        first = bisect_left(keys, low)
        if pair:
            last = max(first, bisect_left(keys, asked[1]))
        else:
            last = bisect_left(keys, True, first, key=lambda one: not one.startswith(low))
        return self._first[kind] + first, self._first[kind] + last
