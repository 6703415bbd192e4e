"""What the arguments of the models may be. Every function returns its argument, or raises InvalidArgument."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidArgument
from engine.keys import TTL_SECONDS_MAX

__all__ = [
    "checked_count",
    "checked_delay",
    "checked_duration",
    "checked_name",
    "checked_number",
    "checked_properties",
    "checked_text",
]


def checked_text(text: str, what: str) -> str:
    """Text, which may be empty."""
    if not isinstance(text, str):
        raise InvalidArgument(f"{what} is text, not {type(text).__name__}")
    return text


def checked_name(name: str, what: str) -> str:
    """Text with at least one character."""
    if not isinstance(name, str) or not name:
        raise InvalidArgument(f"{what} is text with at least one character, not {name!r}")
    return name


def checked_number(number: float, what: str) -> float:
    """An int or a finite float."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise InvalidArgument(f"{what} is a finite number, not {number!r}")
    return number


def checked_count(count: int, what: str, least: int) -> int:
    """An int that is at least `least`."""
    if isinstance(count, bool) or not isinstance(count, int) or count < least:
        raise InvalidArgument(f"{what} is a whole number, {least} or more, not {count!r}")
    return count


def checked_delay(seconds: float, what: str) -> float:
    """Seconds, none included."""
    if not 0 <= checked_number(seconds, what) <= TTL_SECONDS_MAX:
        raise InvalidArgument(f"{what} is between 0 and {TTL_SECONDS_MAX:.0f} seconds, not {seconds}")
    return seconds


def checked_duration(seconds: float, what: str) -> float:
    """Seconds, more than none."""
    if checked_delay(seconds, what) == 0:
        raise InvalidArgument(f"{what} is more than 0 seconds")
    return seconds


def checked_properties(properties: Mapping[str, Any] | None) -> dict[str, Any]:
    """Properties by name, none for None."""
    if properties is None:
        return {}
    if not isinstance(properties, Mapping) or not all(isinstance(name, str) for name in properties):
        raise InvalidArgument(f"properties are values by name, not {properties!r:.60}")
    return dict(properties)
