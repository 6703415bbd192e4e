"""Jepsen's histories of single operations become transactions of one operation, or are refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_files import history_of, refusal, rows

from harness.history import UNSEEN


def text_of(*operations: str) -> str:
    """`process type f value` of each, as EDN."""
    fields = (one.split(" ", 3) for one in operations)
    return "".join(f"{{:process {p}, :type :{t}, :f :{f}, :value {v}}}\n" for p, t, f, v in fields)


def told(history: Any) -> list[tuple[Any, ...]]:
    """(client, status, operations) of each row."""
    return [(client, status, ops) for client, status, _, _, ops, _ in rows(history)]


def test_a_register(tmp_path: Path) -> None:
    """Reads, writes and compare-and-sets; a failed one had no effect, and one of unknown fate no answer."""
    history = history_of(
        tmp_path,
        text_of(
            *("0 invoke read nil", "0 ok read nil", "0 invoke write 3", "0 ok write 3"),
            *("0 invoke cas [3 4]", "0 ok cas [3 4]", "0 invoke cas [3 4]", "0 fail cas [3 4]"),
            *("0 invoke cas [4 5]", "0 info cas :timeout", "1 invoke read nil", "1 info read nil"),
        ),
    )
    assert history.info.workload == "linearizable-register"
    assert told(history) == [
        (0, "OK", [("r", "register", None)]),
        (0, "OK", [("w", "register", 3)]),
        (0, "OK", [("cas", "register", (3, 4, True))]),
        (0, "ABORTED", [("cas", "register", (3, 4))]),
        (0, "UNKNOWN", [("cas", "register", (4, 5))]),
        (1, "UNKNOWN", [("r", "register", UNSEEN)]),
    ]


def test_registers_of_independent_keys(tmp_path: Path) -> None:
    """Where every value is a pair of a key and its own value, each key is a register."""
    operations = ("0 invoke write [:a 1]", "0 ok write [:a 1]", "1 invoke read [:a nil]", "1 ok read [:a 1]")
    assert told(history_of(tmp_path, text_of(*operations))) == [
        (0, "OK", [("w", "a", 1)]),
        (1, "OK", [("r", "a", 1)]),
    ]
    one = text_of("0 invoke write [1 2]", "0 ok write [1 2]", "1 invoke read nil", "1 ok read [1 2]")
    assert told(history_of(tmp_path, one)) == [
        (0, "OK", [("w", "register", (1, 2))]),
        (1, "OK", [("r", "register", (1, 2))]),
    ]
    swapped = text_of("0 invoke cas [7 [1 2]]", "0 ok cas [7 [1 2]]")
    assert told(history_of(tmp_path, swapped)) == [(0, "OK", [("cas", 7, (1, 2, True))])]


def test_a_lock(tmp_path: Path) -> None:
    """A lock is a register that is nothing or held."""
    history = history_of(tmp_path, text_of("0 invoke acquire nil", "0 ok acquire nil", "0 invoke release nil"))
    assert history.info.workload == "linearizable-lock"
    assert told(history) == [
        (0, "OK", [("cas", "lock", (None, "held", True))]),
        (0, "UNKNOWN", [("cas", "lock", ("held", None))]),
    ]


def test_a_queue(tmp_path: Path) -> None:
    """Elements are their own tasks, claimed for good; a drain takes each and then finds nothing."""
    history = history_of(
        tmp_path,
        text_of(
            *("3 invoke enqueue 5", "3 ok enqueue 5", "3 invoke enqueue 6", "3 info enqueue nil"),
            *("4 invoke dequeue nil", "4 ok dequeue 5", "4 invoke dequeue nil", "4 fail dequeue nil"),
            *("4 invoke dequeue nil", "4 info dequeue nil", "5 invoke drain nil", "5 ok drain [6]"),
        ),
    )
    assert history.info.workload == "queue"
    assert told(history) == [
        (3, "OK", [("make_queue", "queue", (1e9, 1))]),
        (3, "OK", [("enqueue", "queue", (5, 5))]),
        (3, "UNKNOWN", [("enqueue", "queue", (6, None))]),
        (4, "OK", [("dequeue", "queue", (5, 5, 1, 1))]),
        (4, "ABORTED", [("dequeue", "queue", UNSEEN)]),
        (4, "UNKNOWN", [("dequeue", "queue", UNSEEN)]),
        (5, "OK", [("dequeue", "queue", (6, 6, 1, 2)), ("dequeue", "queue", None)]),
    ]


SET = text_of("0 invoke add 7", "0 ok add 7", "0 invoke add 8", "0 fail add 8", "1 invoke read nil", "1 ok read SEEN")


def test_a_set(tmp_path: Path) -> None:
    """A set is a register for each element that anybody can have put in; what is there twice nobody wrote."""
    history = history_of(tmp_path, SET.replace("SEEN", "#{7}"))
    assert history.info.workload == "set"
    assert told(history) == [
        (0, "OK", [("w", 7, 1)]),
        (0, "ABORTED", [("w", 8, 1)]),
        (1, "OK", [("r", 7, 1), ("r", 8, None)]),
    ]
    odd = history_of(tmp_path, SET.replace("SEEN", "[9 7 7]"))
    assert told(odd)[2] == (1, "OK", [("r", 7, 2), ("r", 8, None), ("r", 9, 1)])


def test_a_set_as_one_object(tmp_path: Path) -> None:
    """For any other workload of sets, adding is an append and a read sees the elements."""
    assert told(history_of(tmp_path, SET.replace("SEEN", "#{7}"), workload="linearizable-set")) == [
        (0, "OK", [("append", "set", 7)]),
        (0, "ABORTED", [("append", "set", 8)]),
        (1, "OK", [("r", "set", [7])]),
    ]


def test_a_counter(tmp_path: Path) -> None:
    """What an increment made of the number is not told."""
    text = text_of("0 invoke add 2", "0 ok add 2", "0 invoke add 1", "1 invoke read nil", "1 ok read 2")
    history = history_of(tmp_path, text)
    assert history.info.workload == "linearizable-counter"
    assert told(history) == [
        (0, "OK", [("incr", "counter", (2, None))]),
        (0, "UNKNOWN", [("incr", "counter", (1, None))]),
        (1, "OK", [("r", "counter", 2)]),
    ]


@pytest.mark.parametrize(
    ("operations", "parts"),
    [
        (("0 invoke add 2", "0 ok add 2"), ["set or a counter", "-w"]),
        (("0 invoke add 1", "0 ok read 1", "0 ok read [1]"), ["set or a counter", "-w"]),
        (("0 invoke transfer {:from 1}", "0 ok read {1 5}"), ["transfers do not say", "-w"]),
        (("0 invoke drain nil", "0 info drain nil"), ["line 2", "nobody knows what a drain took"]),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path: Path, operations: tuple[str, ...], parts: list[str]) -> None:
    """Where the operations do not say what they are of or what they did, the error says so."""
    sentence = refusal(tmp_path, text_of(*operations))
    assert [part for part in parts if part not in sentence] == [], sentence


def test_other_operations_are_still_no_transactions(tmp_path: Path) -> None:
    """Functions that nobody knows, and reads alone, tell no transaction."""
    for operations in (("0 invoke hop 1", "0 ok hop 1"), ("0 invoke read nil", "0 ok read 1")):
        assert len(history_of(tmp_path, text_of(*operations))) == 0


def test_disturbances_stay(tmp_path: Path) -> None:
    """What a nemesis did is a fault beside the operations."""
    text = text_of(":nemesis info kill nil", "0 invoke write 1", ":nemesis info kill nil", "0 ok write 1")
    assert [fault.name for fault in history_of(tmp_path, text).faults] == ["kill"]
