"""One task carried out in this process: run, then judge."""

from __future__ import annotations

import threading
from collections.abc import Callable

from anomalist.fail_fast import FailFast
from anomalist.judging import judge_history
from anomalist.plan import Part, Task, target_of
from anomalist.suites import WORKLOADS, workload
from harness.level import Level
from harness.runner import run
from harness.verdict import RunResult

__all__ = ["Progress", "perform"]

Progress = Callable[[Part, int, int], None]


def perform(task: Task, stop: threading.Event, on_progress: Progress | None) -> RunResult:
    """Run and judge one task in this process. Its result names the task's whole directory."""

    def told(ok: int, aborted: int, unknown: int, _: int | None) -> None:
        if on_progress is not None:
            on_progress(task.part, ok + aborted + unknown, task.txns)

    checkers = WORKLOADS[task.part.name].checkers
    companion = FailFast(task.info, checkers, task.directory / "events.log") if task.fail_fast else None
    outcome = run(
        target_of(task.target),
        workload(task.part.name),
        info=task.info,
        params=task.params,
        clients=task.info.clients,
        schedule=task.info.schedule,
        seed=task.part.seed,
        txns=task.txns,
        time_limit_s=task.time_limit_s,
        op_timeout_s=task.op_timeout_s,
        directory=task.directory,
        on_progress=None if on_progress is None else told,
        stop=stop,
        companion=companion,
    )
    return RunResult(
        history=outcome.history,
        verdicts=judge_history(outcome.history, Level(task.info.expected), checkers=checkers),
        directory=str(task.directory),
        seconds=outcome.seconds,
        trouble=outcome.trouble,
        interrupted=outcome.interrupted,
        stopped=outcome.stopped,
    )
