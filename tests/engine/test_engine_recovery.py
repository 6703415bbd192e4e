"""What is found after a crash, a torn tail, a damaged byte, a failed fsync."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

import pytest
import xxhash
from engine_disk import ShortSegmentsDatabase, WatchedVfs, contents, copy_of, with_contents

from engine import Corrupt, Database, DatabaseClosed, MemoryVfs, Poisoned, TransactionTooLarge
from engine.wal import HEADER_LENGTH, segment_name

FIRST = "/db/" + segment_name(1)
COMMITS = [{b"a": b"1"}, {b"b": b"2" * 30, b"a": None}, {b"c": b""}, {b"a": b"3", b"c": None}, {b"\0": b"4"}]


def states(commits: list[dict[bytes, bytes | None]]) -> list[dict[bytes, bytes]]:
    """The contents after each prefix of the commits."""
    found: list[dict[bytes, bytes]] = [{}]
    for writes in commits:
        state = {**found[-1], **writes}
        found.append({key: value for key, value in state.items() if value is not None})
    return found


def commit(database: Database, writes: dict[bytes, bytes | None]) -> None:
    with database.transaction() as transaction:
        for key, value in writes.items():
            if value is None:
                transaction.delete(key)
            else:
                transaction.put(key, value)


def everything(vfs: Any, database_class: type[Database] = Database) -> dict[bytes, bytes]:
    with database_class.open("/db", vfs=vfs) as database:
        database._check()
        return dict(database.scan())


def written(sync: str = "full", database_class: type[Database] = Database) -> tuple[MemoryVfs, list[int]]:
    """A disk with COMMITS, as after the death of the process, and where each record ends."""
    disk = MemoryVfs()
    database = database_class.open("/db", sync, vfs=disk)
    ends = [HEADER_LENGTH]
    for writes in COMMITS:
        commit(database, writes)
        ends.append(len(contents(disk, FIRST)))
    return copy_of(disk), ends


def test_commits_survive_the_death_of_the_process() -> None:
    """At full and normal every acknowledged commit is there after the process died, deletions included."""
    for sync in ("full", "normal"):
        disk, _ = written(sync)
        assert everything(disk) == states(COMMITS)[-1]


def test_a_tail_torn_at_any_byte_is_cut() -> None:
    """Whatever the last record lost, the commits before it are there, and new ones follow them safely."""
    disk, ends = written()
    data = contents(disk, FIRST)
    for length in range(len(data)):
        torn = with_contents(disk, FIRST, data[:length])
        kept = sum(end <= length for end in ends[1:])
        with Database.open("/db", vfs=torn) as database:
            assert dict(database.scan()) == states(COMMITS)[kept], length
            database.put("new", b"5")
            after = copy_of(torn)
        assert everything(after) == {**states(COMMITS)[kept], b"new": b"5"}, length


def test_rubbish_behind_the_log_is_cut() -> None:
    """Zeros or noise behind the last record are a torn tail, not damage."""
    disk, _ = written()
    data = contents(disk, FIRST)
    for rubbish in (bytes(3000), Random(1).randbytes(3000), data[-30:], b"\x93\xcf" * 500):
        torn = with_contents(disk, FIRST, data + rubbish)
        assert everything(torn) == states(COMMITS)[-1]
        assert everything(torn) == states(COMMITS)[-1]


def test_a_damaged_commit_in_the_middle_is_an_error() -> None:
    """Any flipped byte of an acknowledged commit before the last is Corrupt, with its segment and offset."""
    disk, ends = written()
    data = contents(disk, FIRST)
    for place in range(ends[-2]):
        damaged = data[:place] + bytes((data[place] ^ 0x10,)) + data[place + 1 :]
        with pytest.raises(Corrupt) as raised:
            Database.open("/db", vfs=with_contents(disk, FIRST, damaged))
        assert raised.value.segment == segment_name(1)
        assert raised.value.offset == max((end for end in ends if end <= place), default=0)


def test_a_refused_open_changes_nothing_and_can_be_repeated() -> None:
    """Corrupt leaves the files as they are and gives up the lock."""
    disk, _ = written()
    data = bytearray(contents(disk, FIRST))
    data[HEADER_LENGTH + 3] ^= 1
    damaged = with_contents(disk, FIRST, bytes(data))
    for _ in range(2):
        with pytest.raises(Corrupt):
            Database.open("/db", vfs=damaged)
    assert contents(damaged, FIRST) == data


def test_segments_follow_each_other() -> None:
    """A log of many segments is read as one; a missing, foreign or torn one in the middle is Corrupt."""
    disk = MemoryVfs()
    with ShortSegmentsDatabase.open("/db", vfs=disk) as database:
        for number in range(40):
            database.put(b"key%d" % number, b"x" * 20)
    names = [name for name in disk.names("/db") if name != "LOCK"]
    assert len(names) > 5
    assert len(everything(copy_of(disk))) == 40
    missing = copy_of(disk)
    missing.remove("/db/" + names[2])
    torn = with_contents(disk, "/db/" + names[2], contents(disk, "/db/" + names[2])[:-1])
    headless = with_contents(disk, "/db/" + names[-1], contents(disk, "/db/" + names[-1])[1:])
    first_missing = copy_of(disk)
    first_missing.remove("/db/" + names[0])
    for vfs in (missing, torn, headless, first_missing):
        with pytest.raises(Corrupt):
            Database.open("/db", vfs=vfs)


def test_a_segment_whose_making_was_torn_is_made_again() -> None:
    """A last segment without a whole header held no commit: it is removed, and its number used again."""
    disk, _ = written()
    torn_name = "/db/" + segment_name(len(COMMITS) + 1)
    for length in (0, 1, HEADER_LENGTH - 1):
        copy = copy_of(disk)
        copy.create(torn_name).write(0, bytes(length))
        assert everything(copy) == states(COMMITS)[-1]
        assert not copy.is_file(torn_name)


def test_a_failed_fsync_poisons() -> None:
    """After a failed fsync nothing is acknowledged any more; opening again finds what was acknowledged."""
    broken = False

    def before(step: str, path: str) -> None:
        if broken and step == "sync":
            raise OSError(errno.EIO, "input/output error")

    vfs = WatchedVfs(MemoryVfs(), before)
    database = Database.open("/db", vfs=vfs)  # type: ignore[arg-type]
    database.put("a", b"1")
    transaction = database.begin_transaction()
    transaction.put("b", b"1")
    broken = True
    with pytest.raises(Poisoned):
        database.put("a", b"2")
    broken = False
    for use in (
        lambda: database.put("a", b"3"),
        lambda: database.get("a"),
        database.scan,
        lambda: transaction.get("a"),
        transaction.commit,
        database.begin_transaction,
        database.stats,
    ):
        with pytest.raises(Poisoned):
            use()
    database.close()
    assert everything(vfs.disk.after_crash(lambda _: False)) == {b"a": b"1"}


@pytest.mark.parametrize(("sync", "syncs"), [("full", 5), ("normal", 0), ("off", 0)])
def test_the_sync_mode_says_how_often_the_disk_is_waited_for(sync: str, syncs: int) -> None:
    """Five commits: five fsyncs at full, none at normal, and at off not even a write."""
    disk = MemoryVfs()
    with Database.open("/db", sync, vfs=disk) as database:
        for number in range(5):
            database.put("a", b"%d" % number)
        stats = database.stats()
        assert stats["syncs"] == syncs
        assert stats["flushes"] == (0 if sync == "off" else 5)
        assert bool(disk.unsynced()) == (sync == "normal")


@pytest.mark.parametrize("sync", ["full", "normal", "off"])
def test_large_values_come_back(sync: str) -> None:
    """Values of any size around the places where records are written in pieces survive opening again."""
    sizes = [0, 1, 65_530, 65_536, 65_550, 1_048_570, 1_048_600, 3_000_000]
    disk = MemoryVfs()
    with Database.open("/db", sync, vfs=disk) as database:
        for size in sizes:
            database.put(b"%d" % size, b"v" * size)
            database.put(b"small %d" % size, b"s")
        database.put_batch([(b"together %d" % size, b"w" * size) for size in sizes])
    with Database.open("/db", vfs=disk) as database:
        for size in sizes:
            assert database.get(b"%d" % size) == b"v" * size
            assert database.get(b"together %d" % size) == b"w" * size
        assert len(database.scan_prefix("small")) == len(sizes)


def test_a_transaction_too_large_for_a_record_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no effect and leaves the database usable."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        monkeypatch.setattr("engine.wal.PAYLOAD_LENGTH_MAX", 1000)
        transaction = database.begin_transaction()
        transaction.put("a", bytes(1000))
        with pytest.raises(TransactionTooLarge):
            transaction.commit()
        with pytest.raises(TransactionTooLarge):
            database.put("a", bytes(1000))
        database.put("a", b"small")
        database._check()
        assert database.stats()["active"] == 0
    assert everything(disk) == {b"a": b"small"}


def test_a_log_of_a_newer_engine_is_refused() -> None:
    """A segment with another format version is not damaged, and not read either."""
    disk, _ = written()
    data = bytearray(contents(disk, FIRST))
    data[8] = 3
    data[HEADER_LENGTH - 8 : HEADER_LENGTH] = xxhash.xxh3_64_intdigest(bytes(data[: HEADER_LENGTH - 8])).to_bytes(
        8, "little"
    )
    with pytest.raises(ValueError, match="version 3"):
        Database.open("/db", vfs=with_contents(disk, FIRST, bytes(data)))


def test_an_interrupt_goes_its_way_and_leaves_no_commit_in_doubt() -> None:
    """An interrupt inside an fsync or an installation is raised as it is; afterwards nothing is acknowledged."""
    interrupted = False

    def before(step: str, path: str) -> None:
        if interrupted and step == "sync":
            raise KeyboardInterrupt

    database = Database.open("/db", vfs=WatchedVfs(MemoryVfs(), before))  # type: ignore[arg-type]
    interrupted = True
    with pytest.raises(KeyboardInterrupt):
        database.put("a", b"1")
    with pytest.raises(Poisoned):
        database.put("a", b"2")

    def interrupt(writes: Any, seq: int) -> Any:
        raise KeyboardInterrupt

    other = Database.open()
    other._store.index.install = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        other.put("a", b"1")
    with pytest.raises(Poisoned):
        other.get("a")


def test_numbers_go_on_after_opening_again() -> None:
    """Commit numbers never repeat: a new transaction starts at or above every earlier commit."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database, database.transaction() as transaction:
        transaction.put("a", b"1")
    with Database.open("/db", vfs=disk) as database:
        later = database.begin_transaction()
        assert later.get("a") == b"1"
        assert later.start_ts is not None
        assert transaction.commit_ts is not None
        assert later.start_ts >= transaction.commit_ts
        later.abort()
    with pytest.raises(DatabaseClosed):
        database.get("a")


def test_opening_and_closing_writes_nothing_new() -> None:
    """A database that is only opened and closed does not grow."""
    disk = MemoryVfs()
    Database.open("/db", vfs=disk).close()
    with Database.open("/db", vfs=disk) as database:
        database.put("a", b"1")
    length = len(contents(disk, FIRST))
    for _ in range(3):
        assert everything(disk) == {b"a": b"1"}
    assert len(contents(disk, FIRST)) == length
