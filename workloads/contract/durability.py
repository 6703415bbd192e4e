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
_PLACES: Final = (0.15, 0.4, 0.65, 0.9, 0.999)


def _written(rig: Rig) -> _Calls:
    """100 puts; then every fourth key is overwritten and every fifth deleted."""
    calls: _Calls = [("put", _key(number), f"value {number}".encode() * 8) for number in range(_KEYS)]
    calls += [("put", _key(number), f"overwritten {number}".encode() * 8) for number in range(0, _KEYS, 4)]
    if rig.has("delete"):
        calls += [("delete", _key(number)) for number in range(0, _KEYS, 5)]
    return calls


def _key(number: int) -> bytes:
    return f"key {number:03d}".encode()


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
    """What get finds of the keys. Raises what the database raises."""
    found = {_key(number): db.call("get", _key(number)) for number in range(_KEYS)}
    return {key: value for key, value in found.items() if value is not None}


def _differences(seen: _State, expected: _State) -> str:
    """A sentence on what is not as it should be; empty where all is."""
    wrong = sorted(key for key in seen.keys() | expected.keys() if seen.get(key) != expected.get(key))
    if not wrong:
        return ""
    first = wrong[0]
    return f"{len(wrong)} keys differ; the first: {first!r} is {seen.get(first)!r}, expected {expected.get(first)!r}"


def _reopening(rig: Rig) -> Iterator[Observed]:
    calls = _written(rig)
    db = _filled(rig, calls)
    db.reopen()
    lost = _differences(_stored(db), _after(calls))
    yield holds("J1.1", not lost, lost or f"all {_KEYS} keys are as they were left: put, overwritten, deleted")
    yield _killed(rig, calls)
    yield _shared(rig)
    yield tried("J1.4", [_flipped(rig, calls, place) for place in _PLACES], "an error, or all that was acknowledged")
    cuts = [_cut(rig, calls, place) for place in _PLACES]
    honest = "an error, all that was acknowledged, or a state that was"
    yield tried("J1.5", [state for state, _ in cuts], honest)
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
        return holds(
            "J1.2", False, f"{acknowledged} of {len(calls)} calls were acknowledged; the last: {answers[-1]!r}"
        )
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
    seen = outcome(_stored_at, rig, path)
    honest = isinstance(seen, Exception) or seen == _after(calls[:-1])
    lost = "" if honest else _differences(seen, _after(calls))
    return lost and f"a bit of {name} was flipped at {place:.1%}, without an error {lost}"


def _cut(rig: Rig, calls: _Calls, place: float) -> tuple[str, str]:
    """What is wrong after a file was cut, and what is wrong with a key that is put then."""
    path = _closed(rig, calls)
    name = rig.damage(path, "cut", place)
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
    refused = outcome(db.call, "put", _key(0), b"after the cut")
    db.close()
    kept = outcome(_stored_at, rig, path)
    if isinstance(refused, Exception):
        return ""
    if isinstance(kept, Exception):
        return f"reopening raised {kept!r}"
    return _differences(kept, {**seen, _key(0): b"after the cut"})


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
        impact="Acknowledged data is lost or changed without an error.",
        advice="Flush before acknowledging, checksum every record, and cut a torn tail off before appending.",
    ),
)
