"""A disk that tells of each step, just before it happens, or lets one of them fail.

A step is whatever changes or syncs something: these are the places where a crash can differ from the one before.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias, TypeVar

from engine.memory_vfs import MemoryVfs
from engine.vfs import File, Lock

__all__ = ["STEPS", "FailingVfs", "Failure", "WatchedVfs"]

STEPS: Final = ("create", "make_directory", "rename", "remove", "sync_directory", "write", "truncate", "sync")

Result = TypeVar("Result")
Spoil: TypeAlias = Callable[[float], None]  # is told what share of a write's bytes are written all the same


class WatchedVfs:
    """Passes everything on to `disk`; calls `before(step, path)` ahead of each step. A `Vfs`."""

    def __init__(self, disk: MemoryVfs, before: Callable[[str, str], None]) -> None:
        self.disk = disk
        self.before = before

    def perform(self, step: str, path: str, act: Callable[[], Result], spoil: Spoil | None = None) -> Result:
        """Do one step. `spoil` is for a subclass that lets it fail: what a disk does instead of it."""
        self.before(step, path)
        return act()

    def create(self, path: str) -> File:
        """See `Vfs.create`."""
        return _WatchedFile(self.perform("create", path, lambda: self.disk.create(path)), path, self)

    def open(self, path: str) -> File:
        """See `Vfs.open`."""
        return _WatchedFile(self.disk.open(path), path, self)

    def is_file(self, path: str) -> bool:
        """See `Vfs.is_file`."""
        return self.disk.is_file(path)

    def is_directory(self, path: str) -> bool:
        """See `Vfs.is_directory`."""
        return self.disk.is_directory(path)

    def names(self, directory: str) -> list[str]:
        """See `Vfs.names`."""
        return self.disk.names(directory)

    def make_directory(self, path: str) -> None:
        """See `Vfs.make_directory`."""
        self.perform("make_directory", path, lambda: self.disk.make_directory(path))

    def rename(self, old: str, new: str) -> None:
        """See `Vfs.rename`."""
        self.perform("rename", old, lambda: self.disk.rename(old, new))

    def remove(self, path: str) -> None:
        """See `Vfs.remove`."""
        self.perform("remove", path, lambda: self.disk.remove(path))

    def sync_directory(self, path: str) -> None:
        """See `Vfs.sync_directory`."""
        self.perform("sync_directory", path, lambda: self.disk.sync_directory(path))

    def lock(self, path: str) -> Lock:
        """See `Vfs.lock`."""
        return self.disk.lock(path)


class _WatchedFile:
    def __init__(self, file: File, path: str, vfs: WatchedVfs) -> None:
        self._file = file
        self._path = path
        self._vfs = vfs

    def size(self) -> int:
        return self._file.size()

    def read(self, offset: int, length: int) -> bytes:
        return self._file.read(offset, length)

    def write(self, offset: int, data: bytes) -> None:
        self._vfs.perform(
            "write",
            self._path,
            lambda: self._file.write(offset, data),
            lambda written: self._file.write(offset, data[: int(len(data) * written)]),
        )

    def truncate(self, size: int) -> None:
        self._vfs.perform("truncate", self._path, lambda: self._file.truncate(size))

    def sync(self) -> None:
        self._vfs.perform("sync", self._path, self._file.sync, lambda _: self._vfs.disk.fail_sync(self._file))

    def close(self) -> None:
        self._file.close()


class Failure(NamedTuple):
    """The `call`-th step named `step` (the first is 1) fails with `code`, and where `lasting` every later one too.

    A write first writes the share `written` of its bytes.
    """

    step: str
    call: int
    code: int
    lasting: bool = False
    written: float = 0.0

    def __str__(self) -> str:
        short = f" after {self.written:.0%} of its bytes" if self.written else ""
        later = " and for good" if self.lasting else ""
        return f"{errno.errorcode[self.code]} at {self.step} {self.call}{short}{later}"


class FailingVfs(WatchedVfs):
    """A disk on which `failure` happens, until it is taken away. A sync that failed has given its changes up."""

    def __init__(self, disk: MemoryVfs, failure: Failure | None) -> None:
        super().__init__(disk, lambda step, path: None)
        self.failure = failure
        self.failed_count = 0
        self._calls = 0

    def perform(self, step: str, path: str, act: Callable[[], Result], spoil: Spoil | None = None) -> Result:
        """Do one step, or fail."""
        self.before(step, path)
        if self.failure is not None and self._is_due(self.failure, step):
            self.failed_count += 1
            if spoil is not None:
                spoil(self.failure.written)
            raise OSError(self.failure.code, os.strerror(self.failure.code), path)
        return act()

    def _is_due(self, failure: Failure, step: str) -> bool:
        if step != failure.step:
            return False
        self._calls += 1
        return self._calls == failure.call or (failure.lasting and self._calls > failure.call)
