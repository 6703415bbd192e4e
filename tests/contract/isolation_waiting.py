"""Two correct databases of another kind: one lets everybody wait, the other refuses whoever would have to.

    SerialTarget   one transaction at a time: the next one begins when it has ended
    NoWaitTarget   locks on keys until the end; who meets another's lock is refused at once and gives up its own

They have sessions only.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock, RLock
from typing import Any

from harness.history import Op
from harness.target import Aborted, Capabilities


class SerialTarget:
    """One lock for all."""

    name = "serial"
    version = "1"
    settings: Mapping[str, str] = {}
    levels: Mapping[str, str] = {"serializable": "strict-serializable"}
    capabilities = Capabilities(kinds=frozenset({"r", "w", "append", "scan", "delete"}))

    def open(self) -> None:
        self.stored: dict[Any, Any] = {}
        self.turn = Lock()

    def session(self, level: str) -> Any:
        return _Serial(self)

    def close(self) -> None:
        self.stored = {}


class _Serial:
    """What it has changed is taken back at an abort."""

    def __init__(self, target: SerialTarget) -> None:
        self._target = target
        self._before: dict[Any, Any] | None = None

    def begin(self) -> None:
        self._target.turn.acquire()
        self._before = dict(self._target.stored)

    def step(self, op: Op) -> Op:
        return _applied(self._target.stored, op)

    def commit(self) -> None:
        self._before = None
        self._target.turn.release()

    def abort(self) -> None:
        if self._before is not None:
            self._target.stored, self._before = self._before, None
            self._target.turn.release()

    def close(self) -> None:
        self.abort()


class NoWaitTarget(SerialTarget):
    """Every session knows all the others' locks."""

    name = "no-wait"

    def open(self) -> None:
        super().open()
        self.guard = RLock()
        self.sessions: list[_NoWait] = []

    def session(self, level: str) -> Any:
        session = _NoWait(self)
        with self.guard:
            self.sessions.append(session)
        return session


class _NoWait:
    """`shared` and `exclusive` hold keys and bounds of scans."""

    def __init__(self, target: NoWaitTarget) -> None:
        self._target = target
        self._changed: dict[Any, Any] = {}
        self.shared: set[Any] = set()
        self.exclusive: set[Any] = set()

    def begin(self) -> None:
        pass

    def step(self, op: Op) -> Op:
        with self._target.guard:
            others = [one for one in self._target.sessions if one is not self]
            writes = op.kind not in {"r", "scan"}
            locks = set().union(*(one.exclusive | one.shared if writes else one.exclusive for one in others))
            if any(_meet(op.key, lock) for lock in locks):
                self.abort()
                raise Aborted(f"{op.key} is locked")
            (self.exclusive if writes else self.shared).add(op.key)
            if writes:
                self._changed.setdefault(op.key, self._target.stored.get(op.key))
            return _applied(self._target.stored, op)

    def commit(self) -> None:
        with self._target.guard:
            self._changed.clear()
            self.shared.clear()
            self.exclusive.clear()

    def abort(self) -> None:
        with self._target.guard:
            self._target.stored.update(self._changed)
            self.commit()

    def close(self) -> None:
        self.abort()


def _meet(one: Any, other: Any) -> bool:
    """Keys meet where they are equal, a key and the bounds of a scan where it lies between them."""
    if isinstance(one, tuple):
        one, other = other, one
    return one == other if not isinstance(other, tuple) else not isinstance(one, tuple) and other[0] <= one < other[1]


def _applied(stored: dict[Any, Any], op: Op) -> Op:
    match op.kind:
        case "r":
            return op._replace(value=stored.get(op.key))
        case "w":
            stored[op.key] = op.value
        case "append":
            stored[op.key] = [*(stored.get(op.key) or []), op.value]
        case "delete":
            stored[op.key] = None
        case "scan":
            low, high = op.key
            inside = {key: value for key, value in sorted(stored.items()) if low <= key < high and value is not None}
            return op._replace(value=inside)
    return op
