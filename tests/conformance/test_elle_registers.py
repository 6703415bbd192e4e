"""The rw-register and predicate cases that Elle's own tests assert, judged by us.

Compared as in `test_elle_cases`: the anomalies that a case asks for, and the weakest levels refuted. Where we differ
on purpose the case stands in `DIFFERENCES`, and docs/ELLE_DIFFERENCES.md argues why ours is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from checkers.catalogue import refutes
from checkers.predicates import check_predicates
from checkers.versions.names import names_of
from checkers.versions.observations import doubts, observe
from harness.interchange import read_history
from harness.level import minimal, refuted_by
from harness.verdict import Anomaly
from tests.conformance.elle_predicates import translated
from tests.conformance.test_elle_cases import CASES, OURS_ALONE, VACUOUS, asked, suffixes

# What we report in the place of what Elle reports, per case, as argued in docs/ELLE_DIFFERENCES.md.
DIFFERENCES: dict[str, dict[str, list[str]]] = {
    "#54": {"anomaly_types": ["G-single-item-process"], "not": ["strong-session-snapshot-isolation"]},
    "#56": {"anomaly_types": [], "not": []},
    "#62": {"anomaly_types": [], "not": []},
    "#64": {"anomaly_types": [], "not": []},
    "#76": {"anomaly_types": ["G-single-item"]},
    "#78": {"anomaly_types": ["G-single-item-process"], "not": ["strong-session-snapshot-isolation"]},
    "#80": {"anomaly_types": ["G-single-item", "lost-update"]},
    "#81": {"anomaly_types": ["G1c-process"], "not": ["strong-session-read-committed"]},
    "#83": {"anomaly_types": ["G1c", "internal"]},
    "#84": {"anomaly_types": ["G2", "internal"]},
    "#92": {"anomaly_types": ["G-single-item"], "not": ["consistent-view", "repeatable-read"]},
}
# Names of Elle's that say that no anomaly was named, and its own name of a level.
NO_ANOMALY = {VACUOUS, "strong-snapshot-isolation-cycle-exists"}
LEVEL_NAMES = {"strong-serializable": "strict-serializable"}


def cases(kind: str) -> list[Any]:
    if not CASES.exists():
        reason = f"{CASES} is absent; set ANOMALIST_CONFORMANCE to the folder that holds it"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(case | {"models": [LEVEL_NAMES.get(one, one) for one in case["models"]]}, id=number(case))
        for case in json.loads(CASES.read_text())
        if case["kind"] == kind and case["origin"].startswith("asserted")
    ]


def number(case: dict[str, Any]) -> str:
    return str(case["name"].rpartition(" ")[2])


def assert_as_asserted(case: dict[str, Any], anomalies: Iterable[Anomaly]) -> None:
    wanted = asked(case)
    found = {one.name for one in anomalies}
    expected = case["expect"] | DIFFERENCES.get(number(case), {})
    if "anomaly_types" in case["asserted_fields"]:
        assert sorted(found & wanted) == sorted(set(expected["anomaly_types"]) - NO_ANOMALY)
    if "not" in case["asserted_fields"]:
        order_kept = suffixes(wanted) or ("\0",)
        seen = [
            name
            for name in found - OURS_ALONE
            if not name.endswith(("-process", "-realtime")) or name.endswith(order_kept)
        ]
        refuted = refuted_by(level for name in seen for level in refutes(name))
        assert sorted(minimal(refuted)) == sorted(expected["not"])


@pytest.mark.parametrize("case", cases("rw-register"))
def test_an_asserted_register_case_is_named_as_elle_asserts_it(case: dict[str, Any], tmp_path: Path) -> None:
    """The anomalies that the case asks for and the weakest levels refuted are those asserted."""
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in case["history"]))
    seen = observe(read_history(path, workload="rw-register"))
    assert doubts(seen) == []
    assert_as_asserted(case, names_of(seen).anomalies)


@pytest.mark.parametrize("case", cases("closed-predicate"))
def test_an_asserted_predicate_case_is_judged_as_elle_asserts_it(case: dict[str, Any]) -> None:
    """The same of predicate reads, put into our terms as scans of an index."""
    findings = check_predicates(translated(case["history"]))
    assert all(doubt.reason != "evidence" for doubt in findings.doubts)
    assert_as_asserted(case, findings.anomalies)
