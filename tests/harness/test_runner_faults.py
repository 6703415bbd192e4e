"""Targets that hang and explode, harnesses that are killed, disks that are full: a run always ends, and tells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_targets import Hook, MemorySession, MemoryTarget, each, mixed, nothing, quiet, workload

from harness import keeper, runner
from harness.client import BROKEN_IN_A_ROW_MAX, Client, Pulse
from harness.history import UNSEEN, History, Op, RunInfo, Status, Txn
from harness.program import Params, Program, Rng, Workload, append, read, write
from harness.recorder import Recorder, read_history, step_clock
from harness.rundir import load_run
from harness.runner import RunOutcome, run
from harness.target import Aborted, TargetUnavailable
from harness.trouble import RunTrouble, StoreError

BOTH = pytest.mark.parametrize("schedule", ["steps", "threads"])
ROOT = Path(__file__).parents[2]


def perform(
    directory: Path, work: Workload, hook: Hook = quiet, *, schedule: str = "threads", **changes: Any
) -> RunOutcome:
    options: dict[str, Any] = {
        "info": RunInfo(level="serializable", workload="fake"),
        "params": Params(),
        "clients": 2,
        "schedule": schedule,
        "seed": 1,
        "txns": None,
        "time_limit_s": None,
        "op_timeout_s": 0.2,
        "directory": directory,
    }
    target = options | changes
    return run(target.pop("target", None) or MemoryTarget(hook), work, **target)


def writes(value: int) -> Callable[[], Program]:
    def program() -> Program:
        yield read("x")
        yield write("x", value)

    return program


class Hang:
    """The `nth` call of this name blocks until `release` is set; `ended` is set when all such calls are over."""

    def __init__(self, call: str, *nth: int) -> None:
        self.call = call
        self.nth = nth
        self.count = 0
        self.release = threading.Event()
        self.calls: list[tuple[str, int]] = []
        self.lock = threading.Lock()

    def __call__(self, call: str, op: Op | None) -> None:
        with self.lock:
            self.calls.append((call, threading.get_ident()))
            self.count += call == self.call
            hangs = call == self.call and (not self.nth or self.count in self.nth)
        if hangs:
            self.release.wait()


@pytest.fixture
def hanging() -> Iterator[Callable[..., Hang]]:
    """Makes hooks that hang, and lets them go at the end of the test."""
    made: list[Hang] = []

    def make(call: str, *nth: int) -> Hang:
        made.append(Hang(call, *nth))
        return made[-1]

    yield make
    for one in made:
        one.release.set()


def told(history: History) -> list[tuple[int, tuple[Op, ...], Status, str]]:
    return [(txn.client, txn.ops, txn.status, txn.error) for txn in history.txns()]


# Hangs.


@pytest.mark.parametrize(
    ("call", "nth", "ops", "doing"),
    [
        ("step", 1, (Op("r", "x", UNSEEN),), "r"),
        ("step", 2, (Op("r", "x", None), Op("w", "x", 1)), "w"),
        ("commit", 1, (Op("r", "x", None), Op("w", "x", 1)), "commit"),
    ],
)
@BOTH
def test_call_that_never_returns_is_unknown(
    tmp_path: Path, hanging: Callable[..., Hang], schedule: str, call: str, nth: int, ops: tuple[Op, ...], doing: str
) -> None:
    """The transaction that hangs is recorded with what was asked last; the only client hanging ends the run."""
    outcome = perform(tmp_path, workload(each(writes(1))), hanging(call, nth), schedule=schedule, clients=1)
    assert told(outcome.history) == [(0, ops, Status.UNKNOWN, f"{doing} did not return within 0.2 s")]
    assert outcome.trouble.startswith("the target hangs: ")
    assert f"{doing}" in outcome.trouble
    assert outcome.history.cut == ""
    assert told(load_run(tmp_path)) == told(outcome.history)


@pytest.mark.parametrize("call", ["session", "begin"])
@BOTH
def test_hang_before_anything_was_asked_leaves_no_transaction(
    tmp_path: Path, hanging: Callable[..., Hang], schedule: str, call: str
) -> None:
    """Where nothing was asked there is nothing that could have taken effect."""
    outcome = perform(tmp_path, workload(each(writes(1))), hanging(call, 1), schedule=schedule, clients=1)
    assert outcome.trouble.startswith("the target hangs: ")
    assert told(outcome.history) == []


def test_hung_client_is_replaced_by_a_new_one(tmp_path: Path, hanging: Callable[..., Hang]) -> None:
    """The others go on, with a new number for the replacement, and a run that reached its end has no trouble."""
    outcome = perform(tmp_path, workload(), hanging("commit", 1), txns=30, op_timeout_s=1.0)
    history = outcome.history
    assert (outcome.trouble, len(history)) == ("", 30)
    unknown = [txn.client for txn in history.txns() if txn.status is Status.UNKNOWN]
    assert len(unknown) == 1
    assert unknown[0] in {0, 1}
    assert set(history.client.tolist()) <= {0, 1, 3}
    assert history.client.tolist().count(unknown[0]) == 1


def test_every_client_hanging_ends_the_run(tmp_path: Path, hanging: Callable[..., Hang]) -> None:
    """When all clients hang, the run ends with the trouble and what each had asked."""
    outcome = perform(tmp_path, workload(), hanging("step"), clients=3)
    assert outcome.trouble.startswith("the target hangs: every client has hung, the last in ")
    assert (outcome.history.status == Status.UNKNOWN).all()
    assert {0, 1, 2} <= set(outcome.history.client.tolist())


def test_replacements_that_hang_end_the_run(
    tmp_path: Path, hanging: Callable[..., Hang], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One healthy client is not enough to go on for ever with replacements that all hang."""
    monkeypatch.setattr(runner, "HUNG_REPLACEMENTS_MAX", 1)
    hang = hanging("never")
    healthy: list[int] = []

    def hook(call: str, op: Op | None) -> None:
        if call == "session":
            healthy.append(threading.get_ident())
        if call == "step":
            # The healthy one only goes slowly, so that its history stays small.
            hang.release.wait(0.01 if threading.get_ident() == healthy[0] else None)

    def reads(rng: Rng, params: Params) -> Iterator[Program]:
        while True:
            yield (op for op in [read("y")])  # type: ignore[misc]

    outcome = perform(tmp_path, workload(reads), hook, op_timeout_s=0.5)
    assert outcome.trouble == (
        "the target hangs: 2 clients hung that had replaced others, the last in r (time-out 0.5 s)"
    )
    unknown = [txn.client for txn in outcome.history.txns() if txn.status is Status.UNKNOWN]
    assert unknown[1:] == [3, 4]


@pytest.mark.parametrize("schedule", ["steps", "threads"])
def test_hang_of_the_set_up_ends_the_run(tmp_path: Path, hanging: Callable[..., Hang], schedule: str) -> None:
    """Set-up has one client, so its hang is the target's."""
    outcome = perform(tmp_path, workload(mixed, setup=each(writes(1))), hanging("commit", 1), schedule=schedule)
    assert outcome.trouble == "the target hangs: commit of client 2 did not return (time-out 0.2 s)"
    assert len(outcome.history) == 1


def test_hang_in_steps_records_what_others_had_open(tmp_path: Path, hanging: Callable[..., Hang]) -> None:
    """On one thread a hang stops everybody: open transactions are in the history as UNKNOWN, none is missing."""
    outcome = perform(tmp_path, workload(), hanging("step", 5), schedule="steps", clients=6)
    errors = [error for _, _, status, error in told(outcome.history) if status is Status.UNKNOWN]
    assert sum(error.endswith("did not return within 0.2 s") for error in errors) == 1
    assert errors.count("the run ended while this was open") == len(errors) - 1 > 0
    assert outcome.history.cut == ""


@BOTH
@pytest.mark.parametrize("where", ["program", "draw"])
def test_hang_of_a_program_is_the_workloads(
    tmp_path: Path, hanging: Callable[..., Hang], schedule: str, where: str
) -> None:
    """Our own endless loop ends the run as well, and is not blamed on the target."""
    hang = hanging("never")

    def program() -> Program:
        yield read("x")
        hang.release.wait()

    def programs(rng: Rng, params: Params) -> Iterator[Program]:
        if where == "draw":
            hang.release.wait()
        while True:
            yield program()

    outcome = perform(tmp_path, workload(programs), schedule=schedule)
    assert outcome.trouble.startswith("the workload fake hangs: ")
    assert (len(outcome.history) == 0) == (where == "draw")


def test_steps_of_a_target_that_waits_name_the_remedy(tmp_path: Path, hanging: Callable[..., Hang]) -> None:
    """A target whose calls wait for each other cannot be interleaved on one thread; the trouble says what can."""
    target = MemoryTarget(hanging("step", 1))
    target.capabilities = type(target.capabilities)(steps=False)
    outcome = perform(tmp_path, workload(), schedule="steps", target=target)
    assert "its calls may wait for another client, which needs --schedule threads" in outcome.trouble


def test_client_that_wakes_up_late_neither_asks_nor_records(tmp_path: Path, hanging: Callable[..., Hang]) -> None:
    """After it was given up, a thread whose call returns leaves its transaction: it only aborts and closes."""
    hang = hanging("never")
    left, stop = threading.Event(), threading.Event()
    late: list[str] = []
    late_thread: list[int] = []

    def hook(call: str, op: Op | None) -> None:
        if op == Op("w", "x", 1):
            late_thread.append(threading.get_ident())
            hang.release.wait()
        elif late_thread == [threading.get_ident()]:
            late.append(call)
            if call == "close":
                left.set()

    def programs(rng: Rng, params: Params) -> Iterator[Program]:
        yield (op for op in [write("x", 1), write("x", 2)])  # type: ignore[misc]
        while True:
            yield (op for op in [read("y")])  # type: ignore[misc]

    def watch(committed: int, aborted: int, unknown: int, total: int | None) -> None:
        if unknown and not stop.is_set():
            hang.release.set()
            assert left.wait(10)
            stop.set()

    outcome = perform(tmp_path, workload(programs), hook, on_progress=watch, stop=stop, op_timeout_s=0.5)
    assert late == ["abort", "close"]
    assert [(t[1], t[3]) for t in told(outcome.history) if t[2] is not Status.OK] == [
        ((Op("w", "x", 1),), "w did not return within 0.5 s")
    ]


def test_commit_that_takes_effect_after_it_was_given_up_is_in_the_record(
    tmp_path: Path, hanging: Callable[..., Hang]
) -> None:
    """A commit may land long after the time-out: what others then read has its UNKNOWN transaction."""
    hang, stop = hanging("never"), threading.Event()
    late_thread: list[int] = []

    def hook(call: str, op: Op | None) -> None:
        if op == Op("append", "x", 1):
            late_thread.append(threading.get_ident())
        elif call == "commit" and late_thread == [threading.get_ident()]:
            hang.release.wait()

    def look() -> Program:
        seen = yield read("x")
        if seen.value == [1]:
            stop.set()
        hang.release.wait(0.01)

    def programs(rng: Rng, params: Params) -> Iterator[Program]:
        yield (op for op in [append("x", 1)])  # type: ignore[misc]
        while True:
            yield look()

    def watch(committed: int, aborted: int, unknown: int, total: int | None) -> None:
        if unknown:
            hang.release.set()

    outcome = perform(tmp_path, workload(programs), hook, on_progress=watch, stop=stop, op_timeout_s=0.5)
    unknown = [txn for txn in outcome.history.txns() if txn.status is Status.UNKNOWN]
    assert [txn.ops for txn in unknown] == [(Op("append", "x", 1),)]
    readers = [txn for txn in outcome.history.txns() if txn.ops == (Op("r", "x", [1]),)]
    assert readers
    assert all(txn.status is Status.OK and txn.start > unknown[0].end for txn in readers)


@BOTH
def test_session_close_that_hangs_does_not_hang_the_run(
    tmp_path: Path, hanging: Callable[..., Hang], schedule: str
) -> None:
    """Closing is bounded like any other call, and the history is whole by then."""
    outcome = perform(tmp_path, workload(), hanging("close"), schedule=schedule, txns=5, clients=1)
    assert "close of a session" in outcome.trouble
    assert (len(outcome.history), outcome.history.cut) == (5, "")


def test_target_close_that_hangs_does_not_hang_the_run(
    tmp_path: Path, hanging: Callable[..., Hang], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the target is waited for in bounded time; the history was sealed before."""
    monkeypatch.setattr(keeper, "CLOSE_TIMEOUT_S", 0.2)
    outcome = perform(tmp_path, workload(), hanging("target-close"), txns=5)
    assert outcome.trouble == "the target hangs: its close did not end within 0.2 s"
    assert len(load_run(tmp_path)) == 5


def test_stop_waits_for_a_hanging_call_no_longer_than_the_time_out(
    tmp_path: Path, hanging: Callable[..., Hang]
) -> None:
    """An interrupt while a call hangs ends the run too: interrupted, with the transaction UNKNOWN."""
    stop = threading.Event()
    hang = hanging("commit", 1)

    def hook(call: str, op: Op | None) -> None:
        if call == "commit":
            stop.set()
        hang(call, op)

    outcome = perform(tmp_path, workload(), hook, clients=1, stop=stop)
    assert (outcome.interrupted, outcome.trouble) == (True, "")
    assert [status for _, _, status, _ in told(outcome.history)] == [Status.UNKNOWN]


def test_stop_bounds_a_transaction_of_many_short_calls(tmp_path: Path) -> None:
    """A transaction that never ends, though each of its calls does, is given up a time-out after stop."""
    stop = threading.Event()

    def endless() -> Program:
        while True:
            yield read("x")
            stop.set()
            threading.Event().wait(0.01)

    outcome = perform(tmp_path, workload(each(endless)), clients=1, stop=stop, op_timeout_s=0.5)
    assert (outcome.interrupted, outcome.trouble, outcome.history.cut) == (True, "", "")
    assert [status for _, _, status, _ in told(outcome.history)] == [Status.UNKNOWN]


def test_stop_does_not_wait_for_a_start_that_hangs(
    tmp_path: Path, hanging: Callable[..., Hang], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt during a start that never ends leaves an empty run, which also says what hangs."""
    monkeypatch.setattr(keeper, "CLOSE_TIMEOUT_S", 0.2)
    hang, stop = hanging("open"), threading.Event()

    def hook(call: str, op: Op | None) -> None:
        stop.set()
        hang(call, op)

    outcome = perform(tmp_path, workload(), hook, stop=stop)
    assert (outcome.interrupted, len(outcome.history)) == (True, 0)
    assert outcome.trouble == "the target hangs: its close did not end within 0.2 s"


def test_target_that_does_not_start(
    tmp_path: Path, hanging: Callable[..., Hang], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No start, no run: refused, exploding and hanging starts are TargetUnavailable with a sentence."""

    def refuse(call: str, op: Op | None) -> None:
        raise TargetUnavailable("install it")

    def explode(call: str, op: Op | None) -> None:
        raise OSError("no port")

    monkeypatch.setattr(keeper, "OPEN_TIMEOUT_S", 0.1)
    for hook, sentence in (
        (refuse, "install it"),
        (explode, "the target memory does not start: OSError: no port"),
        (hanging("open"), "the target memory did not start within 0.1 s"),
    ):
        with pytest.raises(TargetUnavailable, match=sentence):
            perform(tmp_path, workload(), hook)
    assert list(tmp_path.iterdir()) == []


# Explosions.


class NotEvenAnException(BaseException):
    """What some native bindings raise."""


@BOTH
@pytest.mark.parametrize(
    "error", [ConnectionError("reset by peer"), NotEvenAnException("panic")], ids=["error", "panic"]
)
@pytest.mark.parametrize(("call", "done"), [("step", ()), ("commit", (Op("r", "x", None), Op("w", "x", 1)))])
def test_any_other_exception_is_unknown(
    tmp_path: Path, schedule: str, error: BaseException, call: str, done: tuple[Op, ...]
) -> None:
    """Only Aborted is sure; after anything else the session is aborted, closed and replaced."""
    calls: list[str] = []

    def hook(name: str, op: Op | None) -> None:
        calls.append(name)
        if name == call and calls.count(call) == 1:
            raise error

    work = workload(each(writes(1), writes(2)))
    outcome = perform(tmp_path, work, hook, schedule=schedule, clients=1, op_timeout_s=20.0)
    first, second = told(outcome.history)
    assert first == (0, done or (Op("r", "x", UNSEEN),), Status.UNKNOWN, f"{type(error).__name__}: {error}")
    assert second[2] is Status.OK
    broken = calls.index(call)
    assert calls[broken + 1 : broken + 4] == ["abort", "close", "session"]
    assert outcome.trouble == ""


def test_begin_that_fails_costs_no_program(tmp_path: Path) -> None:
    """Nothing was asked, so nothing is recorded, and the program runs in the next session."""
    calls: list[str] = []

    def hook(name: str, op: Op | None) -> None:
        calls.append(name)
        if (name == "begin" and calls.count("begin") == 1) or (name == "session" and calls.count("session") == 1):
            raise ConnectionError("down")

    outcome = perform(tmp_path, workload(each(writes(1))), hook, schedule="steps")
    assert [status for _, _, status, _ in told(outcome.history)] == [Status.OK]
    assert calls.count("session") == 3


@BOTH
def test_target_that_only_explodes_stops_the_run(tmp_path: Path, schedule: str) -> None:
    """Ten broken sessions in a row, even those that cannot abort, are trouble; each asked transaction is UNKNOWN."""

    def hook(call: str, op: Op | None) -> None:
        if call in {"step", "abort"}:
            raise RuntimeError(f"boom at {hex(id(op) | 2**20)}")

    outcome = perform(tmp_path, workload(), hook, schedule=schedule, clients=1, op_timeout_s=0.2)
    assert outcome.trouble == (
        "the target fails: client 0 had 10 broken sessions in a row, at last with RuntimeError: boom at 0x…"
    )
    assert (outcome.history.status == Status.UNKNOWN).sum() == len(outcome.history) == BROKEN_IN_A_ROW_MAX


@pytest.mark.parametrize("other", ["OK", "ABORTED"])
def test_sessions_that_break_now_and_then_are_no_trouble(tmp_path: Path, other: str) -> None:
    """Only broken sessions in a row count: an answer in between, a refusal too, begins the count anew."""
    begun: list[str] = []

    def hook(call: str, op: Op | None) -> None:
        if call == "begin":
            begun.append(call)
        if call == "commit" and len(begun) % 2:
            raise ConnectionError("reset")
        if call == "commit" and other == "ABORTED":
            raise Aborted("no")

    outcome = perform(tmp_path, workload(), hook, schedule="steps", clients=1, txns=4 * BROKEN_IN_A_ROW_MAX)
    assert outcome.trouble == ""
    assert [status.name for _, _, status, _ in told(outcome.history)] == ["UNKNOWN", other] * 2 * BROKEN_IN_A_ROW_MAX


def test_client_waits_before_each_new_session(tmp_path: Path) -> None:
    """A target that is down is not hammered: the wait is asked for with the number of failures so far."""
    waits: list[int] = []

    def refuse() -> MemorySession:
        raise ConnectionError("down")

    log = Recorder(tmp_path / "events.log", RunInfo(), step_clock())
    client = Client(0, connect=refuse, recorder=log, pulse=Pulse(), pause=waits.append)
    with pytest.raises(
        RunTrouble, match="client 0 had 10 broken sessions in a row, at last with ConnectionError: down"
    ):
        client.perform(writes(1)())
    assert waits == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_trouble_of_one_client_stops_all(tmp_path: Path) -> None:
    """When one client cannot go on, the others finish what they have and draw no more."""

    def broken() -> Program:
        yield read("x")
        raise LookupError("bug")

    def programs(rng: Rng, params: Params) -> Iterator[Program]:
        yield broken()
        yield from mixed(rng, params)

    outcome = perform(tmp_path, workload(programs), clients=3, op_timeout_s=20.0)
    assert outcome.trouble == "the workload fake is wrong: a program raised LookupError: bug"
    assert (outcome.history.status != Status.UNKNOWN).all()


def test_abort_that_fails_changes_no_status(tmp_path: Path) -> None:
    """A refused transaction stays refused; only its session is replaced."""

    def hook(call: str, op: Op | None) -> None:
        if call == "commit":
            raise Aborted("no")
        if call == "abort":
            raise ConnectionError("gone")

    outcome = perform(tmp_path, workload(each(writes(1), writes(2))), hook, clients=1, schedule="steps")
    assert [status for _, _, status, _ in told(outcome.history)] == [Status.ABORTED, Status.ABORTED]
    assert outcome.trouble == ""


# The harness itself.

CHILD = """
import os, sys
from pathlib import Path
from fake_targets import MemoryTarget, workload
from harness import recorder
from harness.history import RunInfo, Status
from harness.program import Params
from harness.runner import run

def appended(rows):
    return ",".join(str(value) for code, key, value in rows if code == 2)

plain_finish = recorder.Recorder.finish
def finish(self, lease, status, error=""):
    elements = appended(lease.attempt.rows)
    plain_finish(self, lease, status, error)
    os.write(1, f"{status.name} {elements}\\n".encode())
recorder.Recorder.finish = finish

run(MemoryTarget(), workload(), info=RunInfo(level="serializable", workload="fake"), params=Params(keys=4),
    clients=6, schedule="threads", seed=5, txns=None, time_limit_s=None, op_timeout_s=30, directory=Path(sys.argv[1]))
"""

FULL_DISK = """
import resource, sys
from pathlib import Path
from fake_targets import MemoryTarget, workload
from harness.history import RunInfo
from harness.program import Params
from harness.runner import run

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
outcome = run(MemoryTarget(), workload(), info=RunInfo(level="serializable"), params=Params(keys=64),
    clients=3, schedule=sys.argv[2], seed=5, txns=None, time_limit_s=None, op_timeout_s=30,
    directory=Path(sys.argv[1]))
print(outcome.trouble)
print(len(outcome.history))
"""


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def elements_of_others(txn: Txn) -> set[int]:
    """What a transaction read of what others appended."""
    own = {op.value for op in txn.ops if op.kind == "append"}
    return {one for op in txn.ops if op.kind == "r" for one in op.value or ()} - own


def test_killed_harness_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """After SIGKILL in the middle, every outcome that the child told of is in the recovered history, and every
    element that a transaction read has a transaction that may have written it.
    """
    with child(CHILD, str(tmp_path)) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(300)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    acknowledged = [line.split() for line in lines if line.endswith("\n")]
    assert process.returncode == -signal.SIGKILL
    history = load_run(tmp_path)
    status_of = {op.value: txn.status for txn in history.txns() for op in txn.ops if op.kind == "append"}
    checked = 0
    for status, *elements in acknowledged:
        for element in (int(one) for part in elements for one in part.split(",")):
            assert status_of[element] == Status[status]
            checked += 1
    assert checked > 300
    assert len(history) >= len(acknowledged)
    seen = {one for txn in history.txns() for one in elements_of_others(txn)}
    assert seen
    assert seen <= {element for element, status in status_of.items() if status != Status.ABORTED}
    assert history.cut.startswith("the run was killed or could not go on writing: ")
    assert history.info.workload == "fake"


@BOTH
def test_full_disk_ends_the_run_with_a_readable_log(tmp_path: Path, schedule: str) -> None:
    """A log that cannot grow stops the run with a sentence; what was written is a history."""
    with child(FULL_DISK, str(tmp_path), schedule) as process:
        assert process.stdout is not None
        trouble, count = process.stdout.read().splitlines()
    assert trouble.startswith(f"cannot write {tmp_path / 'events.log'}: File too large; free some space")
    recovered = read_history(tmp_path / "events.log")
    assert len(recovered) == int(count) > 50
    assert recovered.cut.startswith("the run was killed or could not go on writing: ")


def test_log_that_cannot_be_read_back_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealing that fails leaves an outcome with an empty history that says so, instead of an exception."""

    def refuse(path: Path, info: RunInfo) -> History:
        raise StoreError(f"{path.name} is malformed; run it again")

    monkeypatch.setattr(runner, "read_history", refuse)
    outcome = perform(tmp_path, workload(), txns=3, schedule="steps")
    assert outcome.trouble == "events.log is malformed; run it again"
    assert (len(outcome.history), outcome.history.cut) == (0, "the log of this run could not be read back")


def test_disk_that_fills_while_sealing_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history is returned though it could not be stored, and the log still has it."""

    def refuse(history: History, directory: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runner, "save_history", refuse)
    outcome = perform(tmp_path, workload(), txns=3, schedule="steps")
    assert outcome.trouble.startswith(f"cannot seal the history in {tmp_path}: No space left on device")
    assert told(load_run(tmp_path)) == told(outcome.history)
    assert len(outcome.history) == 3


def test_harness_failure_is_trouble_and_not_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a worker die of our own bug, the run says so, and its open transaction is in the history."""

    def bug(*_: object) -> None:
        raise ZeroDivisionError("bug")

    monkeypatch.setattr("harness.recorder.Attempt.answer", bug)
    monkeypatch.setattr("harness.client.Client._fail", bug)
    outcome = perform(tmp_path, workload(each(writes(1)), setup=nothing), schedule="threads", clients=1)
    assert outcome.trouble == "the harness failed: ZeroDivisionError: bug"
    assert told(outcome.history) == [
        (0, (Op("r", "x", UNSEEN),), Status.UNKNOWN, "the run ended while this was open")
    ]
