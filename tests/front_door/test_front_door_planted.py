"""Databases with a planted fault, and runs that prove nothing: neither may pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Command
from oracle.notation import txns

from anomalist.judging import judge_history
from harness.build import build_history
from harness.level import Level
from harness.verdict import Outcome

OwnModule = Callable[[str], str]

# The reference engine with one session method replaced; {} is the body of the class.
PLANTED = """
from harness.target import Aborted, Capabilities
from harness.targets.reference import ReferenceTarget

class Session:
    def __init__(self, inner): self.inner = inner
    def __getattr__(self, name): return getattr(self.inner, name)
{}
class Target(ReferenceTarget):
    name = "planted"
    def session(self, level): return Session(super().session(level))
"""


def runs(document: str) -> dict[str, Any]:
    """The runs of a document by their workload."""
    return {run["workload"]: run for run in json.loads(document)["runs"]}


def test_a_database_that_refuses_every_commit_proves_nothing(command: Command, own_module: OwnModule) -> None:
    """Where nothing ever commits, nothing was isolated: no workload passes."""
    name = own_module(
        PLANTED.format("    def commit(self):\n        self.inner.abort()\n        raise Aborted('no')\n")
    )
    words = ("run", "-t", f"{name}:Target", "--txns", "400", "--json")
    finished = command(*words, "-w", "write-skew", "-w", "predicate-skew", "-w", "list-append", "-w", "set")
    assert finished.code == 3
    assert {run["reason"] for run in runs(finished.out).values()} == {"vacuous"}


def test_an_abort_that_commits_is_found_even_at_read_committed(command: Command, own_module: OwnModule) -> None:
    """What a client rolled back must never be seen: list-append and set find it as G1a."""
    name = own_module(PLANTED.format("    def abort(self):\n        self.inner.commit()\n"))
    words = ("run", "-t", f"{name}:Target", "-i", "read-committed", "--txns", "600", "--json")
    finished = command(*words, "-w", "list-append", "-w", "set")
    assert finished.code == 1
    for run in runs(finished.out).values():
        assert "G1a" in {one["name"] for one in run["anomalies"] if not one["allowed"]}


def test_a_finale_that_finds_ever_more_is_ended(command: Command, own_module: OwnModule) -> None:
    """A target that answers reads of missing keys with something else than nothing is said to do so; exit 4."""
    body = (
        "    def step(self, op):\n"
        "        done = self.inner.step(op)\n"
        "        return done._replace(value=0) if op.kind == 'r' and done.value is None else done\n"
    )
    name = own_module(PLANTED.format(body))
    finished = command("run", "-t", f"{name}:Target", "-w", "set", "--txns", "30", "--json")
    assert finished.code in {1, 4}
    assert runs(finished.out)["set"]["trouble"] == (
        "the finale of set does not end: the target answers reads of what nobody wrote"
    )


@pytest.mark.parametrize("level", ["linearizable", "causal", "PRAM", "read-your-writes"])
def test_a_level_that_nothing_could_refute_is_not_passed(command: Command, level: str) -> None:
    """A checker that looks for nothing against a level says so instead of passing it."""
    finished = command("run", "-w", "counter", "--txns", "200", "--expect", level, "--json")
    assert finished.code == 3
    assert runs(finished.out)["counter"]["reason"] == "undecided"
    assert runs(finished.out)["counter"]["sentence"] == (
        f"nothing that the counter checker looks for could refute {level}"
    )


def test_a_filtered_check_is_not_kept(command: Command) -> None:
    """`check --anomalies` shows what it was asked for and leaves the verdicts on disk alone."""
    words = ("run", "-i", "snapshot-isolation", "--expect", "serializable", "-w", "write-skew", "--txns", "300")
    assert command(*words, "--out", "skew").code == 1
    stored = Path("skew/verdicts.json").read_bytes()
    filtered = command("check", "skew", "--anomalies", "garbage-read", "--json")
    assert filtered.code == 0
    (entry,) = json.loads(filtered.out)["histories"]
    assert entry["sentence"] == "only garbage-read counted: nothing of it refutes serializable"
    assert command("check", "skew", "--anomalies", "G0").code == 3  # This workload's checker looks for no G0.
    assert Path("skew/verdicts.json").read_bytes() == stored
    assert command("check", "skew").code == 1


def test_a_workload_that_the_target_cannot_run_is_named(command: Command, own_module: OwnModule) -> None:
    """What a suite leaves out is said, so that nobody takes it for passed."""
    kinds = "capabilities = Capabilities(kinds=frozenset({'r', 'w', 'append'}), steps=True)\n"
    name = own_module(PLANTED.format("") + f"    {kinds}")
    finished = command("run", "-t", f"{name}:Target", "--txns", "300")
    assert finished.code == 0
    assert "not run: predicate-skew: the target has no scan" in finished.out.splitlines()
    assert "predicate-skew: the target has no scan" in Path("anomalist-runs/latest/report.html").read_text()


def test_a_history_that_is_not_whole_does_not_pass() -> None:
    """What is missing may be what would have told against the database; what is there still can."""
    fine, skew = build_history(txns("ax1; rx1"), cut="the log ends early"), build_history(txns("rx ay1; ry ax1"))
    options: dict[str, Any] = {"checkers": ("list-append",), "strict_evidence": False}
    (verdict,) = judge_history(fine, Level("serializable"), **options)
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "evidence")
    assert verdict.sentence == "the history is not whole: the log ends early"
    (verdict,) = judge_history(skew, Level("serializable"), missing="half of it is gone", **options)
    assert verdict.outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("workload", "sentence"),
    [
        ("list-append:keys=x", "parameter keys of workload list-append is a whole number, not 'x'"),
        (
            "list-append:colour=1",
            "workload list-append has no parameter 'colour=1'; write key=value with one of keys",
        ),
        ("bank:key_choice=best", "key_choice is one of uniform, zipf, hot, rotating, not 'best'"),
        ("bank:read_ratio=7", "contention, read_ratio and rollback_ratio are shares between 0 and 1"),
        ("set:ops_min=9", "keys, writes_per_key and ops_min are at least 1, and ops_max is at least ops_min"),
        ("set:keys=99999999", "keys and ops_max are at most 100000"),
    ],
)
def test_a_wrong_parameter_is_said(command: Command, workload: str, sentence: str) -> None:
    """A workload's parameters are checked before anything runs."""
    finished = command("run", "-w", workload)
    assert finished.code == 2
    assert sentence in finished.err
    assert not Path("anomalist-runs").exists()


def test_parameters_change_the_workload(command: Command) -> None:
    """Parameters written behind a workload's name reach its programs and are part of the record."""
    words = ("run", "-w", "list-append:keys=2,ops_min=5,ops_max=5,key_choice=zipf", "--txns", "50", "--json")
    assert command(*words, "--out", "few").code == 0
    (info,) = (json.loads(path.read_text()) for path in Path("few").glob("runs/*/run.json"))
    assert info["params"]["keys"] == 2
    assert info["params"]["key_choice"] == "zipf"


def test_appends_of_a_foreign_history_may_be_reads_and_writes(command: Command, tmp_path: Path) -> None:
    """With --append read-modify-write an overwritten append is a lost update, which read-committed allows."""
    lines = [
        '{"type": "ok", "process": 0, "f": "txn", "value": [["append", "x", 1]]}',
        '{"type": "ok", "process": 1, "f": "txn", "value": [["append", "x", 2]]}',
        '{"type": "ok", "process": 2, "f": "txn", "value": [["append", "x", 3]]}',
        '{"type": "ok", "process": 3, "f": "txn", "value": [["r", "x", [1, 2]]]}',
        '{"type": "ok", "process": 4, "f": "txn", "value": [["r", "x", [1, 3]]]}',
    ]
    (tmp_path / "lost.jsonl").write_text("\n".join(lines) + "\n")
    assert command("check", "lost.jsonl", "--expect", "read-committed").code == 1
    assert command("check", "lost.jsonl", "--expect", "read-committed", "--append", "read-modify-write").code == 0
    assert command("check", "lost.jsonl", "--expect", "snapshot-isolation", "--append", "read-modify-write").code == 1
