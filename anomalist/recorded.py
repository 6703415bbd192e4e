"""`check` and `report`: what earlier commands or other tools recorded, judged and shown again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import numpy as np

import anomalist
from anomalist.commands import text_of
from anomalist.environment import environment_rows
from anomalist.exits import UsageError
from anomalist.judging import NO_REAL_TIME, checkers_for, judge_history
from harness.contract_file import load_contract
from harness.events import HistoryFormatError
from harness.fold import LEFT_OUT
from harness.formats.detection import format_of_folder
from harness.history import History
from harness.history_file import OnRead
from harness.interchange import read_history
from harness.level import level
from harness.rundir import (
    RunEntry,
    create_run_directory,
    create_suite_directory,
    load_run,
    load_suite,
    run_directories,
    save_suite,
    write_atomically,
)
from harness.store import save_history, save_run_info
from harness.trouble import StoreError
from harness.verdict import Doubt, Findings, RunResult, SuiteRun, Verdict, judge

__all__ = [
    "CheckRequest",
    "Judged",
    "check",
    "is_foreign",
    "load_finished",
    "new_directory",
    "new_suite",
    "read_foreign",
    "save_verdicts",
    "stored_suite",
]

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
    append: str | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One history with its verdicts: its name for people, and the suite it belongs to, if it is one of ours."""

    name: str
    run: RunResult
    suite_directory: Path | None = None


def check(path: Path, request: CheckRequest, on_read: OnRead | None = None) -> Iterator[Judged]:
    """Judge a run directory's histories, or the one of a foreign file or folder. Raises UsageError, StoreError.

    `on_read` is told how much of a foreign file has been read.
    """
    if not path.exists():
        raise UsageError(f"{path} does not exist; name a history file or a run directory")
    if is_foreign(path, request.format):
        run = _judged(read_foreign(path, request, on_read), request, str(path))
        yield Judged(name=str(path), run=replace(run, directory=str(path)))
        return
    if not request.anomalies:
        _stored_verdicts(path)  # What a newer version wrote is not overwritten.
    for entry in load_suite(path).runs:
        name = str(path / entry.directory)
        run = _judged(load_run(path / entry.directory), request, name, entry.missing)
        yield Judged(name=name, run=_as_recorded(run, entry), suite_directory=path)


def _as_recorded(run: RunResult, entry: RunEntry) -> RunResult:
    return replace(
        run,
        directory=entry.directory,
        seconds=entry.seconds,
        trouble=entry.trouble,
        interrupted=entry.interrupted,
        stopped=entry.stopped,
    )


def is_foreign(path: Path, format: str = "auto") -> bool:  # noqa: A002 - the word of the command line.
    """Whether a path is a file or folder of other tools, and no run directory. Raises StoreError."""
    if not path.is_dir() or format != "auto":
        return True
    try:
        return not (path / "suite.json").exists() and not run_directories(path) and bool(format_of_folder(path))
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}; name a folder that you may read") from error


def read_foreign(path: Path, request: CheckRequest, on_read: OnRead | None = None) -> History:
    """The history of other tools in a file or folder. Raises UsageError."""
    try:
        workload = request.workloads[0] if len(request.workloads) == 1 else None
        history = read_history(path, format=request.format, workload=workload, on_read=on_read)
    except HistoryFormatError as error:
        # The reader knows the file's name only; the user gave a path.
        raise UsageError(f"{path}{str(error).removeprefix(path.name)}") from error
    except OSError as error:
        place = error.filename or path
        raise UsageError(f"cannot read {place}: {error.strerror}; name a file that you may read") from error
    return replace(history, info=replace(history.info, settings={"file": text_of(path), **history.info.settings}))


def _judged(history: History, request: CheckRequest, name: str, missing: str = "") -> RunResult:
    began = monotonic()
    if request.append is not None:
        history = replace(history, info=replace(history.info, append=request.append))
    own = history.info.expected or FOREIGN_EXPECTED
    try:
        expected = level(own if request.expected is None else request.expected)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not len(history):
        sentence = f"{name} holds no transaction: of what it holds, nothing was an operation of one"
        nothing = Findings(checker="none", doubts=(Doubt("empty", sentence),))
        return RunResult(history=history, verdicts=(judge(nothing, expected),))
    try:
        checkers = checkers_for(history, request.workloads)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
    verdicts = judge_history(
        history,
        expected,
        checkers=checkers,
        strict_evidence=request.min_evidence or not history.info.foreign,
        only=request.anomalies,
        budget_s=request.budget_s,
        missing=missing,
    )
    for note in _notes(history):
        verdicts = tuple(_noted(one, note) for one in verdicts)
    return RunResult(history=history, verdicts=verdicts, seconds=monotonic() - began)


def _notes(history: History) -> Iterator[str]:
    """What a verdict on a foreign file does not speak of."""
    if history.info.clock == "sessions":
        yield NO_REAL_TIME
    if left_out := history.info.settings.get(LEFT_OUT):
        yield f"operations of clients left out, being no transaction: {left_out}"


def _noted(verdict: Verdict, note: str) -> Verdict:
    told = verdict.sentence == note
    return verdict if told else replace(verdict, sentence=f"{verdict.sentence}; {note}")


def stored_suite(judged: Sequence[Judged], command: str, own: Path) -> SuiteRun:
    """What a report of the runs of the run directory `own` is made from. Raises StoreError."""
    record = load_suite(own)
    suite_run = _suite(judged, record.suite, record.command or command, record.started, record.seconds)
    return replace(suite_run, contract=load_contract(own))


def new_directory(out: Path) -> Path:
    """An empty run directory for foreign histories. Raises StoreError."""
    return create_suite_directory("check", 0, datetime.now(UTC), out=out)


def new_suite(judged: Sequence[Judged], command: str, directory: Path | None) -> SuiteRun:
    """A suite of histories from anywhere.

    If `directory` is given, their columns are stored there, so that they can be reported on and checked again.
    Raises StoreError.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    seconds = sum(one.run.seconds for one in judged)
    if directory is None:
        return _suite(judged, "check", command, started, seconds)
    placed = []
    for one in judged:
        place = create_run_directory(directory, one.run.info)
        save_run_info(one.run.info, place)
        save_history(one.run.history, place)
        placed.append(replace(one, run=replace(one.run, directory=place.relative_to(directory).as_posix())))
    suite_run = _suite(placed, "check", command, started, seconds)
    save_suite(suite_run, directory)
    return suite_run


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
    data = msgspec.json.encode(stored, enc_hook=_plain)
    write_atomically(directory / "verdicts.json", msgspec.json.format(data, indent=1) + b"\n")


def _plain(value: Any) -> Any:
    """What JSON has no form for: the order of a certificate as a list, keys and values as text."""
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


def _order(kind: Any, numbers: Any) -> Any:
    """The order of a certificate, back from its list."""
    return np.array(numbers, dtype=np.int64)


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
        run = (
            RunResult(history=history, verdicts=known)
            if known
            else _judged(history, CheckRequest(), str(path), entry.missing)
        )
        runs.append(_as_recorded(run, entry))
    suite_run = SuiteRun(
        suite=record.suite,
        command=record.command,
        started=record.started,
        seconds=record.seconds,
        runs=tuple(runs),
        environment=environment,
        version=record.version or anomalist.__version__,
        contract=load_contract(path),
    )
    return suite_run, path


class _Version(msgspec.Struct):
    """The one field that every version of verdicts.json has."""

    format_version: int = VERDICTS_VERSION


def _stored_verdicts(path: Path) -> dict[str, tuple[Verdict, ...]]:
    """What verdicts.json holds, nothing where it is missing or damaged. Raises UsageError for a newer version."""
    try:
        data = (path / "verdicts.json").read_bytes()
        found = msgspec.json.decode(data, type=_Version).format_version
        if found > VERDICTS_VERSION:
            raise UsageError(
                f"{path / 'verdicts.json'} was written by a newer Anomalist (format {found}); upgrade it"
            )
        return msgspec.json.decode(data, type=_StoredVerdicts, dec_hook=_order).runs
    except (OSError, ValueError, TypeError, OverflowError, msgspec.DecodeError, msgspec.ValidationError):
        return {}
