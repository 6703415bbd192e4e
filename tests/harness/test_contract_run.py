"""A contract run: the outcome of all its checks together, and its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.contract import CheckOutcome, CheckResult, ContractRun
from harness.contract_file import load_contract, save_contract
from harness.trouble import StoreError
from harness.verdict import Outcome, SuiteRun

PASS, SKIP, FAIL, ERROR = (CheckOutcome[name] for name in ("PASS", "SKIP", "FAIL", "ERROR"))


def run_of(*outcomes: CheckOutcome, **changes: Any) -> ContractRun:
    results = tuple(
        CheckResult(f"A1.{number}", "title", "A1", "high", outcome, "detail")
        for number, outcome in enumerate(outcomes, 1)
    )
    fields: dict[str, Any] = {
        "target": "ledgerdb",
        "version": "0.9.2",
        "settings": {"sync": "full"},
        "results": results,
        "sections": {"B": "Second", "A": "First"},
        "scenarios": {"A1": {"title": "t", "severity": "high", "impact": "i", "advice": "a"}},
        "seconds": 1.25,
        "command": "anomalist run contract",
    }
    return ContractRun(**(fields | changes))


@pytest.mark.parametrize(
    ("outcomes", "together"),
    [
        ((PASS, PASS), Outcome.PASS),
        ((PASS, SKIP), Outcome.PASS),
        ((PASS, ERROR), Outcome.UNKNOWN),
        ((SKIP, SKIP), Outcome.UNKNOWN),
        ((), Outcome.UNKNOWN),
        ((PASS, ERROR, FAIL, SKIP), Outcome.FAIL),
    ],
)
def test_the_outcome_of_checks_together(outcomes: Sequence[CheckOutcome], together: Outcome) -> None:
    """A failure is said whatever else there is; an error, or nothing but skips, is no pass."""
    assert run_of(*outcomes).outcome is together
    suite = SuiteRun(suite="contract", command="", started="", seconds=0, runs=(), contract=run_of(*outcomes))
    assert suite.outcome is together


def test_a_run_that_was_stopped_is_no_pass() -> None:
    """What held before a run was stopped by hand is no pass of the run; what failed is a failure."""
    assert run_of(PASS, interrupted=True).outcome is Outcome.UNKNOWN
    assert run_of(FAIL, interrupted=True).outcome is Outcome.FAIL


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Every field comes back as it was, the order of sections too; where there is no file there is no run."""
    assert load_contract(tmp_path) is None
    result = CheckResult(
        "M2 utf8", "é\x00\n", "M2", "critical", FAIL, "d\u202e", 17, 20, 8.25, True, ("db1.put() → None",), "r.py"
    )
    run = run_of(PASS, SKIP, ERROR, interrupted=True)
    run = replace(run, results=(*run.results, result))
    save_contract(run, tmp_path)
    found = load_contract(tmp_path)
    assert found == run
    assert found is not None
    assert list(found.sections) == ["B", "A"]


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    """What is read back is written as it was."""
    save_contract(run_of(PASS, FAIL), tmp_path)
    first = (tmp_path / "contract.json").read_bytes()
    found = load_contract(tmp_path)
    assert found is not None
    save_contract(found, tmp_path)
    assert (tmp_path / "contract.json").read_bytes() == first


def test_half_a_surrogate_pair_is_escaped(tmp_path: Path) -> None:
    """A detail that no file can hold is written with an escape."""
    run = run_of(FAIL)
    save_contract(replace(run, results=(run.results[0]._replace(detail="a\ud800b"),)), tmp_path)
    found = load_contract(tmp_path)
    assert found is not None
    assert found.results[0].detail == "a\\ud800b"


def stored(tmp_path: Path) -> dict[str, Any]:
    save_contract(run_of(FAIL), tmp_path)
    document: dict[str, Any] = json.loads((tmp_path / "contract.json").read_text())
    return document


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """A file of another format version is refused with both versions."""
    document = stored(tmp_path) | {"format_version": 2}
    (tmp_path / "contract.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match="has format version 2 and this program reads version 1"):
        load_contract(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"results": None},
        {"results": [{"id": "A1.1"}]},
        {"settings": {"sync": 1}},
        {"sections": [["A"]]},
        {"surprise": 1},
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """A field that is missing, unknown or of another type is an error of one sentence, and never a run."""
    (tmp_path / "contract.json").write_text(json.dumps(stored(tmp_path) | change))
    with pytest.raises(StoreError, match=r"contract\.json is damaged \(.*; run the contract suite again$"):
        load_contract(tmp_path)


@pytest.mark.parametrize(("field", "value"), [("outcome", "maybe"), ("severity", "odd"), ("tries", "two")])
def test_a_word_that_there_is_not_is_refused(tmp_path: Path, field: str, value: object) -> None:
    """An outcome or severity of another name, or a number that is none, is refused."""
    document = stored(tmp_path)
    document["results"][0][field] = value
    (tmp_path / "contract.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match="is damaged"):
        load_contract(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[1]"])
def test_no_document_at_all_is_refused(tmp_path: Path, data: bytes) -> None:
    """An empty, torn or foreign file is refused."""
    (tmp_path / "contract.json").write_bytes(data)
    with pytest.raises(StoreError, match="is damaged"):
        load_contract(tmp_path)
