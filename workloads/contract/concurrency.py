"""Section B: concurrency: many threads on one database."""

from __future__ import annotations

from typing import Final

from harness.contract import Scenario

__all__ = ["CONCURRENCY"]

CONCURRENCY: Final[tuple[Scenario, ...]] = ()
