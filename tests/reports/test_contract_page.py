"""The contract suite on the page."""

from __future__ import annotations

from collections import Counter

import contract_samples as samples
import pytest
import report_samples
from page_reader import Page

from reports.page import render_page


@pytest.fixture(scope="module")
def page() -> Page:
    kept = report_samples.failing_run(command=f"{samples.COMMAND} --check A1")
    return Page(render_page(samples.suite(None, kept)))


def test_the_strip_tells_the_result(page: Page) -> None:
    """Word, sentence, counts of checks by outcome, of findings by severity, of subsections that hold, the command."""
    text = page.words
    for sentence in (
        "FAIL ledgerdb 0.9.2 broke 5 of 10 promises that were tried. The worst: Lost updates (A1.2): both committed",
        "Checks 5 fail, 1 error, 5 pass, 5 skip Findings 2 critical, 1 high, 1 medium Subsections 1 of 8 hold",
        "anomalist run contract -t ledgerdb Copy The command makes the same calls",
    ):
        assert sentence in text


def test_findings_are_numbered_and_ordered_by_severity(page: Page) -> None:
    """Each is a fold with an id of its own; critical ones and the first of the others are open."""
    findings = [one for one in page.having("details", "a") if (one["id"] or "").startswith("f-")]
    assert [(one["id"], "open" in one) for one in findings] == [
        ("f-A1", True),
        ("f-B2", True),
        ("f-J2", True),
        ("f-J3", True),
    ]
    text = page.words
    places = [text.index(one) for one in ("CRITICAL 1. Lost", "2. Counting", "HIGH 3. Calls", "MEDIUM 4. Paths")]
    assert places == sorted(places)


def test_a_finding_tells_evidence_calls_impact_advice_and_command(page: Page) -> None:
    """All that a developer needs stands in the fold, the calls of each failed check apart."""
    text = page.words
    finding = text[text.index("1. Lost updates") : text.index("2. Counting")]
    for sentence in (
        "A1 2 of 3 checks failed A1.2, A1.3",
        "What was seen A1.2 Exactly one of two increments commits. both committed, expected one typed conflict",
        "Impact Counters lose increments silently. What to do first Detect conflicts at commit.",
        "What was called until A1.2 failed db1.open('d') → None db1.put(b'counter', b'0') → None db1.begin() → t1",
        "What was called until A1.3 failed db1.get(b'counter') → b'1' ",
        "Recorded history list-append, with proof",
        "anomalist run contract -t ledgerdb --check A1",
    ):
        assert sentence in finding
    assert "B2.2 without the harness repro/B2.2.py" in text


def test_sections_count_their_checks_and_link_them(page: Page) -> None:
    """A row for each letter with its word, a mark for each check, counts and the worst severity."""
    assert "A Isolation FAIL 3 2 1 CRITICAL B Concurrency FAIL 1 CRITICAL" in page.words
    assert "K Documented calls SKIP 1" in page.words
    marks = [one for one in page.having("a") if one.get("tabindex") == "-1"]
    assert [(one["href"], one["title"], one["class"]) for one in marks[:3]] == [
        ("#c-A1.1", "A1.1 PASS", "pass"),
        ("#c-A1.2", "A1.2 FAIL", "fail"),
        ("#c-A1.3", "A1.3 FAIL", "fail"),
    ]
    assert len(marks) == 16
    links = [one["href"] for one in page.having("a") if (one.get("href") or "").startswith("#section-")]
    assert links == ["#section-A", "#section-B", "#section-J", "#section-K", "#section-P"]


def test_every_check_has_its_row(page: Page) -> None:
    """A row for each with outcome, promise, what was seen and time, in the fold of its section."""
    assert [one["id"] for one in page.having("tr") if one.get("id")] == [
        f"c-{one.id.replace(' ', '-')}" for one in samples.RESULTS
    ]
    folds = [one for one in page.having("details", "run") if (one["id"] or "").startswith("section-")]
    assert [one["id"] for one in folds] == ["section-A", "section-B", "section-J", "section-K", "section-P"]
    assert not any("open" in one for one in folds)
    text = page.words
    assert "A1 Lost updates finding PASS A1.1 Both transactions read 0. what both read: [b'0', b'0'] 0.01 s" in text
    assert "P1.3 + An empty batch of deletes is 0." in text
    assert "16 of 16 shown" in text


def test_recommendations_and_what_was_not_tried(page: Page) -> None:
    """What to do by severity with its findings; skips by reason; errors of our own apart from both."""
    text = page.words
    assert "Priority recommendations Detect conflicts at commit. CRITICAL · A1 Acknowledge later." in text
    assert "Checks Which Why 3 P1 ledgerdb 0.9.2 has no put_batch 1 J3.2 root may write anywhere" in text
    assert "nothing is said of the database. Checks Which Why 1 A2.1 this is a mistake of Anomalist's own" in text


def test_limits_and_environment_speak_of_the_contract(page: Page) -> None:
    """Skipped checks and errors are said to say nothing; target and settings are listed."""
    text = page.words
    for sentence in (
        "5 checks skipped: nothing is said of what they ask.",
        "1 check ended in an error of the harness, which is not a pass.",
        "Target ledgerdb 0.9.2 Settings sync=full",
    ):
        assert sentence in text
    told = Page(render_page(samples.suite(samples.only("pass", interrupted=True)))).words
    assert "Nothing was run of 3 sections: B, K, P." in told
    assert "The run was stopped by hand: checks without a result were not tried." in told


def test_recorded_histories_are_folded_and_linked(page: Page) -> None:
    """A history recorded for a finding is in its fold below, drawn, and the finding leads there."""
    runs = [one for one in page.having("details", "run") if (one["id"] or "").startswith("run-")]
    assert [(one["id"], "open" in one) for one in runs] == [("run-1", False)]
    assert page.attribute("href").count("#run-1") == 2
    assert len(page.having("svg", "cycle")) == 1


def test_a_suite_without_histories_has_no_matrix() -> None:
    """Where only checks were run there is no matrix, no anomaly and no run."""
    ids = Page(render_page(samples.suite(samples.only("pass")))).attribute("id")
    assert {"findings", "sections", "checks", "environment", "limits"} <= set(ids)
    assert {"matrix", "anomalies", "runs", "skipped", "errors", "recommendations"} & set(ids) == set()


def test_ids_are_unique_and_links_lead_somewhere(page: Page) -> None:
    """No id occurs twice, though names may be alike, and every local link has its target."""
    alike = samples.contract(results=tuple(samples.result(one, "pass", "t", "d") for one in ("A1 ä", "A1 ö", "A1 -")))
    for one in (page, Page(render_page(samples.suite(alike)))):
        ids = one.attribute("id")
        assert [name for name, count in Counter(ids).items() if count > 1] == []
        assert [link for link in one.attribute("href") if link[1:] not in ids] == []


def test_a_suite_of_workloads_has_nothing_of_the_contract() -> None:
    """Without a contract run the page has none of its sections, words or links."""
    plain = Page(render_page(report_samples.every_kind()))
    assert {"findings", "sections", "checks", "find"} & set(plain.attribute("id")) == set()
    assert "Subsections" not in plain.text


def test_hostile_values_stay_text() -> None:
    """No element, handler or control character comes from a value, wherever it stands."""
    source = render_page(samples.suite(samples.hostile(), command=report_samples.HOSTILE))
    hostile = Page(source)
    assert report_samples.HOSTILE not in source
    assert not set("\x1b\x00\x07\u202e\u2066") & set(source)
    assert "img" not in {tag for tag, _ in hostile.elements}
    assert [name for _, one in hostile.elements for name in one if name.startswith("on")] == []
    assert Counter(tag for tag, _ in hostile.elements)["script"] == 1
    assert report_samples.HOSTILE in hostile.text


def test_the_same_inputs_give_the_same_bytes() -> None:
    """Two renderings of equal runs are equal."""
    assert render_page(samples.suite()).encode() == render_page(samples.suite()).encode()
