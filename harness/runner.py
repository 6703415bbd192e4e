"""Run a workload against a target: set-up alone, programs concurrently, finale alone; then seal the history.

Where the workload wants it, the target is restarted before the finale.

Whatever the target does - refuse, explode, hang - the run comes to an end, and its history says what is known.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.build import build_history
from harness.client import JUDGING, OURS, Client, ProgramError, Pulse
from harness.crew import Crew, Worker
from harness.history import Fault, History, RunInfo, Status
from harness.keeper import Keeper
from harness.program import Params, Program, Programs, Rng, Workload
from harness.recorder import Recorder, nanosecond_clock, read_history, step_clock
from harness.scheduler import SCHEDULES, Draw, run_freely, run_steps
from harness.store import save_history, save_run_info
from harness.target import Target
from harness.trouble import RunTrouble, StoreError
from harness.watch import Companion, Watch

__all__ = ["HUNG_REPLACEMENTS_MAX", "RETRIES_MAX", "Progress", "RunOutcome", "run"]

# How often a set-up or finale transaction that the target refused is tried again.
RETRIES_MAX = 10
_PHASES = ("set-up", "finale")
# A finale reads until nothing is left; it needs no more programs than there were, and a few.
_PROGRAMS_ALONE = 100
# A client that hangs is replaced; when that many replacements have hung too, the target is beyond hope.
HUNG_REPLACEMENTS_MAX = 5

Progress = Callable[[int, int, int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What became of a run. `trouble` is empty or says in a sentence why it ended early; `seconds` is wall time.

    `stopped` is what the companion said, where it ended the run.
    """

    history: History
    trouble: str
    interrupted: bool
    seconds: float
    stopped: str = ""


def run(
    target: Target,
    workload: Workload,
    *,
    info: RunInfo,
    params: Params,
    clients: int,
    schedule: str,
    seed: int,
    txns: int | None,
    time_limit_s: float | None,
    op_timeout_s: float,
    directory: Path,
    on_progress: Progress | None = None,
    stop: threading.Event | None = None,
    companion: Companion | None = None,
) -> RunOutcome:
    """Open the target, run the workload at `info.level`, and leave run.json, events.log and history/ in `directory`.

    Programs are drawn until `txns` are or `time_limit_s` seconds have passed since the call. `on_progress` is
    told, some twenty times a second, how many of the programs are committed, aborted and unknown, and `txns`. When
    `stop` is set, open transactions get `op_timeout_s` to finish, and the finale is left out. `info` is
    completed with seed, clients, schedule, clock and what the target says of itself. The `companion` judges along
    while the programs run; where it says so, open transactions finish and the run ends, without its finale.

    Raises TargetUnavailable where the target does not start and RunTrouble where `directory` cannot be used:
    then there is nothing to report on. All later trouble is in the outcome, with the partial history.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"unknown schedule {schedule!r}; known: {', '.join(SCHEDULES)}")
    if clients < 1:
        raise ValueError("a run needs one client at least")
    stop = stop or threading.Event()
    started_s = time.monotonic()
    keeper = Keeper(target)
    keeper.open(stop)
    try:
        info = _completed(info, target, clients=clients, schedule=schedule, seed=seed)
        running = _Run(
            target, keeper, workload, info, params, op_timeout_s, directory, txns, on_progress, stop, companion
        )
        deadline_s = None if time_limit_s is None else started_s + time_limit_s
        trouble = running.phases(deadline_s)
        history, seal_trouble = running.seal()
        running.crew.target_closed = True
    finally:
        close_trouble = keeper.close()
    return RunOutcome(
        history=history,
        trouble=trouble or seal_trouble or close_trouble,
        interrupted=stop.is_set(),
        seconds=time.monotonic() - started_s,
        stopped=running.stopped,
    )


def _completed(info: RunInfo, target: Target, *, clients: int, schedule: str, seed: int) -> RunInfo:
    return dataclasses.replace(
        info,
        seed=seed,
        clients=clients,
        schedule=schedule,
        clock="steps" if schedule == "steps" else "nanoseconds",
        target=info.target or target.name,
        target_version=info.target_version or target.version,
        settings=dict(info.settings or target.settings),
        params=dict(info.params),
    )


class _Run:
    """The state of one run, owned by the main thread; workers see its clients, its draw and its two events."""

    def __init__(
        self,
        target: Target,
        keeper: Keeper,
        workload: Workload,
        info: RunInfo,
        params: Params,
        op_timeout_s: float,
        directory: Path,
        txns: int | None,
        on_progress: Progress | None,
        stop: threading.Event,
        companion: Companion | None,
    ) -> None:
        self.stopped = ""
        self._target = target
        self._keeper = keeper
        self._workload = workload
        self._info = info
        self._params = params
        self._op_timeout_s = op_timeout_s
        self._directory = directory
        self._txns = txns
        self._on_progress = on_progress
        self._stop = stop
        self._halt = threading.Event()
        self._concurrent = False
        self._before: Mapping[Status, int] = {}
        self._hung_replacements = 0
        self._hung_originals = 0
        # Every session is a client of its own in the history: clients, set-up and finale, then what replaces them.
        self._numbers = itertools.count(info.clients + len(_PHASES))
        try:
            save_run_info(info, directory)
        except OSError as error:
            raise RunTrouble(
                f"cannot write to {directory}: {error.strerror}; choose another directory with --out"
            ) from error
        clock = step_clock() if info.schedule == "steps" else nanosecond_clock()
        self._watch = None if companion is None else Watch(companion)
        self._recorder = Recorder(self._log_path, info, clock, self._watch)
        self.crew = Crew(recorder=self._recorder, op_timeout_s=op_timeout_s, stop=stop, on_poll=self._poll)

    @property
    def _log_path(self) -> Path:
        return self._directory / "events.log"

    def phases(self, deadline_s: float | None) -> str:
        """Set-up, programs, finale; the sentence of the trouble that ended them early, or nothing."""
        try:
            self._alone(self._workload.setup, "set-up", must_commit=True)
            self._programs(deadline_s)
            self._restart()
            self._alone(self._workload.finale, "finale", must_commit=False)
        except ProgramError as error:
            return f"the workload {self._workload.name} is wrong: {error}"
        except RunTrouble as error:
            return str(error)
        finally:
            self._halt.set()
        return ""

    def seal(self) -> tuple[History, str]:
        """Close the log, read it back and store its columns; the sentence says what could not be written."""
        trouble = ""
        try:
            self._recorder.end()
        except RunTrouble as error:
            trouble = str(error)
        try:
            history = read_history(self._log_path, self._info)
        except StoreError as error:
            # A value that no history can hold must not cost the verdicts on all other runs.
            return build_history([], self._info, cut="the log of this run could not be read back"), str(error)
        try:
            save_history(history, self._directory)
        except OSError as error:
            trouble = trouble or f"cannot seal the history in {self._directory}: {error.strerror}; free some space"
        return history, trouble

    # The two kinds of phases.

    def _alone(self, programs: Programs, phase: str, *, must_commit: bool) -> None:
        """All programs of a phase, one after the other by one client of its own."""
        if self._ended():
            return
        pulse = Pulse()
        client = self._client(self._info.clients + _PHASES.index(phase), pulse)
        worker = Worker([client], pulse, lambda: self._one_by_one(client, programs, phase, must_commit))
        self.crew.work([worker], self._hang_of_all)

    def _one_by_one(self, client: Client, programs: Programs, phase: str, must_commit: bool) -> None:
        draw = Draw(self._made(programs, phase), count=None, deadline_s=None, ended=self._ended)
        index = 0
        most = _PROGRAMS_ALONE + sum(self._recorder.counts.values())
        while (program := draw()) is not None:
            if index >= most:
                why = "the target answers reads of what nobody wrote"
                raise RunTrouble(f"the {phase} of {self._workload.name} does not end: {why}")
            status = client.perform(program)
            for retry in range(RETRIES_MAX):
                if status is not Status.ABORTED or self._ended():
                    break
                self._pause(retry)
                # A generator cannot start again; the same choices made anew give the same program.
                again = itertools.islice(self._made(programs, phase), index, None)
                program = next(again, None)
                if program is None:
                    break
                status = client.perform(program)
            if must_commit and status is not Status.OK and not self._stop.is_set():
                what = "refused again and again" if status is Status.ABORTED else "of unknown outcome"
                raise RunTrouble(f"the {phase} of {self._workload.name} is {what}: {client.error}")
            index += 1

    def _programs(self, deadline_s: float | None) -> None:
        """The workload's programs by all clients, as the schedule says."""
        if self._ended():
            return
        pulse = Pulse()  # Of the only worker that there is with steps.
        in_steps = self._info.schedule == "steps"
        draw = Draw(
            self._made(self._workload.programs, "programs"),
            count=self._txns,
            deadline_s=deadline_s,
            ended=(lambda: self._ended() or self._judged(pulse)) if in_steps else self._ended,
        )
        self._before = dict(self._recorder.counts)
        self._concurrent = True
        if in_steps:
            clients = [self._client(number, pulse) for number in range(self._info.clients)]
            rng = self._rng("schedule")
            self.crew.work([Worker(clients, pulse, lambda: run_steps(clients, draw, rng))], self._hang_of_all)
        else:
            workers = [self._worker(number, draw, original=True) for number in range(self._info.clients)]
            self.crew.work(workers, lambda worker, doing: self._hang_of_one(worker, doing, draw))
        self._poll()
        self._concurrent = False

    def _worker(self, number: int, draw: Draw, *, original: bool) -> Worker:
        pulse = Pulse()
        client = self._client(number, pulse)
        return Worker([client], pulse, lambda: self._until_halt(client, draw), original=original)

    def _until_halt(self, client: Client, draw: Draw) -> None:
        try:
            run_freely(client, draw)
        except (ProgramError, RunTrouble):
            self._halt.set()  # At once: the others need not draw what nobody will judge.
            raise

    def _restart(self) -> None:
        if not self._workload.restarts or self._ended():
            return
        start = self._recorder.clock()
        trouble = self._keeper.restart()
        self._recorder.fault(Fault("restart", start, self._recorder.clock()))
        if trouble:
            raise RunTrouble(trouble)

    # What to do with a client that hangs.

    def _hang_of_all(self, worker: Worker, doing: str) -> None:
        """The only worker hangs: nobody is left to go on."""
        remedy = ""
        if self._info.schedule == "steps" and not self._target.capabilities.steps:
            remedy = "; its calls may wait for another client, which needs --schedule threads"
        raise self._hanging(f"{doing} of client {worker.pulse.client} did not return{remedy}", doing)

    def _hang_of_one(self, worker: Worker, doing: str, draw: Draw) -> Worker | None:
        """A new client in its place, so that no client overlaps itself; unless that is hopeless."""
        if worker.original:
            self._hung_originals += 1
        else:
            self._hung_replacements += 1
        if self._hung_originals == self._info.clients:
            raise self._hanging(f"every client has hung, the last in {doing}", doing)
        if self._hung_replacements > HUNG_REPLACEMENTS_MAX:
            raise self._hanging(
                f"{self._hung_replacements} clients hung that had replaced others, the last in {doing}", doing
            )
        return None if self._ended() else self._worker(next(self._numbers), draw, original=False)

    def _hanging(self, detail: str, doing: str) -> RunTrouble:
        self._halt.set()
        who = f"workload {self._workload.name}" if doing in OURS else "target"
        return RunTrouble(f"the {who} hangs: {detail} (time-out {self._op_timeout_s:g} s)")

    # Small parts.

    def _client(self, number: int, pulse: Pulse) -> Client:
        level = self._info.level
        return Client(
            number,
            connect=lambda: self._target.session(level),
            recorder=self._recorder,
            pulse=pulse,
            pause=self._pause,
            renumber=lambda: next(self._numbers),
        )

    def _pause(self, times: int) -> None:
        """Wait before trying again, longer each time. In steps nothing changes while the only thread waits."""
        if self._info.schedule != "steps":
            self._halt.wait(min(0.01 * 2**times, 1.0, self._op_timeout_s / 4))

    def _made(self, programs: Programs, phase: str) -> Iterator[Program]:
        return iter(programs(self._rng(phase), self._params))

    def _rng(self, purpose: str) -> Rng:
        """A stream of its own for each purpose; a text seeds the same stream in every process."""
        return Rng(f"{self._info.seed} {purpose}")

    def _ended(self) -> bool:
        return self._halt.is_set() or self._stop.is_set()

    def _judged(self, pulse: Pulse) -> bool:
        """Between two actions of the only worker: whether the companion, if it is due, ends the run."""
        doing = pulse.doing
        if self._watch is not None and self._watch.due:
            pulse.beat(pulse.client, JUDGING)
            self._look()
            pulse.beat(pulse.client, doing)
        return bool(self.stopped)

    def _look(self) -> None:
        self.stopped = self._recorder.look()
        if self.stopped:
            self._halt.set()

    def _poll(self) -> None:
        by_the_way = self._concurrent and self._info.schedule != "steps"
        if by_the_way and self._watch is not None and self._watch.due and not self._ended():
            self._look()
        if self._on_progress is not None and self._concurrent:
            done = (self._recorder.counts[status] - self._before.get(status, 0) for status in Status)
            committed, aborted, unknown = done
            self._on_progress(committed, aborted, unknown, self._txns)
