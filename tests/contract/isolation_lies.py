"""How the mock database of sections A to D goes wrong: for every check a lie that it has to find.

A lie is a set of predicates and functions that the mock asks at the points where it could go wrong; `Lie()` goes
wrong nowhere. A key tells which scenario it belongs to, so a lie about one scenario leaves the others as they are.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import reduce
from typing import Any

Keys = Callable[[str, bytes], bool]  # (call, key); session operations are calls too: r, w, append, scan


def never(call: str, key: bytes) -> bool:
    return False


def same_result(name: str, arguments: tuple[Any, ...], result: Any) -> Any:
    return result


def same_statement(text: str) -> str:
    return text


@dataclass(frozen=True, kw_only=True)
class Lie:
    """`answer` replaces what a call of the surface or a session's read returns."""

    untracked: Keys = never  # A read that commit does not validate.
    latest: Keys = never  # A read of the newest commit instead of the snapshot.
    dirty: Keys = never  # A read that sees what others have not committed.
    blind: Keys = never  # A read that does not see the transaction's own writes.
    hidden: Keys = never  # A read that finds nothing.
    refused: Keys = never  # A write that is refused at commit, ("abort", key) asked of aborts.
    dropped: Keys = never  # A write that is acknowledged and not stored.
    kept: Keys = never  # A write that an abort does not take back.
    forgotten: Keys = never  # A write that is gone after reopening.
    answer: Callable[[str, tuple[Any, ...], Any], Any] = same_result
    statement: Callable[[str], str] = same_statement
    rebased: Keys = never  # A first read that moves the snapshot which commit validates against.
    late: frozenset[str] = frozenset()  # Calls on an ended transaction that are not refused.
    opens_max: int = 1_000_000  # How many transactions may be open.
    claims: Callable[[str, int], str] = lambda queue, count: ""  # How the count-th claim of a queue goes wrong.


def together(lies: Iterable[Lie]) -> Lie:
    """All of these at once."""
    told = list(lies)

    def any_of(name: str) -> Keys:
        return lambda call, key: any(getattr(lie, name)(call, key) for lie in told)

    def answer(call: str, arguments: tuple[Any, ...], result: Any) -> Any:
        return reduce(lambda found, lie: lie.answer(call, arguments, found), told, result)

    return Lie(
        **{field.name: any_of(field.name) for field in fields(Lie) if field.default is never},
        answer=answer,
        statement=lambda text: reduce(lambda found, lie: lie.statement(found), told, text),
        late=frozenset().union(*(lie.late for lie in told)),
        opens_max=min(lie.opens_max for lie in told),
        claims=lambda queue, count: next(filter(None, (lie.claims(queue, count) for lie in told)), ""),
    )


def keys(pattern: bytes, *calls: str) -> Keys:
    """Keys that contain this pattern, asked for by one of these calls or by any."""
    return lambda call, key: (not calls or call in calls) and re.search(pattern, key) is not None


def seen(name: str, key: str, old: Any, new: Any) -> Callable[[str, tuple[Any, ...], Any], Any]:
    """What a call returns of a key that ends so: `new` instead of `old`."""

    def answer(call: str, arguments: tuple[Any, ...], result: Any) -> Any:
        asked = arguments[0].decode() if call == name and isinstance(arguments[0], bytes) else arguments[0]
        return new if call == name and result == old and str(asked).endswith(key) else result

    return answer


def failing(name: str, key: bytes) -> Callable[[str, tuple[Any, ...], Any], Any]:
    """A call that raises although it took effect."""

    def answer(call: str, arguments: tuple[Any, ...], result: Any) -> Any:
        if call == name and arguments[0] == key:
            raise RuntimeError("input or output failed")
        return result

    return answer


def rows(part: str, change: Callable[[list[Any]], list[Any]]) -> Callable[[str, tuple[Any, ...], Any], Any]:
    """Statements with this part in them return changed rows."""
    return lambda call, arguments, result: change(result) if call == "sql" and part in arguments[0] else result


def values(change: Callable[[Any], Any]) -> Callable[[str, tuple[Any, ...], Any], Any]:
    """Every value in every row is changed."""
    return rows("SELECT", lambda found: [{name: change(value) for name, value in row.items()} for row in found])


def instead(old: str, new: str) -> Callable[[str], str]:
    """A part of a statement is taken for another."""
    return lambda text: text.replace(old, new)


def claims(queue: str, wrong: str, *counts: int) -> Callable[[str, int], str]:
    """The claims of queues whose name begins so: these, or all of them."""
    return lambda name, count: wrong if name.startswith(queue) and (not counts or count in counts) else ""


def _drop_table(text: str) -> str:
    return "DROP TABLE users" if "'); DROP TABLE" in text and "''" not in text else text


_ticks = itertools.count(1)
_SESSION = rb"^session:probe\d+k"
_SKEW = Lie(untracked=keys(_SESSION + b"(alice|bob)$"))
_LOST = Lie(untracked=keys(_SESSION + b"counter$"))

LIES: dict[str, Lie] = {
    "A1.1": Lie(answer=seen("r", "kcounter", 0, 7)),
    "A1.2": _LOST,
    "A1.3": _LOST,
    "A1.4": Lie(rebased=keys(_SESSION + b"counter$")),
    "A1.5": Lie(untracked=keys(b"^by itself")),
    "A1.6": Lie(untracked=keys(b"^(increment|delete) first")),
    "A1.7": Lie(untracked=keys(b"^/path/counters")),
    "A2.1": Lie(answer=seen("r", "kalice", 100, 99)),
    "A2.2": _SKEW,
    "A2.3": _SKEW,
    "A2.4": _SKEW,
    "A2.5": Lie(untracked=keys(_SESSION + b"[xyz]$")),
    "A2.6": Lie(untracked=keys(_SESSION + b"savings$")),
    "A2.7": Lie(untracked=keys(b"", "exists")),
    "A2.8": Lie(untracked=keys(b"", "scan")),
    "A2.9": Lie(untracked=keys(b"^/path/doctors")),
    "A3.1": Lie(hidden=keys(_SESSION + b"row3$", "session scan")),
    "A3.2": Lie(latest=keys(_SESSION + b"row", "session scan")),
    "A3.3": Lie(hidden=keys(_SESSION + b"row6$", "session scan")),
    "A3.4": Lie(latest=keys(_SESSION + b"row[12]$", "session scan")),
    "A3.5": Lie(latest=keys(b"^snapshot row", "get_batch")),
    "A4.1": Lie(dirty=keys(_SESSION + b"undone$")),
    "A4.2": Lie(kept=keys(_SESSION + b"undone$")),
    "A4.3": Lie(kept=keys(rb"^session:(?!probe|queue)")),
    "A4.4": Lie(dirty=keys(b"", "exists")),
    "A4.5": Lie(kept=keys(b"^key$")),
    "A5.1": Lie(answer=seen("r", "kown", "first", "initial")),
    "A5.2": Lie(answer=seen("r", "kown", "second", "first")),
    "A5.3": Lie(blind=keys(b"^own (write|new)", "scan_prefix")),
    "A5.4": Lie(blind=keys(b"^own delete", "get_batch")),
    "A5.5": Lie(blind=keys(b"^own batch", "exists")),
    "A6.1": Lie(late=frozenset({"commit"})),
    "A6.2": Lie(late=frozenset({"commit"})),
    "A6.3": Lie(late=frozenset({"put"})),
    "A6.4": Lie(late=frozenset({"get"})),
    "A7.1": Lie(untracked=keys(_SESSION + b"new$", "session scan")),
    "A7.2": Lie(untracked=keys(_SESSION + b"batch$")),
    "B1.1": Lie(answer=failing("put", b"thread7 key5")),
    "B1.2": Lie(hidden=keys(b"^thread3 key9$", "get")),
    "B1.3": Lie(answer=seen("get", "thread3 key9", b"value3.9", b"value9.3")),
    "B1.4": Lie(forgotten=keys(b"^thread3 key9$")),
    "B1.5": Lie(dropped=keys(b"^shared3$")),
    "B1.6": Lie(dropped=keys(b"^session:element77$")),
    "B2.1": Lie(refused=keys(b"^session:counter0$")),
    "B2.2": Lie(dropped=lambda call, key: key == b"session:counter0" and next(_ticks) % 5 == 0),
    "B3.1": Lie(opens_max=64),
    "B3.2": Lie(refused=keys(_SESSION + b"keyT50$")),
    "B3.3": Lie(dropped=keys(_SESSION + b"keyT50$")),
    "C1.1": Lie(answer=rows("FROM race4", lambda found: [{**row, "id": 1} for row in found])),
    "C1.2": Lie(answer=rows("FROM race4", lambda found: found[1:])),
    "C1.3": Lie(answer=rows("FROM race20", lambda found: found[1:])),
    "C2.1": Lie(statement=_drop_table),
    "C2.2": Lie(answer=values(lambda value: None if value == "" else value)),
    "C2.3": Lie(answer=values(lambda value: value[::-1] if isinstance(value, str) and len(value) > 999 else value)),
    "C2.4": Lie(statement=instead("name IS NULL", "name = NULL")),
    "C2.5": Lie(answer=values(lambda value: value.replace("'", "''") if isinstance(value, str) else value)),
    "C2.6": Lie(answer=values(lambda value: unicodedata.normalize("NFC", value) if type(value) is str else value)),
    "C2.7": Lie(answer=values(lambda value: value.decode("latin-1") if isinstance(value, bytes) else value)),
    "C2.8": Lie(answer=values(lambda value: value.split("--")[0] if isinstance(value, str) else value)),
    "C3.1": Lie(statement=instead("LIKE 'hello%'", "LIKE '%'")),
    "C3.2": Lie(statement=instead("LIKE 'hello_world'", "= 'hello_world'")),
    "C3.3": Lie(statement=instead(r"'hello\%world' ESCAPE '\'", "'hello%world'")),
    "C3.4": Lie(statement=instead("'h.llo%'", "'h_llo%'")),
    "C4.1": Lie(answer=values(lambda value: 3.14 if value == 3.14159 else value)),
    "C4.2": Lie(answer=values(lambda value: int(value) if value == 1e18 else value)),
    "C4.3": Lie(answer=values(lambda value: int(value) if value == 1e10 else value)),
    "C4.4": Lie(answer=values(lambda value: int(value) if isinstance(value, bool) else value)),
    "C4.5": Lie(answer=values(lambda value: 10 * value if value == 1e308 else value)),
    "C5.1": Lie(statement=instead("ORDER BY score", "ORDER BY CAST(score AS TEXT)")),
    "C5.2": Lie(statement=instead(">= 30", "> 30")),
    "C5.3": Lie(statement=instead("SELECT nope", "SELECT NULL AS nope")),
    "C5.4": Lie(statement=instead("SELEC score FORM", "SELECT score FROM")),
    "C5.5": Lie(statement=instead("INSERT INTO scores (id, score) VALUES (1, 0)", "SELECT 1")),
    "C6.1": Lie(untracked=keys(b"INSERT INTO kept", "sql")),
    "C6.2": Lie(untracked=keys(b"SELECT duty", "sql")),
    "D1.1": Lie(claims=claims("race", "twice", 3, 20)),
    "D1.2": Lie(claims=claims("race", "lost", 9)),
    "D1.3": Lie(claims=claims("race", "error", 5)),
    "D1.4": Lie(claims=claims("race", "payload", 4)),
    "D1.5": Lie(forgotten=keys(b"^claims$")),
    "D2.1": Lie(claims=claims("visibility", "payload", 1)),
    "D2.2": Lie(claims=claims("visibility", "visible", 2)),
    "D2.3": Lie(claims=claims("visibility", "first")),
    "D2.4": Lie(claims=claims("visibility", "stale", 0)),
    "D2.5": Lie(claims=claims("acknowledged", "not acknowledged", 0)),
    "D3.1": Lie(claims=claims("failing", "immortal", 0)),
    "D3.2": Lie(claims=claims("failing", "unburied", 0)),
    "D4.1": Lie(claims=lambda queue, count: "twice" if queue == "tasks" and count % 5 == 0 else ""),
    "D4.2": Lie(claims=lambda queue, count: "lost" if queue == "tasks" and count % 5 == 0 else ""),
}
