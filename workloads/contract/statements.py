"""Section C, SQL: values come back as they were written, conditions select what they say, errors are errors.

Every value is a literal in the statement, so that a target needs no parameters. Rows are compared with their types:
10000000000 is not 1e10, and 1 is not TRUE.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, answer, holds, outcome, same
from workloads.contract.sql_races import INSERT_RACE, SQL_TRANSACTIONS

__all__ = ["STATEMENTS"]


def _sql(db: Handle, *statements: str) -> Any:
    """What the last of these gives, or the error of the first that fails."""
    result: Any = None
    for statement in statements:
        result = outcome(db.call, "sql", statement)
        if isinstance(result, Exception):
            return result
    return result


def _rows(check: str, result: Any, expected: list[dict[str, Any]], what: str, *, ordered: bool = True) -> Observed:
    """The rows are these, in this order unless any will do, and of these types."""
    if isinstance(result, Exception):
        return holds(check, False, f"{what}: {type(result).__name__}: {result}; expected {_short(expected)}")
    seen, wanted = _typed(result), _typed(expected)
    if not ordered:
        seen, wanted = sorted(seen), sorted(wanted)
    return holds(check, seen == wanted, f"{what}: {_short(result)}" + ("" if seen == wanted else _but(expected)))


def _typed(rows: Any) -> list[str]:
    return [repr(sorted(row.items())) for row in rows]


def _short(rows: Any) -> str:
    text = repr(rows)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _but(expected: Any) -> str:
    return f", expected {_short(expected)}"


# C2

_INJECTED: Final = "Robert'); DROP TABLE users;--"
_LONG: Final = "0123456789" * 1_000
_UNICODE: Final = "Grüße 世界 🌍 e\u0301"
_PUNCTUATION: Final = "a, (b);  c -- d /* e */ \\ %"


def _values(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    db.call("sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    db.call("sql", "INSERT INTO users (id, name) VALUES (1, 'Alice')")
    yield _injection(db)
    yield _stored(db, "C2.2", 3, "''", "")
    yield _stored(db, "C2.3", 4, f"'{_LONG}'", _LONG)
    yield _null(db)
    escaped = _INJECTED.replace("'", "''")
    yield _stored(db, "C2.5", 6, f"'{escaped}'", _INJECTED)
    yield _stored(db, "C2.6", 7, f"'{_UNICODE}'", _UNICODE)
    made = "CREATE TABLE blobs (id INTEGER PRIMARY KEY, name BLOB)"
    inserted = "INSERT INTO blobs (id, name) VALUES (1, X'00FF27')"
    result = _sql(db, made, inserted, "SELECT name FROM blobs WHERE id = 1")
    yield _rows("C2.7", result, [{"name": b"\x00\xff'"}], "the bytes")
    yield _stored(db, "C2.8", 9, f"'{_PUNCTUATION}'", _PUNCTUATION)


def _injection(db: Handle) -> Observed:
    """A client that forgot to escape. What follows the quote is no second statement of its own."""
    said = answer(lambda: db.call("sql", f"INSERT INTO users (id, name) VALUES (2, '{_INJECTED}')"))
    rows = [{"id": 1, "name": "Alice"}]
    if not said:
        rows.append({"id": 2, "name": _INJECTED})
    result = _sql(db, "SELECT id, name FROM users ORDER BY id")
    observed = _rows("C2.1", result, rows, f"after the insert {f'was refused with {said}' if said else 'returned'}")
    return observed if said in {"", "statement"} else observed._replace(holds=False, failed=1)


def _stored(db: Handle, check: str, row: int, literal: str, value: str) -> Observed:
    inserted = f"INSERT INTO users (id, name) VALUES ({row}, {literal})"
    result = _sql(db, inserted, f"SELECT name FROM users WHERE id = {row}")
    return _rows(check, result, [{"name": value}], "the value")


def _null(db: Handle) -> Observed:
    inserted = "INSERT INTO users (id, name) VALUES (5, NULL)"
    result = _sql(db, inserted, "SELECT id, name FROM users WHERE name IS NULL")
    return _rows("C2.4", result, [{"id": 5, "name": None}], "the rows WHERE name IS NULL")


# C3

_STRINGS: Final = ("hello world", "hello_world", "hello%world", "hello-world")


def _patterns(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    db.call("sql", "CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT)")
    for number, text in enumerate((*_STRINGS, "goodbye"), 1):
        db.call("sql", f"INSERT INTO texts (id, text) VALUES ({number}, '{text}')")

    def like(check: str, pattern: str, expected: tuple[str, ...]) -> Observed:
        result = _sql(db, f"SELECT text FROM texts WHERE text LIKE {pattern}")
        return _rows(check, result, [{"text": text} for text in expected], f"LIKE {pattern}", ordered=False)

    yield like("C3.1", "'hello%'", _STRINGS)
    yield like("C3.2", "'hello_world'", _STRINGS)
    yield like("C3.3", r"'hello\%world' ESCAPE '\'", ("hello%world",))
    yield like("C3.4", "'h.llo%'", ())


# C4


def _types(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    db.call("sql", "CREATE TABLE numbers (id INTEGER PRIMARY KEY, label TEXT, value REAL)")

    def number(check: str, row: int, literal: str, value: float) -> Observed:
        inserted = f"INSERT INTO numbers (id, label, value) VALUES ({row}, 'n{row}', {literal})"
        result = _sql(db, inserted, f"SELECT label, value FROM numbers WHERE id = {row}")
        return _rows(check, result, [{"label": f"n{row}", "value": value}], f"the row with {literal}")

    yield number("C4.1", 1, "3.14159", 3.14159)
    yield number("C4.2", 2, "999999999999999999.99", 999999999999999999.99)
    yield number("C4.3", 3, "1e10", 1e10)
    flags = (
        "CREATE TABLE flags (id INTEGER PRIMARY KEY, flag BOOLEAN)",
        "INSERT INTO flags (id, flag) VALUES (1, TRUE)",
        "INSERT INTO flags (id, flag) VALUES (2, FALSE)",
        "SELECT flag FROM flags ORDER BY id",
    )
    yield _rows("C4.4", _sql(db, *flags), [{"flag": True}, {"flag": False}], "the flags")
    yield number("C4.5", 5, "1e308", 1e308)


# C5

_SCORES: Final = tuple(range(10, 101, 10))
_SHUFFLED: Final = (50, 10, 100, 30, 70, 20, 90, 60, 40, 80)


def _selection(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    db.call("sql", "CREATE TABLE scores (id INTEGER PRIMARY KEY, score INTEGER)")
    for number, score in enumerate(_SHUFFLED, 1):
        db.call("sql", f"INSERT INTO scores (id, score) VALUES ({number}, {score})")
    descending = [{"score": score} for score in reversed(_SCORES)]
    yield _rows("C5.1", _sql(db, "SELECT score FROM scores ORDER BY score DESC"), descending, "the scores")
    between = _sql(db, "SELECT score FROM scores WHERE score >= 30 AND score <= 70")
    expected = [{"score": score} for score in _SCORES if 30 <= score <= 70]
    yield _rows("C5.2", between, expected, "the scores from 30 to 70", ordered=False)
    yield same("C5.3", answer(lambda: db.call("sql", "SELECT nope FROM scores")), "missing", "the unknown column")
    yield same("C5.4", answer(lambda: db.call("sql", "SELEC score FORM scores")), "statement", "the wrong statement")
    said = answer(lambda: db.call("sql", "INSERT INTO scores (id, score) VALUES (1, 0)"))
    kept = _rows(
        "C5.5", _sql(db, "SELECT score FROM scores WHERE id = 1"), [{"score": 50}], f"after {said!r}, the row"
    )
    yield kept if said == "duplicate" else kept._replace(holds=False, failed=1)


def _section(number: int, title: str, severity: str, **rest: Any) -> Scenario:
    return Scenario(id=f"C{number}", title=title, severity=severity, calls=("sql",), **rest)


STATEMENTS: Final[tuple[Scenario, ...]] = (
    INSERT_RACE,
    _section(
        2,
        "Values",
        "high",
        program=_values,
        impact="Text is changed on its way, or is run as a statement.",
        advice="Take literals from the parsed statement, and one statement from each call.",
        checks=(
            Check("C2.1", "Text with a quote and a DROP TABLE is refused or stored verbatim, and drops nothing."),
            Check("C2.2", "An empty string comes back as an empty string."),
            Check("C2.3", "A text of 10 kB comes back with its content."),
            Check("C2.4", "NULL comes back as NULL, and IS NULL finds it and nothing else."),
            Check("C2.5", "Text with doubled quotes is stored verbatim.", ours=True),
            Check("C2.6", "Unicode text comes back code point by code point.", ours=True),
            Check("C2.7", "Bytes come back as bytes.", ours=True),
            Check("C2.8", "Commas, brackets, semicolons, dashes and blanks within a text are text.", ours=True),
        ),
    ),
    _section(
        3,
        "LIKE patterns",
        "medium",
        program=_patterns,
        impact="Searches find rows that do not match, or miss some that do.",
        advice="Match % and _ as SQL says, take the escape character into account, and everything else literally.",
        checks=(
            Check("C3.1", "LIKE 'hello%' finds the four texts that begin so, and no other."),
            Check("C3.2", "The _ of LIKE 'hello_world' stands for any one character."),
            Check("C3.3", "An escaped % stands for itself."),
            Check("C3.4", "A dot stands for itself.", ours=True),
        ),
    ),
    _section(
        4,
        "Types",
        "high",
        program=_types,
        impact="Numbers and flags come back with another value or type, and sums are wrong.",
        advice="Store a literal as what its column says it is.",
        checks=(
            Check("C4.1", "A text and a number with decimals come back equal."),
            Check("C4.2", "A number near 1e18 comes back as the nearest floating-point number."),
            Check("C4.3", "The literal 1e10 comes back as the number 1e10."),
            Check("C4.4", "TRUE and FALSE come back as booleans."),
            Check("C4.5", "The literal 1e308 comes back as the number 1e308.", ours=True),
        ),
    ),
    _section(
        5,
        "Selection",
        "medium",
        program=_selection,
        impact="Queries give other rows than they ask for, and mistakes in them go unnoticed.",
        advice="Evaluate every condition, and refuse what the table does not have.",
        checks=(
            Check("C5.1", "ORDER BY score DESC gives all ten scores from the highest to the lowest."),
            Check("C5.2", "WHERE with two bounds gives the five scores between them."),
            Check("C5.3", "A column that is not there is refused as missing."),
            Check("C5.4", "What is no statement is refused as one.", ours=True),
            Check("C5.5", "A primary key that is there already is refused, and its row stays.", ours=True),
        ),
    ),
    SQL_TRANSACTIONS,
)
