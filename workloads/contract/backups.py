"""Section N: a backup that is made under load is a state that the database was in, and damage to it is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, holds, outcome, tried
from harness.surface import Refused

__all__ = ["BACKUPS"]

_KEYS = 1_000  # of 10 kB, so that a backup takes a while
_PAUSE_S = 0.001
_PAIRS_BEFORE = 20  # Acknowledged before the backup begins.
_PAIRS_MAX = 20_000
_PLACES: Final = (0.02, 0.3, 0.5, 0.7, 0.98)


class _Load:
    """A thread that writes pairs of keys at up to 1,000 pairs a second while another one makes a backup."""

    def __init__(self, rig: Rig, db: Handle) -> None:
        self.path = rig.path()
        self.pairs = 0  # Acknowledged, one after another.
        self.pairs_before = 0
        self.error = ""
        self._rig = rig
        self._db = db
        self._ended = False

    def work(self, number: int) -> Any:
        return self._backup() if number == 0 else self._write()

    def _backup(self) -> None:
        while self.pairs < _PAIRS_BEFORE and not self._ended:
            self._rig.wait(_PAUSE_S)
        self.pairs_before = self.pairs
        try:
            self._db.call("backup", self.path)
        finally:
            self._ended = True

    def _write(self) -> None:
        try:
            while not self._ended and self.pairs < _PAIRS_MAX:
                transaction = self._db.begin()
                for key in _pair(self.pairs):
                    transaction.call("put", key, b"%d" % self.pairs)
                transaction.commit()
                self.pairs += 1
                self._rig.wait(_PAUSE_S)
        except Exception as error:  # noqa: BLE001  Whatever the database raises is what N1.3 is about.
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self._ended = True


def _pair(number: int) -> tuple[bytes, bytes]:
    return f"left {number}".encode(), f"right {number}".encode()


def _under_load(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    transaction = db.begin()
    for number in range(_KEYS):
        transaction.call("put", _key(number), _value(number))
    transaction.commit()
    load = _Load(rig, db)
    made, _ = rig.threads(2, load.work)
    if isinstance(made, Exception):
        raise made
    if rig.has("restore"):
        broken = outcome(_restored, rig, db, load)
        told = f"a restored backup has all {_KEYS} keys, {load.pairs_before} pairs from before it, none in part"
        yield holds("N1.1", broken == "", str(broken) or told)
    if rig.has("verify_backup"):
        yield tried("N1.2", [_whole(rig, db), *(_noticed(rig, db, place) for place in _PLACES)], "verify was right")
    during = f"{load.pairs_before} pairs were written before the backup, {load.pairs - load.pairs_before} during it"
    yield holds("N1.3", not load.error and load.pairs >= _PAIRS_BEFORE, f"{during}; {load.error or 'no error'}")


def _key(number: int) -> bytes:
    return f"key {number:04d}".encode()


def _value(number: int) -> bytes:
    return f"value {number} ".encode() * 1_000


def _restored(rig: Rig, db: Handle, load: _Load) -> str:
    """What a database made of the backup lacks or has in part; empty where it is a state that there was."""
    path = rig.path()
    db.call("restore", load.path, path)
    restored = rig.open(path)
    transaction = restored.begin()
    missing = [number for number in range(_KEYS) if transaction.call("get", _key(number)) != _value(number)]
    pairs = [[transaction.call("get", key) for key in _pair(number)] for number in range(load.pairs + 1)]
    transaction.abort()
    restored.close()
    whole = [pair == [b"%d" % number] * 2 for number, pair in enumerate(pairs)]
    if missing:
        return f"{len(missing)} of {_KEYS} keys are missing or wrong, the first is {_key(missing[0])!r}"
    if not all(whole[: load.pairs_before]):
        first = whole.index(False)
        return f"pair {first} is {pairs[first]!r}, and was acknowledged before the backup began"
    torn = [number for number, pair in enumerate(pairs) if pair != [None, None] and not whole[number]]
    if torn:
        return f"pair {torn[0]} is there in part: {pairs[torn[0]]!r}"
    if False in whole and any(whole[whole.index(False) :]):
        return f"pair {whole.index(False)} is missing, and a later one is there"
    return ""


def _verdict(db: Handle, path: str) -> Any:
    """What verify says; a refusal because of damage is the same as False."""
    said = outcome(db.call, "verify_backup", path)
    return False if isinstance(said, Refused) and said.why == "damaged" else said


def _whole(rig: Rig, db: Handle) -> str:
    path = rig.path()
    db.call("backup", path)
    said = _verdict(db, path)
    return "" if said is True else f"verify says {said!r} of a backup just made"


def _noticed(rig: Rig, db: Handle, place: float) -> str:
    path = rig.path()
    db.call("backup", path)
    name = rig.damage(path, "flip", place)
    if not name:
        return "the backup has no files"
    said = _verdict(db, path)
    return "" if said is False else f"verify says {said!r} of a backup with a flipped bit at {place:.0%} of {name}"


BACKUPS: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="N1",
        title="A backup under load",
        severity="critical",
        checks=(
            Check(
                "N1.1",
                "A restored backup has all that was acknowledged before, and no transaction in part",
                ("restore",),
            ),
            Check("N1.2", "verify accepts a backup, and notices a flipped bit wherever it is", ("verify_backup",)),
            Check("N1.3", "The writer goes on without an error meanwhile"),
        ),
        program=_under_load,
        calls=("put", "get", "backup"),
        impact="The backup that is needed one day is damaged, or not a state that the database ever was in.",
        advice="Copy one snapshot with checksums of every file, and restore it as a test.",
    ),
)
