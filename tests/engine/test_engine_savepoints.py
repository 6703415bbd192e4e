"""Savepoints: writes go back, reads stay."""

from __future__ import annotations

import pytest

from engine import Conflict, Database, IsolationLevel, NoSavepoint, TransactionClosed

LEVELS = list(IsolationLevel)


@pytest.mark.parametrize("level", LEVELS)
def test_going_back_takes_back_the_writes_since(level: IsolationLevel) -> None:
    """Writes before the savepoint stay, later ones are gone, for all reads and the commit; it can be used again."""
    database = Database.open()
    database.put("c", b"0")
    with database.transaction(level) as transaction:
        transaction.put("a", b"1")
        transaction.savepoint("s")
        for _ in range(2):
            transaction.put("a", b"2")
            transaction.put("b", b"2")
            transaction.delete("c")
            assert transaction.scan() == [(b"a", b"2"), (b"b", b"2")]
            transaction.rollback_to("s")
            assert transaction.scan() == [(b"a", b"1"), (b"c", b"0")]
    assert database.scan() == [(b"a", b"1"), (b"c", b"0")]


def test_savepoints_nest_and_names_hide_each_other() -> None:
    """The latest of a name is meant; going back to an earlier one forgets later ones; release keeps the writes."""
    database = Database.open()
    transaction = database.begin_transaction()
    for number in range(3):
        transaction.savepoint("s")
        transaction.savepoint(f"s{number}")
        transaction.put("a", b"%d" % number)
    transaction.rollback_to("s2")
    assert transaction.get("a") == b"1"
    transaction.release("s1")
    with pytest.raises(NoSavepoint, match="'s2'"):
        transaction.rollback_to("s2")
    transaction.rollback_to("s")
    assert transaction.get("a") == b"0"
    transaction.release("s")
    transaction.rollback_to("s0")
    assert transaction.get("a") is None
    transaction.commit()
    with pytest.raises(TransactionClosed):
        transaction.savepoint("t")


def test_what_was_read_after_the_savepoint_is_judged() -> None:
    """A write skew whose reads lie behind a savepoint that was gone back to is refused all the same."""
    database = Database.open()
    one, two = database.begin_transaction(), database.begin_transaction()
    one.savepoint("s")
    assert one.get("x") is None
    one.rollback_to("s")
    assert two.get("y") is None
    one.put("y", b"1")
    two.put("x", b"1")
    one.commit()
    with pytest.raises(Conflict, match="dangerous structure"):
        two.commit()


def test_a_write_that_was_taken_back_conflicts_with_nobody() -> None:
    """First committer wins looks at what is written at the end."""
    database = Database.open()
    transaction = database.begin_transaction()
    transaction.savepoint("s")
    transaction.put("a", b"1")
    transaction.rollback_to("s")
    transaction.put("b", b"1")
    database.put("a", b"2")
    transaction.commit()
    assert database.scan() == [(b"a", b"2"), (b"b", b"1")]
