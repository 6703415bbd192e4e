"""Locks and waits as a seam, with named points, so that a test can decide which thread runs next.

Production gets plain `threading` objects and no points at all. A test hands in its own factory: its mutexes and
conditions know who waits, and `point` is called by the running thread at each place where the order of threads
may matter:

    begin     a transaction chose its snapshot and is not registered yet
    validate  a commit is about to be judged
    install   a commit was accepted and nothing of it is visible yet
    flush     a leader is about to hand its group to the file
    prune     the horizon is known and nothing older has been dropped yet

`begin`, `validate`, `install` and `prune` lie inside the commit mutex, `flush` outside.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol

__all__ = ["POINTS", "Condition", "Gate", "Latches", "Mutex", "ThreadLatches"]

POINTS: Final = ("begin", "validate", "install", "flush", "prune")


class Mutex(Protocol):
    """A lock that one thread holds at a time. It is never taken twice by the same thread."""

    def __enter__(self) -> bool: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...


class Condition(Protocol):
    """A mutex of its own, and a place to wait at while holding it."""

    def __enter__(self) -> bool: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...

    def wait(self) -> object:
        """Give up the mutex, sleep until notified, take the mutex again."""
        ...

    def notify_all(self) -> None:
        """Wake all who wait. The caller holds the mutex."""
        ...


class Gate(Protocol):
    """Where one thread waits until another one opens it, once."""

    def wait(self, seconds: float | None = None) -> bool:
        """Sleep until it is open; False where it was not opened within so many seconds."""
        ...

    def open(self) -> None:
        """Let the thread through that waits there, or is going to. Opening it twice is allowed."""
        ...


class Latches(Protocol):
    """A factory. `point` is None where nobody listens, which costs the engine one comparison."""

    point: Callable[[str], None] | None

    def mutex(self, name: str) -> Mutex:
        """A new mutex; the name is for people."""
        ...

    def condition(self, name: str) -> Condition:
        """A new condition with its own mutex."""
        ...

    def gate(self, name: str) -> Gate:
        """A new gate, closed."""
        ...


class ThreadLatches:
    """The system's locks."""

    point: Callable[[str], None] | None = None

    def mutex(self, name: str) -> Mutex:
        """A plain lock."""
        return threading.Lock()

    def condition(self, name: str) -> Condition:
        """A condition over a plain lock."""
        return threading.Condition(threading.Lock())

    def gate(self, name: str) -> Gate:
        """A lock that is held until the gate is opened."""
        return _ThreadGate()


class _ThreadGate:
    __slots__ = ("_closed",)

    def __init__(self) -> None:
        self._closed = threading.Lock()
        self._closed.acquire()

    def wait(self, seconds: float | None = None) -> bool:
        return self._closed.acquire(timeout=-1 if seconds is None else seconds)

    def open(self) -> None:
        if self._closed.locked():
            self._closed.release()
