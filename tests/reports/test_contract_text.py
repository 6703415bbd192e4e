"""The contract suite on the terminal, in JSON and in JUnit."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree as Xml

import contract_samples as samples
import report_samples
from rich.console import Console

from harness.contract import ContractRun
from harness.verdict import SuiteRun
from reports.document import encode, run_document
from reports.junit import render_junit
from reports.terminal import summary


def printed(suite_run: SuiteRun) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=120, no_color=True).print(summary(suite_run, "out/report.html"))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def cases(run: ContractRun) -> tuple[Xml.Element, list[Xml.Element]]:
    root = Xml.fromstring(render_junit(samples.suite(run)))  # noqa: S314
    return root, list(root.iter("testcase"))


def test_a_run_that_keeps_everything_is_printed_so() -> None:
    """Result, target and settings, a line for each section, how to repeat it."""
    run = samples.only("pass", sections={"A": "Isolation", "B": "Concurrency", "J": "Durability"})
    assert printed(samples.suite(run)) == [
        "PASS  contract: 5 of 5 checks hold, 9.8 s",
        "ledgerdb 0.9.2, sync=full",
        "section         outcome  pass  fail  skip  error  severity",
        "A  Isolation    ✓ PASS      3",
        "B  Concurrency  not run",
        "J  Durability   ✓ PASS      2",
        "",
        "repeat  anomalist run contract -t ledgerdb",
        "report  out/report.html",
    ]


def test_a_run_that_fails_is_printed_so() -> None:
    """Every failed check with what was promised, seen and called, and its impact; then what was not tried."""
    keep = {"A1.1", "A1.2", "A1.3", "A2.1", "J3.1", "J3.2", "P1.1", "P1.2"}
    run = samples.contract(results=tuple(one for one in samples.RESULTS if one.id in keep))
    assert printed(samples.suite(run)) == [
        "FAIL  contract: 1 of 8 checks hold, 3 fail, 3 skipped, 1 error, 9.8 s",
        "ledgerdb 0.9.2, sync=full",
        "section                    outcome  pass  fail  skip  error  severity",
        "A  Isolation               ✕ FAIL      1     2            1  critical",
        "B  Concurrency             not run",
        "J  Durability and closing  ✕ FAIL            1     1         medium",
        "K  Documented calls        not run",
        "P  Batches                 – SKIP                  2",
        "",
        "CRITICAL",
        "1. Lost updates (A1)  2 of 3 checks failed",
        "   ✕ A1.2  Exactly one of two increments commits.",
        "     both committed, expected one typed conflict",
        "       db1.open('d') → None",
        "       db1.put(b'counter', b'0') → None",
        "       db1.begin() → t1",
        "       db1.begin() → t2",
        "       db1.t1.commit() → 1",
        "       db1.t2.commit() → 2",
        "   ✕ A1.3  The final value is the number of acknowledged commits.",
        "     final value: b'1', expected b'2'",
        "       db1.get(b'counter') → b'1'",
        "   impact  Counters lose increments silently.",
        "   advice  Detect conflicts at commit.",
        "   repeat  anomalist run contract -t ledgerdb --check A1",
        "",
        "MEDIUM",
        "2. Paths that make no sense (J3)  1 of 1 check failed",
        "   ✕ J3.1  A path with NUL is refused and nothing is made.",
        "     opened; files: {'d': 4096}",
        "       db1.open('bad\\x00path') → None",
        "   impact  Files appear elsewhere.",
        "   advice  Refuse a path with NUL.",
        "   repeat  anomalist run contract -t ledgerdb --check J3",
        "",
        "not tried",
        "  2 checks: ledgerdb 0.9.2 has no put_batch (P1)",
        "  1 check: root may write anywhere (J3.2)",
        "",
        "errors of the harness: of these nothing is said of the database",
        "  1 check: this is a mistake of Anomalist's own: KeyError: 'bob' (A2.1)",
        "",
        "repeat  anomalist run contract -t ledgerdb",
        "report  out/report.html",
    ]


def test_long_lists_are_folded_and_counted() -> None:
    """Of thirteen reasons twelve are printed, of twenty calls the last six."""
    skips = [samples.result(f"P1.{number}", "skip", "t", f"reason {number}") for number in range(13)]
    calls = tuple(f"call {number}" for number in range(20))
    broken = samples.result("A1.1", "fail", "t", "d", transcript=calls)
    lines = printed(samples.suite(samples.contract(results=(broken, *skips))))
    assert "  … and 1 check for 1 more reason: the report has them all" in lines
    assert [line.strip() for line in lines if line.startswith("     ")] == [
        "d",
        "… 14 lines before these",
        *(f"call {number}" for number in range(14, 20)),
    ]


def test_recorded_histories_stand_in_a_table() -> None:
    """Histories that were recorded for the suite follow, and their proofs are left to the report."""
    lines = printed(samples.suite(None, report_samples.failing_run()))
    at = lines.index("recorded histories; the report has their proofs")
    assert lines[at + 2].startswith("list-append seed 204  FAIL     G2-item ×1")
    assert not any("must precede" in line for line in lines)


def test_hostile_values_cannot_reach_the_terminal() -> None:
    """No escape sequence, bell or direction mark of a value is printed, and no markup is obeyed."""
    text = "\n".join(printed(samples.suite(samples.hostile(), command=report_samples.ESCAPE)))
    assert not set("\x1b\x07\x00\u202e\u2066") & set(text)
    assert "[bold red]markup[/]" in text


def test_the_document_of_a_contract_run() -> None:
    """An entry of `runs` with every check, the counts, and the counts of each section."""
    keep = {"A1.2", "P1.3"}
    run = samples.contract(
        results=tuple(one for one in samples.RESULTS if one.id in keep), sections={"A": "Isolation", "P": "Batches"}
    )
    document = run_document(samples.suite(run), "out")
    assert document["outcome"] == "fail"
    assert document["runs"] == [
        {
            "target": "ledgerdb",
            "target_version": "0.9.2",
            "settings": {"sync": "full"},
            "workload": "contract",
            "command": "anomalist run contract -t ledgerdb",
            "seconds": 9.5,
            "outcome": "fail",
            "counts": {"skip": 1, "pass": 0, "error": 0, "fail": 1},
            "sections": [
                {"id": "A", "title": "Isolation", "skip": 0, "pass": 0, "error": 0, "fail": 1},
                {"id": "P", "title": "Batches", "skip": 1, "pass": 0, "error": 0, "fail": 0},
            ],
            "checks": [
                {
                    "id": "A1.2",
                    "title": "Exactly one of two increments commits.",
                    "scenario": "A1",
                    "severity": "critical",
                    "outcome": "fail",
                    "detail": "both committed, expected one typed conflict",
                    "failed": 1,
                    "tries": 1,
                    "seconds": 0.031,
                    "ours": False,
                    "transcript": [*samples.LOST, *samples.COMMITTED],
                    "repro": "",
                },
                {
                    "id": "P1.3",
                    "title": "An empty batch of deletes is 0.",
                    "scenario": "P1",
                    "severity": "medium",
                    "outcome": "skip",
                    "detail": "ledgerdb 0.9.2 has no put_batch",
                    "failed": 0,
                    "tries": 1,
                    "seconds": 0.0,
                    "ours": True,
                    "transcript": [],
                    "repro": "",
                },
            ],
        }
    ]
    assert json.loads(encode(document)) == document
    assert run_document(samples.suite(samples.contract(interrupted=True)), "out")["runs"][0]["interrupted"] is True


def test_histories_follow_the_checks_in_the_document() -> None:
    """The histories recorded for the suite are entries of their own."""
    runs = run_document(samples.suite(None, report_samples.failing_run()), "out")["runs"]
    assert [one["workload"] for one in runs] == ["contract", "list-append"]


def test_hostile_values_survive_json() -> None:
    """The document of a hostile contract run encodes and parses back."""
    document = run_document(samples.suite(samples.hostile()), "out")
    assert json.loads(encode(document)) == document


def test_every_check_is_a_case_of_junit() -> None:
    """A failure is one, a skip is skipped with its reason, an error of ours is an error, what holds is neither."""
    root, found = cases(samples.contract())
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "16",
        "failures": "5",
        "errors": "1",
        "skipped": "5",
    }
    assert [(one.get("classname"), one.get("name")) for one in found[:2]] == [
        ("contract.ledgerdb.A1", "A1.1 Both transactions read 0."),
        ("contract.ledgerdb.A1", "A1.2 Exactly one of two increments commits."),
    ]
    failure, error, skipped = (next(root.iter(tag)) for tag in ("failure", "error", "skipped"))
    assert (failure.get("type"), failure.get("message")) == (
        "critical",
        "both committed, expected one typed conflict",
    )
    assert (failure.text or "").strip().split("\n")[:4] == [
        "promised: Exactly one of two increments commits.",
        "seen: both committed, expected one typed conflict",
        "impact: Counters lose increments silently.",
        "called: db1.open('d') → None",
    ]
    assert (failure.text or "").endswith("\nrepeat: anomalist run contract -t ledgerdb --check A1\n")
    assert (error.get("type"), error.get("message")) == (
        "harness",
        "this is a mistake of Anomalist's own: KeyError: 'bob'",
    )
    assert skipped.get("message") == "root may write anywhere"


def test_a_suite_without_a_verdict_is_no_pass_in_junit() -> None:
    """Where all was skipped, or the run was stopped, one more case is an error."""
    root, found = cases(samples.only("skip"))
    assert (root.get("errors"), root.get("skipped"), len(found)) == ("1", "5", 6)
    assert [one.get("message") for one in root.iter("error")] == ["no check was tried"]
    root, _ = cases(samples.only("pass", interrupted=True))
    assert [one.get("message") for one in root.iter("error")] == ["it was stopped by hand"]
    assert cases(samples.only("pass"))[0].get("errors") == "0"


def test_hostile_values_give_valid_xml() -> None:
    """Control characters are written out and markup is text."""
    text = render_junit(samples.suite(samples.hostile()))
    root = Xml.fromstring(text)  # noqa: S314
    assert not set("\x1b\x07\x00") & set(text)
    assert [one.tag for one in root.iter() if one.tag in {"img", "script"}] == []
