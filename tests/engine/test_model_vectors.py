"""Vectors: exact search, one row per id, one dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine import Conflict, Database, DimensionMismatch, InvalidArgument, InvalidKey, MemoryVfs
from engine.models.vectors import Vectors


def opened(*vectors: list[float], metric: Any = "cosine") -> Vectors:
    """A collection of these vectors, the first under the id 0."""
    collection = Database.open().vectors("v", metric=metric)
    collection.insert_batch(enumerate(vectors))
    return collection


def by_brute_force(rows: Any, query: Any, metric: str) -> list[float]:
    """The distance of each row, computed by sums in plain Python."""
    found = []
    for row in rows:
        product = math.fsum(a * b for a, b in zip(row, query, strict=True))
        length = math.hypot(*row) * math.hypot(*query)
        found.append(
            {
                "dot": -product,
                "cosine": 1 - product / length if length else 1.0,
                "l2": math.dist(row, query),
            }[metric]
        )
    return found


@pytest.mark.parametrize("metric", ["cosine", "l2", "dot"])
def test_search_finds_the_nearest_exactly(metric: str) -> None:
    """Of random vectors it finds those that brute force finds, with their distances, ascending."""
    rows = np.random.default_rng(42).normal(size=(300, 16))
    collection = opened(*rows.tolist(), metric=metric)
    for query in (*np.random.default_rng(1).normal(size=(5, 16)), rows[7]):
        expected = by_brute_force(rows, query, metric)
        found = collection.search(query, 10)
        assert [vector_id for vector_id, _ in found] == sorted(range(300), key=expected.__getitem__)[:10]
        assert [distance for _, distance in found] == pytest.approx(sorted(expected)[:10], abs=1e-12)
        assert [distance for _, distance in found] == sorted(distance for _, distance in found)


def test_distances_are_the_documented_ones() -> None:
    """Cosine is 1 - cos, l2 the length of the difference, dot the negated product; equal distances come by id."""
    vectors = ([3.0, 4.0], [-6.0, -8.0], [4.0, -3.0], [6.0, 8.0])
    assert opened(*vectors).search([3, 4], 9) == [
        (0, 0.0),
        (3, 0.0),
        (2, pytest.approx(1.0)),
        (1, pytest.approx(2.0)),
    ]
    assert opened(*[[1.0, float(n % 2)] for n in range(99)]).search([2, 0], 50) == [(n, 0.0) for n in range(0, 99, 2)]
    assert opened(*vectors, metric="l2").search([0, 0], 9) == [(0, 5.0), (2, 5.0), (1, 10.0), (3, 10.0)]
    assert opened(*vectors, metric="dot").search([1, 0], 9) == [(3, -6.0), (2, -4.0), (0, -3.0), (1, 6.0)]


@pytest.mark.parametrize("metric", ["cosine", "l2", "dot"])
def test_zero_tiny_and_huge_vectors_have_finite_distances(metric: str) -> None:
    """No distance is NaN or infinite, in any direction, and the nearest of a vector is itself."""
    vectors = [[0.0, 0.0], [5e-324, 0.0], [-1e150, 1e150], [0.0, 1e-200]]
    collection = opened(*vectors, metric=metric)
    for query in vectors:
        found = collection.search(query, 10)
        assert len(found) == 4
        assert all(math.isfinite(distance) for _, distance in found)
    assert collection.search([0, 1e-200], 1)[0][0] == {"cosine": 3, "l2": 0, "dot": 2}[metric]
    assert dict(opened([0.0, 0.0], [1.0, 1.0]).search([0, 0], 2)) == {0: 1.0, 1: 1.0}


def test_as_many_are_found_as_there_are() -> None:
    """A larger k finds all, each once; in an empty collection nothing is found, whatever the dimension."""
    collection = opened(*[[float(n), 1.0] for n in range(10)])
    found = collection.search([1, 1], 1000)
    assert sorted(vector_id for vector_id, _ in found) == list(range(10))
    assert Database.open().vectors("v").search([1, 2, 3], 5) == []
    assert Database.open().vectors("v").count() == 0


def test_the_last_vector_of_an_id_stands() -> None:
    """Inserting it again replaces it, within a batch too; deleting says whether there was one."""
    collection = opened([1.0, 0.0])
    collection.insert(99, [1.0, 0.0])
    assert collection.insert_batch([(99, [0.5, 0.5]), ("é\0", [1, 1]), (99, np.array([0.0, 2.0]))]) == 3
    assert collection.count() == 3
    assert collection.get(99) == [0.0, 2.0]
    assert collection.get("é\0") == [1.0, 1.0]
    assert collection.get("99") is None
    assert collection.search([0, 1], 1) == [(99, 0.0)]
    assert collection.delete(99)
    assert not collection.delete(99)
    assert collection.get(99) is None
    assert [vector_id for vector_id, _ in collection.search([1, 0], 9)] == [0, "é\0"]


def test_ids_are_kept_apart_and_in_order() -> None:
    """Ints come by size, negative ones first, and text behind them; 1 and "1" are two."""
    collection = Database.open().vectors("v")
    ids: list[int | str] = [-300, -1, 0, 1, 255, 256, "1", "a"]
    for vector_id in reversed(ids):
        collection.insert(vector_id, [1.0])
    assert [found for found, _ in collection.search([1.0], 99)] == ids


def test_the_dimension_is_that_of_the_first() -> None:
    """Later vectors and queries of another one are refused, and change nothing."""
    collection = opened([1.0, 2.0])
    for call in (
        lambda: collection.insert(1, [1.0]),
        lambda: collection.insert_batch([(1, [1.0, 1.0]), (2, [1.0, 1.0, 1.0])]),
        lambda: collection.search([1.0, 2.0, 3.0], 1),
    ):
        with pytest.raises(DimensionMismatch):
            call()
    assert collection.count() == 1
    collection.delete(0)
    with pytest.raises(DimensionMismatch):
        collection.insert(0, [1.0])


def test_the_dimension_may_be_declared() -> None:
    """Then the first vector and every query have to have it too, and it has to be that of what is there."""
    database = Database.open()
    declared = database.vectors("v", dimension=2)
    with pytest.raises(DimensionMismatch):
        declared.insert(1, [1.0])
    with pytest.raises(DimensionMismatch):
        declared.search([1.0], 1)
    assert declared.count() == 0
    declared.insert(1, [1.0, 1.0])
    with pytest.raises(DimensionMismatch):
        database.vectors("v", dimension=3).insert(2, [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "vector",
    [[], [float("nan")], [float("inf")], [1e151], ["1"], "1", 1.0, None, [[1.0]], [None], [1 << 70], {1: 2}],
    ids=repr,
)
def test_what_is_no_vector_is_refused(vector: Any) -> None:
    """NaN, infinities, numbers that would overflow, nesting and other types are InvalidArgument, for every call."""
    collection = opened([1.0])
    for call in (
        lambda: collection.insert(1, vector),
        lambda: collection.insert_batch([(2, [1.0]), (1, vector)]),
        lambda: collection.search(vector, 1),
    ):
        with pytest.raises(InvalidArgument):
            call()
    assert collection.search([1.0], 9) == [(0, 0.0)]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda collection: collection.insert(None, [1.0]), InvalidArgument),
        (lambda collection: collection.insert("", [1.0]), InvalidArgument),
        (lambda collection: collection.insert(True, [1.0]), InvalidArgument),
        (lambda collection: collection.insert(1.5, [1.0]), InvalidArgument),
        (lambda collection: collection.insert("\ud800", [1.0]), InvalidKey),
        (lambda collection: collection.insert_batch([(1, [1.0]), (None, [1.0])]), InvalidArgument),
        (lambda collection: collection.search([1.0], 0), InvalidArgument),
        (lambda collection: collection.search([1.0], -1), InvalidArgument),
        (lambda collection: collection.search([1.0], 1.5), InvalidArgument),
        (lambda collection: collection.get([1]), InvalidArgument),
        (lambda collection: Database.open().vectors("v", metric="manhattan"), InvalidArgument),
        (lambda collection: Database.open().vectors("v", metric=[]), InvalidArgument),
        (lambda collection: Database.open().vectors("v", dimension=0), InvalidArgument),
    ],
)
def test_arguments_that_make_no_sense_are_refused(call: Any, error: type[Exception]) -> None:
    """Each raises its typed error and changes nothing."""
    collection = opened([1.0])
    with pytest.raises(error):
        call(collection)
    assert collection.search([1.0], 9) == [(0, 0.0)]


def test_a_search_conflicts_with_a_new_vector() -> None:
    """Two transactions that each insert because nothing was near: the second is refused."""
    database = Database.open()
    database.vectors("v").insert(0, [1.0, 0.0])
    one, two = database.begin_transaction(), database.begin_transaction()
    for place, transaction in enumerate((one, two), 1):
        assert transaction.vectors("v").search([0, 1], 1) == [(0, 1.0)]
        transaction.vectors("v").insert(place, [0.0, 1.0])
        assert transaction.vectors("v").search([0, 1], 1) == [(place, 0.0)]
    one.commit()
    with pytest.raises(Conflict):
        two.commit()


def test_two_first_vectors_of_different_dimensions_conflict() -> None:
    """Only one of them can be the first."""
    database = Database.open()
    one, two = database.begin_transaction(), database.begin_transaction()
    one.vectors("v").insert(1, [1.0])
    two.vectors("v").insert(2, [1.0, 2.0])
    one.commit()
    with pytest.raises(Conflict):
        two.commit()


def test_vectors_outlive_their_database() -> None:
    """After closing and opening again all components are what they were, to the last bit, and so is the dimension."""
    disk = MemoryVfs()
    rows = np.random.default_rng(7).normal(size=(50, 3)).tolist()
    with Database.open("/db", vfs=disk) as database:
        database.vectors("v").insert_batch(enumerate(rows))
        found = database.vectors("v").search(rows[3], 50)
    with Database.open("/db", vfs=disk) as database:
        collection = database.vectors("v")
        assert [collection.get(place) for place in range(50)] == rows
        assert collection.search(rows[3], 50) == found
        with pytest.raises(DimensionMismatch):
            collection.insert(0, [1.0])
