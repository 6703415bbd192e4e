"""Files: the real and the in-memory file system do the same, and a crash takes only what was not synced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import Locked, MemoryVfs, OsVfs


@pytest.fixture(params=["system", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, str]:
    """A file system and an empty directory in it."""
    if request.param == "system":
        return OsVfs(), str(tmp_path)
    vfs = MemoryVfs()
    vfs.make_directory("/work")
    return vfs, "/work"


def test_files_hold_what_was_written(place: tuple[Any, str]) -> None:
    """Writes land at their offsets, gaps are zeros, reads stop at the end, truncation cuts and extends."""
    vfs, directory = place
    file = vfs.create(f"{directory}/a")
    file.write(0, b"hello")
    file.write(8, b"you")
    assert (file.size(), file.read(0, 100), file.read(4, 2)) == (11, b"hello\0\0\0you", b"o\0")
    file.truncate(3)
    file.truncate(5)
    file.sync()
    file.close()
    again = vfs.open(f"{directory}/a")
    assert again.read(0, 100) == b"hel\0\0"
    assert again.read(50, 1) == b""
    again.close()
    again.close()


def test_names_come_and_go(place: tuple[Any, str]) -> None:
    """Creating, renaming over another file, removing, listing; what is missing or there already is an OSError."""
    vfs, directory = place
    for name in ("b", "a"):
        vfs.create(f"{directory}/{name}").write(0, name.encode())
    vfs.make_directory(f"{directory}/d")
    assert vfs.names(directory) == ["a", "b", "d"]
    assert (vfs.is_file(f"{directory}/a"), vfs.is_directory(f"{directory}/a")) == (True, False)
    assert (vfs.is_file(f"{directory}/d"), vfs.is_directory(f"{directory}/d")) == (False, True)
    assert not vfs.is_file(f"{directory}/c")
    vfs.rename(f"{directory}/b", f"{directory}/a")
    assert vfs.names(directory) == ["a", "d"]
    assert vfs.open(f"{directory}/a").read(0, 9) == b"b"
    vfs.sync_directory(directory)
    vfs.remove(f"{directory}/a")
    assert vfs.names(directory) == ["d"]
    for missing in (vfs.open, vfs.remove):
        with pytest.raises(FileNotFoundError):
            missing(f"{directory}/a")
    with pytest.raises(FileNotFoundError):
        vfs.sync_directory(f"{directory}/nowhere")
    for taken in (vfs.create, vfs.make_directory):
        with pytest.raises(FileExistsError):
            taken(f"{directory}/d")


def test_a_lock_is_held_once(place: tuple[Any, str]) -> None:
    """A second taker gets Locked until the first gives it up."""
    vfs, directory = place
    lock = vfs.lock(f"{directory}/LOCK")
    with pytest.raises(Locked):
        vfs.lock(f"{directory}/LOCK")
    lock.close()
    vfs.lock(f"{directory}/LOCK").close()


def test_a_crash_takes_what_was_not_synced() -> None:
    """Contents need the file's sync, names the directory's; writes are lost by the sector, renames as a whole."""
    vfs = MemoryVfs()
    vfs.make_directory("/d")
    vfs.sync_directory("/")
    file = vfs.create("/d/a")
    file.write(0, b"old" * 400)
    file.sync()
    assert vfs.after_crash(lambda _: False).names("/d") == []
    vfs.sync_directory("/d")
    file.write(500, b"n" * 600)
    assert [(one.kind, one.offset, len(one.data)) for one in vfs.unsynced()] == [
        ("write", 500, 12),
        ("write", 512, 512),
        ("write", 1024, 76),
    ]
    torn = vfs.after_crash(lambda change: change.offset == 512)
    assert torn.open("/d/a").read(0, 2000) == (b"old" * 400)[:512] + b"n" * 512 + (b"old" * 400)[1024:]
    vfs.rename("/d/a", "/d/b")
    assert vfs.after_crash(lambda _: False).names("/d") == ["a"]
    kept = vfs.after_crash(lambda change: change.kind == "rename")
    assert kept.names("/d") == ["b"]
    assert kept.open("/d/b").read(0, 2000) == b"old" * 400
    file.truncate(1)
    assert kept.unsynced() == []
    assert vfs.after_crash(lambda change: change.kind != "write").open("/d/b").read(0, 9) == b"o"
    vfs.sync_directory("/d")
    vfs.remove("/d/b")
    assert vfs.after_crash(lambda _: False).names("/d") == ["b"]


def test_a_directory_nobody_synced_may_be_gone() -> None:
    """A new directory's own name needs the sync of the directory above."""
    vfs = MemoryVfs()
    vfs.make_directory("/d")
    vfs.sync_directory("/d")
    vfs.make_directory("/d/inner")
    assert not vfs.after_crash(lambda _: False).is_directory("/d")
    vfs.sync_directory("/")
    assert vfs.after_crash(lambda _: False).is_directory("/d")
    assert not vfs.after_crash(lambda _: False).is_directory("/d/inner")
