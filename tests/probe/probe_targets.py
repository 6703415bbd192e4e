"""Databases for the tests of interleavings: two weak ones that claim everything, and a correct one that locks."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from harness.history import Op
from harness.target import Aborted, Capabilities

KINDS = frozenset({"r", "w", "scan", "delete"})


def inside(asked: tuple[str, str], data: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `data` in [low, high) that hold something."""
    return {key: data[key] for key in sorted(data) if asked[0] <= key < asked[1] and data[key] is not None}


class _Target:
    """One dict for all sessions. `performed` is every operation's kind so far."""

    name = "fake"
    version = "1"
    settings: Mapping[str, str] = {}
    levels: Mapping[str, str] = {"serializable": "strict-serializable"}
    capabilities = Capabilities(kinds=KINDS, steps=True)

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.performed: set[str] = set()

    def open(self) -> None: ...

    def close(self) -> None: ...


class _Session:
    def __init__(self, target: Any) -> None:
        self.target = target

    def begin(self) -> None: ...

    def step(self, op: Op) -> Op:
        self.target.performed.add(op.kind)
        if op.kind == "r":
            return op._replace(value=self.data().get(op.key))
        if op.kind == "scan":
            return op._replace(value=inside(op.key, self.data()))
        self.store(op.key, op.value)
        return op

    def data(self) -> Mapping[str, Any]:
        raise NotImplementedError

    def store(self, key: str, value: Any) -> None:
        raise NotImplementedError

    def commit(self) -> None: ...

    def abort(self) -> None: ...

    def close(self) -> None:
        self.abort()


class SharedTarget(_Target):
    """No isolation at all: everybody works on the same dict, and an abort puts back what was there."""

    def session(self, level: str) -> _SharedSession:
        return _SharedSession(self)


class _SharedSession(_Session):
    def begin(self) -> None:
        self.old: dict[str, Any] = {}

    def data(self) -> Mapping[str, Any]:
        return self.target.data

    def store(self, key: str, value: Any) -> None:
        self.old.setdefault(key, self.target.data.get(key))
        self.target.data[key] = value

    def commit(self) -> None:
        self.old = {}

    def abort(self) -> None:
        self.target.data.update(getattr(self, "old", {}))


class UnguardedTarget(_Target):
    """Snapshots, and nobody is ever refused: what a transaction does when nothing stops it."""

    def session(self, level: str) -> _UnguardedSession:
        return _UnguardedSession(self)


class _UnguardedSession(_Session):
    def begin(self) -> None:
        self.snapshot: dict[str, Any] | None = None
        self.written: dict[str, Any] = {}

    def data(self) -> Mapping[str, Any]:
        if self.snapshot is None:  # At the first operation, as in the engine.
            self.snapshot = dict(self.target.data)
        return self.snapshot | self.written

    def store(self, key: str, value: Any) -> None:
        self.data()
        self.written[key] = value

    def commit(self) -> None:
        self.target.data.update(self.written)


class LaggingTarget(UnguardedTarget):
    """Snapshots that are one commit behind what was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[str, Any] = {}

    def session(self, level: str) -> _LaggingSession:
        return _LaggingSession(self)


class _LaggingSession(_UnguardedSession):
    target: LaggingTarget

    def data(self) -> Mapping[str, Any]:
        if self.snapshot is None:
            self.snapshot = dict(self.target.before)
        return super().data()

    def commit(self) -> None:
        if self.written:
            self.target.before = dict(self.target.data)
        super().commit()


class LockingTarget(_Target):
    """Two-phase locking of keys and ranges: serializable, and its calls wait for one another.

    Who would close a circle of waiting is refused; without `detects_deadlocks` it waits until the target closes.
    """

    capabilities = Capabilities(kinds=KINDS, steps=False)
    detects_deadlocks = True

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()
        self.held: list[tuple[_LockingSession, str, str, bool]] = []  # (who, low, high, whether for writing)
        self.waits_for: dict[_LockingSession, set[_LockingSession]] = {}
        self.closed = False

    def session(self, level: str) -> _LockingSession:
        return _LockingSession(self)

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class DeadlockingTarget(LockingTarget):
    """A locking database that leaves its clients in their deadlocks."""

    detects_deadlocks = False


class _LockingSession(_SharedSession):
    target: LockingTarget

    def step(self, op: Op) -> Op:
        low, high = op.key if op.kind == "scan" else (op.key, op.key + "\0")
        with self.target.changed:
            self.lock(low, high, op.kind in {"w", "delete"})
            return super().step(op)

    def commit(self) -> None:
        super().commit()
        self.unlock()

    def abort(self) -> None:
        super().abort()
        self.unlock()

    def lock(self, low: str, high: str, writing: bool) -> None:
        while blockers := {
            who
            for who, from_key, to_key, for_writing in self.target.held
            if who is not self and from_key < high and low < to_key and (writing or for_writing)
        }:
            self.target.waits_for[self] = blockers
            if self.target.detects_deadlocks and self in self.reached(blockers):
                del self.target.waits_for[self]
                raise Aborted("deadlock")
            self.target.changed.wait()
            if self.target.closed:
                raise ConnectionError("the target is closed")
        self.target.waits_for.pop(self, None)
        self.target.held.append((self, low, high, writing))

    def reached(self, front: set[_LockingSession]) -> set[_LockingSession]:
        """Everybody for whom these wait, directly or not, and these."""
        found: set[_LockingSession] = set()
        while front:
            found |= front
            front = {two for one in front for two in self.target.waits_for.get(one, ())} - found
        return found

    def unlock(self) -> None:
        with self.target.changed:
            self.target.held = [lock for lock in self.target.held if lock[0] is not self]
            self.target.changed.notify_all()
