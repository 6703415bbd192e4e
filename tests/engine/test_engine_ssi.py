"""The rule of `engine.ssi` against a brute-force judgement of strict serializability, and its wrong readings."""

from __future__ import annotations

from random import Random

import pytest
from engine_wrong_readings import ACCEPTS_TOO_MUCH, REFUSES_TOO_MUCH

from engine import Database, IsolationLevel
from engine.mutants import planted
from engine.mutants.versions import RefusedCommitsLeaveStamps
from engine.proof.schedule import (
    Ran,
    committed,
    has_dependency_cycle,
    is_strictly_serializable,
    random_schedule,
    refused,
    run,
)

SNAPSHOT = IsolationLevel.SNAPSHOT
READ_COMMITTED = IsolationLevel.READ_COMMITTED


@pytest.mark.parametrize("seed", range(4))
def test_what_commits_is_strictly_serializable(seed: int) -> None:
    """Whatever random interleavings commit has a serial order that is true to real time."""
    random = Random(seed)
    for _ in range(2_500):
        schedule, initial = random_schedule(random)
        ran = run(schedule, initial)
        assert is_strictly_serializable(committed(ran), initial), (schedule, initial)
        assert not has_dependency_cycle(committed(ran)), (schedule, initial)


def test_invariants_hold_after_every_step() -> None:
    """The index, the rule and the store satisfy their invariants after each step of random schedules."""
    random = Random(11)
    for _ in range(600):
        schedule, initial = random_schedule(random)
        run(schedule, initial, check=True)


def test_few_refusals_are_unnecessary() -> None:
    """Of the refusals for a dangerous structure, under a twentieth would have closed no cycle of dependencies."""
    random = Random(5)
    refusals = unnecessary = 0
    for _ in range(6_000):
        schedule, initial = random_schedule(random)
        before: list[Ran] = []
        for one in run(schedule, initial):
            if one.outcome.startswith("dangerous"):
                refusals += 1
                unnecessary += not has_dependency_cycle([*before, one])
            if one.outcome == "committed":
                before.append(one)
    assert refusals > 100
    assert unnecessary / refusals < 0.05


@pytest.mark.parametrize("wrong", ACCEPTS_TOO_MUCH, ids=lambda wrong: wrong.__name__)
def test_a_wrong_reading_commits_an_anomaly(wrong: type) -> None:
    """The engine refuses somebody in this schedule; the wrong reading commits what no serial order explains."""
    schedule, initial = ACCEPTS_TOO_MUCH[wrong]
    right = run(schedule, initial, check=True)
    assert is_strictly_serializable(committed(right), initial)
    assert refused(right)
    assert not is_strictly_serializable(committed(run(schedule, initial, database_class=planted(wrong))), initial)


@pytest.mark.parametrize("wrong", REFUSES_TOO_MUCH, ids=lambda wrong: wrong.__name__)
def test_a_wrong_reading_refuses_without_need(wrong: type) -> None:
    """The engine commits all of this schedule; the wrong reading refuses somebody."""
    schedule = REFUSES_TOO_MUCH[wrong]
    assert refused(run(schedule)) == ""
    assert refused(run(schedule, database_class=planted(wrong))) != ""


def test_a_refused_commit_leaves_no_stamp() -> None:
    """After a refusal, others are judged as if the refused transaction had never read anything."""
    schedule, initial = "w1y r4y d2y c1 r2z w4z c2 c4", ""
    assert refused(run(schedule, initial)) == "2"
    assert refused(run(schedule, initial, database_class=planted(RefusedCommitsLeaveStamps))) == "24"


@pytest.mark.parametrize(
    ("schedule", "initial", "names"),
    [
        ("r1x r1y r2x r2y w1x w2y c1 c2", "xy", "2"),  # write skew: the second committer is the pivot
        ("r1x r2y w1y w2x c1 c2", "", "2"),  # write skew on keys that do not exist
        ("s1x~ s2x~ w1x w2y c1 c2", "", "2"),  # write skew through empty ranges
        ("r1x r2x w1x w2x c1 c2", "x", "2"),  # lost update
        ("w1x w2x c1 c2", "", "2"),  # first committer wins, blind writes too
        ("r1x r1y r2y w2y c2 r3x r3y c3 w1x c1", "xy", "1"),  # read-only anomaly, the reader committed
        ("r1x r1y r2y w2y c2 r3x r3y w1x c1 c3", "xy", "3"),  # the same, the reader is last: it is Tin
        ("r1x r1y r2y w2y c2 w1x c1 r3x r3y c3", "xy", ""),  # the same without a reader in between
        ("d1x r1y r2x w2y c2 c1", "xy", "1"),  # write skew with a deletion
        ("r1x w2x c2 r1x c1", "x", ""),  # a reader sees its snapshot twice and is placed there
        ("r1x w1y r2z w2x c2 c1", "", ""),  # one anti-dependency is no danger
        ("s1xy r2x w1y w2z c1 c2", "x", ""),  # neighbouring ranges do not meet: the end is not inside
    ],
)
def test_known_schedules(schedule: str, initial: str, names: str) -> None:
    """Exactly these transactions are refused."""
    assert refused(run(schedule, initial, check=True)) == names


@pytest.mark.parametrize(
    ("schedule", "level", "names"),
    [
        ("r1x r2y w1y w2x c1 c2", SNAPSHOT, ""),
        ("w1x w2x c1 c2", SNAPSHOT, "2"),
        ("r1x r2x w1x w2x c1 c2", READ_COMMITTED, ""),
    ],
)
def test_weaker_levels_refuse_less(schedule: str, level: IsolationLevel, names: str) -> None:
    """SNAPSHOT admits write skew and refuses lost updates, READ_COMMITTED admits both."""
    assert refused(run(schedule, isolation=level, check=True)) == names


def test_read_committed_sees_each_commit_at_once() -> None:
    """Two reads of a READ_COMMITTED transaction differ where a commit lies between, those of a SNAPSHOT do not."""
    seen = {}
    for level in (READ_COMMITTED, SNAPSHOT):
        ran = run("r1x w2x c2 r1x s1xy c1", "x", isolation=level)
        seen[level] = [result for _, _, result in next(one for one in ran if one.name == "1").steps]
    assert seen[READ_COMMITTED] == [b"0", b"2.0", [(b"x", b"2.0")]]
    assert seen[SNAPSHOT] == [b"0", b"0", [(b"x", b"0")]]


def test_nothing_is_remembered_when_nobody_runs() -> None:
    """When the last running transaction ends, old versions and everything to judge by are gone."""
    database = Database.open()
    old = database.begin_transaction()
    old.get("a")
    for number in range(50):
        with database.transaction() as transaction:
            transaction.get("b")
            transaction.scan_prefix("cc")
            transaction.put("a", b"%d" % number)
    assert database.stats()["versions"] == 50
    assert database.stats()["remembered"] == 3  # b and its range as the newest commit read them, a as changed
    assert old.get("a") is None
    old.abort()
    database._check()
    assert database.stats()["versions"] == 1
    assert database.stats()["remembered"] == 0
    assert database.get("a") == b"49"


def test_single_operations_are_transactions_too() -> None:
    """A plain get is stamped like a reader without writes: the pivot it would expose is refused."""
    database = Database.open()
    pivot = database.begin_transaction()
    pivot.get("y")
    database.put("y", b"1")  # Tout
    for read in (lambda: database.get("x"), lambda: database.get_batch(["x"]), lambda: database.scan("x", "y")):
        read()
        assert database.stats()["remembered"] > 1
    pivot.put("x", b"1")
    with pytest.raises(Exception, match="dangerous structure"):
        pivot.commit()


def test_stamps_below_the_horizon_are_swept() -> None:
    """While somebody always runs, stamps that nobody can need any more are dropped in time."""
    database = Database.open()
    running = database.begin_transaction()
    running.get("a")
    for number in range(6_000):
        following = database.begin_transaction()
        following.get("a")
        with database.transaction() as transaction:
            transaction.get(f"key {number}")
            transaction.scan(f"key {number}", f"key {number}~")
            transaction.put("a", b"")
        running.commit()
        running = following
    database._check()
    assert database.stats()["remembered"] < 3_000
