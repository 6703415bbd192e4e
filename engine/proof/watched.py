"""A disk that tells of each step, just before it happens.

A step is whatever changes or syncs something: these are the places where a crash can differ from the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.memory_vfs import MemoryVfs
from engine.vfs import File, Lock

__all__ = ["STEPS", "WatchedVfs"]

STEPS: Final = ("create", "make_directory", "rename", "remove", "sync_directory", "write", "truncate", "sync")


class WatchedVfs:
    """Passes everything on to `disk`; calls `before(step, path)` ahead of each step. A `Vfs`."""

    def __init__(self, disk: MemoryVfs, before: Callable[[str, str], None]) -> None:
        self.disk = disk
        self.before = before

    def __getattr__(self, name: str) -> Any:
        step = getattr(self.disk, name)

        def watched(path: str, *others: str) -> Any:
            if name in STEPS:
                self.before(name, path)
            result = step(path, *others)
            return _WatchedFile(result, path, self.before) if name in {"create", "open"} else result

        return watched

    def lock(self, path: str) -> Lock:
        """See `Vfs.lock`."""
        return self.disk.lock(path)


class _WatchedFile:
    def __init__(self, file: File, path: str, before: Callable[[str, str], None]) -> None:
        self._file = file
        self._path = path
        self._before = before

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._file, name)

        def watched(*arguments: Any) -> Any:
            if name in STEPS:
                self._before(name, self._path)
            return step(*arguments)

        return watched
