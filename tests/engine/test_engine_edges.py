"""Edges where an engine goes wrong quietly: each a small story that went wrong once."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from engine_disk import WatchedVfs, contents, with_contents

from engine import (
    Conflict,
    Corrupt,
    Database,
    DatabaseClosed,
    InvalidPath,
    IsolationLevel,
    MemoryVfs,
    Poisoned,
)
from engine.checkpoint import checkpoint_name
from engine.wal import HEADER_LENGTH, encode_record, encode_writes, segment_name

FIRST = "/db/" + segment_name(1)


def test_a_level_may_be_asked_for_by_its_name() -> None:
    """The name is the level, not a weaker one; another name is refused."""
    database = Database.open()
    one: Any = database.begin_transaction("serializable")  # type: ignore[arg-type]
    two: Any = database.begin_transaction("serializable")  # type: ignore[arg-type]
    assert one.isolation is IsolationLevel.SERIALIZABLE
    one.get("x")
    two.get("y")
    one.put("y", b"1")
    two.put("x", b"1")
    one.commit()
    with pytest.raises(Conflict):
        two.commit()
    with pytest.raises(ValueError, match="repeatable"):
        database.transaction("repeatable-read")  # type: ignore[arg-type]


def test_the_process_may_change_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that was opened by a relative path stays where it is."""
    for name in ("here", "there"):
        (tmp_path / name / "db").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with Database.open("db") as database:
        database.put("a", b"1")
        monkeypatch.chdir(tmp_path / "there")
        database.checkpoint()
        database.put("b", b"2")
    assert os.listdir(tmp_path / "there" / "db") == []
    with Database.open(tmp_path / "here" / "db") as database:
        assert database.scan() == [(b"a", b"1"), (b"b", b"2")]


@pytest.mark.parametrize("path", [b"bytes", 5, None, "\ud800", "a/" + "b" * 256, "", "nul\0"])
def test_what_can_be_no_path_is_refused(path: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is InvalidPath, for every call that takes a path, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    database = Database.open()
    calls: list[Any] = [Database.open, database.backup, Database.verify_backup]
    calls += [lambda path: Database.restore(path, "into"), lambda path: Database.salvage(path, "into")]
    for call in calls:
        with pytest.raises(InvalidPath):
            call(path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("length", [-1, "x", 1.5, True, None])
def test_a_checkpoint_length_is_a_number_of_bytes(length: Any) -> None:
    """Anything else is refused before something is made."""
    disk = MemoryVfs()
    with pytest.raises(ValueError, match="checkpoint_length"):
        Database.open("/db", vfs=disk, checkpoint_length=length)
    assert disk.names("/") == []


def test_a_commit_in_part_is_not_built_upon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a commit is installed and what it read cannot be stamped any more, nothing goes on."""
    database = Database.open()
    other = database.begin_transaction()
    other.get("x")
    transaction = database.begin_transaction()
    transaction.get("y")
    transaction.put("x", b"1")

    def no_memory(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(database._store.rule, "remember_reads", no_memory)
    with pytest.raises(MemoryError):
        transaction.commit()
    with pytest.raises(Poisoned, match="MemoryError"):
        other.put("y", b"1")


def no_write(step: str, path: str) -> None:
    if step == "write":
        raise OSError(errno.EIO, "input/output error")


def test_closing_says_that_something_acknowledged_may_be_lost() -> None:
    """At sync=off a failed flush is told by close; at full, where it was told to the writer, close is quiet."""
    for sync, raises in (("off", True), ("normal", True), ("full", False)):
        vfs = WatchedVfs(MemoryVfs(), lambda step, path: None)
        database = Database.open("/db", sync, vfs=vfs)
        database.put("a", b"1")
        vfs.before = no_write
        with pytest.raises(Poisoned):
            database.checkpoint() if sync == "off" else database.put("b", b"1")
        if raises:
            with pytest.raises(Poisoned, match="not everything"):
                database.close()
        database.close()


def test_a_reader_cannot_commit_after_closing() -> None:
    """At every level, a transaction without writes that is open when the database is closed can only be aborted."""
    for level in IsolationLevel:
        database = Database.open()
        transaction = database.begin_transaction(level, read_only=True)
        transaction.get("a")
        database.close()
        with pytest.raises(DatabaseClosed):
            transaction.commit()


def test_values_that_cannot_be_ended_yet_end_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error on the way does not lose the moment at which a value ends."""

    class Watch:
        seconds = 1000.0

        def now(self) -> float:
            return self.seconds

    watch = Watch()
    database = Database.open("/db", vfs=MemoryVfs(), clock=watch)
    database.put("a", b"1", ttl_seconds=5)
    watch.seconds += 5
    assert database._files is not None
    with monkeypatch.context() as patch:
        patch.setattr(database._files.log, "encode", lambda writes: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError):
            database.get("a")
    assert database.get("a") is None


def test_a_missing_library_is_missed_when_the_codec_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the old codec stays."""
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    database = Database.open()
    with pytest.raises(ImportError):
        database.compression = "lz4"
    assert database.compression == "none"


def test_a_value_written_again_and_again_leaves_nothing_to_end() -> None:
    """What is remembered of moments is bounded by the keys, not by the writes."""
    database = Database.open()
    for _ in range(5_000):
        database.put("a", b"1", ttl_seconds=1_000)
    assert len(database._store.expiries._heap) <= 1_025


def test_a_strange_record_behind_a_damaged_one_is_an_error_of_the_engine() -> None:
    """A record whose writes nobody can read still tells that the one before it was safe: Corrupt, and salvaged."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        database.put("a", b"1")
        end = len(contents(disk, FIRST))
        database.put("b", b"2")
        assert database._files is not None
        seed = database._files.log._segment.seed
    data = contents(disk, FIRST)
    strange = b"".join(encode_record(4, 3, (99, encode_writes({b"c": b"3"})[1]), seed))
    damaged = with_contents(disk, FIRST, data[: end + 9] + bytes(9) + data[end + 18 :] + strange)
    with pytest.raises(Corrupt) as caught:
        Database.open("/db", vfs=damaged)
    assert (caught.value.segment, caught.value.offset) == (segment_name(1), end)
    assert end > HEADER_LENGTH
    assert Database.salvage("/db", "/saved", vfs=damaged).keys == 1


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"format": 1, "database": "\xff"}', b"{}", b"1"])
def test_a_hostile_manifest_is_corrupt(line: bytes) -> None:
    """Whatever stands in it, with a right checksum, it is the engine's own error."""
    import xxhash

    from engine import NewerFormat

    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        database.put("a", b"1")
        database.backup("/copy")
    hostile = with_contents(disk, "/copy/MANIFEST", line + b"\n" + xxhash.xxh3_128_hexdigest(line).encode() + b"\n")
    with pytest.raises((Corrupt, NewerFormat)):
        Database.verify_backup("/copy", vfs=hostile)


def test_a_failed_open_leaves_no_file_open(tmp_path: Path) -> None:
    """Twenty openings of a damaged database leave as many descriptors as there were before."""
    with Database.open(tmp_path / "db") as database:
        database.put("a", b"1")
        database.checkpoint()
    damaged = tmp_path / "db" / checkpoint_name(1)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(Corrupt):
            Database.open(tmp_path / "db")
    assert len(os.listdir("/proc/self/fd")) == before
