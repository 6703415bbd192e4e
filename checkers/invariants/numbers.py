"""The numbers in stored values: 95 in "95#17", whose tag 17 tells this version from any other 95."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from checkers.joins import Bools, Ints
from harness.history import History

__all__ = ["number_of", "numbers_of"]

_TAGGED = re.compile(r"(-?\d{1,18})#", re.ASCII)


def number_of(value: Any) -> int | None:
    """The number in a stored value, 0 for a key that was never written, None where there is no number."""
    if value is None:
        return 0
    match = _TAGGED.match(value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def numbers_of(history: History) -> tuple[Ints, Bools]:
    """(number, is one) for every value in the history's dictionary, two columns as long as that."""
    parsed = [number_of(value) for value in history.values]
    readable = np.array([number is not None for number in parsed], dtype=np.bool_)
    return np.array([number or 0 for number in parsed], dtype=np.int64), readable
