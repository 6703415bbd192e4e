"""The scripts of section A: small transactions, and the orders in which their steps are taken.

A counter that two raise, two accounts that may not be overdrawn together, rows that are listed twice while
somebody else changes them. The orders are those in which a database without concurrency control goes wrong.
"""

from __future__ import annotations

from typing import Any, Final

from harness.interleaving import ABORT, BEGIN, COMMIT, Interleaving, Seen
from harness.program import Program, delete, read, scan, write
from workloads.interleavings import INTERLEAVINGS

__all__ = [
    "BALANCE",
    "CHANGED_ROWS",
    "INCREMENTS",
    "LATE_INCREMENTS",
    "NEW_ROW",
    "OVERDRAFT_REPORT",
    "OWN_WRITES",
    "PREDICATE_SKEW",
    "RECEIPT_REPORT",
    "ROWS",
    "THREE_CYCLE",
    "UNDONE_WRITE",
    "WITHDRAWALS",
    "WRITES_FIRST",
    "many_writers",
]

BALANCE: Final = 100
ROWS: Final = {f"row{number}": number for number in range(1, 6)}
_ALL_ROWS = ("row", "rox")
_READ_FIRST = ("r1 r2 w1 c1 w2 c2", "r1 r2 w1 w2 c1 c2")
_ACCOUNTS = {"alice": BALANCE, "bob": BALANCE}


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _increment(seen: Seen) -> Program:
    yield write("counter", _number(seen["counter"]) + 1)


def _withdraw(own: str) -> Any:
    """150, which one account alone does not hold, if both together do."""

    def step(seen: Seen) -> Program:
        if sum(_number(seen[account]) for account in _ACCOUNTS) >= 150:
            yield write(own, _number(seen[own]) - 150)

    return step


def _script(name: str, anomaly: str, forbidden_by: str, story: str, source: str, **rest: Any) -> Interleaving:
    return Interleaving(name=name, anomaly=anomaly, forbidden_by=forbidden_by, story=story, source=source, **rest)


_RAISE = {
    "T1": {"b1": [BEGIN], "r1": [read("counter")], "w1": _increment, "c1": [COMMIT]},
    "T2": {"b2": [BEGIN], "r2": [read("counter")], "w2": _increment, "c2": [COMMIT]},
}

INCREMENTS = _script(
    "increments",
    "P4",
    "cursor-stability",
    "Both read the counter and write one more. Neither of the increments may be lost.",
    "Berenson 1995",
    initial={"counter": 0},
    sessions=_RAISE,
    orders=_READ_FIRST,
)

LATE_INCREMENTS = _script(
    "late-increments",
    "P4",
    "cursor-stability",
    "One begins before the other commits, and reads after it. It must count the other's increment or be refused.",
    "Berenson 1995",
    initial={"counter": 0},
    sessions=_RAISE,
    orders=("b2 r1 w1 c1 r2 w2 c2", "b2 b1 r1 w1 c1 r2 w2 c2", "b1 b2 r2 w2 r1 c2 w1 c1", "b1 r2 w2 r1 c2 w1 c1"),
)

WITHDRAWALS = _script(
    "withdrawals",
    "G2-item",
    "serializable",
    "Both see 200 on two accounts and draw 150, each from its own. Only one may.",
    "Berenson 1995",
    initial=_ACCOUNTS,
    sessions={
        "T1": {"r1": [read("alice"), read("bob")], "w1": _withdraw("alice"), "c1": [COMMIT]},
        "T2": {"r2": [read("alice"), read("bob")], "w2": _withdraw("bob"), "c2": [COMMIT]},
    },
    orders=_READ_FIRST,
)

WRITES_FIRST = _script(
    "writes-first",
    "G2-item",
    "serializable",
    "Each draws on its own account and then looks at the other's. One of them has to see the other's withdrawal.",
    "Fekete 2005",
    initial=_ACCOUNTS,
    sessions={
        "T1": {"w1": [write("alice", -50)], "r1": [read("bob")], "c1": [COMMIT]},
        "T2": {"w2": [write("bob", -49)], "r2": [read("alice")], "c2": [COMMIT]},
    },
    orders=("w1 w2 r1 r2 c1 c2", "w1 r1 w2 r2 c1 c2", "w1 r1 w2 r2 c2 c1", "w1 w2 r1 c1 r2 c2"),
)

THREE_CYCLE = _script(
    "three-cycle",
    "G2-item",
    "serializable",
    "T1 reads x and writes y, T2 reads y and writes z, T3 reads z and writes x. Not all of them can come first.",
    "Fekete 2005",
    initial={"x": 0, "y": 0, "z": 0},
    sessions={
        "T1": {"r1": [read("x")], "w1": [write("y", 1)], "c1": [COMMIT]},
        "T2": {"r2": [read("y")], "w2": [write("z", 2)], "c2": [COMMIT]},
        "T3": {"r3": [read("z")], "w3": [write("x", 3)], "c3": [COMMIT]},
    },
    orders=(
        "r1 r2 r3 w1 w2 w3 c1 c2 c3",
        "r1 r2 r3 w1 c1 w2 c2 w3 c3",
        "r1 r2 r3 w3 c3 w2 c2 w1 c1",
        "r1 r2 w1 c1 r3 w3 c3 w2 c2",
    ),
)

NEW_ROW = _script(
    "new-row",
    "PMP",
    "consistent-view",
    "T1 lists five rows twice, and T2 puts a sixth in between. T1 must list the same rows, T3 the sixth as well.",
    "Berenson 1995, P3",
    initial=ROWS,
    needs=frozenset({"scan"}),
    sessions={
        "T1": {"s1": [scan(*_ALL_ROWS)], "t1": [scan(*_ALL_ROWS)], "c1": [COMMIT]},
        "T2": {"w2": [write("row6", 6)], "c2": [COMMIT]},
        "T3": {"s3": [scan(*_ALL_ROWS)], "c3": [COMMIT]},
    },
    orders=("s1 w2 c2 t1 c1 s3 c3", "w2 s1 c2 t1 c1 s3 c3"),
)

CHANGED_ROWS = _script(
    "changed-rows",
    "PMP",
    "consistent-view",
    "T1 lists five rows twice. T2 changes one and deletes another in between. T1 must list the same rows.",
    "Berenson 1995, P3",
    initial=ROWS,
    needs=frozenset({"scan", "delete"}),
    sessions={
        "T1": {"s1": [scan(*_ALL_ROWS)], "t1": [scan(*_ALL_ROWS)], "c1": [COMMIT]},
        "T2": {"w2": [write("row1", 10), delete("row2")], "c2": [COMMIT]},
        "T3": {"s3": [scan(*_ALL_ROWS)], "c3": [COMMIT]},
    },
    orders=("s1 w2 c2 t1 c1 s3 c3", "w2 s1 c2 t1 c1 s3 c3"),
)

UNDONE_WRITE = _script(
    "undone-write",
    "G1a",
    "read-committed",
    "T1 writes and takes it back. T2 must never have seen it.",
    "Adya 1999",
    initial={"undone": 1},
    sessions={
        "T1": {"w1": [write("undone", 2)], "a1": [ABORT]},
        "T2": {"r2": [read("undone")], "c2": [COMMIT]},
    },
    orders=("w1 r2 c2 a1", "w1 r2 a1 c2"),
)

OWN_WRITES = _script(
    "own-writes",
    "internal",
    "read-committed",
    "T1 reads what it has just written, and again what it wrote over that.",
    "Cerone 2015, INT",
    initial={"own": "initial"},
    sessions={
        "T1": {
            "w1": [write("own", "first")],
            "r1": [read("own")],
            "v1": [write("own", "second")],
            "s1": [read("own")],
            "c1": [COMMIT],
        }
    },
)

_KNOWN = {script.name: script for script in INTERLEAVINGS}
OVERDRAFT_REPORT = _KNOWN["overdraft-report"]
PREDICATE_SKEW = _KNOWN["G2"]
RECEIPT_REPORT = _KNOWN["receipt-report"]


def many_writers(count: int) -> Interleaving:
    """`count` transactions that have all begun and written, each a key of its own, before the first one commits."""
    names = [f"T{number}" for number in range(1, count + 1)]
    return _script(
        "many-writers",
        "G0",
        "read-uncommitted",
        "Many are open at once, and each writes a key of its own. Nobody stands in anybody's way.",
        "the definition of a conflict",
        sessions={name: {f"w{name}": [write(f"key{name}", name)], f"c{name}": [COMMIT]} for name in names},
        orders=(" ".join([*(f"w{name}" for name in names), *(f"c{name}" for name in names)]),),
    )
