"""Targets that hang and explode, harnesses that are killed, disks that are full: a run always ends, and tells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_targets import MemoryTarget, each, mixed, workload
from small_runs import perform, told, writes

from harness import keeper, runner
from harness.history import UNSEEN, Op, Status
from harness.program import Params, Program, Rng, append, read, write
from harness.rundir import load_run
from harness.target import TargetUnavailable

BOTH = pytest.mark.parametrize("schedule", ["steps", "threads"])
ROOT = Path(__file__).parents[2]


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
    assert unknown[1:] == [4, 5]


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
