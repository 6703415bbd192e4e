"""The instruments of `selftest`: each tries a mutant, or the engine itself, and says what it found.

workload   a stock workload at serializable, more transactions each time, then other seeds
schedule   a fixed interleaving: does what commits have a strict serial order?
refusal    a fixed interleaving: is somebody refused whom the engine does not refuse?
contract   a promise of the surface
check      a check of the contract suite, or all those of a scenario
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from anomalist.contract import chosen
from anomalist.exits import UsageError
from anomalist.performing import perform
from anomalist.plan import SuiteRequest, info_of, parts_of, run_info, target_of, task_of
from anomalist.scenarios import perform_scenario
from engine import Database
from engine.mutants import MUTANTS
from engine.proof.contract import find_mismatch
from engine.proof.crashes.crash import find_crash
from engine.proof.schedule import committed, is_strictly_serializable, refused, run
from engine.proof.threads.races import SCENARIOS, find_race
from harness.contract import CheckOutcome, CheckResult
from harness.kills import Attempt
from harness.verdict import Anomaly, RunResult

__all__ = ["CLEAN_TXNS", "INSTRUMENTS", "Job", "attempt"]

CLEAN_TXNS: Final = 1_000
_LADDER: Final = ((250, 0), (1_000, 0), (4_000, 0), (4_000, 1), (4_000, 2))  # transactions, and what the seed gains
_ORDERS_MAX: Final = 600  # of threads
_STATES_MAX: Final = 8_000  # after crashes, in which every mutant has to be found
_ORDERS_MAX_QUICK: Final = 100
_STATES_MAX_QUICK: Final = 1_000
NO_ORDER: Final = "no strict serial order"


class Job(NamedTuple):
    """One attempt to be made. `mutant` is empty for the engine itself; `what` are the anomalies looked for."""

    mutant: str
    instrument: str
    where: str
    what: tuple[str, ...] = ()
    initial: str = ""
    seed: int = 0
    patient: bool = True  # as much is tried as the instrument has


def attempt(job: Job) -> Attempt:
    """Make one attempt. Raises UsageError for an instrument that there is not."""
    if job.instrument not in INSTRUMENTS:
        raise UsageError(f"there is no instrument {job.instrument!r}; known: {', '.join(INSTRUMENTS)}")
    return INSTRUMENTS[job.instrument](job)


def _database(job: Job) -> type[Database]:
    return MUTANTS[job.mutant].database if job.mutant else Database


def _spec(job: Job) -> str:
    return f"reference:mutant={job.mutant}" if job.mutant else "reference"


def _workload(job: Job) -> Attempt:
    ladder: Sequence[tuple[int, int]] = _LADDER if job.patient else _LADDER[:3]
    if not job.mutant:
        ladder = ((CLEAN_TXNS, 0),)
    made = Attempt(mutant=job.mutant, instrument="workload", where=job.where)
    for txns, further in ladder:
        made = _run_of(job, txns, job.seed + further)
        if made.found and (not job.what or set(job.what) & set(made.found)):
            return made
    return made


def _run_of(job: Job, txns: int, seed: int) -> Attempt:
    target = _spec(job)
    request = SuiteRequest(
        suite="quick", target=target, workloads=(job.where,), schedule="steps", seeds=(seed,), txns=txns
    )
    with tempfile.TemporaryDirectory(prefix="anomalist-selftest-") as directory:
        loaded = target_of(target)
        info = run_info(request, loaded, datetime.now(UTC))
        (part,) = parts_of(request, loaded)
        task = task_of(request, part, info_of(part, info), Path(directory))
        result = perform(task, threading.Event(), None)
    accusing = list(_accusing(result))
    named = next(((checker, one) for checker, one in accusing if one.name in job.what), None)
    checker, anomaly = named or next(iter(accusing), ("", None))
    return Attempt(
        mutant=job.mutant,
        instrument="workload",
        where=job.where,
        checker=checker,
        found=tuple(dict.fromkeys(one.name for _, one in accusing)) or _trouble(result),
        amount=txns,
        witness=anomaly.witness if anomaly else "",
        sentence=anomaly.sentence if anomaly else result.trouble,
        command=info.command,
    )


def _accusing(result: RunResult) -> Iterator[tuple[str, Anomaly]]:
    """The anomalies that refute what the level promises, with the checker that found each."""
    for verdict in result.verdicts:
        found = verdict.findings
        yield from ((found.checker, one) for one in found.anomalies if not verdict.allowed(one))


def _trouble(result: RunResult) -> tuple[str, ...]:
    return ("trouble",) if result.trouble else ()


def _schedule(job: Job) -> Attempt:
    ran = run(job.where, job.initial, database_class=_database(job))
    explained = is_strictly_serializable(committed(ran), job.initial)
    names = ", ".join(f"T{one.name}" for one in committed(ran) if one.name != "9")
    return Attempt(
        mutant=job.mutant,
        instrument="schedule",
        where=job.where,
        checker="brute force",
        found=() if explained else (NO_ORDER,),
        amount=len(ran) - 1,
        witness=job.where,
        sentence="" if explained else f"{names} committed, and no strict serial order explains what they saw",
    )


def _refusal(job: Job) -> Attempt:
    ours, theirs = (refused(run(job.where, job.initial, database_class=one)) for one in (Database, _database(job)))
    more = [f"T{name}" for name in theirs if name not in ours]
    return Attempt(
        mutant=job.mutant,
        instrument="refusal",
        where=job.where,
        checker="comparison",
        found=("unneeded refusal",) if more else (),
        amount=len({token[1] for token in job.where.split()}),
        witness=job.where,
        sentence=f"{', '.join(more)} refused, which the engine lets commit" if more else "",
    )


def _race(job: Job) -> Attempt:
    orders_max = _ORDERS_MAX if job.patient else _ORDERS_MAX_QUICK
    race = find_race(_database(job), SCENARIOS[job.where], orders_max)
    return Attempt(
        mutant=job.mutant,
        instrument="race",
        where=job.where,
        checker="scenario",
        found=("race",) if race else (),
        amount=race.orders if race else orders_max,
        unit="orders",
        witness=race.witness if race else "",
        sentence=race.sentence if race else "",
    )


def _crash(job: Job) -> Attempt:
    states_max = _STATES_MAX if job.patient else _STATES_MAX_QUICK
    loss = find_crash(_database(job), states_max)
    found = ""
    if loss is not None:
        as_named = loss.crash.startswith(tuple(job.where.split(" or ")))
        found = loss.kind if as_named else f"{loss.kind} by {loss.crash}"
    return Attempt(
        mutant=job.mutant,
        instrument="crash",
        where=job.where,
        checker="crash simulator",
        found=(found,) if found else (),
        amount=loss.states if loss else states_max,
        unit="states",
        witness=f"run {loss.seed}, step {loss.step}, {loss.name}" if loss else "",
        sentence=loss.sentence if loss else "",
    )


def _contract(job: Job) -> Attempt:
    mismatch = find_mismatch(_database(job), job.where)
    return Attempt(
        mutant=job.mutant,
        instrument="contract",
        where=job.where,
        checker="contract",
        found=("mismatch",) if mismatch else (),
        amount=1,
        unit="checks",
        witness=job.where,
        sentence=mismatch or "",
    )


def _check(job: Job) -> Attempt:
    """`where` is a check or a scenario; found are the checks of that name that did not hold.

    A check that our own mistake ended tells nothing of a mutant; said of the engine itself, it is an accusation.
    """
    (scenario,), asked = chosen([job.where])
    results: list[CheckResult] = []
    with tempfile.TemporaryDirectory(prefix="anomalist-selftest-") as directory:
        perform_scenario(scenario, _spec(job), Path(directory) / "place", Path(directory) / "runs", results.append)
    telling = {CheckOutcome.FAIL} if job.mutant else {CheckOutcome.FAIL, CheckOutcome.ERROR}
    wrong = [one for one in results if one.id in asked and one.outcome in telling]
    return Attempt(
        mutant=job.mutant,
        instrument="check",
        where=job.where,
        checker="contract suite",
        found=tuple(one.id for one in wrong),
        amount=len(results),
        unit="checks",
        witness=job.where,
        sentence=wrong[0].detail if wrong else "",
        command=f"anomalist run contract -t {_spec(job)} --check {job.where}",
    )


INSTRUMENTS: Final[dict[str, Callable[[Job], Attempt]]] = {
    "workload": _workload,
    "schedule": _schedule,
    "refusal": _refusal,
    "race": _race,
    "crash": _crash,
    "contract": _contract,
    "check": _check,
}
