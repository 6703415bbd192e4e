"""Failures as programs: they make the calls that were made, print what these give, and take 30 lines at most."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from types import ModuleType
from typing import Any

import pytest
from targets import sochdb_mock
from targets.repro_runs import PATH, ROOT, called, printed, script_of

from harness.contract import TranscriptLine
from harness.repro import repro
from harness.repro_lines import LINES_MAX, Unshowable
from harness.surface import Lacking

OPEN = called("open", PATH)
LOST_UPDATE = [
    OPEN,
    called("put", b"counter", b"0"),
    called("begin", txn=1),
    called("begin", txn=2),
    called("get", b"counter", txn=1, result=b"0"),
    called("get", b"counter", txn=2, result=b"0"),
    called("put", b"counter", b"1", txn=1),
    called("commit", txn=1, result=1),
    called("put", b"counter", b"1", txn=2),
    called("commit", txn=2, result=2),
    called("get", b"counter", result=b"1"),
]


@pytest.fixture
def sdk() -> ModuleType:
    return sochdb_mock.made()


def program(transcript: Sequence[TranscriptLine], sdk: Any, since: int = 0, detail: str = "both committed") -> str:
    text = repro(transcript, script_of(sdk), since=since, root=ROOT, detail=detail)
    assert len(text.splitlines()) <= LINES_MAX
    return text


def test_a_program_shows_what_was_seen(sdk: ModuleType) -> None:
    """The calls are made again in their order on a directory of their own, and the sentence comes last."""
    text = program(LOST_UPDATE, sdk)
    assert text == (
        "import sochdb\n"
        "import tempfile\n"
        "path = tempfile.mkdtemp() + '/database'\n"
        "db = sochdb.Database.open(path)\n"
        "db.put(b'counter', b'0')\n"
        "t1 = db.transaction()\n"
        "t2 = db.transaction()\n"
        "print('t1.get', t1.get(b'counter'))\n"
        "print('t2.get', t2.get(b'counter'))\n"
        "t1.put(b'counter', b'1')\n"
        "print('t1.commit', t1.commit())\n"
        "t2.put(b'counter', b'1')\n"
        "print('t2.commit', t2.commit())\n"
        "print('db.get', db.get(b'counter'))\n"
        "print('Anomalist saw: both committed')\n"
    )
    assert printed(text, sdk) == [
        "t1.get b'0'",
        "t2.get b'0'",
        "t1.commit 2",
        "t2.commit 3",
        "db.get b'1'",
        "Anomalist saw: both committed",
    ]


def test_what_was_refused_is_tried(sdk: ModuleType) -> None:
    """A call that raised is made where its error can be printed, and the program goes on."""
    lines = [
        OPEN,
        called("close"),
        called("get", b"k", error="Refused: closed"),
        called("begin", txn=1, error="Refused"),
    ]
    assert printed(program(lines, sdk), sdk)[:2] == [
        "db.get DatabaseError: [CODE] Database is closed",
        "db.begin DatabaseError: [CODE] Database is closed",
    ]


def test_what_repeats_is_a_loop(sdk: ModuleType) -> None:
    """Runs of calls whose arguments grow evenly are loops, of several calls and of whole transactions too."""
    lines = [OPEN, *(called("put", b"key %03d" % i, b"v%d" % i) for i in range(200))]
    for i in range(1, 51):
        lines += [called("begin", txn=i), called("put", b"t%d" % i, b"x", txn=i), called("commit", txn=i, result=i)]
    lines += [called("get", b"key %03d" % i, result=b"") for i in range(0, 200, 2)]
    text = program(lines, sdk)
    assert "for i in range(200):\n    db.put(b'key %03d' % i, b'v%d' % i)\n" in text
    assert (
        "for i in range(50):\n    t = db.transaction()\n    t.put(b't%d' % (1 + i,), b'x')\n"
        "    print('t.commit', t.commit())\n"
    ) in text
    assert "print('db.get', [db.get(b'key %03d' % (2 * i,)) for i in range(100)])\n" in text
    assert printed(text, sdk)[50].startswith("db.get [b'v0', b'v2', b'v4', ")


def test_a_loop_ends_where_the_rule_ends(sdk: ModuleType) -> None:
    """The longest run with one rule is a loop, and what follows it is not lost."""
    lines = [OPEN, *(called("put", b"k%d" % i, b"v") for i in range(40)), called("put", b"last", b"w")]
    lines.append(called("get", b"last", result=b"w"))
    text = program(lines, sdk)
    assert "for i in range(40):\n" in text
    assert printed(text, sdk)[0] == "db.get b'w'"


def test_calls_without_a_rule_are_listed_only_where_they_are_too_many(sdk: ModuleType) -> None:
    """Thirty keys without any rule are one loop over their list; five stand there as they were made."""
    words = [f"{number * number % 31:02d} {'ab'[number % 2]}".encode() for number in range(30)]
    text = program([OPEN, *(called("put", word, b"v") for word in words)], sdk)
    assert f"for a in {words!r}:\n    db.put(a, b'v')\n" in text
    few = program([OPEN, *(called("put", word, b"v") for word in words[:5])], sdk)
    assert few.count("db.put(") == 5


def test_only_what_matters_is_called(sdk: ModuleType) -> None:
    """Other databases, and what was only looked at before the check's own part, are left out."""
    other = [called("open", f"{ROOT}/2/database", db=2), called("put", b"other", b"1", db=2)]
    lines = [
        *other,
        OPEN,
        called("get", b"before", result=None),
        called("put", b"k", b"1"),
        called("get", b"k", result=b"1"),
    ]
    text = program(lines, sdk, since=5)
    assert "other" not in text
    assert "before" not in text
    assert text.count("db.put(") == 1
    assert text.count("mkdtemp") == 1


def test_a_database_that_another_one_left_is_needed(sdk: ModuleType) -> None:
    """Whoever had the path open before is part of the story, by its own variable."""
    lines = [
        OPEN,
        called("put", b"k", b"1"),
        called("close"),
        called("open", PATH, db=2),
        called("get", b"k", db=2, result=None),
    ]
    text = program(lines, sdk, since=3)
    assert "db2 = sochdb.Database.open(path)\nprint('db2.get', db2.get(b'k'))\n" in text
    assert printed(text, sdk)[0] == "db2.get b'1'"


def test_rounds_that_are_too_many_are_left_out(sdk: ModuleType) -> None:
    """What is too long for 30 lines keeps the rounds that the detail speaks of, whole."""
    lines, keys = [OPEN], [f"round {name}".encode() for name in ("one", "two", "six", "ten", "odd", "even")]
    for number, key in enumerate(keys, 1):
        lines += [
            called("put", key, b"0"),
            called("begin", txn=number),
            called("get", key, txn=number, result=b"0"),
            called("put", key, b"%d" % (number * number), txn=number),
            called("commit", txn=number, result=1),
            called("get", key, result=b"1"),
        ]
    text = program(lines, sdk, detail="it was wrong in round six")
    assert text.count("b'round six'") == 4
    assert "b'round even'" not in text
    shown = printed(text, sdk)
    at = shown.index("t3.get b'0'")
    assert shown[at + 2] == "db.get b'9'"


def test_time_damage_and_another_process(sdk: ModuleType) -> None:
    """What the rig did between calls is done by the program: it waits, damages a file, and kills a process."""
    world = [
        called("child", PATH, (("put", b"k1", b"1"), ("get", b"k1")), "kill", db=0, result=[None, None, b"1"]),
        called("wait", 0.25, db=0),
        called("damage", PATH, "flip", 0.5, db=0, result="wal.log"),
        called("damage", PATH, "cut", 0.9, db=0, result="wal.log"),
    ]
    text = program([*world, OPEN, called("get", b"k1", result=None)], sdk)
    assert "time.sleep(0.25)\n" in text
    assert "held[int(len(held) * 0.5)] ^= 0x10\n" in text
    assert "os.truncate(file, int(file.stat().st_size * 0.9))\n" in text
    child = text.split("r'''\n")[1].split("'''")[0].splitlines()
    assert child == [
        "import os, sochdb, sys",
        "db = sochdb.Database.open(sys.argv[1])",
        "db.put(b'k1', b'1')",
        "print('db.get', db.get(b'k1'))",
        "os.kill(os.getpid(), 9)",
    ]


def test_functions_of_a_transaction_are_written_out(sdk: ModuleType) -> None:
    """A function that was given to a call is defined before it, with what was called within, and what it raised."""
    lines = [
        OPEN,
        called("put", b"k", b"1", txn=1),
        called("with_transaction", lambda t: None, result=7),
        called("with_transaction", lambda t: None, error="KeyError: mine"),
    ]
    text = program(lines, sdk)
    assert (
        "def work(t1):\n    t1.put(b'k', b'1')\nprint('db.with_transaction', db.with_transaction(work))\n"
        "def work(t):\n    raise RuntimeError('raised by the function')\n"
        "print('db.with_transaction', tried(lambda: db.with_transaction(work)))\n"
    ) in text


def test_queues_are_made_again_on_a_new_handle(sdk: ModuleType) -> None:
    """After reopening, a queue is an object of the new handle."""
    lines = [OPEN, called("make_queue", "q", 60, 3), called("close"), OPEN, called("enqueue", "q", b"p", result="t")]
    assert program(lines, sdk).count("queue_q = sochdb.PriorityQueue(") == 2


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([called("put", object(), b"")], "a value in it cannot be written down"),
        ([called("get", Random(0).randbytes(5_000))], "its values are too long to be written down"),
        ([called(("get", "delete")[i * i % 7 % 2], b"k", txn=1) for i in range(200)], r"it takes \d+ lines"),
    ],
)
def test_what_has_no_short_program_is_said(sdk: ModuleType, lines: list[TranscriptLine], why: str) -> None:
    """A value without a literal, one too long, and too many uneven calls on one key have a reason instead."""
    with pytest.raises(Unshowable, match=why):
        repro([OPEN, called("begin", txn=1), *lines], script_of(sdk), since=0, root=ROOT, detail="d")


def test_what_the_target_lacks_has_no_program(sdk: ModuleType) -> None:
    """The reason of a surface is the reason here."""

    def script(name: str, arguments: tuple[Any, ...], within: str) -> str:
        raise Lacking("no module")

    with pytest.raises(Unshowable, match="no module"):
        repro([OPEN], script, since=0, root=ROOT, detail="d")
