"""For every check of sections E to P a deliberate breakage of the mock that it must find, and no other subsection."""

from __future__ import annotations

from lies_of_keys import BACKUPS, BATCHES, DOCUMENTATION, DURABILITY, ENCODING, NAMESPACES, OBSERVABILITY, SIZES
from lies_of_models import CACHES, GRAPHS, TEMPORAL, VECTORS
from mock_surface import MockSurface, MockTarget

__all__ = ["LIES", "LyingTarget"]

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
    """The mock with the lie of this name, in other processes too: `mock_lies:LyingTarget:lie=J1.2`."""

    def __init__(self, lie: str) -> None:
        super().__init__()
        self._lie = lie

    def surface(self) -> MockSurface:
        return LIES[self._lie]()
