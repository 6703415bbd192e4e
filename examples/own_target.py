"""Your own database under test: copy these forty lines and call it where they use a dict and a lock."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from harness.history import Op
from harness.target import Capabilities


class DictTarget:  # anomalist run -t examples.own_target:DictTarget
    name, version = "dict", "1.0"
    settings: Mapping[str, str] = {}  # Options, shown in reports.
    levels: Mapping[str, str] = {"serializable": "strict-serializable"}  # Each level, and what it promises.
    capabilities = Capabilities(kinds=frozenset({"r", "w", "append"}), steps=False)  # steps: no call ever waits.

    def open(self) -> None:  # Start empty, or raise TargetUnavailable with a sentence that says what is missing.
        self.data, self.lock = dict[Any, Any](), Lock()

    def session(self, level: str) -> "DictSession":
        return DictSession(self)

    def close(self) -> None:  # Stop, and leave nothing behind.
        self.data.clear()


class DictSession:
    def __init__(self, target: DictTarget) -> None:
        self.target = target
        self.writes: dict[Any, Any] | None = None  # None: no open transaction.

    def begin(self) -> None:  # The lock is held until commit, so transactions run one after another.
        self.target.lock.acquire()
        self.writes = {}

    def step(self, op: Op) -> Op:  # Give the operation back completed: harness.history.KINDS says how.
        assert self.writes is not None
        seen = self.writes.get(op.key, self.target.data.get(op.key))
        if op.kind == "r":
            return op._replace(value=seen)
        self.writes[op.key] = op.value if op.kind == "w" else [*(seen or []), op.value]
        return op

    def commit(self) -> None:  # Raise Aborted where it refused and surely nothing took effect, else let errors out.
        self.target.data.update(self.writes or {})
        self.abort()

    def abort(self) -> None:  # Also called after a failed step or commit.
        if self.writes is not None:
            self.writes = None
            self.target.lock.release()

    close = abort  # Release the connection.
