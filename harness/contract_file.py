"""contract.json: what became of the contract suite's checks, as it lies in a run directory.

Written whole or not at all; a file of another version, or one that is not what was written, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from harness.contract import CheckOutcome, CheckResult, ContractRun
from harness.store import read_versioned, write_atomically

__all__ = ["CONTRACT_FILE", "CONTRACT_VERSION", "load_contract", "save_contract"]

CONTRACT_FILE: Final = "contract.json"
CONTRACT_VERSION: Final = 1
_REMEDY: Final = "run the contract suite again"


class _Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A CheckResult; the outcome is a word."""

    id: str
    title: str
    scenario: str
    severity: Literal["critical", "high", "medium"]
    outcome: Literal["pass", "skip", "fail", "error"]
    detail: str
    failed: int
    tries: int
    seconds: float
    ours: bool
    transcript: tuple[str, ...]
    repro: str


class _Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of ContractRun.scenarios."""

    id: str
    title: str
    severity: Literal["critical", "high", "medium"]
    impact: str
    advice: str


class _Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ContractRun. Sections and scenarios are lists: their order is the catalogue's."""

    target: str
    version: str
    settings: dict[str, str]
    results: tuple[_Result, ...]
    sections: tuple[tuple[str, str], ...]
    scenarios: tuple[_Scenario, ...]
    seconds: float
    command: str
    interrupted: bool
    format_version: int = CONTRACT_VERSION


def save_contract(run: ContractRun, directory: Path) -> None:
    """Write contract.json into `directory`, in place of an older one. Raises OSError."""
    stored = {
        "format_version": CONTRACT_VERSION,
        "target": run.target,
        "version": run.version,
        "settings": run.settings,
        "command": run.command,
        "seconds": run.seconds,
        "interrupted": run.interrupted,
        "sections": list(run.sections.items()),
        "scenarios": [dict(row) | {"id": name} for name, row in run.scenarios.items()],
        "results": [result._asdict() | {"outcome": result.outcome.name.lower()} for result in run.results],
    }
    data = msgspec.json.encode(_writable(stored))
    write_atomically(directory / CONTRACT_FILE, msgspec.json.format(data, indent=1) + b"\n")


def load_contract(directory: Path) -> ContractRun | None:
    """The contract run that `directory` holds, None where there is none. Raises StoreError for a bad file."""
    path = directory / CONTRACT_FILE
    if not path.exists():
        return None
    found = read_versioned(path, _Run, CONTRACT_VERSION, _REMEDY)
    return ContractRun(
        target=found.target,
        version=found.version,
        settings=found.settings,
        results=tuple(_result(one) for one in found.results),
        sections=dict(found.sections),
        scenarios={row.id: _row(row) for row in found.scenarios},
        seconds=found.seconds,
        command=found.command,
        interrupted=found.interrupted,
    )


def _row(stored: _Scenario) -> dict[str, str]:
    return {name: value for name, value in msgspec.structs.asdict(stored).items() if name != "id"}


def _result(stored: _Result) -> CheckResult:
    fields = msgspec.structs.asdict(stored)
    return CheckResult(**fields | {"outcome": CheckOutcome[stored.outcome.upper()]})


def _writable(value: Any) -> Any:
    """Half a surrogate pair, which a database's error may hold, is no text that a file can: it is escaped."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_writable(name): _writable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(one) for one in value]
    return value
