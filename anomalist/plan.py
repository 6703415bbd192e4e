"""What a `run` is to do: the request, checked against the catalogue and the target, as tasks that stand alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from anomalist.commands import command_text
from anomalist.exits import UsageError
from anomalist.suites import SUITES, WORKLOADS, workload
from harness.history import RunInfo
from harness.level import Level, level
from harness.program import Params
from harness.target import Target
from harness.targets import load_target

__all__ = [
    "OP_TIMEOUT_S",
    "Part",
    "SuiteRequest",
    "Task",
    "info_of",
    "left_out",
    "levels_of",
    "parts_of",
    "promised",
    "run_info",
    "target_of",
    "task_of",
    "workload_params",
]

OP_TIMEOUT_S = 10.0
# Above this many transactions a run is no longer small, and real threads show more.
_STEPS_TXNS_MAX = 10_000
# Operation kinds, data models and disturbances beyond reads and writes of keys.
_NEEDS = {
    "predicate-skew": {"scan"},
    "predicates": {"scan", "delete"},
    "queue": {"queue"},
    "queue-redelivery": {"queue"},
    "sql-append": {"sql"},
    "sql-bank": {"sql"},
    "cache": {"cache"},
    "vectors": {"vectors"},
    "graph": {"graph"},
    "restart": {"delete", "restart"},
}


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
    op_timeout_s: float = OP_TIMEOUT_S
    shard: tuple[int, int] = (1, 1)
    jobs: int = 1
    fail_fast: bool = False
    out: Path | None = None


class Part(NamedTuple):
    """One cell of the matrix: a workload as it was asked for, name[:key=value,…], with a seed."""

    workload: str
    seed: int

    @property
    def name(self) -> str:
        """The workload's name without its parameters."""
        return self.workload.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Task:
    """Everything that one run needs, so that it can be done in this process or in another."""

    part: Part
    target: str
    info: RunInfo
    params: Params
    txns: int
    time_limit_s: float | None
    op_timeout_s: float
    directory: Path
    fail_fast: bool = False


def task_of(request: SuiteRequest, part: Part, info: RunInfo, directory: Path) -> Task:
    """The task of a part; `info` is the part's, `directory` a new one."""
    suite = SUITES[request.suite]
    # A run of steps is cut by its count alone: a clock would make it end elsewhere the next time.
    by_time = suite.time_limit_s if info.schedule == "threads" else None
    return Task(
        part=part,
        target=request.target,
        info=info,
        params=workload_params(part.workload),
        txns=request.txns or suite.txns,
        time_limit_s=by_time if request.time_limit_s is None else request.time_limit_s,
        op_timeout_s=request.op_timeout_s,
        directory=directory,
        fail_fast=request.fail_fast,
    )


def info_of(part: Part, info: RunInfo) -> RunInfo:
    """The part's own description, from what all parts have in common."""
    return replace(info, workload=part.name, seed=part.seed, params=asdict(workload_params(part.workload)))


def target_of(spec: str) -> Target:
    """The target that a user wrote, not opened. Raises UsageError, TargetUnavailable."""
    try:
        return load_target(spec)
    except ValueError as error:
        raise UsageError(str(error)) from error


def levels_of(target: Target, asked: str | None) -> tuple[str, ...]:
    """The level that was asked for, or all that the target has, its own choice first. Raises UsageError."""
    if not target.levels:
        raise UsageError(f"target {target.name} offers no level; give its class the attribute `levels`")
    if asked is None:
        return tuple(target.levels)
    if asked not in target.levels:
        known = ", ".join(target.levels)
        raise UsageError(f"target {target.name} does not run at level {asked!r}; it knows: {known}")
    return (asked,)


def promised(target: Target, at: str) -> Level:
    """What the target promises where it runs at `at`. Raises UsageError where that is no level."""
    return _known(target.levels[at], f"target {target.name} promises at {at}: ")


def _known(name: str, place: str = "") -> Level:
    try:
        return level(name)
    except ValueError as error:
        raise UsageError(f"{place}{error}") from error


def run_info(request: SuiteRequest, target: Target, started: datetime) -> RunInfo:
    """What all parts of a suite have in common. Raises UsageError for what the target cannot do."""
    at = levels_of(target, request.level)[0]
    expected = promised(target, at) if request.expected is None else _known(request.expected)
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
        ("--timeout", f"{request.op_timeout_s:g}" if request.op_timeout_s != OP_TIMEOUT_S else None),
        ("-j", request.jobs if request.jobs > 1 else None),
        ("--shard", "{}/{}".format(*request.shard) if request.shard != (1, 1) else None),
    ]
    words = ("run", request.suite, "-t", request.target, *(["--fail-fast"] if request.fail_fast else []))
    return command_text(words, options)


def parts_of(request: SuiteRequest, target: Target) -> Iterator[Part]:
    """The cells of this shard: every workload that the target can run, with every seed."""
    asked = request.workloads or SUITES[request.suite].workloads
    cells = [Part(one, seed) for seed in request.seeds for one in asked]
    for cell in cells:
        workload_params(cell.workload)
        lacking = _lacking(cell, target)
        if lacking and request.workloads:
            raise UsageError(f"target {target.name} has no {', '.join(sorted(lacking))}, which {cell.name} needs")
    cells = [cell for cell in cells if not _lacking(cell, target)]
    return iter(cells[request.shard[0] - 1 :: request.shard[1]])


def left_out(request: SuiteRequest, target: Target) -> Iterator[tuple[str, str]]:
    """(workload, kinds, data models and disturbances) of the suite's workloads that the target cannot run."""
    if not request.workloads:
        for name in SUITES[request.suite].workloads:
            lacking = _lacking(Part(name, 0), target)
            if lacking:
                yield name, ", ".join(sorted(lacking))


def _lacking(part: Part, target: Target) -> set[str]:
    offered = target.capabilities
    return _NEEDS.get(part.name, set()) - offered.kinds - offered.models - offered.faults


def workload_params(asked: str) -> Params:
    """The parameters of a workload written name[:key=value,…]. Raises UsageError with what would be right."""
    name, _, options = asked.partition(":")
    if name not in WORKLOADS:
        raise UsageError(f"unknown workload {name!r}; known workloads: {', '.join(WORKLOADS)}")
    params = workload(name).defaults
    for option in filter(None, options.split(",")):
        key, equals, value = option.partition("=")
        if not equals or not hasattr(params, key):
            known = ", ".join(asdict(params))
            raise UsageError(f"workload {name} has no parameter {option!r}; write key=value with one of {known}")
        params = _changed(name, params, key, value)
    problem = params.problem()
    if problem:
        raise UsageError(f"workload {name}: {problem}")
    return params


def _changed(name: str, params: Params, key: str, value: str) -> Params:
    kind = type(getattr(params, key))
    try:
        return replace(params, **{key: kind(value)})
    except ValueError as error:
        wanted = {"int": "a whole number", "float": "a number"}.get(kind.__name__, "a text")
        raise UsageError(f"parameter {key} of workload {name} is {wanted}, not {value!r}") from error
