"""`export` writes what other tools read; `check` takes what they write, folders too."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from front_door_commands import WRITE_SKEW, Finished, one_sentence

Command = Callable[..., Finished]


@pytest.mark.parametrize("notation", ["edn", "jsonl"])
def test_what_is_exported_is_judged_alike(command: Command, tmp_path: Path, notation: str) -> None:
    """A history that was exported and read again has the same anomalies with the same witnesses."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    exported = command("export", "skew.edn", "--format", notation)
    assert exported.code == 0
    (tmp_path / "again").write_text(exported.out)
    before, after = (json.loads(command("check", name, "--json").out) for name in ("skew.edn", "again"))
    assert before["outcome"] == after["outcome"] == "fail"
    assert before["histories"][0]["anomalies"] == after["histories"][0]["anomalies"]
    assert after["histories"][0]["format"] == notation


def test_graphs_are_written_to_a_file(command: Command, tmp_path: Path) -> None:
    """With --out nothing is printed, and the cycle is in the file."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    finished = command("export", "skew.edn", "--format", "dot", "--out", "skew.dot")
    assert (finished.code, finished.out) == (0, "")
    assert "T0 -> T1" in (tmp_path / "skew.dot").read_text()


LATER = """\
{:type :ok, :process 0, :f :txn, :value [[:append :z 1]]}
{:type :ok, :process 5, :f :txn, :value [[:r :z [1]]]}
"""


@pytest.mark.parametrize("notation", ["dot", "graphml"])
def test_the_whole_graph_has_what_is_on_no_cycle(command: Command, tmp_path: Path, notation: str) -> None:
    """With --whole all transactions and dependencies are written, without it those of the cycles only."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW + LATER)
    cycles = command("export", "skew.edn", "--format", notation).out
    whole = command("export", "skew.edn", "--format", notation, "--whole").out
    read = {"dot": '[label="wr z", tooltip="', "graphml": '<data key="kind">wr</data><data key="key">z</data>'}[
        notation
    ]
    assert read not in cycles
    assert whole.count(read) == 1
    for line in cycles.splitlines():
        if " -> " in line:
            assert line in whole


def test_a_graph_of_too_many_edges_is_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence counts, and tells what can be exported instead."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    monkeypatch.setattr("anomalist.export._GRAPH_MAX", 5)
    finished = command("export", "skew.edn", "--format", "dot", "--whole")
    assert (finished.code, finished.out) == (2, "")
    assert one_sentence(finished) == (
        "the whole graph of skew.edn has 5 edges between 3 transactions, and 5 of both are the most; leave out "
        "--whole to export its cycles."
    )


def test_a_run_directory_is_exported(command: Command, recorded: Path, tmp_path: Path) -> None:
    """What a run recorded can be given to other tools; of several histories one has to be named."""
    runs = sorted(recorded.glob("runs/*"))
    exported = command("export", str(runs[0]), "--format", "jsonl")
    assert exported.code == 0
    assert json.loads(exported.out.splitlines()[0])["type"] == "invoke"
    if len(runs) > 1:
        assert "name one, such as" in one_sentence(command("export", str(recorded), "--format", "edn"))


def test_a_folder_of_logs_is_a_history(command: Command, tmp_path: Path) -> None:
    """Cobra's folder is judged by session order, and the verdict says that there is no real time."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "T1.log").write_bytes(struct.pack(">cqcqqqcq", b"S", 1, b"W", 100, 5, 70, b"C", 1))
    finished = command("check", "logs", "-w", "list-append", "--json")
    found = json.loads(finished.out)["histories"][0]
    assert found["expected"] == "strong-session-serializable"
    assert found["format"] == "cobra"
    assert "nothing of real time" in found["sentence"]
    refused = command("export", "logs", "--format", "edn")
    assert refused.code == 2
    assert "logs tells nothing of real time" in one_sentence(refused)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nowhere", "--format", "dot"), "nowhere does not exist"),
        (("bad", "--format", "edn"), "bad, line 1, column 1"),
        (("skew.edn", "--format", "dot", "--out", "no/such/file"), "cannot write no/such/file"),
        (("skew.edn", "--format", "edn", "--whole"), "--whole is about a graph, and edn is none; leave it out"),
        (
            ("twice.edn", "--format", "dot", "--whole"),
            "twice.edn is no evidence: element 1 was appended to key 'z' more",
        ),
        (
            ("register.edn", "--format", "dot", "--whole"),
            "only list-append tells the order of all writes, and register.edn is none; leave out --whole",
        ),
    ],
)
def test_what_cannot_be_exported_says_why(
    command: Command, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    """Bad input and an unusable place are one sentence and exit code 2."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    (tmp_path / "bad").write_text("{:type :ok")
    (tmp_path / "twice.edn").write_text(LATER * 2)
    (tmp_path / "register.edn").write_text(LATER.replace("append", "w").replace("[1]", "1"))
    finished = command("export", *words)
    assert finished.code == 2
    assert one_sentence(finished).startswith(sentence)
