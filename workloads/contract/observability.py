"""Section L: statistics and checkpoints tell the truth, and scans refuse or serve every prefix."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import isfinite
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, answer, holds, outcome, same

__all__ = ["OBSERVABILITY"]

_KEYS = 100
_ROWS: Final = [(f"key_{number:03d}".encode(), f"value {number}".encode() * 50) for number in range(_KEYS)]


def _numbers(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    counts, figures = [_count(rig, db)], [_figures(rig, db)]
    _fill(db)
    counts.append(_count(rig, db))
    figures.append(_figures(rig, db))
    if rig.has("stats"):
        yield same("L1.1", counts, [0, _KEYS], "keys by the statistics before and after 100 keys were put")
    if rig.has("checkpoint"):
        yield _checkpoint(rig, db)
    if rig.has("stats_full"):
        yield _grown(*figures)


def _fill(db: Handle) -> None:
    for key, value in _ROWS:
        db.call("put", key, value)


def _count(rig: Rig, db: Handle) -> Any:
    stats = outcome(db.call, "stats") if rig.has("stats") else {}
    return stats.get("keys") if isinstance(stats, dict) else stats


def _figures(rig: Rig, db: Handle) -> Any:
    return outcome(db.call, "stats_full") if rig.has("stats_full") else {}


def _checkpoint(rig: Rig, db: Handle) -> Observed:
    """It has all that was committed before it: the log up to it can go, and nothing is lost."""
    number = outcome(db.call, "checkpoint")
    dropped = outcome(db.call, "drop_log") if rig.has("drop_log") else None
    db.call("put", b"last", b"after the checkpoint")
    db.reopen()
    expected = [*_ROWS, (b"last", b"after the checkpoint")]
    lost = [key for key, value in expected if outcome(db.call, "get", key) != value]
    positive = number is None or (type(number) is int and number > 0)  # Some document that they give none.
    told = f"a checkpoint after {_KEYS} commits gives {number!r}"
    if rig.has("drop_log"):
        told += f", dropping the log gives {dropped!r}"
    return holds(
        "L1.2", positive and dropped is None and not lost, f"{told}; keys lost by then reopening: {len(lost)}"
    )


def _grown(before: Any, after: Any) -> Observed:
    """Figures are numbers, and 100 puts show in at least one of them."""
    whole = isinstance(before, dict) and isinstance(after, dict) and bool(after)
    numbers = whole and all(isinstance(one, int | float) and isfinite(one) for one in after.values())
    more = sorted(name for name in after if after[name] > before.get(name, 0)) if numbers else []
    told = f"figures after 100 puts: {after!r}; those that grew by them: {', '.join(more) or 'none'}"
    return holds("L1.3", bool(more), told)


def _prefixes(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    _fill(db)
    if rig.has("scan_unchecked"):
        seen = outcome(db.call, "scan_unchecked", b"")
        rows = [tuple(one) for one in seen] if isinstance(seen, list) else seen
        told = f"{len(rows)} rows, the first: {rows[:1]!r}" if isinstance(rows, list) else repr(rows)
        yield holds("L2.1", rows == _ROWS, f"the unchecked scan of the empty prefix, where 100 keys are: {told}")
    if rig.has("scan_prefix"):
        yield same("L2.2", answer(partial(db.call, "scan_prefix", b"")), "argument", "a scan of the empty prefix")
        yield same(
            "L2.3", answer(partial(db.call, "scan_prefix", b"k")), "argument", "a scan of a prefix of one byte"
        )


OBSERVABILITY: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="L1",
        title="Statistics and checkpoints",
        severity="high",
        checks=(
            Check("L1.1", "The statistics count the keys", ("stats",)),
            Check(
                "L1.2",
                "A checkpoint's number is positive, and the log before it can be dropped without a loss",
                ("checkpoint",),
            ),
            Check("L1.3", "The full statistics are numbers in which writes show", ("stats_full",)),
        ),
        program=_numbers,
        calls=("put", "get"),
        impact="Monitoring shows placeholders, and a checkpoint may not have what it should.",
        advice="Return figures of the engine, and test each against what was written.",
    ),
    Scenario(
        id="L2",
        title="Limits of prefixes",
        severity="medium",
        checks=(
            Check("L2.1", "The unchecked scan of the empty prefix gives all rows in order", ("scan_unchecked",)),
            Check("L2.2", "The checked scan refuses the empty prefix as an argument", ("scan_prefix",)),
            Check("L2.3", "The checked scan refuses a prefix of one byte as an argument", ("scan_prefix",)),
        ),
        program=_prefixes,
        calls=("put",),
        impact="Exports come out empty, or a scan meant for one tenant reads everything.",
        advice="Serve the empty prefix from the first key on where it is allowed, and refuse it where it is not.",
    ),
)
