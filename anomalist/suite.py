"""`run`: every workload of a suite against a target, judged as soon as it is recorded."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import anomalist
from anomalist.environment import environment_rows
from anomalist.exits import UsageError
from anomalist.judging import judge_history
from anomalist.suites import SUITES, WORKLOADS, workload
from harness.history import RunInfo
from harness.level import Level, level
from harness.rundir import create_run_directory, create_suite_directory
from harness.runner import run
from harness.target import Target
from harness.targets import load_target
from harness.verdict import RunResult, SuiteRun

__all__ = ["Part", "SuiteRequest", "run_suite"]

# Above this many transactions a run is no longer small, and real threads show more.
_STEPS_TXNS_MAX = 10_000
_NEEDED_KINDS = {"predicate-skew": {"scan"}}


@dataclass(frozen=True, kw_only=True)
class SuiteRequest:
    """What to run. None means the suite's or the target's own choice; `shard` is (i, n), 1 <= i <= n."""

    suite: str
    target: str = "reference"
    level: str | None = None
    expected: str | None = None
    workloads: tuple[str, ...] = ()
    schedule: str | None = None
    seeds: tuple[int, ...] = (0,)
    txns: int | None = None
    time_limit_s: float | None = None
    clients: int | None = None
    op_timeout_s: float = 10.0
    shard: tuple[int, int] = (1, 1)
    out: Path | None = None


class Part(NamedTuple):
    """One cell of the matrix: a workload with a seed."""

    workload: str
    seed: int


Progress = Callable[[Part, int, int], None]


def run_suite(
    request: SuiteRequest, *, stop: threading.Event, on_progress: Progress | None = None
) -> tuple[SuiteRun, Path]:
    """Run all parts and judge them. Returns what a report is made from, and the suite's directory.

    `on_progress` is told (part, transactions so far, transactions planned). Raises UsageError for what cannot be
    asked of the target, TargetUnavailable where it does not start, StoreError where nothing can be written.
    """
    began = monotonic()
    started = datetime.now(UTC)
    target = _target(request.target)
    info = _run_info(request, target, started)
    parts = tuple(_parts(request, target))
    if not parts:
        raise UsageError(f"nothing is left to run in shard {request.shard[0]} of {request.shard[1]}")
    directory = create_suite_directory(request.suite, request.seeds[0], started, out=request.out)
    results = []
    for part in parts:
        if stop.is_set():
            break
        results.append(_run_part(request, part, info, directory, stop, on_progress))
    suite_run = SuiteRun(
        suite=request.suite,
        command=info.command,
        started=info.started,
        seconds=monotonic() - began,
        runs=tuple(results),
        environment=environment_rows(),
        version=anomalist.__version__,
    )
    return suite_run, directory


def _target(spec: str) -> Target:
    try:
        return load_target(spec)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _run_info(request: SuiteRequest, target: Target, started: datetime) -> RunInfo:
    at = request.level or next(iter(target.levels))
    if at not in target.levels:
        known = ", ".join(target.levels)
        raise UsageError(f"target {target.name} does not run at level {at!r}; it knows: {known}")
    try:
        expected = level(request.expected or target.levels[at])
    except ValueError as error:
        raise UsageError(str(error)) from error
    suite = SUITES[request.suite]
    return RunInfo(
        suite=request.suite,
        target=target.name,
        target_version=target.version,
        settings=dict(target.settings),
        level=at,
        expected=expected,
        clients=request.clients or suite.clients,
        schedule=_schedule(request, target),
        append="atomic" if target.capabilities.atomic_append else "read-modify-write",
        command=_command(request),
        started=started.isoformat(timespec="seconds"),
    )


def _schedule(request: SuiteRequest, target: Target) -> str:
    if request.schedule == "steps" and not target.capabilities.steps:
        raise UsageError(
            f"target {target.name} may block one client while another waits, so one thread cannot interleave them; "
            "use --schedule threads"
        )
    small = (request.txns or SUITES[request.suite].txns) <= _STEPS_TXNS_MAX
    return request.schedule or ("steps" if small and target.capabilities.steps else "threads")


def _command(request: SuiteRequest) -> str:
    """The command that repeats this run, with every choice that was made."""
    words = ["anomalist", "run", request.suite, "-t", request.target]
    options: list[tuple[str, object]] = [
        ("-i", request.level),
        ("--expect", request.expected),
        *(("-w", name) for name in request.workloads),
        ("--schedule", request.schedule),
        ("--seed", request.seeds[0]),
        ("--seeds", len(request.seeds) if len(request.seeds) > 1 else None),
        ("--txns", request.txns),
        ("--time-limit", f"{request.time_limit_s:g}" if request.time_limit_s is not None else None),
        ("--clients", request.clients),
        ("--shard", "{}/{}".format(*request.shard) if request.shard != (1, 1) else None),
    ]
    words += [str(word) for name, value in options if value is not None for word in (name, value)]
    return shlex.join(words)


def _parts(request: SuiteRequest, target: Target) -> Iterator[Part]:
    """The cells of this shard: every workload that the target can run, with every seed."""
    asked = request.workloads or SUITES[request.suite].workloads
    for name in asked:
        lacking = _NEEDED_KINDS.get(name, set()) - target.capabilities.kinds
        if lacking and request.workloads:
            raise UsageError(f"target {target.name} has no {', '.join(sorted(lacking))}, which {name} needs")
    names = [name for name in asked if not _NEEDED_KINDS.get(name, set()) - target.capabilities.kinds]
    cells = [Part(name, seed) for seed in request.seeds for name in names]
    return iter(cells[request.shard[0] - 1 :: request.shard[1]])


def _run_part(
    request: SuiteRequest,
    part: Part,
    info: RunInfo,
    directory: Path,
    stop: threading.Event,
    on_progress: Progress | None,
) -> RunResult:
    suite = SUITES[request.suite]
    txns = request.txns or suite.txns
    work = workload(part.workload)
    info = replace(info, workload=part.workload, seed=part.seed, params=asdict(work.defaults))
    place = create_run_directory(directory, info)
    # A run of steps is cut by its count alone: a clock would make it end elsewhere the next time.
    by_time = suite.time_limit_s if info.schedule == "threads" else None
    outcome = run(
        _target(request.target),
        work,
        info=info,
        params=work.defaults,
        clients=info.clients,
        schedule=info.schedule,
        seed=part.seed,
        txns=txns,
        time_limit_s=by_time if request.time_limit_s is None else request.time_limit_s,
        op_timeout_s=request.op_timeout_s,
        directory=place,
        on_progress=None
        if on_progress is None
        else lambda ok, aborted, unknown, _: on_progress(part, ok + aborted + unknown, txns),
        stop=stop,
    )
    verdicts = judge_history(outcome.history, Level(info.expected), checkers=WORKLOADS[part.workload].checkers)
    return RunResult(
        history=outcome.history,
        verdicts=verdicts,
        directory=place.relative_to(directory).as_posix(),
        seconds=outcome.seconds,
        trouble=outcome.trouble,
        interrupted=outcome.interrupted,
    )
