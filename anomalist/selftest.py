"""`selftest`: every deliberate bug of the catalogue is found by what its row names, and the engine is not accused."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from time import monotonic

from anomalist.commands import command_text
from anomalist.exits import Exit, UsageError
from anomalist.instruments import INSTRUMENTS, Job, attempt
from anomalist.suites import ON_KEYS, ON_MODELS, ON_OBJECTS
from anomalist.verbs import counting, terminal
from engine.mutants import MUTANTS, Mutant
from engine.proof.contract import CHECKS
from engine.proof.threads.races import SCENARIOS
from harness.kills import Attempt, SelfTest, Subject
from reports.document import encode
from reports.kill_matrix import kill_document, kill_summary
from workloads import contract

__all__ = ["CLEAN_RUNS", "CLEAN_RUNS_QUICK", "selftest", "selftest_verb"]

CLEAN_RUNS = 200
CLEAN_RUNS_QUICK = 14

Told = Callable[[int, int], None]  # (attempts so far, attempts in all)


def selftest_verb(
    *,
    mutants: Sequence[str],
    quick: bool,
    clean_runs: int | None,
    seed: int,
    jobs: int | None,
    as_json: bool,
    color: str,
) -> int:
    """`anomalist selftest`."""
    if clean_runs is None:
        clean_runs = CLEAN_RUNS_QUICK if quick else CLEAN_RUNS
    unknown = [name for name in mutants if name not in MUTANTS]
    if unknown:
        raise UsageError(f"unknown mutant {unknown[0]!r}; `anomalist list mutants` names them all")
    options = [
        *(("-m", name) for name in mutants),
        ("--clean-runs", clean_runs),
        ("--seed", seed),
        ("-j", jobs),
    ]
    command = command_text(("selftest", *(["--quick"] if quick else [])), options)
    chosen = [MUTANTS[name] for name in mutants or MUTANTS]
    with counting(color, "attempts") as told:
        done = selftest(
            chosen,
            quick=quick,
            clean_runs=clean_runs,
            seed=seed,
            processes=jobs or os.cpu_count() or 1,
            told=told,
            command=command,
        )
    if as_json:
        sys.stdout.write(encode(kill_document(done)))
    else:
        terminal(color).print(kill_summary(done), crop=False)
    if done.interrupted:
        return Exit.INTERRUPTED
    return Exit.ANOMALY if done.survivors or done.accusations else Exit.VALID


def selftest(
    mutants: Sequence[Mutant],
    *,
    quick: bool = False,
    clean_runs: int = CLEAN_RUNS,
    seed: int = 0,
    processes: int = 1,
    told: Told | None = None,
    command: str = "",
) -> SelfTest:
    """Set the instruments on the mutants, then on the engine itself.

    `quick` sets each mutant's own instrument on it only; else all stock workloads as well. The engine is run
    through `clean_runs` seeded workloads, and through every other instrument once.
    """
    began = monotonic()
    interrupted = False
    attempts: list[Attempt] = []
    clean: list[Attempt] = []
    attacks, defences = list(_attacks(mutants, quick, seed)), list(_defences(mutants, clean_runs, seed, quick))
    clean_began = began
    try:
        for made in _made(attacks, processes):
            attempts.append(made)
            _tell(told, len(attempts), len(attacks) + len(defences))
        clean_began = monotonic()
        for made in _made(defences, processes):
            clean.append(made)
            _tell(told, len(attempts) + len(clean), len(attacks) + len(defences))
    except KeyboardInterrupt:
        interrupted = True
    return SelfTest(
        subjects=[_subject(mutant) for mutant in mutants],
        columns=(*ON_KEYS, *(name for name in INSTRUMENTS if name != "workload")),
        attempts=attempts,
        clean=clean,
        seconds=monotonic() - began,
        clean_seconds=monotonic() - clean_began,
        command=command,
        interrupted=interrupted,
    )


def _subject(mutant: Mutant) -> Subject:
    by = mutant.found_by
    return Subject(mutant.name, mutant.sentence, by.instrument, by.where, by.what)


def _attacks(mutants: Iterable[Mutant], quick: bool, seed: int) -> Iterator[Job]:
    """Each mutant's own instrument, which has to find it; then, where keys reach it, the other workloads on keys."""
    for mutant in mutants:
        by = mutant.found_by
        yield Job(mutant.name, by.instrument, by.where, by.what, by.initial, seed)
    if quick:
        return
    for mutant in mutants:
        if mutant.is_reached_by_workloads:
            for name in ON_KEYS:
                if ("workload", name) != mutant.found_by[:2]:
                    yield Job(mutant.name, "workload", name, seed=seed, patient=False)


def _defences(mutants: Iterable[Mutant], clean_runs: int, seed: int, quick: bool) -> Iterator[Job]:
    """What the engine itself has to stand."""
    names = [*ON_KEYS, *ON_OBJECTS, *ON_MODELS]
    for number in range(clean_runs):
        yield Job("", "workload", names[number % len(names)], seed=seed + number // len(names))
    for check in CHECKS:
        yield Job("", "contract", check)
    instruments = {mutant.found_by.instrument for mutant in mutants}
    if "check" in instruments:
        for promised in contract.SCENARIOS:
            yield Job("", "check", promised.id)
    if "crash" in instruments:
        yield Job("", "crash", "", patient=not quick)
    if "race" in instruments:
        for scenario in SCENARIOS:
            yield Job("", "race", scenario, patient=not quick)
    for by in sorted(
        {mutant.found_by for mutant in mutants if mutant.found_by.instrument in {"schedule", "refusal"}}
    ):
        yield Job("", by.instrument, by.where, initial=by.initial)


def _made(jobs: Sequence[Job], processes: int) -> Iterator[Attempt]:
    """The attempts in the order in which they are done."""
    if processes == 1 or len(jobs) < 2:
        yield from map(attempt, jobs)
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(attempt, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tell(told: Told | None, done: int, planned: int) -> None:
    if told is not None:
        told(done, planned)
