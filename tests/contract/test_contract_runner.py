"""The contract suite's processes: a crash or a hang counts against the check at hand, and the run goes on."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from anomalist.contract import ContractTask, Results, chosen, run_scenarios
from harness.contract import CheckOutcome


def run_on(spec: str, directory: Path, limit_s: float = 30.0) -> Results:
    """The batches, which break on the mock, then the namespaces, which do not."""
    (batches,), _ = chosen(["P1"])
    (namespaces,), _ = chosen(["O1"])
    scenarios = (replace(batches, time_limit_s=limit_s), namespaces)
    task = ContractTask(spec=spec, scenarios=scenarios, runs=directory / "runs")
    results, kept = run_scenarios(task, threading.Event())
    assert kept == ()
    return results


@pytest.mark.parametrize(
    ("how", "limit_s", "detail"),
    [
        ("dies", 30.0, "the process that the database ran in was killed by SIGKILL"),
        ("hangs", 2.0, "no answer within 2 s, or no end within 20 s"),
    ],
)
def test_a_crash_and_a_hang_fail_the_check_at_hand(how: str, limit_s: float, detail: str, tmp_path: Path) -> None:
    """P1.1 fails with what happened, the rest of its scenario is not reached, and the next scenario passes."""
    results = run_on(f"mock_breaking:BreakingTarget:how={how}", tmp_path, limit_s)
    first, *rest = [one for one in results if one.scenario == "P1"]
    assert (first.id, first.outcome, first.detail) == ("P1.1", CheckOutcome.FAIL, detail)
    assert {(one.outcome, one.detail) for one in rest} == {
        (CheckOutcome.SKIP, "not reached: P1.1 ended this scenario")
    }
    assert [one.outcome for one in results if one.scenario == "O1"] == [CheckOutcome.PASS] * 4


def test_a_process_that_does_not_start_is_no_fault_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the worker ends before it has loaded anything, checks are an ERROR of ours and none of them a FAIL."""
    monkeypatch.setattr("anomalist.contract._serve", os.abort)
    results = run_on("mock_surface:MockTarget", tmp_path)
    outcomes = {one.id: one.outcome for one in results}
    assert (outcomes["P1.1"], outcomes["O1.1"]) == (CheckOutcome.ERROR, CheckOutcome.ERROR)
    assert CheckOutcome.FAIL not in outcomes.values()
