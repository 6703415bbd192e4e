"""The crash simulator: the engine survives a slice of it, and each storage mutant dies in it."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from click.testing import CliRunner

from engine import Database, MemoryVfs
from engine.memory_vfs import Change
from engine.mutants import MUTANTS, planted, storage
from engine.mutants.versions import AbortsLeaveVersions
from engine.proof.crashes.bit_flips import search_flips
from engine.proof.crashes.crash import Outcome, find_crash, main
from engine.proof.crashes.crash_actions import ACTIONS, CRASHES
from engine.proof.crashes.crash_run import Action, Run
from engine.proof.crashes.crash_search import search_run
from engine.proof.crashes.failing_disk import search_failures
from engine.proof.crashes.ledger import Ledger, StoppedClock
from engine.proof.crashes.power_loss import survivals
from engine.proof.watched import WatchedVfs

BUDGET = 8_000  # states in which every mutant has to be found


@pytest.mark.parametrize("seed", range(1, 4))
def test_no_crash_of_a_run_loses_anything(seed: int) -> None:
    """Whatever a crash at any step leaves, what had to last is there, and lasts, and nothing else comes back."""
    search = search_run(seed, others_max=6)
    assert search.loss is None
    assert search.states > 500
    assert search.points > 50


def test_no_failure_of_the_disk_loses_anything() -> None:
    """EIO, ENOSPC, short writes, failed syncs: poisoned where in doubt, and what was acknowledged is there."""
    search = search_failures(1, states_max=1_500)
    assert search.loss is None
    assert search.states == 1_500
    assert search.failures > 150


@pytest.mark.parametrize("closed", [True, False])
def test_no_flipped_bit_changes_anything_silently(closed: bool) -> None:
    """A flipped bit is an error at its place, or changes nothing (or, after a death, costs the last commit only)."""
    search = search_flips(1, states_max=3_000, closed=closed)
    assert search.loss is None
    assert search.states == 3_000


@pytest.mark.parametrize("name", [name for name, mutant in MUTANTS.items() if mutant.found_by.instrument == "crash"])
def test_the_crashes_find_every_mutant(name: str) -> None:
    """Each storage mutant loses something, is found by the crash that its row names, and for the reason there."""
    loss = find_crash(MUTANTS[name].database, BUDGET)
    assert loss is not None
    by = MUTANTS[name].found_by
    assert loss.crash.startswith(tuple(by.where.split(" or ")))
    assert loss.kind in by.what
    assert loss.states <= BUDGET
    assert f"run {loss.seed}, {loss.crash} at step {loss.step}, {loss.name}" in loss.sentence


def test_what_is_wrong_without_a_crash_is_found_too() -> None:
    """A database that shows what was aborted is accused of it though nothing crashed."""
    losses = [search_run(seed, planted(AbortsLeaveVersions), states_max=1).loss for seed in range(1, 30)]
    assert {loss.crash for loss in losses if loss is not None} == {"none"}


def test_the_same_search_finds_the_same_loss() -> None:
    """A loss is repeated by its seed: step, crash and what was kept are the same again."""
    first = find_crash(planted(storage.SplitsCommits), BUDGET)
    assert first is not None
    assert first.kept
    again = find_crash(planted(storage.SplitsCommits), BUDGET)
    assert again == first


def test_the_clean_engine_is_not_accused() -> None:
    """Within a budget that kills most mutants nothing is found in the engine as it is."""
    assert find_crash(Database, 2_500) is None


def test_every_action_happens_and_leaves_the_database_right() -> None:
    """A few runs contain every action of the table, groups of several commits and automatic checkpoints too."""
    happened: Counter[str] = Counter()

    def progress(run: Run) -> tuple[int, ...]:
        stats = run.opened.stats()
        return tuple(int(stats[name]) for name in ("commits", "flushes", "checkpoints"))

    def counted(name: str, action: Action) -> Action:
        def act(run: Run) -> None:
            happened[name] += 1
            before = progress(run)
            action.act(run)
            commits, flushes, checkpoints = (after - old for after, old in zip(progress(run), before, strict=True))
            happened["group"] += name == "put_in_company" and run.sync == "full" and commits > flushes
            happened["automatic checkpoint"] += name == "put" and checkpoints > 0

        return action._replace(act=act)

    table = {name: counted(name, action) for name, action in {**ACTIONS, **CRASHES}.items()}
    for seed in range(12):
        run = Run(seed, Database, WatchedVfs(MemoryVfs(), lambda step, path: run.step()))  # noqa: B023
        run.play(table, 40)
        run.close()
    assert set(+happened) == {*table, "group", "automatic checkpoint"}


def test_survivals_hold_every_subset_of_a_few_changes() -> None:
    """Of three changes all eight subsets are tried, and torn sectors beside them."""
    changes = [Change("name", "/d"), Change("write", "/d/a", 0, b"x" * 512), Change("write", "/d/a", 512, b"y" * 9)]
    tried = survivals(changes, Random(1))
    kept = {tuple(survivor is change for survivor, change in zip(each, changes, strict=True)) for each in tried}
    assert len(kept) == 8
    torn = [one for each in tried for one in each if one is not None and one not in changes]
    assert torn
    assert all(one.path == "/d/a" and one.offset in {0, 512} and len(one.data) <= 512 for one in torn)


def test_survivals_of_many_changes_hold_the_telling_ones() -> None:
    """Of thirty changes: none, all, each one missing, each one alone, each prefix; and a sample where asked."""
    changes = [Change("write", "/a", 512 * number, b"x") for number in range(30)]
    tried = [tuple(survivor is not None for survivor in each) for each in survivals(changes, Random(1))]
    wanted = {tuple(place < length for place in range(30)) for length in range(31)}
    wanted |= {tuple(place != missing for place in range(30)) for missing in range(30)}
    wanted |= {tuple(place == alone for place in range(30)) for alone in range(30)}
    assert wanted <= set(tried)
    assert len(survivals(changes, Random(1), 5)) == 7


def ledger(*commits: dict[bytes, bytes | None]) -> Ledger:
    made = Ledger(StoppedClock())
    for writes in commits:
        made.begin(dict(writes))
    return made


def test_a_ledger_tells_what_is_wrong() -> None:
    """Contents after a commit that is young enough are right; others are named for what they are."""
    made = ledger({b"a": b"1"}, {b"a": b"2", b"b": b"2"}, {b"a": None})
    assert made.match({b"b": b"2"}, 3) == 3
    assert made.match({b"a": b"2", b"b": b"2"}, 2) == 2
    assert made.match({b"a": b"2", b"b": b"2"}, 3) is None
    assert made.explain({b"a": b"1"}, 2) == ("lost commit", "commit 2 of 2 that had to last is gone")
    assert made.explain({b"a": b"2"}, 1) == ("half transaction", "of commit 2 only b'a' is there")
    assert made.explain({b"b": b"3"}, 3).kind == "garbage"
    made.begin({b"b": b"4", b"c": b"4"})
    assert made.explain({b"a": b"1", b"b": b"4", b"c": b"4"}, 3).kind == "resurrection"
    assert made.explain({b"c": b"4"}, 3).kind == "lost value"
    made.restart(1)
    assert made.explain({b"a": b"2"}, 1).kind == "resurrection"
    assert (made.safe, made.acknowledged, len(made.commits)) == (1, 1, 1)


def test_the_command_prints_what_it_tried() -> None:
    """The command prints a row for each part that had something to do, and exits with 0."""
    result = CliRunner().invoke(main, ["--runs", "0", "--damaged", "0", "--kills", "5", "--processes", "1"])
    assert result.exit_code == 0, result.output
    rows = [line.split("│") for line in result.stdout.splitlines() if line.startswith("│")]
    assert [[row[1].strip(), row[2].strip(), row[3].strip(), row[6].strip()] for row in rows] == [
        ["SIGKILL of a process", "1", "5", "0"]
    ]


def test_the_command_fails_where_something_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss in any part is counted in its row, printed as a sentence, and the exit code is 1."""
    found = [Outcome("crash", 10, 1.0, ""), Outcome("crash", 20, 1.0, "lost commit: all of it")]
    monkeypatch.setattr("engine.proof.crashes.crash.prove", lambda seeds, processes: iter(found))
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 1
    row = next(line.split("│") for line in result.stdout.splitlines() if line.startswith("│"))
    assert [cell.strip() for cell in row[1:-1]] == ["crash", "2", "30", "2", "15", "1"]
    assert "lost commit: all of it" in result.stdout
