"""SQL values: they come back exactly as they were given, or are refused."""

from __future__ import annotations

import math

import pytest

from engine import Database, EngineError, SqlConstraintError, SqlTypeError, SqlValueError

# A type, and values that such a column gives back unchanged.
KEPT = {
    "INTEGER": [0, -1, 2**63 - 1, -(2**63)],
    "REAL": [0.0, -0.0, 1e10, 1e18, 1e308, 5e-324, 0.1, -1.7976931348623157e308],
    "TEXT": ["", "it's", '"', "NULL", "a\0b", "\0", "emoji 😀, 漢字, e\u0301", "x" * 10_240,
             "x'); DROP TABLE t; --", "%_\\"],
    "BLOB": [b"", b"\0", bytes(range(256)), b"it's"],
    "BOOLEAN": [True, False],
}  # fmt: skip


@pytest.mark.parametrize(("sql_type", "value"), [(name, one) for name, values in KEPT.items() for one in values])
def test_a_value_comes_back_exactly(sql_type: str, value: object) -> None:
    """What a parameter brings in comes out with the same type and value, by itself, as a key, and looked up."""
    database = Database.open()
    database.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, v {sql_type}, w {sql_type} UNIQUE)")
    database.execute("INSERT INTO t (v, w) VALUES (?, ?)", [value, value])
    for condition in ("id = 1", "v = ?", "w = ?", "v IS ?"):
        parameters = [value] if "?" in condition else []
        ((found, unique),) = database.execute(f"SELECT v, w FROM t WHERE {condition}", parameters).rows
        assert (type(found), found, unique) == (type(value), value, value)
        if isinstance(value, float):
            assert math.copysign(1, found) == math.copysign(1, value)
    with pytest.raises(SqlConstraintError):
        database.execute("INSERT INTO t (w) VALUES (?)", [value])


def test_null_is_none_and_matches_is_null_alone() -> None:
    """NULL comes back as None; IS NULL finds it, and = finds it neither by NULL nor by the empty text."""
    database = Database.open()
    database.execute("CREATE TABLE t (v TEXT)")
    database.execute("INSERT INTO t VALUES (NULL), (?), ('')", [None])
    assert database.execute("SELECT v FROM t WHERE v IS NULL").rows == [(None,), (None,)]
    assert database.execute("SELECT v FROM t WHERE v = ''").rows == [("",)]
    for nothing in ("v = NULL", "v <> NULL", "NOT v = NULL", "v IN (NULL)", "v LIKE NULL"):
        assert database.execute(f"SELECT v FROM t WHERE {nothing}").rows == []


def test_literals_have_the_type_that_they_are_written_in() -> None:
    """Digits are INTEGER, a point or an exponent makes REAL, quotes TEXT, x'…' BLOB, TRUE and FALSE BOOLEAN."""
    literals = "1, -9223372036854775808, 1e10, 1.0, 'it''s', '', x'00Ff', TRUE, false, NULL"
    values = [1, -(2**63), 1e10, 1.0, "it's", "", b"\x00\xff", True, False, None]
    (found,) = Database.open().execute(f"SELECT {literals}").rows
    assert list(found) == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_synonyms_of_types() -> None:
    """INT and BIGINT are INTEGER, FLOAT and DOUBLE are REAL, VARCHAR is TEXT, BOOL is BOOLEAN."""
    database = Database.open()
    database.execute("CREATE TABLE t (a INT, b BIGINT, c FLOAT, d DOUBLE PRECISION, e VARCHAR(3), f VARCHAR, g BOOL)")
    database.execute("INSERT INTO t VALUES (1, 2, 3, 4, 'abc', 'abcd', TRUE)")
    (row,) = database.execute("SELECT * FROM t").rows
    assert [(type(value), value) for value in row] == [
        (int, 1), (int, 2), (float, 3.0), (float, 4.0), (str, "abc"), (str, "abcd"), (bool, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "error"),
    [
        ("INTEGER", 1.0, SqlTypeError),
        ("INTEGER", "1", SqlTypeError),
        ("INTEGER", True, SqlTypeError),
        ("INTEGER", 2**63, SqlValueError),
        ("INTEGER", -(2**63) - 1, SqlValueError),
        ("REAL", 2**53 + 1, SqlValueError),
        ("REAL", math.nan, SqlValueError),
        ("REAL", math.inf, SqlValueError),
        ("REAL", "1.0", SqlTypeError),
        ("TEXT", 1, SqlTypeError),
        ("TEXT", b"a", SqlTypeError),
        ("TEXT", "\ud800", SqlValueError),
        ("VARCHAR(3)", "abcd", SqlValueError),
        ("BLOB", "a", SqlTypeError),
        ("BLOB", bytearray(b"a"), SqlTypeError),
        ("BOOLEAN", 1, SqlTypeError),
        ("TEXT NOT NULL", None, SqlConstraintError),
        ("TEXT PRIMARY KEY", None, SqlConstraintError),
        ("TEXT", object(), SqlTypeError),
        ("TEXT", ["a"], SqlTypeError),
    ],
)
def test_a_column_keeps_nothing_but_its_type(column: str, value: object, error: type[EngineError]) -> None:
    """A value of another type, outside its type, or NULL where it must not be, is refused, and nothing is stored."""
    database = Database.open()
    database.execute(f"CREATE TABLE t (v {column})")
    with pytest.raises(error):
        database.execute("INSERT INTO t VALUES (?)", [value])
    assert database.execute("SELECT COUNT(*) FROM t").rows == [(0,)]


def test_real_takes_an_integer_that_it_can_hold() -> None:
    """An INTEGER in a REAL column becomes the REAL that equals it."""
    database = Database.open()
    database.execute("CREATE TABLE t (v REAL)")
    database.execute("INSERT INTO t VALUES (?), (?)", [2**53, -3])
    assert [repr(v) for (v,) in database.execute("SELECT v FROM t").rows] == ["9007199254740992.0", "-3.0"]


@pytest.mark.parametrize(
    "expression",
    [
        "9223372036854775807 + 1",
        "-9223372036854775807 - 2",
        "9223372036854775807 * 2",
        "-(-9223372036854775808)",
        "ABS(-9223372036854775808)",
        "-9223372036854775808 / -1",
        "9223372036854775808",
        "9" * 5_000,
        "1e308 * 10",
        "1e999",
        "1 / 0",
        "1 % 0",
        "1.0 / 0",
        "CAST('x' AS INTEGER)",
        "CAST('1.5' AS INTEGER)",
        "CAST('nan' AS REAL)",
        "CAST('1_0' AS INTEGER)",
        "CAST(1e30 AS INTEGER)",
        "'a' LIKE 'a\\' ESCAPE '\\'",
        "'a' LIKE 'a' ESCAPE ''",
    ],
)
def test_an_expression_without_a_value_is_an_error(expression: str) -> None:
    """Overflow, division by zero and the like raise SqlValueError: no INTEGER becomes a float, no REAL infinite."""
    with pytest.raises(SqlValueError):
        Database.open().execute(f"SELECT {expression}")


def test_sums_overflow_too() -> None:
    """SUM is exact, or an error where INTEGER cannot hold it; of REAL it does not depend on the order of the rows."""
    database = Database.open()
    database.execute("CREATE TABLE t (i INTEGER, r REAL)")
    database.execute("INSERT INTO t VALUES (9223372036854775807, 1e100), (-5, 1.0), (NULL, -1e100)")
    assert database.execute("SELECT SUM(i), SUM(r), AVG(i) FROM t").rows == [(2**63 - 6, 1.0, (2**63 - 6) / 2)]
    database.execute("INSERT INTO t VALUES (6, 1.7e308), (NULL, 1.7e308)")
    for aggregate in ("SUM(i)", "SUM(r)"):
        with pytest.raises(SqlValueError):
            database.execute(f"SELECT {aggregate} FROM t")


@pytest.mark.parametrize(
    ("pattern", "escape", "matching"),
    [
        ("hello%", None, {"hello world", "hello_world", "hello%world", "helloXworld"}),
        ("hello_world", None, {"hello world", "hello_world", "hello%world", "helloXworld"}),
        (r"hello\%world", "\\", {"hello%world"}),
        ("hello!_world", "!", {"hello_world"}),
        (r"jello\%world", None, {r"jello\X%Yworld"}),
        ("HELLO%", None, set()),
        ("%o%o%d", None, {"hello world", "hello_world", "hello%world", "helloXworld", r"jello\X%Yworld"}),
        ("%\n_", None, {"a\n😀"}),
        ("", None, {""}),
        ("%", None, {"hello world", "hello_world", "hello%world", "helloXworld", r"jello\X%Yworld", "a\n😀", ""}),
        ("a%a", None, set()),
    ],
)
def test_like(pattern: str, escape: str | None, matching: set[str]) -> None:
    """% is any text, _ one character, the escape character makes the next one literal; case matters; all of it."""
    database = Database.open()
    database.execute("CREATE TABLE t (s TEXT)")
    for text in ("hello world", "hello_world", "hello%world", "helloXworld", r"jello\X%Yworld", "a\n😀", ""):
        database.execute("INSERT INTO t VALUES (?)", [text])
    clause, parameters = ("s LIKE ?", [pattern]) if escape is None else ("s LIKE ? ESCAPE ?", [pattern, escape])
    found = [text for (text,) in database.execute(f"SELECT s FROM t WHERE {clause}", parameters).rows]
    assert (set(found), len(found)) == (matching, len(matching))
    assert database.execute(f"SELECT COUNT(*) FROM t WHERE NOT {clause}", parameters).rows == [(7 - len(matching),)]


def test_like_never_goes_back() -> None:
    """A pattern of many % against a long text that just fails is answered by a number of steps that is no power."""
    text, pattern = "a" * 5_000, "%a" * 40 + "%b"
    assert Database.open().execute("SELECT ? LIKE ?, ? LIKE ?", [text, pattern, text + "b", pattern]).rows == [
        (False, True)
    ]
