"""PostgreSQL's isolation specs, read at test time, as interleavings of programs over keys and values.

The file says what each step does in the state after set-up when its session runs alone. A step that reads before it
writes may do otherwise in another state: those whose story says so have a real program here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.history import Op
from harness.interleaving import ABORT, BEGIN, COMMIT, Action, Interleaving, Seen
from harness.program import Program, Rollback, delete, read, scan, write

FOLDER = Path(os.environ.get("ANOMALIST_CONFORMANCE", Path(__file__).parents[2].parent / "shared" / "conformance"))
SPECS = FOLDER / "postgres_isolation_specs.json"

needs_specs = pytest.mark.skipif(
    not SPECS.is_file(), reason=f"{SPECS} is missing; set ANOMALIST_CONFORMANCE to the folder that holds it"
)


def known_specs() -> list[dict[str, Any]]:
    """Those of the specs that can be written over keys and values; none where the file is missing."""
    return [spec for spec in json.loads(SPECS.read_text()) if spec["kv_expressible"]] if SPECS.is_file() else []


def interleaving_of(spec: Mapping[str, Any]) -> Interleaving:
    """A spec as our noun."""
    name = spec["spec"]
    return Interleaving(
        name=name,
        anomaly="serialization failure",
        forbidden_by="serializable",
        story=spec["story"],
        source=spec["source"],
        initial=spec["initial_keys"],
        sessions={
            session: {step: _action(name, step, spec["operations_when_alone"][step]) for step in steps}
            for session, steps in spec["sessions"].items()
        },
        orders=tuple(" ".join(order) for order in spec["permutations"]),
    )


def _action(spec: str, step: str, operations: list[list[str]]) -> Action:
    if (spec, step) in PROGRAMS:
        return PROGRAMS[spec, step]
    return [_op(*operation) for operation in operations] or NOTHING_READ[spec]


def _op(kind: str, *arguments: str) -> Op:
    if kind == "scan_prefix":
        return scan(arguments[0], arguments[0][:-1] + chr(ord(arguments[0][-1]) + 1))
    if kind == "put":
        return write(arguments[0], arguments[1])
    return (
        {"get": read, "delete": delete}[kind](arguments[0]) if arguments else {"commit": COMMIT, "abort": ABORT}[kind]
    )


# What a step without operations does: take the snapshot by a statement that reads no key of the story, or BEGIN.
NOTHING_READ: dict[str, Action] = {"ri-trigger": [read("nothing")], "predicate-lock-hot-tuple": [BEGIN]}


def insert(key: str, value: str) -> Action:
    """Store a new key; one that the transaction finds there already is an error of the application's."""

    def step(seen: Seen) -> Program:
        if (yield read(key)).value is not None:
            raise Rollback
        yield write(key, value)

    return step


def turn_all(old: str, new: str) -> Action:
    def step(seen: Seen) -> Program:
        for key, value in (yield scan("test/", "test0")).value.items():
            if value == old:
                yield write(key, new)

    return step


def enter_receipt(seen: Seen) -> Program:
    date = (yield read("ctl/receipt")).value
    if (yield read("receipt/3")).value is not None:
        raise Rollback
    yield write("receipt/3", date)


def take_200(account: str) -> Action:
    def step(seen: Seen) -> Program:
        yield write(account, str(int((yield read(account)).value) - 200))

    return step


def insert_child(seen: Seen) -> Program:
    if (yield read("parent/0")).value is None:
        raise Rollback
    yield write("child/1", "1")


def delete_parent(seen: Seen) -> Program:
    if (yield scan("child/", "child0")).value:
        raise Rollback
    if (yield read("parent/0")).value is not None:
        yield delete("parent/0")


def delete_namesake_of_smallest(mine: str, other: str) -> Action:
    def step(seen: Seen) -> Program:
        smallest = min((yield scan(f"{mine}/", f"{mine}0")).value).removeprefix(mine)
        if (yield read(other + smallest)).value is not None:
            yield delete(other + smallest)

    return step


def change_if_there(key: str, change: Op) -> Action:
    def step(seen: Seen) -> Program:
        if (yield read(key)).value is not None:
            yield change

    return step


def count_up(seen: Seen) -> Program:
    yield write("D1", str(int((yield read("D1")).value) + 1))


def follow(seen: Seen) -> Program:
    first = int((yield read("D1")).value)
    yield read("D2")
    yield write("D2", str(first + 1))


PROGRAMS: dict[tuple[str, str], Action] = {
    ("read-write-unique", "w1"): insert("test/42", "1"),
    ("read-write-unique", "w2"): insert("test/42", "1"),
    ("read-write-unique-2", "w1"): insert("test/42", "1"),
    ("read-write-unique-2", "w2"): insert("test/42", "1"),
    ("read-write-unique-3", "rw1"): insert("test/1", "1"),
    ("read-write-unique-3", "rw2"): insert("test/1", "2"),
    ("read-write-unique-4", "w1"): insert("inv/2016/3", "1"),
    ("read-write-unique-4", "w2"): insert("inv/2016/3", "1"),
    ("simple-write-skew", "rwx1"): turn_all("pear", "apple"),
    ("simple-write-skew", "rwx2"): turn_all("apple", "pear"),
    ("receipt-report", "rxwy1"): enter_receipt,
    ("temporal-range-integrity", "wy1"): insert("offense/1", "1"),
    ("project-manager", "wy1"): insert("project/101", "1"),
    ("classroom-scheduling", "wy1"): insert("res/101/1300", "1"),
    ("total-cash", "wx1"): take_200("acc/checking"),
    ("total-cash", "wy2"): take_200("acc/savings"),
    ("ri-trigger", "wxry1"): insert_child,
    ("ri-trigger", "wyrx2"): delete_parent,
    ("two-ids", "wx1"): count_up,
    ("two-ids", "rxwy2"): follow,
    ("index-only-scan", "rxwy1"): delete_namesake_of_smallest("tabx", "taby"),
    ("index-only-scan", "rywx2"): delete_namesake_of_smallest("taby", "tabx"),
    ("update-conflict-out", "foo_insert"): insert("txn1/7", "1"),
    ("update-conflict-out", "bar_insert"): insert("txn0/42", "1"),
    ("update-conflict-out", "trouble_update"): change_if_there("txn1/7", write("txn1/7", "z")),
    ("update-conflict-out", "trouble_delete"): change_if_there("txn1/7", delete("txn1/7")),
}
