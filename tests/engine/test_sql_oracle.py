"""SQL against SQLite: the same statements have the same rows.

The deliberate differences from SQLite, which the statements here keep clear of: kinds are not mixed (a condition is
BOOLEAN, `1 = 'x'` is an error), division by zero and overflow are errors, REAL is summed exactly, LIKE regards case
(SQLite is told to), LOWER and UPPER know all letters, CAST reads a whole text or none, and a column outside GROUP BY
is an error. BOOLEAN comes back as bool, where SQLite has 0 and 1.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Database
from engine.sql.execute import Result

LITERALS = {
    "number": st.sampled_from(["0", "1", "2", "-1", "3", "0.5", "1.0", "-2.5"]),
    "text": st.sampled_from(["''", "'a'", "'b'", "'ab'", "'A'", "'a%'", "'_b'", "'it''s'"]),
    "boolean": st.sampled_from(["TRUE", "FALSE"]),
}
PATTERNS = st.sampled_from(["'%'", "'a%'", "'_'", "'%b'", "'a_'", "'!%%'", "'%!_%'", "''"])
VALUES = {
    "i": st.none() | st.integers(-2, 3),
    "r": st.none() | st.sampled_from([0.0, 0.5, 1.0, -2.5, 3.0]),
    "s": st.none() | st.sampled_from(["", "a", "b", "ab", "A", "a%b", "a_b"]),
    "f": st.none() | st.booleans(),
}
ROWS = st.lists(st.tuples(*VALUES.values()), max_size=6)
COMPARED = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT"])
CREATE = "CREATE TABLE {} (id INTEGER PRIMARY KEY, i INTEGER, r REAL, s TEXT, f BOOLEAN)"


def expressions(columns: dict[str, list[str]], depth: int = 3) -> dict[str, st.SearchStrategy[str]]:
    """Well-typed expressions of each kind over these columns, in parentheses wherever they could bind otherwise."""
    leaves = {kind: st.sampled_from([*columns[kind], "NULL"]) | LITERALS[kind] for kind in LITERALS}
    if depth == 0:
        return leaves
    below = expressions(columns, depth - 1)
    number, text, boolean = below["number"], below["text"], below["boolean"]
    any_two = st.one_of(*[st.tuples(kind, kind) for kind in below.values()])
    any_three = st.one_of(*[st.tuples(kind, kind, kind) for kind in below.values()])
    grown: dict[str, list[st.SearchStrategy[str]]] = {
        "number": [
            st.builds("({} {} {})".format, number, st.sampled_from("+-*"), number),
            st.builds("(- {})".format, number),
            st.builds("ABS({})".format, number),
            st.builds("LENGTH({})".format, text),
        ],
        "text": [st.builds("({} || {})".format, text, text), st.builds("LOWER({})".format, text)],
        "boolean": [
            st.builds(lambda pair, operator: f"({pair[0]} {operator} {pair[1]})", any_two, COMPARED),
            st.builds(lambda pair, word: f"({pair[0]} {word} NULL)", any_two, st.sampled_from(["IS", "IS NOT"])),
            st.builds("({} {} {})".format, boolean, st.sampled_from(["AND", "OR"]), boolean),
            st.builds("(NOT {})".format, boolean),
            st.builds(lambda three, word: "({} {} {} AND {})".format(three[0], word, *three[1:]), any_three,
                      st.sampled_from(["BETWEEN", "NOT BETWEEN"])),
            st.builds(lambda three, word: f"({three[0]} {word} ({three[1]}, {three[2]}))", any_three,
                      st.sampled_from(["IN", "NOT IN"])),
            st.builds("({} {} {} ESCAPE '!')".format, text, st.sampled_from(["LIKE", "NOT LIKE"]), PATTERNS),
        ],
    }  # fmt: skip
    for kind, same in below.items():
        grown[kind] += [
            st.builds("COALESCE({}, {})".format, same, same),
            st.builds("CASE WHEN {} THEN {} ELSE {} END".format, boolean, same, same),
            st.builds("CASE {} WHEN {} THEN {} END".format, number, number, same),
        ]
    return {kind: leaves[kind] | st.one_of(*grown[kind]) for kind in leaves}


ONE = {"number": ["i", "r", "id"], "text": ["s"], "boolean": ["f"]}
TWO = {kind: [f"{table}.{name}" for table in "tu" for name in names] for kind, names in ONE.items()}
OF_ONE, OF_TWO = expressions(ONE), expressions(TWO, 2)
NUMBERS = st.builds("{}({}{})".format, st.sampled_from(["COUNT", "SUM", "AVG", "MIN", "MAX"]),
                    st.sampled_from(["", "DISTINCT "]), st.sampled_from(["i", "r"]))  # fmt: skip
GROUPED = NUMBERS | st.sampled_from(["COUNT(*)", "MIN(s)", "MAX(f)", "COUNT(f)"])
ORDERED = st.builds("{} {}".format, st.sampled_from(["i", "r", "s", "f"]),
                    st.sampled_from(["", "ASC", "DESC", "NULLS LAST", "DESC NULLS FIRST"]))  # fmt: skip


def both(statement: str, *tables: list[tuple[Any, ...]]) -> tuple[list[Any], list[Any]]:
    """The rows that the engine and SQLite return, each value with its type, truth values as 0 and 1."""
    ours, sqlite = Database.open(), sqlite3.connect(":memory:")
    sqlite.execute("PRAGMA case_sensitive_like = ON")
    for name, rows in zip("tu", tables, strict=False):
        for execute in (ours.execute, sqlite.execute):
            execute(CREATE.format(name))
            for row in rows:
                execute(f"INSERT INTO {name} (i, r, s, f) VALUES (?, ?, ?, ?)", row)
    found = [
        [int(value) if isinstance(value, bool) else value for value in row] for row in ours.execute(statement).rows
    ]
    expected = [list(row) for row in sqlite.execute(statement)]
    sqlite.close()
    return typed(found), typed(expected)


def typed(rows: list[list[Any]]) -> list[Any]:
    return [[(type(value).__name__, value) for value in row] for row in rows]


@settings(deadline=None, max_examples=300)
@given(ROWS, OF_ONE["boolean"], OF_ONE["number"], OF_ONE["text"], OF_ONE["boolean"])
def test_expressions_are_worth_what_they_are_in_sqlite(
    rows: list[tuple[Any, ...]], where: str, number: str, text: str, boolean: str
) -> None:
    """The same rows satisfy a random condition, and random expressions of each kind have the same values in them."""
    found, expected = both(f"SELECT id, {number}, {text}, {boolean} FROM t WHERE {where} ORDER BY id", rows)
    assert found == expected


NUMBER = st.sampled_from(["NULL", "-1", "0", "1", "2", "2.0", "2.5", "3", "1e300", "-1e300"])
LOOKUPS = st.lists(
    st.builds("{} {} {}".format, st.sampled_from(["a", "b"]), st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBER)
    | st.builds(
        "{1} {2} {0}".format, st.sampled_from(["a", "b"]), NUMBER, st.sampled_from(["=", "<", "<=", ">", ">="])
    )
    | st.builds("{} BETWEEN {} AND {}".format, st.sampled_from(["a", "b"]), NUMBER, NUMBER)
    | st.builds("{} IN ({}, {})".format, st.sampled_from(["a", "b"]), NUMBER, NUMBER),
    min_size=1,
    max_size=3,
)
KEYS = ["a INTEGER PRIMARY KEY, b REAL", "a INTEGER, b REAL, PRIMARY KEY (b, a)", "a INTEGER, b REAL UNIQUE"]


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(KEYS), LOOKUPS)
def test_what_is_looked_up_by_keys_is_what_sqlite_finds(keys: str, conditions: list[str]) -> None:
    """Conditions on a key of one or two columns find the same rows, though not all rows are read."""
    rows: list[list[Any]] = []
    ours, sqlite = Database.open(), sqlite3.connect(":memory:")
    for execute in (ours.execute, sqlite.execute):
        execute(f"CREATE TABLE t ({keys})")
        execute("INSERT INTO t VALUES (-1, 2.5), (0, 0.0), (1, 3.0), (2, 2.0), (3, -1.0)")
        selected: Any = execute(f"SELECT a, b FROM t WHERE {' AND '.join(conditions)} ORDER BY a")
        rows.append(list(selected.rows if isinstance(selected, Result) else selected))
    sqlite.close()
    assert rows[0] == rows[1]


@settings(deadline=None, max_examples=150)
@given(ROWS, ROWS, st.sampled_from(["JOIN", "LEFT JOIN"]), OF_TWO["boolean"], st.none() | OF_TWO["boolean"])
def test_joins_have_the_rows_of_sqlite(
    left: list[tuple[Any, ...]], right: list[tuple[Any, ...]], join: str, on: str, where: str | None
) -> None:
    """A join on a random condition, filtered by another one, has the same rows; looked up by a key or not."""
    for condition in (on, f"t.id = u.id AND {on}", f"u.id = t.i AND {on}"):
        clause = "" if where is None else f"WHERE {where} AND u.id < 3"
        found, expected = both(
            f"SELECT t.*, u.* FROM t {join} u ON {condition} {clause} ORDER BY t.id, u.id", left, right
        )
        assert found == expected


@settings(deadline=None, max_examples=150)
@given(ROWS, OF_ONE["number"], st.lists(GROUPED, min_size=1, max_size=4), GROUPED, st.sampled_from([0, 1]))
def test_groups_have_the_rows_of_sqlite(
    rows: list[tuple[Any, ...]], key: str, aggregates: list[str], having: str, above: int
) -> None:
    """Aggregates by a random key, and of the whole table, have the same values (a key is REAL, so that 1 is 1.0)."""
    selected, key = ", ".join(aggregates), f"(COALESCE({key}, i) + 0.0)"
    for statement in (
        f"SELECT {key}, {selected} FROM t GROUP BY {key} HAVING {having} IS NOT NULL ORDER BY 1",
        f"SELECT s, {selected} FROM t GROUP BY s, f HAVING COUNT(*) > {above} ORDER BY s, MIN(id)",
        f"SELECT {selected} FROM t WHERE i > {above}",
    ):
        found, expected = both(statement, rows)
        assert found == expected


@settings(deadline=None, max_examples=150)
@given(ROWS, st.lists(ORDERED, min_size=1, max_size=3), st.integers(0, 4), st.integers(0, 3), OF_ONE["boolean"])
def test_order_and_what_is_written_are_as_in_sqlite(
    rows: list[tuple[Any, ...]], order: list[str], limit: int, offset: int, condition: str
) -> None:
    """ORDER BY with its NULLs, LIMIT, OFFSET and DISTINCT agree, and so does what UPDATE and DELETE leave."""
    cut = f"LIMIT {limit} OFFSET {offset}"
    for statement in (
        f"SELECT id FROM t ORDER BY {', '.join(order)}, id {cut}",
        f"SELECT DISTINCT i, r, s, f FROM t ORDER BY {', '.join(order)}, i, r, s, f {cut}",
    ):
        found, expected = both(statement, rows)
        assert found == expected
    ours, sqlite = Database.open(), sqlite3.connect(":memory:")
    sqlite.execute("PRAGMA case_sensitive_like = ON")
    results = []
    for execute in (ours.execute, sqlite.execute):
        execute(CREATE.format("t"))
        for row in rows:
            execute("INSERT INTO t (i, r, s, f) VALUES (?, ?, ?, ?)", row)
        execute(f"UPDATE t SET i = i + id, r = i, s = s || 'x', f = {condition} WHERE {condition}")
        execute(f"DELETE FROM t WHERE NOT {condition} AND id > 2")
        selected: Any = execute("SELECT * FROM t ORDER BY id")
        results.append([list(row) for row in (selected.rows if isinstance(selected, Result) else selected)])
    sqlite.close()
    assert results[0] == results[1]
