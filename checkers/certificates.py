"""Verifies a certificate: replays a history in the order that is said to explain it, and searches for nothing.

    order     T3  T1  T4          each runs alone, one after another, and must see exactly what it saw
    snapshot   0   0   2          T1 reads what was there before T3; T4 reads what T3 and T1 left

It shares no code with the checkers that make certificates. Serial orders: Papadimitriou 1979. Snapshots: the prefix
consistency and the first committer wins of Berenson 1995; session and real-time order as in Daudjee & Salem 2006.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.history import UNSEEN, History, Op, Status
from harness.verdict import Certificate

__all__ = ["verify"]

_SERIAL: Final = {
    "serializable": (),
    "strong-session-serializable": ("session",),
    "strict-serializable": ("session", "realtime"),
}
_SNAPSHOT: Final = {
    "snapshot-isolation": (),
    "strong-session-snapshot-isolation": ("session",),
    "strong-snapshot-isolation": ("session", "realtime"),
}
_KEPT: Final = _SERIAL | _SNAPSHOT  # The orders that a level keeps; in a session the ends may touch.


Ints = npt.NDArray[np.int64]
Key = tuple[type, Any]  # With its type: 1, 1.0 and True are three keys.


class _List(NamedTuple):
    """A stored list: the first `length` of `elements`, which grow in place."""

    elements: list[Any]
    length: int


class _Refused(Exception):
    """The certificate does not hold; the text says why."""


def verify(history: History, certificate: Certificate) -> str:
    """ "" where `certificate` proves that `history` is allowed by its level, else a sentence that says what is wrong.

    Proven are the serializable and the snapshot isolation levels; a serial order is a proof of both. Keys hold
    nothing at first. Takes time linear in operations and in the elements that each read saw, and
    a logarithm of the versions of a key.
    """
    order = np.asarray(certificate.order, dtype=np.int64)
    snapshot = np.arange(len(order)) if certificate.snapshot is None else np.asarray(certificate.snapshot)
    try:
        _check_level(certificate)
        _check_rows(history, order, snapshot)
        for kept in _KEPT[certificate.level]:
            _check_kept(history, order, snapshot, _EARLIER[kept](history, _last_places(history, order)), kept)
        _Replay(history).run(order.tolist(), snapshot.tolist())
    except _Refused as refused:
        return str(refused)
    return ""


def _check_level(certificate: Certificate) -> None:
    if certificate.level not in _KEPT:
        raise _Refused(f"an order of transactions is no proof of {certificate.level}")
    if certificate.level in _SERIAL and certificate.snapshot is not None:
        raise _Refused(f"snapshots are no proof of {certificate.level}")


def _check_rows(history: History, order: Ints, snapshot: Ints) -> None:
    """Every OK transaction is there once, no ABORTED one, and no snapshot lies in a transaction's future."""
    if len(order) and not (order.min() >= 0 and order.max() < len(history)):
        raise _Refused("a row in the order is none of the history")
    times = np.bincount(order, minlength=len(history))
    for wrong, sentence in (
        (times > 1, "is in the order more than once"),
        ((times == 0) & (history.status == Status.OK), "committed and is not in the order"),
        ((times > 0) & (history.status == Status.ABORTED), "was aborted and is in the order"),
    ):
        if wrong.any():
            raise _Refused(f"T{int(np.argmax(wrong))} {sentence}")
    if len(snapshot) != len(order):
        raise _Refused("there are not as many snapshots as transactions in the order")
    outside = (snapshot < 0) | (snapshot > np.arange(len(order)))
    if outside.any():
        raise _Refused(f"the snapshot of T{int(order[np.argmax(outside)])} lies outside what precedes it")


def _check_kept(history: History, order: Ints, snapshot: Ints, earlier: Ints, kept: str) -> None:
    """The last place in the order that has to precede a row, `earlier` (n,), is in the snapshot of that row."""
    missed = earlier[order] >= snapshot
    if missed.any():
        row = int(order[np.argmax(missed)])
        where = " in its session" if kept == "session" else ""
        raise _Refused(f"T{row} does not see T{int(order[earlier[row]])}, which ended before it began{where}")


def _last_places(history: History, order: Ints) -> Ints:
    """(n,) each row's place in the order; -1 for UNKNOWN ones, after which nothing needs to come, and others."""
    places = np.full(len(history), -1)
    places[order] = np.arange(len(order))
    return np.where(history.status == Status.OK, places, -1)


def _earlier_in_session(history: History, places: Ints) -> Ints:
    latest: dict[int, int] = {}
    earlier = []
    for client, place in zip(history.client.tolist(), places.tolist(), strict=True):
        earlier.append(latest.get(client, -1))
        latest[client] = max(earlier[-1], place)
    return np.array(earlier, dtype=np.int64)


def _earlier_in_time(history: History, places: Ints) -> Ints:
    by_end = np.argsort(history.end, kind="stable")
    latest = np.concatenate(([-1], np.maximum.accumulate(places[by_end])))
    return latest[np.searchsorted(history.end[by_end], history.start, side="left")]


_EARLIER: Final = {"session": _earlier_in_session, "realtime": _earlier_in_time}


class _Replay:
    """The versions of each key as one transaction after another leaves them."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.versions: dict[Key, list[tuple[int, Any]]] = {}  # (place of the writer in the order, what it left).
        by_type: dict[type, list[Any]] = {}
        for key in history.keys:
            by_type.setdefault(type(key), []).append(key)
        self.in_order = {kind: sorted(keys) for kind, keys in by_type.items() if kind in {str, int, float}}

    def run(self, order: list[int], snapshots: list[int]) -> None:
        """Execute the transactions of the order. Raises _Refused at the first that does not see what it saw."""
        for place, (row, snapshot) in enumerate(zip(order, snapshots, strict=True)):
            own: dict[Key, Any] = {}
            for op in self.history.txn(row).ops:
                key = (type(op.key), op.key)
                found, answer, *written = self._step(op, own, snapshot)
                if answer is not UNSEEN and not _same(found, answer):
                    saw = f"{op.kind} of {op.key!r} by T{row} saw {answer!r:.80}"
                    raise _Refused(f"{saw}, and in this order it finds {found!r:.80}")
                if written:
                    self._first_committer_wins(row, key, order, snapshot)
                    own[key] = written[0]
            for key, value in own.items():
                self.versions.setdefault(key, []).append((place, value))

    def _step(self, op: Op, own: dict[Key, Any], snapshot: int) -> tuple[Any, ...]:
        """What the operation finds, what it answered, and what it leaves, if it writes."""
        kind, key, value = op
        if kind == "scan":
            return self._scanned(key, own, snapshot), value
        now = self._stored((type(key), key), own, snapshot)
        if kind == "r":
            return _shown(now, listed=isinstance(value, list)), value
        if kind == "delete":
            return None, None, None
        if kind == "w" and value is not UNSEEN:
            return None, None, _List(value, len(value)) if isinstance(value, list) else value
        if kind == "append" and (now is None or isinstance(now, _List)):
            return None, None, _appended(now, value)
        if kind == "incr":
            number = (0 if now is None else now) + value[0]
            return number, UNSEEN if value[1] is None else value[1], number
        if kind == "cas":
            old, new, answer = value
            replaced = _same(_shown(now), old)
            return replaced, UNSEEN if answer is None else answer, *([new] if replaced else [])
        raise _Refused(f"{kind} of {key!r} cannot be replayed")

    def _stored(self, key: Key, own: dict[Key, Any], snapshot: int) -> Any:
        """What the transaction itself or else the last one before its snapshot left there, None for nothing."""
        if key in own:
            return own[key]
        versions = self.versions.get(key, [])
        version = bisect_left(versions, snapshot, key=itemgetter(0))
        return versions[version - 1][1] if version else None

    def _first_committer_wins(self, row: int, key: Key, order: list[int], snapshot: int) -> None:
        last = self.versions[key][-1][0] if key in self.versions else -1
        if last >= snapshot:
            raise _Refused(f"T{row} writes {key[1]!r} and does not see that T{order[last]} wrote it")

    def _scanned(self, bounds: Any, own: dict[Key, Any], snapshot: int) -> dict[Any, Any]:
        found = {key: self._stored((type(key), key), own, snapshot) for key in self._within(bounds)}
        return {key: _shown(stored) for key, stored in found.items() if stored is not None}

    def _within(self, bounds: Any) -> list[Any]:
        """The keys of the history in (low, high), high excluded, or those that begin with a text."""
        if isinstance(bounds, tuple):
            keys = self.in_order.get(type(bounds[0]), [])
            return keys[bisect_left(keys, bounds[0]) : bisect_left(keys, bounds[1])]
        keys = self.in_order.get(str, [])
        first = bisect_left(keys, bounds)
        return keys[first : bisect_left(keys, True, lo=first, key=lambda key: not key.startswith(bounds))]


def _appended(now: _List | None, element: Any) -> _List:
    """The list with one more element. Only where its writer sees the last version is it that list which grows."""
    elements, length = now or ([], 0)
    if length < len(elements):
        elements = elements[:length]
    elements.append(element)
    return _List(elements, length + 1)


def _shown(stored: Any, *, listed: bool = False) -> Any:
    """What a read answers: of a list its elements, where nothing is None or the empty list."""
    if isinstance(stored, _List):
        return stored.elements[: stored.length]
    return [] if stored is None and listed else stored


def _same(one: Any, other: Any) -> bool:
    """Equal and of one type: 1, 1.0 and True are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    return one is other or bool(one == other)
