"""`run`: every workload of a suite against a target, judged as soon as it is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import anomalist
from anomalist.environment import environment_rows
from anomalist.exits import UsageError
from anomalist.performing import Progress, perform
from anomalist.plan import Part, SuiteRequest, Task, info_of, left_out, parts_of, run_info, target_of, task_of
from anomalist.processes import perform_apart
from harness.rundir import create_run_directory, create_suite_directory
from harness.target import Target
from harness.verdict import NOT_RUN, Outcome, RunResult, SuiteRun

__all__ = ["run_suite"]


def run_suite(
    request: SuiteRequest, *, stop: threading.Event, on_progress: Progress | None = None
) -> tuple[SuiteRun, Path]:
    """Run all parts and judge them. Returns what a report is made from, and the suite's directory.

    `on_progress` is told (part, transactions so far, transactions planned). Raises UsageError for what cannot be
    asked of the target, TargetUnavailable where it does not start, StoreError where nothing can be written.
    """
    began = monotonic()
    started = datetime.now(UTC)
    target = target_of(request.target)
    info = run_info(request, target, started)
    parts = tuple(parts_of(request, target))
    if not parts:
        raise UsageError(f"nothing is left to run in shard {request.shard[0]} of {request.shard[1]}")
    directory = create_suite_directory(request.suite, request.seeds[0], started, out=request.out)

    def tasks() -> Iterator[Task]:
        for part in parts:
            if stop.is_set():
                return
            of_part = info_of(part, info)
            yield task_of(request, part, of_part, create_run_directory(directory, of_part))

    def ends(result: RunResult) -> bool:
        return request.fail_fast and result.outcome is Outcome.FAIL

    if request.jobs > 1 or target.capabilities.native:
        results = perform_apart(tasks(), request.jobs, stop, on_progress, ends)
    else:
        results = _in_turn(tasks(), stop, on_progress, ends)
    suite_run = SuiteRun(
        suite=request.suite,
        command=info.command,
        started=info.started,
        seconds=monotonic() - began,
        runs=tuple(replace(one, directory=_relative(one.directory, directory)) for one in results),
        environment=(
            *environment_rows(),
            *_not_run(request, target, parts, len(results), interrupted=stop.is_set()),
        ),
        version=anomalist.__version__,
    )
    return suite_run, directory


def _in_turn(
    tasks: Iterator[Task],
    stop: threading.Event,
    on_progress: Progress | None,
    ends: Callable[[RunResult], bool],
) -> list[RunResult]:
    """The results of tasks carried out one after the other in this process, up to the first that ends the suite."""
    results = []
    for task in tasks:
        results.append(perform(task, stop, on_progress))
        if ends(results[-1]):
            break
    return results


def _not_run(
    request: SuiteRequest, target: Target, parts: Sequence[Part], begun: int, *, interrupted: bool
) -> Iterator[tuple[str, str]]:
    """Rows for what the suite has and this run lacks, so that nobody takes it for passed; `begun` parts ran."""
    for name, lacking in left_out(request, target):
        yield NOT_RUN, f"{name}: the target has no {lacking}"
    if begun < len(parts):
        # Seed by seed the same workloads: what ran with some seeds lacks all later ones.
        first: dict[str, int] = {}
        for part in parts[begun:]:
            first.setdefault(part.workload, part.seed)
        ran = {part.workload for part in parts[:begun]}
        names = ", ".join(f"{name} from seed {first[name]} on" if name in ran else name for name in first)
        why = "interrupted before they began" if interrupted else "ended by --fail-fast before they began"
        yield NOT_RUN, f"{names}: {why}"


def _relative(place: str, directory: Path) -> str:
    return Path(place).relative_to(directory).as_posix()
