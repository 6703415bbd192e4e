"""Section G: a semantic cache forgets when it should, tells similar from different, and deletes at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import sqrt
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, answer, holds, outcome, same
from harness.surface import Refused
from workloads.contract.lifetimes import LIFE_S, found_while_alive

__all__ = ["CACHES"]

_DIMENSION = 64
_ENTRIES = 10
_MARGIN = 0.02  # Far more than 32-bit arithmetic loses.


def _times(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    db.call("cache_put", "times", "eternal", "value_eternal", _axis(0), 0)
    put = partial(db.call, "cache_put", "times", "short", "value_short", _axis(1))
    alive = found_while_alive(rig, put, partial(db.call, "cache_get", "times", _axis(1), 0.99))
    yield same("G1.1", alive, "value_short", "a hit within the time to live")
    db.call("cache_put", "times", "brief", "value_brief", _axis(2), LIFE_S)
    rig.wait(1.5 * LIFE_S)
    yield same("G1.2", outcome(db.call, "cache_get", "times", _axis(2), 0.99), None, "a hit after 1.5 times its life")
    yield same("G1.3", outcome(db.call, "cache_get", "times", _axis(0), 0.99), "value_eternal", "a hit without one")


def _similarity(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    db.call("cache_put", "similar", "north", "value_north", _axis(0), 0)
    db.call("cache_put", "similar", "east", "value_east", _axis(1), 0)
    exact = outcome(db.call, "cache_get", "similar", _axis(0), 0.99)
    yield same("G2.1", exact, "value_north", "a hit by the same embedding at 0.99")
    near = _between(0.9)
    bracket = [
        outcome(db.call, "cache_get", "similar", [-one for one in _axis(0)], 0.9),
        outcome(db.call, "cache_get", "similar", near, 0.9 - _MARGIN),
        outcome(db.call, "cache_get", "similar", near, 0.9 + _MARGIN),
    ]
    what = "hits by the opposite at 0.9, and by a cosine of 0.9 at 0.88 and at 0.92"
    yield same("G2.2", bracket, [None, "value_north", None], what)
    zero = outcome(db.call, "cache_get", "similar", [0.0] * _DIMENSION, 0.5)
    refused = isinstance(zero, Refused) and zero.why == "argument"
    told = f"a query that has no direction, at 0.5: {zero!r}, where nothing, or a refusal, is honest"
    yield holds("G2.3", zero is None or refused, told)
    why = answer(lambda: db.call("cache_get", "similar", [1.0] * (_DIMENSION // 2), 0.5))
    yield same("G2.4", why, "dimension", "the refusal of an embedding of another dimension")
    best = outcome(db.call, "cache_get", "similar", _between(0.6), 0.5)
    yield same("G2.5", best, "value_east", "the hit where two entries have a cosine of 0.6 and 0.8")


def _entries(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    _fill(db, "ops", _ENTRIES)
    if rig.has("cache_stats"):
        yield same("G3.1", outcome(_count, db, "ops"), _ENTRIES, "entries by the cache's statistics after 10 puts")
    if rig.has("cache_delete"):
        outcome(db.call, "cache_delete", "ops", "key_5")
        left: list[Any] = [f"value_{one}" for one in range(_ENTRIES)]
        left[5] = None
        yield same("G3.2", _hits(db, "ops", _ENTRIES), left, "hits by all 10 embeddings after key_5 was deleted")
    if rig.has("cache_clear"):
        _fill(db, "cleared", _ENTRIES - 1)
        removed = outcome(db.call, "cache_clear", "cleared")
        yield same("G3.3", removed, _ENTRIES - 1, "entries that clear says it removed, of 9")
        hits = _hits(db, "cleared", _ENTRIES - 1)
        count = outcome(_count, db, "cleared") if rig.has("cache_stats") else 0
        yield same("G3.4", (hits, count), ([None] * (_ENTRIES - 1), 0), "hits and entries of a cleared cache")


def _fill(db: Handle, cache: str, entries: int) -> None:
    for one in range(entries):
        db.call("cache_put", cache, f"key_{one}", f"value_{one}", _axis(one), 0)


def _hits(db: Handle, cache: str, entries: int) -> list[Any]:
    return [outcome(db.call, "cache_get", cache, _axis(one), 0.99) for one in range(entries)]


def _count(db: Handle, cache: str) -> Any:
    return db.call("cache_stats", cache)["entries"]


def _axis(number: int) -> list[float]:
    """A unit vector along one axis: the embeddings of different numbers have a cosine of 0."""
    return [float(place == number) for place in range(_DIMENSION)]


def _between(cosine: float) -> list[float]:
    """A unit vector that has this cosine with the first axis, and sqrt(1 - cosine²) with the second."""
    return [cosine, sqrt(1 - cosine**2), *[0.0] * (_DIMENSION - 2)]


CACHES: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="G1",
        title="Time to live",
        severity="medium",
        checks=(
            Check("G1.1", "An entry is found while it lives"),
            Check("G1.2", "An entry is not found after its time"),
            Check("G1.3", "An entry without a time to live does not expire"),
        ),
        program=_times,
        calls=("cache_put", "cache_get"),
        impact="Stale answers are served, or fresh ones are lost.",
        advice="Compare an entry's expiry with the clock at every lookup.",
    ),
    Scenario(
        id="G2",
        title="Similarity",
        severity="medium",
        checks=(
            Check("G2.1", "The same embedding is a hit"),
            Check("G2.2", "A cosine above the threshold is a hit, one below it is none"),
            Check("G2.3", "An embedding of length zero hits nothing"),
            Check("G2.4", "An embedding of another dimension is refused as such"),
            Check("G2.5", "Of two entries above the threshold the more similar one is the hit", ours=True),
        ),
        program=_similarity,
        calls=("cache_put", "cache_get"),
        impact="Users get the answer to somebody else's question.",
        advice="Compare by cosine, choose the best match above the threshold, and check dimensions.",
    ),
    Scenario(
        id="G3",
        title="Counting, deleting, clearing",
        severity="medium",
        checks=(
            Check("G3.1", "The statistics count the entries", ("cache_stats",)),
            Check("G3.2", "A deleted entry is not found any more, and all others are", ("cache_delete",)),
            Check("G3.3", "Clearing says how many entries it removed", ("cache_clear",)),
            Check("G3.4", "Nothing is found in a cleared cache", ("cache_clear",)),
        ),
        program=_entries,
        calls=("cache_put", "cache_get"),
        impact="Answers that were withdrawn are still served.",
        advice="Remove an entry from the similarity index in the transaction that deletes it.",
    ),
)
