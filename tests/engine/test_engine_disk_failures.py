"""Places where storage lost commits once: each a small story of a disk, found by the crash simulator."""

from __future__ import annotations

import errno

import pytest
from engine_disk import WatchedVfs, copy_of

from engine import Database, MemoryVfs, Poisoned
from engine.proof.watched import FailingVfs, Failure


def nothing_kept(disk: MemoryVfs) -> MemoryVfs:
    return disk.after_crash(lambda _: False)


def everything(disk: MemoryVfs, path: str = "/db") -> list[tuple[bytes, bytes]]:
    with Database.open(path, vfs=disk) as database:
        return database.scan()


def test_the_name_of_a_directory_above_is_made_safe() -> None:
    """A parent directory whose maker died before its name was safe does not take the database with it."""
    disk = MemoryVfs()
    disk.make_directory("/above")
    Database.open("/above/db", vfs=disk).put("a", b"1")
    assert everything(nothing_kept(disk), "/above/db") == [(b"a", b"1")]


def test_a_close_that_cannot_write_is_poisoned() -> None:
    """Whichever write or fsync of a clean close fails, it is Poisoned, and what was safe before is there."""
    for step, calls in (("write", 1), ("sync", 2)):
        for call in range(1, calls + 1):
            vfs = FailingVfs(MemoryVfs(), None)
            database = Database.open("/db", "normal", vfs=vfs)
            database.put("a", b"1")
            vfs.failure = Failure(step, call, errno.EIO)
            with pytest.raises(Poisoned):
                database.close()
            assert everything(vfs.disk) == [(b"a", b"1")]


def test_what_a_failed_fsync_gave_up_is_written_again() -> None:
    """A process that opens the disk of a poisoned one shows only what it has made safe itself."""
    vfs = FailingVfs(MemoryVfs(), None)
    database = Database.open("/db", vfs=vfs)
    database.put("a", b"1")
    vfs.failure = Failure("sync", 1, errno.EIO)
    with pytest.raises(Poisoned):
        database.put("b", b"2")
    disk = vfs.disk.after_death()
    again = Database.open("/db", vfs=disk)
    shown = again.scan()
    assert everything(nothing_kept(disk)) == shown
    again.put("c", b"3")
    assert everything(nothing_kept(disk)) == [*shown, (b"c", b"3")]


def test_recovery_makes_a_checkpoint_safe_before_the_log_goes() -> None:
    """After a death between a checkpoint's rename and its sync, recovery may lose power at any step."""
    deaths: list[MemoryVfs] = []
    images: list[MemoryVfs] = []
    vfs = WatchedVfs(MemoryVfs(), lambda step, path: None)
    database = Database.open("/db", vfs=vfs)
    database.put("a", b"1")

    def before_the_sync(step: str, path: str) -> None:
        if step == "sync_directory" and any(change.kind == "rename" for change in vfs.disk.unsynced()):
            deaths.append(vfs.disk.after_death())

    vfs.before = before_the_sync
    database.checkpoint()
    assert len(deaths) == 1
    disk = deaths[0]
    recovered = WatchedVfs(disk, lambda step, path: images.append(disk.after_crash(lambda one: one.kind != "rename")))
    Database.open("/db", vfs=recovered)
    assert len(images) > 3
    for image in images:
        assert everything(image) == [(b"a", b"1")]


def test_a_close_makes_no_checkpoint() -> None:
    """Closing a database whose log has just become long enough for a checkpoint closes it."""
    disk = MemoryVfs()
    database = Database.open("/db", "off", vfs=disk, checkpoint_length=100)
    for number in range(10):
        database.put(f"k{number}", bytes(30))
    database.close()
    assert disk.unsynced() == []
    assert len(everything(copy_of(disk))) == 10
