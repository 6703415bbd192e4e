"""The reference engine's data models under their workloads: never accused, and each operation is what it says."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anomalist.performing import perform
from anomalist.plan import SuiteRequest, info_of, left_out, parts_of, run_info, target_of, task_of
from anomalist.suites import ON_MODELS
from harness.history import Op
from harness.models import CREATE_CELLS
from harness.program import append, delete, read, write
from harness.target import Aborted, Session
from harness.targets.reference import ReferenceTarget
from harness.verdict import Outcome, RunResult

TXNS = 300


def run(
    directory: Path,
    workload: str,
    *,
    level: str | None = None,
    schedule: str = "steps",
    seed: int = 0,
    target: str = "reference",
) -> RunResult:
    request = SuiteRequest(
        suite="models",
        target=target,
        level=level,
        workloads=(workload,),
        schedule=schedule,
        seeds=(seed,),
        txns=TXNS,
    )
    opened = target_of(target)
    info = run_info(request, opened, datetime.now(UTC))
    (part,) = parts_of(request, opened)
    return perform(task_of(request, part, info_of(part, info), directory), threading.Event(), None)


@pytest.mark.parametrize("workload", ON_MODELS)
@pytest.mark.parametrize("schedule", ["steps", "threads"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_engine_is_not_accused(tmp_path: Path, workload: str, schedule: str, seed: int) -> None:
    """At serializable every workload passes, with enough to see, in steps and in threads."""
    result = run(tmp_path, workload, schedule=schedule, seed=seed)
    verdict = result.verdicts[0]  # A target's own timestamps may be held against its lists, too.
    assert (verdict.findings.anomalies, verdict.findings.doubts, result.trouble) == ((), (), "")
    assert verdict.outcome is Outcome.PASS, verdict.sentence


@pytest.mark.parametrize("workload", ON_MODELS)
@pytest.mark.parametrize("level", ["snapshot-isolation", "read-committed"])
def test_a_weaker_level_is_held_to_what_it_promises(tmp_path: Path, workload: str, level: str) -> None:
    """Where the engine promises less, what it then lets happen is allowed, and the run comes to its end."""
    result = run(tmp_path, workload, level=level)
    verdict = result.verdicts[0]
    assert (verdict.outcome, result.trouble) != (Outcome.FAIL, ""), verdict.sentence
    assert all(verdict.allowed(one) for one in verdict.findings.anomalies)
    assert result.trouble == ""


@pytest.mark.parametrize(
    ("workload", "level", "anomaly"),
    [
        ("sql-append", "snapshot-isolation", "G2-item"),
        ("sql-bank", "read-committed", "lost-update"),
        ("queue", "read-committed", "duplicate-claim"),
        ("graph", "snapshot-isolation", "dangling-edge"),
    ],
)
def test_what_a_weaker_level_admits_is_found_through_the_models(
    tmp_path: Path, workload: str, level: str, anomaly: str
) -> None:
    """A write skew through statements, two claims of a task, a dangling edge: models are no safer than keys."""
    verdict = run(tmp_path, workload, level=level).verdicts[0]
    assert anomaly in {one.name for one in verdict.findings.anomalies}


@pytest.mark.parametrize("workload", ON_MODELS)
def test_a_run_in_steps_is_the_same_again(tmp_path: Path, workload: str) -> None:
    """The same seed gives the same history, receipts included, although the engine draws them at random."""
    columns = []
    for name in ("one", "two"):
        directory = tmp_path / name
        directory.mkdir()
        run(directory, workload)
        columns.append({path.name: path.read_bytes() for path in (directory / "history").iterdir()})
    assert columns[0] == columns[1]


@pytest.mark.parametrize("schedule", ["steps", "threads"])
def test_the_engine_keeps_what_it_acknowledged_over_a_restart(tmp_path: Path, schedule: str) -> None:
    """With a path it is restarted as after a kill, every key is what it was, and nothing is left in the path."""
    place, directory = tmp_path / "place", tmp_path / "run"
    place.mkdir()
    directory.mkdir()
    result = run(directory, "restart", schedule=schedule, target=f"reference:path={place},sync=normal")
    (verdict,) = result.verdicts
    assert (verdict.outcome, result.trouble) == (Outcome.PASS, ""), verdict.sentence
    assert [fault.name for fault in result.history.faults] == ["restart"]
    assert list(place.iterdir()) == []


def test_a_database_in_memory_is_not_restarted() -> None:
    """The suite leaves the workload out where the target cannot be restarted, and says why."""
    request = SuiteRequest(suite="models")
    memory, disk = target_of("reference"), target_of("reference:path=somewhere")
    assert list(left_out(request, memory)) == [("restart", "restart")]
    assert list(left_out(request, disk)) == []
    assert [part.name for part in parts_of(request, disk)] == [*ON_MODELS, "restart"]


# Sessions.


@pytest.fixture
def target() -> Any:
    opened = ReferenceTarget()
    opened.open()
    yield opened
    opened.close()


def transact(session: Session, *ops: Op) -> list[Any]:
    session.begin()
    values = [session.step(op).value for op in ops]
    session.commit()
    return values


def test_each_operation_on_a_model_is_a_call_of_the_engine(target: ReferenceTarget) -> None:
    """What is written, put, added or claimed is there for the same session and for the next one."""
    one, two = target.session("serializable"), target.session("serializable")
    assert transact(
        one,
        Op("sql", "cells", CREATE_CELLS),
        append(("sql", "x"), 1),
        append(("sql", "x"), 2),
        write(("sql", "y"), "80#1"),
        write(("cache", "e1"), "v1"),
        write(("vectors", 7), 3),
        Op("make_queue", "q", (60.0, 5)),
        Op("enqueue", "q", "task1"),
        Op("add_node", "g", "a"),
        Op("add_node", "g", "b"),
        Op("add_edge", "g", ("a", "k", "b")),
    ) == [(CREATE_CELLS, []), 1, 2, "80#1", "v1", 3, (60.0, 5), ("task1", 1), "a", "b", (("a", "k", "b"), True)]
    assert transact(
        two,
        read(("sql", "x")),
        read(("sql", "y")),
        read(("sql", "z")),
        read(("cache", "e1")),
        read(("vectors", 7)),
        read(("vectors", 8)),
        Op("dequeue", "q"),
        Op("dequeue", "q"),
        Op("traverse", "g", ("a", 1)),
    ) == [
        [1, 2],
        "80#1",
        None,
        "v1",
        3,
        None,
        (1, "task1", 1, 0),
        None,
        (("a", 1), (("a", "b"), (("a", "k", "b"),))),
    ]
    assert transact(
        one,
        delete(("sql", "y")),
        read(("sql", "y")),
        delete(("cache", "e1")),
        read(("cache", "e1")),
        Op("nack", "q", 0),
        Op("ack", "q", 0),
        Op("dequeue", "q"),
        Op("ack", "q", 1),
        Op("delete_node", "g", "b"),
        Op("traverse", "g", ("a", 1)),
        Op("traverse", "g", ("b", 1)),
        Op("add_edge", "g", ("a", "k", "b")),
    ) == [
        None,
        None,
        None,
        None,
        (0, True),
        (0, False),
        (1, "task1", 2, 1),
        (1, True),
        "b",
        (("a", 1), (("a",), ())),
        (("b", 1), ((), ())),
        (("a", "k", "b"), False),
    ]


def test_nothing_of_a_model_remains_of_an_aborted_transaction(target: ReferenceTarget) -> None:
    """Operations on models belong to the session's transaction, and go with it."""
    session = target.session("serializable")
    transact(session, Op("sql", "cells", CREATE_CELLS))
    session.begin()
    for op in (
        append(("sql", "x"), 1),
        write(("cache", "e"), "v"),
        Op("enqueue", "q", "task1"),
        Op("add_node", "g", "a"),
    ):
        session.step(op)
    session.abort()
    assert transact(
        session, read(("sql", "x")), read(("cache", "e")), Op("dequeue", "q"), Op("traverse", "g", ("a", 1))
    ) == [None, None, None, (("a", 1), ((), ()))]


def test_a_claim_of_two_transactions_is_a_conflict(target: ReferenceTarget) -> None:
    """Two sessions that were given one task cannot both commit."""
    one, two = target.session("serializable"), target.session("serializable")
    transact(one, Op("make_queue", "q", (60.0, 5)), Op("enqueue", "q", "task1"))
    for session in (one, two):
        session.begin()
        assert session.step(Op("dequeue", "q")).value[1] == "task1"
    one.commit()
    with pytest.raises(Aborted):
        two.commit()


def test_a_refused_statement_aborts(target: ReferenceTarget) -> None:
    """What the engine refuses had no effect, and the next transaction begins afresh."""
    session = target.session("serializable")
    session.begin()
    with pytest.raises(Aborted, match="cells"):
        session.step(read(("sql", "x")))
    assert transact(session, Op("sql", "cells", CREATE_CELLS), read(("sql", "x"))) == [(CREATE_CELLS, []), None]
