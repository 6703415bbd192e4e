"""Section I: values of 50 MB, 100,000 keys, deep and long paths."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, holds, outcome, same

__all__ = ["SIZES"]

_MB = 1_000_000
_BATCHES = 100
_BATCH = 1_000
_SAMPLE = 1_000


def _values(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    for check, size_mb in (("I1.1", 10), ("I1.2", 50)):
        # Its period is prime, so that no block or page begins as another one does.
        key, value = f"value of {size_mb} MB".encode(), (bytes(range(251)) * 4_000 * size_mb)[: size_mb * _MB]
        refused = outcome(db.call, "put", key, value)
        at_once = outcome(db.call, "get", key)
        db.reopen()
        after = outcome(db.call, "get", key)
        seen = [refused, _compared(at_once, value), _compared(after, value)]
        yield same(check, seen, [None, "equal", "equal"], f"put of {size_mb} MB, what get finds, and after reopening")


def _compared(seen: Any, expected: bytes) -> str:
    """Whether they are equal, without showing so much."""
    if isinstance(seen, bytes):
        return "equal" if seen == expected else f"{len(seen)} other bytes"
    return repr(seen)


def _keys(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    rows = [(f"key_{number:06d}".encode(), f"value {number * 7919}".encode()) for number in range(_BATCHES * _BATCH)]
    batches = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
    Random(20).shuffle(batches)
    if rig.has("put_batch"):
        put = [outcome(db.call, "put_batch", batch) for batch in batches]
        yield same("I2.1", sorted({*map(repr, put)}), [repr(_BATCH)], "counts of 100 batches of 1,000 pairs")
    else:
        for batch in batches:
            _put_in_a_transaction(db, batch)
    if rig.has("scan_prefix"):
        yield _scanned("I2.2", outcome(db.call, "scan_prefix", b"key_"), rows)
    picked = Random(30).sample(rows, _SAMPLE)
    transaction = db.begin()
    wrong = [(key, seen) for key, value in picked if (seen := outcome(transaction.call, "get", key)) != value]
    transaction.abort()
    told = f"{len(wrong)} of {_SAMPLE} random keys have another value"
    yield holds("I2.3", not wrong, f"{told}: {wrong[0]}" if wrong else told)


def _put_in_a_transaction(db: Handle, batch: list[tuple[bytes, bytes]]) -> None:
    transaction = db.begin()
    for key, value in batch:
        transaction.call("put", key, value)
    transaction.commit()


def _scanned(check: str, seen: Any, rows: list[tuple[bytes, bytes]]) -> Observed:
    if not isinstance(seen, list):
        return holds(check, False, f"a scan of {len(rows)} rows: {seen!r}")
    pairs = [tuple(one) for one in seen]
    told = f"a scan finds {len(pairs)} rows of {len(rows)}"
    wrong = next((one for one, other in zip(pairs, rows, strict=False) if one != other), None)
    return holds(check, pairs == rows, told if wrong is None else f"{told}; the first one out of place: {wrong!r}")


def _paths(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    deep = "/".join(f"level{number}" for number in range(50))
    long = "long/" + "x" * 2_043
    for check, path, what in (("I3.1", deep, "a path of 50 levels"), ("I3.2", long, "a path of 2 kB")):
        value = f"value at {len(path)} characters".encode()
        refused = outcome(db.call, "put_path", path, value)
        yield same(check, (refused, outcome(db.call, "get_path", path)), (None, value), f"put and get by {what}")


SIZES: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="I1",
        title="Large values",
        severity="high",
        checks=(
            Check("I1.1", "A value of 10 MB is read back as it was, after reopening too"),
            Check("I1.2", "A value of 50 MB is read back as it was, after reopening too"),
        ),
        program=_values,
        calls=("put", "get"),
        impact="Documents and images are cut or lost.",
        advice="Refuse what is too large with an error, and test sizes around every internal block size.",
        time_limit_s=60.0,
    ),
    Scenario(
        id="I2",
        title="100,000 keys",
        severity="high",
        checks=(
            Check("I2.1", "Every one of 100 batches says that it put 1,000 pairs", ("put_batch",)),
            Check("I2.2", "A scan finds all 100,000 rows in order, each with its value", ("scan_prefix",)),
            Check("I2.3", "Each of 1,000 random keys has its value"),
        ),
        program=_keys,
        calls=("put", "get"),
        impact="Bulk loads lose rows without an error.",
        advice="Compare the number of rows with what was acknowledged after every bulk load.",
        time_limit_s=60.0,
    ),
    Scenario(
        id="I3",
        title="Deep and long paths",
        severity="medium",
        checks=(
            Check("I3.1", "A value at a path of 50 levels is read back as it was"),
            Check("I3.2", "A value at a path of 2 kB is read back as it was"),
        ),
        program=_paths,
        calls=("put_path", "get_path"),
        impact="Hierarchical data is lost below some depth.",
        advice="Refuse what is too deep or too long with an error.",
    ),
)
