"""The long-fork and set checkers on histories made by hand."""

from __future__ import annotations

from dataclasses import replace

from checkers.invariants.long_fork import check_long_fork
from checkers.invariants.set_full import check_set_full
from harness.history import Status
from harness.verdict import Outcome, judge
from tests.checkers.rows import history, r, row, w

WRITES = (row(0, 1, 5, w("x", 1)), row(1, 2, 5, w("y", 2)))
FORK = (row(2, 3, 8, r("x", 1), r("y")), row(3, 4, 8, r("x"), r("y", 2)))


def test_readers_that_disagree_on_an_order_are_a_long_fork_of_four() -> None:
    """The cycle leads from a writer to its reader, to the writer that this one missed, and back the same way."""
    (found,) = check_long_fork(history(*WRITES, *FORK)).anomalies
    assert (found.name, found.txns, found.count) == ("long-fork", (0, 2, 1, 3), 1)
    assert [step[:5] for step in found.steps] == [
        ("wr", 0, 2, "x", 1),
        ("rw", 2, 1, "y", 2),
        ("wr", 1, 3, "y", 2),
        ("rw", 3, 0, "x", 1),
    ]
    assert found.sentence == (
        "T2 saw T0's x without T1's y, and T3 saw T1's y without T0's x: they cannot agree on which came first."
    )


def test_readers_that_agree_are_no_long_fork() -> None:
    """Both saw x first, or one saw both."""
    for second in (row(3, 4, 8, r("y"), r("x", 1)), row(3, 4, 8, r("y", 2), r("x", 1))):
        assert check_long_fork(history(*WRITES, FORK[0], second)).anomalies == ()


def test_a_fork_is_found_behind_a_reader_that_wrote_too() -> None:
    """Who saw x and then wrote y itself is no reader of a fork, and hides none."""
    writer = row(1, 2, 5, r("x", 1), r("y"), w("y", 2))
    (found,) = check_long_fork(history(WRITES[0], writer, *FORK)).anomalies
    assert (found.txns, found.count) == ((0, 2, 1, 3), 1)
    assert check_long_fork(history(WRITES[0], writer, FORK[1])).anomalies == ()


def test_readers_that_were_refused_fork_nothing() -> None:
    """What an aborted or unknown reader saw does not count."""
    for status in (Status.ABORTED, Status.UNKNOWN):
        assert check_long_fork(history(*WRITES, FORK[0], FORK[1]._replace(status=status))).anomalies == ()


def test_unknown_writers_that_were_read_fork_all_the_same() -> None:
    """A reader's committed read proves that its writer took effect."""
    unknown = [one._replace(status=Status.UNKNOWN) for one in WRITES]
    assert [one.name for one in check_long_fork(history(*unknown, *FORK)).anomalies] == ["long-fork"]


def test_one_transaction_that_wrote_both_keys_is_no_long_fork() -> None:
    """Two readers that each saw one half of a single transaction show another anomaly, not this one."""
    assert check_long_fork(history(row(0, 1, 5, w("x", 1), w("y", 2)), *FORK)).anomalies == ()


ADD = row(0, 1, 2, w("e", 1))


def test_an_acknowledged_element_missing_at_the_end_is_lost() -> None:
    """The witness is the addition and the last read that misses it."""
    (found,) = check_set_full(history(ADD, row(1, 3, 4, r("e")))).anomalies
    assert (found.name, found.txns) == ("lost-element", (0, 1))
    assert [step.kind for step in found.steps] == ["realtime", "rw"]
    assert found.sentence == "e is missing from T1's read, although T0 had written it and was acknowledged before."
    assert found.refutes == ("strong-snapshot-isolation",)
    assert found.details == ("The longest time after which a known element was still missing is 1 nanoseconds.",)


def test_an_element_that_is_found_again_was_read_stale() -> None:
    """A miss before a later find is a stale read, and within one session one of that session."""
    again = row(2, 5, 6, r("e", 1))
    (found,) = check_set_full(history(ADD, row(1, 3, 4, r("e")), again)).anomalies
    assert found.name == "G-single-item-realtime"
    (found,) = check_set_full(history(ADD, row(0, 3, 4, r("e")), again)).anomalies
    assert (found.name, [step.kind for step in found.steps]) == ("G-single-item-process", ["session", "rw"])


def test_a_session_has_an_order_without_times() -> None:
    """A client that misses its own addition is wrong where its transactions touch, or share one interval."""
    touching = history(ADD, row(0, 2, 4, r("e")))
    shared = history(row(0, 1, 2, w("e", 1)), row(0, 1, 2, r("e")))
    for made in (touching, replace(shared, info=replace(shared.info, clock="sessions"))):
        (found,) = check_set_full(made).anomalies
        assert (found.name, found.txns, found.details) == ("G-single-item-process", (0, 1), ())
        assert found.steps[0].sentence == "client 0 ran T0 before T1."


def test_a_read_that_overlaps_the_addition_may_miss_it() -> None:
    """Only a read that began after the acknowledgement can be wrong."""
    assert check_set_full(history(ADD, row(1, 2, 4, r("e")))).anomalies == ()


def test_an_unknown_element_may_be_missing_until_somebody_saw_it() -> None:
    """Once a committed read has seen an element it is in the set for good."""
    unknown = ADD._replace(status=Status.UNKNOWN)
    missing = row(2, 6, 7, r("e"))
    assert check_set_full(history(unknown, missing)).anomalies == ()
    (found,) = check_set_full(history(unknown, row(1, 3, 4, r("e", 1)), missing)).anomalies
    assert (found.name, found.txns) == ("lost-element", (0, 1, 2))
    assert [step.kind for step in found.steps] == ["wr", "realtime", "rw"]


def test_an_aborted_element_that_comes_back_is_g1a() -> None:
    """A refused addition must stay out."""
    found = check_set_full(history(ADD._replace(status=Status.ABORTED), row(1, 3, 4, r("e", 1)))).anomalies
    assert [one.name for one in found] == ["G1a"]


def test_a_pass_needs_every_acknowledged_element_read_back() -> None:
    """A final read that did not reach an element leaves the verdict open."""
    more = [row(0, 10 + place, 10 + place, w(f"g{place}", 10 + place)) for place in range(8)]
    read = row(1, 30, 31, r("e", 1), *(r(f"g{place}", 10 + place) for place in range(8)))
    rows = (ADD, row(0, 3, 4, w("f", 2)), *more, read)
    verdict = judge(check_set_full(history(*rows)), "strict-serializable")
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "vacuous")
    assert verdict.findings.evidence[-1][:2] == ("elements never read after their acknowledgement", 1)
    verdict = judge(check_set_full(history(*rows, row(1, 37, 38, r("f", 2)))), "strict-serializable")
    assert verdict.outcome == Outcome.PASS
