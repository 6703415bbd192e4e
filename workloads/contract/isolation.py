"""Section A: isolation: what transactions see of one another."""

from __future__ import annotations

from typing import Final

from harness.contract import Scenario

__all__ = ["ISOLATION"]

ISOLATION: Final[tuple[Scenario, ...]] = ()
