"""The measurements of judging: what counts as missed, and whose memory is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.checking import Measurement, assert_found, held, make, measure
from benchmarks.goals import within
from benchmarks.histories import PLANTS, list_append_history, plant
from benchmarks.process import megabytes, run_anomalist
from benchmarks.reading import etcd_logs
from benchmarks.registers import random_history, serializable_findings
from benchmarks.rows import Goal, Row


def test_a_bound_is_kept_or_missed_or_not_promised() -> None:
    """A figure at the bound keeps it, one above it has missed it, and without a bound nothing is shown."""
    assert within(2.0, 2.0) == (True, "<= 2")
    assert within(2.1, 2.0) == (False, "[red]<= 2 missed[/]")
    assert within(9e9, None) == (True, "")


def test_a_process_is_measured_alone() -> None:
    """The largest size of a command is its own, not that of the larger process that started it."""
    ballast = bytearray(b"x") * 200_000_000
    used = run_anomalist(["--version"])
    assert megabytes() > len(ballast) / 1e6
    assert (used.exit_code, used.output.split()[0]) == (0, b"anomalist")
    assert 5 < used.peak_megabytes < 150
    assert 0 < used.cpu_seconds < 100


def test_a_row_must_find_what_was_planted_and_nothing_else(tmp_path: Path) -> None:
    """A sealed history is measured with all that was planted in it; any other name is an accusation."""
    row = Row("small", lambda: plant(list_append_history(600), 6), "list-append", names=(*PLANTS, "lost-append"))
    planted = make(row, tmp_path)
    found = measure(row, tmp_path)
    assert (found.txns, len(planted), found.doubts) == (600 + sum(map(len, PLANTS.values())), 6, [])
    assert_found(row, found, planted)
    with pytest.raises(AssertionError, match=r"accused of \['lost-append'\]"):
        assert_found(row._replace(names=tuple(PLANTS)), found, planted)


def test_what_was_not_decided_has_missed_its_goal() -> None:
    """A row within its bounds is reached, and not where a bound is missed or a level stayed open."""
    row = Row("small", lambda: (random_history(10), ()), "serializable", Goal(1.0, 100))
    warm = Measurement(10, 0.5, 1.0, 100.0, [], [])
    assert held(row, warm, warm) == (
        True,
        ["small", "0.50", "1.00", "<= 1", "100000.00", "1.00", "100", "<= 100", "0", ""],
    )
    assert not held(row, warm, replace(warm, judge_seconds=1.1))[0]
    assert not held(row, warm, replace(warm, peak_megabytes=101.0))[0]
    reached, cells = held(row, warm, replace(warm, doubts=["not decided within 10 steps"]))
    assert (reached, cells[8]) == (False, "[red]1 open[/]")


def test_the_solver_alone_proves_what_is_out_of_order() -> None:
    """Its answer about a correct history is a certificate of serializability."""
    (certificate,) = serializable_findings(random_history(20, reads=0.5)).certificates
    assert certificate.level == "serializable"


def test_logs_that_are_not_there_are_no_row(tmp_path: Path) -> None:
    """Without the folder of recorded logs there is nothing to measure; with it, every log has its outcome."""
    assert etcd_logs(tmp_path / "linearizability") == []
    (tmp_path / "expected.json").write_text('{"etcd": {"a.log": true, "b.log": false}, "kv": {}}')
    (row,) = etcd_logs(tmp_path)
    assert (row.name, row.outcomes, row.goal.cpu_seconds) == ("2 etcd logs", ["pass", "fail"], 10)
    assert row.paths == [tmp_path / "a.log", tmp_path / "b.log"]
