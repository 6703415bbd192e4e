"""The workloads of the data models, on a database that has them, keeps each level, or breaks one promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from random import Random

import pytest

from anomalist.suites import CHECKERS, ON_KEYS, ON_MODELS, ON_OBJECTS, SCRIPTED, SUITES
from anomalist.suites import WORKLOADS as CHECKS
from anomalist.suites import checker as check
from harness.history import History, Op
from harness.level import implied_by
from harness.models import CREATE_CELLS, VECTOR_VALUES, model_of
from harness.program import Params, Program, Rollback
from harness.verdict import Findings, Outcome, judge
from tests.workloads import mock_models as mocks
from tests.workloads.mock_database import KEEPS, simulate
from workloads import WORKLOADS


def found(name: str, history: History) -> Findings:
    (checker,) = CHECKS[name].checkers
    return check(checker, history)


def names(findings: Findings) -> set[str]:
    return {one.name for one in findings.anomalies}


@pytest.mark.parametrize("workload", ON_MODELS)
@pytest.mark.parametrize("level", KEEPS)
@pytest.mark.parametrize(("unknown", "cut"), [(0.0, False), (0.3, False), (0.3, True)])
def test_no_level_that_the_database_keeps_is_refuted(workload: str, level: str, unknown: float, cut: bool) -> None:
    """Random small runs at each level, unknown outcomes and lost pieces of the log included, refute nothing true."""
    kept = implied_by(KEEPS[level])
    for seed in range(25):
        history = simulate(
            WORKLOADS[workload],
            level,
            seed,
            txns=40,
            unknown=unknown,
            cut=cut,
            database_class=mocks.ModelDatabase,
        )
        findings = found(workload, history)
        assert not kept & set(findings.refuted), (seed, findings.anomalies)


@pytest.mark.parametrize("workload", ON_MODELS)
def test_a_serializable_database_passes_with_enough_evidence(workload: str) -> None:
    """Runs of 200 transactions on a database without anomalies pass, and are not vacuous."""
    for seed in range(10):
        history = simulate(WORKLOADS[workload], "serializable", seed, database_class=mocks.ModelDatabase)
        findings = found(workload, history)
        verdict = judge(findings, "strict-serializable")
        assert (verdict.outcome, findings.anomalies, findings.doubts) == (Outcome.PASS, (), ()), (seed, verdict)


@pytest.mark.parametrize(
    ("workload", "level", "anomaly"),
    [
        ("queue", "read-committed", "duplicate-claim"),
        ("sql-append", "snapshot-isolation", "G2-item"),
        ("sql-bank", "read-committed", "wrong-total"),
        ("sql-bank", "read-committed", "lost-update"),
        ("cache", "parallel-snapshot", "G-single-item-realtime"),
        ("vectors", "parallel-snapshot", "G-single-item-realtime"),
        ("graph", "snapshot-isolation", "dangling-edge"),
        ("graph", "parallel-snapshot", "G-single-item-realtime"),
    ],
)
def test_the_anomaly_of_a_weak_level_shows(workload: str, level: str, anomaly: str) -> None:
    """With its default parameters each workload shows what the level admits in all of ten runs but one."""
    missed = [
        seed
        for seed in range(10)
        if anomaly
        not in names(found(workload, simulate(WORKLOADS[workload], level, seed, database_class=mocks.ModelDatabase)))
    ]
    assert len(missed) <= 1, missed


@pytest.mark.parametrize(
    ("workload", "bug", "anomaly"),
    [
        ("queue", mocks.ChecksThenActs, "duplicate-claim"),
        ("queue", mocks.ForgetsClaims, "duplicate-claim"),
        ("queue", mocks.LosesTasks, "lost-task"),
        ("queue", mocks.LosesWhatIsGivenBack, "lost-task"),
        ("queue", mocks.GivesOutAbortedTasks, "G1a"),
        ("queue-redelivery", mocks.IgnoresAcks, "redelivered-task"),
        ("queue-redelivery", mocks.TakesStaleAcks, "stale-ack"),
        ("queue-redelivery", mocks.LosesWhatIsGivenBack, "lost-task"),
        ("cache", mocks.FindsWhatIsDeleted, "G-single-item-realtime"),
        ("vectors", mocks.KeepsOldVectors, "G-single-item-realtime"),
        ("graph", mocks.LeavesEdges, "dangling-edge"),
        ("graph", mocks.LosesEdges, "G-single-item-realtime"),
    ],
)
def test_a_planted_bug_is_found(workload: str, bug: type[mocks.ModelDatabase], anomaly: str) -> None:
    """A serializable database with one broken promise is accused of it in all of ten runs but two."""
    accused = [
        names(found(workload, simulate(WORKLOADS[workload], "serializable", seed, database_class=bug)))
        for seed in range(10)
    ]
    assert sum(anomaly in these for these in accused) >= 8, accused


# Programs.


def run_alone(program: Program, answer: Callable[[Op], object]) -> list[Op]:
    """The operations of a program whose answers are made up."""
    done: list[Op] = []
    op = next(program, None)
    while op is not None:
        done.append(op._replace(value=answer(op)))
        try:
            op = program.send(done[-1])
        except (StopIteration, Rollback):
            op = None
    return done


def first_ops(workload: str, count: int, **params: object) -> list[Op]:
    chosen = Params(**params) if params else WORKLOADS[workload].defaults  # type: ignore[arg-type]
    programs = WORKLOADS[workload].programs(Random(1), chosen)
    return [op for op in (next(program, None) for program in islice(programs, count)) if op is not None]


@pytest.mark.parametrize("workload", ON_MODELS)
def test_every_operation_is_the_models(workload: str) -> None:
    """Nothing of these workloads is stored under a plain key, and the set-up is short."""
    setup = WORKLOADS[workload].setup(Random(1), WORKLOADS[workload].defaults)
    model = {"queue-redelivery": "queue", "sql-append": "sql", "sql-bank": "sql"}.get(workload, workload)
    ops = [op for program in setup for op in run_alone(program, lambda op: op.value)]
    assert {model_of(op) for op in (*ops, *first_ops(workload, 100))} == {model}
    assert len(ops) <= 6


def test_the_set_ups_make_what_the_rest_needs() -> None:
    """A table, an index of vectors, and two queues that differ in how long a claim lasts."""

    def made(workload: str) -> Op:
        return next(next(iter(WORKLOADS[workload].setup(Random(1), WORKLOADS[workload].defaults))))

    assert made("sql-append") == made("sql-bank") == Op("sql", "cells", CREATE_CELLS)
    assert made("vectors") == Op("make_vectors", "vectors", 32)
    assert made("queue") == Op("make_queue", "tasks", (86_400.0, 1_000_000))
    assert made("queue-redelivery") == Op("make_queue", "tasks", (1e-6, 1_000_000))


def test_statements_move_whole_workloads_into_the_table() -> None:
    """The programs are those of list-append and bank with other keys, and see their own keys in the answers."""
    for workload, plain in (("sql-append", "list-append"), ("sql-bank", "bank")):
        moved, own = (WORKLOADS[name].programs(Random(3), WORKLOADS[plain].defaults) for name in (workload, plain))
        for one, other in islice(zip(moved, own, strict=True), 20):
            there, here = (run_alone(program, lambda op: op.value or "80#1") for program in (one, other))
            assert there == [op._replace(key=("sql", op.key)) for op in here]


def test_tasks_are_put_in_once() -> None:
    """Payloads count up, so that a task is known by its payload."""
    ops = [op for op in first_ops("queue", 400, ops_max=1) if op.kind == "enqueue"]
    assert [op.value for op in ops] == [f"task{number}" for number in range(len(ops))]
    assert len(ops) > 150


def test_what_was_claimed_before_is_ended_later() -> None:
    """Workers that leave their claim do so to later transactions: the oldest first, and some of them twice."""
    receipts = iter(range(1_000))
    ended: Counter[int] = Counter()
    kept: set[int] = set()
    order: list[int] = []

    def answer(op: Op) -> object:
        return (1, "task1", 1, next(receipts)) if op.kind == "dequeue" else (op.value, True)

    programs = WORKLOADS["queue"].programs(Random(5), Params(read_ratio=1.0, rollback_ratio=0))
    for program in islice(programs, 600):
        ops = run_alone(program, answer)
        assert [op.kind for op in ops][:1] in (["dequeue"], ["ack"], ["nack"])
        if ops[0].kind == "dequeue" and len(ops) == 1:
            kept.add(ops[0].value[3])
        elif ops[0].kind != "dequeue":
            ended[ops[0].value[0]] += 1
            order.append(ops[0].value[0])
    assert set(ended) <= kept
    assert order == sorted(order)
    assert max(ended.values()) > 1


def test_the_finale_empties_the_queue_and_ends() -> None:
    """It acknowledges what comes out until nothing does, and stops where something comes out twice."""
    left = [(number, f"task{number}", 1, number) for number in range(70)]
    acknowledged = []

    def answer(op: Op) -> object:
        if op.kind == "dequeue":
            return left.pop() if left else None
        acknowledged.append(op.value)
        return (op.value, True)

    programs = [run_alone(program, answer) for program in WORKLOADS["queue"].finale(Random(1), Params())]
    assert sorted(acknowledged) == list(range(70))
    assert [len(ops) for ops in programs] == [64, 64, 13]
    endless = WORKLOADS["queue"].finale(Random(1), Params())
    same = [run_alone(program, lambda op: (1, "a", 1, 1)) for program in endless]
    assert [[op.kind for op in ops] for ops in same] == [["dequeue", "ack", "dequeue"]]


def test_vectors_have_each_value_once() -> None:
    """An id is written with 1, 2, 3, 4 and never again, whatever the parameters say."""
    written: dict[int, list[int]] = {}
    for op in first_ops("vectors", 800, ops_min=1, ops_max=1, key_choice="hot", writes_per_key=99):
        if op.kind == "w":
            written.setdefault(op.key[1], []).append(op.value)
    assert len(written) > 50
    assert all(values == list(VECTOR_VALUES)[: len(values)] for values in written.values())


def test_cache_puts_reads_and_deletes_a_few_entries() -> None:
    """A third of the changes are deletes, and no value is put under a key twice."""
    ops = first_ops("cache", 900, keys=4, key_choice="uniform", ops_min=1, ops_max=1)
    kinds = Counter(op.kind for op in ops)
    assert kinds["delete"] / (kinds["delete"] + kinds["w"]) == pytest.approx(1 / 3, abs=0.05)
    assert {op.key for op in ops} == {("cache", f"entry{number}") for number in range(4)}
    puts = Counter((op.key, op.value) for op in ops if op.kind == "w")
    assert max(puts.values()) == 1


def test_an_edge_is_added_between_nodes_that_are_there() -> None:
    """A program that misses one of the nodes adds nothing; each edge has a kind of its own."""

    def programs() -> list[Program]:
        return list(islice(WORKLOADS["graph"].programs(Random(2), Params(read_ratio=0.0, rollback_ratio=0)), 200))

    missing = [op for program in programs() for op in run_alone(program, lambda op: (op.value, ((), ())))]
    assert not [op for op in missing if op.kind == "add_edge"]
    there = [
        op
        for program in programs()
        for op in run_alone(
            program, lambda op: (op.value, ((op.value[0],), ())) if op.kind == "traverse" else op.value
        )
    ]
    edges = [op.value for op in there if op.kind == "add_edge"]
    assert len(edges) > 100
    assert len({kind for _, kind, _ in edges}) == len(edges)
    assert all(source != target for source, _, target in edges)
    deleted = [op.value for op in there if op.kind == "delete_node"]
    assert len(deleted) == len(set(deleted)) > 20


def test_the_suite_has_all_of_them_and_the_others_none() -> None:
    """`models` is every workload on a data model and the restart; `quick` and `standard` ask for keys alone, of which
    only `standard` asks for single objects."""
    assert SUITES["models"].workloads == (*ON_MODELS, "restart")
    assert {*ON_KEYS, *ON_OBJECTS, *SUITES["models"].workloads} == set(CHECKS) == set(WORKLOADS)
    assert SUITES["quick"].workloads == ON_KEYS
    assert SUITES["standard"].workloads == (*ON_KEYS, *ON_OBJECTS)
    assert {name for row in CHECKS.values() for name in row.checkers} == set(CHECKERS) - {
        SCRIPTED,
        "visibility",
        "timestamps",
    }
