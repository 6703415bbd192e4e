"""The mock with one call that takes its process down, or never returns."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from mock_surface import MockSurface, MockTarget

__all__ = ["BreakingTarget"]


class _Dies(MockSurface):
    def call(self, name: str, *arguments: Any, within: Any = None) -> Any:
        if name == "put_batch":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().call(name, *arguments, within=within)


class _Hangs(MockSurface):
    def call(self, name: str, *arguments: Any, within: Any = None) -> Any:
        if name == "put_batch":
            threading.Event().wait()
        return super().call(name, *arguments, within=within)


class BreakingTarget(MockTarget):
    """In other processes too: `mock_breaking:BreakingTarget:how=dies`, or hangs."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self._how = how

    def surface(self) -> MockSurface:
        return _Dies() if self._how == "dies" else _Hangs()
