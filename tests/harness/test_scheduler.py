"""The two schedules: exact repetition in steps, real threads that never overlap themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_targets import MemoryTarget, mixed, workload

from harness.history import History, RunInfo, Status
from harness.program import Params, Rng, Workload
from harness.runner import RunOutcome, run
from harness.scheduler import Draw

ROOT = Path(__file__).parents[2]
RUN_IN_STEPS = """
import sys
from pathlib import Path
from test_scheduler import perform
perform(Path(sys.argv[1]), schedule="steps", seed=int(sys.argv[2]))
"""


def perform(
    directory: Path, *, schedule: str, seed: int = 1, clients: int = 4, txns: int = 60, work: Workload | None = None
) -> RunOutcome:
    return run(
        MemoryTarget(),
        work or workload(),
        info=RunInfo(workload="fake", level="serializable"),
        params=Params(keys=6),
        clients=clients,
        schedule=schedule,
        seed=seed,
        txns=txns,
        time_limit_s=None,
        op_timeout_s=20,
        directory=directory,
    )


def sealed_bytes(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((directory / "history").iterdir())}


def overlapping_pairs(history: History) -> int:
    starts, ends = history.start, history.end
    return int(((starts[:, None] < ends[None, :]) & (starts[None, :] < ends[:, None])).sum() - len(history)) // 2


def test_steps_repeat_byte_for_byte_in_another_process(tmp_path: Path) -> None:
    """The same seed gives the same history/ in whatever process, with whatever hash seed; another does not."""
    for name, seed, hash_seed in (("a", 1, "1"), ("b", 1, "2"), ("c", 2, "1")):
        (tmp_path / name).mkdir()
        path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
        subprocess.run(
            [sys.executable, "-c", RUN_IN_STEPS, str(tmp_path / name), str(seed)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path},
            check=True,
        )
    first, second, other = (sealed_bytes(tmp_path / name) for name in "abc")
    assert len(first) == 14
    assert first == second
    assert first != other


def test_steps_interleave(tmp_path: Path) -> None:
    """On one thread transactions overlap each other, so that conflicts and refusals happen."""
    outcome = perform(tmp_path, schedule="steps")
    assert outcome.trouble == ""
    assert overlapping_pairs(outcome.history) == 133
    assert [(outcome.history.status == status).sum() for status in Status] == [39, 21, 0]


def test_steps_count_time_in_moments(tmp_path: Path) -> None:
    """The clock of steps is a counter: every start and end is a moment of its own."""
    history = perform(tmp_path, schedule="steps").history
    moments = np.concatenate([history.start, history.end])
    assert len(np.unique(moments)) == 2 * len(history)
    assert (history.info.clock, history.info.schedule) == ("steps", "steps")


@pytest.mark.parametrize("schedule", ["steps", "threads"])
def test_no_client_overlaps_itself(tmp_path: Path, schedule: str) -> None:
    """A client's transactions come one after the other, and all clients take part."""
    history = perform(tmp_path, schedule=schedule, txns=200).history
    for client in range(4):
        rows = history.client == client
        assert (history.end[rows][:-1] <= history.start[rows][1:]).all()
    if schedule == "steps":
        assert sorted(set(history.client.tolist())) == [0, 1, 2, 3]


def test_threads_draw_the_same_programs(tmp_path: Path) -> None:
    """With threads a seed repeats the programs: together the clients append the same elements."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    appended = []
    for name, schedule, seed in (("a", "threads", 1), ("b", "steps", 1), ("c", "threads", 2)):
        history = perform(tmp_path / name, schedule=schedule, seed=seed).history
        ops = (op for txn in history.txns() for op in txn.ops if op.kind == "append")
        appended.append(sorted((op.value, op.key) for op in ops))
    assert appended[0] == appended[1]
    assert appended[0] != appended[2]


def test_threads_count_nanoseconds(tmp_path: Path) -> None:
    """The clock of threads starts at zero with the run."""
    outcome = perform(tmp_path, schedule="threads")
    assert outcome.history.info.clock == "nanoseconds"
    assert 0 <= outcome.history.start[0] < outcome.history.end.max() < outcome.seconds * 1e9


def test_draw_stops_at_count_deadline_and_end() -> None:
    """Programs are handed out until the first of the three limits, and none is left over half-drawn."""
    ended = [False]
    programs = mixed(Rng(1), Params())

    def draw(count: int | None, deadline_s: float | None) -> Draw:
        return Draw(programs, count=count, deadline_s=deadline_s, ended=lambda: ended[0])

    three = draw(3, None)
    assert [three() is not None for _ in range(5)] == [True, True, True, False, False]
    assert draw(None, 0.0)() is None
    endless = draw(None, None)
    assert endless() is not None
    ended[0] = True
    assert endless() is None


def test_time_limit_ends_an_endless_workload(tmp_path: Path) -> None:
    """A run without a number of transactions ends by the clock, whole."""
    outcome = run(
        MemoryTarget(), workload(), info=RunInfo(level="serializable"), params=Params(), clients=2,
        schedule="threads", seed=1, txns=None, time_limit_s=0.05, op_timeout_s=20, directory=tmp_path,
    )  # fmt: skip
    assert (outcome.trouble, outcome.interrupted, outcome.history.cut) == ("", False, "")
