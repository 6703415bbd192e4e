"""For every check of sections E to P a deliberate breakage of the mock that it must find, and no other subsection."""

from __future__ import annotations

from typing import Any

from mock_surface import MockSurface, MockTarget
from mock_surface_lies_of_keys import (
    BACKUPS,
    BATCHES,
    DOCUMENTATION,
    DURABILITY,
    ENCODING,
    NAMESPACES,
    OBSERVABILITY,
    SIZES,
)
from mock_surface_lies_of_models import CACHES, GRAPHS, TEMPORAL, VECTORS
from mock_surface_lying import Honest, told

__all__ = ["LIES", "BrokenTarget", "LyingTarget"]

LIES: dict[str, type[MockSurface]] = {
    **GRAPHS,
    **TEMPORAL,
    **CACHES,
    **VECTORS,
    **SIZES,
    **DURABILITY,
    **DOCUMENTATION,
    **OBSERVABILITY,
    **ENCODING,
    **BACKUPS,
    **NAMESPACES,
    **BATCHES,
}


class LyingTarget(MockTarget):
    """The mock with the lie of this name, in other processes too: `mock_surface_lies:LyingTarget:lie=J1.2`."""

    def __init__(self, lie: str) -> None:
        super().__init__()
        self._lie = lie

    def surface(self) -> MockSurface:
        return LIES[self._lie]()


class BrokenTarget(MockTarget):
    """The mock with one call that always raises, or gives what nobody asked for."""

    def __init__(self, call: str, how: str) -> None:
        super().__init__()
        self._call = call
        self._how = how

    def surface(self) -> MockSurface:
        return told(self._call, _raising if self._how == "raise" else _nonsense)()


def _raising(db: MockSurface, honest: Honest, *arguments: Any) -> Any:
    raise OSError("it broke")


def _nonsense(db: MockSurface, honest: Honest, *arguments: Any) -> Any:
    return "nonsense"
