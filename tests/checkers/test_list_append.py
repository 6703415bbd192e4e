"""Tiny histories whose judgement is obvious: what is found, what it refutes, and what is never accused."""

from __future__ import annotations

import dataclasses

import pytest
from oracle.notation import txns

from checkers.lists import dependencies
from checkers.lists.list_append import check_list_append
from harness.build import build_history
from harness.history import Op, RunInfo, Status, Txn
from harness.level import level, minimal
from harness.verdict import Findings, Outcome, judge


def judged(text: str, **info: str) -> Findings:
    return check_list_append(build_history(txns(text), dataclasses.replace(RunInfo(), **info)))


# text: (names found, weakest levels refuted)
GOLDEN: dict[str, tuple[set[str], set[str]]] = {
    "0 1-2 ax1; 0 3-4 rx1": (set(), set()),
    "ax1 ay1; ax2 ay2; rx1,2 ry2,1": ({"G0"}, {"read-uncommitted"}),
    "ax1 ry1; ay1 rx1": ({"G1c"}, {"read-committed"}),
    "ax1 ay1; rx1 ry": ({"G-single-item"}, {"consistent-view", "repeatable-read"}),
    "rx ay1; ry ax1": ({"G2-item"}, {"repeatable-read"}),
    "ax1; ay1; rx1 ry; ry1 rx": ({"G-nonadjacent-item"}, {"snapshot-isolation", "repeatable-read"}),
    "aborted ax1; rx1": ({"G1a"}, {"read-committed"}),
    "ax1 ax2; rx1": ({"G1b", "G-single-item"}, {"read-committed"}),
    "rx1; ": ({"garbage-read"}, {"read-uncommitted"}),
    "ax1; rx1,1": ({"duplicate-elements"}, {"read-uncommitted"}),
    "ax1 ax2; ax3; rx1,2; rx1,3,2": ({"incompatible-order", "G0"}, {"read-uncommitted"}),
    "aborted ax1; ax2; rx1,2": ({"G1a", "dirty-update"}, {"read-committed"}),
    "ax1 rx": ({"internal"}, {"read-atomic"}),
    "rx1 ax1": ({"future-read"}, {"read-committed"}),
    "rx ax1; rx ax2; rx1,2": (
        {"lost-update", "G-single-item"},
        {"cursor-stability", "update-atomic"},
    ),
    "0 1-2 ax1; 1 3-4 rx": (
        {"lost-append", "G-single-item-realtime"},
        {"strong-snapshot-isolation"},
    ),
    "0 1-2 ax1; 0 3-4 rx": (
        {"lost-append", "G-single-item-process"},
        {"strong-session-snapshot-isolation"},
    ),
}


@pytest.mark.parametrize("text", GOLDEN)
def test_a_golden_history_gets_its_names_and_levels(text: str) -> None:
    """Exactly the expected names are found, and exactly the expected weakest levels are refuted."""
    findings = judged(text)
    names, levels = GOLDEN[text]
    assert findings.doubts == ()
    assert {one.name for one in findings.anomalies} == names
    assert set(minimal(findings.refuted)) == levels


def test_write_skew_refutes_the_four_levels_and_leaves_strong_snapshot_isolation() -> None:
    """A G2-item refutes repeatable-read and all above it, and no level of the snapshot family."""
    findings = judged("0 0-5 ry ax1; 1 1-6 rx ay1")
    assert findings.refuted == (
        "repeatable-read",
        "serializable",
        "strong-session-serializable",
        "strict-serializable",
    )
    assert findings.strongest == ("strong-snapshot-isolation",)
    (anomaly,) = findings.anomalies
    assert anomaly.sentence == (
        "T0 missed what T1 appended to y, and T1 missed what T0 appended to x: neither can come first."
    )
    assert [(step.kind, step.before, step.after, step.key, step.value) for step in anomaly.steps] == [
        ("rw", 0, 1, "y", 1),
        ("rw", 1, 0, "x", 1),
    ]
    assert anomaly.steps[0].sentence == "T0 read y = [] without 1, which T1 appended. So T0 comes before T1."


def test_a_fingerprint_is_of_the_shape_and_a_witness_of_the_instance() -> None:
    """Other keys, values, times and seeds change the witness but not the fingerprint; another level changes it."""
    one = judged("rx ay1; ry ax1", suite="quick").anomalies[0]
    two = judged("0 7-9 ra ab5; 1 7-9 rb aa6", suite="quick").anomalies[0]
    other = judged("rx ay1; ry ax1", suite="quick", level="serializable").anomalies[0]
    assert one.fingerprint == two.fingerprint != other.fingerprint
    assert one.witness != two.witness
    assert len(one.fingerprint) == len(one.witness) == 16


def test_an_unknown_transaction_counts_once_somebody_saw_its_write() -> None:
    """An UNKNOWN transaction is judged iff an included one read its append."""
    assert judged("unknown ax1 ry; ay1; rx1 ry1").anomalies == ()
    seen = judged("unknown ax1 ry; ay1 rx; rx1 ry1")
    assert {one.name for one in seen.anomalies} == {"G2-item"}
    assert judged("unknown ax1 ry; ay1 rx").anomalies == ()


def test_nothing_follows_an_unknown_transaction_in_time() -> None:
    """An UNKNOWN transaction may take effect after its end: a later read may miss its append, even in its session."""
    assert judged("0 1-2 unknown ax1; 0 3-4 rx; 1 5-6 rx1").anomalies == ()
    assert {one.name for one in judged("0 1-2 ax1; 0 3-4 rx; 1 5-6 rx1").anomalies} == {
        "lost-append",
        "G-single-item-process",
    }


def test_a_cut_history_accuses_nobody_of_what_is_missing() -> None:
    """In a cut history an element without its append may be one that was lost with the log."""
    rows = txns("ax1; rx1,9 ry7")
    whole = check_list_append(build_history(rows))
    cut = check_list_append(build_history(rows, cut="the log ends early"))
    assert {one.name for one in whole.anomalies} == {"garbage-read"}
    assert cut.anomalies == ()


def test_an_append_of_two_steps_is_not_a_dirty_read_when_it_is_overwritten() -> None:
    """Where an append is a read and a write, contradicting lists show lost updates and leave read-committed alone."""
    text = "0 1-2 ax1; 0 3-4 ax2; 1 3-4 ax3; 2 5-6 rx1,2; 2 7-8 rx1,3"
    atomic, two_steps = judged(text), judged(text, append="read-modify-write")
    assert "read-committed" in atomic.refuted
    assert "read-committed" not in two_steps.refuted
    assert {"cursor-stability", "update-atomic", "snapshot-isolation"} <= set(two_steps.refuted)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (txns("ax1; ax1"), "element 1 was appended to key 'x' more than once"),
        (
            txns("0 1-5 ax1; 0 3-8 rx1"),
            "client 0 started transaction 1 before its transaction 0 ended: "
            "a client may only have one transaction at a time",
        ),
        (
            [Txn(0, 0, (Op("w", "x", 1),), Status.OK, 0, 1)],
            "operation w of key 'x' does not belong in a list-append history",
        ),
        (
            [Txn(0, 0, (Op("r", "x", 5),), Status.OK, 0, 1)],
            "a read of key 'x' returned 5, which is not a list",
        ),
    ],
)
def test_bad_evidence_is_said_and_nothing_is_judged(rows: list[Txn], sentence: str) -> None:
    """A history that contradicts how it must have been recorded is no evidence, for or against."""
    findings = check_list_append(build_history(rows))
    assert [(doubt.reason, doubt.sentence) for doubt in findings.doubts] == [("evidence", sentence)]
    assert findings.anomalies == ()
    assert findings.refuted == ()


def test_evidence_counts_are_what_the_history_holds() -> None:
    """The counts are exact for a history that can be counted by hand."""
    findings = judged("0 1-4 ax1; 1 2-3 ax2 rx1,2; 2 5-6 rx1; 3 7-8 aborted ax3")
    assert {one.name: one.found for one in findings.evidence} == {
        "transactions committed": 3,
        "aborted": 1,
        "unknown": 0,
        "concurrent accesses to a shared key": 1,
        "ww edges": 1,
        "wr edges": 1,
        "rw edges": 1,
    }


def test_many_reads_that_miss_many_appends_stay_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few reads follow all unseen appends; of very many in all each read follows some, and says that it did."""
    appends = [Txn(0, 1000 + i, (Op("append", "x", i),), Status.OK, 0, 10_000) for i in range(100)]
    reads = [Txn(0, 5000 + i, (Op("r", "x", []),), Status.OK, 0, 10_000) for i in range(50)]
    history = build_history([*appends, *reads])
    whole = check_list_append(history)
    assert (whole.stats["edges"], whole.doubts) == (50 * 100, ())
    monkeypatch.setattr(dependencies, "UNSEEN_IN_ALL", 50 * 80)
    assert check_list_append(history).stats["edges"] == 50 * 80
    monkeypatch.setattr(dependencies, "UNSEEN_IN_ALL", 0)
    findings = check_list_append(history)
    assert findings.stats["edges"] == 50 * 64
    assert [doubt.reason for doubt in findings.doubts] == ["budget"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ax1 ax2; ax3; rx2,1,3", [("incompatible-order", (0, 2), 1)]),
        ("ax1 ax2; rx2", [("incompatible-order", (0, 1), 1)]),
        ("ax1 ax2; rx1,2", []),
        ("ax1 ax2 ax3; rx1,3,2", [("incompatible-order", (0, 1), 1)]),
        ("ax1 ax2; aborted rx2", []),
        ("ax1 ax2; ax3; rx1,3,2", []),
        # The list of a transaction that need not have happened ends with what is missing in the next one.
        ("unknown rx1; ax1 ax2; rx2", [("incompatible-order", (1, 2), 1)]),
    ],
)
def test_a_list_shows_the_appends_of_one_transaction_in_their_order(
    text: str, found: list[tuple[str, tuple[int, ...], int]]
) -> None:
    """Each append comes behind all earlier ones of its transaction, whatever of others stands between."""
    anomalies = check_list_append(build_history(txns(text))).anomalies
    assert [(one.name, one.txns, one.count) for one in anomalies if one.name == "incompatible-order"] == found


def test_what_is_out_of_order_is_said() -> None:
    """The sentence names the element that came too early and whose it is."""
    (anomaly,) = check_list_append(build_history(txns("ax1 ax2; ax3; rx2,1,3"))).anomalies
    assert anomaly.sentence == "T2 read x with 2, and before it not what T0 had appended first."
    assert anomaly.refutes == ("read-committed",)


def test_what_a_long_transaction_says_of_itself_is_found_in_linear_time_and_told_shortly() -> None:
    """Twenty thousand appends and a read of one transaction are walked once; operations around the read are shown."""
    count = 20_000
    appends = [Op("append", "x", i) for i in range(count)]
    wrong = Op("r", "x", [*range(count - 1), -1])
    early = Op("r", "y", [7])
    ops = (early, *appends, wrong, Op("append", "y", 7))
    findings = check_list_append(build_history([Txn(0, 0, ops, Status.OK, 0, 1)]))
    found = {one.name: len(one.details) for one in findings.anomalies}
    assert found == {"garbage-read": 1, "internal": 9, "future-read": 2}


def test_a_list_that_interleaves_many_transactions_is_in_order() -> None:
    """Where a hundred transactions take turns in one list, only the one whose appends are turned round is named."""
    rows = [Txn(0, i, (Op("append", "x", 2 * i), Op("append", "x", 2 * i + 1)), Status.OK, 0, 1) for i in range(100)]
    order = [*range(0, 200, 2), *range(1, 200, 2)]
    reader = Txn(0, 100, (Op("r", "x", order),), Status.OK, 0, 1)
    assert "incompatible-order" not in {
        one.name for one in check_list_append(build_history([*rows, reader])).anomalies
    }
    order[:2], order[100] = [1, 2], 0
    reader = reader._replace(ops=(Op("r", "x", order),))
    (found,) = [one for one in check_list_append(build_history([*rows, reader])).anomalies if one.name[0] == "i"]
    assert (found.name, found.txns) == ("incompatible-order", (0, 100))


def test_a_record_without_times_vouches_for_no_level_of_real_time() -> None:
    """Where a file tells only the order within each client, session levels pass and strong ones are open."""
    findings = judged("0 0-1 ax1; 0 0-1 rx1; 1 0-1 rx", clock="sessions")
    outcome = {
        name: judge(findings, level(name), strict_evidence=False)
        for name in ("strong-session-serializable", "strict-serializable", "strong-read-committed")
    }
    assert [(one.outcome, one.reason) for one in outcome.values()] == [
        (Outcome.PASS, ""),
        (Outcome.UNKNOWN, "evidence"),
        (Outcome.UNKNOWN, "evidence"),
    ]


def test_lists_that_contradict_one_another_leave_read_uncommitted_open() -> None:
    """The order of x is 1 2 and that of y 2 1, but a dirty read as long as the one that shows it hides it."""
    findings = judged("aborted ax9; ax1 ay1; ax2 ay2; rx1,9; rx1,2; ry2,1")
    assert {one.name for one in findings.anomalies} == {"G1a", "incompatible-order"}
    verdict = judge(findings, level("read-uncommitted"), strict_evidence=False)
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "undecided")
