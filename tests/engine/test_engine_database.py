"""The database's surface: calls, errors, paths, locks, batches, scans."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import (
    KEY_LENGTH_MAX,
    Conflict,
    Database,
    DatabaseClosed,
    EngineError,
    InvalidKey,
    InvalidPath,
    InvalidValue,
    IsolationLevel,
    Locked,
    ReadOnly,
    TransactionClosed,
)
from engine.index import SIDE_LENGTH_MAX


@pytest.fixture(params=["autocommit", *IsolationLevel], ids=str)
def place(request: pytest.FixtureRequest) -> Any:
    """A fresh database itself, or a transaction of each level on one: both take the same calls."""
    database = Database.open()
    return database if request.param == "autocommit" else database.begin_transaction(request.param)


def test_keys_and_values_come_back(place: Any) -> None:
    """Text is its UTF-8 form; NUL bytes and empty values are kept; what is absent is None."""
    place.put("é", b"")
    place.put(b"\0", b"\0\0")
    place.put("long" * 1000, bytes(range(256)) * 100)
    place.put("array", bytearray(b"copied"))
    assert place.get("é".encode()) == b""
    assert place.get("\0") == b"\0\0"
    assert place.get(b"long" * 1000) == bytes(range(256)) * 100
    assert place.get("array") == b"copied"
    assert place.get("absent") is None
    assert place.exists("é")
    place.delete("é")
    place.delete("absent")
    assert not place.exists("é")
    assert place.get("é") is None


def test_scans_are_ordered_and_half_open(place: Any) -> None:
    """A scan gives the keys of [start, end) in byte order; a prefix gives what starts with it, up to 255 bytes."""
    keys = [b"\0", b"a", b"a\0", b"ab", b"ab\xff", b"ac", b"b", b"\xff\xff", b"\xff\xff\0", b"\xff\xff\xff"]
    for key in reversed(keys):
        place.put(key, key)
    pairs = [(key, key) for key in keys]
    assert place.scan() == pairs
    assert place.scan("a", "ac") == pairs[1:5]
    assert place.scan("ac", "a") == []
    assert place.scan(start="b") == pairs[6:]
    assert place.scan(end="ab") == pairs[:3]
    assert place.scan_prefix("ab") == pairs[3:5]
    assert place.scan_prefix(b"\xff\xff") == pairs[7:]
    assert place.scan_prefix("zz") == []
    assert place.scan_prefix_unchecked(b"") == pairs
    assert place.scan_prefix_unchecked("a") == pairs[1:6]
    place.delete("ab")
    assert place.scan_prefix_unchecked("a") == [pairs[1], pairs[2], pairs[4], pairs[5]]
    for short in ("", "a", b"\xff"):
        with pytest.raises(InvalidKey, match="at least 2 bytes"):
            place.scan_prefix(short)


def test_batches_count_and_the_last_write_wins(place: Any) -> None:
    """A batch of pairs counts its pairs, a batch of deletions the keys that existed; empty ones are 0."""
    assert place.put_batch([]) == 0
    assert place.get_batch([]) == []
    assert place.delete_batch([]) == 0
    assert place.put_batch([("a", b"1"), ("b", b"2"), (b"a", b"3")]) == 3
    assert place.put_batch((f"k{n}", b"%d" % n) for n in range(3000)) == 3000
    assert place.get_batch(["b", "a", "nothing", "k2999"]) == [b"2", b"3", None, b"2999"]
    assert place.delete_batch(["a", "nothing", "a", "k0"]) == 2
    assert len(place.scan()) == 3000


@pytest.mark.parametrize("key", ["", b"", 5, None, 1.5, ("a",), "x" * (KEY_LENGTH_MAX + 1), "\ud800"], ids=repr)
def test_keys_are_checked(place: Any, key: Any) -> None:
    """A key that is empty, too long, without UTF-8 form or of another type is InvalidKey for every call."""
    for call in (
        lambda: place.get(key),
        lambda: place.put(key, b""),
        lambda: place.delete(key),
        lambda: place.exists(key),
        lambda: place.put_batch([("fine", b""), (key, b"")]),
        lambda: place.get_batch([key]),
        lambda: place.delete_batch(["fine", key]),
    ):
        with pytest.raises(InvalidKey):
            call()
    assert place.get("fine") is None
    place.put("x" * KEY_LENGTH_MAX, b"longest")
    assert place.get(b"x" * KEY_LENGTH_MAX) == b"longest"


@pytest.mark.parametrize("value", [None, "text", 5, [1]], ids=repr)
def test_values_are_checked(place: Any, value: Any) -> None:
    """A value is bytes; anything else is InvalidValue and leaves nothing behind, also inside a batch."""
    with pytest.raises(InvalidValue):
        place.put("a", value)
    with pytest.raises(InvalidValue):
        place.put_batch([("a", b"1"), ("b", value)])
    assert place.get("a") is None


@pytest.mark.parametrize("level", list(IsolationLevel))
def test_an_ended_transaction_is_closed(level: IsolationLevel) -> None:
    """After commit, abort or a refusal every call on a transaction is TransactionClosed."""
    database = Database.open()
    committed, aborted = database.begin_transaction(level), database.begin_transaction(level)
    committed.put("a", b"1")
    committed.commit()
    aborted.put("b", b"1")
    aborted.abort()
    for ended in (committed, aborted):
        calls = (ended.commit, ended.abort, partial(ended.get, "a"), partial(ended.put, "a", b""), ended.scan)
        for call in (*calls, partial(ended.delete, "a"), partial(ended.exists, "a")):
            with pytest.raises(TransactionClosed):
                call()
    assert database.scan() == [(b"a", b"1")]
    database._check()
    assert database.stats()["active"] == 0


def test_a_refused_transaction_is_closed() -> None:
    """A transaction that failed with Conflict has no effect and cannot be used, committed or aborted again."""
    database = Database.open()
    transaction = database.begin_transaction()
    transaction.put("a", b"1")
    transaction.put("b", b"1")
    database.put("a", b"2")
    with pytest.raises(Conflict, match="write conflict") as raised:
        transaction.commit()
    assert raised.value.reason == str(raised.value)
    for call in (transaction.commit, transaction.abort, lambda: transaction.get("a")):
        with pytest.raises(TransactionClosed):
            call()
    assert database.scan() == [(b"a", b"2")]
    assert database.stats()["conflicts"] == 1


def test_the_block_of_a_transaction_commits_or_aborts() -> None:
    """Leaving the block commits; an exception aborts and goes on its way; an ended transaction is left alone."""
    database = Database.open()
    with database.transaction() as transaction:
        transaction.put("a", b"1")
    assert database.get("a") == b"1"

    def fail() -> None:
        with database.transaction() as transaction:
            transaction.put("a", b"2")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.transaction() as transaction:
        transaction.put("a", b"3")
        transaction.abort()
    assert database.get("a") == b"1"


def test_timestamps_order_transactions() -> None:
    """start_ts is the newest commit seen, commit_ts the own one, or start_ts where nothing was written."""
    database = Database.open()
    first = database.begin_transaction()
    assert first.start_ts is None
    first.put("a", b"1")
    assert (first.start_ts, first.commit_ts) == (0, None)
    assert first.commit() == 1
    reader = database.begin_transaction(read_only=True)
    reader.get("a")
    database.put("b", b"2")
    assert reader.commit() == 1
    assert (first.commit_ts, reader.start_ts, reader.commit_ts) == (1, 1, 1)
    assert reader.isolation is IsolationLevel.SERIALIZABLE
    for level in IsolationLevel:
        assert database.begin_transaction(level).isolation is level
        assert database.begin_transaction(level).commit() == 2


@pytest.mark.parametrize("level", list(IsolationLevel))
def test_read_only_is_held(level: IsolationLevel) -> None:
    """A transaction that was declared read-only refuses every write and stays usable."""
    database = Database.open()
    database.put("a", b"1")
    with database.transaction(level, read_only=True) as transaction:
        for call in (
            lambda: transaction.put("a", b"2"),
            lambda: transaction.delete("a"),
            lambda: transaction.put_batch([("a", b"2")]),
            lambda: transaction.delete_batch(["a"]),
        ):
            with pytest.raises(ReadOnly):
                call()
        assert transaction.get("a") == b"1"


def test_with_transaction_repeats_after_a_conflict() -> None:
    """It returns what the work returned, repeats exactly on Conflict, and gives up after so many retries."""
    database = Database.open()
    attempts = 0

    def work(transaction: Any, conflicts: int) -> bytes | None:
        nonlocal attempts
        attempts += 1
        before = transaction.get("a")
        transaction.put("a", b"mine")
        if attempts <= conflicts:
            database.put("a", b"theirs %d" % attempts)
        return before  # type: ignore[no-any-return]

    assert database.with_transaction(lambda transaction: work(transaction, 2)) == b"theirs 2"
    assert (attempts, database.get("a")) == (3, b"mine")
    attempts = 0
    with pytest.raises(Conflict):
        database.with_transaction(lambda transaction: work(transaction, 9), retries=2)
    assert (attempts, database.get("a")) == (3, b"theirs 3")
    with pytest.raises(ZeroDivisionError):
        database.with_transaction(lambda transaction: transaction.put("a", b"%d" % (1 // 0)))
    assert database.get("a") == b"theirs 3"
    with pytest.raises(ValueError, match="at least 0"):
        database.with_transaction(lambda transaction: None, retries=-1)
    assert database.stats()["active"] == 0


def test_a_closed_database_refuses_everything(tmp_path: Path) -> None:
    """After close every call is DatabaseClosed, open transactions included, and what they wrote is not there."""
    database = Database.open(tmp_path / "db")
    database.put("a", b"1")
    transaction = database.begin_transaction()
    transaction.put("a", b"2")
    database.close()
    database.close()
    for call in (
        lambda: database.get("a"),
        lambda: database.put("a", b""),
        lambda: database.delete("a"),
        lambda: database.exists("a"),
        lambda: database.scan_prefix("aa"),
        lambda: database.put_batch([("a", b"")]),
        lambda: database.get_batch(["a"]),
        lambda: database.delete_batch(["a"]),
        database.transaction,
        database.stats,
        lambda: transaction.put("b", b""),
        lambda: transaction.get("b"),
        transaction.commit,
    ):
        with pytest.raises(DatabaseClosed):
            call()
    with Database.open(tmp_path / "db") as database:
        assert database.scan() == [(b"a", b"1")]


def test_a_path_that_cannot_be_a_database_is_refused(tmp_path: Path) -> None:
    """A NUL, an empty path, a file, a path through a file: InvalidPath, and nothing is created."""
    (tmp_path / "file").write_text("mine")
    for path in ("", f"{tmp_path}/nul\0", f"{tmp_path}/new/nul\0", f"{tmp_path}/file", f"{tmp_path}/file/db"):
        with pytest.raises(InvalidPath):
            Database.open(path)
    with pytest.raises(ValueError, match="sync"):
        Database.open(tmp_path / "db", sync="sometimes")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_directories_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing parents, 255-letter names, trailing slashes, relative paths and Path objects all work."""
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "a" / "b" / "c", str(tmp_path / ("x" * 255)), f"{tmp_path}/slash/", "relative"):
        with Database.open(path) as database:
            database.put("a", b"1")
        with Database.open(path) as database:
            assert database.get("a") == b"1"
    assert (tmp_path / "relative").is_dir()


def test_only_one_may_have_it_open(tmp_path: Path) -> None:
    """A second object and a second process get Locked; after close the next one may."""
    program = "import sys, engine\ntry: engine.Database.open(sys.argv[1])\nexcept engine.Locked: print('locked')"
    root = str(Path(engine.__file__).parent.parent)
    with Database.open(tmp_path / "db") as database:
        with pytest.raises(Locked):
            Database.open(tmp_path / "db")
        other = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "db")],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
        )
        assert other.stdout == "locked\n"
        database.put("a", b"1")
    with Database.open(tmp_path / "db") as database:
        assert database.get("a") == b"1"


def test_a_killed_process_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A process that is killed leaves every acknowledged commit, and no lock."""
    program = (
        "import os, sys, engine\n"
        "database = engine.Database.open(sys.argv[1], sync='normal')\n"
        "for n in range(100): database.put('k%03d' % n, b'%d' % n)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = str(Path(engine.__file__).parent.parent)
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "db")], check=False, cwd=root)
    assert killed.returncode == -9
    with Database.open(tmp_path / "db") as database:
        assert database.scan() == [(b"k%03d" % n, b"%d" % n) for n in range(100)]


def test_memory_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ ":memory:" touches no file, and each opening is a new database."""
    monkeypatch.chdir(tmp_path)
    with Database.open(":memory:") as database:
        database.put("a", b"1")
    with Database.open() as database:
        assert database.get("a") is None
    assert list(tmp_path.iterdir()) == []


def test_many_keys_stay_in_order() -> None:
    """Keys that come one by one in a wild order are scanned in order, with reads in between."""
    database = Database.open()
    count = 2 * SIDE_LENGTH_MAX + 100
    numbers = [n * 7919 % count for n in range(count)]
    for done, number in enumerate(numbers, 1):
        database.put(b"%08d" % number, b"")
        if done % 499 == 0:
            database._check()
            assert len(database.scan()) == done
    assert [key for key, _ in database.scan()] == [b"%08d" % n for n in range(count)]


def test_deleted_keys_leave_memory() -> None:
    """Once nobody can see them, deleted keys cost nothing: a queue of keys that come and go does not grow."""
    database = Database.open()
    for turn in range(5):
        keys = [b"%d-%d" % (turn, n) for n in range(SIDE_LENGTH_MAX)]
        database.put_batch([(key, b"x") for key in keys])
        database.delete_batch(keys)
        database._check()
    stats = database.stats()
    assert stats["keys"] == 0
    assert stats["versions"] <= SIDE_LENGTH_MAX
    old = database.begin_transaction()
    assert old.get("0") is None
    database.put_batch([(b"%d" % n, b"1") for n in range(3 * SIDE_LENGTH_MAX)])
    assert old.get("5") is None
    held = database.begin_transaction()
    assert held.get("5") == b"1"
    database.delete_batch([b"%d" % n for n in range(3 * SIDE_LENGTH_MAX)])
    database.put("9", b"again")
    assert len(held.scan()) == 3 * SIDE_LENGTH_MAX
    assert (held.get("9"), old.get("9")) == (b"1", None)
    held.abort()
    old.abort()
    database._check()
    assert database.scan() == [(b"9", b"again")]


def test_stats_are_counted() -> None:
    """Every figure of stats is a real count, by the clock that was handed in."""

    class Watch:
        seconds = 100.0

        def now(self) -> float:
            return self.seconds

    watch = Watch()
    database = Database.open(clock=watch)
    database.put_batch([("a", b"1"), ("b", b"2"), ("c", b"3")])
    database.delete("c")
    database.delete("never")
    reader = database.begin_transaction()
    reader.get("a")
    database.put("a", b"4")
    watch.seconds = 107.5
    assert database.stats() == {
        "keys": 2, "versions": 5, "active": 1, "remembered": 1, "newest": 4, "commits": 4, "conflicts": 0,
        "flushes": 0, "syncs": 0, "log_bytes": 0, "log_length": 0, "checkpoint": 0, "checkpoints": 0,
        "failed_checkpoints": 0, "compression": "none", "open_seconds": 7.5,
    }  # fmt: skip


def test_every_error_is_an_engine_error() -> None:
    """The tree has one root, and the argument errors are also the standard ones."""
    for name in engine.__all__:
        one = getattr(engine, name)
        if isinstance(one, type) and issubclass(one, Exception):
            assert issubclass(one, EngineError)
    assert issubclass(InvalidKey, ValueError)
    assert issubclass(InvalidPath, ValueError)
    assert issubclass(InvalidValue, TypeError)
