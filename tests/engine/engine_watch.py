"""A clock for tests of the engine."""

from __future__ import annotations


class Watch:
    """A clock that stands still until it is set."""

    def __init__(self, seconds: float = 1000.0) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return self.seconds
