"""What a run finds at each level, and that the same command gives the same history and fingerprints."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from front_door_commands import ROOT, WRITE_SKEW, Finished, child, history_files

from anomalist.suites import ON_KEYS

Command = Callable[..., Finished]

LIST_APPEND = ("-w", "list-append", "--txns", "600")
SKEWED = ("run", "-i", "snapshot-isolation", "--expect", "serializable", "--schedule", "steps", *LIST_APPEND)


def runs(finished: Finished) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(finished.out)["runs"]
    return found


def found(finished: Finished) -> list[tuple[str, str, str, int]]:
    """(name, fingerprint, witness, count) of every anomaly of all runs."""
    return [
        (one["name"], one["fingerprint"], one["witness"], one["count"])
        for run in runs(finished)
        for one in run["anomalies"]
    ]


def breaking(finished: Finished) -> set[str]:
    return {one["name"] for run in runs(finished) for one in run["anomalies"] if not one["allowed"]}


def test_the_same_steps_twice(tmp_path: Path) -> None:
    """Snapshot isolation held to serializable shows G2-item; in another process the same bytes and fingerprints."""
    first, second = (
        child(*SKEWED, "--seed", "7", "--out", out, "--json", cwd=tmp_path, changes={"PYTHONHASHSEED": hashing})
        for out, hashing in (("first", "1"), ("second", "2"))
    )
    assert (first.code, second.code) == (1, 1)
    assert found(first) == found(second)
    files = history_files(tmp_path / "first")
    assert len(files) > 10
    assert files == history_files(tmp_path / "second")
    skews = [one for run in runs(first) for one in run["anomalies"] if one["name"] == "G2-item"]
    assert skews
    assert all(len(set(one["txns"])) in {2, 3} and not one["allowed"] for one in skews)


def test_another_seed(command: Command, tmp_path: Path) -> None:
    """Another seed finds the same failure, by fingerprint, in another history."""
    seven = command(*SKEWED, "--seed", "7", "--out", "seven", "--json")
    eight = command(*SKEWED, "--seed", "8", "--out", "eight", "--json")
    assert (seven.code, eight.code) == (1, 1)
    shared = {one[:2] for one in found(seven)} & {one[:2] for one in found(eight)}
    assert "G2-item" in {name for name, _ in shared}
    assert history_files(tmp_path / "seven") != history_files(tmp_path / "eight")
    assert {one[2] for one in found(seven)}.isdisjoint(one[2] for one in found(eight))


def test_snapshot_isolation_held_to_itself(command: Command) -> None:
    """The same level keeps what it promises: the write skew is listed as allowed, exit 0."""
    finished = command(
        "run", "-i", "snapshot-isolation", "--schedule", "steps", "--seed", "7", *LIST_APPEND, "--json"
    )
    assert (finished.code, runs(finished)[0]["outcome"]) == (0, "pass")
    assert runs(finished)[0]["expected"] == "strong-snapshot-isolation"
    skews = [one for one in runs(finished)[0]["anomalies"] if one["name"] == "G2-item"]
    assert skews
    assert all(one["allowed"] for one in skews)


def test_read_committed_held_to_snapshot_isolation(command: Command) -> None:
    """Read committed loses updates and reads skewed snapshots."""
    words = ("run", "-i", "read-committed", "--expect", "snapshot-isolation", "--schedule", "steps", "--seed", "7")
    finished = command(*words, *LIST_APPEND, "--json")
    assert finished.code == 1
    assert {"lost-update", "G-single-item"} <= breaking(finished)


def test_the_plain_run_passes_with_evidence(command: Command) -> None:
    """The default suite on the reference engine passes at serializable, each workload with evidence enough."""
    finished = command("run", "--txns", "600", "--json")
    assert finished.code == 0
    assert tuple(run["workload"] for run in runs(finished)) == ON_KEYS
    for run in runs(finished):
        assert (run["outcome"], run["expected"]) == ("pass", "strict-serializable")
        needed = {name: number for name, number in run["needed"].items() if number}
        assert needed
        assert all(run["evidence"][name] >= number for name, number in needed.items())
        assert run["stats"]["txns"] >= 600


def test_threads_find_write_skew(command: Command) -> None:
    """Real threads find the write skew of snapshot isolation as well."""
    words = ("run", "-i", "snapshot-isolation", "--expect", "serializable", "--schedule", "threads")
    finished = command(*words, "-w", "write-skew", "--txns", "3000", "--json")
    assert finished.code == 1
    assert breaking(finished) == {"G2-item"}
    assert runs(finished)[0]["schedule"] == "threads"


def test_one_client_is_vacuous(command: Command) -> None:
    """One client cannot show an anomaly: UNKNOWN, exit 3, with what is lacking."""
    finished = command("run", "--clients", "1", *LIST_APPEND, "--json")
    run = runs(finished)[0]
    assert (finished.code, run["outcome"], run["reason"]) == (3, "unknown", "vacuous")
    assert run["sentence"].startswith("nothing was found, but nothing could have been: ")
    assert run["evidence"]["concurrent accesses to a shared key"] == 0


def test_the_printed_command_repeats_the_run(command: Command, tmp_path: Path) -> None:
    """The command of the document, carried out as it stands, gives the same history and the same fingerprints."""
    first = command(*SKEWED, "--seed", "9", "--clients", "4", "--out", "first", "--json")
    words = shlex.split(json.loads(first.out)["command"])
    assert words[:2] == ["anomalist", "run"]
    second = command(*words[1:], "--out", "second", "--json")
    assert (first.code, second.code) == (1, 1)
    assert found(first) == found(second)
    assert history_files(tmp_path / "first") == history_files(tmp_path / "second")


def test_the_printed_command_repeats_seeds_and_shards(command: Command, tmp_path: Path) -> None:
    """Several seeds and a shard of them are part of the command."""
    words = ("run", "-w", "set", "-w", "counter", "--txns", "60", "--seed", "3", "--seeds", "2", "--shard", "2/2")
    first = command(*words, "--out", "first", "--json")
    second = command(*shlex.split(json.loads(first.out)["command"])[1:], "--out", "second", "--json")
    assert [(run["workload"], run["seed"]) for run in runs(first)] == [("counter", 3), ("counter", 4)]
    assert history_files(tmp_path / "first") == history_files(tmp_path / "second")
    assert first.code == second.code


def test_the_terminal_prints_the_command_of_the_document(command: Command) -> None:
    """The summary ends with the command that repeats the run, and where the report is."""
    finished = command("run", "-w", "set", "--txns", "60", "--out", "out")
    assert finished.out.splitlines()[-2:] == [
        "repeat  anomalist run quick -t reference -w set --seed 0 --txns 60",
        "report  out/report.html",
    ]


def test_the_printed_command_is_one_line(command: Command) -> None:
    """A command that is printed to be repeated can be copied: it has no line break in it."""
    finished = command(*SKEWED, "--seed", "7", "--clients", "5", "--out", "out")
    document = json.loads(command(*SKEWED, "--seed", "7", "--clients", "5", "--out", "again", "--json").out)
    assert f"repeat  {document['command']}" in [line.rstrip() for line in finished.out.splitlines()]


@pytest.mark.parametrize(
    "flags", [("--expect", "snapshot-isolation"), ("--anomalies", "G0"), ("--expect", "PRAM", "--min-evidence")]
)
def test_the_printed_check_repeats_the_check(command: Command, tmp_path: Path, flags: tuple[str, ...]) -> None:
    """The command printed by `check` has its flags, so that it comes to the same verdict."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    first = command("check", "skew.edn", *flags)
    repeat = first.out.splitlines()[-1].removeprefix("repeat").strip()
    second = command(*shlex.split(repeat)[1:])
    assert second.code == first.code
    assert second.out.split()[0] == first.out.split()[0]
    assert second.out.splitlines()[-1] == first.out.splitlines()[-1]


def test_the_example_of_an_own_target(tmp_path: Path) -> None:
    """The example in the repository, run from there as its first line says, passes with evidence."""
    words = ("run", "-t", "examples.own_target:DictTarget", "-w", "list-append", "-w", "bank", "--txns", "1500")
    finished = child(*words, "--out", tmp_path / "out", "--json", cwd=ROOT)
    assert finished.code == 0
    for run in runs(finished):
        assert (run["target"], run["outcome"]) == ("dict", "pass")
        assert run["evidence"]["concurrent accesses to a shared key"] >= 10
