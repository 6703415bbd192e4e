"""The calls that give the data models: the same on a database, on a transaction and on a namespace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine.keys import RESERVED

if TYPE_CHECKING:
    from engine.transaction import Transaction

__all__ = ["Views"]

Result = TypeVar("Result")


class Views(Protocol):
    """What has data models in it. A class that derives from it says how it runs something in a transaction."""

    __slots__ = ()

    space_prefix: bytes = RESERVED
    """What the keys of all its models' rows begin with."""

    def atomically(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in a transaction and return what it returned. Where it raises, nothing that it wrote remains."""
        ...
