"""The live log and its way back to a history."""

from __future__ import annotations

import os
import struct
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from harness import eventlog
from harness.codec import decode, encode
from harness.eventlog import EventLog, Frame, LogReader
from harness.history import UNSEEN, Fault, Op, RunInfo, Status
from harness.recorder import Lease, Recorder, Revoked, read_history, step_clock
from harness.trouble import RunTrouble, StoreError

INFO = RunInfo(suite="s", workload="w", target="t", seed=7, params={"keys": 3}, settings={"sync": "off"})
VALUES = [
    None, True, 1, 1.0, "1", b"1", float("-inf"), -(2**63), 2**63 - 1, (1, (2, "x")), (), [1, 2], [(1,), None],
    "\ud800 alone", ("\ud800",), "zähl", {"k": [1]}, {1: ("a",)}, UNSEEN,
]  # fmt: skip


def recorder(path: Path) -> Recorder:
    return Recorder(path, INFO, step_clock())


def record(log: Recorder, client: int, ops: list[Op], status: Status = Status.OK, *, commit: bool = True) -> None:
    """One transaction with these answered operations."""
    lease = Lease(client)
    attempt = log.begin(lease)
    for op in ops:
        attempt.ask(op)
        attempt.answer(op, op.value)
    if commit:
        log.intend(lease)
    log.finish(lease, status, "" if status is Status.OK else "why")


def small_log(path: Path) -> list[tuple[int, int]]:
    """Three transactions with intent and outcome; after each frame the size of the file and transactions in it."""
    log = recorder(path)
    marks = [(path.stat().st_size, 0)]
    for client in range(3):
        lease = Lease(client)
        attempt = log.begin(lease)
        attempt.ask(Op("append", "x", client))
        attempt.answer(Op("append", "x", client), None)
        log.intend(lease)
        marks.append((path.stat().st_size, client + 1))
        log.finish(lease, Status.OK)
        marks.append((path.stat().st_size, client + 1))
    log.end()
    marks.append((path.stat().st_size, 3))
    return marks


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_codec_is_exact(value: object) -> None:
    """A value comes back equal and of the same type, a tuple as a tuple."""
    back = decode(encode([value]))
    assert repr(back) == repr([value])


def test_foreign_values_are_stored_as_frozen_gives_them() -> None:
    """Sets, huge integers and subclasses of plain types have a stored form instead of an error."""

    class Text(str):
        __slots__ = ()

    assert decode(encode({2, 1})) == ("#set", 1, 2)
    assert decode(encode(2**70)) == ("#int", str(2**70))
    assert type(decode(encode(Text("a")))) is str


@pytest.mark.parametrize("value", [one for one in VALUES if one != ("\ud800",) and one is not UNSEEN], ids=repr)
def test_values_survive_the_log(tmp_path: Path, value: object) -> None:
    """What a read returned is in the history that the log gives, exactly."""
    log = recorder(tmp_path / "events.log")
    record(log, 0, [Op("r", ("k", 1), value)])
    log.end()
    txn = read_history(tmp_path / "events.log").txn(0)
    expected = ("#map", *((k, tuple(v)) for k, v in value.items())) if isinstance(value, dict) else value
    assert repr(txn.ops) == repr((Op("r", ("k", 1), expected),))


def test_whole_log_gives_whole_history(tmp_path: Path) -> None:
    """Transactions, statuses, errors, times, faults and run information come back, and nothing is missing."""
    log = recorder(tmp_path / "events.log")
    record(log, 0, [Op("w", "x", 1), Op("scan", ("a", "z"), {"x": 1})])
    record(log, 1, [Op("r", "x", [1, 2])], Status.ABORTED, commit=False)
    log.fault(Fault("kill", 3, 4, "-9"))
    record(log, 2, [Op("append", "y", 1)], Status.UNKNOWN)
    log.end()
    history = read_history(tmp_path / "events.log")
    assert history.info == INFO
    assert history.cut == ""
    assert history.faults == (Fault("kill", 3, 4, "-9"),)
    assert [(t.client, t.ops, t.status, t.start, t.end, t.error) for t in history.txns()] == [
        (0, (Op("w", "x", 1), Op("scan", ("a", "z"), {"x": 1})), Status.OK, 1, 3, ""),
        (1, (Op("r", "x", [1, 2]),), Status.ABORTED, 4, 5, "why"),
        (2, (Op("append", "y", 1),), Status.UNKNOWN, 6, 8, "why"),
    ]


def test_list_that_the_adapter_changes_later_is_recorded_as_it_was(tmp_path: Path) -> None:
    """An adapter may answer with a list that it goes on appending to; the record keeps what was read."""
    log = recorder(tmp_path / "events.log")
    lease, seen = Lease(0), [1]
    attempt = log.begin(lease)
    attempt.ask(Op("r", "x"))
    attempt.answer(Op("r", "x"), seen)
    seen.append(2)
    log.intend(lease)
    log.finish(lease, Status.OK)
    assert read_history(tmp_path / "events.log").txn(0).ops == (Op("r", "x", [1]),)


@pytest.mark.parametrize(
    ("asked", "recorded"),
    [
        (Op("r", "x"), Op("r", "x", UNSEEN)),
        (Op("scan", ("a", "b")), Op("scan", ("a", "b"), UNSEEN)),
        (Op("w", "x", 5), Op("w", "x", 5)),
        (Op("append", "x", 5), Op("append", "x", 5)),
        (Op("delete", "x"), Op("delete", "x", None)),
        (Op("incr", "x", 5), Op("incr", "x", (5, None))),
        (Op("cas", "x", (1, 2)), Op("cas", "x", (1, 2, None))),
        (Op("make_queue", "q", (60.0, 3)), Op("make_queue", "q", (60.0, 3))),
        (Op("enqueue", "q", "task1"), Op("enqueue", "q", ("task1", None))),
        (Op("dequeue", "q"), Op("dequeue", "q", UNSEEN)),
        (Op("ack", "q", "receipt"), Op("ack", "q", ("receipt", None))),
        (Op("nack", "q", (4, 1)), Op("nack", "q", ((4, 1), None))),
        (Op("sql", "s", "SELECT 1"), Op("sql", "s", ("SELECT 1", None))),
        (Op("make_vectors", "v", 32), Op("make_vectors", "v", 32)),
        (Op("add_node", "g", "a"), Op("add_node", "g", "a")),
        (Op("add_edge", "g", ("a", "k", "b")), Op("add_edge", "g", (("a", "k", "b"), None))),
        (Op("delete_node", "g", "a"), Op("delete_node", "g", "a")),
        (Op("traverse", "g", ("a", 1)), Op("traverse", "g", (("a", 1), None))),
    ],
)
def test_unanswered_operation_is_recorded(tmp_path: Path, asked: Op, recorded: Op) -> None:
    """What was asked is in the record even if no answer came, and no answer is invented."""
    log = recorder(tmp_path / "events.log")
    lease = Lease(0)
    attempt = log.begin(lease)
    attempt.ask(asked)
    log.finish(lease, Status.UNKNOWN, "reset")
    log.end()
    assert read_history(tmp_path / "events.log").txn(0).ops == (recorded,)


def test_torn_tail_at_every_byte(tmp_path: Path) -> None:
    """Wherever a log ends, all whole frames count, the rest is reported, and what was open is UNKNOWN."""
    whole = tmp_path / "whole.log"
    marks = small_log(whole)
    data = whole.read_bytes()
    torn = tmp_path / "torn.log"
    for size in range(len(data)):
        torn.write_bytes(data[:size])
        history = read_history(torn, INFO)
        good = [mark for mark in marks if mark[0] <= size]
        last_size, txns = good[-1] if good else (12 if size >= 12 else 0, 0)
        outcomes = (len(good) - 1) // 2 if good else 0
        assert len(history) == txns
        assert history.info == INFO
        assert (history.status == Status.UNKNOWN).sum() == txns - outcomes
        without = txns - outcomes
        told = "1 transaction has" if without == 1 else f"{without} transactions have"
        assert f"{told} no outcome" in history.cut
        lost = size - last_size
        assert (f"{lost} bytes" in history.cut) == (lost > 0), history.cut
    assert read_history(whole).cut == ""


def test_transaction_without_outcome_ends_after_everything_seen(tmp_path: Path) -> None:
    """An unknown commit may have come last of all: its end is one after the latest time in the log."""
    log = recorder(tmp_path / "events.log")
    first = Lease(0)
    log.begin(first)
    log.intend(first)
    record(log, 1, [Op("w", "x", 1)])
    history = read_history(tmp_path / "events.log")
    assert [(txn.status, txn.start, txn.end) for txn in history.txns()] == [
        (Status.UNKNOWN, 1, 6),
        (Status.OK, 3, 5),
    ]
    assert history.txn(0).error == "the run ended before the outcome was known"


def test_damage_in_the_middle_is_reported(tmp_path: Path) -> None:
    """What lies before a flipped byte is used, what lies behind it is counted and not used."""
    path = tmp_path / "events.log"
    marks = small_log(path)
    data = bytearray(path.read_bytes())
    data[marks[2][0] + 15] ^= 1
    path.write_bytes(data)
    history = read_history(path)
    assert len(history) == 1
    assert (
        f"{len(data) - marks[2][0]} bytes at its end were cut as damaged with 4 whole frames among them"
        in history.cut
    )


def test_frames_behind_a_destroyed_length_are_still_counted(tmp_path: Path) -> None:
    """A reader that lost its place finds the next frame again, to say how much is lost."""
    path = tmp_path / "events.log"
    marks = small_log(path)
    data = bytearray(path.read_bytes())
    data[marks[2][0] : marks[2][0] + 4] = struct.pack("<I", 2**31)
    path.write_bytes(data)
    reader = LogReader(path)
    assert len(list(reader.frames())) == 2
    assert (reader.lost_frames, reader.ended) == (5, False)


def test_huge_frames_behind_damage_are_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In random bytes every length is found: only small ones are worth a checksum of all that they claim."""
    path = tmp_path / "events.log"
    marks = small_log(path)
    data = bytearray(path.read_bytes())
    data[marks[2][0] + 15] ^= 1
    path.write_bytes(data + b"\xff\xff\x01\x00" + bytes(8) + b"\x91\x00" + bytes(1 << 17))
    summed: list[int] = []
    real = eventlog.xxhash.xxh3_64_intdigest
    monkeypatch.setattr(eventlog.xxhash, "xxh3_64_intdigest", lambda raw: summed.append(len(raw)) or real(raw))
    reader = LogReader(path)
    assert len(list(reader.frames())) == 2
    assert reader.lost_frames == 5
    assert max(summed) < 1000


def test_newer_log_is_refused(tmp_path: Path) -> None:
    """A log of a format that this program does not know is not guessed at."""
    path = tmp_path / "events.log"
    small_log(path)
    data = bytearray(path.read_bytes())
    data[8:12] = struct.pack("<I", 3)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="format version 3 and this program reads version 2"):
        read_history(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A file that is no log, and a missing one, are named in the sentence."""
    (tmp_path / "other").write_bytes(b"{:type :invoke}")
    with pytest.raises(StoreError, match=r"other is not an event log"):
        read_history(tmp_path / "other")
    with pytest.raises(StoreError, match=r"cannot read .*missing: No such file"):
        read_history(tmp_path / "missing")


@pytest.mark.parametrize(
    "nonsense",
    [
        (int(Frame.OUTCOME), 99, 1, 0, ""),
        (int(Frame.WHOLE), 0, 2**63, 2**63, 0, "", []),
        (int(Frame.WHOLE), 0, 0, 1, 0, "", [(0, "x", [reduce(lambda inner, _: (inner,), range(91), 1)])]),
    ],
)
def test_nonsense_under_a_right_checksum_is_refused(tmp_path: Path, nonsense: tuple[Any, ...]) -> None:
    """A frame that is whole and means nothing is an error of the file, not of the program."""
    log = EventLog(tmp_path / "events.log", INFO)
    log.append(nonsense)
    with pytest.raises(StoreError, match="is malformed"):
        read_history(tmp_path / "events.log")


def test_full_disk_stops_with_a_sentence_and_leaves_a_readable_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails half-way is a RunTrouble, now and ever after; what was written before stays readable."""
    log = recorder(tmp_path / "events.log")
    record(log, 0, [Op("w", "x", 1)])
    real, room = os.write, [10]

    def tight(file: int, data: bytes) -> int:
        if room[0] == 0:
            raise OSError(28, "No space left on device")
        done = real(file, data[: room[0]])
        room[0] -= done
        return done

    monkeypatch.setattr(os, "write", tight)
    with pytest.raises(RunTrouble, match=r"cannot write .*events\.log: No space left on device; free some space"):
        record(log, 1, [Op("w", "x", 2)])
    room[0] = 1000
    with pytest.raises(RunTrouble, match="No space left on device"):
        log.end()
    history = read_history(tmp_path / "events.log")
    assert [txn.ops for txn in history.txns()] == [(Op("w", "x", 1),)]
    assert "10 bytes at its end were cut" in history.cut


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operating system that takes three bytes at a time gets all of them."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:3]))
    small_log(tmp_path / "events.log")
    assert len(read_history(tmp_path / "events.log")) == 3


def test_revoked_client_records_nothing_more(tmp_path: Path) -> None:
    """After a client was given up its transaction is UNKNOWN, and neither outcome nor commit can be added."""
    log = recorder(tmp_path / "events.log")
    lease = Lease(0)
    attempt = log.begin(lease)
    attempt.ask(Op("w", "x", 1))
    log.revoke(lease, "no answer")
    assert lease.revoked
    for late in (lambda: log.finish(lease, Status.OK), lambda: log.intend(lease)):
        with pytest.raises(Revoked):
            late()
    log.end()
    history = read_history(tmp_path / "events.log")
    assert [(t.ops, t.status, t.error) for t in history.txns()] == [((Op("w", "x", 1),), Status.UNKNOWN, "no answer")]
