"""Section P: batches of no key, of 10,000, and of one key three times; their counts are true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, outcome, same

__all__ = ["BATCHES"]

_ROWS: Final = [(f"row {number:05d}".encode(), f"value {number}".encode()) for number in range(10_000)]
_THERE: Final = {b"there one": b"1", b"there two": b"2", b"there three": b"3"}


def _batches(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    for key, value in _THERE.items():
        db.call("put", key, value)
    if rig.has("put_batch"):
        seen = [outcome(db.call, "put_batch", []), _there(db)]
        yield same("P1.1", seen, [0, _THERE], "the count of an empty put_batch, and what is stored after it")
    if rig.has("get_batch"):
        yield same("P1.2", outcome(db.call, "get_batch", []), [], "an empty get_batch")
    if rig.has("delete_batch"):
        seen = [outcome(db.call, "delete_batch", []), _there(db)]
        yield same("P1.3", seen, [0, _THERE], "the count of an empty delete_batch, and what is stored after it")
    if rig.has("put_batch"):
        count = outcome(db.call, "put_batch", _ROWS)
        readable = _readable(rig, db)
        yield same("P1.4", [count, readable], [10_000] * 2, "the count of a put_batch of 10,000, and those readable")
        outcome(db.call, "put_batch", [(b"thrice", value) for value in (b"first", b"second", b"third")])
        yield same("P1.5", outcome(db.call, "get", b"thrice"), b"third", "a key that is three times in a batch")
    if rig.has("get_batch"):
        found = outcome(db.call, "get_batch", [b"there two", b"missing", b"there one", b"there two"])
        yield same("P1.6", found, [b"2", None, b"1", b"2"], "get_batch of two, missing, one, two")
    if rig.has("delete_batch"):
        seen = [outcome(db.call, "delete_batch", [b"there one", b"there two"]), _there(db)]
        left = {b"there one": None, b"there two": None, b"there three": b"3"}
        yield same(
            "P1.7", seen, [2, left], "the count of a delete_batch of two of three keys, and what is stored then"
        )


def _readable(rig: Rig, db: Handle) -> Any:
    """How many of the rows have their value; an exception as it is."""
    if rig.has("scan_prefix"):
        rows = outcome(db.call, "scan_prefix", b"row ")
        return (
            sum(tuple(one) == row for one, row in zip(rows, _ROWS, strict=False)) if isinstance(rows, list) else rows
        )
    transaction = db.begin()
    found = [outcome(transaction.call, "get", key) for key, _ in _ROWS]
    transaction.abort()
    return sum(seen == value for seen, (_, value) in zip(found, _ROWS, strict=True))


def _there(db: Handle) -> dict[bytes, Any]:
    return {key: outcome(db.call, "get", key) for key in _THERE}


BATCHES: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="P1",
        title="Batches",
        severity="medium",
        checks=(
            Check("P1.1", "An empty put_batch counts 0 and changes nothing", ("put_batch",)),
            Check("P1.2", "An empty get_batch gives an empty list", ("get_batch",)),
            Check("P1.3", "An empty delete_batch counts 0 and changes nothing", ("delete_batch",)),
            Check("P1.4", "A put_batch of 10,000 counts 10,000, and all are readable", ("put_batch",)),
            Check("P1.5", "Of a key that is three times in a batch the last value stays", ("put_batch",)),
            Check(
                "P1.6",
                "get_batch gives values in the order of its keys, None for a missing one",
                ("get_batch",),
                ours=True,
            ),
            Check(
                "P1.7",
                "delete_batch counts the keys that it deleted, and they are gone",
                ("delete_batch",),
                ours=True,
            ),
        ),
        program=_batches,
        calls=("put", "get"),
        impact="Bulk jobs report counts that are not true.",
        advice="Return what was done, not the length of the argument.",
    ),
)
