"""Two transactions of one database's own calls, interleaved on one thread: at most one of them may commit.

first   looks ───────── changes ── commits
second  ─────── looks ───────────────────── changes ── commits

Each looked at what the other then changed, so neither can have come after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from harness.contract import Handle, Observed, Rig, Skipped, Transaction, answer, tried
from harness.surface import Lacking, Refused

__all__ = [
    "LOOKS",
    "ONE_STAYED",
    "WAITING",
    "Rival",
    "in_both_orders",
    "interleaved",
    "one_of_two",
    "outcome_of",
    "seen_by_every_call",
]

On = Handle | Transaction

WAITING: Final = "calls of this target may wait for another transaction, so that one thread cannot interleave two"

ONE_STAYED: Final = "one of two doctors, who each leave if the other is on call, was refused"

# {call: what it says of a key: its value, whether there is one, or None}.
LOOKS: Final[Mapping[str, Callable[[On, bytes], Any]]] = {
    "get": lambda on, key: on.call("get", key),
    "exists": lambda on, key: on.call("exists", key),
    "scan": lambda on, key: dict(on.call("scan", key, key + b"\0")).get(key),
    "scan_prefix": lambda on, key: dict(on.call("scan_prefix", key)).get(key),
    "get_batch": lambda on, key: on.call("get_batch", [key])[0],
}


class Rival(NamedTuple):
    """What one of the two does first, and what it does then."""

    look: Callable[[Transaction], Any]
    change: Callable[[Transaction], Any]


def interleaved(rig: Rig, check: str, variant: Callable[[Handle], list[str]], what: str) -> Observed | Skipped:
    """A check on a new database: `variant` gives how each of its rounds went wrong, as for `tried`."""
    if not rig.interleaves:
        return Skipped(check, WAITING)
    try:
        return tried(check, variant(rig.open()), what)
    except Lacking as lacking:
        return Skipped(check, str(lacking))
    except Refused as refusal:
        if refusal.why != "conflict":
            raise
        # Databases with locks may refuse what others let pass, and then there is nothing to be seen.
        return Skipped(check, f"a call by itself was refused because of an open transaction: {refusal}")


def in_both_orders(db: Handle, pair: Callable[[str], tuple[Rival, Rival]]) -> list[str]:
    """One commits before the other changes anything, then: both change before either commits.

    `pair` gives the two, with a word in their keys that tells the orders apart.
    """
    return [
        one_of_two(db, *pair("in turn"), together=False),
        one_of_two(db, *pair("together"), together=True),
    ]


def one_of_two(db: Handle, first: Rival, second: Rival, *, together: bool) -> str:
    """How it went wrong that exactly one of the two commits and the other is refused for a conflict, or nothing.

    `together`: both change before either commits.
    """
    pairs = [(rival, db.begin()) for rival in (first, second)]
    for rival, transaction in pairs:
        rival.look(transaction)
    if together:
        changes = [_said(rival.change, transaction) for rival, transaction in pairs]
        fates = [_ended(transaction, said) for said, (_, transaction) in zip(changes, pairs, strict=True)]
    else:
        fates = [outcome_of(transaction, rival.change) for rival, transaction in pairs]
    strange = [fate for fate in fates if fate not in {"", "conflict"}]
    if strange:
        return f"one of the two was refused for another reason than a conflict: {strange[0]}"
    if fates.count("") != 1:
        return "both committed" if not any(fates) else "neither of them committed"
    return ""


def outcome_of(transaction: Transaction, change: Callable[[Transaction], Any]) -> str:
    """Change and commit: "" where that succeeded, otherwise the word or the error that it was refused with."""
    return _ended(transaction, _said(change, transaction))


def _said(change: Callable[[Transaction], Any], transaction: Transaction) -> str:
    try:
        change(transaction)
    except Lacking:
        raise
    except Refused as refusal:
        return refusal.why
    except Exception as error:  # noqa: BLE001  Whatever the database raises is its answer.
        return f"{type(error).__name__}: {error}"
    return ""


def _ended(transaction: Transaction, said: str) -> str:
    said = said or answer(transaction.commit)
    if said:
        answer(transaction.abort)  # Of one that was refused; some have ended it themselves.
    return said


def seen_by_every_call(rig: Rig, on: On, key: bytes, value: bytes | None) -> tuple[str, list[str]]:
    """Which call does not say that this is stored at `key`, or nothing; and the calls that were asked."""
    asked: list[str] = []
    for name, look in LOOKS.items():
        if not rig.has(name):
            continue
        try:
            seen = look(on, key)
        except Lacking:
            continue  # Not within a transaction.
        asked.append(name)
        expected: Any = value is not None if name == "exists" else value
        if seen != expected or type(seen) is not type(expected):
            return f"{name} says {seen!r} of a key that holds {value!r}", asked
    return "", asked
