"""Targets for tests of the harness: a correct one, and ones that refuse, explode or hang where a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.history import Op
from harness.program import Params, Program, Rng, Workload, append, read
from harness.target import Aborted, Capabilities

Hook = Callable[[str, Op | None], None]


def quiet(call: str, op: Op | None) -> None:
    """A hook that does nothing."""


class MemoryTarget:
    """Serializable: transactions work on a copy and are refused at commit where what they read has changed.

    `hook` is called before each call with its name and operation, in the thread that calls.
    """

    name = "memory"
    version = "1"
    settings: Mapping[str, str] = {}
    levels: Mapping[str, str] = {"serializable": "strict-serializable"}
    capabilities = Capabilities(kinds=frozenset({"r", "w", "append", "scan"}), steps=True)

    def __init__(self, hook: Hook = quiet) -> None:
        self.hook = hook
        self.lock = threading.Lock()
        self.data: dict[Any, Any] = {}
        self.versions: dict[Any, int] = {}
        self.sessions = 0
        self.closed = False

    def open(self) -> None:
        self.hook("open", None)

    def session(self, level: str) -> MemorySession:
        assert level in self.levels
        self.hook("session", None)
        self.sessions += 1
        return MemorySession(self)

    def close(self) -> None:
        self.hook("target-close", None)
        self.closed = True


class MemorySession:
    def __init__(self, target: MemoryTarget) -> None:
        self.target = target
        self.seen: dict[Any, int] = {}
        self.written: dict[Any, Any] = {}

    def begin(self) -> None:
        self.target.hook("begin", None)
        self.seen, self.written = {}, {}

    def step(self, op: Op) -> Op:
        self.target.hook("step", op)
        if op.kind == "scan":
            with self.target.lock:
                keys = sorted(key for key in self.target.data if op.key[0] <= key < op.key[1])
            return Op("scan", op.key, {key: self._value(key) for key in keys})
        value = self._value(op.key)
        if op.kind == "r":
            return Op("r", op.key, value)
        self.written[op.key] = op.value if op.kind == "w" else [*(value or []), op.value]
        return op

    def commit(self) -> None:
        self.target.hook("commit", None)
        with self.target.lock:
            if any(self.target.versions.get(key, 0) != version for key, version in self.seen.items()):
                raise Aborted("what it read has changed")
            self.target.data.update(self.written)
            for key in self.written:
                self.target.versions[key] = self.target.versions.get(key, 0) + 1
        self.target.hook("committed", None)

    def abort(self) -> None:
        self.target.hook("abort", None)
        self.seen, self.written = {}, {}

    def close(self) -> None:
        self.target.hook("close", None)

    def _value(self, key: Any) -> Any:
        with self.target.lock:
            self.seen.setdefault(key, self.target.versions.get(key, 0))
            return self.written.get(key, self.target.data.get(key))


class NoTarget(MemoryTarget):
    """Does nothing at all: what a run costs then is the harness."""

    def session(self, level: str) -> NoSession:  # type: ignore[override]
        return NoSession()


class NoSession:
    def begin(self) -> None: ...

    def step(self, op: Op) -> Op:
        return op

    def commit(self) -> None: ...

    def abort(self) -> None: ...

    def close(self) -> None: ...


def nothing(rng: Rng, params: Params) -> Iterator[Program]:
    """No programs."""
    return iter(())


def mixed(rng: Rng, params: Params) -> Iterator[Program]:
    """Endless: three operations on random keys, appends of unique elements and reads."""
    element = 0
    while True:
        ops = []
        for _ in range(3):
            key = rng.randrange(params.keys)
            if rng.random() < params.read_ratio:
                ops.append(read(key))
            else:
                element += 1
                ops.append(append(key, element))
        yield (op for op in ops)  # type: ignore[misc]


def each(*programs: Callable[[], Program]) -> Callable[[Rng, Params], Iterator[Program]]:
    """These programs once each, in this order."""
    return lambda rng, params: (program() for program in programs)


def workload(
    programs: Callable[[Rng, Params], Iterator[Program]] = mixed,
    *,
    setup: Callable[[Rng, Params], Iterator[Program]] = nothing,
    finale: Callable[[Rng, Params], Iterator[Program]] = nothing,
) -> Workload:
    """A workload of these parts."""
    return Workload("fake", setup, programs, finale, Params())
