"""Workloads on single objects: what their programs are, and what they find in the engine and in its mutants."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from anomalist.suites import ON_OBJECTS, WORKLOADS, checker
from harness.history import History, Op, RunInfo
from harness.level import level
from harness.program import Params, Program
from harness.runner import run
from harness.targets.reference import ReferenceTarget
from harness.verdict import Outcome, judge
from workloads import WORKLOADS as PROGRAMS


def recorded(directory: Path, name: str, at: str, **options: str) -> History:
    """A run of 1,500 transactions of five clients on the engine, one operation at a time."""
    outcome = run(
        ReferenceTarget(**options),
        PROGRAMS[name],
        info=RunInfo(suite="test", workload=name, target="reference", level=at),
        params=PROGRAMS[name].defaults,
        clients=5,
        schedule="steps",
        seed=1,
        txns=1_500,
        time_limit_s=None,
        op_timeout_s=10.0,
        directory=directory,
    )
    assert outcome.trouble == ""
    return outcome.history


def verdict(history: History) -> tuple[Outcome, list[str]]:
    [name] = WORKLOADS[history.info.workload].checkers
    findings = checker(name, history)
    return judge(findings, level("linearizable")).outcome, [one.name for one in findings.anomalies]


@pytest.mark.parametrize("name", ON_OBJECTS)
@pytest.mark.parametrize("at", ["serializable", "snapshot-isolation"])
def test_the_engine_is_linearizable_where_it_promises_it(tmp_path: Path, name: str, at: str) -> None:
    """At serializable and at snapshot isolation every object passes, on enough evidence."""
    assert verdict(recorded(tmp_path, name, at)) == (Outcome.PASS, [])


@pytest.mark.parametrize("name", ON_OBJECTS)
@pytest.mark.parametrize(
    ("at", "mutant"),
    [
        ("read-committed", ""),
        ("serializable", "no-write-conflicts"),
        ("serializable", "refused-commits-acknowledged"),
        ("serializable", "refused-commits-leave-versions"),
    ],
)
def test_what_is_not_linearizable_is_found(tmp_path: Path, name: str, at: str, mutant: str) -> None:
    """Updates that overwrite one another, acknowledged ones that are lost, refused ones that stay: all are found."""
    options = {"mutant": mutant} if mutant else {}
    assert verdict(recorded(tmp_path, name, at, **options)) == (Outcome.FAIL, ["not-linearizable"])


def test_a_stale_read_is_told(tmp_path: Path) -> None:
    """Where acknowledged writes are lost, the witness ends with a call that found an older state."""
    history = recorded(tmp_path, "linearizable-set", "serializable", mutant="refused-commits-acknowledged")
    [found] = checker("linearizable", history).anomalies
    assert len(found.txns) == 2
    appended, stale = (history.txn(row) for row in found.txns)
    assert (appended.ops[0].kind, stale.ops[0].kind) == ("append", "r")
    assert appended.end < stale.start
    assert appended.ops[0].value not in stale.ops[0].value


def alone(program: Program, answer: Any) -> list[Op]:
    """The operations of a program of which each gets `answer(op)` as its value."""
    done: list[Op] = []
    op = next(program, None)
    while op is not None:
        done.append(op)
        try:
            op = program.send(op._replace(value=answer(op)))
        except StopIteration:
            op = None
    return done


@pytest.mark.parametrize("name", ON_OBJECTS)
def test_each_transaction_is_one_operation(name: str) -> None:
    """Whatever is answered, in the programs and in the finale, a transaction is a call of an object."""
    refused = lambda op: (*op.value, False) if op.kind == "cas" else None  # noqa: E731
    programs = list(islice(PROGRAMS[name].programs(Random(3), Params(keys=3, read_ratio=0.4)), 500))
    kinds = [op.kind for program in programs for op in alone(program, refused)]
    assert len(kinds) == 500
    assert kinds.count("r") == pytest.approx(200, abs=40)
    finale = [alone(program, refused) for program in PROGRAMS[name].finale(Random(3), Params(keys=3))]
    assert all(len(ops) == 1 for ops in finale)


def test_a_lock_is_given_back_by_whoever_has_it() -> None:
    """Run alone, each lock is acquired when it is free and released in the name of its owner."""
    held: dict[str, Any] = {}
    acquired = released = 0

    def answer(op: Op) -> Any:
        nonlocal acquired, released
        if op.kind == "r":
            return held.get(op.key)
        old, new = op.value
        replaced = held.get(op.key) == old
        if replaced:
            held[op.key] = new
            acquired, released = acquired + (old is None), released + (new is None)
        assert replaced or old is None
        return old, new, replaced

    for program in islice(PROGRAMS["linearizable-lock"].programs(Random(1), Params(keys=2)), 400):
        alone(program, answer)
    assert acquired > 50
    assert released > 50


def test_a_lock_that_could_not_be_given_back_is_tried_again() -> None:
    """Of releases half are refused, as if they began before the acquisition was committed: no lock stays held."""
    held: dict[str, Any] = {}
    answers = Random(1)
    acquired = 0

    def answer(op: Op) -> Any:
        nonlocal acquired
        if op.kind == "r":
            return held.get(op.key)
        old, new = op.value
        replaced = held.get(op.key) == old and (old is None or answers.random() < 0.5)
        if replaced:
            held[op.key] = new
            acquired += old is None
        return old, new, replaced

    for program in islice(PROGRAMS["linearizable-lock"].programs(Random(1), Params(keys=2)), 400):
        alone(program, answer)
    assert acquired > 40
