"""How much work a decision may take, counted so that a verdict repeats on every machine."""

from __future__ import annotations

__all__ = ["Budget", "BudgetSpent"]


class BudgetSpent(Exception):
    """The work that a decision may take is done, and nothing is decided."""


class Budget:
    """Steps that are left: one for each edge followed or byte of a bit row combined, many for a conflict."""

    STEPS_PER_CONFLICT = 10_000

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Raises BudgetSpent where there are not that many left."""
        self.left -= steps
        if self.left < 0:
            raise BudgetSpent
