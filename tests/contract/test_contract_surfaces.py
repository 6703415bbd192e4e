"""Sections E to P of the contract suite: a correct database passes them, and each check has a lie that it finds."""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest
from mock_surface import CLOCK
from mock_surface_lies import LIES

from anomalist.rig import TargetRig
from anomalist.scenarios import perform_scenario
from harness.contract import CheckOutcome, CheckResult, Scenario
from harness.surface import DOCUMENTED
from workloads.contract import SCENARIOS
from workloads.contract.documentation import TRIALS

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
    order = [check.id for check in scenario.checks]
    assert sorted(one.id for one in told) == sorted(order)
    return sorted(told, key=lambda one: order.index(one.id))


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
        results = performed(scenario, f"mock_surface_lies:LyingTarget:lie={lie}", tmp_path / scenario.id)
        outcomes.update({(scenario.id, one.id): one.outcome for one in results})
    assert outcomes[own.id, check] is CheckOutcome.FAIL
    assert set(outcomes.values()) <= {CheckOutcome.PASS, CheckOutcome.FAIL}
    assert {scenario for (scenario, _), outcome in outcomes.items() if outcome is CheckOutcome.FAIL} == {own.id}


NEEDED = sorted({call for one in OURS.values() for check in one.checks for call in check.needs})
USED = sorted(
    {call for one in OURS.values() for call in (*one.calls, *NEEDED)} | {"put_ttl", "start_ts", "isolation"}
)


@pytest.mark.parametrize("call", NEEDED)
def test_a_lacking_call_skips_what_needs_it(call, tmp_path):
    """Where a call is lacking, the checks that need it are skipped with its reason, and all others pass."""
    for scenario in OURS.values():
        needing = {check.id for check in scenario.checks if call in check.needs}
        if needing or call in scenario.calls:
            expected = needing or {check.id for check in scenario.checks}
            results = performed(scenario, f"mock_surface:MockTarget:lack={call}", tmp_path / scenario.id)
            skipped = {one.id for one in results if one.outcome is CheckOutcome.SKIP}
            assert skipped == expected
            assert all(one.outcome is CheckOutcome.PASS or one.detail == f"the mock lacks {call}" for one in results)


@pytest.mark.parametrize("how", ["raise", "nonsense"])
@pytest.mark.parametrize("call", USED)
def test_a_broken_call_is_the_databases_fault(call, how, tmp_path):
    """Whatever a call raises or gives, the checks that make it fail, and nothing is called our own mistake."""
    outcomes = set()
    for scenario in OURS.values():
        calls = {*scenario.calls, *(need for check in scenario.checks for need in check.needs)}
        if call in calls or scenario.id == "K1":
            results = performed(
                scenario, f"mock_surface_lies:BrokenTarget:call={call},how={how}", tmp_path / scenario.id
            )
            outcomes |= {one.outcome for one in results}
    assert CheckOutcome.FAIL in outcomes
    assert CheckOutcome.ERROR not in outcomes


@pytest.mark.parametrize(("promise", "check"), [(row[1], row[0]) for row in TRIALS])
def test_what_is_not_documented_is_not_asked_for(promise, check, tmp_path):
    """What the documentation does not promise is skipped in section K, and what it promises and lacks fails."""
    (scenario,) = (one for one in OURS.values() if one.id == "K1")
    results = performed(scenario, f"mock_surface:MockTarget:undocumented={promise}", tmp_path / "undocumented")
    assert {one.id: one.outcome.name for one in results if one.outcome is not CheckOutcome.PASS} == {check: "SKIP"}
    for call in DOCUMENTED[promise]:
        results = performed(scenario, f"mock_surface:MockTarget:lack={call}", tmp_path / call)
        assert {one.id: one.outcome.name for one in results if one.outcome is not CheckOutcome.PASS} == {
            check: "FAIL"
        }


def test_every_check_has_a_lie():
    """No check is without a deliberate breakage that it finds."""
    assert CHECKS.keys() - LIES.keys() == set()


def test_the_catalogue_is_the_seeds():
    """Sections E to P have the seed's number of checks each, and more that are marked as ours."""
    counts = Counter(check.id[0] for scenario in OURS.values() for check in scenario.checks if not check.ours)
    assert counts == SEED_COUNTS
