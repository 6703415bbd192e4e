"""The recorded histories of other checkers, decided: what they call SER and SI counts the order within sessions."""

from __future__ import annotations

from typing import Any

import pytest

from checkers.certificates import verify
from checkers.registers import registers_of
from checkers.rw_register.solver import decide
from harness.level import Level
from harness.verdict import Anomaly, Certificate
from tests.conformance.checker_histories import cases, load

LEVELS = {"SER": "strong-session-serializable", "SI": "strong-session-snapshot-isolation"}


@pytest.mark.parametrize("case", cases())
def test_a_recorded_history_is_decided_as_recomputed_and_as_claimed(case: dict[str, Any]) -> None:
    """SER and SI are proven or refuted as the manifest says; each proof is verified, and SER implies SI."""
    history = load(case)
    answers = {name: decide(registers_of(history), Level(level)) for name, level in LEVELS.items()}
    holds = {name: isinstance(answer, Certificate) for name, answer in answers.items()}
    for name, answer in answers.items():
        assert isinstance(answer, Certificate | Anomaly)
        assert holds[name] == case["computed_here"].get(name, holds[name]), name
        assert holds[name] == case["claimed"].get(name, holds[name]), name
        assert isinstance(answer, Anomaly) or verify(history, answer) == ""
    assert holds["SI"] or not holds["SER"]
