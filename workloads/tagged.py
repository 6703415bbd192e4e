"""Numbers that tell their versions apart: 95 written by program 17 is stored as "95#17".

Two transactions that both read "95#17" surely read the same version of the key, which equal numbers alone
would not show.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["number_of", "tagged"]

_TAGGED = re.compile(r"(-?\d{1,18})#", re.ASCII)


def tagged(number: int, tag: int | str) -> str:
    """The value that stores `number`; `tag` is used once per key."""
    return f"{number}#{tag}"


def number_of(value: Any) -> int | None:
    """The number in a stored value, or None where there is none: a database may answer anything."""
    match = _TAGGED.match(value) if isinstance(value, str) else None
    return int(match[1]) if match else None
