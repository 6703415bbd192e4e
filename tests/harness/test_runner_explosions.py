"""Targets that raise, a killed harness, a full disk: every run ends, and its record says what is known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_targets import MemorySession, each, mixed, nothing, workload
from small_runs import perform, told, writes

from harness import runner
from harness.client import BROKEN_IN_A_ROW_MAX, Client, Pulse
from harness.history import UNSEEN, History, Op, RunInfo, Status, Txn
from harness.program import Params, Program, Rng, read
from harness.recorder import Recorder, read_history, step_clock
from harness.rundir import load_run
from harness.target import Aborted
from harness.trouble import RunTrouble, StoreError

BOTH = pytest.mark.parametrize("schedule", ["steps", "threads"])
ROOT = Path(__file__).parents[2]


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
    client = Client(0, connect=refuse, recorder=log, pulse=Pulse(), pause=waits.append, renumber=lambda: 1)
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
def finish(self, lease, status, *more, **named):
    elements = appended(lease.attempt.rows)
    plain_finish(self, lease, status, *more, **named)
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
