"""Section K: what the documentation promises is there and does it.

A promise that the target's documentation does not make is not asked for: the check is skipped. One that it makes and
does not keep fails, and a call that is not there at all does not keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from harness.contract import (
    Check,
    Handle,
    Observed,
    Rig,
    Scenario,
    Skipped,
    Transaction,
    answer,
    holds,
    outcome,
    same,
)
from harness.surface import DOCUMENTED
from workloads.contract.lifetimes import LIFE_S, found_while_alive

__all__ = ["DOCUMENTATION", "TRIALS"]

_LEVELS: Final = ("serializable", "snapshot", "read committed")


def _promises(rig: Rig) -> Iterator[Observed | Skipped]:
    documented = rig.open().documented
    for check, promise, trial in TRIALS:
        if promise not in documented:
            yield Skipped(check, f"the documentation of {rig.target} does not promise {promise}")
            continue
        documented_as = f"{promise} is documented ({documented[promise]})"
        if why := rig.why_not(*DOCUMENTED[promise]):
            yield holds(check, False, f"{documented_as} and it is not there: {why}")
            continue
        seen = outcome(trial, rig, rig.open())
        if isinstance(seen, Exception):
            yield holds(check, False, f"{documented_as}; it raised {seen!r}")
        else:
            yield seen._replace(detail=f"{documented_as}; {seen.detail}")


def _time_to_live(rig: Rig, db: Handle) -> Observed:
    db.call("put", b"kept", b"1")
    alive = found_while_alive(rig, partial(db.call, "put_ttl", b"short", b"2"), partial(db.call, "get", b"short"))
    db.call("put_ttl", b"brief", b"3", LIFE_S)
    rig.wait(1.5 * LIFE_S)
    seen = [alive, db.call("get", b"brief"), db.call("get", b"kept")]
    return same("K1.1", seen, [b"2", None, b"1"], "a key within its life, one after 1.5 times its life, one without")


class _GivenUp(Exception):
    """What a program's own transaction function raises."""


def _function_of_a_transaction(rig: Rig, db: Handle) -> Observed:
    def finish(transaction: Transaction) -> str:
        transaction.call("put", b"finished", b"1")
        return "returned"

    def give_up(transaction: Transaction) -> None:
        transaction.call("put", b"given up", b"1")
        raise _GivenUp("on purpose")

    returned = db.call("with_transaction", finish)
    raised = isinstance(outcome(db.call, "with_transaction", give_up), Exception)
    seen = [returned, raised, db.call("get", b"finished"), db.call("get", b"given up")]
    what = "its value, whether an exception comes through, and what both functions put"
    return same("K1.2", seen, ["returned", True, b"1", None], what)


def _selectable_levels(rig: Rig, db: Handle) -> Observed:
    """Serializable is, and at least one weaker level shows that it is another one."""
    seen: dict[str, Any] = {level: outcome(_behaviour, db, level) for level in _LEVELS}
    real = seen["serializable"] == (False, False)
    others = [one for one in seen.values() if isinstance(one, tuple)]
    told = f"whether another's commit shows in a transaction, and whether write skew commits, by level: {seen!r}"
    return holds("K1.3", real and len(set(others)) > 1, told)


def _behaviour(db: Handle, level: str) -> tuple[bool, bool]:
    """Whether a read in a transaction of this level changes with another's commit, and whether write skew commits."""
    key = f"repeated at {level}".encode()
    db.call("put", key, b"before")
    transaction = db.begin("begin_at", level)
    first = transaction.call("get", key)
    db.call("put", key, b"after")
    changed = transaction.call("get", key) != first
    transaction.abort()
    return changed, _skew_commits(db, partial(db.begin, "begin_at", level), level)


def _skew_commits(db: Handle, begin: Callable[[], Transaction], name: str) -> bool:
    """Whether both of two transactions commit that read two keys and each write another one of them."""
    keys = [f"{name} {side}".encode() for side in ("left", "right")]
    for key in keys:
        db.call("put", key, b"on")
    pair = [begin(), begin()]
    for transaction in pair:
        for key in keys:
            transaction.call("get", key)
    return [_written(one, key, b"off") for one, key in zip(pair, keys, strict=True)] == ["", ""]


def _written(transaction: Transaction, key: bytes, value: bytes) -> str:
    """A put and the commit: the first refusal of the two, or nothing."""
    if why := answer(partial(transaction.call, "put", key, value)):
        outcome(transaction.abort)
        return why
    return answer(transaction.commit)


def _start(rig: Rig, db: Handle) -> Observed:
    """A transaction sees a commit exactly where its start is not before it."""
    db.call("put", b"key", b"old")
    early, writer = db.begin(), db.begin()
    seen_early, early_start = early.call("get", b"key"), early.call("start_ts")
    writer.call("put", b"key", b"new")
    committed = writer.commit()
    late = db.begin()
    seen_late, late_start = late.call("get", b"key"), late.call("start_ts")
    early.abort()
    late.abort()
    numbers = (early_start, committed, late_start)
    ordered = all(type(one) is int for one in numbers) and early_start < committed <= late_start
    told = (
        f"a start before a commit, the commit, a start after it: {numbers}; read were {seen_early!r}, {seen_late!r}"
    )
    return holds("K1.4", ordered and (seen_early, seen_late) == (b"old", b"new"), told)


def _isolation(rig: Rig, db: Handle) -> Observed:
    """The level that a transaction names is the one it has: one that says serializable refuses write skew."""
    default = _level_of(db.begin())
    skew = _skew_commits(db, db.begin, "default")
    real = default.startswith(_LEVELS) and not (skew and default.startswith("serializable"))
    named = {level: _level_of(db.begin("begin_at", level)) for level in _LEVELS} if rig.has("begin_at") else {}
    same_names = all(name.startswith(level) for level, name in named.items())
    told = f"a transaction says {default!r}, and write skew {'commits' if skew else 'does not commit'} in it"
    return holds("K1.5", real and same_names, told + (f"; those begun at a level say {named!r}" if named else ""))


def _level_of(transaction: Transaction) -> str:
    name = transaction.call("isolation")
    transaction.abort()
    return str(name).lower().replace("-", " ").replace("_", " ")


def _begun(rig: Rig, db: Handle) -> Observed:
    finished, aborted = db.begin("begin_transaction"), db.begin("begin_transaction")
    finished.call("put", b"finished", b"1")
    aborted.call("put", b"aborted", b"1")
    finished.commit()
    aborted.abort()
    seen = [db.call("get", b"finished"), db.call("get", b"aborted")]
    return same("K1.6", seen, [b"1", None], "what a committed and an aborted transaction of it have put")


def _conflict(rig: Rig, db: Handle) -> Observed:
    """Of two transactions that read a key and write it, one is told of the conflict, by its type."""
    db.call("put", b"counter", b"0")
    pair = [db.begin(), db.begin()]
    for transaction in pair:
        transaction.call("get", b"counter")
    answers = sorted(_written(one, b"counter", b"1") for one in pair)
    return same("K1.7", answers, ["", "conflict"], "answers to two transactions that read and write one key")


_Trial = Callable[[Rig, Handle], Observed]

TRIALS: Final[tuple[tuple[str, str, _Trial], ...]] = (
    ("K1.1", "put(ttl_seconds=)", _time_to_live),
    ("K1.2", "with_transaction", _function_of_a_transaction),
    ("K1.3", "IsolationLevel", _selectable_levels),
    ("K1.4", "start_ts", _start),
    ("K1.5", "isolation", _isolation),
    ("K1.6", "begin_transaction", _begun),
    ("K1.7", "TransactionConflictError", _conflict),
)

DOCUMENTATION: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="K1",
        title="Documented calls",
        severity="high",
        checks=(
            Check("K1.1", "A key that is put with a time to live is gone after it"),
            Check("K1.2", "with_transaction commits where its function returns, and aborts where it raises"),
            Check("K1.3", "An isolation level can be selected, and makes a difference"),
            Check(
                "K1.4", "A transaction's start_ts is before the commits that it does not see, and after those it does"
            ),
            Check("K1.5", "A transaction's isolation is the level that it has"),
            Check("K1.6", "begin_transaction gives a transaction that can be used"),
            Check("K1.7", "A conflict raises the documented error"),
        ),
        program=_promises,
        calls=("put", "get"),
        impact="Code written by the documentation does not run, or does something else.",
        advice="Run the documentation's examples as tests.",
    ),
)
