"""The benchmark of the engine on tiny sizes: every row is measured, checked and judged; no speed is asserted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks import work
from benchmarks.engine import MEMORY, ROWS, main, measure
from benchmarks.goals import Goal, Line, judge
from benchmarks.stores import STORES, EngineStore, Pair, versions
from benchmarks.work import Sizes, Work

TINY = Sizes(
    puts=40,
    gets_alone=10,
    batch=20,
    moves=10,
    value_bytes=1000,
    threads=2,
    slice_seconds=0,
    recovered_commits=50,
    memory_commits=200,
)


def test_every_row_is_measured(tmp_path: Path) -> None:
    """Each row has a figure of every column in every round, each goal is judged, and the engine is never wrong."""
    report = measure((), TINY, 2, tmp_path, Console(file=io.StringIO()))
    installed = {name for name, version in versions().items() if version is not None}
    assert report.stores == versions()
    assert {"engine", "sqlite"} <= installed
    compared = {line.row: line for line in report.lines if line.row not in MEMORY}
    assert list(compared) == [row.name for row in ROWS]
    for row in ROWS:
        line = compared[row.name]
        assert set(line.samples) == set(row.columns) & (installed | {"fsync"})
        assert all(len(values) == 2 and min(values) > 0 for values in line.samples.values())
        assert [judged.goal for judged in line.goals] == list(row.goals)
        assert "engine" not in line.wrong
    grown = [line for line in report.lines if line.row in MEMORY]
    assert [line.row for line in grown] == ["memory"] * 3 + ["memory-held"] * 3
    assert [line.samples["engine"] for line in grown[2::3]] == [[0.0], [0.0]], "something is left over"
    assert list(tmp_path.iterdir()) == []


class LyingStore(EngineStore):
    """Loses a part of everything, and says that it was done."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        super().__init__(directory, durable=durable)
        self.put = self._put_less

    def _put_less(self, key: bytes, value: bytes) -> None:
        self._database.put(key, value[:-1])

    def put_all(self, pairs: list[Pair]) -> None:
        super().put_all(pairs[1:])

    def increment(self, key: bytes) -> bool:
        return True

    def session(self) -> LyingStore:
        return self


@pytest.mark.parametrize(
    "measured",
    [
        work.put_shuffled,
        work.put_ordered,
        work.get_together,
        work.get_alone,
        work.scan,
        work.move,
        work.large_value,
        work.count_durably,
        work.commit_alone,
        work.commit_together,
        work.recover,
    ],
)
def test_a_wrong_result_is_seen(measured: Work, tmp_path: Path) -> None:
    """A store that loses what it was given is marked as wrong by every row."""
    assert not measured(LyingStore, tmp_path, TINY).correct


@pytest.mark.parametrize(
    ("goal", "ours", "peer", "state"),
    [
        (Goal(1, "peer"), [8, 9, 9, 9, 11], [10] * 5, "reached"),
        (Goal(1, "peer"), [9, 9, 11, 11, 12], [10] * 5, "close"),
        (Goal(1, "peer"), [11, 11, 12, 12, 13], [10] * 5, "missed"),
        (Goal(1, "peer"), [9, 11, 12, 12, 13], [10] * 5, "missed"),
        (Goal(1, "peer"), [9, 11], [10, 13], "reached"),
        (Goal(8, "peer", True), [81, 82, 70, 60, 83], [10] * 5, "reached"),
        (Goal(8, "peer", True), [81, 82, 70, 60, 50], [10] * 5, "close"),
        (Goal(8, "peer", True), [70, 60, 50, 79, 81], [10] * 5, "missed"),
        (Goal(200), [200], None, "reached"),
        (Goal(200), [201], None, "missed"),
        (Goal(1, "peer"), [9], None, "not measured"),
    ],
)
def test_noise_is_not_a_miss(goal: Goal, ours: list[float], peer: list[float] | None, state: str) -> None:
    """A goal is missed where the median and three quarters of the rounds miss it, round against round."""
    samples = {"engine": ours} | ({} if peer is None else {"peer": peer})
    judged = judge(goal, samples)
    assert judged.state == state
    assert Line("row", "work", "ms", samples, {}, [judged]).missed() == (state == "missed")


def test_a_wrong_engine_is_a_miss() -> None:
    """However fast it was, and unlike a wrong peer."""
    assert Line("row", "work", "ms", {"engine": [1.0]}, {"engine": 1}, []).missed()
    assert not Line("row", "work", "ms", {"engine": [1.0]}, {"sochdb": 1}, []).missed()


def test_the_document_of_one_row(tmp_path: Path) -> None:
    """--json prints what was measured, and the exit code is 1 exactly where a goal was missed."""
    done = CliRunner().invoke(main, ["batch", "--rounds", "1", "--json", "--place", str(tmp_path)])
    report = json.loads(done.stdout)
    assert list(report) == ["schema_version", "stores", "lines", "reached"]
    assert set(report["stores"]) == set(STORES)
    (line,) = report["lines"]
    assert list(line) == ["row", "what", "unit", "samples", "wrong", "goals"]
    assert (line["row"], line["what"], line["unit"]) == ("batch", "10,000 puts in order, one batch", "ms")
    assert line["goals"][0]["goal"] == [1, "sochdb", False]
    assert done.exit_code == (0 if report["reached"] else 1)


def test_the_table_shows_every_column(tmp_path: Path) -> None:
    """The table has a row for what was asked for, with goal and state, and "–" where nothing was measured."""
    done = CliRunner().invoke(main, ["batch", "--rounds", "1", "--place", str(tmp_path)])
    (row,) = [line for line in done.stdout.splitlines() if "batch " in line and "│" in line]
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells[:2] == ["batch", "10,000 puts in order, one batch"]
    assert all(cells[place].endswith(" ms") for place in (2, 4))
    assert cells[6:8] == ["–", "≤ 1 × sochdb"]
    assert cells[-1] in {"reached", "missed", "not measured"}
