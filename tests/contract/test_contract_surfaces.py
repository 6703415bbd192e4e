"""Sections E to P of the contract suite: a correct database passes them, and each check has a lie that it finds."""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest
from mock_lies import LIES
from mock_surface import CLOCK

from anomalist.rig import TargetRig
from anomalist.scenarios import perform_scenario
from harness.contract import CheckOutcome, CheckResult, Scenario
from workloads.contract import SCENARIOS

OURS = {one.id: one for one in SCENARIOS if one.section >= "E"}
CHECKS = {check.id: scenario for scenario in OURS.values() for check in scenario.checks}
# Not repeated for the lies of other scenarios: each takes longer than all the rest together.
LARGE = {"H2", "I1", "I2", "J1", "M1", "N1"}
SEED_COUNTS = {"E": 12, "F": 5, "G": 11, "H": 7, "I": 7, "J": 11, "K": 7, "L": 6, "M": 11, "N": 3, "O": 2, "P": 5}


@pytest.fixture(autouse=True)
def time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting costs nothing, and a read-only directory is one for root too: the mock looks at both as told."""

    def wait(rig: TargetRig, seconds: float) -> None:
        CLOCK.passed += seconds
        time.sleep(0)

    def forbid(rig: TargetRig, path: str) -> bool:
        os.makedirs(path)
        os.chmod(path, 0o500)
        return True

    monkeypatch.setattr(TargetRig, "wait", wait)
    monkeypatch.setattr(TargetRig, "now", lambda rig: CLOCK.now())
    monkeypatch.setattr(TargetRig, "forbid", forbid)


def performed(scenario: Scenario, spec: str, directory) -> list[CheckResult]:
    told: list[CheckResult] = []
    perform_scenario(scenario, spec, directory / "scenario", directory / "runs", told.append)
    assert [one.id for one in told] == [check.id for check in scenario.checks]
    return told


@pytest.mark.parametrize("scenario", OURS.values(), ids=OURS)
def test_a_correct_database_passes(scenario, tmp_path):
    """Every check of a scenario passes on the mock, and says what it saw."""
    results = performed(scenario, "mock_surface:MockTarget", tmp_path)
    assert [(one.id, one.outcome.name, one.detail) for one in results if one.outcome is not CheckOutcome.PASS] == []
    assert all(one.detail for one in results)


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_is_found(lie, tmp_path):
    """The check that a lie is for fails on it, others of its scenario at most with it, and those of no other one."""
    check = lie if lie in CHECKS else lie.split()[0]
    own = CHECKS[check]
    others = [one for one in OURS.values() if one is not own and one.id not in LARGE]
    outcomes = {}
    for scenario in (own, *others):
        results = performed(scenario, f"mock_lies:LyingTarget:lie={lie}", tmp_path / scenario.id)
        outcomes.update({(scenario.id, one.id): one.outcome for one in results})
    assert outcomes[own.id, check] is CheckOutcome.FAIL
    assert set(outcomes.values()) <= {CheckOutcome.PASS, CheckOutcome.FAIL}
    assert {scenario for (scenario, _), outcome in outcomes.items() if outcome is CheckOutcome.FAIL} == {own.id}


def test_every_check_has_a_lie():
    """No check is without a deliberate breakage that it finds."""
    assert CHECKS.keys() - LIES.keys() == set()


def test_the_catalogue_is_the_seeds():
    """Sections E to P have the seed's number of checks each, and more that are marked as ours."""
    counts = Counter(check.id[0] for scenario in OURS.values() for check in scenario.checks if not check.ours)
    assert counts == SEED_COUNTS
