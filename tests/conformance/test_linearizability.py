"""The recorded histories of Porcupine's tests, judged as their authors assert: 102 of etcd, 6 of key-value stores."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from checkers.linearizability import check_linearizability
from harness.formats.porcupine import read_porcupine

ROOT = Path(__file__).resolve().parent.parent.parent
CONFORMANCE = Path(os.environ.get("ANOMALIST_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
FOLDER = CONFORMANCE / "linearizability"


def logs() -> list[Any]:
    """(file, whether it is linearizable) of each log."""
    if not FOLDER.exists():
        reason = f"{FOLDER} is absent; set ANOMALIST_CONFORMANCE to the folder that holds it"
        return [pytest.param("", False, marks=pytest.mark.skip(reason=reason))]
    expected = json.loads((FOLDER / "expected.json").read_text())
    rows = [*expected["etcd"].items(), *((f"{name}.txt", right) for name, right in expected["kv"].items())]
    return [pytest.param(name, right, id=name) for name, right in rows]


@pytest.mark.parametrize(("name", "linearizable"), logs())
def test_a_recorded_history_is_judged_as_asserted(name: str, linearizable: bool) -> None:
    """Each log is found linearizable or not as its authors say, without a doubt and with few calls as a witness."""
    history = read_porcupine(name, (FOLDER / name).read_text())
    findings = check_linearizability(history)
    assert findings.doubts == ()
    assert findings.searched == ("linearizable",)
    assert [one.name for one in findings.anomalies] == ([] if linearizable else ["not-linearizable"])
    assert all(0 < len(one.txns) < len(history) for one in findings.anomalies)
