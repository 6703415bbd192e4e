"""Directories for databases and backups: made where they are missing, each name durable before it is used."""

from __future__ import annotations

import os
import posixpath
from typing import Final

from engine.errors import InvalidPath
from engine.vfs import Vfs

__all__ = ["checked_path", "make_empty_place", "make_place"]

_NAME_LENGTH_MAX: Final = 255  # bytes


def checked_path(path: str | os.PathLike[str]) -> str:
    """The path as text. Raises InvalidPath for what can be no path."""
    try:
        text = os.fspath(path)
    except TypeError:
        raise InvalidPath(f"a path is text, not {type(path).__name__}") from None
    _refuse_no_path(text)
    return text


def make_place(vfs: Vfs, path: str) -> None:
    """Make the directory and those above it. Raises InvalidPath; nothing was created then."""
    _refuse_no_path(path)
    missing = []
    place = path.rstrip("/") or "/"
    while place and not vfs.is_directory(place):
        if vfs.is_file(place):
            raise InvalidPath(f"{place!r} is a file, not a directory")
        missing.append(place)
        place = posixpath.dirname(place)
    if missing or not vfs.names(path):
        # Whoever made the directory that is there already may have died before its name was durable.
        vfs.sync_directory(posixpath.dirname(place) or ".")
    for place in reversed(missing):
        _make_directory(vfs, place)


def make_empty_place(vfs: Vfs, path: str) -> None:
    """As `make_place`, and InvalidPath where something is in the directory already."""
    _refuse_no_path(path)
    if vfs.is_directory(path) and vfs.names(path):
        raise InvalidPath(f"{path!r} is not empty")
    make_place(vfs, path)


def _refuse_no_path(path: str) -> None:
    if not isinstance(path, str):
        raise InvalidPath(f"a path is text, not {type(path).__name__}")
    if not path or "\0" in path:
        raise InvalidPath("the path is empty or contains a NUL character")
    try:
        names = os.fsencode(path).split(b"/")
    except UnicodeEncodeError as error:
        raise InvalidPath(f"the path cannot be written as bytes: {error.reason}") from None
    if max(map(len, names)) > _NAME_LENGTH_MAX:
        raise InvalidPath(f"a name in the path has more than {_NAME_LENGTH_MAX} bytes")


def _make_directory(vfs: Vfs, path: str) -> None:
    try:
        vfs.make_directory(path)
    except FileExistsError:
        if not vfs.is_directory(path):  # Otherwise somebody else made it at the same moment.
            raise InvalidPath(f"{path!r} is a file, not a directory") from None
    except FileNotFoundError as error:
        raise InvalidPath(f"{path!r} cannot be made: {error.strerror}") from error
    vfs.sync_directory(posixpath.dirname(path) or ".")
