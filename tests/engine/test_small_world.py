"""The complete small world: its counts, slices of it through the engine, and the wrong readings that die in it."""

from __future__ import annotations

from itertools import permutations
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from engine import Conflict, Database, IsolationLevel, Transaction
from engine.mutants import MUTANTS, planted
from engine.mutants.rule import NoWriteConflicts, OnlyTheSmallestOutEdge, StrictComparison
from engine.proof import schedule
from engine.proof.worlds import small_world
from engine.proof.worlds.exploration import Tally, explore, first_bad_case, is_explained, run_case
from engine.proof.worlds.reduction import compare, reduced
from engine.proof.worlds.refusals import Conflicts, Refusals, closes_cycle
from engine.proof.worlds.world import FOUR_TRANSACTIONS, THREE_TRANSACTIONS, World
from engine.ssi import SerializableRule

WORLDS = (THREE_TRANSACTIONS, FOUR_TRANSACTIONS)

# Where each mutant first commits an anomaly: `python -m engine.proof.worlds.small_world --mutants` finds it.
FIRST_BAD_CASES: dict[str, tuple[World, int]] = {
    "only-the-smallest-out-edge": (FOUR_TRANSACTIONS, 71_634),
    "overwriter-for-its-out-edge": (THREE_TRANSACTIONS, 34_164),
    "largest-out-edge": (FOUR_TRANSACTIONS, 14_397),
    "stamp-assigned": (FOUR_TRANSACTIONS, 554_672),
    "newest-overwriter": (THREE_TRANSACTIONS, 740_368),
    "strict-comparison": (THREE_TRANSACTIONS, 28_208),
    "ranges-forgotten": (THREE_TRANSACTIONS, 28_208),
    "missing-keys-not-stamped": (THREE_TRANSACTIONS, 28_760),
    "stamps-dropped": (THREE_TRANSACTIONS, 28_208),
    "readers-forgotten": (THREE_TRANSACTIONS, 34_168),
    "readers-stamped-too-low": (THREE_TRANSACTIONS, 34_168),
    "readers-accepted": (THREE_TRANSACTIONS, 34_164),
    "deletes-are-no-writes": (THREE_TRANSACTIONS, 28_389),
    "deletes-lose-no-update": (THREE_TRANSACTIONS, 600),
    "no-write-conflicts": (THREE_TRANSACTIONS, 540),
    "out-edges-forgotten": (THREE_TRANSACTIONS, 34_164),
    "stamps-swept-too-early": (THREE_TRANSACTIONS, 28_760),
    "intermediate-versions-collected": (THREE_TRANSACTIONS, 740_368),
    "refused-commits-leave-versions": (THREE_TRANSACTIONS, 0),
    "judged-as-snapshot-isolation": (THREE_TRANSACTIONS, 28_208),
    "range-to-its-last-key": (THREE_TRANSACTIONS, 28_209),
    "empty-ranges-not-read": (THREE_TRANSACTIONS, 28_208),
    "missing-keys-not-read": (THREE_TRANSACTIONS, 28_748),
    "nothing-is-judged": (THREE_TRANSACTIONS, 540),
    "refused-commits-acknowledged": (THREE_TRANSACTIONS, 180),
}


def test_the_worlds_are_as_large_as_combinatorics_says() -> None:
    """Programs, tuples up to renaming, schedules and cases have the numbers that were worked out by hand."""
    assert [len(world.programs) for world in WORLDS] == [51, 28]
    assert [len(world.tuples) for world in WORLDS] == [66_497, 104_491]
    assert [len(world.schedules) for world in WORLDS] == [15, 105]
    assert [len(world.tuples) * len(world.schedules) for world in WORLDS] == [997_455, 10_971_555]
    assert [len(world.initials) for world in WORLDS] == [4, 1]
    for world in WORLDS:
        assert len({item.events for item in world.schedules}) == len(world.schedules)
        assert len(set(world.programs)) == len(world.programs)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_exactly_one_of_all_renamings_is_in_the_world(world: World) -> None:
    """Whatever programs meet, one renaming of their keys and no other is a tuple of the world."""

    def looks(program: Any, names: dict[bytes, bytes]) -> tuple[Any, ...]:
        touched = (program.reads, program.puts, program.deletes)
        return program.scan, *(frozenset(names[key] for key in keys) for keys in touched)

    renamings = [dict(zip(world.keys, names, strict=True)) for names in permutations(world.keys)]
    place = {looks(program, renamings[0]): number for number, program in enumerate(world.programs)}
    tuples = set(world.tuples)
    random = Random(1)
    for _ in range(2_000):
        chosen = [random.choice(world.programs) for _ in world.tuples[0]]
        renamed = {tuple(place[looks(program, names)] for program in chosen) for names in renamings}
        assert len(renamed & tuples) == 1


@pytest.mark.parametrize(
    ("world", "every", "cases", "share_max"),
    [(THREE_TRANSACTIONS, 333, 12_000, 0.01), (FOUR_TRANSACTIONS, 100, 109_725, 0.05)],
)
def test_a_slice_of_the_small_world(world: World, every: int, cases: int, share_max: float) -> None:
    """Every history has an explanation, and of the dangerous structures under a twentieth closed no cycle."""
    tally = explore(world, every)
    assert tally.cases == cases
    assert tally.bad == 0
    assert tally.first_bad is None
    assert cases / 6 < tally.histories < cases / 2
    assert tally.dangerous.refused > cases / 20
    assert tally.dangerous.share < share_max
    assert tally.lost_updates.refused > cases / 3
    assert tally.read_sets.share > tally.dangerous.share


@pytest.mark.parametrize("name", FIRST_BAD_CASES)
def test_a_mutant_dies_in_the_small_world(name: str) -> None:
    """In this one case the mutant commits what has no serial order, and the engine does not."""
    world, number = FIRST_BAD_CASES[name]
    case = world.case(number)
    assert is_explained(case, run_case(case))
    assert not is_explained(case, run_case(case, MUTANTS[name].database))


def test_every_mutant_of_the_rule_dies() -> None:
    """The table above has every mutant that breaks serializability."""
    assert {name for name, mutant in MUTANTS.items() if mutant.breaks_serializability} <= set(FIRST_BAD_CASES)


def test_only_the_smallest_out_edge_needs_four_transactions() -> None:
    """Looking at the smallest out-edge alone admits nothing wrong among three: here a slice, `--mutants` all."""
    assert explore(THREE_TRANSACTIONS, 333, 5, planted(OnlyTheSmallestOutEdge)).bad == 0


def test_the_first_bad_case_is_found() -> None:
    """The search stops at the case at which a part of the world that begins with it counts its first bad one."""
    wrong = planted(NoWriteConflicts)
    number = first_bad_case(THREE_TRANSACTIONS, wrong)
    assert number == FIRST_BAD_CASES["no-write-conflicts"][1]
    place = number // THREE_TRANSACTIONS.cases_per_tuple
    tally = explore(THREE_TRANSACTIONS, len(THREE_TRANSACTIONS.tuples), place, wrong)
    cases = [THREE_TRANSACTIONS.case(place * 60 + number) for number in range(60)]
    bad = [case for case in cases if not is_explained(case, run_case(case, wrong))]
    assert (tally.cases, tally.bad, tally.first_bad) == (60, len(bad), number)
    assert len(bad) == 12
    assert bad[0].text() == ("w1y w2y s3x~ w3y c1 c2 c3", "")


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_case_says_how_to_run_it_again(world: World) -> None:
    """The text of a case, run by the schedule's runner, refuses the same transactions and is judged the same."""
    random = Random(2)
    wrong = planted(OnlyTheSmallestOutEdge)
    numbers = [random.randrange(len(world.tuples) * world.cases_per_tuple) for _ in range(300)]
    for number in [*numbers, 71_634]:
        case = world.case(number)
        ran = run_case(case, wrong)
        again = schedule.run(*case.text(), database_class=wrong)
        assert "".join(str(refused.name + 1) for refused in ran.refusals) == schedule.refused(again)
        explained = schedule.is_strictly_serializable(schedule.committed(again), case.text()[1])
        assert is_explained(case, ran) == explained


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_refusals_are_measured_by_the_definition(world: World) -> None:
    """A refusal counts as necessary where the dependencies of what committed before and of it have a cycle."""
    random = Random(3)
    measured: list[bool] = []
    expected: list[bool] = []
    for _ in range(2_000):
        case = world.case(random.randrange(len(world.tuples) * world.cases_per_tuple))
        successors = Conflicts.between(case.programs).successors(case.schedule)
        measured += [closes_cycle(successors, mask, name) for name, mask, _ in run_case(case).refusals]
        before: list[schedule.Ran] = []
        for one in schedule.run(*case.text()):
            if one.outcome == "committed":
                before.append(one)
            else:
                expected.append(schedule.has_dependency_cycle([*before, one]))
    assert measured == expected
    assert 200 < sum(expected) < len(expected) - 200


class ReadSetValidation(SerializableRule):
    """Plain validation: a transaction with writes is refused where anything that it read has a newer version."""

    def refuse_lost_update(self, writes: Any, snap: int) -> None:
        """Blind writes never conflict."""

    def judge(self, writes: Any, reads: Any, ranges: Any, snap: int) -> None:
        inside = [key for start, end in ranges for key in self._index.keys_between(start, end)]
        if writes and any(self._index.newest_seq(key) > snap for key in [*reads, *inside]):
            raise Conflict("read sets: something that was read has changed")


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_read_set_validation_is_computed_as_it_would_run(world: World) -> None:
    """The figures computed for plain validation are those of the engine with that rule, which admits no anomaly."""
    tally = explore(world, 1_000, 1, planted(ReadSetValidation))
    assert tally.bad == 0
    assert tally.read_sets == tally.dangerous
    assert tally.read_sets.unnecessary > 0
    assert tally.lost_updates == Refusals(0, 0)
    assert tally.read_sets == explore(world, 1_000, 1).read_sets


def test_steps_move_to_the_first_one() -> None:
    """The reduced form of an interleaving keeps first steps, ends and the order inside each transaction."""
    assert reduced("r1x r2y w1y r1x w2x c1 r3x c2 d3x a3") == "r1x w1y r1x r2y w2x c1 r3x d3x c2 a3"


def test_full_interleavings_come_to_what_their_reduced_forms_come_to() -> None:
    """Operations, outcomes and final state are the same, and both forms are strictly serializable."""
    comparison = compare(seed=200_000, count=3_000)
    assert (comparison.interleavings, comparison.different, comparison.bad) == (3_000, 0, 0)
    assert comparison.example is None


def test_a_fresh_snapshot_per_operation_is_not_reducible() -> None:
    """With READ_COMMITTED in the place of SERIALIZABLE, interleavings differ from their reduced forms."""

    def begin_transaction(self: Database, *_: Any, **__: Any) -> Transaction:
        return Database.begin_transaction(self, IsolationLevel.READ_COMMITTED)

    weak = type("Weak", (Database,), {"begin_transaction": begin_transaction})
    comparison = compare(seed=1, count=300, database_class=weak)
    assert comparison.different == 30
    assert comparison.bad == 81
    assert comparison.example is not None


def command(*options: str) -> tuple[int, str]:
    """Exit code and standard output of the command, one process unless the options say otherwise."""
    ended = CliRunner().invoke(small_world.main, ["--processes", "1", *options])
    return ended.exit_code, ended.stdout


def test_the_command_prints_one_table() -> None:
    """A slice through several processes ends with 0 and the numbers of its cases."""
    slice_of = ("--every", "2000", "--offset", "7", "--interleavings", "1100")
    code, printed = command(*slice_of, "--processes", "2")
    assert code == 0
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in printed.splitlines()]
    assert ["cases", "2,040", "5,565", "1,100"] in rows
    assert ["not strictly serializable", "0", "0", "0"] in rows
    assert ["different when reduced", "", "", "0"] in rows
    assert printed.count("without need") == 3


def test_the_command_fails_with_a_schedule_to_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad case ends the command with 1, its number and its schedule."""
    wrong = planted(StrictComparison)

    def explore_wrongly(world: World, every: int, offset: int) -> Tally:
        return explore(world, every, offset, wrong)

    monkeypatch.setattr(small_world, "explore", explore_wrongly)
    code, printed = command("--every", "2000", "--interleavings", "0")
    assert code == 1
    number = explore(THREE_TRANSACTIONS, 2_000, 0, wrong).first_bad
    assert number is not None
    text = THREE_TRANSACTIONS.case(number).text()
    assert f"case {number}: {text}" in printed
    assert not schedule.is_strictly_serializable(
        schedule.committed(schedule.run(*text, database_class=wrong)), text[1]
    )


def test_the_command_tells_where_mutants_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mutant of the rule comes with the number and the schedule of its first bad case."""
    mutants = {name: MUTANTS[name] for name in ("no-write-conflicts", "ttl-ignored")}
    monkeypatch.setattr(small_world, "MUTANTS", mutants)
    code, printed = command("--mutants")
    assert code == 0
    assert "no-write-conflicts" in printed
    assert "540" in printed
    assert "w1y w2y s3x~ w3y c1 c2 c3" in printed
    assert "ttl-ignored" not in printed
