"""The summary on the terminal."""

from __future__ import annotations

import io

import report_samples as samples
from rich.console import Console

from harness.verdict import SuiteRun
from reports.terminal import summary


def printed(suite_run: SuiteRun, report: str = "", *, colour: bool = False, width: int = 160) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
    )
    console.print(summary(suite_run, report))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def test_a_plain_summary_says_everything_without_colour() -> None:
    """One failing run is printed exactly so on a console without colour."""
    run = samples.failing_run()
    fingerprint = run.verdicts[0].findings.anomalies[0].fingerprint
    assert printed(samples.suite_of(run), "runs/latest/report.html").split("\n") == [
        "FAIL  quick: 1 fail, 3.2 s",
        "ledgerdb 0.9.2 at serializable, expected serializable",
        "workload              outcome  anomalies   evidence",
        "list-append seed 204  FAIL     G2-item ×1  3 txns, overlapping pairs 40, rw edges 7",
        "",
        f"G2-item ×1  list-append seed 204  fingerprint {fingerprint}",
        "  2 transactions that each must come before the next.",
        "  1. T0 must precede T1 on k0.",
        "  2. T1 must precede T0 on k1.",
        "",
        "repeat  anomalist run quick -t ledgerdb --seed 204",
        "report  runs/latest/report.html",
    ]


def test_an_unknown_tells_its_reason() -> None:
    """Vacuous and evidence stand in the table and again as sentences."""
    text = printed(samples.suite_of(samples.vacuous_run(), samples.doubtful_run()))
    assert text.startswith("UNKNOWN  quick: 2 unknown, 3.2 s\n")
    assert "UNKNOWN vacuous" in text
    assert "overlapping pairs 0 of 10 needed" in text
    assert ": evidence: client 3 overlaps itself" in text
    assert ": this history is not whole: the end is torn off" in text


def test_an_anomaly_without_a_cycle_shows_its_details() -> None:
    """The reads that contradict are listed where there are no steps."""
    text = printed(samples.suite_of(samples.invariant_run()))
    assert "  - T0 read a as 5 and wrote 6.\n  - T1 read a as 5 and wrote 7.\n" in text


def test_values_cannot_reach_the_terminal() -> None:
    """No escape sequence, bell or direction mark of a value is printed, and no markup is obeyed."""
    text = printed(samples.suite_of(samples.hostile_run()), f"out/{samples.ESCAPE}")
    assert not set("\x1b\x07\x00\u202e\u2066") & set(text)
    assert "[bold red]markup[/]" in text
    assert "\\x1b[31mred" in text


def test_colour_comes_from_us_alone() -> None:
    """On a terminal the only escape sequences are rich's own: taking them away leaves the plain text."""
    import re

    hostile = samples.suite_of(samples.hostile_run())
    coloured = re.sub(r"\x1b\[[0-9;]*m", "", printed(hostile, colour=True))
    assert "\x1b" not in coloured
    assert coloured.split() == printed(hostile).split()


def test_what_is_not_shown_is_counted() -> None:
    """Eleven anomalies are ten shown and one counted."""
    runs = [samples.failing_run(seed=seed) for seed in range(11)]
    assert "… and 1 more anomalies: the report has them all" in printed(samples.suite_of(*runs))
