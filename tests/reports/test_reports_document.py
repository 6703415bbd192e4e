"""The JSON documents, and how several checkers' verdicts on one history become one entry."""

from __future__ import annotations

import json

import report_samples as samples

from harness.level import Level
from harness.verdict import Doubt, Evidence, Findings, Outcome, RunResult, judge
from reports.document import check_document, encode, run_document
from reports.overall import overall


def entry_of_failing_run() -> dict[str, object]:
    return {
        "outcome": "fail",
        "expected": "serializable",
        "anomalies": [
            {
                "name": "G2-item",
                "count": 1,
                "allowed": False,
                "fingerprint": samples.failing_run().verdicts[0].findings.anomalies[0].fingerprint,
                "witness": samples.failing_run().verdicts[0].findings.anomalies[0].witness,
                "txns": [0, 1],
                "sentence": "2 transactions that each must come before the next.",
            }
        ],
        "refuted": ["repeatable-read", "serializable", "strong-session-serializable", "strict-serializable"],
        "strongest": ["snapshot-isolation"],
        "proven": [],
        "doubts": [],
        "reason": "",
        "sentence": "G2-item: not serializable",
        "evidence": {"overlapping pairs": 40, "rw edges": 7},
        "needed": {"overlapping pairs": 10, "rw edges": 0},
        "stats": {"txns": 3, "edges": 12, "seconds": 0.25},
    }


def test_the_run_document_has_the_documented_shape() -> None:
    """`run --json` is exactly this for one failing run."""
    document = run_document(samples.suite_of(samples.failing_run()), "out/dir")
    assert document == {
        "schema_version": 1,
        "outcome": "fail",
        "suite": "quick",
        "command": "anomalist run quick -t ledgerdb --seed 204",
        "seconds": 3.25,
        "runs": [
            {
                "target": "ledgerdb",
                "target_version": "0.9.2",
                "settings": {},
                "level": "serializable",
                "workload": "list-append",
                "seed": 204,
                "schedule": "threads",
                "clients": 0,
                "command": "anomalist run quick -t ledgerdb -w list-append --seed 204",
                "directory": "",
                "seconds": 1.5,
            }
            | entry_of_failing_run()
        ],
        "out": "out/dir",
    }
    assert json.loads(encode(document)) == document


def test_the_check_document_has_the_documented_shape() -> None:
    """`check --json` is exactly this for one failing and one doubtful history."""
    document = check_document([("a.edn", samples.failing_run()), ("b.edn", samples.doubtful_run())])
    assert document["schema_version"] == 1
    assert document["outcome"] == "fail"
    assert document["histories"][0] == {"history": "a.edn"} | entry_of_failing_run()
    assert document["histories"][1] == {
        "history": "b.edn",
        "outcome": "unknown",
        "expected": "strict-serializable",
        "anomalies": [],
        "refuted": [],
        "strongest": ["serializable"],
        "proven": [],
        "doubts": [{"reason": "evidence", "sentence": "client 3 overlaps itself", "levels": []}],
        "reason": "evidence",
        "sentence": "client 3 overlaps itself",
        "evidence": {"overlapping pairs": 40, "rw edges": 7},
        "needed": {"overlapping pairs": 10, "rw edges": 0},
        "stats": {"txns": 1, "edges": 12, "seconds": 0.25},
        "cut": "the end is torn off",
    }


def two_checkers() -> RunResult:
    """One checker refutes repeatable-read and searched little, the other searched more and found the same."""
    about = samples.info()
    history = samples.cycle_history(about, ("rw", "rw"))
    anomaly = samples.cycle(about, "G2-item", ("rw", "rw"), ["repeatable-read"], count=3)
    first = samples.run_of(history, anomaly, searched=["repeatable-read", "read-committed"])
    second = samples.run_of(
        history,
        anomaly,
        samples.cycle(about, "G2-item", ("rw", "rw"), ["repeatable-read"], count=2, first=1),
        checker="other",
        searched=["snapshot-isolation", "repeatable-read"],
        evidence=(Evidence("overlapping pairs", 5, 10),),
    )
    return RunResult(history=history, verdicts=(*first.verdicts, *second.verdicts))


def test_checkers_of_one_history_count_an_anomaly_once() -> None:
    """Counts add up within a checker and the larger stands; what any refuted falls, what any searched may stand."""
    one = overall(two_checkers())
    assert [(group.name, group.count, group.checkers) for group in one.groups] == [
        ("G2-item", 5, ("cycles", "other"))
    ]
    assert len(one.groups[0].instances) == 2
    assert one.strongest == ("snapshot-isolation",)
    assert one.evidence == (Evidence("overlapping pairs", 5, 10), Evidence("rw edges", 7))
    assert one.stats == {"txns": 3, "edges": 12, "seconds": 0.5}


def test_a_level_that_one_checker_refuted_does_not_stand_because_another_searched_it() -> None:
    """Refuted once is refuted."""
    history = samples.cycle_history(samples.info(), ("rw", "rw"))
    clean = Findings(checker="clean", searched=(Level("serializable"),))
    broken = Findings(checker="broken", refuted=(Level("snapshot-isolation"), Level("serializable")))
    verdicts = tuple(judge(one, Level("serializable")) for one in (clean, broken))
    one = overall(RunResult(history=history, verdicts=verdicts))
    assert "serializable" in one.refuted
    assert "strict-serializable" in one.refuted
    assert one.strongest == ()


def test_a_fail_is_not_masked_by_an_unknown() -> None:
    """FAIL of one checker and UNKNOWN of another are FAIL, without the reason of the unknown."""
    failing = samples.failing_run()
    doubt = judge(Findings(checker="slow", doubts=(Doubt("budget", "10 s spent"),)), Level("serializable"))
    one = overall(RunResult(history=failing.history, verdicts=(doubt, *failing.verdicts)))
    assert (one.outcome, one.reason, one.sentence) == (Outcome.FAIL, "", "G2-item: not serializable")


def test_trouble_and_interruption_never_look_like_a_pass() -> None:
    """A run that the harness could not finish is unknown, with the reason, in the document too."""
    history = samples.passing_run().history
    verdicts = samples.passing_run().verdicts
    troubled = RunResult(history=history, verdicts=verdicts, trouble="the target hung")
    stopped = RunResult(history=history, verdicts=verdicts, interrupted=True)
    document = run_document(samples.suite_of(troubled, stopped), "out")
    assert document["outcome"] == "unknown"
    assert [(run["outcome"], run["reason"]) for run in document["runs"]] == [
        ("unknown", "trouble"),
        ("unknown", "interrupted"),
    ]
    assert document["runs"][0]["trouble"] == "the target hung"
    assert document["runs"][1]["interrupted"] is True


def test_an_empty_suite_is_unknown() -> None:
    """Nothing ran: not a pass."""
    assert run_document(samples.suite_of(), "out")["outcome"] == "unknown"


def test_an_allowed_anomaly_is_marked_and_comes_last() -> None:
    """What the expected level admits is listed, marked, behind what it does not admit."""
    runs = run_document(samples.every_kind(), "out")["runs"]
    assert [(one["name"], one["count"], one["allowed"]) for one in runs[1]["anomalies"]] == [
        ("G-single-item", 1, False),
        ("G-nonadjacent-item-realtime", 2, True),
    ]


def test_hostile_values_survive_json() -> None:
    """The document of a hostile run encodes, parses back, and keeps its sentence but for the lone surrogate."""
    document = run_document(samples.suite_of(samples.hostile_run()), "out")
    parsed = json.loads(encode(document))
    assert parsed == document
    assert parsed["runs"][0]["anomalies"][0]["sentence"].startswith(samples.HOSTILE + samples.ESCAPE)
    assert "\\ud800" in parsed["runs"][0]["anomalies"][0]["sentence"]
