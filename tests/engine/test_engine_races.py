"""Races inside begin, commit, flush, pruning and close: every order of two threads, and many of three."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random

import pytest

from engine import POINTS, Database, MemoryVfs
from engine.mutants import MUTANTS, planted
from engine.mutants import races as mutants
from engine.proof.schedule import Ran
from engine.proof.threads.evidence import Evidence
from engine.proof.threads.orders import seeded, until
from engine.proof.threads.races import SCENARIOS, find_race, repeat_race, search_orders, search_seeds
from engine.proof.threads.scenario import Fault, Scenario
from engine.proof.threads.stage import Outcome, run_scenario
from engine.store import Store

SOAK = bool(os.environ.get("ANOMALIST_SOAK"))  # the whole, in minutes, by `make soak`
SEEDS = 3_000 if SOAK else 150

# At least so many orders lie within the bound of a scenario; fewer mean that the search does not see the choices.
ORDERS_MIN = {
    "begin-against-commit": 1_000,
    "two-commits-on-one-key": 1_000,
    "pruning-against-new-snapshot": 2_500,
    "stamps-against-new-snapshot": 500,
    "range-against-insert": 1_000,
    "group-commit": 600,
    "reader-against-flush": 1_000,
    "dying-leader-sync": 700,
    "dying-leader-write": 600,
    "interrupted-leader": 600,
    "close-against-commit": 500,
    "close-against-read": 150,
    "interrupted-follower": 600,
    "interrupted-before-leading": 100,
    "interrupted-hand-over": 200,
    "checkpoint-against-commit": 500,
    "dying-checkpoint": 300,
    "close-against-checkpoint": 350,
    "dying-close": 700,
    "deferrable-against-pivot": 600,
    "deferrable-against-close": 400,
}

# After how many orders each mistake is found at the latest.
ORDERS_MAX = 150
MISTAKES = {name: mutant for name, mutant in MUTANTS.items() if mutant.found_by.instrument == "race"}


@pytest.mark.parametrize("name", ORDERS_MIN)
def test_no_order_of_two_threads_breaks_the_engine(name: str) -> None:
    """All orders within the bound are run to their end, and in each everything holds."""
    scenario = SCENARIOS[name]
    if SOAK and scenario.preemptions_max is not None:
        scenario = replace(scenario, preemptions_max=scenario.preemptions_max + 1)
    search = search_orders(Database, scenario, budget=1_000_000)
    assert search.race is None
    assert search.complete
    assert search.orders >= ORDERS_MIN[name]


def test_every_scenario_of_two_threads_is_exhausted() -> None:
    """Only what draws its steps is left to seeds."""
    assert {scenario.name for scenario in SCENARIOS.values() if not scenario.is_random} == set(ORDERS_MIN)
    assert all(len(scenario.threads) == 2 for scenario in SCENARIOS.values() if not scenario.is_random)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_no_seed_breaks_the_engine(scenario: Scenario) -> None:
    """Orders drawn at random switch far more often than the bounded ones: everything holds in them too."""
    assert search_seeds(Database, scenario, SEEDS) == (SEEDS, False, None)


def test_the_orders_come_along_every_point() -> None:
    """Each named point of the engine is a place where some run has switched threads."""
    passed = {
        turn.place
        for seed in range(40)
        for turn in run_scenario(SCENARIOS["three-threads"], Database, seeded(Random(seed)), seed).order
    }
    assert passed >= set(POINTS)


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_found(name: str) -> None:
    """Each is found within a few orders of the scenario that its row names, by an order that shows it again."""
    mutant = MISTAKES[name]
    race = find_race(mutant.database, SCENARIOS[mutant.found_by.where], ORDERS_MAX)
    assert race is not None
    assert race.scenario == mutant.found_by.where
    assert race.sentence
    assert 1 <= race.orders <= ORDERS_MAX
    assert repeat_race(mutant.database, race) == Outcome(race.sentence, race.order)


def test_every_mistake_is_in_the_table() -> None:
    """What the module of mistakes offers is what is looked for."""
    assert sorted(mutant.part.__name__ for mutant in MISTAKES.values()) == sorted(mutants.__all__)


def test_a_fixed_order_shows_the_write_skew_of_a_begin_without_a_lock() -> None:
    """b begins while a, alone when it looked, installs: nobody has stamped what b is about to overwrite."""
    order = "a install, b lock commit, a end, b end"
    scenario = SCENARIOS["begin-against-commit"]
    outcome = run_scenario(scenario, planted(mutants.SkipsStampsWhenAlone), until(order))
    assert outcome.wrong == ("no order explains a0[rx=none wy=a0.1]; b0[ry=none wx=b0.1]; at the end {x=b0.1 y=a0.1}")
    assert run_scenario(scenario, Database, until(order)).wrong == ""


def test_a_race_says_who_went_on_from_where() -> None:
    """The witness is the turns, those of one thread together."""
    race = find_race(planted(mutants.DeadLeaderWakesNobody), SCENARIOS["dying-leader-sync"], budget=50)
    assert race is not None
    assert race.sentence == "all wait for each other: a wait flush"
    assert race.witness.startswith(("a: start, lock commit", "b: start, lock commit"))
    assert race.witness.count("start") == 2


def test_a_seed_repeats_its_run() -> None:
    """Threads are not left to chance: the trace is a function of the seed."""
    scenario = SCENARIOS["three-threads"]
    one, again, other = (run_scenario(scenario, Database, seeded(Random(seed)), seed).order for seed in (42, 42, 43))
    assert one == again
    assert one != other


def test_a_budget_is_kept() -> None:
    """A search that ran out of its budget has found nothing and does not claim to be complete."""
    assert search_orders(Database, SCENARIOS["group-commit"], 10) == (10, False, None)
    assert find_race(planted(mutants.AcknowledgesBeforeTheFlush), SCENARIOS["group-commit"], 10) is None


class _Stumbles(Database):
    class store_class(Store):  # noqa: N801
        def acknowledge(self, number: int) -> None:
            raise KeyError(number)


class _KeepsTheDirectory(Database):
    def close(self) -> None:
        self._store.close()


def test_what_a_client_is_told_without_a_reason_is_wrong() -> None:
    """An error that nothing explains, and a directory that is not given up, are found by the first order."""
    scenario = Scenario(name="", sentence="", threads=("Sx", "close"), durable=True)
    stumble = find_race(_Stumbles, scenario, 1)
    assert stumble is not None
    assert stumble.sentence == "a ended with KeyError: 0"
    locked = find_race(_KeepsTheDirectory, scenario, 1)
    assert locked is not None
    assert locked.sentence == "at the end: another process or object has this database open"


def test_a_fault_explains_its_own_errors_only() -> None:
    """A poisoned engine and an interrupted client are expected where the fault struck, and nowhere else."""
    scenario = Scenario(
        name="", sentence="", threads=("Wx Wx", "Wy"), durable=True, fault=Fault("sync", KeyboardInterrupt)
    )
    assert search_orders(Database, replace(scenario, preemptions_max=1), 1_000).complete
    late = replace(scenario, fault=Fault("sync", OSError, number=3))
    assert search_orders(Database, replace(late, preemptions_max=1), 1_000).complete


def test_what_was_under_way_may_have_happened_or_not() -> None:
    """A commit without an answer is there or not there, whole; one that was acknowledged is there."""

    def complaints(*state: tuple[bytes, bytes]) -> list[str]:
        evidence = Evidence("")
        both = Ran("b0", [("w", "x", b"2"), ("w", "y", b"2")], 1, 2, "")
        first = Ran("a0", [("w", "x", b"1")], 0, 1, "")
        evidence.call(both)
        evidence.call(first)
        evidence.acknowledge(first)
        return list(evidence.complaints(list(state), lambda disk: []))

    assert complaints((b"x", b"1")) == []
    assert complaints((b"x", b"2"), (b"y", b"2")) == []
    assert complaints((b"x", b"1"), (b"y", b"2")) == []  # a0 behind b0: they met.
    assert complaints() == ["no order explains a0[wx=1]; perhaps b0[wx=2 wy=2]; at the end {}"]
    assert complaints((b"x", b"2")) == ["no order explains a0[wx=1]; perhaps b0[wx=2 wy=2]; at the end {x=2}"]


def test_a_power_loss_is_held_to_what_was_acknowledged_then() -> None:
    """What was acknowledged later may be missing from an earlier image, and nothing else."""
    evidence = Evidence("")
    disks = [MemoryVfs(), MemoryVfs()]
    for number, disk in enumerate(disks):
        ran = Ran(f"a{number}", [("w", "xy"[number], b"1")], 2 * number, 2 * number + 1, "committed")
        evidence.call(ran)
        evidence.acknowledge(ran)
        evidence.lose_power(disk)
    end = [(b"x", b"1"), (b"y", b"1")]
    assert list(evidence.complaints(end, lambda disk: end if disk is disks[1] else end[:1])) == []
    assert list(evidence.complaints(end, lambda disk: end[:1])) == [
        "after a power loss no order explains a0[wx=1]; a1[wy=1]; at the end {x=1}"
    ]
