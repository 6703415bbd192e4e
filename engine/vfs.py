"""Files as a seam: everything the engine does with a disk goes through a `Vfs`.

`OsVfs` is the operating system. `MemoryVfs` keeps files in memory and remembers what was not synced, so that a
crash simulator can keep any legal part of it. Failures are the standard `OSError`s, except a lock that is taken.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Protocol

from engine.errors import Locked

__all__ = ["File", "Lock", "OsVfs", "Vfs"]


class File(Protocol):
    """An open file with positions in bytes. Reads see all earlier writes, synced or not."""

    def size(self) -> int:
        """The length in bytes."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes; fewer only at the end of the file."""
        ...

    def write(self, offset: int, data: bytes) -> None:
        """Write all of `data`, or raise OSError with an unknown part of it written."""
        ...

    def truncate(self, size: int) -> None:
        """Cut (or extend with zeros) to `size` bytes."""
        ...

    def sync(self) -> None:
        """Return once contents and length are on the disk. Its name is the directory's business."""
        ...

    def close(self) -> None:
        """Release the file. Syncs nothing."""
        ...


class Lock(Protocol):
    """A lock that is held until it is closed, or its process dies."""

    def close(self) -> None:
        """Give it up."""
        ...


class Vfs(Protocol):
    """A file system. Paths are text as the operating system knows it."""

    def create(self, path: str) -> File:
        """Make a new file and open it. Raises FileExistsError. Its name is durable after `sync_directory`."""
        ...

    def open(self, path: str) -> File:
        """Open an existing file for reading and writing. Raises FileNotFoundError."""
        ...

    def is_file(self, path: str) -> bool:
        """Whether something that is not a directory is there."""
        ...

    def is_directory(self, path: str) -> bool:
        """Whether a directory is there."""
        ...

    def names(self, directory: str) -> list[str]:
        """The names in a directory, sorted."""
        ...

    def make_directory(self, path: str) -> None:
        """Make one directory. Raises FileExistsError, or FileNotFoundError without its parent."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in one step, replacing what had it. Durable after `sync_directory`."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file's name. Durable after `sync_directory`."""
        ...

    def sync_directory(self, path: str) -> None:
        """Return once the directory's names are on the disk."""
        ...

    def lock(self, path: str) -> Lock:
        """Take the lock that this file stands for (made if absent). Raises Locked where another holds it."""
        ...


class OsVfs:
    """The operating system's files."""

    def create(self, path: str) -> File:
        """See `Vfs.create`."""
        return _OsFile(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))

    def open(self, path: str) -> File:
        """See `Vfs.open`."""
        return _OsFile(os.open(path, os.O_RDWR | os.O_CLOEXEC))

    def is_file(self, path: str) -> bool:
        """See `Vfs.is_file`."""
        return os.path.lexists(path) and not os.path.isdir(path)

    def is_directory(self, path: str) -> bool:
        """See `Vfs.is_directory`."""
        return os.path.isdir(path)

    def names(self, directory: str) -> list[str]:
        """See `Vfs.names`."""
        return sorted(os.listdir(directory))

    def make_directory(self, path: str) -> None:
        """See `Vfs.make_directory`."""
        os.mkdir(path)

    def rename(self, old: str, new: str) -> None:
        """See `Vfs.rename`."""
        os.replace(old, new)

    def remove(self, path: str) -> None:
        """See `Vfs.remove`."""
        os.remove(path)

    def sync_directory(self, path: str) -> None:
        """See `Vfs.sync_directory`."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, path: str) -> Lock:
        """See `Vfs.lock`. An flock: it belongs to this open file, so a second one in this process fails too."""
        file = _OsFile(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
        try:
            fcntl.flock(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise Locked("another process or object has this database open") from None
        except BaseException:
            file.close()
            raise
        return file


class _OsFile:
    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        parts = []
        while length > 0:
            part = os.pread(self.descriptor, min(length, 1 << 30), offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        written = os.pwrite(self.descriptor, data, offset)
        while written < len(data):  # The system may take less than it was given.
            written += os.pwrite(self.descriptor, memoryview(data)[written:], offset + written)

    def truncate(self, size: int) -> None:
        os.ftruncate(self.descriptor, size)

    def sync(self) -> None:
        os.fdatasync(self.descriptor)  # Includes the length where it changed; leaves out the times.

    def close(self) -> None:
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            with contextlib.suppress(OSError):
                os.close(descriptor)
