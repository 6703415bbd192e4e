"""`check` and `report`: what earlier commands or other tools recorded, judged and shown again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import msgspec

import anomalist
from anomalist.environment import environment_rows
from anomalist.exits import UsageError
from anomalist.judging import checkers_for, judge_history
from harness.events import HistoryFormatError
from harness.history import History
from harness.interchange import read_history
from harness.level import level
from harness.rundir import (
    create_run_directory,
    create_suite_directory,
    load_run,
    load_suite,
    save_suite,
    write_atomically,
)
from harness.store import save_history, save_run_info
from harness.verdict import RunResult, SuiteRun, Verdict

__all__ = ["CheckRequest", "Judged", "check", "load_finished", "save_verdicts", "stored_suite"]

VERDICTS_VERSION = 1
FOREIGN_EXPECTED = "strict-serializable"


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """How to judge. None and empty stand for what each history says of itself."""

    format: str = "auto"
    workloads: tuple[str, ...] = ()
    expected: str | None = None
    anomalies: tuple[str, ...] = ()
    budget_s: float | None = None
    min_evidence: bool = False


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One history with its verdicts: its name for people, and the suite it belongs to, if it is one of ours."""

    name: str
    run: RunResult
    suite_directory: Path | None = None


def check(path: Path, request: CheckRequest) -> Iterator[Judged]:
    """Judge a run directory's histories, or a foreign file's one. Raises UsageError, StoreError."""
    if not path.exists():
        raise UsageError(f"{path} does not exist; name a history file or a run directory")
    if not path.is_dir():
        yield Judged(name=str(path), run=_judged(_foreign(path, request), request))
        return
    suite = load_suite(path)
    for entry in suite.runs:
        run = _judged(load_run(path / entry.directory), request)
        run = replace(
            run,
            directory=entry.directory,
            seconds=entry.seconds,
            trouble=entry.trouble,
            interrupted=entry.interrupted,
        )
        yield Judged(name=str(path / entry.directory), run=run, suite_directory=path)


def _foreign(path: Path, request: CheckRequest) -> History:
    try:
        workload = request.workloads[0] if len(request.workloads) == 1 else None
        return read_history(path, format=request.format, workload=workload)
    except HistoryFormatError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; name a file that you may read") from error


def _judged(history: History, request: CheckRequest) -> RunResult:
    began = monotonic()
    expected = request.expected or ("" if history.info.foreign else history.info.expected) or FOREIGN_EXPECTED
    try:
        held_to = level(expected)
    except ValueError as error:
        raise UsageError(str(error)) from error
    verdicts = judge_history(
        history,
        held_to,
        checkers=checkers_for(history, request.workloads) if len(history) else (),
        strict_evidence=request.min_evidence or not history.info.foreign,
        only=request.anomalies,
        budget_s=request.budget_s,
    )
    return RunResult(history=history, verdicts=verdicts, seconds=monotonic() - began)


def stored_suite(judged: Sequence[Judged], command: str, out: Path | None) -> tuple[SuiteRun, Path | None]:
    """The suite that a report of these histories is made from, and its directory.

    Of one run directory that is the directory itself. Foreign histories get a directory of their own if `out` is
    given, with their columns, so that they can be reported on and checked again. Raises StoreError.
    """
    directories = {one.suite_directory for one in judged}
    own = next(iter(directories)) if len(directories) == 1 else None
    if own is not None and out is None:
        record = load_suite(own)
        return _suite(judged, record.suite, record.command or command, record.started, record.seconds), own
    started = datetime.now(UTC)
    seconds = sum(one.run.seconds for one in judged)
    if out is None:
        return _suite(judged, "check", command, started.isoformat(timespec="seconds"), seconds), None
    directory = create_suite_directory("check", 0, started, out=out)
    placed = []
    for one in judged:
        place = create_run_directory(directory, one.run.info)
        save_run_info(one.run.info, place)
        save_history(one.run.history, place)
        placed.append(replace(one, run=replace(one.run, directory=place.relative_to(directory).as_posix())))
    suite_run = _suite(placed, "check", command, started.isoformat(timespec="seconds"), seconds)
    save_suite(suite_run, directory)
    return suite_run, directory


def _suite(judged: Sequence[Judged], suite: str, command: str, started: str, seconds: float) -> SuiteRun:
    return SuiteRun(
        suite=suite,
        command=command,
        started=started,
        seconds=seconds,
        runs=tuple(one.run for one in judged),
        environment=environment_rows(),
        version=anomalist.__version__,
    )


class _StoredVerdicts(msgspec.Struct, frozen=True):
    """verdicts.json: per run directory the verdicts of its checkers, as `harness.verdict` has them."""

    runs: dict[str, tuple[Verdict, ...]]
    format_version: int = VERDICTS_VERSION


def save_verdicts(suite_run: SuiteRun, directory: Path) -> None:
    """Write verdicts.json, whole or not at all. Raises OSError."""
    stored = _StoredVerdicts(runs={run.directory: run.verdicts for run in suite_run.runs})
    data = msgspec.json.encode(stored, enc_hook=str)
    write_atomically(directory / "verdicts.json", msgspec.json.format(data, indent=1) + b"\n")


def load_finished(path: Path) -> tuple[SuiteRun, Path]:
    """A finished suite with its verdicts; a run that lacks them is judged now. Raises UsageError, StoreError."""
    if not path.is_dir():
        raise UsageError(f"{path} is not a run directory; make one of a history file with check --out DIR")
    verdicts = _stored_verdicts(path)
    record = load_suite(path)
    environment = record.environment or environment_rows()
    runs = []
    for entry in record.runs:
        history = load_run(path / entry.directory)
        known = verdicts.get(entry.directory)
        run = RunResult(history=history, verdicts=known) if known else _judged(history, CheckRequest())
        runs.append(
            replace(
                run,
                directory=entry.directory,
                seconds=entry.seconds,
                trouble=entry.trouble,
                interrupted=entry.interrupted,
            )
        )
    suite_run = SuiteRun(
        suite=record.suite,
        command=record.command,
        started=record.started,
        seconds=record.seconds,
        runs=tuple(runs),
        environment=environment,
        version=record.version or anomalist.__version__,
    )
    return suite_run, path


def _stored_verdicts(path: Path) -> dict[str, tuple[Verdict, ...]]:
    try:
        stored = msgspec.json.decode((path / "verdicts.json").read_bytes(), type=_StoredVerdicts)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return {}
    if stored.format_version > VERDICTS_VERSION:
        raise UsageError(
            f"{path / 'verdicts.json'} was written by a newer Anomalist (format {stored.format_version}); upgrade it"
        )
    return stored.runs
