"""Files in memory that know what a power loss could take.

A file is its synced bytes and a list of changes since; a directory is its synced names and a list of changes since.
`after_power_loss(survivors)` makes the file system that a machine finds after a power loss: what was synced, and of
the rest what survived. Writes are cut into sectors first, so a write may survive in part and a later write without
an earlier one, as real disks do. A file whose name was not synced may be gone with all its synced contents.
"""

from __future__ import annotations

import copy
import posixpath
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
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
        self._directories: dict[str, _Directory] = {"/": _Directory(name_synced=True)}
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
        """What a power loss may take now, in the order it was done per directory and file, cut into sectors."""
        with self._guard:
            changes = []
            for path, directory in self._directories.items():
                if not directory.name_synced:
                    changes.append(Change("name", path))
                changes += [Change(renaming.kind, path) for renaming in directory.unsynced]
                for name, content in directory.reachable():
                    if content.is_changed:
                        changes += content.changes(posixpath.join(path, name))
            return changes

    def after_power_loss(self, survivors: Sequence[Change | None]) -> MemoryVfs:
        """The file system after a power loss. Each of `unsynced()` is replaced by what survived of it.

        That is the change itself, None, or, for a write, one of the same place with other bytes: a torn sector.
        """
        with self._guard:
            left = iter(survivors)
            found = MemoryVfs()
            for path, directory in self._directories.items():
                own_name = directory.name_synced or next(left) is not None
                remains = directory.after_power_loss(left)
                if own_name and (path == "/" or _split(path)[0] in found._directories):
                    found._directories[path] = remains
            assert next(left, None) is None, "more survivors than changes"
            return found

    def after_crash(self, keep: Callable[[Change], bool]) -> MemoryVfs:
        """The file system after a power loss that leaves the changes that `keep` keeps."""
        with self._guard:
            return self.after_power_loss([change if keep(change) else None for change in self.unsynced()])

    def after_death(self) -> MemoryVfs:
        """The file system after the death of the process: all is as it was, unsynced changes too; no lock is held."""
        with self._guard:
            found = MemoryVfs()
            found._directories = copy.deepcopy(self._directories)
            return found

    def fail_sync(self, file: File) -> None:
        """Leave what an fsync leaves when it fails, as on Linux: the file's changes are shown but no longer dirty.

        A later sync does not make them safe: a power loss may take them until they are written again (Rebello et
        al., Can applications recover from fsync failures?, USENIX ATC 2020).
        """
        assert isinstance(file, _MemoryFile), "a file of this file system"
        file.give_up()

    def files(self) -> dict[str, bytes]:
        """The bytes of every file by its path."""
        with self._guard:
            return {
                posixpath.join(path, name): bytes(content.now)
                for path, directory in self._directories.items()
                for name, content in directory.now.items()
            }

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
    """One file's bytes: `synced`, the changes since, and `now`, which is both together.

    Each change is "dirty", "given up" by an fsync that failed, or "safe" though an earlier one was given up.
    """

    def __init__(self, synced: bytes = b"") -> None:
        self.synced = synced
        self.now = bytearray(synced)
        self._since: list[tuple[Change, str]] = []

    @property
    def is_changed(self) -> bool:
        return bool(self._since)

    def change(self, change: Change) -> None:
        self._since.append((change, "dirty"))
        _apply(self.now, change)

    def sync(self) -> None:
        if any(state == "given up" for _, state in self._since):
            self._since = [(change, "safe" if state == "dirty" else state) for change, state in self._since]
        else:
            self.synced = bytes(self.now)
            self._since = []

    def give_up(self) -> None:
        self._since = [(change, "given up" if state == "dirty" else state) for change, state in self._since]

    def changes(self, path: str) -> list[Change]:
        """What a power loss may take, in sectors."""
        pieces = (piece for change, state in self._since if state != "safe" for piece in _sectors(change))
        return [piece._replace(path=path) for piece in pieces]

    def after_power_loss(self, survivors: Iterator[Change | None]) -> _Content:
        """A copy with what survived; takes one of `survivors` for each of `changes`."""
        if not self._since:
            return _Content(self.synced)
        found = bytearray(self.synced)
        for change, state in self._since:
            for piece in _sectors(change):
                survivor = piece if state == "safe" else next(survivors)
                if survivor is not None:
                    _apply(found, survivor)
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
    def __init__(self, *, name_synced: bool = False) -> None:
        self.synced: dict[str, _Content] = {}
        self.unsynced: list[_Renaming] = []
        self.now: dict[str, _Content] = {}
        self.name_synced = name_synced

    def change(self, renaming: _Renaming) -> None:
        self.unsynced.append(renaming)
        renaming.apply(self.now)

    def reachable(self) -> list[tuple[str, _Content]]:
        """Every content that a power loss may leave under some name, once, with one of its names."""
        if not self.unsynced:
            return list(self.now.items())
        found = {id(content): (name, content) for name, content in self.now.items()}
        earlier: list[Mapping[str, _Content | None]] = [self.synced, *(each.names for each in self.unsynced)]
        for name, content in (pair for names in earlier for pair in names.items()):
            if content is not None:
                found.setdefault(id(content), (name, content))
        return list(found.values())

    def after_power_loss(self, survivors: Iterator[Change | None]) -> _Directory:
        """A copy with what survived; takes one of `survivors` for each renaming, then for each content's changes."""
        names = dict(self.synced)
        for renaming in self.unsynced:
            if next(survivors) is not None:
                renaming.apply(names)
        copies = {id(content): content.after_power_loss(survivors) for _, content in self.reachable()}
        found = _Directory(name_synced=True)
        found.now = {name: copies[id(content)] for name, content in names.items()}
        found.synced = dict(found.now)
        return found


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
            self._content.change(Change("write", "", offset, data))

    def truncate(self, size: int) -> None:
        with self._guard:
            self._content.change(Change("truncate", "", size))

    def sync(self) -> None:
        with self._guard:
            self._content.sync()

    def give_up(self) -> None:
        with self._guard:
            self._content.give_up()

    def close(self) -> None:
        """There is nothing to release."""


class _MemoryLock:
    def __init__(self, held: set[str], place: str) -> None:
        self._held = held
        self._place = place

    def close(self) -> None:
        self._held.discard(self._place)


def _sectors(change: Change) -> list[Change]:
    """A write cut where the disk's sectors begin; anything else as it is."""
    if change.kind != "write":
        return [change]
    pieces = []
    start = change.offset
    end = start + len(change.data)
    while start < end:
        stop = min(end, (start // SECTOR_LENGTH + 1) * SECTOR_LENGTH)
        data = change.data[start - change.offset : stop - change.offset]
        pieces.append(change._replace(offset=start, data=data))
        start = stop
    return pieces


def _apply(content: bytearray, change: Change) -> None:
    offset, data = change.offset, change.data
    if change.kind == "truncate":
        del content[offset:]
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


@lru_cache(maxsize=1024)
def _normal(path: str) -> str:
    return posixpath.normpath(posixpath.join("/", path))


@lru_cache(maxsize=1024)
def _split(path: str) -> tuple[str, str]:
    return posixpath.split(_normal(path))


def _name_inside(place: str, path: str) -> str:
    """The name of `path` in directory `place`; empty where it is not directly inside."""
    parent, name = _split(path)
    return name if parent == place else ""
