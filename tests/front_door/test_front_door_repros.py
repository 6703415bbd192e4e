"""--emit-repro: each failed check of the contract suite comes with a program that shows it without Anomalist."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from targets import sochdb_mock
from targets.repro_runs import printed

from anomalist.exits import UsageError
from anomalist.repros import NO_PROGRAM, make_place, write_repros
from anomalist.scenarios import perform_scenario
from harness.contract import CheckOutcome, CheckResult, ContractRun
from workloads.contract import SCENARIOS


@pytest.fixture
def sdk() -> Iterator[ModuleType]:
    """A `sochdb` that knows no conflict, in place of whatever is installed."""
    before, sys.modules["sochdb"] = sys.modules.get("sochdb"), sochdb_mock.made()
    yield sys.modules["sochdb"]
    if before is None:
        del sys.modules["sochdb"]
    else:
        sys.modules["sochdb"] = before


def failed(scenario_id: str, directory: Path) -> dict[str, CheckResult]:
    (scenario,) = [one for one in SCENARIOS if one.id == scenario_id]
    told: list[CheckResult] = []
    perform_scenario(scenario, "sochdb", directory / "scenario", directory / "runs", told.append, programs=True)
    return {one.id: one for one in told if one.outcome is CheckOutcome.FAIL}


def test_lost_updates_are_shown_by_their_programs(sdk: ModuleType, tmp_path: Path) -> None:
    """A scripted interleaving and a scenario of calls give programs in which both commit and one update is lost."""
    results = failed("A1", tmp_path)
    steps = printed(results["A1.2"].repro, sdk)
    assert [line.split()[0] for line in steps[:5]] == ["t1.get", "t2.get", "t1.commit", "t2.commit", "db.get"]
    assert steps[4] == "db.get b'1'"
    assert steps[5].startswith("Anomalist saw: r1 r2 w1 c1 w2 c2: ")
    calls = printed(results["A1.5"].repro, sdk)
    assert calls[:3] == ["t1.get b'0'", "t1.commit 3", "db.get b'within'"]


def test_a_check_without_calls_of_its_own_is_shown_by_those_before(sdk: ModuleType, tmp_path: Path) -> None:
    """What looks again at what an earlier check did has that one's program, with its own sentence."""
    results = failed("A1", tmp_path)
    program, own = results["A1.2"].repro.splitlines(), results["A1.3"].repro.splitlines()
    assert own[:-1] == program[:-1]
    assert own[-1].startswith("print('Anomalist saw: r1 r2 w1 c1 w2 c2: 2 committed, and the counter is 1")


def test_programs_are_written_one_for_each_failure(tmp_path: Path) -> None:
    """Failed checks with a program have a file of their id; those without one, and all others, have none."""
    rows = (
        CheckResult("A1.2", "t", "A1", "high", CheckOutcome.FAIL, "d", repro="print(1)\n"),
        CheckResult("E3 spaces", "t", "E3", "high", CheckOutcome.FAIL, "d", repro="print(2)\n"),
        CheckResult("A1.3", "t", "A1", "high", CheckOutcome.FAIL, "d", repro=f"{NO_PROGRAM}it takes 31 lines\n"),
        CheckResult("A1.4", "t", "A1", "high", CheckOutcome.PASS, "d"),
    )
    run = ContractRun(target="t", version="", settings={}, results=rows, sections={}, scenarios={})
    make_place(tmp_path / "new" / "repros")
    write_repros(run, tmp_path / "new" / "repros")
    written = {path.name: path.read_text() for path in (tmp_path / "new" / "repros").iterdir()}
    assert written == {"A1.2.py": "print(1)\n", "E3-spaces.py": "print(2)\n"}
    (tmp_path / "file").touch()
    for write in (make_place, lambda place: write_repros(run, place)):
        with pytest.raises(UsageError, match=r"cannot write to .*file: "):
            write(tmp_path / "file")
