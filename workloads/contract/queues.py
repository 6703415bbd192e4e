"""Section D: the queue."""

from __future__ import annotations

from typing import Final

from harness.contract import Scenario

__all__ = ["QUEUES"]

QUEUES: Final[tuple[Scenario, ...]] = ()
