"""Files in memory that know what a power loss could take.

A file is its synced bytes and a list of changes since; a directory is its synced names and a list of changes since.
`after_crash(keep)` makes the file system that a machine finds after a power loss: what was synced, and of the rest
whatever `keep` keeps. Writes are cut into sectors first, so a write may survive in part and a later write without
an earlier one, as real disks do. A file whose name was not synced may be gone with all its synced contents.
"""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

from engine.errors import Locked
from engine.vfs import File, Lock

__all__ = ["SECTOR_LENGTH", "Change", "MemoryVfs"]

SECTOR_LENGTH: Final = 512  # bytes a disk writes in one piece


class Change(NamedTuple):
    """Something a crash may lose. `path` is where, `kind` is "write", "truncate", "name" or "rename"."""

    kind: str
    path: str
    offset: int = 0  # of a write; the new length of a truncation
    data: bytes = b""


class MemoryVfs:
    """A file system in memory. Its root is "/"; relative paths start there too."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._directories: dict[str, _Directory] = {"/": _Directory()}
        self._held: set[str] = set()

    def create(self, path: str) -> File:
        """See `Vfs.create`."""
        with self._guard:
            parent, name = self._locate(path)
            if name in parent.now or self.is_directory(path):
                raise FileExistsError(path)
            content = _Content()
            parent.change(_Renaming("name", {name: content}))
            return _MemoryFile(content, self._guard)

    def open(self, path: str) -> File:
        """See `Vfs.open`."""
        with self._guard:
            return _MemoryFile(self._content(path), self._guard)

    def is_file(self, path: str) -> bool:
        """See `Vfs.is_file`."""
        with self._guard:
            parent, name = _split(path)
            return parent in self._directories and name in self._directories[parent].now

    def is_directory(self, path: str) -> bool:
        """See `Vfs.is_directory`."""
        with self._guard:
            return _normal(path) in self._directories

    def names(self, directory: str) -> list[str]:
        """See `Vfs.names`."""
        with self._guard:
            place = _normal(directory)
            inside = [name for path in self._directories if (name := _name_inside(place, path))]
            return sorted([*self._directory(place).now, *inside])

    def make_directory(self, path: str) -> None:
        """See `Vfs.make_directory`."""
        with self._guard:
            self._locate(path)
            if self.is_file(path) or self.is_directory(path):
                raise FileExistsError(path)
            self._directories[_normal(path)] = _Directory()

    def rename(self, old: str, new: str) -> None:
        """See `Vfs.rename`. Both names lie in one directory: the engine does nothing else."""
        with self._guard:
            parent, old_name = self._locate(old)
            other, new_name = self._locate(new)
            if parent is not other:
                raise OSError("renaming across directories is not modelled")
            parent.change(_Renaming("rename", {new_name: self._content(old), old_name: None}))

    def remove(self, path: str) -> None:
        """See `Vfs.remove`."""
        with self._guard:
            self._content(path)
            parent, name = self._locate(path)
            parent.change(_Renaming("name", {name: None}))

    def sync_directory(self, path: str) -> None:
        """See `Vfs.sync_directory`. It also makes the directory's own name durable, as journals do."""
        with self._guard:
            directory = self._directory(_normal(path))
            directory.synced = dict(directory.now)
            directory.unsynced = []
            for inside, child in self._directories.items():
                if _name_inside(_normal(path), inside):
                    child.name_synced = True

    def lock(self, path: str) -> Lock:
        """See `Vfs.lock`. A crash gives up every lock."""
        with self._guard:
            if not self.is_file(path):
                self.create(path)
            place = _normal(path)
            if place in self._held:
                raise Locked("another process or object has this database open")
            self._held.add(place)
            return _MemoryLock(self._held, place)

    def unsynced(self) -> list[Change]:
        """What a crash may lose now, in the order it was done per file and directory, cut into sectors."""
        with self._guard:
            changes = []
            for path, directory in self._directories.items():
                changes += [Change(renaming.kind, path) for renaming in directory.unsynced]
                for name, content in directory.now.items():
                    changes += content.changes(posixpath.join(path, name))
            return changes

    def after_crash(self, keep: Callable[[Change], bool]) -> MemoryVfs:
        """The file system after a power loss. `keep` is asked once for each change that is not synced."""
        with self._guard:
            found = MemoryVfs()
            for path, directory in self._directories.items():
                if path != "/" and not directory.name_synced and not keep(Change("name", path)):
                    continue
                if _split(path)[0] not in found._directories:
                    continue
                names = dict(directory.synced)
                for renaming in directory.unsynced:
                    if keep(Change(renaming.kind, path)):
                        renaming.apply(names)
                copy = _Directory()
                copy.now = {
                    name: content.after_crash(posixpath.join(path, name), keep) for name, content in names.items()
                }
                copy.synced = dict(copy.now)
                copy.name_synced = True
                found._directories[path] = copy
            return found

    def _directory(self, place: str) -> _Directory:
        if place not in self._directories:
            raise FileNotFoundError(place)
        return self._directories[place]

    def _locate(self, path: str) -> tuple[_Directory, str]:
        parent, name = _split(path)
        return self._directory(parent), name

    def _content(self, path: str) -> _Content:
        parent, name = self._locate(path)
        if name not in parent.now:
            raise FileNotFoundError(path)
        return parent.now[name]


class _Content:
    """One file's bytes: `synced`, the changes since, and `now`, which is both together."""

    def __init__(self, synced: bytes = b"") -> None:
        self.synced = synced
        self.unsynced: list[Change] = []
        self.now = bytearray(synced)

    def write(self, offset: int, data: bytes) -> None:
        self.unsynced.append(Change("write", "", offset, data))
        _write(self.now, offset, data)

    def truncate(self, size: int) -> None:
        self.unsynced.append(Change("truncate", "", size))
        _truncate(self.now, size)

    def sync(self) -> None:
        self.synced = bytes(self.now)
        self.unsynced = []

    def changes(self, path: str) -> list[Change]:
        found = []
        for change in self.unsynced:
            pieces = _sectors(change) if change.kind == "write" else [change]
            found += [piece._replace(path=path) for piece in pieces]
        return found

    def after_crash(self, path: str, keep: Callable[[Change], bool]) -> _Content:
        found = bytearray(self.synced)
        for change in self.changes(path):
            if not keep(change):
                continue
            if change.kind == "write":
                _write(found, change.offset, change.data)
            else:
                _truncate(found, change.offset)
        return _Content(bytes(found))


class _Renaming(NamedTuple):
    """Names of one directory that change in one step; None takes a name away."""

    kind: str
    names: dict[str, _Content | None]

    def apply(self, names: dict[str, _Content]) -> None:
        for name, content in self.names.items():
            if content is None:
                names.pop(name, None)
            else:
                names[name] = content


class _Directory:
    def __init__(self) -> None:
        self.synced: dict[str, _Content] = {}
        self.unsynced: list[_Renaming] = []
        self.now: dict[str, _Content] = {}
        self.name_synced = False

    def change(self, renaming: _Renaming) -> None:
        self.unsynced.append(renaming)
        renaming.apply(self.now)


class _MemoryFile:
    def __init__(self, content: _Content, guard: AbstractContextManager[bool]) -> None:
        self._content = content
        self._guard = guard

    def size(self) -> int:
        with self._guard:
            return len(self._content.now)

    def read(self, offset: int, length: int) -> bytes:
        with self._guard:
            return bytes(self._content.now[offset : offset + length])

    def write(self, offset: int, data: bytes) -> None:
        with self._guard:
            self._content.write(offset, data)

    def truncate(self, size: int) -> None:
        with self._guard:
            self._content.truncate(size)

    def sync(self) -> None:
        with self._guard:
            self._content.sync()

    def close(self) -> None:
        """There is nothing to release."""


class _MemoryLock:
    def __init__(self, held: set[str], place: str) -> None:
        self._held = held
        self._place = place

    def close(self) -> None:
        self._held.discard(self._place)


def _sectors(change: Change) -> list[Change]:
    """A write cut where the disk's sectors begin."""
    pieces = []
    start = change.offset
    end = start + len(change.data)
    while start < end:
        stop = min(end, (start // SECTOR_LENGTH + 1) * SECTOR_LENGTH)
        data = change.data[start - change.offset : stop - change.offset]
        pieces.append(change._replace(offset=start, data=data))
        start = stop
    return pieces


def _write(content: bytearray, offset: int, data: bytes) -> None:
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _truncate(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _normal(path: str) -> str:
    return posixpath.normpath(posixpath.join("/", path))


def _split(path: str) -> tuple[str, str]:
    return posixpath.split(_normal(path))


def _name_inside(place: str, path: str) -> str:
    """The name of `path` in directory `place`; empty where it is not directly inside."""
    parent, name = posixpath.split(path)
    return name if parent == place else ""
