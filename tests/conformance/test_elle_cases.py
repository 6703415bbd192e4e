"""The list-append cases that Elle's own tests assert, judged by us.

Compared are the anomalies that a case asks for, and the weakest levels refuted. Where we differ on purpose the case
stands in `DIFFERENCES`, and docs/ELLE_DIFFERENCES.md argues why ours is right.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from checkers.catalogue import CATALOGUE, closed_refutations, refutes
from checkers.lists.list_append import check_list_append
from harness.interchange import read_history
from harness.level import minimal, refuted_by

ROOT = Path(__file__).resolve().parent.parent.parent
CONFORMANCE = Path(os.environ.get("ANOMALIST_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
CASES = CONFORMANCE / "elle_cases.json"

# What Elle reports and we do not, per case, as argued in docs/ELLE_DIFFERENCES.md.
DIFFERENCES = {
    "unobserved-write-test #37": {"anomaly_types": [], "not": []},
    "G-nonadjacent-test #40": {
        "anomaly_types": ["G-nonadjacent-item", "G-single-item-process"],
        "not": ["repeatable-read", "snapshot-isolation"],
    },
    "lost-update-test #42": {
        "anomaly_types": ["G-single-item", "lost-update"],
        "not": ["cursor-stability", "update-atomic"],
    },
    "sim-prefix-test #50": {"anomaly_types": ["incompatible-order"], "not": ["read-committed"]},
}
# Elle has no such anomalies, or only says that it had nothing to judge.
OURS_ALONE = {"lost-append", "garbage-read"}
VACUOUS = "empty-transaction-graph"
# What a name in a case's options stands for.
GROUPS = {
    "G1": ("G1a", "G1b", "G1c", "G0", "future-read", "dirty-update", "incompatible-order"),
    "G2": ("G2", "G2-item", "G-nonadjacent", "G-nonadjacent-item", "G-single", "G-single-item", "lost-update"),
    "G-single": ("G-single", "G-single-item"),
}


def cases() -> list[Any]:
    if not CASES.exists():
        reason = f"{CASES} is absent; set ANOMALIST_CONFORMANCE to the folder that holds it"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(case, id=case["name"].replace(" ", "_"))
        for case in json.loads(CASES.read_text())
        if case["kind"] == "list-append" and case["origin"].startswith("asserted")
    ]


def asked(case: dict[str, Any]) -> set[str]:
    """The names that the case's models forbid, or that its options ask for."""
    by_model = {row.name for row in CATALOGUE if set(case["models"]) & set(closed_refutations([row.name]))}
    by_option = {name for option in case["options"].get("anomalies", ()) for name in GROUPS.get(option, (option,))}
    return (by_model | by_option) - OURS_ALONE


def test_a_client_in_several_transactions_at_once_is_no_evidence(tmp_path: Path) -> None:
    """The one case that we do not judge (#37) is one in which process 0 invokes five transactions at once."""
    path = tmp_path / "history.jsonl"
    events = [
        {"index": place, "type": kind, "process": 0, "f": "txn", "value": [["append", "x", value]]}
        for place, (kind, value) in enumerate([("invoke", 1), ("invoke", 2), ("ok", 1), ("ok", 2)])
    ]
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    findings = check_list_append(read_history(path))
    assert [doubt.reason for doubt in findings.doubts] == ["evidence"]
    assert findings.doubts[0].sentence == (
        "client 0 started transaction 1 before its transaction 0 ended: "
        "a client may only have one transaction at a time"
    )


def suffixes(names: set[str]) -> tuple[str, ...]:
    """Which orders a case lets Elle use: it looks at sessions and real time only where they matter."""
    return tuple(one for one in ("-process", "-realtime") if any(name.endswith(one) for name in names))


@pytest.mark.parametrize("case", cases())
def test_an_asserted_case_is_judged_as_elle_asserts_it(case: dict[str, Any], tmp_path: Path) -> None:
    """The anomalies that the case asks for and the weakest levels refuted are those asserted."""
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in case["history"]))
    findings = check_list_append(read_history(path, workload="list-append"))
    wanted = asked(case)
    found = {one.name for one in findings.anomalies}
    expected = case["expect"] | DIFFERENCES.get(case["name"], {})
    if "anomaly_types" in case["asserted_fields"]:
        assert sorted(found & wanted) == sorted(set(expected["anomaly_types"]) - {VACUOUS})
    if "not" in case["asserted_fields"] or case["name"] in DIFFERENCES:
        order_kept = suffixes(wanted)
        seen = [
            name
            for name in found - OURS_ALONE
            if not name.endswith(("-process", "-realtime")) or name.endswith(order_kept or ("\0",))
        ]
        refuted = refuted_by(level for name in seen for level in refutes(name))
        assert sorted(minimal(refuted)) == sorted(expected["not"])
