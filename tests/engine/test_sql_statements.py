"""SQL: what each statement does, by exact results."""

from __future__ import annotations

import pytest

from engine import Database, SqlConstraintError, SqlNameError
from engine.sql.execute import Result


@pytest.fixture
def database() -> Database:
    database = Database.open()
    database.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER, town TEXT)")
    database.execute(
        "INSERT INTO people (name, age, town) VALUES ('Ada', 36, 'Rome'), ('Bob', NULL, 'Oslo'), ('Cy', 7, 'Rome'),"
        " ('Di', 36, NULL)"
    )
    database.execute("CREATE TABLE pets (owner INTEGER, pet TEXT)")
    database.execute("INSERT INTO pets VALUES (1, 'cat'), (1, 'dog'), (3, 'fish'), (NULL, 'stray')")
    return database


# A SELECT over the tables above, and its rows.
SELECTS = [
    ("SELECT * FROM people WHERE id = 1", [(1, "Ada", 36, "Rome")]),
    ("SELECT name, age + 1 FROM people ORDER BY id", [("Ada", 37), ("Bob", None), ("Cy", 8), ("Di", 37)]),
    ("SELECT name FROM people WHERE age > 6 AND age < 36", [("Cy",)]),
    ("SELECT name FROM people WHERE age = 36 OR town = 'Oslo' ORDER BY name", [("Ada",), ("Bob",), ("Di",)]),
    ("SELECT name FROM people WHERE NOT age = 36", [("Cy",)]),
    ("SELECT name FROM people WHERE age IS NULL", [("Bob",)]),
    ("SELECT name FROM people WHERE town IS NOT NULL AND age <> 36", [("Cy",)]),
    ("SELECT name FROM people WHERE age IS NOT 36 ORDER BY id", [("Bob",), ("Cy",)]),
    ("SELECT name FROM people WHERE age BETWEEN 7 AND 35", [("Cy",)]),
    ("SELECT name FROM people WHERE age NOT BETWEEN 8 AND 40", [("Cy",)]),
    ("SELECT name FROM people WHERE id IN (4, 1, 4, 99)", [("Ada",), ("Di",)]),
    ("SELECT name FROM people WHERE age NOT IN (7, 8)", [("Ada",), ("Di",)]),
    ("SELECT name FROM people WHERE age NOT IN (7, NULL)", []),
    ("SELECT name FROM people WHERE name LIKE '_i' OR name LIKE 'A%'", [("Ada",), ("Di",)]),
    ("SELECT name FROM people WHERE name NOT LIKE '%d%' AND id < 3", [("Bob",)]),
    ("SELECT id FROM people WHERE id >= 2 AND id < 4.5 AND 3 > id", [(2,)]),
    ("SELECT id FROM people WHERE id = 2.0 OR id = 2.5", [(2,)]),
    ("SELECT id FROM people WHERE id = 2.5", []),
    ("SELECT id FROM people WHERE id = NULL", []),
    ("SELECT id FROM people WHERE id > 1e300", []),
    ("SELECT id FROM people WHERE id = 1e308 OR id < -1e308", []),
    ("SELECT id FROM people WHERE id = 1e308", []),
    ("SELECT DISTINCT town FROM people ORDER BY town", [(None,), ("Oslo",), ("Rome",)]),
    ("SELECT DISTINCT age, age IS NULL FROM people", [(36, False), (None, True), (7, False)]),
    ("SELECT name FROM people ORDER BY age, name DESC", [("Bob",), ("Cy",), ("Di",), ("Ada",)]),
    ("SELECT name FROM people ORDER BY age DESC, name", [("Ada",), ("Di",), ("Cy",), ("Bob",)]),
    ("SELECT name FROM people ORDER BY age NULLS LAST, 1", [("Cy",), ("Ada",), ("Di",), ("Bob",)]),
    ("SELECT name FROM people ORDER BY age DESC NULLS FIRST, 1", [("Bob",), ("Ada",), ("Di",), ("Cy",)]),
    ("SELECT name AS n, -age AS m FROM people ORDER BY m, n LIMIT 2", [("Bob", None), ("Ada", -36)]),
    ("SELECT id FROM people ORDER BY id LIMIT 2 OFFSET 1", [(2,), (3,)]),
    ("SELECT id FROM people ORDER BY id LIMIT 1, 2", [(2,), (3,)]),
    ("SELECT id FROM people ORDER BY id LIMIT 0", []),
    ("SELECT id FROM people ORDER BY id OFFSET 3", [(4,)]),
    ("SELECT COUNT(*), COUNT(age), COUNT(DISTINCT age), SUM(age), MIN(age), MAX(name) FROM people",
     [(4, 3, 2, 79, 7, "Di")]),
    ("SELECT AVG(age), SUM(DISTINCT age) FROM people", [(79 / 3, 43)]),
    ("SELECT COUNT(*), SUM(age), AVG(age), MIN(age), MAX(age) FROM people WHERE id > 9",
     [(0, None, None, None, None)]),
    ("SELECT town, COUNT(*) FROM people GROUP BY town ORDER BY town", [(None, 1), ("Oslo", 1), ("Rome", 2)]),
    ("SELECT town, COUNT(*) FROM people WHERE id > 9 GROUP BY town", []),
    ("SELECT town FROM people GROUP BY town HAVING COUNT(*) > 1", [("Rome",)]),
    ("SELECT age + 1, MAX(id) FROM people GROUP BY age + 1 HAVING MAX(age) IS NOT NULL ORDER BY 1",
     [(8, 3), (37, 4)]),
    ("SELECT age AS a, COUNT(*) AS c FROM people GROUP BY a ORDER BY c DESC, a", [(36, 2), (None, 1), (7, 1)]),
    ("SELECT age, COUNT(*) FROM people GROUP BY 1 ORDER BY COUNT(*) DESC, 1 DESC", [(36, 2), (7, 1), (None, 1)]),
    ("SELECT COUNT(*) * 10 + MAX(id) FROM people HAVING COUNT(*) > 3", [(44,)]),
    ("SELECT 1 FROM people HAVING COUNT(*) > 4", []),
    ("SELECT name, pet FROM people JOIN pets ON owner = id ORDER BY pet",
     [("Ada", "cat"), ("Ada", "dog"), ("Cy", "fish")]),
    ("SELECT p.name, q.pet FROM people p INNER JOIN pets AS q ON q.owner = p.id WHERE p.id = 3", [("Cy", "fish")]),
    ("SELECT name, pet FROM people LEFT JOIN pets ON owner = id AND pet <> 'dog' ORDER BY name",
     [("Ada", "cat"), ("Bob", None), ("Cy", "fish"), ("Di", None)]),
    ("SELECT name, pet FROM people LEFT JOIN pets ON owner = id AND id = 3",
     [("Ada", None), ("Bob", None), ("Cy", "fish"), ("Di", None)]),
    ("SELECT pet, name FROM pets LEFT JOIN people ON id = owner ORDER BY pet",
     [("cat", "Ada"), ("dog", "Ada"), ("fish", "Cy"), ("stray", None)]),
    ("SELECT pet FROM pets LEFT JOIN people ON id = owner WHERE id IS NULL", [("stray",)]),
    ("SELECT a.id, b.id FROM people a JOIN people b ON a.age = b.age AND a.id < b.id", [(1, 4)]),
    ("SELECT COUNT(*) FROM people CROSS JOIN pets", [(16,)]),
    ("SELECT COUNT(*) FROM people, pets WHERE owner = id", [(3,)]),
    ("SELECT pets.* FROM people JOIN pets ON owner = id WHERE name = 'Cy'", [(3, "fish")]),
    ("SELECT town, COUNT(pet) FROM people LEFT JOIN pets ON owner = id GROUP BY town ORDER BY 2, 1",
     [(None, 0), ("Oslo", 0), ("Rome", 3)]),
    ("SELECT NAME, PEOPLE.Age FROM People WHERE iD = 3", [("Cy", 7)]),
    ("SELECT 1 + 1, 'a' || 'b', NULL", [(2, "ab", None)]),
    ("SELECT 1 WHERE FALSE", []),
    ("SELECT 1 IN (), NULL IN (), NULL NOT IN (), 1 IN (2, NULL), 2 IN (2, NULL)",
     [(False, False, True, None, True)]),
    ("SELECT 7 / 2, -7 / 2, 7 % -2, -7 % 2, 7 / 2.0, 7.5 % 2, 2 * 3 - 4, -(3)", [(3, -3, 1, -1, 3.5, 1.5, 2, -3)]),
    ("SELECT CASE age WHEN 36 THEN 'x' WHEN 7 THEN 'y' END FROM people ORDER BY id",
     [("x",), (None,), ("y",), ("x",)]),
    ("SELECT CASE WHEN age > 30 THEN 1 WHEN age < 30 THEN 2.5 ELSE 0 END FROM people ORDER BY id",
     [(1,), (0,), (2.5,), (1,)]),
    ("SELECT COALESCE(age, id, 5), COALESCE(town, 'none') FROM people WHERE id > 1 ORDER BY id",
     [(2, "Oslo"), (7, "Rome"), (36, "none")]),
    ("SELECT LOWER('ÄB'), UPPER('äb'), LENGTH('äb'), LENGTH(x'00ff'), ABS(-3), ABS(2.5)",
     [("äb", "ÄB", 2, 2, 3, 2.5)]),
    ("SELECT CAST(3.9 AS INTEGER), CAST(-3.9 AS INT), CAST('12' AS INTEGER), CAST('1e2' AS REAL), CAST(7 AS TEXT)",
     [(3, -3, 12, 100.0, "7")]),
    ("SELECT CAST(TRUE AS INTEGER), CAST(TRUE AS TEXT), CAST(1 AS REAL), CAST('é' AS BLOB), CAST(NULL AS TEXT)",
     [(1, "true", 1.0, "é".encode(), None)]),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "rows"), SELECTS)
def test_select(database: Database, statement: str, rows: list[tuple[object, ...]]) -> None:
    """A SELECT returns exactly these rows, with values of exactly these types."""
    found = database.execute(statement).rows
    assert found == rows
    assert [[type(value) for value in row] for row in found] == [[type(value) for value in row] for row in rows]


def test_a_result_says_what_its_columns_are_called(database: Database) -> None:
    """A column is called by its alias, its name as it was created, or its text; as dictionaries names are unique."""
    result = database.execute(
        "SELECT NAME, age AS Years, age + 1, COUNT(*) FROM people WHERE id = 1 GROUP BY 1, 2, 3"
    )
    assert result.columns == ("name", "Years", "age + 1", "COUNT(*)")
    assert result.dicts() == [{"name": "Ada", "Years": 36, "age + 1": 37, "COUNT(*)": 1}]
    with pytest.raises(SqlNameError, match="same name"):
        database.execute("SELECT id, id FROM people").dicts()


def test_insert_says_how_many_rows_and_the_last_id(database: Database) -> None:
    """A row takes values for the columns named, defaults for others, and an id that is one more than the last."""
    database.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'x', b REAL DEFAULT -1, c BOOLEAN DEFAULT TRUE)"
    )
    assert database.execute("INSERT INTO t (b) VALUES (2), (DEFAULT)") == Result(changed=2, last_id=2)
    assert database.execute("INSERT INTO t DEFAULT VALUES") == Result(changed=1, last_id=3)
    assert database.execute("INSERT INTO t VALUES (10, NULL, NULL, DEFAULT)") == Result(changed=1, last_id=10)
    assert database.execute("INSERT INTO pets VALUES (4, 'owl')") == Result(changed=1, last_id=None)
    assert database.sql("SELECT * FROM t").rows == [
        (1, "x", 2.0, True),
        (2, "x", -1.0, True),
        (3, "x", -1.0, True),
        (10, None, None, True),
    ]


def test_parameters_are_bound_in_the_order_of_the_text(database: Database) -> None:
    """Each ? takes the next value, wherever in the tree it ends up; a :name takes its own, as often as it stands."""
    statement = "SELECT ?, id FROM people WHERE id > ? ORDER BY id LIMIT ?, ?"
    assert database.execute(statement, ["a", 1, 1, 2]).rows == [("a", 3), ("a", 4)]
    named = {"low": 2, "text": "b"}
    assert database.execute("SELECT :text, id FROM people WHERE id > :low AND id > :low - 1", named).rows == [
        ("b", 3),
        ("b", 4),
    ]


def test_update_sees_the_rows_as_they_were(database: Database) -> None:
    """Expressions see the old row, keys may move over each other, and only rows that satisfy WHERE change."""
    assert database.execute("UPDATE people SET age = id, town = name WHERE age = 36") == Result(changed=2)
    assert database.execute("UPDATE people SET id = id + 1") == Result(changed=4)
    assert database.execute("UPDATE people SET age = 0 WHERE id = 99") == Result(changed=0)
    assert database.execute("SELECT * FROM people").rows == [
        (2, "Ada", 1, "Ada"),
        (3, "Bob", None, "Oslo"),
        (4, "Cy", 7, "Rome"),
        (5, "Di", 4, "Di"),
    ]


def test_delete_removes_the_rows_that_satisfy_where(database: Database) -> None:
    """DELETE removes what its condition is true of, not what it is NULL for; without a condition everything."""
    assert database.execute("DELETE FROM people WHERE age <> 36") == Result(changed=1)
    assert database.execute("SELECT id FROM people").rows == [(1,), (2,), (4,)]
    assert database.execute("DELETE FROM people") == Result(changed=3)
    assert database.execute("SELECT COUNT(*) FROM people").rows == [(0,)]


def test_an_id_is_never_given_twice() -> None:
    """Automatic ids go on behind deleted rows and step over ids that were chosen, those of moved rows included."""
    database = Database.open()
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT)")
    insert = "INSERT INTO t (v) VALUES ('a')"
    assert [database.execute(insert).last_id for _ in range(2)] == [1, 2]
    database.execute("DELETE FROM t WHERE id = 2")
    assert database.execute(insert).last_id == 3
    database.execute("INSERT INTO t VALUES (4, 'chosen'), (6, 'chosen'), (9, 'chosen')")
    assert [database.execute(insert).last_id for _ in range(2)] == [5, 7]
    database.execute("DELETE FROM t WHERE id = 9")
    assert database.execute(insert).last_id == 10
    database.execute("UPDATE t SET id = 8 WHERE id = 10")
    assert database.execute(insert).last_id == 11


def test_on_conflict() -> None:
    """DO UPDATE changes the row that is there, seeing both; DO NOTHING leaves it; another conflict is an error."""
    database = Database.open()
    database.execute("CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT, n INTEGER UNIQUE)")
    upsert = (
        "INSERT INTO t (k, v, n) VALUES (?, ?, ?) ON CONFLICT (k) DO UPDATE SET v = v || excluded.v WHERE t.n > 0"
    )
    assert [database.execute(upsert, row).changed for row in [("a", "1", 1), ("a", "2", 7), ("b", "3", 0)]] == [
        1,
        1,
        1,
    ]
    assert database.execute(upsert, ("b", "4", 0)) == Result(changed=0)
    with pytest.raises(SqlConstraintError, match="n = 1"):
        database.execute(upsert, ("c", "5", 1))
    nothing = "INSERT INTO t VALUES ('c', 'x', 1), ('d', 'y', 2) ON CONFLICT DO NOTHING"
    assert database.execute(nothing) == Result(changed=1)
    assert database.execute("SELECT * FROM t").rows == [("a", "12", 1), ("b", "3", 0), ("d", "y", 2)]
    with pytest.raises(SqlNameError, match="ON CONFLICT"):
        database.execute("INSERT INTO t VALUES ('a', 'x', 9) ON CONFLICT (v) DO NOTHING")


def test_keys_of_several_columns() -> None:
    """PRIMARY KEY and UNIQUE over several columns compare all of them, and a NULL never equals another."""
    database = Database.open()
    database.execute("CREATE TABLE t (a TEXT, b INTEGER, c INTEGER, d TEXT, PRIMARY KEY (a, b), UNIQUE (c, d))")
    database.execute("INSERT INTO t VALUES ('x', 1, 1, 'p'), ('x', 2, 1, 'q'), ('y', 1, 1, NULL), ('y', 2, 1, NULL)")
    for row in ("('x', 1, 9, 'z')", "('z', 1, 1, 'q')"):
        with pytest.raises(SqlConstraintError):
            database.execute(f"INSERT INTO t VALUES {row}")
    assert database.execute("SELECT b FROM t WHERE a = 'x'").rows == [(1,), (2,)]
    assert database.execute("SELECT d FROM t WHERE a = 'x' AND b = 2").rows == [("q",)]
    assert database.execute("SELECT b FROM t WHERE c = 1 AND d = 'p'").rows == [(1,)]


def test_unique_follows_the_rows() -> None:
    """A value that was changed or deleted is free again, the new one is taken."""
    database = Database.open()
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
    database.execute("INSERT INTO t (name) VALUES ('a'), ('b'), (NULL), (NULL)")
    database.execute("UPDATE t SET name = 'c' WHERE name = 'a'")
    database.execute("DELETE FROM t WHERE name = 'b'")
    assert database.execute("INSERT INTO t (name) VALUES ('a'), ('b')").changed == 2
    for name in ("a", "b", "c"):
        with pytest.raises(SqlConstraintError, match=f"name = '{name}'"):
            database.execute("UPDATE t SET name = ? WHERE id = 3", [name])
    assert database.execute("SELECT id FROM t WHERE name = 'c'").rows == [(1,)]


@pytest.mark.parametrize("change", ["name = NULL", "id = NULL", "id = 1", "name = 'b'"])
def test_an_update_keeps_the_constraints(change: str) -> None:
    """An UPDATE that would violate NOT NULL, UNIQUE or PRIMARY KEY in one row is refused, and changes none."""
    database = Database.open()
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)")
    database.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    with pytest.raises(SqlConstraintError):
        database.execute(f"UPDATE t SET {change} WHERE id <> 2")
    assert database.execute("SELECT * FROM t").rows == [(1, "a"), (2, "b"), (3, "c")]


def test_a_dropped_table_leaves_nothing() -> None:
    """After DROP no key is left; made again, the table is empty and counts from one."""
    database = Database.open()
    create = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"
    database.execute(create)
    before = database.stats()["keys"]
    database.execute("INSERT INTO t (name) VALUES ('a'), ('b')")
    assert database.execute("DROP TABLE t") == Result()
    assert database.execute("DROP TABLE IF EXISTS t") == Result()
    database.execute(create)
    assert database.stats()["keys"] == before
    assert database.execute("INSERT INTO t (name) VALUES ('a')") == Result(changed=1, last_id=1)
    assert database.execute(f"{create.replace('TABLE', 'TABLE IF NOT EXISTS')}") == Result()
    assert database.execute("SELECT * FROM t").rows == [(1, "a")]
