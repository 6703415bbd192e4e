"""Values that end at a moment, by a clock that the test turns."""

from __future__ import annotations

import pytest

from engine import Conflict, Database, InvalidValue, IsolationLevel, MemoryVfs


class Watch:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds


def opened() -> tuple[Database, Watch]:
    watch = Watch()
    return Database.open(clock=watch), watch


def test_a_value_ends_exactly_when_it_is_due() -> None:
    """It is there until its moment and gone from then on, for every way to read; the count of keys says so too."""
    database, watch = opened()
    database.put("aa", b"1", ttl_seconds=10)
    database.put("ab", b"2")
    watch.seconds = 1009.999
    assert database.get("aa") == b"1"
    assert database.stats()["keys"] == 2
    watch.seconds = 1010.0
    assert database.stats()["keys"] == 1
    assert database.get("aa") is None
    assert not database.exists("aa")
    assert database.get_batch(["aa", "ab"]) == [None, b"2"]
    assert database.scan() == database.scan_prefix_unchecked("a") == [(b"ab", b"2")]
    for level in IsolationLevel:
        with database.transaction(level) as transaction:
            assert transaction.get("aa") is None
            assert transaction.scan() == [(b"ab", b"2")]
    database._check()


@pytest.mark.parametrize("read", ["get", "scan", "get_batch", "begin", "peek", "peek_range", "stats"])
def test_whatever_looks_first_finds_it_gone(read: str) -> None:
    """Each way to look at the database expires what is due by itself."""
    database, watch = opened()
    database.put("aa", b"1", ttl_seconds=1)
    watch.seconds += 1
    readers = {
        "get": lambda: database.get("aa"),
        "scan": lambda: database.scan() or None,
        "get_batch": lambda: database.get_batch(["aa"])[0],
        "begin": lambda: database.begin_transaction().get("aa"),
        "peek": lambda: database.begin_transaction(IsolationLevel.READ_COMMITTED).get("aa"),
        "peek_range": lambda: database.begin_transaction(IsolationLevel.READ_COMMITTED).scan() or None,
        "stats": lambda: database.stats()["keys"] or None,
    }
    assert readers[read]() is None


def test_a_snapshot_sees_the_value_for_as_long_as_it_lives() -> None:
    """What is due is judged when the snapshot is taken, not when it is read; READ_COMMITTED looks each time."""
    database, watch = opened()
    database.put("aa", b"1", ttl_seconds=10)
    for level, later in ((IsolationLevel.SNAPSHOT, b"1"), (IsolationLevel.SERIALIZABLE, b"1")):
        transaction = database.begin_transaction(level)
        assert transaction.get("zz") is None
        watch.seconds = 1020.0
        assert transaction.get("aa") == later
        assert transaction.scan() == [(b"aa", b"1")]
        transaction.commit()
        watch.seconds = 1000.0
    transaction = database.begin_transaction(IsolationLevel.READ_COMMITTED)
    assert transaction.get("aa") == b"1"
    watch.seconds = 1020.0
    assert transaction.get("aa") is None


def test_writing_again_gives_the_key_its_own_time() -> None:
    """Neither a plain value nor a later moment is ended by the earlier one, a deletion is not undone by it."""
    database, watch = opened()
    for key in ("plain", "later", "gone"):
        database.put(key, b"1", ttl_seconds=10)
    database.put("plain", b"2")
    database.put("later", b"2", ttl_seconds=20)
    database.delete("gone")
    watch.seconds = 1015.0
    assert database.scan() == [(b"later", b"2"), (b"plain", b"2")]
    watch.seconds = 1020.0
    assert database.scan() == [(b"plain", b"2")]


def test_its_own_transaction_reads_what_it_wrote() -> None:
    """The time runs from the call of put; the transaction that wrote the value sees it even past the moment."""
    database, watch = opened()
    transaction = database.begin_transaction()
    transaction.put("aa", b"1", ttl_seconds=5)
    watch.seconds = 1010.0
    assert transaction.get("aa") == b"1"
    assert transaction.scan() == [(b"aa", b"1")]
    transaction.commit()
    assert database.get("aa") is None


def test_the_end_of_a_value_is_judged_like_a_deletion() -> None:
    """Write skew through an expiry: one missed the end, the other saw it and missed what the first wrote."""
    database, watch = opened()
    database.put("lease", b"mine", ttl_seconds=10)
    old = database.begin_transaction()
    assert old.get("lease") == b"mine"
    watch.seconds = 1010.0
    new = database.begin_transaction()
    assert new.get("lease") is None
    assert new.get("x") is None
    new.put("y", b"1")
    new.commit()
    old.put("x", b"1")
    with pytest.raises(Conflict):
        old.commit()


def test_a_write_to_a_key_that_ended_meanwhile_is_a_conflict() -> None:
    """The deletion came first: whoever saw the value and writes the key runs again."""
    database, watch = opened()
    database.put("aa", b"1", ttl_seconds=10)
    transaction = database.begin_transaction()
    assert transaction.get("aa") == b"1"
    watch.seconds = 1010.0
    assert database.get("aa") is None
    transaction.put("aa", b"2")
    with pytest.raises(Conflict, match="write conflict"):
        transaction.commit()


@pytest.mark.parametrize("way", ["log", "checkpoint", "backup"])
def test_the_moment_survives_and_the_end_is_final(way: str) -> None:
    """After reopening the value still ends; once seen as ended it stays so, even by a clock that runs backwards."""
    disk, watch = MemoryVfs(), Watch()
    with Database.open("/db", vfs=disk, clock=watch) as database:
        database.put_batch([(b"filler%d" % number, b"x" * 50) for number in range(100)])
        database.put("aa", b"1", ttl_seconds=10)
        if way == "checkpoint":
            database.checkpoint()
        if way == "backup":
            database.backup("/copy")
            Database.restore("/copy", "/restored", vfs=disk)
    path = "/restored" if way == "backup" else "/db"
    with Database.open(path, vfs=disk, clock=watch) as database:
        assert database.get("aa") == b"1"
        watch.seconds = 1010.0
        assert database.get("aa") is None
    watch.seconds = 1000.0
    with Database.open(path, vfs=disk, clock=watch) as database:
        assert database.get("aa") is None


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "5", True, 10**400])
def test_a_time_that_makes_no_sense_is_refused(seconds: object) -> None:
    """Nothing is written, in a transaction neither."""
    database, _ = opened()
    with pytest.raises(InvalidValue, match="ttl_seconds"):
        database.put("aa", b"1", ttl_seconds=seconds)  # type: ignore[arg-type]
    with database.transaction() as transaction, pytest.raises(InvalidValue, match="ttl_seconds"):
        transaction.put("aa", b"1", ttl_seconds=seconds)  # type: ignore[arg-type]
    assert database.scan() == []
