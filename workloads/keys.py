"""Which key an operation goes to: the four ways of `Params.key_choice`, as numbers of keys.

uniform    every key alike
zipf       key i with weight 1 / (i + 1)
hot        the share `contention` of all choices goes to the first tenth of the keys
rotating   `keys` keys in play, all alike; one that was written `writes_per_key` times makes room for a new one
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, count

from harness.program import KEY_CHOICES, Params, Rng

__all__ = ["KeyChooser", "rotating_groups"]


class KeyChooser:
    """Draws key numbers from `rng` as `params` say. Raises ValueError for an unknown key choice."""

    def __init__(self, rng: Rng, params: Params, *, keys_min: int = 1) -> None:
        if params.key_choice not in KEY_CHOICES:
            raise ValueError(f"unknown key choice {params.key_choice!r}; known: {', '.join(KEY_CHOICES)}")
        self._rng = rng
        self._params = params
        self._active = list(range(max(params.keys, keys_min)))
        self._next = len(self._active)
        self._writes = [0] * len(self._active)
        self._zipf = list(accumulate(1 / (i + 1) for i in range(len(self._active))))

    def choose(self) -> int:
        """The number of a key to read or write."""
        return self._active[self._slot()]

    def choose_for_write(self) -> int:
        """The number of a key to write; with "rotating" this counts towards the key's retirement."""
        slot = self._slot()
        chosen = self._active[slot]
        self._writes[slot] += 1
        if self._params.key_choice == "rotating" and self._writes[slot] >= self._params.writes_per_key:
            self._active[slot], self._writes[slot] = self._next, 0
            self._next += 1
        return chosen

    def choose_two(self) -> tuple[int, int]:
        """Two different keys, in either order; needs `keys_min` of 2 or more."""
        first, second = self.choose(), self.choose()
        if first == second:
            second = self._rng.choice([key for key in self._active if key != first])
        return first, second

    def _slot(self) -> int:
        keys = len(self._active)
        match self._params.key_choice:
            case "zipf":
                return self._rng.choices(range(keys), cum_weights=self._zipf)[0]
            case "hot" if self._rng.random() < self._params.contention:
                return self._rng.randrange(max(1, keys // 10))
            case _:
                return self._rng.randrange(keys)


def rotating_groups(rng: Rng, groups: int, turns: int) -> Iterator[tuple[int, int]]:
    """(group, turn) without end: every group gets its `turns` turns, shuffled among `groups` neighbours."""
    for first in count(0, max(1, groups)):
        block = [(first + i, turn) for i in range(max(1, groups)) for turn in range(turns)]
        rng.shuffle(block)
        yield from block
