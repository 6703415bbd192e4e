"""Histories that cannot be judged: one sentence with place and remedy, and the exit code of the table."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from front_door_commands import WRITE_SKEW, Finished, one_sentence

from anomalist.suites import WORKLOADS

Command = Callable[..., Finished]

LEFT_OUT = "operations of clients left out, being no transaction: 3"
APPENDED = '{"process": 0, "type": "invoke", "f": "txn", "value": [["append", "x", 1]]}'


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path.name


def test_truncated_edn_names_line_and_column(command: Command, tmp_path: Path) -> None:
    """EDN that ends inside an operation is refused with the place where that begins."""
    name = write(tmp_path / "cut.edn", WRITE_SKEW[:-20])
    finished = command("check", name)
    assert finished.code == 2
    assert one_sentence(finished) == (
        "cut.edn, line 6, column 1: the text ends inside a value, so the file was cut off; copy the whole file "
        "again, or end it after its last whole operation."
    )


def test_truncated_vector_of_edn_is_refused(command: Command, tmp_path: Path) -> None:
    """EDN whose vector of all operations is never closed was cut off."""
    finished = command("check", write(tmp_path / "cut.edn", "[" + WRITE_SKEW))
    assert finished.code == 2
    assert one_sentence(finished).startswith(
        "cut.edn, line 1, column 1: the text ends inside the collection of all operations, so the file was cut off; "
    )


def test_remedy_for_a_truncated_vector_can_be_followed(command: Command, tmp_path: Path) -> None:
    """Nothing stands before the vector of all operations, so deleting from there is no remedy."""
    finished = command("check", write(tmp_path / "cut.edn", "[" + WRITE_SKEW))
    assert "delete the operation that begins here" not in one_sentence(finished)


def test_truncated_json_lines_name_the_line(command: Command, tmp_path: Path) -> None:
    """JSON lines that end inside an operation are refused with its line."""
    finished = command("check", write(tmp_path / "cut.jsonl", f"{APPENDED}\n{APPENDED[:30]}"))
    assert finished.code == 2
    assert one_sentence(finished) == (
        "cut.jsonl, line 2, column 1: the file ends in the middle of this operation, so it was cut off; copy the "
        "whole file again, or delete this line to judge what stands before it."
    )


def test_truncated_json_array_is_refused(command: Command, tmp_path: Path) -> None:
    """A JSON array without its end was cut off."""
    finished = command("check", write(tmp_path / "cut.json", f"[{APPENDED}"))
    assert finished.code == 2
    assert one_sentence(finished) == (
        f"cut.json, line 1, column {len(APPENDED) + 2}: the file ends before its array does, so it was cut off; "
        "copy the whole file again."
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (random.Random(1).randbytes(3000), "it is a binary file"),
        (b"\xff\xfe{:type :ok}", "line 1 is not UTF-8 text"),
        (b"hello world\n", "it begins with 'hello world\\n'"),
    ],
)
def test_what_is_no_history_says_why(command: Command, tmp_path: Path, content: bytes, complaint: str) -> None:
    """A binary file, a file in another encoding and prose are refused by name, with what is expected instead."""
    finished = command("check", write(tmp_path / "other.edn", content))
    assert finished.code == 2
    assert one_sentence(finished) == (
        f"other.edn is not a history: {complaint}; give a history of one operation a line in EDN or JSON, "
        "or in another format that docs/HISTORY_FORMAT.md describes."
    )


def test_missing_file(command: Command) -> None:
    """A file that does not exist is named."""
    finished = command("check", "nowhere.edn")
    assert finished.code == 2
    assert one_sentence(finished) == "nowhere.edn does not exist; name a history file or a run directory."


def test_wrong_format_is_refused_with_the_place(command: Command, tmp_path: Path) -> None:
    """EDN read as JSON lines because --format says so is malformed, not guessed."""
    finished = command("check", write(tmp_path / "skew.edn", WRITE_SKEW), "--format", "jsonl")
    assert finished.code == 2
    assert one_sentence(finished).startswith("skew.edn, line 1, column 2: the JSON is malformed")


@pytest.mark.parametrize("content", ["", "  \n\n", "[]", "; only a comment\n"])
def test_empty_history_is_nothing(command: Command, tmp_path: Path, content: str) -> None:
    """A history without transactions is neither passed nor failed: exit 5."""
    finished = command("check", write(tmp_path / "empty.edn", content), "--json")
    assert finished.code == 5
    assert json.loads(finished.out)["outcome"] == "unknown"
    assert json.loads(finished.out)["histories"][0]["stats"]["txns"] == 0


def test_empty_history_says_that_it_is_empty(command: Command, tmp_path: Path) -> None:
    """The sentence about a history without transactions names that, and the level it would be held to."""
    finished = command("check", write(tmp_path / "empty.edn", ""), "--json")
    entry = json.loads(finished.out)["histories"][0]
    assert entry["expected"] == "strict-serializable"
    assert entry["reason"] != "checker"
    assert "no transaction" in entry["sentence"] or "empty" in entry["sentence"]


def test_a_client_that_overlaps_itself_is_evidence(command: Command, tmp_path: Path) -> None:
    """A client with two transactions at a time makes the history inconclusive, and never a pass or a fail."""
    overlapping = WRITE_SKEW.replace(":process 1", ":process 0")
    finished = command("check", write(tmp_path / "overlap.edn", overlapping), "--json")
    entry = json.loads(finished.out)["histories"][0]
    assert finished.code == 3
    assert (entry["outcome"], entry["reason"]) == ("unknown", "evidence")
    assert entry["sentence"] == (
        "client 0 started transaction 1 before its transaction 0 ended: a client may only have one transaction at "
        "a time"
    )


def test_a_bad_file_beside_a_good_one_is_named(command: Command, tmp_path: Path) -> None:
    """Of several histories the malformed one is the one complained about."""
    good = write(tmp_path / "skew.edn", WRITE_SKEW)
    finished = command("check", good, write(tmp_path / "bad.edn", "prose"))
    assert finished.code == 2
    assert one_sentence(finished).startswith("bad.edn is not a history")


def test_of_several_histories_each_is_named(command: Command, tmp_path: Path) -> None:
    """The table of several files says which row is which file."""
    names = [write(tmp_path / name, WRITE_SKEW) for name in ("monday.edn", "friday.edn")]
    finished = command("check", *names)
    table = finished.out.partition("repeat")[0]
    assert all(name in table for name in names)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ("-w", "nonsense"),
            f"skew.edn: no checker judges workload 'nonsense'; say which one it is with -w: {', '.join(WORKLOADS)}.",
        ),
        (("--anomalies", "G2-item,G9"), "unknown anomaly 'G9'; `anomalist list anomalies` names them all."),
        (
            ("--report", "html"),
            "a report of a history file needs a place: name an empty or new directory with --out.",
        ),
    ],
)
def test_unknown_names_in_check(command: Command, tmp_path: Path, flags: tuple[str, ...], sentence: str) -> None:
    """A name that `check` does not know is a usage error with the remedy."""
    finished = command("check", write(tmp_path / "skew.edn", WRITE_SKEW), *flags)
    assert (finished.code, one_sentence(finished)) == (2, sentence)


def test_unknown_level_in_check(command: Command, tmp_path: Path) -> None:
    """An unknown level is a usage error that names those known."""
    finished = command("check", write(tmp_path / "skew.edn", WRITE_SKEW), "--expect", "acid")
    assert finished.code == 2
    assert one_sentence(finished).startswith("unknown level 'acid'; known levels: read-uncommitted, read-committed, ")


def test_too_little_evidence_counts_where_asked(command: Command, tmp_path: Path) -> None:
    """A foreign history passes by what the mathematics says; --min-evidence makes it inconclusive."""
    name = write(tmp_path / "skew.edn", WRITE_SKEW)
    lenient = command("check", name, "--expect", "snapshot-isolation", "--json")
    assert lenient.code == 0
    strict = command("check", name, "--expect", "snapshot-isolation", "--min-evidence", "--json")
    assert strict.code == 3
    assert json.loads(strict.out)["histories"][0]["reason"] == "vacuous"


def test_a_checker_out_of_time_is_inconclusive(command: Command, tmp_path: Path) -> None:
    """A budget that no checker can keep ends in UNKNOWN with the remedy, exit 3."""
    finished = command("check", write(tmp_path / "skew.edn", WRITE_SKEW * 300), "--budget", "0.000001", "--json")
    entry = json.loads(finished.out)["histories"][0]
    assert (finished.code, entry["reason"]) == (3, "budget")
    assert entry["sentence"].endswith("give it more with --budget")


def test_operations_beside_transactions_are_counted(command: Command, tmp_path: Path) -> None:
    """A verdict on a part of a file says how much of it it does not speak of, also when it is judged again."""
    others = "{:type :ok, :process 9, :f :read, :value 3}\n" * 3
    finished = command("check", write(tmp_path / "mixed.edn", WRITE_SKEW + others), "--out", "kept", "--json")
    again = command("check", "kept", "--json")
    for one in (finished, again):
        sentence = json.loads(one.out)["histories"][0]["sentence"]
        assert sentence.endswith(LEFT_OUT)
    assert command("check", "kept").out.count(LEFT_OUT) == 1
    others = others.replace("read", "foo")
    finished = command("check", write(tmp_path / "mixed.edn", WRITE_SKEW + others), "--expect", "snapshot-isolation")
    assert (finished.code, finished.out.count(LEFT_OUT)) == (0, 1)


def test_operations_that_are_no_transactions_are_counted(command: Command, tmp_path: Path) -> None:
    """A file of operations of which none is a transaction is not empty: the sentence says that they were left out."""
    finished = command("check", write(tmp_path / "register.edn", "{:type :ok, :process 1, :f :read, :value 3}\n" * 9))
    assert finished.code in {2, 5}
    assert "transaction" in finished.out + finished.err


def test_a_history_whose_workload_cannot_be_guessed_names_the_file(command: Command, tmp_path: Path) -> None:
    """Where the operations do not tell a workload, the sentence names the file and asks for one."""
    scans = "{:type :ok, :process 0, :f :txn, :value [[:rp :true {:x 1}]]}\n"
    finished = command("check", write(tmp_path / "scans.edn", scans))
    assert finished.code == 2
    assert one_sentence(finished).startswith("scans.edn: the history does not say what its workload was")


def test_the_place_is_the_path_that_was_given(command: Command, tmp_path: Path) -> None:
    """Two files of one name in two folders can be told apart in the sentence."""
    for folder, content in (("monday", WRITE_SKEW), ("friday", WRITE_SKEW[:-20])):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "history.edn", content)
    finished = command("check", "monday/history.edn", "friday/history.edn")
    assert finished.code == 2
    assert one_sentence(finished).startswith("friday/history.edn, line 6, column 1: ")
