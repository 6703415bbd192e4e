"""A1: two transactions read a counter and write back what follows from it. None of the two updates may be lost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from harness.contract import Check, Conducted, Handle, Observed, Rig, Scenario, Skipped, Transaction, answer, tried
from workloads.contract.performances import lapse, performances, reads_before_commits
from workloads.contract.rivals import Rival, in_both_orders, interleaved, outcome_of
from workloads.contract.scripts import INCREMENTS, LATE_INCREMENTS

__all__ = ["LOST_UPDATE"]

_LEVEL: Final = "cursor-stability"
_KEYS: Final = ("get", "put")
_DELETES: Final = (*_KEYS, "delete")
_PATHS: Final = (*_KEYS, "put_path", "get_path")


def _program(rig: Rig) -> Iterator[Observed | Skipped]:
    conducted = list(performances(rig, INCREMENTS))
    yield tried("A1.1", list(map(_early_reads, conducted)), "whoever read before a commit read 0")
    yield tried("A1.2", [lapse(one, _LEVEL) for one in conducted], "one committed and the other was refused")
    yield tried("A1.3", list(map(_miscount, conducted)), "the counter is the number of acknowledged increments")
    late = list(performances(rig, LATE_INCREMENTS))
    yield tried("A1.4", [lapse(one, _LEVEL) or _miscount(one) for one in late], "no increment was lost")
    for check, calls, variant in (
        ("A1.5", _KEYS, _by_itself),
        ("A1.6", _DELETES, _deleted),
        ("A1.7", _PATHS, _paths),
    ):
        if rig.has(*calls):
            yield interleaved(rig, check, variant, "one of the two was refused")


def _early_reads(conducted: Conducted) -> str:
    reads = reads_before_commits(conducted.performance)
    if not reads:
        return "nobody read the counter before somebody committed"
    return next((f"{session} read {op.value!r} instead of 0" for session, op in reads if op.value != 0), "")


def _miscount(conducted: Conducted) -> str:
    performance = conducted.performance
    counter = performance.final.get("counter")
    if counter == performance.committed and not isinstance(counter, bool):
        return ""
    return f"{' '.join(performance.order)}: {performance.committed} committed, and the counter is {counter!r}"


def _by_itself(db: Handle) -> list[str]:
    """One reads, the other puts outside of any transaction, the first puts as well and commits."""
    failures = []
    for written_before in (False, True):
        key = f"by itself {written_before}".encode()
        db.call("put", key, b"0")
        transaction = db.begin()
        transaction.call("get", key)
        if written_before:
            transaction.call("put", key, b"within")
        alone = answer(partial(db.call, "put", key, b"alone"))
        within = outcome_of(transaction, partial(_put_within, key))
        failures.append(_lost_put(alone, within, db.call("get", key)))
    return failures


def _put_within(key: bytes, on: Transaction) -> None:
    on.call("put", key, b"within")


def _lost_put(alone: str, within: str, stored: bytes | None) -> str:
    strange = {alone, within} - {"", "conflict"}
    if strange:
        return f"one of the two was refused for another reason than a conflict: {strange.pop()}"
    if bool(alone) == bool(within):
        return "neither of them took effect" if alone else "both were acknowledged"
    acknowledged = b"within" if alone else b"alone"
    return "" if stored == acknowledged else f"{stored!r} is stored where {acknowledged!r} was acknowledged"


def _deleted(db: Handle) -> list[str]:
    return [
        *in_both_orders(db, lambda name: _increment_and_delete(db, f"increment first {name}")),
        *in_both_orders(db, lambda name: _increment_and_delete(db, f"delete first {name}")[::-1]),
    ]


def _increment_and_delete(db: Handle, name: str) -> tuple[Rival, Rival]:
    key = name.encode()
    db.call("put", key, b"0")
    return (
        Rival(lambda on: on.call("get", key), lambda on: on.call("put", key, b"1")),
        Rival(lambda on: on.call("get", key), lambda on: on.call("delete", key)),
    )


def _paths(db: Handle) -> list[str]:
    return in_both_orders(db, lambda name: _path_increments(db, f"counters/{name}"))


def _path_increments(db: Handle, path: str) -> tuple[Rival, Rival]:
    db.call("put_path", path, b"0")
    return (
        Rival(lambda on: on.call("get_path", path), lambda on: on.call("put_path", path, b"1")),
        Rival(lambda on: on.call("get_path", path), lambda on: on.call("put_path", path, b"one more")),
    )


LOST_UPDATE: Final = Scenario(
    id="A1",
    title="Lost update",
    severity="critical",
    level=_LEVEL,
    program=_program,
    impact="Counters, stock and sequence numbers lose updates that were acknowledged: two clients take the same one.",
    advice="Refuse a commit that writes a key of which a newer version was committed since it was read.",
    checks=(
        Check("A1.1", "Two transactions that read a counter before anybody commits both read 0."),
        Check("A1.2", "Of two that read 0 and write 1, exactly one commits, and the other is told of a conflict."),
        Check("A1.3", "The counter is the number of increments that were acknowledged."),
        Check("A1.4", "One that began before a commit and reads after it loses no increment.", ours=True),
        Check("A1.5", "Of a transaction that read a value and a put of its own, one is refused.", _KEYS, True),
        Check("A1.6", "Of an increment and a delete that read the same value one is refused.", _DELETES, True),
        Check("A1.7", "Of two updates of a path that read the same value one is refused.", _PATHS, True),
    ),
)
