"""Histories of other tools that know sessions and no time: what each format tells, and how it is refused."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from formats_samples import (
    CHRONOS,
    COBRA,
    DBCOP,
    bincode,
    cobra_folder,
    dbcop_text,
    plume_text,
    sessions_of,
)

from harness.history import UNSEEN, History
from harness.interchange import HistoryFormatError, read_history

ROOT = Path(__file__).resolve().parents[2]
CONFORMANCE = Path(os.environ.get("ANOMALIST_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
HISTORIES = CONFORMANCE / "checkers" / "histories"


def given(tmp_path: Path, content: str | bytes, **options: Any) -> History:
    path = tmp_path / "given"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_history(path, **options)


def refusal(tmp_path: Path, content: str | bytes, **options: Any) -> str:
    with pytest.raises(HistoryFormatError) as caught:
        given(tmp_path, content, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def facts(history: History) -> list[tuple[Any, ...]]:
    """(client, status, start, end, ops) of each row."""
    return [(t.client, t.status.name, t.start, t.end, [tuple(op) for op in t.ops]) for t in history.txns()]


# What each format tells


def test_the_text_of_plume(tmp_path: Path) -> None:
    """Lines are operations, collected by transaction and session; -1 is an aborted write, an unwritten 0 nothing."""
    text = "w(7,3,0,12)\nr(7,0,1,13)\nw(8,0,0,12)\r\nr(8,0,1,13)\n\nr(7,3,0,14)\nw(7,4,1,-1)"
    history = given(tmp_path, text)
    assert facts(history) == [
        (0, "OK", 0, 1, [("w", 7, 3), ("w", 8, 0)]),
        (1, "OK", 0, 1, [("r", 7, None), ("r", 8, 0)]),
        (0, "OK", 0, 1, [("r", 7, 3)]),
        (1, "ABORTED", 0, 1, [("w", 7, 4)]),
    ]
    info = history.info
    assert (info.workload, info.clock, info.expected) == ("rw-register", "sessions", "strong-session-serializable")
    assert (info.foreign, info.clients, info.settings) == (True, 2, {"format": "plume"})


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        ("w(1,0,5,0)\nw(2,0,5,0)\nr(1,0,6,1)\n", [(-1, -1), (0, 1)]),
        ("w(1,0,5,0)\nr(1,0,5,1)\n", [(0, 1), (0, 1)]),  # Not the only one of its session.
        ("w(1,1,5,0)\nr(1,1,6,1)\n", [(0, 1), (0, 1)]),  # Not the initial value.
        ("r(1,0,6,1)\nw(1,0,5,0)\n", [(0, 1), (0, 1)]),  # Not the first.
    ],
)
def test_an_initial_transaction_lies_before_all_others(
    tmp_path: Path, text: str, moments: list[tuple[int, int]]
) -> None:
    """Only a first transaction, alone in its session, of nothing but writes of 0, is put before the others."""
    assert [(start, end) for _, _, start, end, _ in facts(given(tmp_path, text))] == moments


def test_the_notation_of_awdits_tests(tmp_path: Path) -> None:
    """Lines of = end a session, lines of - a transaction; nothing is implied, so that a 0 is what somebody wrote."""
    history = given(tmp_path, "w 0 0\nw 1 5\n=====\nr 0 0\n-----\n\nr 1 0\n====\n")
    assert facts(history) == [
        (0, "OK", 0, 1, [("w", 0, 0), ("w", 1, 5)]),
        (1, "OK", 0, 1, [("r", 0, 0)]),
        (1, "OK", 0, 1, [("r", 1, 0)]),
    ]
    assert history.info.settings == {"format": "awdit"}


@pytest.mark.parametrize("text", DBCOP)
def test_dbcops_json_in_all_its_forms(tmp_path: Path, text: str) -> None:
    """Today's long and short events, the paper's events, and the wrapper around the sessions, tell the same."""
    history = given(tmp_path, text)
    assert facts(history) == [
        (0, "OK", 0, 1, [("w", 1, 5), ("r", 2, None)]),
        (0, "ABORTED", 0, 1, [("w", 1, 6)]),
        (1, "OK", 0, 1, [("r", 1, 5)]),
    ]
    assert history.info.settings == {"format": "dbcop"}


def test_dbcops_bincode(tmp_path: Path) -> None:
    """Numbers of 64 bits tell the sessions; an operation that failed by itself is no part of its transaction."""
    events = [(1, 7, 2**63, 1), (1, 7, 9, 0), (0, 7, 0, 1), (0, 8, 0, 0)]
    history = given(tmp_path, bincode([[(events, 1)], [([(0, 7, 9, 1)], 0)]]))
    assert facts(history) == [
        (0, "OK", 0, 1, [("w", 7, ("#int", str(2**63))), ("r", 7, None), ("r", 8, UNSEEN)]),
        (0, "ABORTED", 0, 1, [("w", 7, 9)]),
        (1, "ABORTED", 0, 1, [("r", 7, 9)]),
    ]
    assert history.info.settings == {"format": "dbcop-bincode"}


def test_cobras_logs(tmp_path: Path) -> None:
    """A folder has a log for each client, in the order of names; a value is the number of its write."""
    history = read_history(cobra_folder(tmp_path, COBRA))
    assert facts(history) == [
        (0, "OK", 0, 1, [("r", -5, None), ("w", -5, 100)]),
        (1, "OK", 0, 1, [("r", -5, 100)]),
        (1, "OK", 0, 1, []),
    ]
    assert history.info.settings == {"format": "cobra"}


def test_a_read_that_cobras_write_does_not_explain_is_kept_as_such(tmp_path: Path) -> None:
    """Where a write left another value or was another transaction's, what was read is a value nobody wrote."""
    logs = {"a.log": [("S", 1), ("W", 100, 5, 70), ("C", 1), ("S", 2), ("R", 1, 100, 5, 71), ("C", 2)]}
    history = read_history(cobra_folder(tmp_path, logs))
    assert history.txn(1).ops == (("r", 5, (100, 1, 71)),)


def test_chronos_timestamps(tmp_path: Path) -> None:
    """Timestamps come with the transactions, in their own order; lists and registers are told apart."""
    history = given(tmp_path, json.dumps(CHRONOS))
    assert facts(history) == [
        (0, "OK", 0, 1, [("w", 7, 2), ("r", 8, None)]),
        (1, "OK", 0, 1, [("r", 7, 2)]),
    ]
    assert (history.snapshot_timestamp.tolist(), history.commit_timestamp.tolist()) == ([16, 18], [17, 18])
    assert (history.info.workload, history.info.settings) == ("rw-register", {"format": "chronos"})
    of_lists = [
        {
            "tid": "a",
            "sid": "s",
            "sts": {"p": 5, "l": 1},
            "cts": {"p": 5, "l": 2},
            "ops": [{"t": "a", "k": 1, "v": 3}],
        },
        {"tid": "b", "sid": "s", "sts": {"p": 5, "l": 2}, "cts": {"p": 6, "l": 0}, "ops": [{"t": "r", "k": 2}]},
    ]
    lists = given(tmp_path, json.dumps(of_lists))
    assert [ops for *_, ops in facts(lists)] == [[("append", 1, 3)], [("r", 2, [])]]
    assert (lists.snapshot_timestamp.tolist(), lists.commit_timestamp.tolist()) == ([0, 1], [1, 2])
    assert lists.info.workload == "list-append"


def test_a_given_workload_is_kept(tmp_path: Path) -> None:
    """The caller's workload names the history, whatever its format."""
    assert given(tmp_path, "w(1,1,0,0)\n", workload="registers").info.workload == "registers"


# Refusals


_WHOLE = bincode([[([(1, 7, 5, 1)], 1)]])


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("w(1,2,3,4)\nw(1,2,3)\n", ["given, line 2, column 1", "'w(1,2,3)'", "r(key,value,session,transaction)"]),
        ("w(1,2,3,4)\nw(1,2,4,4)\n", ["line 2", "transaction 4 is in session 4 and in session 3"]),
        ("w(1,2,9999999999,4)\n", ["line 1", "32 bits"]),
        ("w 1 2\nx 1 2\n", ["line 2, column 1", "'x 1 2'", "r KEY VALUE"]),
        (
            '[[{"events": [["x", 1, 2]], "committed": true}]]',
            ["session 1, transaction 1", "neither a read nor a write"],
        ),
        ('[[{"events": [["w", 1, null]], "committed": true}]]', ["session 1, transaction 1", "neither"]),
        ('[[{"events": [{"a\\nb": 1}], "committed": true}]]', ["unknown field `a\\nb`"]),
        ('[[{"events": []}]]', ["session 1, transaction 1", "nothing says if it was committed"]),
        ('[[{"events": 5, "committed": true}]]', ["at $[0][0].events", "expected `array`", "write a transaction as"]),
        ('[[{"events": [\n}]]', ["line 2, column 1", "malformed"]),
        ('[[{"events": [], "committed": tr', ["line 1", "cut off"]),
        (_WHOLE[:-1], ["byte", "cut off"]),
        (_WHOLE + b"\1", ["1 bytes follow"]),
        (_WHOLE[:67] + struct.pack("<Q", 2**60) + _WHOLE[75:], ["byte", str(2**60), "more than the file can hold"]),
        (_WHOLE[:-1] + b"\2", ["2 is neither true nor false"]),
        ('[{"tid": 1, "sid": 0, "sts": {"p": 2}, "cts": {"p": 1}, "ops": []}]', ["transaction 1", "before its sts"]),
        ('[{"tid": 1, "sid": 0, "sts": {"p": 1}, "cts": {"p": 1}, "ops": [{"t": "z", "k": 1}]}]', ["'z' is unknown"]),
        ('[{"tid": 1, "sid": 0, "sts": {"p": 1}, "cts": {"p": 1}, "ops": [{"t": "w", "k": 1}]}]', ["missing or"]),
        ('[{"tid": 1, "sid": 0, "sts": {"p": 1}, "ops": []}]', ["at $[0]", "`cts`"]),
        (json.dumps([CHRONOS[0], CHRONOS[0]]), ["transaction 2", "tid 67"]),
    ],
)
def test_a_malformed_file_is_one_sentence_with_its_place(
    tmp_path: Path, content: str | bytes, parts: list[str]
) -> None:
    """Every way to be malformed is an error that names the file, the place, the fault and the remedy."""
    sentence = refusal(tmp_path, content)
    assert sentence.startswith("given")
    assert [part for part in parts if part not in sentence] == [], sentence


@pytest.mark.parametrize(
    ("logs", "parts"),
    [
        ({"a.log": [("S", 1), ("W", 1, 2, 3)]}, ["a.log, byte 34", "inside transaction 1", "cut off"]),
        ({"a.log": [("S", 1), ("S", 2)]}, ["a.log, byte 9", "S stands where it cannot"]),
        ({"a.log": [("W", 1, 2, 3)]}, ["byte 0", "W stands where it cannot"]),
        ({"a.log": [("S", 1), ("C", 2)]}, ["byte 9", "transaction 2 ends, but 1 is open"]),
        ({"a.log": [("S", 1), ("C", 1)], "b.log": [("S", 1), ("C", 1)]}, ["b.log", "transaction 1 began before"]),
        ({"a.log": [("S", 1), ("W", 1, 2, 3), ("W", 1, 2, 4), ("C", 1)]}, ["write 1 was made twice"]),
    ],
)
def test_malformed_logs_are_refused_with_log_and_byte(tmp_path: Path, logs: Any, parts: list[str]) -> None:
    """What cannot be in Cobra's logs is an error with the log, the byte and the remedy."""
    with pytest.raises(HistoryFormatError) as caught:
        read_history(cobra_folder(tmp_path, logs))
    assert [part for part in (*parts, "copy the whole folder") if part not in str(caught.value)] == []


def test_records_that_are_none(tmp_path: Path) -> None:
    """A byte that begins no record, and a record that ends too early, are told apart."""
    folder = cobra_folder(tmp_path, {})
    with pytest.raises(HistoryFormatError, match="folder without logs"):
        read_history(folder)
    for content, sentence in ((b"X", "b'X' is not S, C, R or W"), (b"S\0\0", "ends inside a record")):
        (folder / "a.log").write_bytes(content)
        with pytest.raises(HistoryFormatError, match=sentence):
            read_history(folder)
    with pytest.raises(HistoryFormatError, match="it is a folder, and plume is a file's format"):
        read_history(folder, format="plume")
    with pytest.raises(HistoryFormatError, match="cobra is the format of a folder"):
        read_history(folder / "a.log", format="cobra")


# Recorded by others


@pytest.mark.skipif(
    not HISTORIES.is_dir(), reason="no checkers/histories; set ANOMALIST_CONFORMANCE to the conformance folder"
)
def test_the_recorded_histories_survive_every_format(tmp_path: Path) -> None:
    """Each converted history, written again as Plume's text, as dbcop's JSON and as bincode, reads as what it was."""
    paths = sorted(HISTORIES.glob("*.json"))
    for path in paths:
        case = json.loads(path.read_bytes())
        expected = sessions_of(case)
        for text in (plume_text(case), dbcop_text(case)):
            history = given(tmp_path, text)
            found: dict[int, list[Any]] = {}
            for client, status, _, _, ops in facts(history):
                if status == "OK":
                    found.setdefault(client, []).append([list(op) for op in ops])
            assert [found[client] for client in sorted(found)] == expected, path.name
    assert len(paths) == 81
