"""What the models stand on: reserved keys, rows by tuple, work that is taken back whole, scans that stop early."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from engine import (
    Conflict,
    Database,
    InvalidArgument,
    InvalidKey,
    InvalidValue,
    IsolationLevel,
    NoSavepoint,
    Transaction,
    TransactionClosed,
)
from engine.keys import RESERVED
from engine.models.space import Space
from engine.models.view import View, atomic


class Counter(View):
    """The smallest model."""

    kind = "counter"

    @atomic
    def add(self, space: Space, by: int, *, fails: bool = False) -> int:
        number = int(space.get(("number",)) or 0) + by
        space.put(("number",), number)
        if fails:
            raise ZeroDivisionError
        return number


@pytest.fixture(params=["autocommit", *IsolationLevel], ids=str)
def place(request: pytest.FixtureRequest) -> Any:
    """A database with a row of a model in it, or a transaction of each level on one."""
    database = Database.open()
    Counter(database, "c").add(7)
    return database if request.param == "autocommit" else database.begin_transaction(request.param)


def test_no_plain_call_reaches_a_row_of_a_model(place: Any) -> None:
    """A reserved key is InvalidKey for every call, and no scan shows what lies from there on."""
    for key in (RESERVED, RESERVED + b"\x07counter"):
        for call in (
            lambda key=key: place.get(key),
            lambda key=key: place.put(key, b""),
            lambda key=key: place.delete(key),
            lambda key=key: place.exists(key),
            lambda key=key: place.put_batch([(key, b"")]),
            lambda key=key: place.get_batch([key]),
            lambda key=key: place.delete_batch([key]),
        ):
            with pytest.raises(InvalidKey):
                call()
    last = b"\xff\xff\xff\xfe"
    place.put(last, b"plain")
    place.put(b"\xff\xff\xff", b"plain")
    both = [(b"\xff\xff\xff", b"plain"), (last, b"plain")]
    assert place.scan() == place.scan(b"", b"\xff" * 9) == place.scan_prefix_unchecked(b"") == both
    assert place.scan_prefix(b"\xff\xff\xff") == both
    assert place.scan_prefix(RESERVED) == place.scan(RESERVED) == []
    assert Counter(place, "c").add(0) == 7


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "1"])
def test_a_limit_is_a_positive_number(place: Any, limit: Any) -> None:
    """Any other limit is InvalidArgument, which is a ValueError."""
    with pytest.raises(InvalidArgument, match="limit") as refused:
        place.scan(limit=limit)
    assert isinstance(refused.value, ValueError)


def test_a_limit_counts_what_the_transaction_sees(place: Any) -> None:
    """The first pairs are those of the whole scan, own writes and deletions included."""
    place.put_batch([(b"%04d" % n, b"") for n in range(0, 3000, 2)])
    place.put_batch([(b"%04d" % n, b"new") for n in range(1, 99, 2)])
    place.delete_batch([b"%04d" % n for n in range(50)])
    for limit in (1, 2, 60, 5000):
        assert place.scan(limit=limit) == place.scan()[:limit]
        assert place.scan("0007", "0060", limit) == place.scan("0007", "0060")[:limit]


def test_own_writes_come_before_a_limit() -> None:
    """What the transaction deleted is passed over and what it put is counted, before anything is committed."""
    database = Database.open()
    database.put_batch([(key, b"old") for key in "abcd"])
    for level in IsolationLevel:
        with database.transaction(level) as transaction:
            transaction.delete("a")
            transaction.put("aa", b"own")
            transaction.delete("c")
            assert transaction.scan(limit=1) == [(b"aa", b"own")]
            assert transaction.scan(limit=3) == [(b"aa", b"own"), (b"b", b"old"), (b"d", b"old")]
            assert transaction.scan("b", "d", 2) == [(b"b", b"old")]
            transaction.abort()


def commits_beside(limit: int | None, key: str) -> bool:
    """Whether a scan with that limit over b, d and f commits beside a transaction that put `key` and missed x."""
    database = Database.open()
    database.put_batch([(key, b"") for key in "bdf"])
    scanner, writer = database.begin_transaction(), database.begin_transaction()
    scanner.scan(limit=limit)
    writer.get("x")
    writer.put(key, b"")
    scanner.put("x", b"")
    writer.commit()
    try:
        scanner.commit()
    except Conflict:
        return False
    return True


def test_a_limited_scan_has_read_to_its_last_key_and_no_further() -> None:
    """Whoever changes something up to the last key returned conflicts with it; behind that key nobody does."""
    assert [key for key in "abcdefg" if commits_beside(2, key)] == ["e", "f", "g"]
    assert [key for key in "abcdefg" if commits_beside(3, key)] == ["g"]
    assert [key for key in "abcdefg" if commits_beside(4, key)] == []
    assert [key for key in "abcdefg" if commits_beside(None, key)] == []


def test_single_limited_scans_are_judged_as_far_as_they_read() -> None:
    """A scan outside a transaction stamps what it returned, and nothing behind it."""
    for limit, expected in ((1, True), (2, False)):
        database = Database.open()
        database.put_batch([("a", b""), ("c", b"")])
        pivot = database.begin_transaction()
        pivot.get("x")
        database.put("x", b"")
        database.scan(limit=limit)
        pivot.put("c", b"1")
        try:
            pivot.commit()
            committed = True
        except Conflict:
            committed = False
        assert committed == expected


def rows(space: Space) -> list[Any]:
    return [(key, value) for key, value in space.scan()]


def test_rows_are_scanned_in_order_and_bounds_stand_behind_the_prefix() -> None:
    """A scan gives whole keys and values; start is taken, end and what begins with it is not; limits count rows."""
    with Database.open().transaction() as transaction:
        space, other = Space(transaction, RESERVED + b"a"), Space(transaction, RESERVED + b"b")
        for number in (3, 1, 2):
            for letter in "xy":
                space.put(("row", number, letter), [number, {"letter": letter}])
        space.put(("row",), "head")
        space.put(("rowing", 1), None)
        other.put(("row", 2), "another's")
        expected = [(("row", n, c), [n, {"letter": c}]) for n in (1, 2, 3) for c in "xy"]
        assert space.scan(("row",)) == [(("row",), "head"), *expected]
        assert space.scan(("row",), start=(2,)) == expected[2:]
        assert space.scan(("row",), start=(1, "y"), end=(3,)) == expected[1:4]
        assert space.scan(("row",), start=(2, "y"), limit=2) == expected[3:5]
        assert space.scan(("row", 2)) == expected[2:4]
        assert space.get(("row", 3, "y")) == [3, {"letter": "y"}]
        assert space.get(("rowing",)) is None
        space.delete(("row",))
        assert space.clear(("row", 2)) == 2
        assert rows(space) == [*expected[:2], *expected[4:], (("rowing", 1), None)]
        assert rows(other) == [(("row", 2), "another's")]


@pytest.mark.parametrize(
    "value", [1 << 64, object(), "\ud800", {1j: 1}], ids=["wide integer", "object", "surrogate", "complex key"]
)
def test_values_that_cannot_be_stored_are_refused(value: Any) -> None:
    """They are InvalidValue, and nothing is written."""
    with Database.open().transaction() as transaction:
        space = Space(transaction, RESERVED)
        with pytest.raises(InvalidValue, match="cannot be stored"):
            space.put(("a",), value)
        assert rows(space) == []


def test_a_model_is_used_through_a_database_or_a_transaction() -> None:
    """Alone each call commits; in a transaction it is a part of it; the rows are the same."""
    database = Database.open()
    counter = Counter(database, "c")
    assert counter.add(2) == 2
    with database.transaction() as transaction:
        assert Counter(transaction, "c").add(3) == 5
        transaction.abort()
    assert counter.add(by=1) == 3
    assert list(inspect.signature(counter.add).parameters) == ["by", "fails"]
    assert list(inspect.signature(Counter.add).parameters) == ["self", "by", "fails"]


@pytest.mark.parametrize("name", ["", b"c", None, 5])
def test_a_model_has_a_name(name: Any) -> None:
    """A name is text with at least one character."""
    with pytest.raises(InvalidArgument, match="counter"):
        Counter(Database.open(), name)


def test_a_call_that_raises_takes_back_its_writes_only() -> None:
    """In a transaction nothing of the failed call remains, and what was written before and after it does."""
    database = Database.open()
    with database.transaction() as transaction:
        transaction.put("before", b"1")
        Counter(transaction, "c").add(2)
        with pytest.raises(ZeroDivisionError):
            Counter(transaction, "c").add(3, fails=True)
        transaction.put("after", b"1")
        assert Counter(transaction, "c").add(0) == 2
    assert database.scan() == [(b"after", b"1"), (b"before", b"1")]
    with pytest.raises(ZeroDivisionError):
        Counter(database, "d").add(3, fails=True)
    assert Counter(database, "d").add(0) == 0


def test_work_within_work_is_taken_back_with_it() -> None:
    """An inner failure takes back the inner writes, an outer one also those of inner work that succeeded."""

    def inner(transaction: Transaction) -> None:
        transaction.put("a", b"inner")
        transaction.put("b", b"inner")

    def failing(transaction: Transaction) -> None:
        inner(transaction)
        transaction.delete("a")
        raise ZeroDivisionError

    def outer(transaction: Transaction) -> None:
        transaction.put("a", b"outer")
        with pytest.raises(ZeroDivisionError):
            transaction.atomically(failing)
        assert transaction.scan() == [(b"a", b"outer")]
        transaction.atomically(inner)
        assert transaction.scan() == [(b"a", b"inner"), (b"b", b"inner")]
        raise ArithmeticError

    with Database.open().transaction() as transaction:
        transaction.put("a", b"first")
        with pytest.raises(ArithmeticError):
            transaction.atomically(outer)
        assert transaction.scan() == [(b"a", b"first")]
        assert transaction.atomically(lambda one: one.get("a")) == b"first"


def test_a_call_at_read_committed_sees_one_snapshot() -> None:
    """What others commit meanwhile it does not see, its own writes it does; the next call sees all of it."""
    database = Database.open()
    database.put("a", b"1")
    transaction = database.begin_transaction(IsolationLevel.READ_COMMITTED)

    def work(one: Transaction) -> tuple[object, object, object]:
        one.put("own", b"")
        database.put_batch([("a", b"2"), ("b", b"2")])
        return one.get("a"), one.scan(), one.atomically(lambda inner: inner.scan(limit=1))

    before = [(b"a", b"1"), (b"own", b"")]
    assert transaction.atomically(work) == (b"1", before, before[:1])
    assert database.stats()["active"] == 0
    assert transaction.scan() == [(b"a", b"2"), (b"b", b"2"), (b"own", b"")]
    assert transaction.atomically(lambda one: one.get("b")) == b"2"
    transaction.commit()
    with pytest.raises(TransactionClosed):
        transaction.atomically(lambda one: one.get("b"))
    database._check()


def test_savepoints_within_work_are_taken_back_too() -> None:
    """Going back to a savepoint inside failed work is undone, and a savepoint made there is gone."""

    def work(transaction: Transaction) -> None:
        transaction.put("c", b"3")
        transaction.rollback_to("early")
        transaction.put("d", b"4")
        transaction.savepoint("late")
        raise ZeroDivisionError

    with Database.open().transaction() as transaction:
        transaction.put("a", b"1")
        transaction.savepoint("early")
        transaction.put("b", b"2")
        transaction.delete("a")
        with pytest.raises(ZeroDivisionError):
            transaction.atomically(work)
        assert transaction.scan() == [(b"b", b"2")]
        with pytest.raises(NoSavepoint):
            transaction.rollback_to("late")
        transaction.rollback_to("early")
        assert transaction.scan() == [(b"a", b"1")]


def test_reads_of_work_that_was_taken_back_are_judged() -> None:
    """What failed work has read may have decided what came after it: a write skew through it is refused."""
    database = Database.open()
    one, two = database.begin_transaction(), database.begin_transaction()
    with pytest.raises(ZeroDivisionError):
        one.atomically(lambda transaction: transaction.get("x") or 1 / 0)
    two.get("y")
    one.put("y", b"")
    two.put("x", b"")
    one.commit()
    with pytest.raises(Conflict):
        two.commit()


def test_the_clock_is_the_engines() -> None:
    """`now` of a database and of a transaction is the time by the clock that it was opened with."""

    class Watch:
        def now(self) -> float:
            return 12.5

    database = Database.open(clock=Watch())
    assert database.now() == 12.5
    assert database.begin_transaction().now() == 12.5
