"""Collection while transactions run: nothing that is needed goes, and memory stays bounded."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from engine import Conflict, Database
from engine.collection import Collector
from engine.proof.schedule import random_schedule, run
from engine.ssi import SerializableRule
from engine.store import Store


class SweepsAlways(Collector):
    def must_collect(self, horizon: int) -> bool:
        return bool(self._hiding)

    def collect(self, snapshots: Sequence[int], newest: int) -> None:
        super().collect(snapshots, newest)
        self._sweep(snapshots)


class SweepsNever(Collector):
    def _sweep(self, snapshots: Sequence[int]) -> None:
        """Everything above the horizon stays."""


class SweepsStampsAlways(SerializableRule):
    def forget(self, horizon: int, newest: int) -> None:
        super().forget(horizon, newest)
        self._sweep(horizon)


class SweepsStampsNever(SerializableRule):
    def _sweep(self, horizon: int) -> None:
        """Everything stays until nobody runs."""


class EagerStore(Store):
    collector_class = SweepsAlways
    rule_class = SweepsStampsAlways


class LazyStore(Store):
    collector_class = SweepsNever
    rule_class = SweepsStampsNever


class Eager(Database):
    store_class = EagerStore


class Lazy(Database):
    store_class = LazyStore


@pytest.mark.parametrize("seed", range(3))
def test_sweeping_at_every_step_changes_nothing(seed: int) -> None:
    """Random schedules see, commit and refuse the same whether everything or nothing is swept."""
    random = Random(seed)
    for _ in range(1_500):
        schedule, initial = random_schedule(random)
        eager = run(schedule, initial, database_class=Eager, check=True)
        assert eager == run(schedule, initial, database_class=Lazy), (schedule, initial)


def chain(database: Database, key: bytes) -> list[int]:
    return database._store.index.seqs(key)


def test_only_what_a_snapshot_sees_or_is_first_overwritten_by_stays() -> None:
    """Of twelve versions, with snapshots at 3 and 7: what these see, their first overwriters, and the newest."""
    database = Eager.open()
    held = {}
    for number in range(1, 13):
        database.put("a", b"%d" % number)
        if number in {3, 7}:
            held[number] = database.begin_transaction()
            held[number].get("b")
    assert chain(database, b"a") == [12, 8, 7, 4, 3]
    held[3].get("a")
    held[3].put("b", b"")
    held[3].commit()
    database.put("a", b"13")
    assert chain(database, b"a") == [14, 8, 7]
    assert held[7].get("a") == b"7"
    held[7].abort()
    assert chain(database, b"a") == [14]


def test_an_old_snapshot_does_not_hold_everything_since() -> None:
    """Over 30,000 commits beside one held snapshot, versions and what is remembered stay within a few per key."""
    database = Database.open()
    random = Random(1)
    held = database.begin_transaction()
    held.get("k0")
    most = 0
    for number in range(30_000):
        with database.transaction() as transaction:
            transaction.get(f"k{random.randrange(100)}")
            transaction.scan("k5", "k6")
            transaction.put(f"k{random.randrange(100)}", b"%d" % number)
        if number % 1_000 == 0:
            stats = database.stats()
            most = max(most, int(stats["versions"]) + int(stats["remembered"]))
    database._check()
    assert most < 8_000
    assert held.get("k1") is None
    held.put("k0", b"")
    with pytest.raises(Conflict):
        held.commit()
    assert database.stats()["versions"] == 100
    assert database.stats()["remembered"] == 0


def test_out_edges_of_collected_commits_are_forgotten() -> None:
    """Pivots that committed beside a held snapshot are remembered only while a version of theirs is."""
    database = Eager.open()
    held = database.begin_transaction()
    held.get("z")
    for number in range(50):
        pivot = database.begin_transaction()
        pivot.get("x")
        database.put("x", b"%d" % number)
        pivot.put("y", b"%d" % number)
        pivot.commit()
    assert len(database._store.rule._min_out) == 2  # the first overwriter of y, and its newest version
    held.abort()
    database._check()
