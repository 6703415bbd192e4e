"""Operations on data models as calls of a target, on a target that is three dictionaries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from harness.history import Op
from harness.models import VECTOR_DIMENSION, VECTOR_VALUES, ModelSteps, model_of
from harness.program import append, delete, read, write
from harness.surface import CALLS, Claim, Refused, Traversal
from harness.target import Aborted


class Calls:
    """Answers from a script, and remembers what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def __call__(self, name: str, *arguments: Any) -> Any:
        assert name in CALLS
        self.asked.append((name, *arguments))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def perform(op: Op, *answers: Any, steps: ModelSteps | None = None) -> tuple[Op, list[tuple[Any, ...]]]:
    calls = Calls(*answers)
    return (steps or ModelSteps()).perform(op, calls, "worker1"), calls.asked


@pytest.mark.parametrize(
    ("op", "model"),
    [
        (read("x"), ""),
        (read(("x", "y")), ""),
        (read(("sql", "x")), "sql"),
        (delete(("cache", "x")), "cache"),
        (write(("vectors", 3), 1), "vectors"),
        (Op("sql", "cells", "SELECT 1"), "sql"),
        (Op("dequeue", "tasks"), "queue"),
        (Op("make_vectors", "vectors", 4), "vectors"),
        (Op("traverse", "g", ("a", 1)), "graph"),
    ],
)
def test_an_operation_belongs_to_a_model_by_its_kind_or_its_key(op: Op, model: str) -> None:
    """A key (model, name) is the model's, any other key nobody's."""
    assert model_of(op) == model


def test_a_row_is_read_and_written_by_statements() -> None:
    """A read selects, a write updates the row or inserts it, a delete deletes it; quotes are doubled."""
    assert perform(read(("sql", "o'x")), [{"v": "95#7"}]) == (
        Op("r", ("sql", "o'x"), "95#7"),
        [("sql", "SELECT v FROM cells WHERE k = 'o''x'")],
    )
    assert perform(read(("sql", "x")), [])[0].value is None
    assert perform(write(("sql", "x"), "it's"), [])[1] == [
        ("sql", "SELECT v FROM cells WHERE k = 'x'"),
        ("sql", "INSERT INTO cells (k, v) VALUES ('x', 'it''s')"),
    ]
    assert perform(write(("sql", "x"), "9"), [{"v": "8"}])[1][1:] == [
        ("sql", "UPDATE cells SET v = '9' WHERE k = 'x'")
    ]
    assert perform(delete(("sql", "x")))[1] == [("sql", "DELETE FROM cells WHERE k = 'x'")]


def test_a_list_in_a_row_is_read_and_written_whole() -> None:
    """An append reads the list and writes it with one element more; a read gives the elements as they were."""
    done, asked = perform(append(("sql", "x"), 3), [{"v": " 1 -2"}], [{"v": " 1 -2"}])
    assert done == append(("sql", "x"), 3)
    assert asked[-1] == ("sql", "UPDATE cells SET v = ' 1 -2 3' WHERE k = 'x'")
    assert perform(append(("sql", "x"), 3), [], [])[1][-1] == ("sql", "INSERT INTO cells (k, v) VALUES ('x', ' 3')")
    assert perform(read(("sql", "x")), [{"v": " 1 -2 3"}])[0].value == [1, -2, 3]


def test_two_rows_of_one_key_are_both_in_the_answer() -> None:
    """What no table may hold is seen, and not the first row of it."""
    assert perform(read(("sql", "x")), [{"v": "1"}, {"v": "2"}])[0].value == ("1", "2")


def test_an_entry_of_the_cache_is_found_by_its_own_embedding() -> None:
    """Put and get of a key have one embedding, of length 1, and two keys have two."""
    _, ((name, cache, key, text, embedding, seconds),) = perform(write(("cache", "e1"), "v1"))
    assert (name, cache, key, text, seconds) == ("cache_put", "entries", "e1", "v1", 0)
    done, ((_, _, query, threshold),) = perform(read(("cache", "e1")), "v1")
    assert done.value == "v1"
    assert query == embedding
    assert math.isclose(math.hypot(*embedding), 1)
    _, ((_, _, other, _),) = perform(read(("cache", "e2")))
    assert sum(a * b for a, b in zip(query, other, strict=True)) < threshold - 0.1
    assert perform(delete(("cache", "e1")))[1] == [("cache_delete", "entries", "e1")]


@pytest.mark.parametrize(
    "metric",
    [
        lambda a, b: 1 - a @ b,
        lambda a, b: float(np.linalg.norm(a - b)),
        lambda a, b: float(np.linalg.norm(a - b)) ** 2,
    ],
)
@pytest.mark.parametrize("value", VECTOR_VALUES)
def test_a_vector_tells_its_value_by_its_distance(metric: Any, value: int) -> None:
    """Whatever the metric, the value that was put is the one that a search finds; the id of another is none."""
    _, ((_, index, ids, vectors),) = perform(write(("vectors", 7), value))
    assert (index, ids, vectors.shape, vectors.dtype) == ("vectors", [7], (1, VECTOR_DIMENSION), np.float32)
    _, ((_, _, query, k),) = perform(read(("vectors", 7)))
    assert k == 1
    distance = metric(vectors[0], query)
    assert perform(read(("vectors", 7)), [(7, distance)])[0].value == value
    assert perform(read(("vectors", 7)), [(8, distance)])[0].value is None
    assert perform(read(("vectors", 7)), [(7, 0.5)])[0].value == 0.5


def test_only_known_values_have_a_vector() -> None:
    """A value outside VECTOR_VALUES is our mistake and says so."""
    with pytest.raises(ValueError, match="between 1 and 4, not 5"):
        perform(write(("vectors", 7), 5))


def test_receipts_are_numbers_in_the_order_in_which_they_came() -> None:
    """Equal receipts have one number, and what the target is given back is its own receipt."""
    steps = ModelSteps()
    one = [
        perform(Op("dequeue", "q"), Claim(5, b"task5", 1, receipt), steps=steps)[0].value
        for receipt in ("abc", "xyz", "abc")
    ]
    assert one == [(5, "task5", 1, 0), (5, "task5", 1, 1), (5, "task5", 1, 0)]
    assert perform(Op("ack", "q", 1), steps=steps) == (Op("ack", "q", (1, True)), [("ack", "q", "xyz")])
    refused, _ = perform(Op("nack", "q", 0), Refused("stale"), steps=steps)
    assert refused == Op("nack", "q", (0, False))


def test_a_queue_is_asked_for_with_the_worker() -> None:
    """Payloads are bytes there and text here; bytes that nobody put in stay what they are."""
    assert perform(Op("make_queue", "q", (60.0, 3))) == (
        Op("make_queue", "q", (60.0, 3)),
        [("make_queue", "q", 60.0, 3)],
    )
    assert perform(Op("enqueue", "q", "task1"), 17) == (
        Op("enqueue", "q", ("task1", 17)),
        [("enqueue", "q", b"task1")],
    )
    assert perform(Op("dequeue", "q")) == (Op("dequeue", "q", None), [("dequeue", "q", "worker1")])
    assert perform(Op("dequeue", "q"), Claim(5, b"\xff", 1, "r"))[0].value == (5, b"\xff", 1, 0)


def test_a_graph_says_what_it_refuses() -> None:
    """An edge without its nodes is not added, a missing node is deleted all the same, and nothing is around it."""
    edge = ("a", "k", "b")
    assert perform(Op("add_node", "g", "a"))[1] == [("add_node", "g", "a", {})]
    assert perform(Op("add_edge", "g", edge)) == (Op("add_edge", "g", (edge, True)), [("add_edge", "g", *edge)])
    assert perform(Op("add_edge", "g", edge), Refused("missing"))[0].value == (edge, False)
    assert perform(Op("delete_node", "g", "a"), Refused("missing"))[0].value == "a"
    found = Traversal({"b": {}, "a": {}}, [edge, ("a", "j", "b")])
    look = Op("traverse", "g", ("a", 1))
    assert perform(look, found)[0].value == (("a", 1), (("a", "b"), (("a", "j", "b"), edge)))
    assert perform(look, Refused("missing"), Refused("missing"))[0].value == (("a", 1), ((), ()))


def test_an_edge_that_leads_nowhere_is_told_from_a_start_that_is_missing() -> None:
    """Where the start is there before and after, something behind it is missing; else either came or went."""
    look, alone, missing = Op("traverse", "g", ("a", 1)), Traversal({"a": {}}, []), Refused("missing")
    nowhere, asked = perform(look, missing, alone, missing, alone)
    assert nowhere.value == (("a", 1), (("a",), None))
    assert [call[3] for call in asked] == [1, 0, 1, 0]
    assert perform(look, missing, alone, alone)[0].value == (("a", 1), (("a",), ()))
    assert perform(look, missing, alone, missing, missing)[0].value == (("a", 1), ((), ()))


@pytest.mark.parametrize(
    "op", [read(("sql", "x")), Op("ack", "q", 0), Op("add_edge", "g", ("a", "k", "b")), Op("traverse", "g", ("a", 1))]
)
def test_only_a_conflict_is_an_abort(op: Op) -> None:
    """A conflict aborts; any other refusal that the operation has no answer for is the target's own error."""
    steps = ModelSteps()
    perform(Op("dequeue", "q"), Claim(5, b"task5", 1, "r"), steps=steps)
    with pytest.raises(Aborted, match="again"):
        perform(op, Refused("conflict", "run it again"), steps=steps)
    with pytest.raises(Refused, match="closed"):
        perform(op, Refused("closed"), steps=steps)


def test_directions_are_the_same_in_every_process() -> None:
    """A run that is repeated elsewhere asks for the same vectors."""
    _, ((_, _, query, _),) = perform(read(("cache", "entry0")))
    assert [round(part, 6) for part in query[:2]] == [-0.324153, -0.258564]
