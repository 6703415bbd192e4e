"""Where the makers of random histories get their choices from: a seed, or Hypothesis, which can then shrink them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from hypothesis import strategies as st

from harness.history import Status

__all__ = ["Choices", "Drawn", "Seeded", "any_status", "shuffled"]

_STATUSES = (*([Status.OK] * 8), Status.ABORTED, Status.UNKNOWN)


class Choices(Protocol):
    """Where choices come from; 0 is the simplest one."""

    def below(self, bound: int) -> int:
        """A number in range(bound)."""
        ...


class Seeded:
    """Choices that a seed decides."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, bound: int) -> int:
        return self._random.randrange(bound)


class Drawn:
    """Choices that Hypothesis makes."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def below(self, bound: int) -> int:
        return self._draw(st.integers(0, bound - 1)) if bound > 1 else 0


def any_status(choices: Choices) -> Status:
    """OK in four of five cases."""
    return _STATUSES[choices.below(len(_STATUSES))]


def shuffled(choices: Choices, elements: Sequence[int]) -> list[int]:
    """The elements near their places: most orders of appends agree with time, some do not."""
    shuffled = list(elements)
    for place in range(len(shuffled) - 1):
        if choices.below(3) == 2:
            shuffled[place], shuffled[place + 1] = shuffled[place + 1], shuffled[place]
    return shuffled
