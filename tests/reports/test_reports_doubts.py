"""What was not searched: said with the levels that it concerns, and never taken for what was found."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import report_samples as samples
from markdown_it import MarkdownIt
from page_reader import Page
from rich.console import Console

from harness.level import Level
from harness.verdict import Certificate, Doubt, RunResult
from reports.document import check_document
from reports.markdown import render_markdown
from reports.overall import overall
from reports.page import render_page
from reports.rail import standing
from reports.terminal import summary

SPENT = Doubt("budget", "in 1 components G2-item or a stronger class was found, not which", (Level("prefix"),))


def doubted(*doubts: Doubt) -> RunResult:
    """A write skew, held to serializable."""
    about = samples.info()
    anomaly = samples.cycle(about, "G2-item", ("rw", "rw"), ["repeatable-read"])
    return samples.run_of(samples.cycle_history(about, ("rw", "rw")), anomaly, doubts=doubts)


def test_a_level_in_doubt_is_not_said_to_stand() -> None:
    """It is neither refuted nor contradicted by nothing: what stands is below it or beside it."""
    one = overall(doubted(SPENT))
    assert one.strongest == ("snapshot-isolation",)
    assert one.doubted == (
        "prefix",
        "snapshot-isolation",
        "strong-session-snapshot-isolation",
        "strong-snapshot-isolation",
    )
    assert one.standing == ("consistent-view",)
    assert standing([one], "serializable").state("snapshot-isolation") == "not refuted"
    sure = overall(doubted(SPENT._replace(levels=(Level("serializable"),))))
    assert (sure.doubted, sure.standing) == ((), ("snapshot-isolation",))
    assert standing([sure], "serializable").state("snapshot-isolation") == "observed"


def test_what_is_proven_is_in_no_doubt() -> None:
    """A certificate settles its level and all below, whatever a search left open; timestamps doubt nothing."""
    run = samples.passing_run()
    (verdict,) = run.verdicts
    order = np.arange(len(run.history))
    proof = Certificate(level=Level("snapshot-isolation"), order=order, snapshot=order)
    doubts = (Doubt("undecided", "no order was found", (Level("prefix"),)), Doubt("timestamps", "none are told"))
    findings = replace(verdict.findings, doubts=doubts, certificates=(proof,))
    one = overall(replace(run, verdicts=(replace(verdict, findings=findings),)))
    assert one.doubted == (
        "serializable",
        "strong-session-snapshot-isolation",
        "strong-session-serializable",
        "strong-snapshot-isolation",
        "strict-serializable",
    )


def test_every_output_says_what_was_not_searched() -> None:
    """Page, terminal and JSON tell the doubt beside a FAIL that does not rest on it, with its levels."""
    run = doubted(SPENT)
    text = Page(render_page(samples.suite_of(run))).text
    assert f"Not vouched for (budget), prefix and all above: {SPENT.sentence}." in text
    assert "Strongest not refuted: snapshot-isolation, in doubt: snapshot-isolation." in text
    assert "these 3 transactions do not contradict consistent-view; others might." in text
    stream = io.StringIO()
    Console(file=stream, width=160).print(summary(samples.suite_of(run)))
    assert f"list-append seed 204: not searched to the end: {SPENT.sentence}" in stream.getvalue()
    (entry,) = check_document([("a.edn", run)])["histories"]
    assert entry["doubts"] == [{"reason": "budget", "sentence": SPENT.sentence, "levels": ["prefix"]}]


def argued() -> RunResult:
    """An argument by cases, and a key whose name is longer than a label."""
    about = samples.info()
    cases = ("  Either T0 wrote a before T1:", "  So there is a circle.", "    Or T1 did:")
    anomaly = replace(samples.cycle(about, "G2-item", ("rw", "rw"), ["repeatable-read"]), details=cases)
    return samples.run_of(samples.cycle_history(about, ("rw", "rw")), anomaly)


def test_the_cases_of_an_argument_stand_below_it() -> None:
    """Each case is indented as deep as it lies, on the page and in Markdown."""
    page = render_page(samples.suite_of(argued()))
    assert re.findall(r'<li style="margin-left:(\d)em">\s*([A-Z]\w+)', page) == [
        ("1", "Either"),
        ("1", "So"),
        ("2", "Or"),
    ]
    tokens = MarkdownIt("commonmark").parse(render_markdown(samples.suite_of(argued())))
    assert [one.level for one in tokens if one.type == "inline" and one.content.startswith(("Either", "Or"))] == [
        3,
        5,
    ]
