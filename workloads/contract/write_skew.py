"""A2 and A7: each transaction reads what the other one writes, and together they break what each of them keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from harness.contract import Check, Conducted, Handle, Observed, Rig, Scenario, Skipped, Transaction, tried
from harness.interleaving import Interleaving
from workloads.contract.performances import lapse, performances, reads_before_commits
from workloads.contract.rivals import LOOKS, ONE_STAYED, Rival, in_both_orders, interleaved
from workloads.contract.scripts import (
    BALANCE,
    OVERDRAFT_REPORT,
    PREDICATE_SKEW,
    RECEIPT_REPORT,
    THREE_CYCLE,
    WITHDRAWALS,
    WRITES_FIRST,
)

__all__ = ["PREDICATE_WRITE_SKEW", "WRITE_SKEW"]

_LEVEL: Final = "serializable"
_NO_SKEW: Final = "what committed has a serial order"
_BY_CALL: Final = (("A2.7", "exists"), ("A2.8", "scan"))
_PATHS: Final = ("put_path", "get_path")


def _write_skew(rig: Rig) -> Iterator[Observed | Skipped]:
    conducted = list(performances(rig, WITHDRAWALS))
    yield tried("A2.1", list(map(_early_reads, conducted)), "whoever read before a commit saw 200 in all")
    yield tried("A2.2", [lapse(one, _LEVEL) for one in conducted], "one committed and the other was refused")
    yield tried("A2.3", list(map(_overdraft, conducted)), "the accounts were not overdrawn")
    for check, script in (("A2.4", WRITES_FIRST), ("A2.5", THREE_CYCLE), ("A2.6", OVERDRAFT_REPORT)):
        yield _serializable(rig, check, script)
    for check, call in _BY_CALL:
        if rig.has(call, "put", "delete"):
            yield interleaved(rig, check, _leaving(LOOKS[call]), ONE_STAYED)
    if rig.has(*_PATHS):
        yield interleaved(rig, "A2.9", _path_skew, ONE_STAYED)


def _predicate_write_skew(rig: Rig) -> Iterator[Observed | Skipped]:
    yield _serializable(rig, "A7.1", PREDICATE_SKEW)
    yield _serializable(rig, "A7.2", RECEIPT_REPORT)


def _serializable(rig: Rig, check: str, script: Interleaving) -> Observed:
    return tried(check, [lapse(one, _LEVEL) for one in performances(rig, script)], _NO_SKEW)


def _early_reads(conducted: Conducted) -> str:
    reads = reads_before_commits(conducted.performance)
    if not reads:
        return "nobody read an account before somebody committed"
    wrong = (f"{session} read {op.key} as {op.value!r}" for session, op in reads if op.value != BALANCE)
    return next(wrong, "")


def _overdraft(conducted: Conducted) -> str:
    final = conducted.performance.final
    alice, bob = final.get("alice"), final.get("bob")
    if isinstance(alice, int) and isinstance(bob, int) and alice + bob >= 0:
        return ""
    return f"{' '.join(conducted.performance.order)}: alice has {alice!r} and bob {bob!r}"


def _leaving(look: Callable[[Any, bytes], Any]) -> Callable[[Handle], list[str]]:
    """Whoever is on call has a key; leaving deletes it."""

    def pair(db: Handle, name: str) -> tuple[Rival, Rival]:
        alice, bob = f"on call {name} alice".encode(), f"on call {name} bob".encode()
        db.call("put", alice, b"on")
        db.call("put", bob, b"on")
        return _leaves(alice, bob), _leaves(bob, alice)

    def _leaves(own: bytes, other: bytes) -> Rival:
        return Rival(lambda on: look(on, other), lambda on: on.call("delete", own))

    return lambda db: in_both_orders(db, lambda name: pair(db, name))


def _path_skew(db: Handle) -> list[str]:
    return in_both_orders(db, lambda name: _path_pair(db, name))


def _path_pair(db: Handle, name: str) -> tuple[Rival, Rival]:
    alice, bob = f"doctors/{name}/alice", f"doctors/{name}/bob"
    db.call("put_path", alice, b"on")
    db.call("put_path", bob, b"on")
    return _leaves_path(alice, bob), _leaves_path(bob, alice)


def _leaves_path(own: str, other: str) -> Rival:
    def change(on: Transaction) -> None:
        on.call("put_path", own, b"off")

    return Rival(lambda on: on.call("get_path", other), change)


WRITE_SKEW: Final = Scenario(
    id="A2",
    title="Write skew",
    severity="critical",
    level=_LEVEL,
    program=_write_skew,
    impact="Invariants over several keys, such as a limit or a shift that has to be covered, are broken by"
    " transactions that each keep them.",
    advice="Track what transactions read, and refuse one of two that each read what the other writes; or document"
    " snapshot isolation instead of serializability.",
    checks=(
        Check("A2.1", "Two transactions that sum up two accounts before anybody commits both see 200."),
        Check("A2.2", "Of two that each draw 150 from one of them, exactly one commits and the other is refused."),
        Check("A2.3", "The two accounts are not overdrawn together."),
        Check("A2.4", "Two that write first and then read what the other wrote have a serial order.", ours=True),
        Check("A2.5", "Three that each read what the next one writes have a serial order.", ours=True),
        Check("A2.6", "A transaction that only reads sees a state that a serial order passes through.", ours=True),
        Check(
            "A2.7",
            "Of two that each see the other's key exist and delete their own, one is refused.",
            ("exists", "put", "delete"),
            True,
        ),
        Check(
            "A2.8",
            "Of two that each find the other's key by a scan and delete their own, one is refused.",
            ("scan", "put", "delete"),
            True,
        ),
        Check("A2.9", "Of two that each read the other's path and write their own, one is refused.", _PATHS, True),
    ),
)

PREDICATE_WRITE_SKEW: Final = Scenario(
    id="A7",
    title="Write skew by phantoms",
    severity="critical",
    level=_LEVEL,
    kinds=("scan",),
    program=_predicate_write_skew,
    impact="Two transactions each make sure that a row is not there, and then both put it: bookings overlap, names"
    " are taken twice.",
    advice="Track the bounds of every scan, also of one that finds nothing, and check later writes against them.",
    checks=(
        Check("A7.1", "Two that find a range empty and then each put a key into it have a serial order.", ours=True),
        Check("A7.2", "A report of a closed batch, listed by a range, is final.", ours=True),
    ),
)
