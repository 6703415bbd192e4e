"""`run --fail-fast`: a run ends at the first anomaly that refutes its level, and a run without one is unaffected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Command
from front_door_commands import Finished, history_files

from anomalist import fail_fast
from harness.trouble import StoreError

MUTANT = ("-t", "reference:mutant=judged-as-snapshot-isolation")
STEPS = ("--schedule", "steps", "--txns", "2000")


def runs(finished: Finished) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(finished.out)["runs"]
    return found


def breaking(run: dict[str, Any]) -> dict[str, str]:
    """Name and fingerprint of what refutes the expected level."""
    return {one["name"]: one["fingerprint"] for one in run["anomalies"] if not one["allowed"]}


@pytest.mark.parametrize("workload", ["list-append", "write-skew"])
def test_a_mutant_ends_the_run_early_with_the_same_fingerprint(
    command: Command, tmp_path: Path, workload: str
) -> None:
    """Far fewer transactions than asked for, exit 1, a page, and a fingerprint that the whole run has too."""
    words = ("run", *MUTANT, "-w", workload, *STEPS, "--json")
    whole = command(*words, "--out", "whole")
    fast = command(*words, "--out", "fast", "--fail-fast")
    assert (whole.code, fast.code) == (1, 1)
    (all_of_it,), (beginning,) = runs(whole), runs(fast)
    assert all_of_it["stats"]["txns"] >= 2_000
    assert beginning["stats"]["txns"] < 400
    assert breaking(beginning)
    assert breaking(beginning).items() <= breaking(all_of_it).items()
    assert "stopped" not in all_of_it
    assert beginning["stopped"].startswith("stopped at the first anomaly that refutes strict-serializable, after ")
    assert beginning["stopped"] in (tmp_path / "fast" / "report.html").read_text()
    assert "cut" not in beginning


def test_the_stop_is_deterministic_in_steps(command: Command, tmp_path: Path) -> None:
    """The same command stops at the same transaction: the same history, byte for byte."""
    words = ("run", *MUTANT, "-w", "list-append", *STEPS, "--fail-fast", "--json")
    first, second = command(*words, "--out", "first"), command(*words, "--out", "second")
    assert runs(first)[0]["stopped"] == runs(second)[0]["stopped"]
    assert history_files(tmp_path / "first") == history_files(tmp_path / "second")


def test_a_run_without_an_anomaly_is_unaffected(command: Command, tmp_path: Path) -> None:
    """With --fail-fast and without it, a clean run leaves the same history, and passes."""
    words = ("run", "-w", "list-append", "-w", "bank", "-w", "set", "--schedule", "steps", "--txns", "600", "--json")
    plain = command(*words, "--out", "plain")
    fast = command(*words, "--out", "fast", "--fail-fast")
    assert (plain.code, fast.code) == (0, 0)
    assert [run["evidence"] for run in runs(plain)] == [run["evidence"] for run in runs(fast)]
    assert history_files(tmp_path / "plain") == history_files(tmp_path / "fast")
    assert not any("stopped" in run for run in runs(fast))


def test_an_allowed_anomaly_does_not_stop_the_run(command: Command) -> None:
    """Write skew at snapshot isolation refutes nothing that was promised: the run goes to its end."""
    words = ("run", "-i", "snapshot-isolation", "-w", "list-append", "--schedule", "steps", "--txns", "600")
    finished = command(*words, "--fail-fast", "--json")
    (run,) = runs(finished)
    assert (finished.code, run["outcome"]) == (0, "pass")
    assert "G2-item" in {one["name"] for one in run["anomalies"]}
    assert run["stats"]["txns"] >= 600


def test_the_runs_after_it_are_not_begun_and_said_to_be_missing(command: Command) -> None:
    """The first refuted run is the last; the terminal says where it stopped and what did not run."""
    words = ("run", *MUTANT, "-w", "list-append", "-w", "bank", "-w", "set", *STEPS, "--fail-fast")
    finished = command(*words)
    assert finished.code == 1
    assert "1 fail" in finished.out.splitlines()[0]
    assert "not run: bank, set: ended by --fail-fast before they began" in finished.out
    assert "list-append seed 0: stopped at the first anomaly that refutes strict-serializable, after" in finished.out
    (repeat,) = [line for line in finished.out.splitlines() if line.startswith("repeat")]
    assert " --fail-fast " in repeat


def test_a_workload_that_ran_is_missing_from_a_later_seed_on(command: Command) -> None:
    """Of several seeds it is said with which of them each workload did not run."""
    words = ("run", *MUTANT, "-w", "list-append", "-w", "bank", "--seeds", "3", *STEPS, "--fail-fast")
    finished = command(*words)
    assert "not run: bank, list-append from seed 1 on: ended by --fail-fast before they began" in finished.out


def test_runs_at_the_same_time_are_ended_too(command: Command) -> None:
    """With -j the other run at work is stopped and says why: no pass, and not by hand."""
    words = ("run", *MUTANT, "-w", "list-append", "-w", "bank", "--schedule", "threads", "-j", "2")
    finished = command(*words, "--txns", "1000000", "--time-limit", "100", "--fail-fast", "--json")
    assert finished.code == 1
    refuted, other = runs(finished)
    assert (refuted["workload"], refuted["outcome"]) == ("list-append", "fail")
    assert refuted["stopped"].startswith("stopped at the first anomaly")
    assert other["stopped"] == "ended because another run was refuted, as --fail-fast demands"
    assert (other["outcome"], other["reason"]) == ("unknown", "stopped")
    assert "interrupted" not in other


def test_threads_are_judged_along_as_well(command: Command) -> None:
    """Real threads stop early too, and every transaction that was open then has its outcome."""
    words = ("run", "-i", "read-committed", "--expect", "serializable", "-w", "list-append", "--schedule", "threads")
    finished = command(*words, "--txns", "100000", "--fail-fast", "--json")
    (run,) = runs(finished)
    assert (finished.code, run["outcome"]) == (1, "fail")
    assert run["stats"]["txns"] < 20_000
    assert run["evidence"]["unknown"] == 0


@pytest.mark.parametrize("schedule", ["steps", "threads"])
def test_what_keeps_it_from_judging_along_ends_no_run(
    command: Command, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    """A log that cannot be read while it is written leaves the run as it would be without --fail-fast."""
    asked = []

    def refuse(path: Path, *_: object, **__: object) -> None:
        asked.append(path)
        raise StoreError("events.log is malformed; run it again")

    monkeypatch.setattr(fail_fast, "read_history", refuse)
    words = ("run", "-w", "bank", "--schedule", schedule, "--txns", "600", "--fail-fast", "--json")
    finished = command(*words)
    (run,) = runs(finished)
    assert (finished.code, run["outcome"], len(asked)) == (0, "pass", 1)
    assert run["stats"]["txns"] >= 600


def test_a_stopped_run_is_judged_again_from_its_directory(command: Command) -> None:
    """`check` on the directory of a stopped run finds the same, and knows that it was stopped."""
    words = ("run", *MUTANT, "-w", "list-append", *STEPS, "--fail-fast", "--out", "out", "--json")
    (run,) = runs(command(*words))
    again = command("check", "out", "--json")
    (judged,) = json.loads(again.out)["histories"]
    assert again.code == 1
    assert breaking(judged) == breaking(run)
    assert judged["stopped"] == run["stopped"]


def test_the_contract_suite_knows_no_fail_fast(command: Command) -> None:
    """Nothing is accepted and ignored."""
    finished = command("run", "contract", "--fail-fast")
    assert finished.code == 2
    assert "--fail-fast" in finished.err
