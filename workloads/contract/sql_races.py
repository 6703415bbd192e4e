"""C1 and C6: statements of several threads and transactions at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from harness.contract import Check, Handle, Observed, Rig, Scenario, Skipped, Transaction, answer, holds
from workloads.contract.rivals import ONE_STAYED, Rival, in_both_orders, interleaved

__all__ = ["INSERT_RACE", "SQL_TRANSACTIONS"]

_SHOWN: Final = 3


# C1


class _Inserted(NamedTuple):
    """What became of inserts by many threads: the names that were acknowledged, the rows, and the errors met."""

    acknowledged: list[str]
    rows: list[dict[str, Any]]
    errors: list[str]
    refusals: int


_ENOUGH_S: Final = 10.0  # No insert is begun after this time.
_TRIES: Final = 1_000  # More than a table's other inserts, each of which can stand in the way once.


def _insert_race(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    small = _inserted(rig, db, "race4", threads=4, each=20)
    ids = [row.get("id") for row in small.rows]
    distinct = len({repr(one) for one in ids}) == len(ids) and None not in ids
    yield holds("C1.1", bool(ids) and distinct, f"{len(ids)} rows with {len({repr(one) for one in ids})} ids")
    yield _acknowledged("C1.2", small)
    yield _acknowledged("C1.3", _inserted(rig, db, "race20", threads=20, each=20))


def _inserted(rig: Rig, db: Handle, table: str, *, threads: int, each: int) -> _Inserted:
    db.call("sql", f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name TEXT)")
    acknowledged: list[str] = []
    refusals: list[str] = []
    enough_s = rig.now() + _ENOUGH_S

    def work(number: int) -> None:
        for count in range(each):
            if rig.now() > enough_s:
                return
            name = f"worker{number}-{count}"
            for _ in range(_TRIES):
                said = answer(partial(db.call, "sql", f"INSERT INTO {table} (name) VALUES ('{name}')"))
                if said != "conflict":
                    break
                refusals.append(name)
            if said not in {"", "conflict"}:
                raise RuntimeError(said)
            if not said:
                acknowledged.append(name)

    errors = [str(one) for one in rig.threads(threads, work) if one is not None]
    rows = db.call("sql", f"SELECT id, name FROM {table}")
    return _Inserted(acknowledged, rows, errors, len(refusals))


def _acknowledged(check: str, inserted: _Inserted) -> Observed:
    names = [row.get("name") for row in inserted.rows]
    count = len(inserted.acknowledged)
    told = (
        f"{count} inserts were acknowledged, {inserted.refusals} refused for a conflict, {len(names)} rows are there"
    )
    if inserted.errors:
        return holds(check, False, f"{told}; errors: {inserted.errors[:_SHOWN]}")
    return holds(check, count > 0 and sorted(map(str, names)) == sorted(inserted.acknowledged), told)


# C6


def _transactions(rig: Rig) -> Iterator[Observed | Skipped]:
    yield interleaved(rig, "C6.1", lambda db: [_taken_back(db)], "the insert was gone after the abort")
    yield interleaved(rig, "C6.2", _doctors, ONE_STAYED)


def _taken_back(db: Handle) -> str:
    db.call("sql", "CREATE TABLE kept (id INTEGER PRIMARY KEY, name TEXT)")
    transaction = db.begin()
    transaction.call("sql", "INSERT INTO kept (id, name) VALUES (1, 'uncommitted')")
    before = db.call("sql", "SELECT name FROM kept")
    transaction.abort()
    after = db.call("sql", "SELECT name FROM kept")
    return "" if before == after == [] else f"an insert was seen as {before} before its abort and {after} after it"


def _doctors(db: Handle) -> list[str]:
    db.call("sql", "CREATE TABLE doctors (id INTEGER PRIMARY KEY, name TEXT, duty TEXT)")
    return in_both_orders(db, lambda name: _pair(db, 1 if name == "together" else 3))


def _pair(db: Handle, first: int) -> tuple[Rival, Rival]:
    for number in (first, first + 1):
        db.call("sql", f"INSERT INTO doctors (id, name, duty) VALUES ({number}, 'doctor{number}', 'on')")
    return _doctor(first, first + 1), _doctor(first + 1, first)


def _doctor(own: int, other: int) -> Rival:
    def look(on: Transaction) -> Any:
        return on.call("sql", f"SELECT duty FROM doctors WHERE id = {other}")

    return Rival(look, lambda on: on.call("sql", f"UPDATE doctors SET duty = 'off' WHERE id = {own}"))


INSERT_RACE: Final = Scenario(
    id="C1",
    title="Concurrent inserts",
    severity="critical",
    calls=("sql",),
    program=_insert_race,
    impact="Rows that were acknowledged overwrite each other, because two inserts take the same id.",
    advice="Take the next id within the transaction that stores the row.",
    checks=(
        Check("C1.1", "Rows that 4 threads insert without an id all get ids of their own."),
        Check("C1.2", "4 threads' 20 inserts each are all there if they were acknowledged."),
        Check("C1.3", "20 threads' 20 inserts each are all there if they were acknowledged.", ours=True),
    ),
)

SQL_TRANSACTIONS: Final = Scenario(
    id="C6",
    title="SQL in transactions",
    severity="critical",
    calls=("sql",),
    level="serializable",
    program=_transactions,
    impact="What keys and values are protected from happens to rows.",
    advice="Let statements read and write through the transaction that they are part of.",
    checks=(
        Check("C6.1", "Nobody sees an insert before its transaction commits, nor after it aborts.", ours=True),
        Check("C6.2", "Of two that each read the row which the other updates one is refused.", ours=True),
    ),
)
