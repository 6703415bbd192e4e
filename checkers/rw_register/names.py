"""The literature's names for what is wrong in a history of registers, in nearly linear time.

What no simple inference finds is left to the solver beside this file, which decides the levels.
"""

from __future__ import annotations

from checkers.registers import Registers
from checkers.versions.names import NamedAnomalies, names_of
from checkers.versions.observations import observe

__all__ = ["named_anomalies"]


def named_anomalies(registers: Registers) -> NamedAnomalies:
    """All names that quick inference finds, with counts of edges. `registers` has to be without doubts."""
    return names_of(observe(registers.history))
