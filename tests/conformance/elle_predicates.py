"""Elle's predicate cases in our terms: a predicate on values becomes scans of an index from values to keys.

    init {x 0}          w "0/x" 0, and every other entry of x deleted
    w x 1               w "1/x" 1, delete "0/x"
    rp [= 0] {x 0}      scan "0/" {"0/x" 0}

So the versions of x that match a predicate are those with an entry there, and whoever writes x changes its entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from harness.build import build_history
from harness.history import History, Op, RunInfo, Status, Txn

__all__ = ["translated"]

_INITIALLY, _LATER = (0, 1), (10, 20)
_ALWAYS_POSSIBLE = {0, 1, 2}  # So that every predicate has an entry that a key may be missing from.


def translated(events: list[dict[str, Any]]) -> History:
    """The history of these events, of which an "init" is the transaction before all others."""
    done = [event for event in events if event["type"] == "ok"]
    values = sorted(_ALWAYS_POSSIBLE | set(_values(done)))
    txns = []
    for row, event in enumerate(done):
        first = event["f"] == "init"
        ops = [["w", *pair] for pair in event["value"].items()] if first else event["value"]
        start, end = _INITIALLY if first else _LATER
        entries = tuple(entry for op in ops for entry in _entries(op, values))
        txns.append(Txn(row, -1 if first else event["process"], entries, Status.OK, start, end))
    return build_history(txns, RunInfo(clock="sessions"))


def _values(events: Iterable[dict[str, Any]]) -> Iterator[int]:
    for event in events:
        if event["f"] == "init":
            yield from event["value"].values()
        else:
            for kind, _, *value in event["value"]:
                found = value[0] if value else None
                yield from found.values() if kind == "rp" else () if found is None else (found,)


def _entries(op: list[Any], values: list[int]) -> Iterator[Op]:
    kind, key, *rest = op
    value = rest[0] if rest else None
    for one in values:
        entry = f"{one}/{key}"
        if kind == "rp":
            if _matches(key, one):
                yield Op("scan", f"{one}/", {f"{one}/{found}": one for found, seen in value.items() if seen == one})
        elif kind == "r":
            yield Op("r", entry, one if one == value else None)
        else:
            yield Op("w", entry, one) if one == value else Op("delete", entry)


def _matches(predicate: Any, value: int) -> bool:
    match predicate:
        case "true":
            return True
        case ["=", wanted]:
            return bool(value == wanted)
        case ["mod", divisor, remainder]:
            return bool(value % divisor == remainder)
    raise ValueError(f"unknown predicate {predicate!r}")
