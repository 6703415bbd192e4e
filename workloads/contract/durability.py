"""Section J, durability: what was acknowledged is there after a close, a kill or damage.

What is honest after damage to the files:

    a flipped bit   an error, or all that was acknowledged: checksums find it. In the last record it may be taken for
                    a write that was torn, so that the last call is missing
    a cut           that, or the state after some earlier call: a database that takes it for a torn tail cannot know
                    that what is missing was acknowledged
    never           a value that nobody put, or a state that never was
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, holds, outcome, same, tried
from harness.surface import Refused

__all__ = ["DURABILITY"]

_Calls = list[tuple[Any, ...]]
_State = dict[bytes, bytes]

_KEYS = 100
_KEYS_DAMAGED = 12  # Each damage needs a database of its own.
_PLACES: Final = (0.15, 0.4, 0.65, 0.9, 0.999)


def _written(rig: Rig) -> _Calls:
    """100 puts; then every fourth key is overwritten and every fifth deleted."""
    calls = [_put(number, "value") for number in range(_KEYS)]
    calls += [_put(number, "overwritten") for number in range(0, _KEYS, 4)]
    if rig.has("delete"):
        calls += [("delete", _key(number)) for number in range(0, _KEYS, 5)]
    return calls


def _put(number: int, what: str) -> tuple[Any, ...]:
    return "put", _key(number), f"{what} {number} ".encode() * 8


def _key(number: int) -> bytes:
    return f"key {number:03d}".encode()


_NEW: Final = _key(_KEYS - 1)  # Not among the few.


def _after(calls: _Calls) -> _State:
    """What is stored after these calls."""
    state: _State = {}
    for name, key, *value in calls:
        if name == "put":
            state[key] = value[0]
        else:
            state.pop(key, None)
    return state


def _stored(db: Handle) -> _State:
    """What a transaction finds of the keys. Raises what the database raises."""
    transaction = db.begin()
    found = {_key(number): transaction.call("get", _key(number)) for number in range(_KEYS)}
    transaction.abort()
    return {key: value for key, value in found.items() if value is not None}


def _differences(seen: _State, expected: _State) -> str:
    """A sentence on what is not as it should be; empty where all is."""
    kinds = {
        "missing": sorted(expected.keys() - seen.keys()),
        "there that should not be": sorted(seen.keys() - expected.keys()),
        "with another value": sorted(key for key in seen.keys() & expected.keys() if seen[key] != expected[key]),
    }
    return ", ".join(
        f"{len(keys)} keys {kind} ({keys[0]!r} is {_begin(seen, keys[0])}, expected {_begin(expected, keys[0])})"
        for kind, keys in kinds.items()
        if keys
    )


def _begin(state: _State, key: bytes) -> str:
    value = state.get(key)
    return repr(value) if value is None or len(value) < 24 else f"{value[:20]!r}…"


def _reopening(rig: Rig) -> Iterator[Observed]:
    calls = _written(rig)
    db = _filled(rig, calls)
    db.reopen()
    lost = _differences(_stored(db), _after(calls))
    yield holds("J1.1", not lost, lost or f"all {_KEYS} keys are as they were left: put, overwritten, deleted")
    yield _killed(rig, calls)
    yield _shared(rig)
    few = [_put(number, "value") for number in range(_KEYS_DAMAGED)]
    few += [_put(number, "overwritten") for number in range(0, _KEYS_DAMAGED, 4)]
    yield tried("J1.4", [_flipped(rig, few, place) for place in _PLACES], "an error, or all that was acknowledged")
    cuts = [_cut(rig, few, place) for place in _PLACES]
    yield tried("J1.5", [state for state, _ in cuts], "an error, or a state that the database was in")
    yield tried("J1.6", [kept for _, kept in cuts], "an error, or what is put then is kept")


def _filled(rig: Rig, calls: _Calls) -> Handle:
    db = rig.open()
    for name, *arguments in calls:
        db.call(name, *arguments)
    return db


def _killed(rig: Rig, calls: _Calls) -> Observed:
    path = rig.path()
    answers = rig.child(path, calls, "kill")
    acknowledged = sum(one is None for one in answers[1:])
    if acknowledged < len(calls):
        told = f"{acknowledged} of {len(calls)} calls were acknowledged; the last answer: {answers[-1]!r}"
        return holds("J1.2", False, told)
    lost = _differences(_stored(rig.open(path)), _after(calls))
    return holds("J1.2", not lost, lost or f"all {len(calls)} calls that were acknowledged before SIGKILL are there")


def _shared(rig: Rig) -> Observed:
    """Another process opens the same path meanwhile: it is refused, or both see what the other one put."""
    db = rig.open()
    db.call("put", b"ours", b"1")
    opened, *answers = rig.child(db.path, [("get", b"ours"), ("put", b"theirs", b"2")], "close")
    if isinstance(opened, Refused):
        return holds("J1.3", opened.why == "locked", f"another process is refused: {opened.why}: {opened}")
    seen = [*answers[:1], outcome(db.call, "get", b"theirs")]
    db.call("put", b"last", b"3")
    db.reopen()
    seen += [outcome(db.call, "get", key) for key in (b"ours", b"theirs", b"last")]
    what = "two processes with it open: what each sees of the other, and all three keys after reopening"
    return same("J1.3", [opened, *seen], [None, b"1", b"2", b"1", b"2", b"3"], what)


def _flipped(rig: Rig, calls: _Calls, place: float) -> str:
    path = _closed(rig, calls)
    name = rig.damage(path, "flip", place)
    if not name:
        return f"nothing is on disk after {len(calls)} acknowledged calls"
    seen = outcome(_stored_at, rig, path)
    honest = isinstance(seen, Exception) or seen == _after(calls[:-1])
    lost = "" if honest else _differences(seen, _after(calls))
    return lost and f"a bit of {name} was flipped at {place:.1%}, without an error {lost}"


def _cut(rig: Rig, calls: _Calls, place: float) -> tuple[str, str]:
    """What is wrong after a file was cut, and what is wrong with a key that is put then."""
    path = _closed(rig, calls)
    name = rig.damage(path, "cut", place)
    if not name:
        return (f"nothing is on disk after {len(calls)} acknowledged calls",) * 2
    seen = outcome(_stored_at, rig, path)
    if isinstance(seen, Exception):
        return "", ""
    cut = f"{name} was cut at {place:.1%}"
    honest = any(seen == _after(calls[:count]) for count in range(len(calls), -1, -1))
    wrong = "" if honest else f"{cut}, and no earlier state is this one: {_differences(seen, _after(calls))}"
    lost = _lost_after(rig, path, seen)
    return wrong, lost and f"{cut}, and a key was put: {lost}"


def _lost_after(rig: Rig, path: str, seen: _State) -> str:
    """What is wrong after one more put and reopening; nothing where that put is refused."""
    db = rig.open(path)
    refused = outcome(db.call, "put", _NEW, b"after the cut")
    db.close()
    kept = outcome(_stored_at, rig, path)
    if isinstance(refused, Exception):
        return ""
    if isinstance(kept, Exception):
        return f"reopening raised {kept!r}"
    return _differences(kept, {**seen, _NEW: b"after the cut"})


def _closed(rig: Rig, calls: _Calls) -> str:
    db = _filled(rig, calls)
    db.close()
    return db.path


def _stored_at(rig: Rig, path: str) -> _State:
    db = rig.open(path)
    try:
        return _stored(db)
    finally:
        db.close()


DURABILITY: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="J1",
        title="Close, kill and damage",
        severity="critical",
        checks=(
            Check(
                "J1.1", "After reopening every key has the value that it was left with, and deleted ones have none"
            ),
            Check("J1.2", "After SIGKILL everything is there that was acknowledged", ours=True),
            Check("J1.3", "A second process is refused, or both see what the other one put", ours=True),
            Check("J1.4", "A flipped bit in its files leads to an error, or to no difference", ours=True),
            Check("J1.5", "After its file was cut off it refuses, or is in a state that it was in", ours=True),
            Check("J1.6", "What is put after such a cut is kept", ours=True),
        ),
        program=_reopening,
        calls=("put", "get"),
        time_limit_s=60.0,
        impact="Acknowledged data is lost or changed without an error.",
        advice="Flush before acknowledging, checksum every record, and cut a torn tail off before appending.",
    ),
)
