"""The bank and counter checkers on histories made by hand."""

from __future__ import annotations

from checkers.invariants.bank import check_bank
from checkers.invariants.counter import check_counter
from harness.history import UNSEEN, Status
from tests.checkers.rows import history, r, row, w

DEPOSIT = row(0, 1, 2, w("a", "50#d"), w("b", "50#d"))
TRANSFER = row(1, 3, 9, r("a", "50#d"), r("b", "50#d"), w("a", "45#1"), w("b", "55#1"))


def test_a_read_of_half_a_transfer_is_a_wrong_total_with_all_accounts_as_details() -> None:
    """The details tell which half of which transfer was seen, and every balance with its writer."""
    (found,) = check_bank(history(DEPOSIT, TRANSFER, row(2, 4, 8, r("a", "50#d"), r("b", "55#1")))).anomalies
    assert (found.name, found.txns, found.steps) == ("wrong-total", (2,), ())
    assert found.sentence == "T2 read all 2 accounts and found 105; 100 were paid in."
    assert found.details == (
        "T2 saw b as T1 left it, and a as T1 found it.",
        "a: 50#d, written by T0",
        "b: 55#1, written by T1",
    )
    assert found.refutes == ("consistent-view", "repeatable-read")


def test_consistent_totals_accuse_nobody() -> None:
    """Reads before and after a transfer add up alike."""
    rows = (row(2, 4, 5, r("b", "50#d"), r("a", "50#d")), row(2, 10, 11, r("a", "45#1"), r("b", "55#1")))
    findings = check_bank(history(DEPOSIT, TRANSFER, *rows))
    assert (findings.anomalies, findings.doubts) == ((), ())


def test_two_transfers_from_one_version_lost_an_update() -> None:
    """Both transactions replaced the version that both had read: each step is an anti-dependency."""
    other = row(2, 4, 8, r("a", "50#d"), r("b", "50#d"), w("a", "49#2"), w("b", "51#2"))
    (found,) = check_bank(history(DEPOSIT, TRANSFER, other)).anomalies
    assert (found.name, found.txns, found.count) == ("lost-update", (1, 2), 2)
    assert [step[:5] for step in found.steps] == [("rw", 1, 2, "a", "49#2"), ("rw", 2, 1, "a", "45#1")]


def test_an_unknown_transfer_that_nobody_read_lost_nothing() -> None:
    """Whether an unknown transaction updated anything is not known."""
    other = row(2, 4, 8, r("a", "50#d"), r("b", "50#d"), w("a", "49#2"), w("b", "51#2"), status=Status.UNKNOWN)
    assert check_bank(history(DEPOSIT, TRANSFER, other)).anomalies == ()


def test_without_a_known_deposit_totals_are_doubted() -> None:
    """A missing initial state is told as doubt about the evidence, and no total is wrong."""
    rows = (row(2, 4, 8, r("a", "50#d"), r("b", "55#1")),)
    for deposit in ((), (DEPOSIT._replace(status=Status.ABORTED),), (DEPOSIT, row(3, 12, 13, w("a", "7#x")))):
        findings = check_bank(history(*deposit, TRANSFER, *rows, cut="the log is torn"))
        assert "wrong-total" not in [one.name for one in findings.anomalies]
        assert findings.doubts[0][:2] == (
            "evidence",
            f"{len(deposit) if len(deposit) == 2 else 0} transactions are known to have paid deposits in, not one",
        )


def test_all_accounts_empty_after_the_deposit_is_wrong_in_real_time_only() -> None:
    """A reader that found nothing at all may precede the deposit, unless that had ended before it began."""
    nothing = row(2, 4, 8, r("a"), r("b"))
    (found,) = check_bank(history(DEPOSIT, nothing)).anomalies
    assert (found.name, found.txns) == ("G-single-item-realtime", (0, 1))
    assert [step.kind for step in found.steps] == ["realtime", "rw"]
    assert check_bank(history(DEPOSIT, nothing._replace(start=2))).anomalies == ()


def test_one_account_empty_is_a_wrong_total() -> None:
    """Of a deposit in one transaction half cannot be missing."""
    (found,) = check_bank(history(DEPOSIT, row(2, 4, 8, r("a", "50#d"), r("b")))).anomalies
    assert (found.name, found.sentence) == ("wrong-total", "T1 read all 2 accounts and found 50; 100 were paid in.")


def test_a_transfer_that_makes_money_is_the_clients_fault() -> None:
    """Where transfers do not balance, totals prove nothing."""
    greedy = row(1, 3, 9, r("a", "50#d"), r("b", "50#d"), w("a", "50#1"), w("b", "55#1"))
    assert [doubt.sentence for doubt in check_bank(history(DEPOSIT, greedy)).doubts] == [
        "T1 does not put back what it takes"
    ]
    assert check_bank(history(DEPOSIT, greedy._replace(status=Status.ABORTED))).doubts == ()


def test_hostile_balances_are_garbage_and_no_crash() -> None:
    """Balances that are no numbers are values that nobody wrote."""
    for value in ("x" * 9999, "9" * 400 + "#1", 5, 1.5, b"\xff", True, "\x1b[31m#"):
        names = [
            one.name for one in check_bank(history(DEPOSIT, row(2, 4, 8, r("a", value), r("b", "50#d")))).anomalies
        ]
        assert names == ["garbage-read"]


def test_an_empty_history_is_doubted() -> None:
    """Nothing happened, so nothing is known."""
    assert [doubt.reason for doubt in check_bank(history()).doubts] == ["evidence"]
    assert check_counter(history()).anomalies == ()


ONE = row(0, 1, 4, r("n"), w("n", "1#a"))
TWO = row(1, 2, 5, r("n"), w("n", "1#b"))


def test_two_increments_of_one_version_are_a_lost_update_and_a_lost_increment() -> None:
    """Both increments were acknowledged and the counter moved by one."""
    update, increment = check_counter(history(ONE, TWO, row(0, 6, 7, r("n", "1#b")))).anomalies
    assert (update.name, update.txns, update.count) == ("lost-update", (0, 1), 1)
    story = "n: 2 increments were acknowledged before T2 began, 2 can have happened in all, and T2 read 1."
    assert update.details == (story,)
    assert (increment.name, increment.txns, increment.sentence) == ("lost-increment", (2,), story)
    assert increment.refutes == ("strong-snapshot-isolation",)


def test_a_read_that_began_before_the_acknowledgement_may_miss_an_increment() -> None:
    """Intervals are closed: a reader that began at the very end of the increment may precede it."""
    late = row(1, 5, 6, r("n"))
    assert [one.name for one in check_counter(history(ONE, late)).anomalies] == ["lost-increment"]
    assert check_counter(history(ONE, late._replace(start=4))).anomalies == ()


def test_unknown_increments_may_be_in_the_number_or_not() -> None:
    """With one increment acknowledged and one unknown the counter may say 1 or 2."""
    unknown = row(1, 5, 6, r("n", "1#a"), w("n", "2#b"), status=Status.UNKNOWN)
    for seen in ("1#a", "2#b"):
        assert check_counter(history(ONE, unknown, row(0, 7, 8, r("n", seen)))).anomalies == ()


def test_a_counter_beyond_all_increments_is_an_extra_increment() -> None:
    """The aborted increment took effect: it is read, and the number is too high."""
    aborted = row(1, 5, 6, r("n", "1#a"), w("n", "2#b"), status=Status.ABORTED)
    found = check_counter(history(ONE, aborted, row(0, 7, 8, r("n", "2#b")))).anomalies
    assert [one.name for one in found] == ["extra-increment", "G1a"]
    assert found[0].sentence == (
        "n: 1 increments were acknowledged before T2 began, 1 can have happened in all, and T2 read 2."
    )


def test_a_value_that_a_lost_record_may_have_written_is_not_garbage() -> None:
    """A write whose content was never recorded may be what a later transaction read."""
    hidden = row(1, 5, 6, r("n", "1#a"), w("n", UNSEEN), status=Status.UNKNOWN)
    assert check_counter(history(ONE, hidden, row(0, 7, 8, r("n", "2#b")))).anomalies == ()


def test_a_cut_history_has_no_extra_increments() -> None:
    """The increments that are missing from the record may be what makes the number high."""
    assert check_counter(history(ONE, row(0, 7, 8, r("n", "9#z")), cut="the log is torn")).anomalies == ()


def test_a_write_that_is_no_increment_is_doubted() -> None:
    """A counter set to something else is not what this checker understands."""
    assert [doubt.sentence for doubt in check_counter(history(row(0, 1, 2, w("n", "5#a")))).doubts] == [
        "T0's write of n does not add one to it"
    ]
