"""What every output of a contract run is made from."""

from __future__ import annotations

import contract_samples as samples

from harness.contract import CheckOutcome
from harness.verdict import Outcome
from reports.findings import (
    Advice,
    advice,
    check_ids,
    extent,
    findings,
    held,
    observation,
    rate,
    reasons,
    repeat_command,
    sections,
    tally,
)
from reports.headline import headline


def test_findings_are_scenarios_by_severity() -> None:
    """Two critical ones, one high, one medium, numbered through, with how many of their checks failed."""
    found = [
        (one.number, one.scenario, one.severity, [result.id for result in one.failed], one.tried)
        for one in findings(samples.contract())
    ]
    assert found == [
        (1, "A1", "critical", ["A1.2", "A1.3"], 3),
        (2, "B2", "critical", ["B2.2"], 1),
        (3, "J2", "high", ["J2 get"], 2),
        (4, "J3", "medium", ["J3.1"], 2),
    ]


def test_severity_comes_before_the_order_of_the_catalogue() -> None:
    """A critical failure late in the catalogue is the first finding."""
    late = samples.result("P1.1", "fail", "t", "d", "critical")
    early = samples.result("A1.1", "fail", "t", "d", "medium")
    assert [one.scenario for one in findings(samples.contract(results=(early, late)))] == ["P1", "A1"]


def test_sections_have_an_outcome_and_the_worst_severity() -> None:
    """FAIL before ERROR before PASS before SKIP; a letter without a result has none."""
    run = samples.contract(sections=samples.SECTIONS | {"Q": "Not there"})
    assert [(one.letter, one.outcome, one.severity) for one in sections(run)] == [
        ("A", CheckOutcome.FAIL, "critical"),
        ("B", CheckOutcome.FAIL, "critical"),
        ("J", CheckOutcome.FAIL, "high"),
        ("K", CheckOutcome.SKIP, ""),
        ("P", CheckOutcome.SKIP, ""),
        ("Q", None, ""),
    ]
    assert sections(samples.only("pass", "error"))[0].outcome is CheckOutcome.ERROR
    assert sections(samples.only("pass", "skip"))[2].outcome is CheckOutcome.PASS


def test_skips_are_grouped_by_their_reason() -> None:
    """The most frequent reason first, with its checks in few words."""
    run = samples.contract()
    assert [(one.detail, check_ids(one.results, run)) for one in reasons(run, CheckOutcome.SKIP)] == [
        ("ledgerdb 0.9.2 has no put_batch", "P1"),
        ("root may write anywhere", "J3.2"),
        ("ledgerdb 0.9.2 documents no put(ttl_seconds=)", "K1.1"),
    ]


def test_ids_are_written_in_few_words() -> None:
    """A whole scenario is its id, three neighbours are a range, two are two, and names stay names."""
    ids = ["A1.1", "A1.2", "B1.1", "B1.2", "B1.3", "B1.5", "B1.6", "J2 get", "J2 put", "P1.9", "P1.10", "P1.11"]
    chosen = [samples.result(one, "skip", "t", "d") for one in ids]
    rest = [samples.result(one, "pass", "t", "d") for one in ("B1.4", "J2 scan", "P1.12")]
    run = samples.contract(results=tuple(sorted((*chosen, *rest), key=lambda one: one.id[:2])))
    assert check_ids(chosen, run) == "A1, B1.1–B1.3, B1.5, B1.6, J2 get, J2 put, P1.9–P1.11"
    assert check_ids(chosen[:1], samples.contract(results=tuple(chosen[:1]))) == "A1.1"


def test_what_held_leaves_out_whatever_failed() -> None:
    """A scenario with a failure or an error did not hold; one with a skip did, and says so."""
    assert [(one.scenario, one.skipped) for one in held(samples.contract())] == [("A5", 0)]
    assert [(one.scenario, one.skipped) for one in held(samples.only("pass", "skip"))] == [
        ("A1", 0),
        ("A5", 0),
        ("J2", 0),
        ("J3", 1),
    ]


def test_shared_advice_is_given_once() -> None:
    """Two findings with the same advice are one recommendation, at the worse severity."""
    skew = samples.result("A2.1", "fail", "t", "d", "high")
    run = samples.contract(results=(*samples.RESULTS[:3], skew))
    assert advice(run) == (Advice("Detect conflicts at commit.", "critical", ("A1", "A2")),)


def test_the_result_in_words() -> None:
    """Counts of what occurred, and the sections they are from."""
    assert tally(samples.contract()) == "5 of 16 checks hold, 5 fail, 5 skipped, 1 error"
    assert tally(samples.only("pass", interrupted=True)) == "5 of 5 checks hold, stopped by hand"
    assert extent(samples.contract()) == "16 checks in 5 sections (A–P)"


def test_a_rate_is_said_once() -> None:
    """A detail that tells how often it failed is not followed by the rate again."""
    counted = next(one for one in samples.RESULTS if one.id == "B2.2")
    assert rate(counted) == "in 17 of 20 rounds"
    assert observation(counted) == "196 commits, counter 134; in 17 of 20 rounds"
    assert observation(counted._replace(detail="lost")) == "lost; in 17 of 20 rounds"
    assert rate(samples.RESULTS[1]) == ""


def test_the_command_of_one_scenario() -> None:
    """The run's command with --check, unless it is of chosen checks already."""
    run = samples.contract()
    assert repeat_command(run, "A1") == "anomalist run contract -t ledgerdb --check A1"
    chosen = "anomalist run contract --check A"
    assert repeat_command(samples.contract(command=chosen), "A1") == chosen
    assert repeat_command(samples.contract(command=""), "A1") == ""


def test_the_headline_says_what_was_found() -> None:
    """The worst finding, or how much held, or why nothing can be said."""

    def told(run: object) -> tuple[str, str]:
        return headline(samples.suite(run), [])  # type: ignore[arg-type]

    assert told(samples.contract()) == (
        "ledgerdb 0.9.2 broke 5 of 10 promises that were tried.",
        "The worst: Lost updates (A1.2): both committed, expected one typed conflict.",
    )
    assert told(samples.only("pass", "skip")) == (
        "ledgerdb 0.9.2 keeps all 5 promises that were tried.",
        "10 checks in 4 sections (A–P); 5 of them skipped, ledgerdb 0.9.2 has no put_batch.",
    )
    assert told(samples.only("pass", "error")) == (
        "It cannot be said whether ledgerdb 0.9.2 keeps what it promises.",
        "1 check ended in an error of the harness: this is a mistake of Anomalist's own: KeyError: 'bob'.",
    )
    assert told(samples.only("skip")) == (
        "Nothing of ledgerdb 0.9.2 was tried.",
        "5 checks in 3 sections (J–P), all of them skipped: ledgerdb 0.9.2 has no put_batch.",
    )
    assert told(samples.only("pass", interrupted=True))[0] == "ledgerdb 0.9.2 keeps what was tried so far."


def test_a_history_that_failed_is_told_where_the_checks_held() -> None:
    """The worse of both has the word: a suite whose checks hold and whose history does not is a FAIL."""
    from report_samples import failing_run

    from reports.overall import overall

    run = failing_run()
    suite = samples.suite(samples.only("pass"), run)
    assert suite.outcome is Outcome.FAIL
    assert headline(suite, [(run, overall(run))])[0] == "ledgerdb 0.9.2 was held to serializable and did not keep it."
