"""What a contract program works with: databases of a target, its sessions, threads, other processes, damage.

Every call goes through `TargetRig.asked`, which writes it down and remembers what the database raised, so that an
exception that ends a program is known for the database's answer or for our own mistake.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from anomalist.elsewhere import calls_in_a_child
from anomalist.plan import OP_TIMEOUT_S
from anomalist.suites import WORKLOADS, checker
from anomalist.suites import workload as workload_of
from checkers.brute_force import check_by_brute_force
from harness.conductor import conduct
from harness.contract import Conducted, Handle, Ran, TranscriptLine
from harness.contract import Transaction as TransactionOf
from harness.history import KINDS, Op, RunInfo
from harness.interleaving import Interleaving, Order
from harness.keeper import Keeper
from harness.level import Level, level
from harness.models import model_of
from harness.runner import run
from harness.store import save_history, save_run_info
from harness.surface import CALLS, Lacking, Surface
from harness.target import Target, TargetUnavailable
from harness.targets import load_target
from harness.verdict import Findings, RunResult, judge

__all__ = ["TargetRig"]

_TRANSCRIPT_MAX: Final = 20_000
_KEPT_RUNS_MAX: Final = 3  # of a scenario
_TIME_LIMIT_S: Final = 20.0


class TargetRig:
    """A `harness.contract.Rig` for one scenario. `directory` is its own; recorded runs are kept in `runs`.

    `alive` is called, from any thread, whenever the target has answered something.
    """

    def __init__(
        self, spec: str, directory: Path, runs: Path, scenario: str = "", alive: Callable[[], None] = lambda: None
    ) -> None:
        self.spec = spec
        self.transcript: list[TranscriptLine] = []
        self.performances: list[Conducted] = []
        self.kept: list[RunResult] = []
        self.raised: list[BaseException] = []
        self.directory = directory
        self._runs = runs
        self._scenario = scenario
        self._alive = alive
        self._kind = load_target(spec)
        self.target = self._kind.name
        self._offer: Surface | None = self._surface()
        self._handles: list[_Handle] = []
        self._stage: tuple[Target, Keeper] | None = None
        self._performed = 0
        self._places = 0

    # What the target offers.

    @property
    def surface(self) -> Surface | None:
        """Its surface, for what it tells of itself: no database is opened by it."""
        return self._offer

    @property
    def kinds(self) -> frozenset[str]:
        """The operation kinds of its sessions, those of its data models among them."""
        offered = self._kind.capabilities
        return offered.kinds | {row.name for row in KINDS if model_of(Op(row.name, None)) in offered.models}

    @property
    def interleaves(self) -> bool:
        """Whether one thread can interleave its transactions."""
        return self._kind.capabilities.steps

    @property
    def promised(self) -> Level:
        """What it promises at its strongest level, where it is run."""
        return level(next(iter(self._kind.levels.values())))

    def has(self, *calls: str) -> bool:
        """Whether the target's surface offers all these calls."""
        return not self.why_not(*calls)

    def why_not(self, *calls: str) -> str:
        """The reason why one of these calls is not offered, "" where all are."""
        for call in calls:
            assert call in CALLS, call
            if self._offer is None:
                return f"target {self.target} has no surface: its sessions are all it offers"
            if call in self._offer.lacking:
                return self._offer.lacking[call]
        return ""

    def _surface(self) -> Surface | None:
        make: Callable[[], Surface] | None = getattr(load_target(self.spec), "surface", None)
        return make() if make is not None else None

    # Databases.

    def path(self, name: str = "database") -> str:
        """A path that nothing is at yet."""
        self._places += 1
        place = self.directory / str(self._places)
        place.mkdir(parents=True)
        return str(place / name)

    def open(self, path: str = "") -> Handle:
        """Open or make a database; with no path in a new place."""
        surface = self._surface()
        if surface is None:
            raise Lacking(self.why_not("put"))
        handle = _Handle(self, len(self._handles) + 1, surface, path or self.path())
        handle.open()
        self._handles.append(handle)
        return handle

    def asked(self, where: tuple[int, int], name: str, arguments: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """Make a call of the target, and write down what came of it."""
        try:
            result = call()
        except BaseException as error:
            self.raised.append(error)
            self._note(TranscriptLine(*where, name, arguments, error=f"{type(error).__name__}: {error}"))
            raise
        self._note(TranscriptLine(*where, name, arguments, result))
        return result

    def _note(self, line: TranscriptLine) -> None:
        self._alive()
        if len(self.transcript) < _TRANSCRIPT_MAX:
            self.transcript.append(line)

    # Sessions, and recorded histories.

    def conduct(self, interleaving: Interleaving, order: Order) -> Conducted:
        """Perform one order of a script through sessions of an empty target, and judge it by brute force."""
        target = self._opened()
        self._performed += 1
        info = self._info(target, interleaving.name, len(interleaving.sessions), "steps")
        try:
            performance = conduct(target, interleaving, order, info, number=self._performed)
        except Exception as error:
            self.raised.append(error)
            raise
        findings = check_by_brute_force(performance.history, performance.name_of)
        self.performances.append(Conducted(performance, findings))
        self._note(TranscriptLine(0, 0, "conduct", (interleaving.name, *order)))
        self._keep(replace(performance.history, info=info), findings)
        return Conducted(performance, findings)

    def run(self, workload: str, *, clients: int, txns: int, **params: Any) -> Ran:
        """Run a stock workload with real threads on an empty target, and have its history judged."""
        found = workload_of(workload)
        directory = Path(self.path("run"))
        directory.mkdir()
        target = load_target(self.spec)
        self._performed += 1
        info = self._info(target, workload, clients, "threads")
        try:
            outcome = run(
                target,
                found,
                info=info,
                params=replace(found.defaults, **params),
                clients=clients,
                schedule="threads",
                seed=self._performed,
                txns=txns,
                time_limit_s=_TIME_LIMIT_S,
                op_timeout_s=OP_TIMEOUT_S,
                directory=directory,
                on_progress=lambda *counts: self._alive(),
            )
        except TargetUnavailable as error:
            self.raised.append(error)
            raise
        (name,) = WORKLOADS[workload].checkers
        findings = checker(name, outcome.history)
        self._note(TranscriptLine(0, 0, "run", (workload, clients, txns)))
        self._keep(outcome.history, findings)
        return Ran(outcome.history, findings, outcome.trouble)

    def _opened(self) -> Target:
        if self._stage is None:
            target = load_target(self.spec)
            keeper = Keeper(target)
            keeper.open(threading.Event())
            self._stage = target, keeper
        return self._stage[0]

    def _info(self, target: Target, name: str, clients: int, schedule: str) -> RunInfo:
        at = next(iter(target.levels))
        return RunInfo(
            suite="contract",
            workload=name,
            target=target.name,
            target_version=target.version,
            settings=dict(target.settings),
            level=at,
            expected=self.promised,
            clients=clients,
            schedule=schedule,
            append="atomic" if target.capabilities.atomic_append else "read-modify-write",
            clock="steps" if schedule == "steps" else "nanoseconds",
            command=f"anomalist run contract -t {self.spec} --check {self._scenario}",
            started=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _keep(self, history: Any, findings: Findings) -> None:
        """Store a history that refutes what was promised: the report draws its cycle."""
        if self.promised not in findings.refuted or len(self.kept) >= _KEPT_RUNS_MAX:
            return
        directory = self._runs / f"contract-{self._scenario}-{len(self.kept) + 1}"
        directory.mkdir(parents=True)
        save_run_info(history.info, directory)
        save_history(history, directory)
        verdict = judge(findings, self.promised, strict_evidence=False)
        self.kept.append(RunResult(history=history, verdicts=(verdict,), directory=str(directory)))

    # The world around a database.

    def threads(self, count: int, work: Callable[[int], Any]) -> list[Any]:
        """work(0) … work(count - 1) at once, from a common start: what each returned, or the exception it raised."""
        self._note(TranscriptLine(0, 0, "threads", (count,)))
        start = threading.Barrier(count)
        answers: list[Any] = [None] * count

        def one(number: int) -> None:
            start.wait()
            try:
                answers[number] = work(number)
            except Exception as error:  # noqa: BLE001  An answer like any other.
                answers[number] = error

        crew = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(count)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
        return answers

    def child(self, path: str, calls: Sequence[tuple[Any, ...]], end: str) -> list[Any]:
        """Open `path` in another process and make calls there one by one: what each returned or raised."""
        answers = calls_in_a_child(self.spec, path, calls, end, self._alive)
        self._note(TranscriptLine(0, 0, "child", (path, tuple(calls), end), answers))
        return answers

    def damage(self, path: str, how: str, place: float = 0.5) -> str:
        """Damage the longest file below `path`: "flip" a bit there, or "cut" the rest off. Its name, if any."""
        files = self.files(path)
        if not any(files.values()):
            return ""
        name = max(sorted(files), key=files.__getitem__)
        with (Path(path) / name).open("r+b") as file:
            offset = min(int(files[name] * place), files[name] - 1)
            if how == "cut":
                file.truncate(offset)
            else:
                file.seek(offset)
                byte = file.read(1)
                file.seek(offset)
                file.write(bytes((byte[0] ^ 0x10,)))
        self._note(TranscriptLine(0, 0, "damage", (path, how, place), name))
        return name

    def files(self, path: str) -> dict[str, int]:
        """{name below `path`: length in bytes}; empty where there is no such directory."""
        if "\0" in path:
            return {}
        root = Path(path)
        return {
            one.relative_to(root).as_posix(): one.stat().st_size for one in sorted(root.rglob("*")) if one.is_file()
        }

    def forbid(self, path: str) -> bool:
        """Make an empty directory read-only; False where that would forbid nothing, as for root."""
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o500)
        return os.geteuid() != 0

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._note(TranscriptLine(0, 0, "wait", (seconds,)))
        time.sleep(seconds)

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        return time.monotonic()

    def end(self) -> None:
        """Close whatever is still open and remove the scenario's directory, whatever the target says to it."""
        for handle in self._handles:
            handle.leave()
        if self._stage is not None:
            self._stage[1].close()
        shutil.rmtree(self.directory, ignore_errors=True)


class _Handle:
    """A database that was opened."""

    def __init__(self, rig: TargetRig, number: int, surface: Surface, path: str) -> None:
        self.path = path
        self._rig = rig
        self._number = number
        self._surface = surface
        self._open = False
        self._transactions = 0

    @property
    def documented(self) -> Mapping[str, str]:
        return self._surface.documented

    def open(self) -> None:
        self._ask("open", (self.path,), lambda: self._surface.open(self.path))
        self._open = True

    def call(self, name: str, *arguments: Any) -> Any:
        given = tuple(self._given(one) if callable(one) else one for one in arguments)
        return self._ask(name, arguments, lambda: self._surface.call(name, *given))

    def _given(self, work: Callable[[TransactionOf], Any]) -> Callable[[Any], Any]:
        """A program's function of a transaction, as the surface calls it with its own."""
        return lambda native: work(_Transaction(self, self._next(), native))

    def _next(self) -> int:
        self._transactions += 1
        return self._transactions

    def begin(self, call: str = "", *arguments: Any) -> TransactionOf:
        number = self._next()

        def begun() -> Any:
            return self._surface.call(call, *arguments) if call else self._surface.begin()

        return _Transaction(self, number, self._ask(call or "begin", arguments, begun, number))

    def within(self, number: int, transaction: Any, name: str, arguments: tuple[Any, ...]) -> Any:
        """A call of CALLS within a transaction, or its end."""

        def made() -> Any:
            if name == "commit":
                return self._surface.commit(transaction)
            if name == "abort":
                return self._surface.abort(transaction)
            return self._surface.call(name, *arguments, within=transaction)

        return self._ask(name, arguments, made, number)

    def close(self) -> None:
        self._open = False
        self._ask("close", (), self._surface.close)

    def reopen(self) -> None:
        self.close()
        self.open()

    def leave(self) -> None:
        if self._open:
            with suppress(Exception):
                self._surface.close()

    def _ask(self, name: str, arguments: tuple[Any, ...], call: Callable[[], Any], transaction: int = 0) -> Any:
        return self._rig.asked((self._number, transaction), name, arguments, call)


class _Transaction:
    """An open transaction of a handle."""

    def __init__(self, handle: _Handle, number: int, native: Any) -> None:
        self._handle = handle
        self._number = number
        self._native = native

    def call(self, name: str, *arguments: Any) -> Any:
        return self._handle.within(self._number, self._native, name, arguments)

    def commit(self) -> Any:
        return self._handle.within(self._number, self._native, "commit", ())

    def abort(self) -> None:
        self._handle.within(self._number, self._native, "abort", ())
