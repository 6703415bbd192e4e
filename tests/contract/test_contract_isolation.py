"""Sections A to D of the contract suite: a correct database passes, and every check finds the lie told to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from isolation_lies import LIES

from anomalist.scenarios import perform_scenario
from harness.contract import CheckOutcome, CheckResult, Scenario
from workloads.contract import SCENARIOS

OURS = [scenario for scenario in SCENARIOS if scenario.section in "ABCD"]
CHECKS = [(scenario, check.id) for scenario in OURS for check in scenario.checks]
TARGET = "isolation_target:MockTarget"


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


def test_there_is_a_lie_for_every_check() -> None:
    """The table of lies has exactly the checks of sections A to D."""
    assert sorted(LIES) == sorted(check for _, check in CHECKS)
