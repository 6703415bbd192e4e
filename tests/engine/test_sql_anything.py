"""SQL against anything that can be typed: a result or a typed error, nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine import Database, EngineError
from engine.sql.execute import Result

WORDS = """
    SELECT FROM WHERE GROUP ORDER BY HAVING LIMIT OFFSET INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE DROP IF
    EXISTS NULL TRUE AND OR LIKE ESCAPE IN BETWEEN IS CASE WHEN THEN ELSE END CAST AS INTEGER TEXT PRIMARY KEY UNIQUE
    DEFAULT NOT t u id i s f ( ) , * + - / % || = < . ; ? :x 1 0 1.5 1e999 'x' x'00' x'0' COUNT SUM MIN LOWER COALESCE
    LEFT DISTINCT JOIN ON DESC NULLS FIRST CONFLICT DO NOTHING excluded WITH UNION OVER @ $ # { } [ ] ~ & ! :: -> "q"
    ` ' -- /* */ \0 é WINDOW VIEW ALTER PRAGMA BEGIN GLOB COLLATE RETURNING USING INTERVAL
""".split()  # noqa: SIM905 - A hundred words are read as words.
CREATE = "CREATE TABLE {} (id INTEGER PRIMARY KEY, i INTEGER, s TEXT, f BOOLEAN)"
STATEMENTS = [
    "SELECT i , COUNT ( * ) FROM t LEFT JOIN u ON t . id = u . id GROUP BY i HAVING SUM ( i ) > 1 ORDER BY i LIMIT 1",
    "INSERT INTO t ( i , s ) VALUES ( 1 , 'x' ) ON CONFLICT ( id ) DO UPDATE SET i = excluded . i",
    "UPDATE t SET i = i + 1 , s = LOWER ( s ) WHERE id = 1 OR f",
    "DELETE FROM t WHERE CASE i WHEN 1 THEN f ELSE i BETWEEN 1 AND 2 END",
    "CREATE TABLE v ( id INTEGER PRIMARY KEY , a TEXT NOT NULL DEFAULT 'x' , UNIQUE ( a ) )",
    "DROP TABLE IF EXISTS t",
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A statement with a few words replaced, dropped or put in between."""
    words = draw(st.sampled_from(STATEMENTS)).split(" ")
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(words) - 1))
        words[place : place + draw(st.integers(0, 1))] = draw(st.lists(st.sampled_from(WORDS), max_size=2))
        words = words or ["SELECT"]
    return " ".join(words)


@settings(deadline=None, max_examples=400)
@given(damaged() | st.lists(st.sampled_from(WORDS)).map(" ".join) | st.text(), st.sampled_from([(), (1,), {"x": 1}]))
@example("INSERT INTO t (i) VALUES (1) ON CONFLICT", ())
@example("SELECT s -> '$[' FROM t", ())
def test_any_text_gives_a_result_or_a_typed_error(text: str, parameters: Any) -> None:
    """Whatever the text, there is a Result or an EngineError, and after an error nothing has changed."""
    database = Database.open()
    database.execute(CREATE.format("t"))
    database.execute(CREATE.format("u"))
    database.execute("INSERT INTO t (i, s) VALUES (1, 'x'), (NULL, NULL)")
    newest = database.stats()["newest"]
    try:
        assert isinstance(database.execute(text, parameters), Result)
    except EngineError:
        assert database.stats()["newest"] == newest
        assert database.execute("SELECT id, i, s FROM t").rows == [(1, 1, "x"), (2, None, None)]
