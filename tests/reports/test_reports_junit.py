"""The JUnit document."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import report_samples as samples

from harness.verdict import RunResult
from reports.junit import render_junit


def test_every_run_is_a_case_and_counts_are_exact() -> None:
    """FAIL is a failure, UNKNOWN an error, PASS neither, and nothing is skipped."""
    root = Xml.fromstring(render_junit(samples.every_kind()))  # noqa: S314
    suite = root.find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped", "time")} == {
        "name": "quick",
        "tests": "8",
        "failures": "5",
        "errors": "2",
        "skipped": "0",
        "time": "3.250",
    }
    assert [case.get("name") for case in suite.iter("testcase")] == [
        "ledgerdb/list-append/serializable/204",
        "ledgerdb/list-append/serializable/205",
        "ledgerdb/list-append/serializable/206",
        "ledgerdb/list-append/serializable/207",
        "ledgerdb/bank/serializable/204",
        "ledgerdb/rw-register/serializable/204",
        "ledgerdb/long-fork/serializable/204",
        "history/list-append/strict-serializable/0",
    ]
    assert [error.get("type") for error in suite.iter("error")] == ["inconclusive", "inconclusive"]
    assert [failure.get("type") for failure in suite.iter("failure")] == [
        "G2-item",
        "G-single-item",
        "G-single-item",
        "G2-item-process",
        "lost-update",
    ]


def test_a_failure_tells_its_fingerprint_proof_and_command() -> None:
    """What a developer needs stands inside the failure."""
    run = samples.failing_run()
    root = Xml.fromstring(render_junit(samples.suite_of(run)))  # noqa: S314
    failure = next(root.iter("failure"))
    text = failure.text or ""
    assert failure.get("message") == "G2-item: not serializable"
    assert f"fingerprint {run.verdicts[0].findings.anomalies[0].fingerprint}" in text
    assert "1. T0 must precede T1 on k0.\n" in text
    assert "2. T1 must precede T0 on k1.\n" in text
    assert "repeat: anomalist run quick -t ledgerdb -w list-append --seed 204\n" in text


def test_a_cycle_of_very_many_steps_is_cut_short() -> None:
    """Forty steps are told and the rest is counted."""
    text = render_junit(samples.suite_of(samples.failing_run(("wr",) * 50, "G1c")))
    assert "40. T39 must precede T40 on k39.\n  … and 10 more steps, not listed here\n" in text
    assert "41. " not in text


def test_trouble_is_an_error_of_its_own_type() -> None:
    """A harness that failed is told apart from a verdict that could not be reached."""
    passing = samples.passing_run()
    troubled = RunResult(history=passing.history, verdicts=passing.verdicts, trouble="disk full")
    root = Xml.fromstring(render_junit(samples.suite_of(troubled)))  # noqa: S314
    error = next(root.iter("error"))
    assert (error.get("type"), error.get("message")) == ("trouble", "trouble: disk full")


def test_hostile_values_give_valid_xml() -> None:
    """Control characters are written out, markup is text, and the document parses."""
    text = render_junit(samples.suite_of(samples.hostile_run()))
    root = Xml.fromstring(text)  # noqa: S314
    assert "\x1b" not in text
    assert "\x00" not in text
    assert [one.tag for one in root.iter() if one.tag in {"img", "script"}] == []
    name = next(root.iter("testcase")).get("name") or ""
    assert samples.HOSTILE in name
    assert "\\x1b[31mred" in name
