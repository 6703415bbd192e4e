"""Section C: the SQL engine."""

from __future__ import annotations

from typing import Final

from harness.contract import Scenario

__all__ = ["STATEMENTS"]

STATEMENTS: Final[tuple[Scenario, ...]] = ()
