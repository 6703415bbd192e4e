"""The write-skew and predicate-skew checkers on histories made by hand."""

from __future__ import annotations

from checkers.invariants.predicate_skew import check_predicate_skew
from checkers.invariants.write_skew import check_write_skew
from harness.history import Op, Status
from harness.verdict import Outcome, judge
from tests.checkers.rows import history, r, row, w

SKEW = (
    row(0, 1, 6, r("a"), r("b"), w("a", 1)),
    row(1, 2, 7, r("a"), r("b"), w("b", 2)),
)


def test_two_transactions_that_missed_each_other_are_a_write_skew_with_both_steps() -> None:
    """The witness of a write skew names both transactions, both missed writes and a reason for each step."""
    (found,) = check_write_skew(history(*SKEW)).anomalies
    assert (found.name, found.txns, found.count) == ("G2-item", (0, 1), 1)
    assert found.refutes == ("repeatable-read",)
    assert [step[:5] for step in found.steps] == [("rw", 0, 1, "b", 2), ("rw", 1, 0, "a", 1)]
    assert found.steps[0].sentence == "T0 read b as nothing, before T1 wrote 2 to it. So T0 comes before T1."
    assert found.sentence == "T0 missed T1's write of b and T1 missed T0's write of a: neither can have come first."


def test_a_transaction_that_saw_the_other_is_no_write_skew() -> None:
    """A transaction that found the pair taken and wrote nothing accuses nobody."""
    assert check_write_skew(history(SKEW[0], row(1, 2, 7, r("a", 1), r("b")))).anomalies == ()


def test_two_writers_of_the_same_key_are_no_write_skew() -> None:
    """Who both read and wrote the same key lost an update, which is not what this checker looks for."""
    rows = (row(0, 1, 6, r("a"), w("a", 1)), row(1, 2, 7, r("a"), w("a", 2)))
    assert check_write_skew(history(*rows)).anomalies == ()


def test_an_aborted_half_is_no_write_skew() -> None:
    """A write that was surely undone cannot be missed."""
    aborted = SKEW[1]._replace(status=Status.ABORTED)
    assert check_write_skew(history(SKEW[0], aborted)).anomalies == ()


def test_an_unknown_half_counts_only_once_its_write_was_seen() -> None:
    """An unknown transaction is accused only if a committed one read what it wrote."""
    unknown = SKEW[1]._replace(status=Status.UNKNOWN)
    assert check_write_skew(history(SKEW[0], unknown)).anomalies == ()
    (found,) = check_write_skew(history(SKEW[0], unknown, row(2, 8, 9, r("b", 2)))).anomalies
    assert found.name == "G2-item"


def test_what_an_unknown_reader_saw_includes_nobody() -> None:
    """A chain of unknown transactions that no committed one ever read from stays outside."""
    unknown = SKEW[1]._replace(status=Status.UNKNOWN)
    reader = row(2, 8, 9, r("b", 2), w("c", 1), status=Status.UNKNOWN)
    assert check_write_skew(history(SKEW[0], unknown, reader)).anomalies == ()
    names = [
        one.name for one in check_write_skew(history(SKEW[0], unknown, reader, row(3, 10, 11, r("c", 1)))).anomalies
    ]
    assert names == ["G2-item"]


def test_a_read_of_an_aborted_write_is_g1a() -> None:
    """A committed read of a write that was undone names writer and reader."""
    (found,) = check_write_skew(
        history(row(0, 1, 2, w("a", 1), status=Status.ABORTED), row(1, 3, 4, r("a", 1)))
    ).anomalies
    assert (found.name, found.txns, found.sentence) == (
        "G1a",
        (0, 1),
        "T1 read a as 1, but T0 wrote that and was aborted.",
    )


def test_a_value_that_nobody_wrote_is_garbage_unless_the_history_is_cut() -> None:
    """In a cut history the writer may be what is missing."""
    rows = (row(0, 1, 2, w("a", 1)), row(1, 3, 4, r("a", 7)))
    (found,) = check_write_skew(history(*rows)).anomalies
    assert (found.name, found.txns, found.sentence) == (
        "garbage-read",
        (1,),
        "T1 read a as 7, but nobody ever wrote that.",
    )
    assert check_write_skew(history(*rows, cut="the log is torn")).anomalies == ()


def test_a_value_written_twice_makes_doubt_and_no_accusation() -> None:
    """Where two transactions wrote the same value, a read of it is nobody's in particular."""
    findings = check_write_skew(
        history(row(0, 1, 2, w("a", 1), status=Status.ABORTED), row(1, 3, 4, w("a", 1)), row(2, 5, 6, r("a", 1)))
    )
    assert findings.anomalies == ()
    (doubt,) = findings.doubts
    assert doubt[:2] == ("evidence", "T0 and T1 both wrote 1 to a: a read of it may be of either")


def test_a_client_in_two_transactions_at_once_makes_doubt() -> None:
    """A history whose client overlaps itself is no evidence for a pass."""
    findings = check_write_skew(history(row(0, 1, 5, r("a")), row(0, 3, 6, r("a"))))
    assert [doubt.reason for doubt in findings.doubts] == ["evidence"]
    assert judge(findings, "serializable").outcome == Outcome.UNKNOWN


def test_too_few_contended_pairs_are_vacuous() -> None:
    """One pair without write skew proves nothing."""
    verdict = judge(check_write_skew(history(SKEW[0], row(1, 2, 7, r("a", 1), r("b")))), "serializable")
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "vacuous")
    assert [one[:2] for one in verdict.findings.evidence] == [("contended pairs", 1), ("keys taken", 1)]


def test_the_fingerprint_names_the_shape_and_the_witness_the_instance() -> None:
    """The same skew on other keys has the same fingerprint and another witness."""
    (one,) = check_write_skew(history(*SKEW)).anomalies
    other = (row(0, 1, 6, r("c"), r("d"), w("c", 8)), row(1, 2, 7, r("c"), r("d"), w("d", 9)))
    (two,) = check_write_skew(history(*other)).anomalies
    assert one.fingerprint == two.fingerprint
    assert one.witness != two.witness


def _scan(found: dict[str, int]) -> Op:
    return Op("scan", ("g", "h"), found)


def test_two_range_reads_that_missed_each_others_insert_are_a_predicate_skew() -> None:
    """The steps of a predicate skew are predicate anti-dependencies with the missed key and its value."""
    rows = (row(0, 1, 6, _scan({}), w("g1", 1)), row(1, 2, 7, _scan({}), w("g2", 2)))
    (found,) = check_predicate_skew(history(*rows)).anomalies
    assert (found.name, found.txns, found.refutes) == ("G2", (0, 1), ("serializable",))
    assert [(*step[:5], step.predicate) for step in found.steps] == [
        ("rw", 0, 1, "g2", 2, True),
        ("rw", 1, 0, "g1", 1, True),
    ]
    assert found.steps[0].sentence == (
        "T0 scanned g to h and did not find g2, before T1 inserted it. So T0 comes before T1."
    )


def test_an_insert_outside_the_range_is_missed_by_nobody() -> None:
    """The upper bound does not belong to the range, nor does anything below the lower one."""
    for outside in ("h", "f9"):
        rows = (row(0, 1, 6, _scan({}), w("g1", 1)), row(1, 2, 7, _scan({}), w(outside, 2)))
        assert check_predicate_skew(history(*rows)).anomalies == ()


def test_a_range_read_that_found_the_insert_is_no_predicate_skew() -> None:
    """One direction alone is no cycle."""
    rows = (row(0, 1, 3, _scan({}), w("g1", 1)), row(1, 2, 7, _scan({"g1": 1}), w("g2", 2)))
    assert check_predicate_skew(history(*rows)).anomalies == ()


def test_prefixes_are_ranges_too() -> None:
    """A scan of a prefix covers exactly the keys that begin with it."""
    rows = [row(i, 1 + i, 6 + i, Op("scan", "g", {}), w(f"g{i}", i)) for i in range(2)]
    assert [one.name for one in check_predicate_skew(history(*rows)).anomalies] == ["G2"]
    rows[1] = row(1, 2, 7, Op("scan", "g", {}), w("h1", 1))
    assert check_predicate_skew(history(*rows)).anomalies == ()


def test_a_scan_that_returned_an_aborted_insert_is_g1a() -> None:
    """What a scan returned is read like anything else."""
    rows = (row(0, 1, 2, w("g1", 1), status=Status.ABORTED), row(1, 3, 4, _scan({"g1": 1})))
    assert [one.name for one in check_predicate_skew(history(*rows)).anomalies] == ["G1a"]


def test_bounds_that_cannot_be_compared_make_doubt() -> None:
    """A range of which nobody knows what lies in it is told, not guessed."""
    rows = (row(0, 1, 2, Op("scan", (1, "h"), {}), w("g1", 1)),)
    findings = check_predicate_skew(history(*rows))
    assert [doubt.reason for doubt in findings.doubts] == ["evidence"]
