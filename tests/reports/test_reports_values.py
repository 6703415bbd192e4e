"""How values are written for people and made safe."""

from __future__ import annotations

import json

import msgspec
import pytest
import report_samples as samples

from harness.build import frozen
from harness.history import UNSEEN, Op
from reports.values import json_safe, show, show_around, show_op, visible


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (UNSEEN, "?"),
        (None, "none"),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        ("k8", "k8"),
        ("none", '"none"'),
        ("two words", '"two words"'),
        ("", '""'),
        (b"\x00\xff", "0x00ff"),
        ([3, 24, 30, 33], "[3 24 30 33]"),
        ([], "[]"),
        ({"a": 1, "b": [2]}, "{a: 1, b: [2]}"),
        (frozen({"a": 1}), "{a: 1}"),
        (frozen({1, 2}), "{1 2}"),
        (frozen(10**30), "1" + "0" * 30),
    ],
)
def test_each_kind_of_value_has_one_form(value: object, written: str) -> None:
    """A value is written in one short form for its type, and the stored form of a map as the map."""
    assert show(value) == written


def test_a_long_list_is_shortened_in_the_middle_and_its_length_is_said() -> None:
    """Both ends of a long list stay, and the number of its elements follows."""
    assert show(list(range(1, 31)), 30) == "[1 2 3 4 … 29 30] 30 elements"
    assert show(list(range(1, 31)), 24, unit=False) == "[1 2 3 4 … 29 30] of 30"


def test_the_middle_of_a_huge_list_is_not_looked_at() -> None:
    """Only the ends of a list are ever written, so a huge one costs no more than a short one."""
    looked_at = []

    class Counting:
        def __str__(self) -> str:
            looked_at.append(self)
            return "seen"

    many = [1, 2, *([Counting()] * 100_000), 3, 4]
    assert show(many, 30) == "[1 2 … 3 4] 100004 elements"
    assert len(looked_at) < 30


def test_a_long_text_is_shortened_and_its_length_is_said() -> None:
    """A text of 10,240 characters is written in a few, with its length."""
    written = show(samples.LONG, 20)
    assert written == '"xxxxxx…xxxxx" 10240 characters'


def test_elements_a_proof_is_about_stay_in_sight() -> None:
    """In a long order the named element keeps its neighbours."""
    assert show_around(list(range(100)), {"50"}, 40) == "[0 … 49 50 51 … 99] 100 elements"


def test_control_characters_and_direction_marks_are_written_out() -> None:
    """Nothing that a terminal, XML or an eye would obey is left in a text."""
    assert visible(samples.ESCAPE) == "\\x1b[31mred\\x1b[0m\\x07"
    assert visible(samples.RIGHT_TO_LEFT) == "abc\\u202etxt.exe\\u2066"
    assert visible("a\x00b\ud800\u2028") == "a\\x00b\\ud800\\u2028"
    assert show(samples.NUL) == '"a\\x00b"'


@pytest.mark.parametrize(
    ("op", "written"),
    [
        (Op("r", "k8", [3, 24]), "r k8 → [3 24]"),
        (Op("r", "k8", UNSEEN), "r k8 → ?"),
        (Op("w", "x", 1), "w x 1"),
        (Op("append", "k8", 60), "append k8 60"),
        (Op("scan", ("a", "f"), {"b": 1}), "scan [a, f) → {b: 1}"),
        (Op("scan", "user", {}), "scan user* → {}"),
        (Op("delete", "x"), "delete x"),
        (Op("incr", "n", (2, 9)), "incr n by 2 → 9"),
        (Op("cas", "x", (1, 2, False)), "cas x 1 to 2 → false"),
        (Op("w", ("cache", "e1"), "v1"), "w [cache e1] v1"),
        (Op("make_queue", "q", (60, 3)), "make_queue q [60 3]"),
        (Op("enqueue", "q", ("task1", 7)), "enqueue q task1 → 7"),
        (Op("dequeue", "q", (7, "task1", 1, "c7")), "dequeue q → [7 task1 1 c7]"),
        (Op("dequeue", "q", None), "dequeue q → none"),
        (Op("ack", "q", ("c7", True)), "ack q c7 → true"),
        (Op("sql", "s", ("SELECT v FROM cells", None)), 'sql s "SELECT v FROM cells" → none'),
        (Op("add_edge", "g", (("a", "k", "b"), True)), "add_edge g [a k b] → true"),
        (Op("add_node", "g", "a"), "add_node g a"),
        (Op("traverse", "g", (("a", 1), (("a", "b"), (("a", "k", "b"),)))), "traverse g [a 1] → [[a b] [[a k b]]]"),
    ],
)
def test_each_kind_of_operation_has_one_form(op: Op, written: str) -> None:
    """An operation is one line that says what was asked and what came back."""
    assert show_op(op) == written


def test_any_value_becomes_json() -> None:
    """Keys and values of any type end as JSON that a strict reader takes."""
    value = {
        1: {"a", "b"},
        (1, 2): b"\x01",
        "text": "\ud800\x00",
        "number": float("nan"),
        "big": 2**70,
        None: UNSEEN,
        "other": object,
    }
    document = json_safe(value)
    assert document == {
        "1": ["a", "b"],
        "[1 2]": "0x01",
        "text": "\\ud800\x00",
        "number": "nan",
        "big": str(2**70),
        "none": "?",
        "other": "<class 'object'>",
    }
    assert json.loads(msgspec.json.encode(document)) == document
