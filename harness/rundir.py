"""The directory that a suite leaves behind, and each run's own directory in it.

    anomalist-runs/<time>-<suite>-<seed>/   suite.json  verdicts.json  contract.json  report.html
        runs/<target>-<level>-<workload>-<seed>/   run.json  events.log  history/

Names come from users and databases: they are made safe for file systems, and paths read back from a file are
believed only where they stay inside.
"""

from __future__ import annotations

import contextlib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import xxhash

from harness.contract_file import save_contract
from harness.history import History, RunInfo
from harness.recorder import read_history
from harness.store import load_history, load_run_info, read_versioned, sealed, write_atomically
from harness.trouble import StoreError
from harness.verdict import RunResult, SuiteRun

__all__ = [
    "RunEntry",
    "SuiteRecord",
    "create_run_directory",
    "create_suite_directory",
    "load_run",
    "load_suite",
    "run_directories",
    "safe_name",
    "save_suite",
    "write_atomically",
]

SUITE_VERSION: Final = 1
_NAME_LENGTH_MAX: Final = 60
_KILLED: Final = "the suite was killed before it ended, and what had not begun is missing"
_REMEDY: Final = "name a run directory, or run it again"


class RunEntry(msgspec.Struct, frozen=True):
    """One run of a suite: `directory` relative to the suite's, wall time, what went wrong in a sentence.

    `stopped` says why it ended early although nothing was wrong.
    `missing` says of a killed suite that there is more than its runs show; a finished one never has it.
    """

    directory: str
    seconds: float = 0.0
    trouble: str = ""
    interrupted: bool = False
    missing: str = ""
    stopped: str = ""


class SuiteRecord(msgspec.Struct, frozen=True):
    """What suite.json holds; the runs' histories and verdicts are in other files."""

    suite: str
    command: str = ""
    started: str = ""
    version: str = ""
    seconds: float = 0.0
    environment: tuple[tuple[str, str], ...] = ()
    runs: tuple[RunEntry, ...] = ()
    format_version: int = SUITE_VERSION


def create_suite_directory(
    suite: str, seed: int, started: datetime, *, out: Path | None = None, root: Path = Path("anomalist-runs")
) -> Path:
    """A new directory in `root` with a `latest` link to it, or `out` itself, which must be empty or not exist.

    Raises StoreError where that is impossible.
    """
    if out is None:
        name = f"{started:%Y%m%dT%H%M%S}-{safe_name(suite)}-{seed}"
        directory = _new_directory(root, name)
        _link_latest(root, directory.name)
    else:
        directory = out
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if any(directory.iterdir()):
                raise StoreError(f"{directory} is not empty; name a new or an empty directory with --out")
        except OSError as error:
            raise _unusable(directory, error) from error
    try:
        (directory / "runs").mkdir()
    except OSError as error:
        raise _unusable(directory, error) from error
    return directory


def create_run_directory(suite_directory: Path, info: RunInfo) -> Path:
    """A new directory for one run; a second run of the same name gets a number. Raises StoreError."""
    parts = (info.target, info.level, info.workload, str(info.seed))
    name = "-".join(safe_name(part) for part in parts if part)
    return _new_directory(suite_directory / "runs", name or "run")


def save_suite(suite: SuiteRun, directory: Path) -> None:
    """Write suite.json, and contract.json where the contract suite ran. Raises StoreError."""
    record = SuiteRecord(
        suite=suite.suite,
        command=suite.command,
        started=suite.started,
        version=suite.version,
        seconds=suite.seconds,
        environment=suite.environment,
        runs=tuple(_entry(run) for run in suite.runs),
    )
    data = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    try:
        if suite.contract is not None:
            save_contract(suite.contract, directory)
        write_atomically(directory / "suite.json", data)
    except OSError as error:
        raise _unusable(directory, error) from error


def load_suite(directory: Path) -> SuiteRecord:
    """What is known of the suite in `directory`.

    A killed suite has no suite.json: then its runs tell what they know, and each says that others may be missing.
    A directory of a single run is a suite of one. Raises StoreError where there is no run at all.
    """
    path = directory / "suite.json"
    if path.exists():
        record = read_versioned(path, SuiteRecord, SUITE_VERSION, _REMEDY)
        for entry in record.runs:
            _believe(entry.directory, path)
        return record
    found = run_directories(directory)
    if not found:
        raise StoreError(f"{directory} holds no run; {_REMEDY}")
    info = load_run_info(found[0])
    entries = (
        RunEntry(
            directory=one.relative_to(directory).as_posix(),
            missing="" if one == directory else _KILLED,
        )
        for one in found
    )
    return SuiteRecord(suite=info.suite, command=info.command, started=info.started, runs=tuple(entries))


def run_directories(directory: Path) -> tuple[Path, ...]:
    """The directories of all runs in a suite's directory, by name; of a run's own directory, itself."""
    if (directory / "run.json").exists():
        return (directory,)
    try:
        return tuple(sorted(one.parent for one in directory.glob("runs/*/run.json")))
    except OSError as error:
        raise StoreError(f"cannot read {directory}: {error.strerror}; {_REMEDY}") from error


def load_run(directory: Path) -> History:
    """The history of one run: the sealed one, or what a killed run's log still tells. Raises StoreError."""
    if sealed(directory):
        return load_history(directory)
    if (directory / "history").exists() and not (directory / "events.log").exists():
        raise StoreError(f"{directory / 'history'} lacks its format.json and there is no events.log; {_REMEDY}")
    info = load_run_info(directory) if (directory / "run.json").exists() else None
    return read_history(directory / "events.log", info)


def safe_name(name: str) -> str:
    """`name` as one part of a path: `mypkg.mod:Class` becomes `mypkg.mod_Class`, and nothing leads elsewhere."""
    safe = re.sub(r"[^A-Za-z0-9._+=@-]+", "_", name).lstrip(".") or "_"
    if len(safe) <= _NAME_LENGTH_MAX:
        return safe
    # Long names are told apart by their end, which is cut off.
    digest = xxhash.xxh3_64_hexdigest(name.encode("utf-8", "surrogatepass"))
    return f"{safe[: _NAME_LENGTH_MAX - 9]}_{digest[:8]}"


def _new_directory(parent: Path, name: str) -> Path:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            directory = parent / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                directory.mkdir()
                return directory
            number += 1
    except OSError as error:
        raise _unusable(parent / name, error) from error


def _link_latest(root: Path, name: str) -> None:
    """Point `latest` at the newest suite. It is a convenience: without links, or where a file has that name, none."""
    latest = root / "latest"
    if latest.exists() and not latest.is_symlink():
        return
    temporary = root / f".latest-{os.getpid()}-{name}"
    with contextlib.suppress(OSError):
        temporary.symlink_to(name)
        temporary.replace(latest)


def _entry(run: RunResult) -> RunEntry:
    return RunEntry(run.directory, run.seconds, run.trouble, run.interrupted, stopped=run.stopped)


def _believe(name: str, source: Path) -> None:
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts or "\0" in name or len(parts) > 2:
        raise StoreError(f"{source} names a run outside of its directory ({name!a}); {_REMEDY}")


def _unusable(directory: Path, error: OSError) -> StoreError:
    return StoreError(f"cannot use {directory}: {error.strerror}; name a writable directory with --out")
