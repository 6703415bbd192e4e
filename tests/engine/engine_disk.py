"""A file system for tests that tells of each step, just before it happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import Database, MemoryVfs
from engine.commit_log import CommitLog
from engine.vfs import File, Lock

CHANGES = frozenset({"create", "make_directory", "rename", "remove", "sync_directory", "write", "truncate", "sync"})


class WatchedVfs:
    """Passes everything on to `disk`; calls `before(step, path)` ahead of each step that changes or syncs."""

    def __init__(self, disk: MemoryVfs, before: Callable[[str, str], None]) -> None:
        self.disk = disk
        self.before = before

    def __getattr__(self, name: str) -> Any:
        step = getattr(self.disk, name)

        def watched(path: str, *others: str) -> Any:
            if name in CHANGES:
                self.before(name, path)
            result = step(path, *others)
            return _WatchedFile(result, path, self) if name in {"create", "open"} else result

        return watched

    def lock(self, path: str) -> Lock:
        return self.disk.lock(path)


class _WatchedFile:
    def __init__(self, file: File, path: str, vfs: WatchedVfs) -> None:
        self._file = file
        self._path = path
        self._vfs = vfs

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._file, name)

        def watched(*arguments: Any) -> Any:
            if name in CHANGES:
                self._vfs.before(name, self._path)
            return step(*arguments)

        return watched


class ShortSegments(CommitLog):
    """A log that starts a new segment after a few commits."""

    segment_length_max = 300


class ShortSegmentsDatabase(Database):
    log_class = ShortSegments


def copy_of(disk: MemoryVfs) -> MemoryVfs:
    """The disk with everything kept, as after the death of the process."""
    return disk.after_crash(lambda _: True)


def contents(disk: MemoryVfs, path: str) -> bytes:
    """The bytes of a file."""
    file = disk.open(path)
    return file.read(0, file.size())


def with_contents(disk: MemoryVfs, path: str, data: bytes) -> MemoryVfs:
    """A copy of the disk in which one file holds `data`."""
    copy = copy_of(disk)
    file = copy.open(path)
    file.truncate(0)
    file.write(0, data)
    file.sync()
    return copy
