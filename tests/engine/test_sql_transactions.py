"""SQL in transactions: conflicts are decided by the engine's rule, and a statement happens as a whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import Conflict, Database, IsolationLevel, MemoryVfs, SqlConstraintError, SqlError


@pytest.fixture
def database() -> Database:
    database = Database.open()
    database.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, owner TEXT UNIQUE, balance INTEGER NOT NULL)")
    database.execute("INSERT INTO accounts VALUES (1, 'alice', 100), (2, 'bob', 100)")
    database.execute("CREATE TABLE log (day INTEGER, line INTEGER, text TEXT, PRIMARY KEY (day, line))")
    database.execute("INSERT INTO log VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'c')")
    return database


def overlapping(database: Database, first: list[str], second: list[str], level: IsolationLevel) -> bool:
    """Run two transactions, statement by statement in turns; the first commits first. Whether both could commit."""
    one, two = database.begin_transaction(level), database.begin_transaction(level)
    for place in range(max(len(first), len(second))):
        for transaction, statements in ((one, first), (two, second)):
            if place < len(statements):
                transaction.execute(statements[place])
    one.commit()
    try:
        two.commit()
    except Conflict:
        return False
    return True


WITHDRAW = "UPDATE accounts SET balance = balance - 150 WHERE id = {}"
# What each of two transactions does, and whether both may commit: serializable, and under snapshot isolation.
OVERLAPS = {
    "write skew by rows": (
        ["SELECT balance FROM accounts WHERE id IN (1, 2)", WITHDRAW.format(1)],
        ["SELECT balance FROM accounts WHERE id IN (1, 2)", WITHDRAW.format(2)],
        False, True,
    ),
    "write skew by a sum": (
        ["SELECT SUM(balance) FROM accounts", WITHDRAW.format(1)],
        ["SELECT SUM(balance) FROM accounts", WITHDRAW.format(2)],
        False, True,
    ),
    "write skew by a join": (
        ["SELECT a.id FROM accounts a JOIN accounts b ON a.balance = b.balance", WITHDRAW.format(1)],
        ["SELECT a.id FROM accounts a JOIN accounts b ON a.balance = b.balance", WITHDRAW.format(2)],
        False, True,
    ),
    "write skew by a predicate": (
        ["SELECT COUNT(*) FROM accounts WHERE id > 5", "INSERT INTO accounts VALUES (6, 'x', 1)"],
        ["SELECT COUNT(*) FROM accounts WHERE id > 5", "INSERT INTO accounts VALUES (7, 'y', 1)"],
        False, True,
    ),
    "lost update": ([WITHDRAW.format(1)], [WITHDRAW.format(1)], False, False),
    "the same key": (
        ["INSERT INTO accounts VALUES (3, 'x', 1)"], ["INSERT INTO accounts VALUES (3, 'y', 1)"], False, False,
    ),
    "the same unique value": (
        ["INSERT INTO accounts VALUES (3, 'x', 1)"], ["INSERT INTO accounts VALUES (4, 'x', 1)"], False, False,
    ),
    "the same automatic id": (
        ["INSERT INTO accounts (balance) VALUES (1)"], ["INSERT INTO accounts (balance) VALUES (2)"], False, False,
    ),
    "insert into a table that is dropped": (
        ["INSERT INTO accounts VALUES (3, 'x', 1)"], ["DROP TABLE accounts"], False, True,
    ),
    "the same table": (["CREATE TABLE t (a INT)"], ["CREATE TABLE T (b INT)"], False, False),
    "different rows": (
        ["SELECT balance FROM accounts WHERE id = 1", WITHDRAW.format(1)],
        ["SELECT balance FROM accounts WHERE 2 = id", WITHDRAW.format(2)],
        True, True,
    ),
    "different rows by parts of a condition": (
        ["UPDATE accounts SET balance = 0 WHERE balance > 1 AND id = 1"],
        ["DELETE FROM accounts WHERE id = 2 AND (balance = 100 OR owner LIKE 'b%')"],
        True, True,
    ),
    "different rows by a unique column": (
        ["UPDATE accounts SET balance = 0 WHERE owner = 'alice'"],
        ["UPDATE accounts SET balance = 0 WHERE owner = 'bob'"],
        True, True,
    ),
    "different rows by a join": (
        ["SELECT * FROM accounts a JOIN accounts b ON b.id = a.id WHERE a.id = 1", WITHDRAW.format(1)],
        ["SELECT * FROM accounts a JOIN accounts b ON b.id = a.id WHERE a.id = 2", WITHDRAW.format(2)],
        True, True,
    ),
    "different ranges": (
        ["SELECT COUNT(*) FROM accounts WHERE id BETWEEN 3 AND 5", "INSERT INTO accounts VALUES (5, 'x', 1)"],
        ["SELECT COUNT(*) FROM accounts WHERE id > 5", "INSERT INTO accounts VALUES (6, 'y', 1)"],
        True, True,
    ),
    "different beginnings of a key": (
        ["SELECT COUNT(*) FROM log WHERE day = 1", "INSERT INTO log VALUES (1, 3, 'x')"],
        ["SELECT COUNT(*) FROM log WHERE day = 2", "INSERT INTO log VALUES (2, 3, 'y')"],
        True, True,
    ),
    "ids of their own": (
        ["INSERT INTO accounts VALUES (8, 'x', 1)"], ["INSERT INTO accounts VALUES (9, 'y', 1)"], True, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("level", [IsolationLevel.SERIALIZABLE, IsolationLevel.SNAPSHOT])
@pytest.mark.parametrize("name", OVERLAPS)
def test_overlapping_transactions(database: Database, name: str, level: IsolationLevel) -> None:
    """Two overlapping transactions both commit exactly where the level's rule allows it for the rows they touch."""
    first, second, serializable, snapshot = OVERLAPS[name]
    expected = serializable if level is IsolationLevel.SERIALIZABLE else snapshot
    assert overlapping(database, first, second, level) is expected


def test_write_skew_with_keys_of_the_key_value_store(database: Database) -> None:
    """A conflict between a table and a plain key is a conflict."""
    one, two = database.begin_transaction(), database.begin_transaction()
    assert one.execute("SELECT balance FROM accounts WHERE id = 1").rows == [(100,)]
    one.put("limit", b"100")
    assert two.get("limit") is None
    two.execute(WITHDRAW.format(1))
    two.commit()
    with pytest.raises(Conflict):
        one.commit()


def test_a_failed_statement_takes_back_its_own_writes_only(database: Database) -> None:
    """What an INSERT of several rows wrote goes, ids included; earlier statements stay; the transaction goes on."""
    with database.transaction() as transaction:
        transaction.execute("INSERT INTO accounts (owner, balance) VALUES ('carol', 1)")
        for statement in (
            "INSERT INTO accounts (owner, balance) VALUES ('dan', 1), ('eve', 2), ('alice', 3)",
            "INSERT INTO accounts (owner, balance) VALUES ('dan', 1), ('eve', NULL)",
            "UPDATE accounts SET owner = 'zoe'",
            "UPDATE accounts SET balance = 1 / (balance - 1)",
        ):
            with pytest.raises(SqlError):
                transaction.execute(statement)
        transaction.execute("INSERT INTO accounts (owner, balance) VALUES ('dan', 4)")
    assert database.execute("SELECT * FROM accounts").rows == [
        (1, "alice", 100),
        (2, "bob", 100),
        (3, "carol", 1),
        (4, "dan", 4),
    ]


def test_a_failed_statement_on_a_database_changes_nothing(database: Database) -> None:
    """On a database a statement that fails in its last row leaves no row, and no commit."""
    newest = database.stats()["newest"]
    with pytest.raises(SqlConstraintError):
        database.execute("INSERT INTO accounts VALUES (7, 'x', 1), (8, 'y', 1), (1, 'z', 1)")
    assert database.execute("SELECT id FROM accounts").rows == [(1,), (2,)]
    assert database.stats()["newest"] == newest


def test_a_transaction_sees_its_own_statements_and_an_abort_undoes_them(database: Database) -> None:
    """Tables and rows made in a transaction are seen by it, not by others, and are gone after an abort."""
    transaction = database.begin_transaction()
    transaction.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    assert [transaction.execute("INSERT INTO t DEFAULT VALUES").last_id for _ in range(3)] == [1, 2, 3]
    transaction.execute("DELETE FROM t WHERE id = 2")
    assert transaction.execute("SELECT id FROM t WHERE id > 1").rows == [(3,)]
    for reader in (database.execute, database.begin_transaction().execute):
        with pytest.raises(SqlError, match="no table t"):
            reader("SELECT id FROM t")
    transaction.abort()
    with pytest.raises(SqlError, match="no table t"):
        database.execute("SELECT id FROM t")


def test_ids_are_unique_under_threads() -> None:
    """20 threads of 20 inserts: every acknowledged insert is a row with its own id, and there is no other row."""
    database = Database.open()
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
    acknowledged: list[tuple[int | None, str]] = []

    def insert(thread: int) -> None:
        for number in range(20):
            text = f"{thread}-{number}"
            acknowledged.append((database.execute("INSERT INTO t (text) VALUES (?)", [text]).last_id, text))

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(insert, range(20)))
    assert sorted(acknowledged, key=str) == sorted(database.execute("SELECT id, text FROM t").rows, key=str)
    assert sorted(row_id or 0 for row_id, _ in acknowledged) == list(range(1, 401))


def test_increments_under_threads_are_all_counted() -> None:
    """Each acknowledged UPDATE of a counter is in its value."""
    database = Database.open()
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
    database.execute("INSERT INTO t VALUES (1, 0)")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(database.execute, ["UPDATE t SET n = n + 1 WHERE id = 1"] * 100))
    assert database.execute("SELECT n FROM t").rows == [(100,)]


def test_tables_survive_a_reopen() -> None:
    """Tables, rows, keys, defaults and the last id are there after a reopen, from the checkpoint and from the log."""
    vfs = MemoryVfs()
    row = (1, "it's\0 漢字", 1e10, True, b"\0\xff", None)
    with Database.open("db", vfs=vfs) as database:
        database.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b REAL, c BOOLEAN, d BLOB, e INTEGER DEFAULT 7)"
        )
        database.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", row)
        database.checkpoint()
        database.execute("INSERT INTO t (a) VALUES ('x'), ('y')")
        database.execute("DELETE FROM t WHERE id = 3")
    with Database.open("db", vfs=vfs) as database:
        assert database.execute("SELECT * FROM t").rows == [row, (2, "x", None, None, None, 7)]
        assert database.execute("INSERT INTO t (a) VALUES ('y')").last_id == 4
        with pytest.raises(SqlConstraintError):
            database.execute("INSERT INTO t (a) VALUES (?)", [row[1]])


def test_a_namespace_has_tables_of_its_own(database: Database) -> None:
    """The same name is another table in each namespace, and none is seen from outside."""
    for name, value in (("tenant_1", 1), ("tenant_10", 10)):
        database.namespace(name).execute("CREATE TABLE t (v INTEGER)")
        database.namespace(name).execute("INSERT INTO t VALUES (?)", [value])
    database.namespace("tenant_1").execute("DROP TABLE t")
    assert database.namespace("tenant_10").execute("SELECT v FROM t").rows == [(10,)]
    with database.transaction() as transaction:
        assert transaction.namespace("tenant_10").execute("SELECT v FROM t").rows == [(10,)]
    with pytest.raises(SqlError, match="no table t"):
        database.execute("SELECT v FROM t")


def test_rows_are_not_keys(database: Database) -> None:
    """No call of the key-value surface sees a table."""
    assert database.scan() == []
    assert database.scan_prefix_unchecked(b"") == []
