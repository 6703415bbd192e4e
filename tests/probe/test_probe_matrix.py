"""The matrix of the stock scripts: these cells on the engine, every weak database found, no correct one accused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from probe_targets import DeadlockingTarget, LaggingTarget, LockingTarget, SharedTarget, UnguardedTarget

from anomalist.probe import probe
from checkers.serial_orders import serial_order
from harness.history import Op
from harness.interleaving import Interleaving, orders_of
from harness.level import implied_by, level
from harness.matrix import Cell, Matrix
from harness.target import Aborted, Capabilities, Target
from harness.targets.reference import ReferenceTarget
from harness.verdict import Outcome
from workloads.interleavings import ANOMALIES, INTERLEAVINGS

SCRIPTS = {one.name: one for one in INTERLEAVINGS}
STRICT = {"serializable": level("strict-serializable")}

# script: (orders, seen at read-committed, at snapshot-isolation, at serializable).
CELLS: dict[str, tuple[int, int, int, int]] = {
    "G0": (20, 0, 0, 0),
    "G1a": (6, 0, 0, 0),
    "G1b": (10, 0, 0, 0),
    "G1c": (20, 0, 0, 0),
    "OTV": (4, 0, 0, 0),
    "P4": (20, 18, 0, 0),
    "user-name": (20, 18, 0, 0),
    "invoice-number": (20, 18, 0, 0),
    "PMP": (10, 2, 0, 0),
    "PMP-write": (10, 8, 0, 0),
    "G-single": (20, 3, 0, 0),
    "G-single-predicate": (20, 3, 0, 0),
    "G-single-write": (20, 9, 0, 0),
    "long-fork": (4, 1, 0, 0),
    "overdraft-report": (6, 4, 4, 0),
    "receipt-report": (6, 3, 4, 0),
    "G2-item": (20, 18, 18, 0),
    "on-call": (20, 18, 18, 0),
    "total-after-payment": (20, 12, 18, 0),
    "smallest-number": (6, 4, 4, 0),
    "follower": (5, 2, 2, 0),
    "overwritten-twice": (2, 2, 2, 0),
    "undone-third": (2, 0, 2, 0),
    "G2": (20, 18, 18, 0),
    "G2-two-edges": (6, 6, 6, 0),
    "booking": (20, 18, 18, 0),
    "parent-and-child": (20, 18, 18, 0),
    "stale-read": (6, 0, 0, 0),
}
# Where nobody has to be refused because a snapshot already shows nothing of it.
NEVER_REFUSED_AT_SNAPSHOT = {"G1a", "G1b", "G1c", "PMP", "G-single", "G-single-predicate", "long-fork", "stale-read"}


def promises_of(target: Target) -> dict[str, Any]:
    return {at: level(promise) for at, promise in target.levels.items()}


@pytest.fixture(scope="module")
def engine_matrix() -> Matrix:
    """Every script at every level of the reference engine."""
    target = ReferenceTarget()
    return probe(target, promises_of(target))


def broken_by(matrix: Matrix) -> dict[str, set[str]]:
    """{script: the anomalies that break the promise} of all scripts in which it is broken."""
    return {
        name: {one.name for trial in cell.broken for one in trial.breaking}
        for at in matrix.levels
        for name, script in SCRIPTS.items()
        if (cell := matrix.of_interleaving(script, at)).broken
    }


# The engine


@pytest.mark.parametrize("name", list(CELLS))
def test_cells_of_the_engine(engine_matrix: Matrix, name: str) -> None:
    """Each script is seen in exactly so many of its orders at each of the engine's levels, and breaks no promise."""
    cells = [
        engine_matrix.of_interleaving(SCRIPTS[name], at)
        for at in ("read-committed", "snapshot-isolation", "serializable")
    ]
    assert {len(cell.trials) for cell in cells} == {CELLS[name][0]}
    assert tuple(len(cell.seen) for cell in cells) == CELLS[name][1:]
    assert [len(cell.broken) for cell in cells] == [0, 0, 0]


def test_every_script_has_its_cells(engine_matrix: Matrix) -> None:
    """The table above names every script once, and the matrix performs 1,089 orders in all."""
    assert sorted(CELLS) == sorted(SCRIPTS)
    assert len(engine_matrix.trials) == 3 * sum(row[0] for row in CELLS.values()) == 1_089


def test_the_engine_keeps_its_promises(engine_matrix: Matrix) -> None:
    """All levels pass, and nothing that is read at serializable lacks a serial order true to real time."""
    assert engine_matrix.outcome is Outcome.PASS
    assert {at: engine_matrix.outcome_of(at).outcome for at in engine_matrix.levels} == dict.fromkeys(
        ("serializable", "snapshot-isolation", "read-committed"), Outcome.PASS
    )
    strict = [trial for trial in engine_matrix.trials if trial.performance.level == "serializable"]
    assert [trial for trial in strict if serial_order(trial.performance.history) is None] == []


def test_how_the_engine_prevents(engine_matrix: Matrix) -> None:
    """The engine lets nobody wait: it refuses, or a snapshot shows nothing of it; read-committed does neither."""
    for name, script in SCRIPTS.items():
        assert engine_matrix.of_interleaving(script, "read-committed").prevented_by == ()
        cell = engine_matrix.of_interleaving(script, "snapshot-isolation")
        if not cell.seen:
            assert cell.prevented_by == (() if name in NEVER_REFUSED_AT_SNAPSHOT else ("refused",)), name


def test_a_level_admits_only_what_its_promise_allows(engine_matrix: Matrix) -> None:
    """Nothing is seen where the promise implies the level that forbids it: what is expected is the lattice's."""
    for at, promise in engine_matrix.levels.items():
        for script in INTERLEAVINGS:
            if script.forbidden_by in implied_by(promise):
                assert engine_matrix.of_interleaving(script, at).seen == ()


def test_cells_of_an_anomaly_hold_all_of_its_scripts(engine_matrix: Matrix) -> None:
    """A row of the matrix adds up the orders of every script about it."""
    cell = engine_matrix.of_anomaly("P4", "read-committed")
    assert (len(cell.trials), len(cell.seen), len(cell.broken)) == (60, 54, 0)


# Weak databases that promise everything


def test_a_level_that_is_held_to_more_than_it_keeps() -> None:
    """The engine's snapshots held to serializable break it by write skew in every form, and by nothing else."""
    matrix = probe(ReferenceTarget(), {"snapshot-isolation": level("serializable")})
    assert (matrix.outcome, matrix.outcome_of("snapshot-isolation").outcome) == (Outcome.FAIL, Outcome.FAIL)
    assert broken_by(matrix) == {
        "G1c": {"G2-item"},
        "overdraft-report": {"G2-item"},
        "receipt-report": {"G2"},
        "G2-item": {"G2-item"},
        "on-call": {"G2-item"},
        "total-after-payment": {"G2-item"},
        "smallest-number": {"G2-item"},
        "follower": {"G2-item"},
        "overwritten-twice": {"G2-item"},
        "undone-third": {"G2-item"},
        "G2": {"G2"},
        "G2-two-edges": {"G2"},
        "booking": {"G2"},
        "parent-and-child": {"G2"},
    }


def test_no_isolation_at_all_is_found() -> None:
    """A shared dict shows each anomaly by its own name. Reads are never stale, and a step is never cut in two."""
    matrix = probe(SharedTarget(), STRICT)
    found = broken_by(matrix)
    assert set(SCRIPTS) - set(found) == {"stale-read", "receipt-report", "smallest-number", "follower"}
    own = {"G0": "G0", "G1a": "G1a", "G1b": "G1b", "G1c": "G1c", "OTV": "OTV", "P4": "lost-update", "PMP": "G-single"}
    own |= {"G-single": "G-single-item", "long-fork": "G-nonadjacent-item", "G2-item": "G2-item", "G2": "G2"}
    assert {name: anomaly for name, anomaly in own.items() if anomaly not in found[name]} == {}


def test_snapshots_that_refuse_nobody_are_found() -> None:
    """Lost updates and all that snapshot isolation admits are found; a shown snapshot never contradicts itself."""
    matrix = probe(UnguardedTarget(), STRICT)
    found = broken_by(matrix)
    assert {"P4", "user-name", "invoice-number", "PMP-write", "G-single-write", "G2-item", "G2"} <= set(found)
    assert {"G0", "G1a", "G1b", "OTV", "PMP", "G-single", "long-fork", "stale-read"} & set(found) == set()
    assert "lost-update" in found["P4"]


def test_a_stale_read_breaks_only_promises_of_real_time() -> None:
    """A reader that misses what was acknowledged before it began refutes strict-serializable, not serializable."""
    script = (SCRIPTS["stale-read"],)
    strict = probe(LaggingTarget(), STRICT, interleavings=script)
    plain = probe(LaggingTarget(), {"serializable": level("serializable")}, interleavings=script)
    assert broken_by(strict) == {"stale-read": {"G-single-item-realtime"}}
    assert (strict.outcome, plain.outcome) == (Outcome.FAIL, Outcome.PASS)
    assert len(plain.of_interleaving(script[0], "serializable").seen) == 6


# Correct databases


def contended(script: Interleaving) -> Interleaving:
    """The script with three orders in which both sessions have taken their first step before either takes another."""
    mixed = [order for order in orders_of(script) if script.session_of[order[0]] != script.session_of[order[1]]]
    return replace(script, orders=tuple(" ".join(order) for order in mixed[:3]))


@pytest.mark.parametrize("name", ["G1c", "P4", "G2-item", "G2", "parent-and-child"])
def test_a_database_that_locks_is_never_accused(name: str) -> None:
    """Two-phase locking prevents every anomaly by waiting, and by refusing one of those in a deadlock."""
    script = SCRIPTS[name]
    few = contended(script)
    matrix = probe(LockingTarget(), STRICT, interleavings=(few,), wait_s=0.2)
    cell = matrix.of_interleaving(few, "serializable")
    assert (len(cell.trials), cell.seen, cell.broken) == (3, (), ())
    assert cell.prevented_by == ("refused", "waits")


# Probes that cannot tell, or do not come to their end


def test_a_database_that_refuses_everybody_proves_nothing() -> None:
    """Where no two transactions of a script ever commit, no anomaly could have been seen: vacuous, not a pass."""

    class Refusing(SharedTarget):
        def session(self, level: str) -> Any:
            session = super().session(level)
            kinds: list[str] = []

            def step(op: Op) -> Op:
                kinds.append(op.kind)
                if {"r", "w"} <= set(kinds):
                    raise Aborted("one or the other")
                return type(session).step(session, op)

            session.step = step  # type: ignore[method-assign]
            return session

    matrix = probe(Refusing(), STRICT, interleavings=(SCRIPTS["P4"],))
    found = matrix.outcome_of("serializable")
    assert (matrix.outcome, found.outcome, found.reason) == (Outcome.UNKNOWN, Outcome.UNKNOWN, "vacuous")
    assert {trial.performance.committed for trial in matrix.trials} == {0}


def test_a_promise_that_no_anomaly_here_refutes() -> None:
    """A level that the scripts cannot decide is undecided, not kept."""
    matrix = probe(ReferenceTarget(), {"serializable": level("PRAM")}, interleavings=(SCRIPTS["P4"],))
    assert matrix.outcome_of("serializable").reason == "undecided"


def test_a_database_that_leaves_its_clients_in_deadlocks() -> None:
    """A probe goes on after an order that hangs, gives up after the third, and keeps what it has."""
    scripts = (SCRIPTS["stale-read"], contended(SCRIPTS["P4"]), SCRIPTS["G0"])
    matrix = probe(DeadlockingTarget(), STRICT, interleavings=scripts, wait_s=0.2, hang_s=1.0)
    assert matrix.trouble == "given up after 3 orders that did not come to their end"
    assert [bool(trial.performance.trouble) for trial in matrix.trials] == [False] * 6 + [True] * 3
    assert (matrix.outcome, matrix.outcome_of("serializable").reason) == (Outcome.UNKNOWN, "trouble")


def test_a_probe_that_is_interrupted_keeps_what_it_has() -> None:
    """Ctrl-C ends a probe with what was performed until then, and it does not pass."""

    def told(done: int, planned: int) -> None:
        assert planned == 20
        if done == 7:
            raise KeyboardInterrupt

    matrix = probe(ReferenceTarget(), STRICT, interleavings=(SCRIPTS["P4"],), told=told)
    assert (len(matrix.trials), matrix.interrupted, matrix.outcome) == (7, True, Outcome.UNKNOWN)


def test_a_script_that_the_target_cannot_run() -> None:
    """A script that needs operations which the target lacks is left out, and its cells say which."""

    class Plain(ReferenceTarget):
        capabilities = Capabilities(kinds=frozenset({"r", "w", "scan"}), steps=True)

    matrix = probe(Plain(), STRICT, interleavings=(SCRIPTS["P4"], SCRIPTS["booking"], SCRIPTS["G2"]))
    assert matrix.lacking == {"booking": ("delete",)}
    assert matrix.of_interleaving(SCRIPTS["booking"], "serializable") == Cell("serializable", (), ("delete",))
    assert matrix.of_anomaly("G2", "serializable").lacking == ()
    assert len(matrix.trials) == 40


# The scripts


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_scripts(name: str) -> None:
    """A script tells its story in a few sentences, is about a listed anomaly, and needs exactly what it says."""
    script = SCRIPTS[name]
    assert script.anomaly in ANOMALIES
    assert level(script.forbidden_by)
    assert script.story.endswith(".")
    assert 5 < len(script.story.split()) < 30
    target = UnguardedTarget()
    probe(target, STRICT, interleavings=(script,))
    assert target.performed - {"r", "w"} == script.needs


@pytest.mark.parametrize("name", [name for name, one in SCRIPTS.items() if not one.orders])
def test_one_after_the_other_nothing_is_refused(engine_matrix: Matrix, name: str) -> None:
    """In the orders in which the sessions do not overlap the engine refuses nobody, whatever the script."""
    cell = engine_matrix.of_interleaving(SCRIPTS[name], "serializable")
    alone = [trial.performance for trial in (cell.trials[0], cell.trials[-1])]
    for performance in alone:
        sessions = [SCRIPTS[name].session_of[step] for step in performance.order]
        assert sessions in (sorted(sessions), sorted(sessions, reverse=True))
        assert "refused" not in {moment.outcome for moment in performance.moments}
