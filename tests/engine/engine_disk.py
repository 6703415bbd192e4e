"""Disks in memory for tests, and a database with short segments."""

from __future__ import annotations

from engine import Database, MemoryVfs
from engine.commit_log import CommitLog
from engine.proof.watched import WatchedVfs

__all__ = ["ShortSegments", "ShortSegmentsDatabase", "WatchedVfs", "contents", "copy_of", "with_contents"]


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
