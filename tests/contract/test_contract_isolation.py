"""Sections A to D of the contract suite: a correct database passes, and every check finds the lie told to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from isolation_lies import LIES

from anomalist.scenarios import perform_scenario
from harness.contract import CheckOutcome, CheckResult, Scenario
from workloads.contract import SCENARIOS
from workloads.contract.rivals import WAITING

OURS = [scenario for scenario in SCENARIOS if scenario.section in "ABCD"]
CHECKS = [(scenario, check.id) for scenario in OURS for check in scenario.checks]
TARGET = "isolation_target:MockTarget"
BY_SESSIONS = [scenario for scenario in OURS if not scenario.calls and "dequeue" not in scenario.kinds]
SLOW = {"B1", "B2", "D1"}


def results(scenario: Scenario, spec: str, directory: Path) -> dict[str, CheckResult]:
    told: list[CheckResult] = []
    perform_scenario(scenario, spec, directory / "scenario", directory / "runs", told.append)
    return {result.id: result for result in told}


@pytest.mark.parametrize("scenario", OURS, ids=lambda scenario: scenario.id)
def test_a_correct_database_passes_every_check(scenario: Scenario, tmp_path: Path) -> None:
    """On the correct mock each check of the scenario passes, and none is skipped."""
    found = results(scenario, TARGET, tmp_path)
    assert {result.id: (result.outcome.name, result.detail) for result in found.values() if result.outcome != 1} == {}
    assert list(found) == [check.id for check in scenario.checks]


@pytest.mark.parametrize(("scenario", "check"), CHECKS, ids=lambda one: one if isinstance(one, str) else one.id)
def test_every_check_finds_its_lie(scenario: Scenario, check: str, tmp_path: Path) -> None:
    """The lie that is told to a check makes it fail, and no check of the scenario a mistake of ours."""
    found = results(scenario, f"{TARGET}:lie={check}", tmp_path)
    assert found[check].outcome is CheckOutcome.FAIL, found[check].detail
    assert CheckOutcome.ERROR not in {result.outcome for result in found.values()}


@pytest.mark.parametrize("told", [scenario.id for scenario in OURS])
def test_lies_about_a_subsection_fail_nothing_outside_it(told: str, tmp_path: Path) -> None:
    """With all lies of one scenario told at once, every check of the other scenarios passes.

    Slow scenarios are left out where they are of another section.
    """
    others = [one for one in OURS if one.id != told and (one.section == told[0] or one.id not in SLOW)]
    found = {}
    for other in others:
        found |= results(other, f"{TARGET}:lie={told}", tmp_path / other.id)
    assert {result.id: result.detail for result in found.values() if result.outcome is not CheckOutcome.PASS} == {}


@pytest.mark.parametrize(
    ("scenario", "target"),
    [
        (scenario, f"isolation_waiting:{target}")
        for scenario in BY_SESSIONS
        for target in ("SerialTarget", "NoWaitTarget")
        if (scenario.id, target) != ("B3", "SerialTarget")  # It passes, and waits a hundred times for that.
    ],
    ids=lambda one: one if isinstance(one, str) else one.id,
)
def test_databases_that_wait_or_never_wait_are_not_accused(scenario: Scenario, target: str, tmp_path: Path) -> None:
    """Correct databases with locks pass whatever can be asked of sessions, and the rest is skipped."""
    found = results(scenario, target, tmp_path)
    skipped = {check.id for check in scenario.checks if check.needs}
    assert {result.id for result in found.values() if result.outcome is CheckOutcome.SKIP} == skipped
    passed = {result.id: result.detail for result in found.values() if result.outcome is not CheckOutcome.SKIP}
    assert {one: found[one].detail for one in passed if found[one].outcome is not CheckOutcome.PASS} == {}


def test_calls_that_may_wait_are_not_interleaved_on_one_thread(tmp_path: Path) -> None:
    """Of a target whose calls may wait for another transaction only its sessions are interleaved."""
    (scenario,) = (one for one in OURS if one.id == "A1")
    found = results(scenario, f"{TARGET}:steps=no", tmp_path)
    assert {one.id: one.detail for one in found.values() if one.outcome is CheckOutcome.SKIP} == dict.fromkeys(
        ("A1.5", "A1.6", "A1.7"), WAITING
    )
    assert found["A1.2"].outcome is CheckOutcome.PASS


def test_there_is_a_lie_for_every_check() -> None:
    """The table of lies has exactly the checks of sections A to D."""
    assert sorted(LIES) == sorted(check for _, check in CHECKS)
