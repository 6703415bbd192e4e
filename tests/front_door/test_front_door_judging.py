"""From a history to its verdicts: what one checker cannot say, and what several of them say together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from oracle.notation import registers, txns

from anomalist import judging
from harness.build import HistoryBuilder, build_history
from harness.history import History, Op, RunInfo, Status
from harness.level import Level
from harness.verdict import Doubt, Findings, Outcome

SERIAL = "0 1-2 ax1; 1 3-4 rx1 ax2; 0 5-6 rx1,2"


def judged(history: History, expected: str, *checkers: str, only: tuple[str, ...] = ()) -> tuple[str, str, str]:
    """Outcome, reason and sentence of the only verdict."""
    (one,) = judging.judge_history(history, Level(expected), checkers=checkers, only=only, strict_evidence=False)
    return one.outcome.name, one.reason, one.sentence


@pytest.mark.parametrize("expected", ["strict-serializable", "strong-read-committed"])
def test_no_level_of_real_time_passes_where_only_sessions_are_told(expected: str) -> None:
    """Whoever judges a file without times vouches for the order within sessions, and for nothing beyond."""
    timeless = build_history(txns(SERIAL), RunInfo(clock="sessions"))
    assert judged(timeless, expected, "list-append") == ("UNKNOWN", "evidence", judging.NO_REAL_TIME)
    assert judged(timeless, "strong-session-serializable", "list-append")[0] == "PASS"
    timed = build_history(txns(SERIAL), RunInfo(clock="positions"))
    assert judged(timed, expected, "list-append")[0] == "PASS"


@pytest.mark.parametrize(("name", "outcome"), [("G2-item", "UNKNOWN"), ("long-fork", "PASS")])
def test_an_anomaly_that_nobody_looks_for_is_not_absent(name: str, outcome: str) -> None:
    """Where only named anomalies count, a checker that looks for none of them decides nothing."""
    history = build_history(registers("rx ry"), RunInfo(workload="long-fork"))
    found = judged(history, "serializable", "long-fork", only=(name,))
    assert found[0] == outcome
    assert found[2] == (
        "nothing that the long-fork checker looks for could refute serializable"
        if outcome == "UNKNOWN"
        else "only long-fork counted: nothing of it refutes serializable"
    )


def test_what_timestamps_prove_needs_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker that came to the end of its budget leaves open nothing that the database's timestamps prove."""
    builder = HistoryBuilder()
    builder.add(0, 0, 1, Status.OK, [Op("w", "x", 1)], timestamps=(0, 1))
    builder.add(1, 2, 3, Status.OK, [Op("r", "x", 1)], timestamps=(1, 1))
    real = judging.checker

    def hasty(name: str, history: History) -> Findings:
        findings = real(name, history)
        spent = replace(findings, doubts=(Doubt("budget", "not finished"),))
        return spent if name == "rw-register" else findings

    monkeypatch.setattr(judging, "checker", hasty)
    verdicts = judging.judge_history(
        builder.build(RunInfo()), Level("serializable"), checkers=("rw-register",), strict_evidence=False
    )
    assert [(one.findings.checker, one.outcome, one.reason) for one in verdicts] == [
        ("rw-register", Outcome.PASS, ""),
        ("timestamps", Outcome.PASS, ""),
    ]
    assert verdicts[0].sentence == "the database's own timestamps prove serializable, whatever was not searched"
