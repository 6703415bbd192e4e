"""How a lie is told: small subclasses of the mock that distort the answer of one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mock_surface import MockSurface

__all__ = ["Honest", "got", "got_value", "silent", "told"]

Honest = Callable[..., Any]


def told(name: str, lie: Callable[..., Any]) -> type[MockSurface]:
    """A mock whose call of this name is lie(mock, the honest call, *arguments)."""

    class Lying(MockSurface):
        def call(self, asked: str, *arguments: Any, within: Any = None) -> Any:
            def honest(*given: Any) -> Any:
                return super(Lying, self).call(asked, *given, within=within)

            return lie(self, honest, *arguments) if asked == name else honest(*arguments)

    return Lying


def silent(name: str) -> type[MockSurface]:
    """A mock whose call of this name does and says nothing once it is closed."""

    class Silent(MockSurface):
        def call(self, asked: str, *arguments: Any, within: Any = None) -> Any:
            if self.closed and asked == name and within is None:
                return None
            return super().call(asked, *arguments, within=within)

    return Silent


def got(wrong: Callable[[MockSurface, bytes, bytes | None], Any]) -> type[MockSurface]:
    """A mock whose get finds something else, by the key and the value that are right."""
    return told("get", lambda db, honest, key: wrong(db, key, honest(key)))


def got_value(right: bytes, wrong: bytes | None) -> type[MockSurface]:
    """A mock whose get finds another value for one value."""
    return got(lambda db, key, value: wrong if value == right else value)
