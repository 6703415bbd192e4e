"""`anomalist run contract`: the promises of sections A to P, tried on a target."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final

import anomalist
from anomalist.commands import command_text
from anomalist.contract import ContractTask, Kept, Results, chosen, run_scenarios
from anomalist.environment import environment_rows
from anomalist.exits import Exit, UsageError, combined, exit_of
from anomalist.plan import OP_TIMEOUT_S, target_of
from anomalist.repros import make_place, write_repros
from anomalist.verbs import counting, finished, stopping
from harness.contract import CheckOutcome, ContractRun, Scenario
from harness.rundir import create_suite_directory, save_suite
from harness.trouble import StoreError
from harness.verdict import SuiteRun
from workloads.contract import SECTIONS

__all__ = ["contract_verb", "exit_of_contract"]

# What a run of workloads takes and this does not, with what each is where it is not given.
_OF_WORKLOADS: Final[dict[str, Any]] = {
    "level": None,
    "workloads": (),
    "expect": None,
    "schedule": None,
    "seed": 0,
    "seeds": 1,
    "time_limit": None,
    "txns": None,
    "clients": None,
    "timeout": OP_TIMEOUT_S,
    "fail_fast": False,
}
_FLAGS: Final = {"level": "-i", "workloads": "-w", "time_limit": "--time-limit", "fail_fast": "--fail-fast"}


def contract_verb(*, as_json: bool, color: str, reports: Sequence[str], **options: Any) -> int:
    """`anomalist run contract`."""
    _refuse(options)
    running = _Running(options)
    stop = threading.Event()
    with stopping(stop), redirect_stdout(sys.stderr), counting(color, "checks") as told:
        results, kept = run_scenarios(running.task, stop, told, running.keep)
    suite_run = running.suite(results, kept, interrupted=stop.is_set())
    assert suite_run.contract is not None
    codes = [*map(exit_of, suite_run.runs), exit_of_contract(suite_run.contract)]
    code = finished(suite_run, running.directory, codes, reports=reports, as_json=as_json, color=color)
    if running.repros is not None:
        write_repros(suite_run.contract, running.repros)
    return code


class _Running:
    """A run of the suite: what was asked for, and what is made of the results at any time.

    Raises UsageError for what cannot be done, StoreError where nothing can be written.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._began, self._started = monotonic(), datetime.now(UTC)
        self._target = target_of(options["target"])
        scenarios, checks = chosen(options["checks"])
        number, shards = options["shard"]
        scenarios = scenarios[number - 1 :: shards]
        if not scenarios:
            raise UsageError(f"nothing is left to run in shard {number} of {shards}")
        self._command = _command(options)
        self.repros: Path | None = options["emit_repro"]
        if self.repros is not None:
            make_place(self.repros)
        self.directory = create_suite_directory("contract", 0, self._started, out=options["out"])
        self.task = ContractTask(
            spec=options["target"],
            scenarios=scenarios,
            runs=self.directory / "runs",
            checks=checks,
            jobs=options["jobs"],
            programs=self.repros is not None,
        )

    def keep(self, results: Results, kept: Kept) -> None:
        """Store what there is, so that a killed run can be reported on. What cannot be stored is said at the end."""
        with suppress(StoreError):
            save_suite(self.suite(results, kept, interrupted=True), self.directory)

    def suite(self, results: Results, kept: Kept, *, interrupted: bool) -> SuiteRun:
        """What a report is made from."""
        contract = ContractRun(
            target=self._target.name,
            version=self._target.version,
            settings=dict(self._target.settings),
            results=results,
            sections=SECTIONS,
            scenarios=_rows(self.task.scenarios),
            seconds=monotonic() - self._began,
            command=self._command,
            interrupted=interrupted,
        )
        return SuiteRun(
            suite="contract",
            command=self._command,
            started=self._started.isoformat(timespec="seconds"),
            seconds=contract.seconds,
            runs=tuple(
                replace(run, directory=Path(run.directory).relative_to(self.directory).as_posix()) for run in kept
            ),
            environment=environment_rows(),
            version=anomalist.__version__,
            contract=contract,
        )


def exit_of_contract(contract: ContractRun) -> Exit:
    """The code of the checks: a failed one is said before what the harness could not do."""
    codes = {
        CheckOutcome.PASS: Exit.VALID,
        CheckOutcome.SKIP: Exit.NOTHING,
        CheckOutcome.FAIL: Exit.ANOMALY,
        CheckOutcome.ERROR: Exit.TROUBLE,
    }
    found = {codes[result.outcome] for result in contract.results}
    if Exit.VALID in found:
        found.discard(Exit.NOTHING)
    return Exit.INTERRUPTED if contract.interrupted else combined(found)


def _refuse(options: Mapping[str, Any]) -> None:
    """Nothing is accepted and ignored."""
    for name, default in _OF_WORKLOADS.items():
        if options[name] != default:
            flag = _FLAGS.get(name, f"--{name}")
            raise UsageError(f"{flag} is of suites of workloads; the contract suite has a size of its own")


def _rows(scenarios: Iterable[Scenario]) -> dict[str, dict[str, str]]:
    return {
        one.id: {"title": one.title, "severity": one.severity, "impact": one.impact, "advice": one.advice}
        for one in scenarios
    }


def _command(options: Mapping[str, Any]) -> str:
    flags: list[tuple[str, object]] = [
        *(("--check", name) for name in options["checks"]),
        ("-j", options["jobs"] if options["jobs"] > 1 else None),
        ("--shard", "{}/{}".format(*options["shard"]) if options["shard"] != (1, 1) else None),
    ]
    return command_text(("run", "contract", "-t", options["target"]), flags)
