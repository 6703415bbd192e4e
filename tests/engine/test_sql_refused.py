"""SQL that is refused: by a typed error that names what is wrong, and without any effect."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from engine import Database, SqlError, SqlNameError, SqlSyntaxError, SqlTypeError, SqlUnsupported

Refusals = list[tuple[str, str]]


@pytest.fixture
def database() -> Database:
    database = Database.open()
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, s TEXT, b BOOLEAN)")
    database.execute("CREATE TABLE u (id INTEGER PRIMARY KEY, a INTEGER)")
    database.execute("INSERT INTO t VALUES (1, 2, 'x', TRUE)")
    return database


def refused(database: Database, error: type[SqlError], statement: str, words: str, parameters: object = ()) -> None:
    """The statement raises exactly this error, whose message has these words, and nothing is committed."""
    newest = database.stats()["newest"]
    with pytest.raises(error) as raised:
        database.execute(statement, parameters)  # type: ignore[arg-type]
    assert type(raised.value) is error
    assert words in str(raised.value)
    assert database.stats()["newest"] == newest
    assert database.execute("SELECT * FROM t").rows == [(1, 2, "x", True)]


UNSUPPORTED: Refusals = [
    ("SELECT SUM(a) OVER () FROM t", "window functions are not supported: OVER"),
    ("SELECT a FROM t UNION SELECT a FROM u", "UNION"),
    ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH"),
    ("SELECT * FROM (SELECT 1)", "subqueries"),
    ("SELECT (SELECT 1)", "subqueries"),
    ("SELECT a FROM t WHERE EXISTS (SELECT 1)", "EXISTS"),
    ("SELECT a FROM t WHERE a IN (SELECT a FROM u)", "subqueries"),
    ("SELECT a FROM t WHERE (id, a) = (1, 2)", "row values"),
    ("SELECT a FROM t WHERE a IN u", "FIELD"),
    ("SELECT COUNT(*) FILTER (WHERE b) FROM t", "FILTER"),
    ("SELECT COUNT(DISTINCT id, a) FROM t", "COUNT of several"),
    ("SELECT DISTINCT ON (a) id FROM t", "ON"),
    ("SELECT * FROM t NATURAL JOIN u", "NATURAL"),
    ("SELECT * FROM t JOIN u USING (id)", "USING"),
    ("SELECT * FROM t RIGHT JOIN u ON t.id = u.id", "RIGHT JOIN"),
    ("SELECT * FROM t FULL OUTER JOIN u ON t.id = u.id", "FULL OUTER JOIN"),
    ("SELECT * FROM t, u, t AS v", "more than two tables"),
    ("SELECT * FROM main.t", "DB"),
    ("SELECT main.t.a FROM t", "DB"),
    ("SELECT * FROM t AS v(x)", "COLUMNS"),
    ("SELECT * FROM t NOT INDEXED", "NOT INDEXED"),
    ("SELECT * FROM t INDEXED BY i", "INDEXED"),
    ("SELECT * FROM t TABLESAMPLE (10)", "SAMPLE"),
    ("SELECT a FROM t LIMIT 1 WITH TIES", "LIMIT OPTIONS"),
    ("SELECT SUM(a ORDER BY id) FROM t", "ORDER"),
    ("SELECT a BETWEEN SYMMETRIC 3 AND 1 FROM t", "SYMMETRIC"),
    ("SELECT a FROM t GROUP BY a WITH ROLLUP", "ROLLUP"),
    ("SELECT a FROM t LEFT SEMI JOIN u ON t.id = u.id", "LEFT SEMI JOIN"),
    ("SELECT * FROM t FOR UPDATE", "LOCKS"),
    ("SELECT * EXCEPT (a) FROM t", "EXCEPT"),
    ("SELECT a FROM t FETCH FIRST 1 ROWS ONLY", "FETCH"),
    ("SELECT a FROM t GROUP BY ROLLUP (a)", "ROLLUP"),
    ("SELECT s COLLATE NOCASE FROM t", "COLLATE"),
    ("SELECT s GLOB 'x' FROM t", "GLOB"),
    ("SELECT s ILIKE 'x' FROM t", "ILIKE"),
    ("SELECT s LIKE ANY ('x') FROM t", "ANY"),
    ("SELECT a & 1 FROM t", "BITWISE AND"),
    ("SELECT s -> 'x' FROM t", "JSON"),
    ("SELECT s -> '$[' FROM t", "JSON"),
    ("SELECT SUBSTR(s, 1, 2) FROM t", "SUBSTRING"),
    ("SELECT FROBNICATE(s) FROM t", "FROBNICATE"),
    ("SELECT MAX(a, id) FROM t", "GREATEST"),
    ("SELECT CURRENT_TIMESTAMP", "CURRENT TIMESTAMP"),
    ("SELECT CAST('2020-01-01' AS DATE)", "DATE"),
    ("SELECT TRY_CAST(a AS INTEGER) FROM t", "TRY CAST"),
    ("SELECT @a, $1", "@ and $"),
    ("SELECT ?, :a", "? and :name"),
    ("INSERT OR REPLACE INTO t VALUES (1, 2, 'x', TRUE)", "REPLACE"),
    ("REPLACE INTO t VALUES (1, 2, 'x', TRUE)", "REPLACE"),
    ("INSERT INTO t SELECT * FROM t", "INSERT with SELECT"),
    ("INSERT INTO t (a) VALUES (1) RETURNING id", "RETURNING"),
    ("INSERT INTO t AS v (a) VALUES (1)", "alias"),
    ("INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 1", "DUPLICATE"),
    ("UPDATE t SET a = 1 FROM u", "FROM"),
    ("UPDATE t SET a = 1 ORDER BY id LIMIT 1", "ORDER"),
    ("DELETE FROM t USING u WHERE t.id = u.id", "USING"),
    ("DELETE FROM t WHERE id = 1 RETURNING a", "RETURNING"),
    ("DELETE t", "TABLES"),
    ("CREATE TEMPORARY TABLE v (a INTEGER)", "TEMPORARY"),
    ("CREATE TABLE v AS SELECT 1", "CREATE TABLE AS"),
    ("CREATE TABLE v (a INTEGER) STRICT", "STRICT"),
    ("CREATE OR REPLACE TABLE t (a INTEGER)", "REPLACE"),
    ("CREATE TABLE v (a INTEGER CHECK (a > 1))", "CHECK"),
    ("CREATE TABLE v (a INTEGER REFERENCES t (id))", "REFERENCE"),
    ("CREATE TABLE v (a INTEGER, FOREIGN KEY (a) REFERENCES t (id))", "FOREIGN KEY"),
    ("CREATE TABLE v (a TEXT COLLATE NOCASE)", "COLLATE"),
    ("CREATE TABLE v (a INTEGER CONSTRAINT x UNIQUE)", "COLUMN CONSTRAINT"),
    ("CREATE TABLE v (a INTEGER, CONSTRAINT x UNIQUE (a))", "CONSTRAINT"),
    ("CREATE TABLE v (a INT(11))", "EXPRESSIONS"),
    ("CREATE TABLE v (a INT UNSIGNED)", "UINT"),
    ("CREATE TABLE v (a INTEGER UNIQUE NULLS NOT DISTINCT)", "NULLS"),
    ("CREATE TABLE v (a INTEGER DEFAULT (1 + 1))", "DEFAULT"),
    ("CREATE TABLE v (a INTEGER DEFAULT ?)", "DEFAULT"),
    ("CREATE TABLE v (a DECIMAL(10, 2))", "DECIMAL"),
    ("CREATE TABLE v (a TEXT AUTOINCREMENT)", "AUTOINCREMENT"),
    ("CREATE TABLE v (a TEXT PRIMARY KEY AUTOINCREMENT)", "AUTOINCREMENT"),
    ("CREATE INDEX i ON t (a)", "CREATE INDEX"),
    ("CREATE VIEW v AS SELECT 1", "CREATE VIEW"),
    ("CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", "CREATE"),
    ("DROP VIEW t", "DROP VIEW"),
    ("DROP TABLE t CASCADE", "CASCADE"),
    ("ALTER TABLE t ADD COLUMN z INTEGER", "ALTER"),
    ("TRUNCATE TABLE t", "TRUNCATE"),
    ("BEGIN", "BEGIN"),
    ("COMMIT", "COMMIT"),
    ("ROLLBACK", "ROLLBACK"),
    ("PRAGMA user_version", "PRAGMA"),
    ("EXPLAIN SELECT 1", "EXPLAIN"),
    ("VACUUM", "VACUUM"),
    ("VALUES (1)", "VALUES"),
]


@pytest.mark.parametrize(("statement", "construct"), UNSUPPORTED)
def test_what_is_not_supported_says_so(
    database: Database, caplog: pytest.LogCaptureFixture, statement: str, construct: str
) -> None:
    """SQL that the engine does not have is an error that names the construct, and nothing is logged."""
    with caplog.at_level(logging.DEBUG):
        refused(database, SqlUnsupported, statement, construct)
    assert caplog.records == []


SYNTAX: Refusals = [
    ("", "here are 0"),
    (" ; -- nothing", "here are 0"),
    ("SELEC 1", "column"),
    ("SELECT", "nothing to select"),
    ("SELECT FROM t", "nothing to select"),
    ("SELECT a, FROM t", "comma"),
    ("SELECT a FROM t WHERE", "WHERE is not complete"),
    ("SELECT a FROM t WHERE a = ", ""),
    ("SELECT (1", ""),
    ("SELECT 'x", "ends within"),
    ("SELECT x'0g'", ""),
    ("CREATE DEFAULT PARTITION (b)", "the parser"),
    ("SELECT x'0'", ""),
    ("INSERT INTO t", "missing"),
    ("INSERT INTO t VALUES (1,)", "comma"),
    ("INSERT INTO t (id, a) VALUES (1)", "2 columns"),
    ("INSERT INTO t VALUES (1, 2)", "4 columns"),
    ("INSERT INTO t (a) VALUES (1) ON CONFLICT DO UPDATE SET a = 1", "names the columns"),
    ("UPDATE t SET a", "SET"),
    ("CREATE TABLE v", "parentheses"),
    ("CREATE TABLE v ()", "at least one column"),
    ("CREATE TABLE v (a)", "no type"),
    ("CREATE TABLE v (a INTEGER PRIMARY KEY, b INTEGER PRIMARY KEY)", "one PRIMARY KEY"),
    ("CREATE TABLE v (a INTEGER NOT NULL NULL)", "NOT NULL of a is said twice"),
    ("CREATE TABLE v (a INTEGER DEFAULT 1 DEFAULT 2)", "DEFAULT of a is said twice"),
    ("a = 1", "begins with"),
    ("SAVEPOINT x", "begins with"),
    ("FROM t", "does not begin with FROM"),
    ("SELECT 1_000", "a number runs into a name"),
    ("SELECT 1e", "1e is no number"),
    ('SELECT a AS "" FROM t', "at least one character"),
    ("SELECT 1; SELECT 2", "here are 2"),
    ("INSERT INTO t (a) VALUES (5); DROP TABLE t", "here are 2"),
]


@pytest.mark.parametrize(("statement", "words"), SYNTAX)
def test_what_is_not_one_statement_is_a_syntax_error(database: Database, statement: str, words: str) -> None:
    """Text that is no statement, or more than one, is refused whole: nothing of it is run."""
    refused(database, SqlSyntaxError, statement, words)


NAMES: Refusals = [
    ("SELECT z FROM t", "no column z"),
    ("SELECT u.a FROM t", "no column u.a"),
    ("SELECT t.a FROM t AS v", "no column t.a"),
    ('SELECT a FROM t WHERE s = "x"', "no column x"),
    ("SELECT a FROM t JOIN u ON t.id = u.id", "ambiguous"),
    ("SELECT t.a, u.a FROM t, u ORDER BY a", "ambiguous"),
    ("SELECT * FROM t, t", "two tables"),
    ("SELECT * FROM z", "no table z"),
    ("SELECT z.* FROM t", "no table is called z"),
    ("SELECT *", "without a table"),
    ("SELECT a FROM t ORDER BY z", "no column z"),
    ("SELECT a FROM t ORDER BY 2", "no column 2"),
    ("SELECT DISTINCT a FROM t ORDER BY id", "DISTINCT"),
    ("SELECT a, COUNT(*) FROM t", "neither in GROUP BY"),
    ("SELECT a FROM t GROUP BY a HAVING id > 1", "neither in GROUP BY"),
    ("SELECT a FROM t WHERE COUNT(*) > 1", "no group"),
    ("SELECT SUM(COUNT(*)) FROM t", "no group"),
    ("SELECT a FROM t LIMIT id", "no column id"),
    ("INSERT INTO z VALUES (1)", "no table z"),
    ("INSERT INTO t (z) VALUES (1)", "no column z"),
    ("INSERT INTO t (a, A) VALUES (1, 2)", "twice"),
    ("INSERT INTO t (a) VALUES (id)", "no column id"),
    ("UPDATE t SET z = 1", "no column z"),
    ("UPDATE t SET a = 1, a = 2", "twice"),
    ("DELETE FROM t WHERE z = 1", "no column z"),
    ("CREATE TABLE T (a INTEGER)", "exists already"),
    ("CREATE TABLE v (a INTEGER, A TEXT)", "twice"),
    ("CREATE TABLE v (a INTEGER, PRIMARY KEY (z))", "no column z"),
    ("DROP TABLE z", "no table z"),
    ("DROP TABLE t, z", "no table z"),
]


@pytest.mark.parametrize(("statement", "words"), NAMES)
def test_a_name_means_exactly_one_thing(database: Database, statement: str, words: str) -> None:
    """A table or column that is unknown, ambiguous, repeated or out of place is an error that names it."""
    refused(database, SqlNameError, statement, words)


TYPES: Refusals = [
    ("SELECT a FROM u WHERE a = 'x'", "not a number and TEXT"),
    ("SELECT s FROM t WHERE s > 1", "not TEXT and a number"),
    ("SELECT s FROM t WHERE b = 1", "not BOOLEAN and a number"),
    ("SELECT s FROM t WHERE s IN ('a', 1)", "not TEXT and a number"),
    ("SELECT s FROM t WHERE a", "WHERE takes BOOLEAN, not a number"),
    ("SELECT s FROM t WHERE b AND s", "AND takes BOOLEAN, not TEXT"),
    ("SELECT NOT a FROM t", "NOT takes BOOLEAN"),
    ("SELECT s + 1 FROM t", "+ takes a number, not TEXT"),
    ("SELECT s || 1 FROM t", "not a number"),
    ("SELECT a LIKE 'x' FROM t", "LIKE takes TEXT"),
    ("SELECT LOWER(a) FROM t", "LOWER takes TEXT"),
    ("SELECT SUM(s) FROM t", "SUM takes numbers"),
    ("SELECT CASE WHEN b THEN 1 ELSE 'x' END FROM t", "not a number and TEXT"),
    ("SELECT COALESCE(a, s) FROM t", "not a number and TEXT"),
    ("SELECT CAST(x'00' AS TEXT)", "CAST of BLOB to TEXT"),
    ("SELECT a FROM t LIMIT 'x'", "INTEGER"),
    ("SELECT a FROM t LIMIT 1.0", "INTEGER"),
    ("SELECT a FROM t LIMIT NULL", "NULL"),
    ("SELECT * FROM t JOIN u ON t.id", "ON takes BOOLEAN"),
    ("SELECT a FROM t GROUP BY a HAVING a", "HAVING takes BOOLEAN"),
    ("CREATE TABLE v (a INTEGER DEFAULT 'x')", "v.a is INTEGER"),
    ("UPDATE t SET s = a", "t.s is TEXT, and the value is INTEGER"),
]


@pytest.mark.parametrize(("statement", "words"), TYPES)
def test_kinds_are_not_mixed(database: Database, statement: str, words: str) -> None:
    """What takes one kind of value refuses another, in an empty table too."""
    refused(database, SqlTypeError, statement, words)


@pytest.mark.parametrize(
    ("statement", "parameters", "error"),
    [
        ("SELECT ?", [], SqlNameError),
        ("SELECT ?", [1, 2], SqlNameError),
        ("SELECT 1", [1], SqlNameError),
        ("SELECT :a", {}, SqlNameError),
        ("SELECT :a", {"a": 1, "b": 2}, SqlNameError),
        ("SELECT :a", [1], SqlTypeError),
        ("SELECT ?", {"a": 1}, SqlTypeError),
        ("SELECT ?", "x", SqlTypeError),
        ("SELECT ?", 1, SqlTypeError),
        ("SELECT ?", None, SqlTypeError),
    ],
)
def test_parameters_fit_the_statement(
    database: Database, statement: str, parameters: object, error: type[SqlError]
) -> None:
    """As many values as there are ?, and exactly the names that the statement has."""
    refused(database, error, statement, "", parameters)


@pytest.mark.parametrize("text", [None, 1, b"SELECT 1"])
def test_a_statement_is_text(database: Database, text: object) -> None:
    """Anything but text is a type error."""
    refused(database, SqlTypeError, text, "a statement is text")  # type: ignore[arg-type]


ATTACKS = [
    "'); DROP TABLE t; --",
    "' OR '1'='1",
    "1; DELETE FROM t",
    "x'; UPDATE t SET a = 0; --",
    "\0'); DROP TABLE t",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_in_a_value_is_stored_verbatim(database: Database, attack: str) -> None:
    """A parameter is never read as SQL."""
    before = database.execute("SELECT * FROM t").rows
    database.execute("INSERT INTO t (s) VALUES (?)", [attack])
    assert database.execute("SELECT * FROM t").rows == [*before, (2, None, attack, None)]
    assert database.execute("SELECT id FROM t WHERE s = :s", {"s": attack}).rows == [(2,)]


@pytest.mark.parametrize("attack", ["'); DROP TABLE t; --", "'; UPDATE t SET a = 0; --", "', 1); DELETE FROM t --"])
def test_an_attack_in_the_text_is_a_syntax_error(database: Database, attack: str) -> None:
    """Pasted into a statement, it is a second statement or no statement, and changes nothing."""
    refused(database, SqlSyntaxError, f"INSERT INTO t (s) VALUES ('{attack}')", "")
    refused(database, SqlSyntaxError, f"SELECT * FROM t WHERE s = '{attack}'", "")


DEEP = {
    "parentheses": "(" * 2_000 + "1" + ")" * 2_000,
    "NOT": "NOT " * 5_000 + "TRUE",
    "minus": "- " * 5_000 + "1",
    "plus": "1 + " * 20_000 + "1",
    "CASE": "CASE WHEN TRUE THEN " * 2_000 + "1" + " END" * 2_000,
    "functions": "LOWER(" * 2_000 + "'x'" + ")" * 2_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_what_is_nested_too_deeply_is_refused(database: Database, name: str) -> None:
    """Deep expressions are a typed error, not the end of the stack."""
    refused(database, SqlUnsupported, f"SELECT {DEEP[name]}", "nested")


def test_a_long_condition_is_not_a_deep_one(database: Database) -> None:
    """AND and OR of thousands of operands are fine."""
    assert database.execute("SELECT id FROM t WHERE " + "id = 7 OR " * 3_000 + "id = 1").rows == [(1,)]
    assert database.execute("SELECT id FROM t WHERE " + "id = 1 AND " * 3_000 + "id = 1").rows == [(1,)]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT id FROM t WHERE " + "(" * 30 + "b" + " BETWEEN FALSE AND TRUE)" * 30, None),
        ("SELECT " + "CASE " * 30 + "3" + " WHEN 1 THEN 1 WHEN 2 THEN 2 ELSE 3 END" * 30, None),
        ("SELECT 1 FROM t " + "JOIN t " * 40, SqlUnsupported),
        ("SELECT 1 FROM t WHERE " + "(" * 30 + "a = 1 +" + ")" * 30, SqlSyntaxError),
    ],
)
def test_nesting_does_not_multiply_the_work(database: Database, statement: str, error: type[SqlError] | None) -> None:
    """What takes twice as long with each level of nesting would not return in our lifetime; these return."""
    if error is None:
        assert len(database.execute(statement).rows) == 1
    else:
        refused(database, error, statement, "")


def test_the_parser_is_imported_with_the_first_statement() -> None:
    """A program that runs no SQL does not import sqlglot."""
    code = (
        "import sys; from engine import Database; database = Database.open(); assert 'sqlglot' not in sys.modules;"
        "database.execute('SELECT 1'); assert 'sqlglot' in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=".").returncode == 0
