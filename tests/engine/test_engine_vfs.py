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


def test_a_power_loss_takes_and_tears_what_it_is_told_to() -> None:
    """Each unsynced change survives, is lost, or leaves other bytes in its place; a removed file may come back."""
    vfs = MemoryVfs()
    file = vfs.create("/a")
    file.write(0, b"x" * 700)
    file.sync()
    vfs.sync_directory("/")
    file.write(600, b"y" * 10)
    vfs.remove("/a")
    removal, write = vfs.unsynced()
    assert (removal.kind, write.kind, write.offset) == ("name", "write", 600)
    assert vfs.after_power_loss([removal, write]).files() == {}
    assert vfs.after_power_loss([None, None]).files() == {"/a": b"x" * 700}
    assert vfs.after_power_loss([None, write]).files() == {"/a": b"x" * 600 + b"y" * 10 + b"x" * 90}
    torn = vfs.after_power_loss([None, write._replace(data=b"yy?")])
    assert torn.files() == {"/a": b"x" * 600 + b"yy?" + b"x" * 97}
    assert torn.unsynced() == []


def test_a_death_leaves_everything_unsynced_and_no_lock() -> None:
    """After the death of the process its changes are there and can still be lost; the copy shares nothing."""
    vfs = MemoryVfs()
    vfs.create("/a").write(0, b"1")
    vfs.lock("/LOCK")
    after = vfs.after_death()
    assert after.files() == vfs.files() == {"/a": b"1", "/LOCK": b""}
    assert after.unsynced() == vfs.unsynced()
    after.lock("/LOCK").close()
    after.open("/a").write(0, b"2")
    assert vfs.files()["/a"] == b"1"
    assert after.after_crash(lambda _: False).files() == {}


def test_what_a_failed_fsync_gave_up_is_not_saved_by_the_next() -> None:
    """It can be read and is lost all the same, until it is written again; what was written later is safe."""
    vfs = MemoryVfs()
    file = vfs.create("/a")
    vfs.sync_directory("/")
    file.write(0, b"12")
    vfs.fail_sync(file)
    file.write(2, b"34")
    file.sync()
    assert file.read(0, 9) == b"1234"
    assert [change.data for change in vfs.unsynced()] == [b"12"]
    assert vfs.after_crash(lambda _: False).files() == {"/a": b"\0\x0034"}
    assert vfs.after_crash(lambda _: True).files() == {"/a": b"1234"}
    file.write(0, b"12")
    file.sync()
    assert vfs.after_crash(lambda _: False).files() == {"/a": b"1234"}
