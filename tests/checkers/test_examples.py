"""The drawings that teach the anomalies show them."""

from __future__ import annotations

import pytest
from drawings import drawn

from anomalist.suites import checker
from checkers.catalogue import CATALOGUE
from checkers.examples import EXAMPLES
from harness.build import build_history
from harness.history import RunInfo


def test_every_anomaly_has_a_drawing() -> None:
    """Each name of the catalogue has one drawing of at most eight lines, and no drawing is of anything else."""
    assert list(EXAMPLES) == [row.name for row in CATALOGUE]
    assert max(example.drawing.count("\n") for example in EXAMPLES.values()) < 8


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_drawing_shows_its_anomaly(name: str) -> None:
    """The checker beside a drawing finds the anomaly in it, and has said that it looks for all that it finds."""
    example = EXAMPLES[name]
    history = build_history(
        drawn(example.drawing), RunInfo(suite="hand", workload="hand", target="hand", clock=example.clock)
    )
    findings = checker(example.checker, history)
    found = {anomaly.name for anomaly in findings.anomalies}
    assert name in found, (findings.anomalies, findings.doubts)
    assert found <= set(findings.sought)
