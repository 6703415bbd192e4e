"""Small runs for the tests of the runner: programs that write, targets that hang, what was recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fake_targets import Hook, MemoryTarget, quiet

from harness.history import History, Op, RunInfo, Status
from harness.program import Params, Program, Workload, read, write
from harness.runner import RunOutcome, run


def perform(
    directory: Path, work: Workload, hook: Hook = quiet, *, schedule: str = "threads", **changes: Any
) -> RunOutcome:
    options: dict[str, Any] = {
        "info": RunInfo(level="serializable", workload="fake"),
        "params": Params(),
        "clients": 2,
        "schedule": schedule,
        "seed": 1,
        "txns": None,
        "time_limit_s": None,
        "op_timeout_s": 0.2,
        "directory": directory,
    }
    target = options | changes
    return run(target.pop("target", None) or MemoryTarget(hook), work, **target)


def writes(value: int) -> Callable[[], Program]:
    def program() -> Program:
        yield read("x")
        yield write("x", value)

    return program


def told(history: History) -> list[tuple[int, tuple[Op, ...], Status, str]]:
    return [(txn.client, txn.ops, txn.status, txn.error) for txn in history.txns()]
