"""The sentence at the top of the page claims no more than the evidence holds."""

from __future__ import annotations

from oracle.notation import txns

from harness.build import build_history
from harness.history import RunInfo
from harness.level import Level
from harness.verdict import Evidence, Findings, RunResult, SuiteRun, judge
from reports.headline import headline
from reports.overall import overall


def told(found: int, *, foreign: bool) -> tuple[str, str]:
    """The headline of one passing run with so much of ten needed pairs."""
    info = RunInfo(
        target="ledgerdb", target_version="2", foreign=foreign, settings={"file": "a.edn"} if foreign else {}
    )
    findings = Findings(
        checker="test", searched=(Level("serializable"),), evidence=(Evidence("overlapping pairs", found, 10),)
    )
    verdict = judge(findings, Level("serializable"), strict_evidence=not foreign)
    run = RunResult(history=build_history(txns("ax1"), info), verdicts=(verdict,))
    suite = SuiteRun(suite="quick", command="", started="", seconds=0, runs=(run,))
    return headline(suite, [(run, overall(run))])


def test_a_pass_with_enough_evidence_says_that_it_could_have_failed() -> None:
    """Where the evidence suffices, the sentence says so."""
    assert told(10, foreign=False) == (
        "Nothing contradicts serializable in ledgerdb 2.",
        "1 transaction in one run, searched for anomalies. "
        "There was evidence enough that a failure could have shown.",
    )


def test_a_foreign_history_that_passes_on_too_little_says_so() -> None:
    """A file that passes by the mathematics alone is not praised for evidence that it lacks."""
    assert told(0, foreign=True) == (
        "Nothing contradicts serializable in a.edn.",
        "1 transaction in one run, searched for anomalies. There is too little evidence in it to make much of that: "
        "a failure could hardly have shown.",
    )
