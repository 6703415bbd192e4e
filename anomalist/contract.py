"""The contract suite on a target: every scenario in a process that may crash or hang without taking the run along.

parent ──scenario──▶ worker ──a CheckResult each──▶ parent        a check that is not told within its time limit,
                                                                   or whose worker dies, has failed; a new worker
                                                                   goes on with the next scenario
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from time import monotonic
from typing import Any, Final

from anomalist.exits import UsageError
from anomalist.scenarios import pending, perform_scenario, unreached
from harness.contract import CheckOutcome, CheckResult, Scenario
from harness.rundir import load_run
from harness.trouble import described
from harness.verdict import RunResult, Verdict
from workloads.contract import SCENARIOS

__all__ = ["ContractTask", "Kept", "Results", "chosen", "run_scenarios"]

_POLL_S: Final = 0.2
_START_S: Final = 60.0
_END_S: Final = 60.0  # for what comes after the last check
_ALIVE: Final = "alive"
_ALIVE_S: Final = 1.0  # how often that is told at the most
_SLOW: Final = 10  # times its time limit a check may take while the database answers

Told = Callable[[int, int], None]  # (checks so far, checks in all)
Results = tuple[CheckResult, ...]
Kept = tuple[RunResult, ...]


@dataclass(frozen=True, kw_only=True)
class ContractTask:
    """Which scenarios on which target; recorded histories that count against it are kept in `runs`.

    `checks` are the ids that are told, all if empty: a scenario is performed whole. `programs` asks for what shows a
    failure without Anomalist.
    """

    spec: str
    scenarios: tuple[Scenario, ...]
    runs: Path
    checks: frozenset[str] = frozenset()
    jobs: int = 1
    programs: bool = False


@dataclass
class _Found:
    """What is known so far; several threads add to it."""

    results: dict[str, CheckResult] = field(default_factory=dict)
    kept: list[RunResult] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def so_far(self, wanted: Sequence[str]) -> tuple[Results, Kept]:
        """The results of the checks wanted, in their order, and the histories by their directories."""
        results = tuple(self.results[one] for one in wanted if one in self.results)
        return results, tuple(sorted(self.kept, key=lambda run: run.directory))


def chosen(asked: Sequence[str]) -> tuple[tuple[Scenario, ...], frozenset[str]]:
    """The scenarios and the check ids that are meant by sections (A), scenarios (A1) and checks (A1.2).

    Nothing asked for means all. Raises UsageError for what there is not.
    """
    if not asked:
        return SCENARIOS, frozenset()
    ids: list[str] = []
    for name in asked:
        found = [
            check.id
            for scenario in SCENARIOS
            for check in scenario.checks
            if name in (scenario.section, scenario.id, check.id)
        ]
        if not found:
            raise UsageError(f"there is no check {name!r}; `anomalist list checks` names them all")
        ids += found
    wanted = frozenset(ids)
    scenarios = tuple(one for one in SCENARIOS if any(check.id in wanted for check in one.checks))
    return scenarios, wanted


def run_scenarios(
    task: ContractTask,
    stop: threading.Event,
    told: Told | None = None,
    keep: Callable[[Results, Kept], None] = lambda results, kept: None,
) -> tuple[Results, Kept]:
    """All results in the order of the catalogue, as far as it came before `stop`, and the histories kept.

    `keep` is called with those that there are after each scenario.
    """
    found = _Found()
    order = [check.id for scenario in task.scenarios for check in scenario.checks]
    wanted = [one for one in order if not task.checks or one in task.checks]
    left: queue.SimpleQueue[Scenario] = queue.SimpleQueue()
    for scenario in task.scenarios:
        left.put(scenario)

    def tell(result: CheckResult) -> None:
        found.results[result.id] = result
        if told is not None and (not task.checks or result.id in task.checks):
            told(sum(one in found.results for one in wanted), len(wanted))

    def after_scenario() -> None:
        with found.lock:
            keep(*found.so_far(wanted))

    with ThreadPoolExecutor(task.jobs) as pool:
        crew = [pool.submit(_work_off, task, left, stop, tell, found.kept, after_scenario) for _ in range(task.jobs)]
        for one in crew:
            one.result()
    return found.so_far(wanted)


def _work_off(
    task: ContractTask,
    left: queue.SimpleQueue[Scenario],
    stop: threading.Event,
    tell: Callable[[CheckResult], None],
    kept: list[RunResult],
    after_scenario: Callable[[], None],
) -> None:
    """Scenarios one after another, by one worker after another."""
    worker: _Worker | None = None
    try:
        for scenario in _drained(left):
            if stop.is_set():
                return
            worker = worker or _Worker(task)
            if not worker.perform(scenario, stop, tell, kept):
                worker.end()
                worker = None
            after_scenario()
    finally:
        if worker is not None:
            worker.end()


def _drained(left: queue.SimpleQueue[Scenario]) -> Iterator[Scenario]:
    while True:
        try:
            yield left.get_nowait()
        except queue.Empty:
            return


class _Worker:
    """The parent's end of a process that performs scenarios."""

    def __init__(self, task: ContractTask) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_serve, args=(theirs, task.spec, task.runs, task.programs), name="contract"
        )
        self._process.start()
        theirs.close()
        self._ready = False

    def perform(
        self,
        scenario: Scenario,
        stop: threading.Event,
        tell: Callable[[CheckResult], None],
        kept: list[RunResult],
    ) -> bool:
        """Have it performed; whether the process can be given another one."""
        known: set[str] = set()
        if not self._is_ready(stop):
            if not stop.is_set():
                # The database is not loaded yet: whatever it is, it is not the database's.
                sentence = "this is a mistake of Anomalist's own: the process for the scenario did not start"
                self._conclude(scenario, known, CheckOutcome.ERROR, sentence, tell)
            return False
        try:
            self._connection.send(scenario.id)
            since = monotonic()
            while (message := self._next(self._limit_s(scenario, known), stop)) is not None:
                if isinstance(message, CheckResult):
                    known.add(message.id)
                    tell(message)
                    since = monotonic()
                elif isinstance(message, _Error):
                    self._conclude(scenario, known, CheckOutcome.ERROR, message.sentence, tell)
                    return False
                elif isinstance(message, list):
                    kept += [_loaded(directory, verdicts) for directory, verdicts in message]
                    return True
                elif monotonic() - since > _SLOW * scenario.time_limit_s:
                    break  # The database answers, and the check comes to no end.
        except (EOFError, OSError):
            self._conclude(scenario, known, CheckOutcome.FAIL, self._death(), tell)
            return False
        if not stop.is_set():
            limit_s = scenario.time_limit_s
            hung = f"no answer within {limit_s:g} s, or no end within {_SLOW * limit_s:g} s"
            self._conclude(scenario, known, CheckOutcome.FAIL, hung, tell)
        return False

    def _is_ready(self, stop: threading.Event) -> bool:
        if not self._ready:
            try:
                self._ready = self._next(_START_S, stop) is not None
            except (EOFError, OSError):
                return False
        return self._ready

    def _limit_s(self, scenario: Scenario, known: set[str]) -> float:
        return scenario.time_limit_s if pending(scenario, known) else _END_S

    def _next(self, limit_s: float, stop: threading.Event) -> Any:
        """The next message; None where none came in time, or the run is to stop."""
        left_s = limit_s
        while left_s > 0 and not stop.is_set():
            if self._connection.poll(min(_POLL_S, left_s)):
                return self._connection.recv()
            left_s -= _POLL_S
        return None

    def _conclude(
        self,
        scenario: Scenario,
        known: set[str],
        outcome: CheckOutcome,
        sentence: str,
        tell: Callable[[CheckResult], None],
    ) -> None:
        """The check at hand has this outcome, and those after it are not reached."""
        waiting = pending(scenario, known)
        if not waiting:
            return  # It happened while the database was put away.
        tell(unreached(scenario, waiting[0], "")._replace(outcome=outcome, detail=sentence, failed=1))
        for check in waiting[1:]:
            tell(unreached(scenario, check, waiting[0].id))

    def _death(self) -> str:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return f"the process that the database ran in {how}"

    def end(self) -> None:
        """Whatever it is doing."""
        self._process.kill()
        self._process.join()
        self._connection.close()


class _Line:
    """The worker's end of the connection, for all its threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._told_s = 0.0

    def tell(self, message: object) -> None:
        with self._lock:
            self._connection.send(message)

    def alive(self) -> None:
        now = monotonic()
        if now - self._told_s > _ALIVE_S:
            self._told_s = now
            self.tell(_ALIVE)


class _Error:
    """What kept the worker from performing a scenario at all."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


def _loaded(directory: str, verdicts: tuple[Verdict, ...]) -> RunResult:
    return RunResult(history=load_run(Path(directory)), verdicts=verdicts, directory=directory)


def _serve(connection: Connection, spec: str, runs: Path, programs: bool) -> None:
    """The body of the process: scenarios as they are asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent decides what Ctrl-C means.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # What native code prints must not get into the result.
    sys.path.append(os.getcwd())
    line = _Line(connection)
    by_id = {scenario.id: scenario for scenario in SCENARIOS}
    connection.send(True)
    while True:
        try:
            scenario = by_id[connection.recv()]
        except EOFError:
            return
        with tempfile.TemporaryDirectory(prefix="anomalist-contract-", ignore_cleanup_errors=True) as directory:
            try:
                place = Path(directory) / scenario.id
                kept = perform_scenario(scenario, spec, place, runs, line.tell, line.alive, programs)
            except Exception as error:  # noqa: BLE001  Nothing of a scenario's may end the run.
                connection.send(_Error(f"this is a mistake of Anomalist's own: {described(error)}"))
                return
        connection.send([(run.directory, run.verdicts) for run in kept])
