"""Checkpoints and compression: the log gets shorter, the contents stay what they are."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from engine_disk import ShortSegmentsDatabase, WatchedVfs, contents, copy_of, with_contents

from engine import Corrupt, Database, MemoryVfs
from engine.checkpoint import checkpoint_name
from engine.codec import CODECS
from engine.wal import HEADER_LENGTH, segment_name

EVERYTHING = [(b"k%d" % number, b"v%d" % number * 20) for number in range(9)]


def filled(database_class: type[Database] = ShortSegmentsDatabase) -> tuple[MemoryVfs, Database]:
    """A disk with nine keys, one of them written twice and one deleted, over several segments."""
    disk = MemoryVfs()
    database = database_class.open("/db", vfs=disk)
    database.put("gone", b"0")
    database.put("k0", b"old")
    for key, value in EVERYTHING:
        database.put(key, value)
    database.delete("gone")
    return disk, database


def segments(disk: MemoryVfs) -> list[str]:
    return [name for name in disk.names("/db") if name.startswith("wal-")]


def reopened(disk: MemoryVfs, database_class: type[Database] = Database) -> list[tuple[bytes, bytes]]:
    with database_class.open("/db", vfs=copy_of(disk)) as database:
        database._check()
        return database.scan()


def test_a_checkpoint_replaces_the_log_before_it() -> None:
    """Only an empty segment and the checkpoint are left; everything is there after opening again, and goes on."""
    disk, database = filled()
    assert len(segments(disk)) == 3
    assert database.checkpoint() == 12
    assert disk.names("/db") == ["LOCK", checkpoint_name(12), segment_name(13)]
    assert reopened(disk) == EVERYTHING
    database.put("later", b"1")
    assert reopened(disk) == [*EVERYTHING, (b"later", b"1")]
    assert database.checkpoint() == 13
    assert disk.names("/db") == ["LOCK", checkpoint_name(13), segment_name(14)]
    assert database.stats()["checkpoint"] == 13
    assert database.stats()["checkpoints"] == 2
    assert reopened(disk) == [*EVERYTHING, (b"later", b"1")]


def test_nothing_new_makes_no_new_checkpoint() -> None:
    """A second checkpoint without commits in between writes nothing, also after a crash."""
    disk, database = filled()
    database.checkpoint()
    assert database.checkpoint() == 12
    assert database.stats()["checkpoints"] == 1
    with Database.open("/db", vfs=copy_of(disk)) as again:
        assert again.checkpoint() == 12
        assert again.stats()["checkpoints"] == 0
        again.put("k0", b"1")
        assert again.checkpoint() == 13
        assert again.stats()["checkpoints"] == 1


def test_records_that_the_checkpoint_contains_are_not_applied_again() -> None:
    """Where the old segments are still there, what they wrote does not come back over the checkpoint."""
    disk, database = filled()
    old = {name: contents(disk, f"/db/{name}") for name in segments(disk)}
    database.put("k0", b"newest")
    database.delete("k1")
    database.checkpoint()
    state = database.scan()
    for name, data in old.items():
        if not disk.is_file(f"/db/{name}"):
            disk.create(f"/db/{name}").write(0, data)
    disk = copy_of(disk)
    with Database.open("/db", vfs=disk) as again:
        assert again.scan() == state
        assert segments(disk) == [segment_name(15)]


def test_commits_during_a_checkpoint_are_kept() -> None:
    """What is committed while the checkpoint is written is in the log behind it, and the snapshot does not see it."""
    disk = MemoryVfs()
    committed: list[int] = []

    def before(step: str, path: str) -> None:
        if step == "write" and path.endswith(".tmp"):
            committed.append(len(committed))
            database.put(f"during {len(committed)}", b"1")
            database.put("k0", b"changed")

    database = ShortSegmentsDatabase.open("/db", vfs=WatchedVfs(disk, before))  # type: ignore[arg-type]
    database.put_batch(EVERYTHING)
    seq = database.checkpoint()
    assert len(committed) == 3  # the header, one block, the end
    state = database.scan()
    assert (b"k0", b"changed") in state
    assert (b"during 3", b"1") in state
    assert reopened(disk) == state
    assert contents(disk, "/db/" + checkpoint_name(seq)).count(b"changed") == 0


def fails_at(step: str, suffix: str) -> Callable[[str, str], None]:
    def before(done: str, path: str) -> None:
        if done == step and path.endswith(suffix):
            raise OSError(errno.ENOSPC, "no space left on device")

    return before


@pytest.mark.parametrize("step", ["create", "write", "sync", "rename"])
def test_a_checkpoint_that_fails_loses_nothing(step: str) -> None:
    """Whatever the disk refuses, it is an OSError, nothing half done stays, and the database goes on."""
    disk, _ = filled()
    vfs = WatchedVfs(copy_of(disk), fails_at(step, ".ckpt.tmp"))
    database = ShortSegmentsDatabase.open("/db", vfs=vfs)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="no space"):
        database.checkpoint()
    assert [name for name in vfs.disk.names("/db") if name.endswith((".tmp", ".ckpt"))] == []
    database.put("later", b"1")
    vfs.before = lambda step, path: None
    assert database.checkpoint() == 13
    assert reopened(vfs.disk) == [*EVERYTHING, (b"later", b"1")]


def test_the_log_is_kept_short_without_asking() -> None:
    """A log longer than `checkpoint_length` is checkpointed by itself; with 0 it is not; a full disk is counted."""
    lengths = {}
    for limit in (2_000, 0):
        disk = MemoryVfs()
        database = Database.open("/db", vfs=disk, checkpoint_length=limit)
        for number in range(200):
            database.put(f"k{number % 5}", b"v" * 100)
        lengths[limit] = database.stats()["log_length"]
        assert lengths[limit] == sum(len(contents(disk, f"/db/{name}")) for name in segments(disk))
        assert (database.stats()["checkpoints"] > 5) == bool(limit)
        assert len(reopened(disk)) == 5
    assert int(lengths[2_000]) < 3_000 < int(lengths[0])
    vfs = WatchedVfs(MemoryVfs(), fails_at("create", ".ckpt.tmp"))
    database = Database.open("/db", vfs=vfs, checkpoint_length=2_000)  # type: ignore[arg-type]
    for _ in range(60):
        database.put("k", b"v" * 100)
    assert database.stats()["failed_checkpoints"] == 4
    assert database.stats()["checkpoints"] == 0
    assert reopened(vfs.disk) == [(b"k", b"v" * 100)]


def test_any_flipped_byte_of_a_checkpoint_is_an_error() -> None:
    """The error names the file and the block, and nothing is opened."""
    disk, database = filled()
    database.checkpoint()
    path = "/db/" + checkpoint_name(12)
    data = contents(disk, path)
    for place in range(0, len(data), 7):
        damaged = data[:place] + bytes((data[place] ^ 0x10,)) + data[place + 1 :]
        with pytest.raises(Corrupt) as caught:
            Database.open("/db", vfs=with_contents(disk, path, damaged))
        assert caught.value.segment == checkpoint_name(12)
        assert caught.value.offset <= place
    for length in (0, 30, len(data) - 1):
        with pytest.raises(Corrupt):
            Database.open("/db", vfs=with_contents(disk, path, data[:length]))
    with pytest.raises(Corrupt, match="behind the end"):
        Database.open("/db", vfs=with_contents(disk, path, data + b"\0"))


def test_a_log_that_ends_before_the_checkpoint_starts_anew() -> None:
    """Damage to the last records that the checkpoint contains as well loses nothing, then and later."""
    disk, database = filled(Database)
    data = contents(disk, "/db/" + segment_name(1))
    database.checkpoint()
    disk.remove("/db/" + segment_name(13))
    disk.create("/db/" + segment_name(1)).write(0, data[:-5])
    disk = copy_of(disk)
    with Database.open("/db", vfs=disk) as again:
        assert again.scan() == EVERYTHING
        assert again.stats()["log_length"] == HEADER_LENGTH
        again.put("later", b"1")
    assert reopened(disk) == [*EVERYTHING, (b"later", b"1")]


@pytest.mark.parametrize("name", CODECS)
def test_the_codec_may_be_switched_while_open(name: str) -> None:
    """Everything written before and after each switch is read again, from the log and from a checkpoint."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        assert database.compression == "none"
        for number, codec in enumerate(["none", name, "zlib", name, "none"]):
            database.compression = codec
            assert database.stats()["compression"] == codec
            database.put(f"long {number}", b"abc" * 5_000)
            database.put(f"short {number}", b"x")
        database.compression = name
        state = database.scan()
        log_length = int(database.stats()["log_bytes"])
        assert reopened(disk) == state
        database.checkpoint()
        assert reopened(disk) == state
        length = len(contents(disk, "/db/" + checkpoint_name(10)))
    assert (length < 2_000) == (name != "none")
    assert (log_length < 50_000) == (name != "none")


def test_an_unknown_codec_is_refused() -> None:
    """The old one stays."""
    database = Database.open()
    database.compression = "lz4"
    wrong: Any
    for wrong in ("gzip", "", None, 1):
        with pytest.raises(ValueError, match="none, lz4, zstd, zlib"):
            database.compression = wrong
    assert database.compression == "lz4"


def test_what_does_not_get_smaller_is_stored_as_it_is() -> None:
    """Noise is not blown up by a codec."""
    from random import Random

    lengths = []
    for codec in ("none", "zstd"):
        with Database.open("/db", vfs=MemoryVfs()) as database:
            database.compression = codec
            database.put("noise", Random(1).randbytes(10_000))
            lengths.append(database.stats()["log_bytes"])
    assert lengths[0] == lengths[1]
