"""What a run records: phases, statuses, retries, and what it says of itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_runs
from fake_targets import Hook, MemoryTarget, each, mixed, quiet, workload

from harness.eventlog import Frame, LogReader
from harness.history import UNSEEN, History, Op, RunInfo, Status
from harness.program import Params, Program, Rng, Rollback, Workload, append, read, scan, write
from harness.runner import RETRIES_MAX, RunOutcome, run
from harness.store import load_history
from harness.target import Aborted
from harness.trouble import RunTrouble

BOTH = pytest.mark.parametrize("schedule", ["steps", "threads"])


def perform(
    directory: Path, work: Workload, *, hook: Hook = quiet, schedule: str = "steps", **changes: Any
) -> RunOutcome:
    return small_runs.perform(directory, work, hook, schedule=schedule, **({"op_timeout_s": 20.0} | changes))


def rows(history: History) -> list[tuple[int, tuple[Op, ...], Status]]:
    return [(txn.client, txn.ops, txn.status) for txn in history.txns()]


def write_x() -> Program:
    yield write("x", 1)


def copy_x_to_y() -> Program:
    seen = yield read("x")
    yield write("y", (seen.value, "copied"))


def read_y() -> Program:
    yield read("y")
    yield scan("a", "z")


class Refusals:
    """Aborted at the first `times` calls of this name."""

    def __init__(self, call: str, times: int) -> None:
        self.call = call
        self.left = times
        self.calls: list[str] = []

    def __call__(self, call: str, op: Op | None) -> None:
        self.calls.append(call)
        if call == self.call and self.left:
            self.left -= 1
            raise Aborted("not now\x1b[31m")


@BOTH
def test_phases_follow_each_other(tmp_path: Path, schedule: str) -> None:
    """Set-up and finale run alone as a client of their own; a program is sent what its reads returned."""
    work = workload(each(copy_x_to_y), setup=each(write_x), finale=each(read_y))
    outcome = perform(tmp_path, work, schedule=schedule, clients=1)
    copied = (1, "copied")
    assert rows(outcome.history) == [
        (1, (Op("w", "x", 1),), Status.OK),
        (0, (Op("r", "x", 1), Op("w", "y", copied)), Status.OK),
        (2, (Op("r", "y", copied), Op("scan", ("a", "z"), {"x": 1, "y": copied})), Status.OK),
    ]
    assert (outcome.trouble, outcome.interrupted, outcome.history.cut) == ("", False, "")
    assert (outcome.history.end[:-1] < outcome.history.start[1:]).all()


def test_what_is_returned_is_what_is_stored(tmp_path: Path) -> None:
    """The outcome's history is the one in the directory, with the run completed in its information."""
    outcome = perform(tmp_path, workload(), txns=50, seed=9)
    stored = load_history(tmp_path)
    assert list(stored.txns()) == list(outcome.history.txns())
    info = stored.info
    assert (info.target, info.target_version, info.seed, info.clients, info.schedule, info.clock) == (
        "memory", "1", 9, 2, "steps", "steps",
    )  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.log", "history", "run.json"]


@BOTH
def test_operations_are_written_down_before_commit_is_called(tmp_path: Path, schedule: str) -> None:
    """When commit is called, the log already holds the transaction's operations."""
    found: list[list[int]] = []

    def look(call: str, op: Op | None) -> None:
        if call == "commit":
            found.append([frame[0] for frame in LogReader(tmp_path / "events.log").frames()])

    perform(tmp_path, workload(each(write_x, read_y)), hook=look, schedule=schedule, clients=1)
    assert found == [[Frame.INTENT], [Frame.INTENT, Frame.OUTCOME, Frame.INTENT]]


@pytest.mark.parametrize(
    ("call", "ops"),
    [
        ("begin", ()),
        ("step", (Op("r", "y", UNSEEN),)),
        ("commit", (Op("r", "y", None), Op("scan", ("a", "z"), {}))),
    ],
)
@BOTH
def test_aborted_is_aborted(tmp_path: Path, schedule: str, call: str, ops: tuple[Op, ...]) -> None:
    """A refusal is recorded with all that was asked, the session goes on, and its text is made printable."""
    hook = Refusals(call, 1)
    outcome = perform(tmp_path, workload(each(read_y, write_x)), hook=hook, schedule=schedule, clients=1)
    assert rows(outcome.history) == [(0, ops, Status.ABORTED), (0, (Op("w", "x", 1),), Status.OK)]
    assert outcome.history.txn(0).error == "not now\\x1b[31m"
    assert hook.calls.count("abort") == 1
    assert hook.calls.count("session") == 1


@pytest.mark.parametrize("phase", ["setup", "finale"])
def test_refused_set_up_and_finale_are_tried_again(tmp_path: Path, phase: str) -> None:
    """A refused transaction of the lonely phases is made anew, and each try is a transaction of the history."""

    def two(rng: Rng, params: Params) -> Iterator[Program]:
        for key in ("a", "b"):
            element = rng.randrange(10**9)
            yield (append(key, element) for _ in range(1))  # type: ignore[misc]

    parts: dict[str, Any] = {"setup": each(), "finale": each()} | {phase: two}
    outcome = perform(tmp_path, workload(each(), **parts), hook=Refusals("commit", 3))
    assert [(ops[0].key, status) for _, ops, status in rows(outcome.history)] == [
        ("a", Status.ABORTED),
        ("a", Status.ABORTED),
        ("a", Status.ABORTED),
        ("a", Status.OK),
        ("b", Status.OK),
    ]
    assert len({txn.ops for txn in outcome.history.txns()}) == 2
    assert outcome.trouble == ""


def test_set_up_that_never_commits_is_trouble(tmp_path: Path) -> None:
    """Without its initial state a run is worth nothing: no program is drawn, the sentence says why."""
    outcome = perform(tmp_path, workload(setup=each(write_x)), hook=Refusals("commit", 99))
    assert [status for _, _, status in rows(outcome.history)] == [Status.ABORTED] * (RETRIES_MAX + 1)
    assert outcome.trouble == "the set-up of fake is refused again and again: not now\\x1b[31m"


def test_set_up_of_unknown_outcome_is_not_repeated(tmp_path: Path) -> None:
    """A second try might write the same values twice."""

    def reset(call: str, op: Op | None) -> None:
        if call == "commit":
            raise ConnectionError("reset")

    outcome = perform(tmp_path, workload(setup=each(write_x)), hook=reset)
    assert rows(outcome.history) == [(2, (Op("w", "x", 1),), Status.UNKNOWN)]
    assert outcome.trouble == "the set-up of fake is of unknown outcome: ConnectionError: reset"


@BOTH
def test_program_that_raises_stops_the_run(tmp_path: Path, schedule: str) -> None:
    """Our own mistake is not the database's: its transaction is aborted, the trouble names the workload."""

    def broken() -> Program:
        seen = yield read("x")
        yield write("y", seen.value + 1)

    outcome = perform(tmp_path, workload(each(write_x, copy_x_to_y, broken, write_x)), schedule=schedule, clients=1)
    assert [status for _, _, status in rows(outcome.history)] == [Status.OK, Status.OK, Status.OK, Status.OK]
    hook = Refusals("nothing", 0)
    (tmp_path / "again").mkdir()
    outcome = perform(tmp_path / "again", workload(each(broken, write_x)), schedule=schedule, clients=1, hook=hook)
    assert rows(outcome.history) == [(0, (Op("r", "x", None),), Status.ABORTED)]
    assert outcome.trouble.startswith("the workload fake is wrong: a program raised TypeError: unsupported operand")
    assert hook.calls.count("abort") == 1


@BOTH
@pytest.mark.parametrize("nonsense", [None, ("w", "x", 1), Op("shuffle", "q", 1)])
def test_program_that_yields_nonsense_stops_the_run(tmp_path: Path, schedule: str, nonsense: Any) -> None:
    """What is no operation never reaches the database."""

    def program() -> Program:
        yield nonsense

    hook = Refusals("nothing", 0)
    outcome = perform(tmp_path, workload(each(program)), schedule=schedule, hook=hook)
    assert "instead of a known operation" in outcome.trouble
    assert "step" not in hook.calls


def test_workload_that_fails_to_make_a_program_stops_the_run(tmp_path: Path) -> None:
    """An error between two programs is told like one inside a program."""

    def failing(rng: Rng, params: Params) -> Iterator[Program]:
        yield write_x()
        raise LookupError("no more keys")

    outcome = perform(tmp_path, workload(failing), clients=1)
    assert rows(outcome.history) == [(0, (Op("w", "x", 1),), Status.OK)]
    assert outcome.trouble == "the workload fake is wrong: making a program raised LookupError: no more keys"


def test_empty_program_is_an_empty_transaction(tmp_path: Path) -> None:
    """A program without operations begins and commits."""

    def empty() -> Program:
        yield from ()

    outcome = perform(tmp_path, workload(each(empty)))
    assert [(ops, status) for _, ops, status in rows(outcome.history)] == [((), Status.OK)]


@BOTH
def test_adapter_that_answers_nonsense_makes_it_unknown(tmp_path: Path, schedule: str) -> None:
    """An answer that is no operation, or a scan without a map, is an adapter's failure and says so."""

    class Target(MemoryTarget):
        def session(self, level: str) -> Any:
            session = super().session(level)
            session.step = lambda op: Op("scan", op.key, [1]) if op.kind == "scan" else None  # type: ignore[assignment, method-assign, return-value]
            return session

    options: dict[str, Any] = {"txns": None, "time_limit_s": None, "op_timeout_s": 20.0, "directory": tmp_path}
    work = workload(each(lambda: (op for op in [scan("a", "z")]), write_x))  # type: ignore[arg-type, return-value]
    outcome = run(
        Target(),
        work,
        info=RunInfo(level="serializable"),
        params=Params(),
        clients=1,
        schedule=schedule,
        seed=1,
        **options,
    )
    assert rows(outcome.history) == [
        (0, (Op("scan", ("a", "z"), UNSEEN),), Status.UNKNOWN),
        (3, (Op("w", "x", 1),), Status.UNKNOWN),  # A new session, and so a new client.
    ]
    assert outcome.history.txn(0).error == "TypeError: the adapter answered a scan with list instead of a dict"


def test_progress_counts_programs_only(tmp_path: Path) -> None:
    """The last report is of all programs by their fate, without set-up and finale, and of the number wanted."""
    told: list[tuple[int, int, int, int | None]] = []
    outcome = perform(
        tmp_path,
        workload(mixed, setup=each(write_x), finale=each(read_y)),
        txns=40,
        on_progress=lambda *counts: told.append(counts),
    )
    counted = [
        sum(1 for txn in outcome.history.txns() if txn.status is status and txn.client < 2) for status in Status
    ]
    assert told[-1] == (*counted, 40)
    assert sum(counted) == 40


@BOTH
def test_stop_finishes_open_transactions_and_leaves_the_finale_out(tmp_path: Path, schedule: str) -> None:
    """After stop nothing is drawn, what is open commits, and the history is whole."""
    stop = threading.Event()
    commits = []

    def hook(call: str, op: Op | None) -> None:
        if call == "commit":
            commits.append(call)
            if len(commits) == 20:
                stop.set()

    outcome = perform(tmp_path, workload(finale=each(read_y)), hook=hook, schedule=schedule, stop=stop)
    assert (outcome.interrupted, outcome.trouble, outcome.history.cut) == (True, "", "")
    # The other client may have one transaction open, and may lose the race for the draw by none.
    assert len(outcome.history) in (20, 21)
    assert (outcome.history.status != Status.UNKNOWN).all()
    assert (outcome.history.client < 2).all()


def test_stop_before_the_start_leaves_an_empty_history(tmp_path: Path) -> None:
    """An interrupt that comes first of all is a run too."""
    stop = threading.Event()
    stop.set()
    outcome = perform(tmp_path, workload(setup=each(write_x)), stop=stop)
    assert (len(outcome.history), outcome.interrupted, outcome.trouble) == (0, True, "")


def test_unusable_directory_is_told_before_anything_runs(tmp_path: Path) -> None:
    """A log that is already there is never overwritten, and a missing directory is named."""
    hook = Refusals("nothing", 0)
    (tmp_path / "events.log").touch()
    with pytest.raises(RunTrouble, match=r"cannot create .*events\.log: .*File exists.*--out"):
        perform(tmp_path, workload(), hook=hook)
    with pytest.raises(RunTrouble, match=r"cannot write to .*missing: No such file"):
        perform(tmp_path / "missing", workload(), hook=hook)
    assert hook.calls == ["open", "target-close"] * 2


def test_unknown_schedule_and_no_clients_are_refused(tmp_path: Path) -> None:
    """A run that could not begin says so before the target is opened."""
    with pytest.raises(ValueError, match="unknown schedule 'random'; known: steps, threads"):
        perform(tmp_path, workload(), schedule="random")
    with pytest.raises(ValueError, match="one client at least"):
        perform(tmp_path, workload(), clients=0)


@BOTH
def test_a_program_that_rolls_back_leaves_nothing_and_is_aborted(tmp_path: Path, schedule: str) -> None:
    """A program that raises Rollback has its operations recorded as ABORTED, and nobody ever sees them."""

    def rolled_back() -> Program:
        yield write("x", 7)
        raise Rollback

    outcome = perform(tmp_path, workload(each(rolled_back), finale=each(read_y)), clients=1, schedule=schedule)
    assert rows(outcome.history)[:1] == [(0, (Op("w", "x", 7),), Status.ABORTED)]
    assert outcome.history.txn(0).error == "rolled back by its client"
    (_, (_, scanned), _) = rows(outcome.history)[1]
    assert scanned == Op("scan", ("a", "z"), {})
    assert outcome.trouble == ""
