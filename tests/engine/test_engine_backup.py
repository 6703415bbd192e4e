"""Backups are taken while others write, verified to the byte, restored; and damage is salvaged only when asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xxhash
from engine_disk import contents, with_contents

from engine import Conflict, Corrupt, Database, InvalidPath, Locked, MemoryVfs, NewerFormat
from engine.checkpoint import checkpoint_name
from engine.wal import HEADER_LENGTH, segment_name

EVERYTHING = [(b"k%02d" % number, b"v%d" % number * 20) for number in range(50)]


def backed_up() -> MemoryVfs:
    """A disk with a database in /db and its backup in /copy."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        for key, value in EVERYTHING:
            database.put(key, value)
        database.backup("/copy")
    return disk


def test_a_backup_holds_what_was_committed_when_it_began() -> None:
    """Writes during and after it are not in it, those before it are; it can be restored and opened."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        database.put_batch(EVERYTHING)
        open_transaction = database.begin_transaction()
        open_transaction.put("not committed", b"1")
        entries = database._store.index.entries_at

        def entries_while_others_write(snap: int) -> object:
            for number, entry in enumerate(entries(snap)):
                database.put(f"during {number}", b"1")
                database.put("k49", b"changed")
                yield entry

        database._store.index.entries_at = entries_while_others_write  # type: ignore[assignment, method-assign]
        backup = database.backup("/copy")
    assert backup.seq == 1
    assert Database.verify_backup("/copy", vfs=disk) == backup
    assert Database.restore("/copy", "/restored", vfs=disk) == backup
    with Database.open("/restored", vfs=disk) as restored:
        assert restored.scan() == EVERYTHING
        restored.put("later", b"1")
    with Database.open("/restored", vfs=disk) as restored:
        assert restored.get("later") == b"1"


def test_a_database_in_memory_is_backed_up_to_the_disk(tmp_path: Path) -> None:
    """What lives in memory only can be kept by a backup."""
    database = Database.open()
    database.compression = "zstd"
    database.put_batch(EVERYTHING)
    assert database.backup(tmp_path / "copy").file.length < 2_000
    Database.restore(tmp_path / "copy", tmp_path / "db")
    with Database.open(tmp_path / "db") as restored:
        assert restored.scan() == EVERYTHING


def test_verify_finds_any_flipped_byte() -> None:
    """In the checkpoint and in the manifest, at every place; the file is named."""
    disk = backed_up()
    for name in ("MANIFEST", checkpoint_name(50)):
        data = contents(disk, f"/copy/{name}")
        for place in range(len(data)):
            damaged = data[:place] + bytes((data[place] ^ 0x01,)) + data[place + 1 :]
            with pytest.raises(Corrupt) as caught:
                Database.verify_backup("/copy", vfs=with_contents(disk, f"/copy/{name}", damaged))
            assert caught.value.segment == name, place


def test_a_backup_that_is_not_whole_is_refused() -> None:
    """A missing manifest or checkpoint, another file than the manifest says, no directory at all."""
    for name in ("MANIFEST", checkpoint_name(50)):
        disk = backed_up()
        disk.remove(f"/copy/{name}")
        with pytest.raises(Corrupt, match="unfinished"):
            Database.verify_backup("/copy", vfs=disk)
        with pytest.raises(Corrupt, match="unfinished"):
            Database.restore("/copy", "/restored", vfs=disk)
        assert not disk.is_directory("/restored")
    for path in ("/nowhere", "/copy/MANIFEST", "/copy\0"):
        with pytest.raises(InvalidPath):
            Database.verify_backup(path, vfs=backed_up())


def rewritten(disk: MemoryVfs, **changes: object) -> MemoryVfs:
    """The backup with another manifest, whose own checksum is right."""
    manifest = json.loads(contents(disk, "/copy/MANIFEST").splitlines()[0])
    line = json.dumps({**manifest, **changes}).encode()
    return with_contents(disk, "/copy/MANIFEST", line + b"\n" + xxhash.xxh3_128_hexdigest(line).encode() + b"\n")


def test_a_manifest_is_not_believed() -> None:
    """One that names other files, numbers or databases is refused; one of a newer format is said to be so."""
    disk = backed_up()
    Database.verify_backup("/copy", vfs=rewritten(disk))
    file = json.loads(contents(disk, "/copy/MANIFEST").splitlines()[0])["files"][0]
    wrong: list[dict[str, object]] = [
        {"seq": 49},
        {"database": "00" * 16},
        {"files": [["../db/" + segment_name(1), *file[1:]]]},
        {"files": [[file[0], file[1] + 1, file[2]]]},
        {"files": [[file[0], file[1], "0" * 32]]},
        {"files": []},
        {"seq": "many"},
        {"more": 1},
    ]
    for changes in wrong:
        with pytest.raises(Corrupt):
            Database.verify_backup("/copy", vfs=rewritten(disk, **changes))
    with pytest.raises(NewerFormat):
        Database.verify_backup("/copy", vfs=rewritten(disk, format=2))


def test_backups_and_restores_overwrite_nothing() -> None:
    """The directory is new or empty, or the call is refused and changes nothing."""
    disk = backed_up()
    with Database.open("/db", vfs=disk) as database, pytest.raises(InvalidPath, match="not empty"):
        database.backup("/copy")
    with pytest.raises(InvalidPath, match="not empty"):
        Database.restore("/copy", "/db", vfs=disk)
    disk.make_directory("/empty")
    Database.restore("/copy", "/empty", vfs=disk)
    with Database.open("/empty", vfs=disk) as database:
        assert database.scan() == EVERYTHING


def test_a_backup_lets_go_of_its_snapshot() -> None:
    """Afterwards nothing old is kept, whether it worked or not."""
    disk = backed_up()
    with Database.open("/db", vfs=disk) as database:
        with pytest.raises(InvalidPath):
            database.backup("/copy")
        database.backup("/other")
        assert database.stats()["active"] == 0


def damaged_in_the_middle() -> MemoryVfs:
    """The database of `backed_up` with one byte of its 31st commit flipped."""
    disk = backed_up()
    path = "/db/" + segment_name(1)
    data = contents(disk, path)
    place = data.index(b"v30v30")
    return with_contents(disk, path, data[:place] + b"w" + data[place + 1 :])


def test_salvage_recovers_the_prefix_only_when_asked() -> None:
    """Opening is refused with segment and offset; salvage makes another database of the commits before the damage."""
    disk = damaged_in_the_middle()
    path = "/db/" + segment_name(1)
    before = contents(disk, path)
    with pytest.raises(Corrupt) as caught:
        Database.open("/db", vfs=disk)
    found = Database.salvage("/db", "/saved", vfs=disk)
    assert (found.seq, found.keys, found.complete_to_seq) == (30, 30, True)
    assert found.damage is not None
    assert (found.damage.segment, found.damage.offset) == (segment_name(1), caught.value.offset)
    assert HEADER_LENGTH < caught.value.offset < before.index(b"w30v30")
    assert contents(disk, path) == before
    with Database.open("/saved", vfs=disk) as saved:
        assert saved.scan() == EVERYTHING[:30]
        saved.put("k00", b"goes on")
        with pytest.raises(Conflict):
            conflict_of(saved)
    with pytest.raises(InvalidPath, match="not empty"):
        Database.salvage("/db", "/saved", vfs=disk)


def conflict_of(database: Database) -> None:
    one, two = database.begin_transaction(), database.begin_transaction()
    for transaction in (one, two):
        transaction.get("k00")
        transaction.put("k00", b"")
    one.commit()
    two.commit()


def test_salvage_of_a_sound_database_is_all_of_it() -> None:
    """No damage, no loss; a torn tail is no damage and stays where it is."""
    disk = backed_up()
    path = "/db/" + segment_name(1)
    torn = with_contents(disk, path, contents(disk, path)[:-4])
    for source in (disk, torn):
        before = contents(source, path)
        found = Database.salvage("/db", "/saved", vfs=source)
        assert (found.keys, found.damage, found.complete_to_seq) == (50, None, True)
        assert contents(source, path) == before
        with Database.open("/saved", vfs=source) as saved:
            assert saved.scan() == EVERYTHING


def test_salvage_of_a_damaged_checkpoint_says_that_keys_are_missing() -> None:
    """The blocks before the damage are kept, and the result does not claim to be a whole state."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        database.put_batch([(b"%03d" % number, b"x" * 400_000) for number in range(9)])
        database.checkpoint()
    path = "/db/" + checkpoint_name(1)
    data = contents(disk, path)
    disk = with_contents(disk, path, data[:2_000_000] + b"y" + data[2_000_001:])
    found = Database.salvage("/db", "/saved", vfs=disk)
    assert (found.seq, found.keys, found.complete_to_seq) == (1, 3, False)
    with Database.open("/saved", vfs=disk) as saved:
        assert [key for key, _ in saved.scan()] == [b"000", b"001", b"002"]


def test_salvage_reads_nothing_that_is_open() -> None:
    """A database in use is refused, and a directory that is none."""
    disk = backed_up()
    with Database.open("/db", vfs=disk), pytest.raises(Locked):
        Database.salvage("/db", "/saved", vfs=disk)
    with pytest.raises(InvalidPath):
        Database.salvage("/nowhere", "/saved", vfs=disk)
    assert not disk.is_directory("/saved")
