"""The anomalies of the literature, each as a script of two or three transactions over the keys x and y.

The scenarios are those by which Hermitage (Kleppmann 2014) tells what the levels of SQL databases really mean;
here they are programs over keys and values. P4: Berenson 1995; OTV and PMP: Bailis 2013; G0 to G2: Adya 1999;
two edges: Fekete 2005.
"""

from __future__ import annotations

from typing import Any

from harness.interleaving import ABORT, COMMIT, Interleaving, Seen
from harness.program import Program, delete, read, scan, write

__all__ = ["HERMITAGE"]

_BOTH = {"x": 10, "y": 20}
_XY = ("x", "z")
_NEW = ("new", "nex")  # Where nothing is stored at first.


def _add_ten_to_all(seen: Seen) -> Program:
    for key, value in (yield scan(*_XY)).value.items():
        yield write(key, _number(value) + 10)


def _delete_twenties(seen: Seen) -> Program:
    for key, value in (yield scan(*_XY)).value.items():
        if value == 20:
            yield delete(key)


def _delete_y_if_twenty(seen: Seen) -> Program:
    if (yield read("y")).value == 20:
        yield delete("y")


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _scenario(name: str, forbidden_by: str, story: str, anomaly: str = "", **rest: Any) -> Interleaving:
    source = f"Hermitage, {anomaly or name}"
    return Interleaving(
        name=name, anomaly=anomaly or name, forbidden_by=forbidden_by, story=story, source=source, **rest
    )


HERMITAGE: tuple[Interleaving, ...] = (
    _scenario(
        "G0",
        "read-uncommitted",
        "Both write x and y. One's x and the other's y must not stay together.",
        initial=_BOTH,
        sessions={
            "T1": {"w1x": [write("x", 11)], "w1y": [write("y", 21)], "c1": [COMMIT]},
            "T2": {"w2x": [write("x", 12)], "w2y": [write("y", 22)], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "G1a",
        "read-committed",
        "T1 takes its write back. T2 must never have seen it.",
        initial=_BOTH,
        sessions={
            "T1": {"w1": [write("x", 101)], "a1": [ABORT]},
            "T2": {"r2": [read("x")], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "G1b",
        "read-committed",
        "T1 writes x twice. T2 must not see the first of the two.",
        initial=_BOTH,
        sessions={
            "T1": {"w1": [write("x", 101)], "v1": [write("x", 11)], "c1": [COMMIT]},
            "T2": {"r2": [read("x")], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "G1c",
        "read-committed",
        "Each writes one key and reads the other's. They must not both see the other's write.",
        initial=_BOTH,
        sessions={
            "T1": {"w1": [write("x", 11)], "r1": [read("y")], "c1": [COMMIT]},
            "T2": {"w2": [write("y", 22)], "r2": [read("x")], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "OTV",
        "monotonic-atomic-view",
        "T1, then T2, write x and y. Once T3 saw a write of T2, it must not find T1's in place of T2's other one.",
        initial=_BOTH,
        sessions={
            "T1": {"w1x": [write("x", 11)], "w1y": [write("y", 19)], "c1": [COMMIT]},
            "T2": {"w2x": [write("x", 12)], "w2y": [write("y", 18)], "c2": [COMMIT]},
            "T3": {"r3x": [read("x")], "r3y": [read("y")], "s3x": [read("x")], "s3y": [read("y")], "c3": [COMMIT]},
        },
        orders=(
            "w1x w1y w2x c1 r3x w2y r3y c2 s3x s3y c3",
            "w1x w1y c1 w2x r3x r3y w2y c2 s3x s3y c3",
            "w1x w1y c1 w2x w2y r3x c2 r3y s3x s3y c3",
            "w1x w1y c1 w2x r3x w2y c2 r3y s3x s3y c3",
        ),
    ),
    _scenario(
        "P4",
        "cursor-stability",
        "Both read x and write back what follows from it. Neither of the writes may be lost.",
        initial=_BOTH,
        sessions={
            "T1": {"r1": [read("x")], "w1": [write("x", 11)], "c1": [COMMIT]},
            "T2": {"r2": [read("x")], "w2": [write("x", 12)], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "PMP",
        "consistent-view",
        "T1 reads a range twice, T2 puts a key into it. T1 must find it both times or not at all.",
        anomaly="PMP",
        initial=_BOTH,
        needs=frozenset({"scan"}),
        sessions={
            "T1": {"s1": [scan(*_XY)], "t1": [scan(*_XY)], "c1": [COMMIT]},
            "T2": {"w2": [write("xnew", 30)], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "PMP-write",
        "consistent-view",
        "T1 adds 10 to all values, T2 deletes those that are 20. T2 must do so before all of T1 or after it.",
        anomaly="PMP",
        initial=_BOTH,
        needs=frozenset({"scan", "delete"}),
        sessions={
            "T1": {"u1": _add_ten_to_all, "c1": [COMMIT]},
            "T2": {"s2": [scan(*_XY)], "d2": _delete_twenties, "c2": [COMMIT]},
        },
    ),
    _scenario(
        "G-single",
        "consistent-view",
        "T2 writes x and y. T1 must read both as they were before, or both as they are after.",
        initial=_BOTH,
        sessions={
            "T1": {"r1x": [read("x")], "r1y": [read("y")], "c1": [COMMIT]},
            "T2": {"w2x": [write("x", 12)], "w2y": [write("y", 18)], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "G-single-predicate",
        "consistent-view",
        "T2 puts a key into a range and counts it. T1 reads range and count, and they must agree.",
        anomaly="G-single",
        initial={"count": 0},
        needs=frozenset({"scan"}),
        sessions={
            "T1": {"s1": [scan(*_NEW)], "r1": [read("count")], "c1": [COMMIT]},
            "T2": {"w2": [write("new1", 30)], "n2": [write("count", 1)], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "G-single-write",
        "consistent-view",
        "T2 changes x and y. T1 read the old x; what it then does about y must follow from the old y too.",
        anomaly="G-single",
        initial=_BOTH,
        needs=frozenset({"delete"}),
        sessions={
            "T1": {"r1": [read("x")], "d1": _delete_y_if_twenty, "c1": [COMMIT]},
            "T2": {"w2x": [write("x", 12)], "w2y": [write("y", 18)], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "G2-item",
        "repeatable-read",
        "Both read x and y, then each writes one of them. One of them must have seen the other's write.",
        initial=_BOTH,
        sessions={
            "T1": {"r1": [read("x"), read("y")], "w1": [write("x", 11)], "c1": [COMMIT]},
            "T2": {"r2": [read("x"), read("y")], "w2": [write("y", 21)], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "G2",
        "serializable",
        "Both find a range empty and put a key into it. One of them must have found the other's.",
        initial=_BOTH,
        needs=frozenset({"scan"}),
        sessions={
            "T1": {"s1": [scan(*_NEW)], "w1": [write("new1", 30)], "c1": [COMMIT]},
            "T2": {"s2": [scan(*_NEW)], "w2": [write("new2", 42)], "c2": [COMMIT]},
        },
    ),
    _scenario(
        "G2-two-edges",
        "serializable",
        "T3 saw T2's write and missed T1's, and T1 had missed T2's: T1 must not write any more.",
        anomaly="G2",
        initial=_BOTH,
        needs=frozenset({"scan"}),
        sessions={
            "T1": {"s1": [scan(*_XY)], "w1": [write("xnew", 0)], "c1": [COMMIT]},
            "T2": {"w2": [write("y", 25)], "c2": [COMMIT]},
            "T3": {"s3": [scan(*_XY)], "c3": [COMMIT]},
        },
        orders=(
            "s1 w2 c2 s3 c3 w1 c1",
            "s1 w2 c2 s3 w1 c3 c1",
            "s1 w2 c2 s3 w1 c1 c3",
            "s1 w1 w2 c2 s3 c3 c1",
            "s1 w2 c2 w1 s3 c1 c3",
            "w2 s1 c2 s3 w1 c1 c3",
        ),
    ),
)
