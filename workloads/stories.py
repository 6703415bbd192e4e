"""Classic stories of applications that go wrong under concurrency, as scripts over keys and values.

Each is a rule that every transaction keeps by itself and that two or three of them together can break. They are
known from the literature on snapshot isolation (Fekete, O'Neil & O'Neil 2004; Fekete 2005; Ports & Grittner
2012, whose isolation tests tell many of them in SQL); the programs here are our own.
"""

from __future__ import annotations

from typing import Any

from harness.interleaving import ABORT, COMMIT, Interleaving, Seen
from harness.program import Program, Rollback, delete, read, scan, write

__all__ = ["STORIES"]

_SCAN = frozenset({"scan"})
_SCAN_AND_DELETE = frozenset({"scan", "delete"})
_INVOICES = ("invoice", "invoicf")
_ROOM = ("room", "roon")
_ACCOUNTS = ("account", "accounu")
_CHILDREN = ("child", "chile")
_RED, _BLUE = ("red", "ree"), ("blue", "bluf")


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _leave(own: str, others: str) -> Any:
    def step(seen: Seen) -> Program:
        if seen[others] == "on":
            yield write(own, "off")

    return step


def _take_name(owner: str) -> Any:
    def step(seen: Seen) -> Program:
        if seen["name"] is None:
            yield write("name", owner)

    return step


def _number_invoice(text: str) -> Any:
    def step(seen: Seen) -> Program:
        yield write(f"invoice{len(seen[_INVOICES]) + 1}", text)

    return step


def _enter_receipt(seen: Seen) -> Program:
    batch = _number((yield read("batch")).value)
    yield write(f"receipt{batch}a", "T1")


def _close_batch(seen: Seen) -> Program:
    yield write("batch", _number((yield read("batch")).value) + 1)


def _report_last_batch(seen: Seen) -> Program:
    last = _number(seen["batch"]) - 1
    yield scan(f"receipt{last}", f"receipt{last}z")


def _withdraw(seen: Seen) -> Program:
    fee = 1 if _number(seen["checking"]) + _number(seen["savings"]) < 10 else 0
    yield write("checking", _number(seen["checking"]) - 10 - fee)


def _book(key: str, owner: str) -> Any:
    def step(seen: Seen) -> Program:
        if not any(_overlap(key, taken) for taken in seen[_ROOM]):
            yield write(key, owner)

    return step


def _move(old: str, new: str, owner: str) -> Any:
    def step(seen: Seen) -> Program:
        if not any(_overlap(new, taken) for taken in seen[_ROOM] if taken != old):
            yield delete(old)
            yield write(new, owner)

    return step


def _overlap(one: str, two: str) -> bool:
    """Bookings are an hour long and begin when their key says, in minutes."""
    return abs(int(one[4:]) - int(two[4:])) < 60


def _pay(account: str, owner: str) -> Any:
    def step(seen: Seen) -> Program:
        before = _number((yield read(account)).value)
        yield write(account, before - (200 if owner == "T1" else 300))

    return step


def _add_child(seen: Seen) -> Program:
    if seen["parent"] is None:
        raise Rollback
    yield write("child1", "T1")


def _remove_parent(seen: Seen) -> Program:
    if seen[_CHILDREN]:
        raise Rollback
    yield delete("parent")


def _increment(seen: Seen) -> Program:
    yield write("first", _number((yield read("first")).value) + 1)


def _follow(seen: Seen) -> Program:
    yield write("second", _number((yield read("first")).value) + 1)


def _drop_namesake(mine: tuple[str, str], other: str) -> Any:
    """Delete of the other colour the number that is the smallest of this one."""

    def step(seen: Seen) -> Program:
        smallest = min((yield scan(*mine)).value, default="")
        if smallest:
            yield delete(other + smallest[-1])

    return step


def _story(name: str, anomaly: str, forbidden_by: str, story: str, source: str, **rest: Any) -> Interleaving:
    return Interleaving(name=name, anomaly=anomaly, forbidden_by=forbidden_by, story=story, source=source, **rest)


STORIES: tuple[Interleaving, ...] = (
    _story(
        "user-name",
        "P4",
        "cursor-stability",
        "Whoever finds a name free takes it. Two must not both believe that it is theirs.",
        "Ports & Grittner 2012",
        sessions={
            "T1": {"r1": [read("name")], "w1": _take_name("T1"), "c1": [COMMIT]},
            "T2": {"r2": [read("name")], "w2": _take_name("T2"), "c2": [COMMIT]},
        },
    ),
    _story(
        "invoice-number",
        "P4",
        "consistent-view",
        "Both count the invoices and write the next one. Neither invoice may replace the other.",
        "Ports & Grittner 2012",
        needs=_SCAN,
        initial={"invoice1": "paid"},
        sessions={
            "T1": {"s1": [scan(*_INVOICES)], "w1": _number_invoice("T1"), "c1": [COMMIT]},
            "T2": {"s2": [scan(*_INVOICES)], "w2": _number_invoice("T2"), "c2": [COMMIT]},
        },
    ),
    _story(
        "long-fork",
        "long-fork",
        "snapshot-isolation",
        "T1 writes x, T2 writes y. T3 and T4 must not see the two in opposite orders.",
        "Cerone & Gotsman 2016",
        initial={"x": 0, "y": 0},
        sessions={
            "T1": {"w1": [write("x", 1)], "c1": [COMMIT]},
            "T2": {"w2": [write("y", 1)], "c2": [COMMIT]},
            "T3": {"r3x": [read("x")], "r3y": [read("y")], "c3": [COMMIT]},
            "T4": {"r4y": [read("y")], "r4x": [read("x")], "c4": [COMMIT]},
        },
        orders=(
            "w1 w2 c1 r3x r3y c2 r4y r4x c3 c4",
            "w1 c1 r3x r3y w2 c2 r4y r4x c3 c4",
            "r3x r4y w1 w2 c1 c2 r3y r4x c3 c4",
            "w1 w2 r3x r4y r3y r4x c1 c2 c3 c4",
        ),
    ),
    _story(
        "overdraft-report",
        "read-only",
        "repeatable-read",
        "T1 pays in, T2 draws and pays a fee as if T1 had not. A report of T1's money without a fee fits no order.",
        "Fekete, O'Neil & O'Neil 2004",
        initial={"checking": 0, "savings": 0},
        sessions={
            "T1": {"r1": [read("savings")], "w1": [write("savings", 20)], "c1": [COMMIT]},
            "T2": {"r2": [read("checking"), read("savings")], "w2": _withdraw, "c2": [COMMIT]},
            "T3": {"r3": [read("checking"), read("savings")], "c3": [COMMIT]},
        },
        orders=(
            "r2 r1 w1 c1 r3 c3 w2 c2",
            "r2 r1 w1 c1 r3 w2 c2 c3",
            "r2 r1 w1 c1 r3 w2 c3 c2",
            "r1 r2 w1 c1 w2 r3 c2 c3",
            "r2 r1 w1 c1 w2 c2 r3 c3",
            "r2 w2 c2 r1 w1 c1 r3 c3",
        ),
    ),
    _story(
        "receipt-report",
        "read-only",
        "serializable",
        "T1 enters a receipt into the open batch, T2 closes it, T3 lists the closed one. That list must be final.",
        "Ports & Grittner 2012",
        needs=_SCAN,
        initial={"batch": 1, "receipt1": "old"},
        sessions={
            "T1": {"w1": _enter_receipt, "c1": [COMMIT]},
            "T2": {"w2": _close_batch, "c2": [COMMIT]},
            "T3": {"r3": [read("batch")], "s3": _report_last_batch, "c3": [COMMIT]},
        },
        orders=(
            "w1 w2 c2 r3 s3 c3 c1",
            "w1 w2 c2 r3 s3 c1 c3",
            "w1 w2 c2 r3 c1 s3 c3",
            "w2 w1 c2 r3 s3 c3 c1",
            "w1 w2 c1 c2 r3 s3 c3",
            "w2 c2 w1 r3 s3 c1 c3",
        ),
    ),
    _story(
        "on-call",
        "G2-item",
        "repeatable-read",
        "Each of two doctors leaves if the other is still on call. One of them has to stay.",
        "Cahill 2008",
        initial={"alice": "on", "bob": "on"},
        sessions={
            "T1": {"r1": [read("alice"), read("bob")], "w1": _leave("alice", "bob"), "c1": [COMMIT]},
            "T2": {"r2": [read("alice"), read("bob")], "w2": _leave("bob", "alice"), "c2": [COMMIT]},
        },
    ),
    _story(
        "total-after-payment",
        "G2-item",
        "repeatable-read",
        "Each draws on one account and then sums up both. One of the sums has to show both payments.",
        "Ports & Grittner 2012",
        needs=_SCAN,
        initial={"account1": 600, "account2": 600},
        sessions={
            "T1": {"w1": _pay("account1", "T1"), "s1": [scan(*_ACCOUNTS)], "c1": [COMMIT]},
            "T2": {"w2": _pay("account2", "T2"), "s2": [scan(*_ACCOUNTS)], "c2": [COMMIT]},
        },
    ),
    _story(
        "smallest-number",
        "G2-item",
        "repeatable-read",
        "Each deletes of one colour the number that is the smallest of the other. The second has to see the first.",
        "Ports & Grittner 2012",
        needs=_SCAN_AND_DELETE,
        initial={"red1": 1, "red2": 2, "blue1": 1, "blue2": 2},
        sessions={
            "T1": {"d1": _drop_namesake(_RED, "blue"), "c1": [COMMIT]},
            "T2": {"d2": _drop_namesake(_BLUE, "red"), "c2": [COMMIT]},
        },
    ),
    _story(
        "follower",
        "G2-item",
        "repeatable-read",
        "T1 counts up, T2 stores one more than it read, T3 reads that. With T1 done, T3 must not find T2 undone yet.",
        "Ports & Grittner 2012",
        initial={"first": 1, "second": 1},
        sessions={
            "T1": {"w1": _increment, "c1": [COMMIT]},
            "T2": {"w2": _follow, "c2": [COMMIT]},
            "T3": {"r3": [read("second"), read("first")], "c3": [COMMIT]},
        },
        orders=(
            "w1 w2 c1 r3 c2 c3",
            "w2 w1 c1 r3 c3 c2",
            "w1 w2 r3 c1 c2 c3",
            "w1 w2 c2 r3 c1 c3",
            "w1 c1 w2 r3 c3 c2",
        ),
    ),
    _story(
        "overwritten-twice",
        "G2-item",
        "repeatable-read",
        "T1 missed T2's x; T3 wrote x after T2 and missed T4's y; T4 missed what T1 writes to z last of all.",
        "Ports & Grittner 2012",
        initial={"x": 0, "y": 0, "z": 0},
        sessions={
            "T1": {"r1": [read("x")], "w1": [write("z", 1)], "c1": [COMMIT]},
            "T2": {"w2": [write("x", 2)], "c2": [COMMIT]},
            "T3": {"w3": [write("x", 3)], "r3": [read("y")], "c3": [COMMIT]},
            "T4": {"w4": [write("y", 4)], "r4": [read("z")], "c4": [COMMIT]},
        },
        orders=("r1 w2 c2 w3 r3 w4 r4 c4 c3 w1 c1", "r1 w2 c2 w3 r3 c3 w4 r4 w1 c4 c1"),
    ),
    _story(
        "undone-third",
        "G2-item",
        "repeatable-read",
        "T1 and T2 skew; between them T3 changes what T1 wrote and takes it back. That must hide nothing.",
        "Ports & Grittner 2012",
        sessions={
            "T1": {"r1": [read("x")], "w1": [write("y", 1)], "c1": [COMMIT]},
            "T2": {"w2": [write("x", 2)], "r2": [read("y")], "c2": [COMMIT]},
            "T3": {"w3": [write("y", 3)], "a3": [ABORT]},
        },
        orders=("r1 w2 w1 c1 w3 r2 c2 a3", "w2 r1 w1 c1 w3 r2 a3 c2"),
    ),
    _story(
        "booking",
        "G2",
        "serializable",
        "Each sees the room's bookings, then T1 books it and T2 moves a booking. No two may overlap.",
        "Ports & Grittner 2012",
        needs=_SCAN_AND_DELETE,
        initial={"room600": "Bob"},
        sessions={
            "T1": {"s1": [scan(*_ROOM)], "w1": _book("room780", "T1"), "c1": [COMMIT]},
            "T2": {"s2": [scan(*_ROOM)], "w2": _move("room600", "room810", "Bob"), "c2": [COMMIT]},
        },
    ),
    _story(
        "parent-and-child",
        "G2",
        "serializable",
        "T1 adds a child if the parent is there, T2 removes the parent if it has none. No child may be left alone.",
        "Ports & Grittner 2012",
        needs=_SCAN_AND_DELETE,
        initial={"parent": 1},
        sessions={
            "T1": {"r1": [read("parent")], "w1": _add_child, "c1": [COMMIT]},
            "T2": {"s2": [scan(*_CHILDREN)], "d2": _remove_parent, "c2": [COMMIT]},
        },
    ),
    _story(
        "stale-read",
        "stale-read",
        "strong-snapshot-isolation",
        "T1 writes x. T2 must see it if it begins after T1 was acknowledged.",
        "Daudjee & Salem 2006",
        initial={"x": 0},
        sessions={
            "T1": {"w1": [write("x", 1)], "c1": [COMMIT]},
            "T2": {"r2": [read("x")], "c2": [COMMIT]},
        },
    ),
)
