"""What the drawings are computed from: marks of edges, time, windows, levels."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import report_samples as samples
from report_samples import txn

from harness.build import build_history
from harness.history import UNSEEN, Fault, Op, Status, Txn
from harness.level import LEVELS, implied_by
from harness.verdict import Anomaly, Step
from reports.carried import carried, circled, witness_txns
from reports.clock import clock_of
from reports.cycle_svg import DRAWN_MAX, cycle_svg
from reports.overall import overall
from reports.proof import LongestReads, proof
from reports.rail import Standing, off_rail, rail, standing
from reports.series import quantiles, series
from reports.timeline_svg import timeline


def test_marks_stand_at_the_operations_that_carry_the_edge() -> None:
    """An rw edge is carried by the read and the missed write, a wr edge by the write and the read that saw it."""
    history = build_history(
        [
            txn(0, 0, 9, Op("r", "x", [1]), Op("append", "y", 5), Op("append", "y", 6)),
            txn(1, 1, 8, Op("r", "y", [4]), Op("append", "x", 2), Op("r", "x", [1, 2])),
        ]
    )
    steps = (Step("rw", 0, 1, "x", 2, ""), Step("rw", 1, 0, "y", 5, ""))
    anomaly = Anomaly(name="G2-item", txns=(0, 1), steps=steps, refutes=(), sentence="")
    marks = carried(witness_txns(history, anomaly), anomaly)
    assert marks == {(0, 0): (1,), (1, 1): (1,), (1, 0): (2,), (0, 1): (2,)}


def test_marks_tell_values_of_different_types_apart() -> None:
    """Key 1 is not key True and not key "1"."""
    history = build_history(
        [txn(0, 0, 1, Op("w", 1, 7), Op("w", "1", 7), Op("w", True, 7)), txn(1, 2, 3, Op("r", 1, 7))]
    )
    anomaly = Anomaly(name="x", txns=(0, 1), steps=(Step("wr", 0, 1, 1, 7, ""),), refutes=(), sentence="")
    assert carried(witness_txns(history, anomaly), anomaly) == {(0, 0): (1,), (1, 0): (1,)}


def test_a_range_read_carries_a_predicate_edge() -> None:
    """A scan that did not find a key is the read of a predicate edge; session edges are carried by nothing."""
    history = build_history([txn(0, 0, 5, Op("scan", ("a", "f"), {})), txn(1, 1, 4, Op("w", "b", 1))])
    steps = (Step("rw", 0, 1, "b", 1, "", predicate=True), Step("session", 1, 0, None, None, ""))
    anomaly = Anomaly(name="G2", txns=(0, 1), steps=steps, refutes=(), sentence="")
    assert carried(witness_txns(history, anomaly), anomaly) == {(0, 0): (1,), (1, 0): (1,)}


def test_numbers_in_circles_run_out_at_ten() -> None:
    """Beyond the circled figures that common fonts have a number stands in brackets."""
    assert circled((1, 2, 10, 11)) == "①②⑩(11)"


def test_the_longest_read_is_a_committed_one() -> None:
    """An aborted transaction's longer read does not show the order of a key."""
    history = build_history(
        [
            txn(0, 0, 1, Op("r", "x", [1, 2])),
            txn(1, 2, 3, Op("r", "x", [1, 2, 3, 4]), status=Status.ABORTED),
            txn(2, 4, 5, Op("r", "x", [1, 2, 3])),
            txn(2, 6, 7, Op("r", "y", UNSEEN)),
        ]
    )
    longest = LongestReads(history)
    assert longest.of("x", {0: history.txn(0)}) == (2, [1, 2, 3])
    assert longest.of("y", {3: history.txn(3)}) is None
    assert longest.of("z", {0: history.txn(0)}) is None


def test_an_unknown_transaction_without_an_end_does_not_stretch_the_clock() -> None:
    """Time ends where something surely ended; an open end is written as such."""
    history = build_history(
        [txn(0, 0, 250), Txn(0, 1, (), Status.UNKNOWN, 10_000_000, 2**63 - 1)], faults=[Fault("kill", 0, 300_000_000)]
    )
    clock = clock_of(history)
    assert (clock.low, clock.high, clock.unit) == (0, 300_000_000, "s")
    assert clock.between(10_000_000, 2**63 - 1) == "0.010–… s"
    assert clock.ticks() == [
        (0, "0.0 s"),
        (100_000_000, "0.1 s"),
        (200_000_000, "0.2 s"),
        (300_000_000, "0.3 s"),
    ]


@pytest.mark.parametrize(
    ("kind", "at"), [("steps", "step 12"), ("positions", "position 12"), ("nanoseconds", "12.0 ns")]
)
def test_each_clock_has_its_words(kind: str, at: str) -> None:
    """Steps and positions are not written as if they were time."""
    history = build_history([Txn(0, 0, (), Status.OK, 0, 90)], samples.info(clock=kind))
    assert clock_of(history).at(12) == at


def test_latency_and_throughput_are_counted_per_window() -> None:
    """Ten commits of 1 to 10 ms in one second are two windows; an abort counts for neither latency nor commits."""
    txns = [txn(0, 100 * i, 100 * i + i + 1) for i in range(10)]
    txns.append(txn(1, 0, 1000, status=Status.ABORTED))
    history = build_history(txns, samples.info())
    found = series(history, clock_of(history))
    assert [one.name for one in found] == [
        "Latency, median",
        "Latency, 95th percentile",
        "Committed",
        "Aborted or unknown",
    ]
    assert [one.values.tolist() for one in found] == [[3.0, 8.0], [5.0, 10.0], [10.0, 10.0], [0.0, 2.0]]
    assert quantiles(history)[0] == ("median", 5.5)
    assert quantiles(history)[-1] == ("longest", 10.0)


def test_a_window_without_commits_is_a_gap() -> None:
    """Nothing committed: the latency is missing there, and not zero."""
    txns = [txn(0, i, i + 1) for i in range(10)] + [txn(0, 990 + i, 991 + i) for i in range(10)]
    median = series(build_history(txns, samples.info()), clock_of(build_history(txns, samples.info())))[0]
    assert np.isnan(median.values).tolist() == [False, True, True, False]


def test_a_history_without_real_time_has_no_series() -> None:
    """Steps have no latency."""
    history = samples.invariant_run().history
    assert series(history, clock_of(history)) == ()


def test_density_counts_every_transaction() -> None:
    """The heights of a row are the numbers of transactions that began: all in the first bucket is one full step."""
    history = build_history([txn(0, 0, 160, Op("w", "x", 1)) for _ in range(3)], samples.info())
    drawn = timeline(history, {}, clock_of(history), bars=False, name="n")
    assert not drawn.bars
    assert drawn.labels == ("0",)
    assert 'd="M0 20H0V0H1V20H160V20z"' in str(drawn.drawing)
    assert drawn.note.startswith("All 3 transactions with 3 operations, as density and not a bar each")


def test_a_burst_does_not_flatten_the_density() -> None:
    """Two hundred transactions at once beside two at a time: the height is full at two, and the cut is said."""
    txns = [txn(0, 0, 1) for _ in range(200)] + [txn(0, 10 * i, 10 * i + 1) for i in range(1, 160) for _ in range(2)]
    history = build_history(txns, samples.info())
    drawn = timeline(history, {}, clock_of(history), bars=False, name="n")
    assert "full at 2, cut where it is more, which is 200 at the most." in drawn.note


@pytest.mark.parametrize("expected", LEVELS)
def test_every_rail_is_a_chain_with_the_expected_level(expected: str) -> None:
    """Each level on a rail is implied by the next, at most seven of them, the expected one among them."""
    for refuted in ((), ("repeatable-read",), ("consistent-view", "repeatable-read"), ("strong-snapshot-isolation",)):
        run = samples.run_of(
            samples.cycle_history(samples.info(), ("rw", "rw")),
            *([samples.cycle(samples.info(), "x", ("rw", "rw"), refuted)] if refuted else []),
        )
        stops = rail(standing([overall(run)], expected))
        assert 1 <= len(stops) <= 7
        assert [stop.expected for stop in stops].count(True) == 1
        for weaker, stronger in itertools.pairwise(stops):
            assert weaker.level in implied_by(stronger.level)


def test_the_rail_shows_what_stands_below_the_expected_level() -> None:
    """Strong snapshot isolation stands beside serializable, not below it: snapshot isolation is on the line."""
    run = samples.run_of(
        samples.cycle_history(samples.info(), ("rw", "rw")),
        samples.cycle(samples.info(), "G2-item", ("rw", "rw"), ["repeatable-read"]),
        searched=["strong-snapshot-isolation", "repeatable-read"],
    )
    place = standing([overall(run)], "serializable")
    assert {stop.level: stop.state for stop in rail(place)}["snapshot-isolation"] == "not refuted"
    assert off_rail(place) == (
        "Not on this line, refuted: repeatable-read. Not on this line, not refuted: strong-snapshot-isolation."
    )


def test_nothing_is_observed_where_nothing_was_vouched_for() -> None:
    """A vacuous or doubtful run leaves levels unrefuted, but observes none."""
    for run in (samples.vacuous_run(), samples.doubtful_run()):
        place = standing([overall(run)], "serializable")
        assert place.state("serializable") == "not refuted"
    assert Standing("serializable", (), (), frozenset()).state("serializable") == "not searched"


def test_no_label_of_a_cycle_is_cut_off() -> None:
    """However long a key is, its label lies within the drawing."""
    about = samples.info()
    anomaly: Anomaly = samples.cycle(about, "G2-item", ("rw", "rw"), ["repeatable-read"], key="a-long-name-")
    history = samples.cycle_history(about, ("rw", "rw"), key="a-long-name-")
    drawing = cycle_svg({row: history.txn(row) for row in (0, 1)}, anomaly, {}, "n")
    pills = re.findall(r'<rect class="pill" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', str(drawing))
    assert len(pills) == 2
    assert all(float(x) >= 0 and float(x) + float(width) <= 420 for x, width in pills)


def test_a_card_of_the_largest_drawing_has_room_for_its_operations() -> None:
    """Where the numbers of edges stand in brackets, each operation is still told with its key."""
    about, kinds = samples.info(), ("rw",) * DRAWN_MAX
    anomaly = samples.cycle(about, "G2-item", kinds, ["repeatable-read"])
    history = samples.cycle_history(about, kinds)
    txns = {row: history.txn(row) for row in range(DRAWN_MAX)}
    drawing = str(cycle_svg(txns, anomaly, carried(txns, anomaly), "n"))
    assert {f"r k{edge} → [" for edge in range(DRAWN_MAX)} <= set(re.findall(r">(r k\d+ → \[)", drawing))
    assert "(11)" in drawing


def test_of_very_many_operations_those_of_the_first_edges_are_listed() -> None:
    """Of 72 the two of each of the first thirty edges are shown, and the others counted."""
    about, kinds = samples.info(), ("rw",) * 36
    anomaly = samples.cycle(about, "G2-item", kinds, ["repeatable-read"])
    group = overall(samples.run_of(samples.cycle_history(about, kinds), anomaly)).groups[0]
    history = samples.cycle_history(about, kinds)
    told = proof(history, group, "a", clock_of(history), LongestReads(history), drawn=True)
    assert {row.edges for row in told.operations} == {circled((edge,)) for edge in range(1, 31)}
    assert "12 further operations, of later edges or none, not listed." in told.left_out
