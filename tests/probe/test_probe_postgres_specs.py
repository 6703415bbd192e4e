"""PostgreSQL's own isolation specs, in every order: the engine refuses somebody exactly where somebody has to be."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from probe_postgres import interleaving_of, known_specs, needs_specs
from probe_targets import UnguardedTarget

from checkers.serial_orders import serial_order
from harness.conductor import conduct
from harness.history import RunInfo
from harness.interleaving import Order, orders_of
from harness.targets.reference import ReferenceTarget

# PostgreSQL's unique index looks beyond the snapshot and ends these with an error of the application's. A program
# over keys and values has no such index: there, one of the two that both take number 3 has to be refused.
REFUSED_FOR_AN_APPLICATION_ERROR = {
    "read-write-unique-4": {("r1", "w1", "w2", "c1", "c2"), ("r2", "w1", "w2", "c1", "c2")}
}


class Compared(NamedTuple):
    """Orders of one spec, by what became of them. A truly failing order has no serial explanation if all commit."""

    orders: set[Order]
    refused: set[Order]  # The engine refused somebody.
    rolled_back: set[Order]  # A program gave up by itself, as an application does that finds an error.
    must_fail: set[Order]  # With nobody refused, no serial order explains what was read.
    unexplained: set[Order]  # What the engine let pass has no serial order.
    postgres_fails: set[Order]  # A serialization failure in PostgreSQL's expected output.
    postgres_errs: set[Order]  # Another error there.
    postgres_truly: set[Order]  # Its failures without those that are known to be false positives.


def compared(spec: dict[str, Any]) -> Compared:
    """Perform every order on the engine, and on a database that refuses nobody."""
    interleaving = interleaving_of(spec)
    level = "serializable" if spec["isolation"] == "serializable" else "snapshot-isolation"
    fails = {tuple(one["order"]) for one in spec["expected_failures"] if "serialization" in one["kind"]}
    found = Compared(
        orders={tuple(order) for order in spec["permutations"]},
        refused=set(),
        rolled_back=set(),
        must_fail=set(),
        unexplained=set(),
        postgres_fails=fails,
        postgres_errs={tuple(one["order"]) for one in spec["expected_failures"]} - fails,
        postgres_truly={tuple(order) for order in spec.get("true_anomalies_only", ())} or fails,
    )
    engine, unguarded = ReferenceTarget(), UnguardedTarget()
    engine.open()
    performed = zip(spec["permutations"], orders_of(interleaving), strict=True)
    for number, (listed, order) in enumerate(performed):
        real = conduct(engine, interleaving, order, RunInfo(level=level), number=number)
        free = conduct(unguarded, interleaving, order, RunInfo(level=level), number=number)
        outcomes = {moment.outcome for moment in real.moments}
        assert outcomes <= {"done", "refused", "rolled back"}
        for holds, orders in (
            ("refused" in outcomes, found.refused),
            ("rolled back" in outcomes, found.rolled_back),
            (serial_order(free.history) is None, found.must_fail),
            (serial_order(real.history) is None, found.unexplained),
        ):
            if holds:
                orders.add(tuple(listed))
    engine.close()
    return found


@pytest.fixture(scope="module")
def all_compared() -> dict[str, Compared]:
    """Every spec that is written over keys and values."""
    return {spec["spec"]: compared(spec) for spec in known_specs()}


@needs_specs
@pytest.mark.parametrize("name", [spec["spec"] for spec in known_specs() if spec["isolation"] == "serializable"])
def test_exactly_the_true_failures_are_refused(all_compared: dict[str, Compared], name: str) -> None:
    """Somebody is refused if and only if all together have no serial order; so says PostgreSQL's true result too."""
    one = all_compared[name]
    assert one.refused == one.must_fail
    assert one.unexplained == set()
    assert one.must_fail - REFUSED_FOR_AN_APPLICATION_ERROR.get(name, set()) == one.postgres_truly


@needs_specs
def test_errors_of_the_application(all_compared: dict[str, Compared]) -> None:
    """Where PostgreSQL ends by a constraint or trigger, the program gives up by itself, but for a unique index."""
    for name, one in all_compared.items():
        by_index = REFUSED_FOR_AN_APPLICATION_ERROR.get(name, set())
        # A third transaction of update-conflict-out always takes its change back: that is its script.
        scripted = one.orders if name == "update-conflict-out" else set()
        assert one.rolled_back - scripted == one.postgres_errs - by_index


@needs_specs
def test_a_snapshot_level_refuses_nothing_in_the_read_only_anomaly(all_compared: dict[str, Compared]) -> None:
    """At snapshot isolation the read-only anomaly passes, in PostgreSQL as in the engine, and is one."""
    one = all_compared["read-only-anomaly"]
    assert (one.refused, one.postgres_fails) == (set(), set())
    assert one.must_fail == one.unexplained == one.orders


@needs_specs
def test_false_positives_of_postgres(all_compared: dict[str, Compared]) -> None:
    """PostgreSQL fails 16 orders of two-ids, of which 4 are true anomalies; the engine fails these 4."""
    one = all_compared["two-ids"]
    assert (len(one.postgres_fails), len(one.postgres_truly), len(one.refused)) == (16, 4, 4)
    assert one.refused == one.postgres_truly < one.postgres_fails


@needs_specs
def test_totals(all_compared: dict[str, Compared]) -> None:
    """22 specs, 552 orders; 0 refusals missed and 0 extra, where PostgreSQL has 12 extra."""
    serializable = [one for name, one in all_compared.items() if name != "read-only-anomaly"]
    assert len(all_compared) == 22
    assert sum(len(one.orders) for one in all_compared.values()) == 552
    assert sum(len(one.must_fail & one.postgres_truly) for one in serializable) == 194
    assert sum(len(one.postgres_errs) for one in serializable) == 6
    assert sum(len(one.must_fail & one.postgres_errs) for one in serializable) == 2
    assert sum(len(one.must_fail) for one in serializable) == 194 + 2
    assert sum(len(one.must_fail - one.refused) for one in serializable) == 0
    assert sum(len(one.refused - one.must_fail) for one in serializable) == 0
    assert sum(len(one.postgres_fails) for one in serializable) == 206
    assert sum(len(one.must_fail - one.postgres_fails - one.postgres_errs) for one in serializable) == 0
    assert sum(len(one.postgres_fails - one.must_fail) for one in serializable) == 12
