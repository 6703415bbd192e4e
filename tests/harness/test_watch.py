"""A judge that goes along with a run: what it is shown, when, and what it can end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_targets import mixed, workload
from small_runs import perform

from harness.history import Op, RunInfo, Status, Txn
from harness.recorder import Lease, Recorder, read_history, step_clock
from harness.watch import Glance, Watch

BOTH = pytest.mark.parametrize("schedule", ["steps", "threads"])


class Judge:
    """Keeps every glance; wants one each `every` transactions, and says what `says` returns."""

    def __init__(self, says: Callable[[Glance], str] = lambda glance: "", every: int = 10, follows: bool = True):
        self.glances: list[Glance] = []
        self.due = every
        self.follows = follows
        self._every = every
        self._says = says

    def look(self, glance: Glance) -> str:
        self.glances.append(glance)
        self.due = glance.ended + self._every
        return self._says(glance)


def ended(start: int, end: int) -> Txn:
    return Txn(-1, 0, (), Status.OK, start, end)


def test_the_watermark_is_the_start_of_the_oldest_open_transaction() -> None:
    """Nothing that ends later started before it; without anything open it is the latest end."""
    watch = Watch(Judge())
    watch.begun("a", 1)
    watch.begun("b", 2)
    watch.closed("a")
    watch.took_place(ended(1, 5))
    first = watch.glance(100)
    assert (first.watermark, first.ended, first.log_bytes) == (2, 1, 100)
    assert [txn.id for txn in first.txns] == [0]
    watch.begun("b", 7)  # What b began before was never asked for anything.
    assert watch.glance(100).watermark == 7
    watch.closed("b")
    watch.took_place(ended(7, 9))
    last = watch.glance(200)
    assert (last.watermark, last.ended, [txn.id for txn in last.txns]) == (9, 2, [1])


def test_a_judge_that_does_not_follow_is_shown_no_transactions() -> None:
    """They are counted all the same."""
    watch = Watch(Judge(follows=False, every=2))
    watch.took_place(ended(1, 2))
    assert not watch.due
    watch.took_place(ended(3, 4))
    assert watch.due
    glance = watch.glance(0)
    assert (glance.txns, glance.ended) == ((), 2)


def test_a_judge_that_begins_to_follow_misses_nothing_that_ended_while_it_looked() -> None:
    """What ended after a glance is shown in the next one; for a judge that does not follow nothing of it is kept."""
    judge = Judge(follows=False)
    watch = Watch(judge)
    for follows in (True, False):
        watch.glance(0)
        watch.took_place(ended(1, 2))
        judge.follows = follows
        watch.looked()
        assert len(watch.glance(0).txns) == follows


def test_a_glance_is_the_log_at_one_moment(tmp_path: Path) -> None:
    """What is read of the log up to a glance's bytes is what ended until then, and what was about to commit."""
    log = Recorder(tmp_path / "events.log", RunInfo(), step_clock(), Watch(Judge()))
    leases = [Lease(number) for number in range(3)]
    for lease in leases:
        attempt = log.begin(lease)
        attempt.ask(Op("append", "x", lease.client))
        attempt.answer(Op("append", "x", lease.client), None)
    for lease in leases[:2]:
        log.intend(lease)
    log.finish(leases[0], Status.OK)
    glance = log.glance()
    log.finish(leases[1], Status.OK)
    log.revoke(leases[2], "gave up")
    log.end()
    assert [(txn.client, txn.ops) for txn in glance.txns] == [(0, (Op("append", "x", 0),))]
    assert glance.watermark == 2
    until_then = read_history(tmp_path / "events.log", bytes_max=glance.log_bytes)
    assert [(txn.client, txn.status) for txn in until_then.txns()] == [(0, Status.OK), (1, Status.UNKNOWN)]
    assert until_then.cut
    assert [txn.status for txn in read_history(tmp_path / "events.log").txns()][1:] == [Status.OK, Status.UNKNOWN]


@BOTH
def test_what_the_glances_show_is_the_history(tmp_path: Path, schedule: str) -> None:
    """All transactions of the programs, once each, none that started before an earlier watermark."""
    judge = Judge(every=5)
    work = workload(programs=mixed)
    outcome = perform(tmp_path, work, schedule=schedule, txns=100, op_timeout_s=20.0, clients=4, companion=judge)
    shown = [txn for glance in judge.glances for txn in glance.txns]
    recorded = {(txn.client, txn.start): txn for txn in outcome.history.txns()}
    assert len(shown) >= 95 if schedule == "steps" else shown
    assert [txn.id for txn in shown] == list(range(len(shown)))
    assert all(recorded[txn.client, txn.start]._replace(id=txn.id) == txn for txn in shown)
    for number, glance in enumerate(judge.glances):
        assert all(txn.start >= glance.watermark for later in judge.glances[number + 1 :] for txn in later.txns)
    assert (outcome.stopped, outcome.trouble) == ("", "")


@BOTH
def test_a_sentence_ends_the_run(tmp_path: Path, schedule: str) -> None:
    """Open transactions finish, nothing more is drawn, the finale is left out, and the history is whole."""
    judge = Judge(lambda glance: "enough" if glance.ended >= 20 else "")
    work = workload(programs=mixed, finale=mixed)
    outcome = perform(tmp_path, work, schedule=schedule, txns=100_000, op_timeout_s=20.0, clients=4, companion=judge)
    assert (outcome.stopped, outcome.trouble, outcome.interrupted, outcome.history.cut) == ("enough", "", False, "")
    last = judge.glances[-1].ended
    assert last <= len(outcome.history) if schedule == "threads" else last <= len(outcome.history) <= last + 4
    assert max(txn.client for txn in outcome.history.txns()) < 4


def test_a_judge_that_takes_its_time_is_no_hang(tmp_path: Path) -> None:
    """In steps the only thread waits for the judge; the watchdog knows that."""

    def slow(glance: Glance) -> str:
        time.sleep(0.5)
        return ""

    outcome = perform(
        tmp_path, workload(programs=mixed), schedule="steps", txns=30, op_timeout_s=0.2, companion=Judge(slow)
    )
    assert outcome.trouble == ""
    assert len(outcome.history) == 30
