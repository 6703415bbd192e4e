"""Runs in processes of their own: several at a time, and none that can take the others down.

A database's native code may crash the process it is embedded in. What its clients did until then is in the live
log, so such a run is judged from there, with the trouble said.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from time import monotonic
from typing import NamedTuple

from anomalist.fail_fast import ENDED_ALL
from anomalist.judging import judge_history
from anomalist.performing import Progress, perform
from anomalist.plan import Task
from anomalist.suites import WORKLOADS
from harness.build import build_history
from harness.level import Level
from harness.rundir import load_run
from harness.target import TargetUnavailable
from harness.trouble import StoreError, Trouble
from harness.verdict import RunResult, Verdict

__all__ = ["perform_apart"]

_POLL_S = 0.2


class _Done(NamedTuple):
    """What a process tells of a finished run; the history is in its directory."""

    verdicts: tuple[Verdict, ...]
    seconds: float
    trouble: str
    interrupted: bool
    stopped: str


class _Failed(NamedTuple):
    """An error that leaves nothing to report on, to be raised again in the parent."""

    error: Exception


class _Running(NamedTuple):
    """One process at work."""

    place: int
    task: Task
    process: SpawnProcess
    connection: Connection
    began_s: float


def perform_apart(
    tasks: Iterator[Task],
    jobs: int,
    stop: threading.Event,
    on_progress: Progress | None,
    ends: Callable[[RunResult], bool],
) -> list[RunResult]:
    """The results of all tasks, in their order, at most `jobs` at a time. Raises what a run could not start for.

    A result of which `ends` is true ends the others that are at work, and no further one is begun.
    """
    results: dict[int, RunResult] = {}
    running: list[_Running] = []
    ended = False
    try:
        while True:
            while not ended and len(running) < jobs and (task := next(tasks, None)) is not None:
                running.append(_start(len(results) + len(running), task))
            if not running:
                return [results[place] for place in sorted(results)]
            if stop.is_set() or ended:
                # Every time round: a process that was only starting has ignored it so far.
                _signal(running)
            ready = wait([one.connection for one in running], timeout=_POLL_S)
            for one in [one for one in running if one.connection in ready]:
                result = _heard(one, on_progress)
                if result is not None:
                    by_us = ended and result.interrupted and not stop.is_set()
                    results[one.place] = replace(result, interrupted=False, stopped=ENDED_ALL) if by_us else result
                    running.remove(one)
                    ended = ended or ends(result)
    finally:
        for one in running:
            one.process.kill()


def _start(place: int, task: Task) -> _Running:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, task), name=task.part.workload)
    with _ignoring_interrupts():
        process.start()
    theirs.close()
    return _Running(place, task, process, ours, monotonic())


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """A process begins as its parent is: deaf to Ctrl-C, until it can answer it well."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _signal(running: list[_Running]) -> None:
    for one in running:
        if one.process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(one.process.pid, signal.SIGINT)


def _work(connection: Connection, task: Task) -> None:
    """The body of a process: run, judge, tell."""
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda number, frame: stop.set())
    # What native code prints must not get into the result either.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.path.append(os.getcwd())

    def tell(message: object) -> None:
        try:
            connection.send(message)
        except OSError:
            stop.set()  # Nobody is there to hear it: end, and leave a whole log.

    try:
        result = perform(task, stop, lambda part, done, planned: tell((done, planned)))
    except (TargetUnavailable, Trouble) as error:
        tell(_Failed(error))
        return
    tell(_Done(result.verdicts, result.seconds, result.trouble, result.interrupted, result.stopped))


def _heard(one: _Running, on_progress: Progress | None) -> RunResult | None:
    """What a process said last: its result, or nothing yet. Raises the error of a run that could not start."""
    try:
        message = one.connection.recv()
    except EOFError:
        one.process.join()
        return _crashed(one)
    if isinstance(message, _Failed):
        raise message.error
    if isinstance(message, _Done):
        one.process.join()
        return RunResult(
            history=load_run(one.task.directory),
            verdicts=message.verdicts,
            directory=str(one.task.directory),
            seconds=message.seconds,
            trouble=message.trouble,
            interrupted=message.interrupted,
            stopped=message.stopped,
        )
    if on_progress is not None:
        on_progress(one.task.part, *message)
    return None


def _crashed(one: _Running) -> RunResult:
    """The process is gone without a word: judge what its log holds."""
    code = one.process.exitcode or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    try:
        history = load_run(one.task.directory)
    except StoreError:
        history = build_history((), one.task.info)  # It ended before it could write anything down.
    return RunResult(
        history=history,
        verdicts=judge_history(
            history, Level(one.task.info.expected), checkers=WORKLOADS[one.task.part.name].checkers
        ),
        directory=str(one.task.directory),
        seconds=monotonic() - one.began_s,
        trouble=f"the process in which {one.task.info.target} ran {how}; what was recorded until then is judged",
    )
