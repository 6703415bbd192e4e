"""Semantic caches: found by likeness, gone when deleted, cleared or ended."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from engine_watch import Watch

from engine import (
    Conflict,
    Database,
    DimensionMismatch,
    InvalidArgument,
    InvalidValue,
    MemoryVfs,
    Transaction,
)
from engine.models.cache import Cache, Hit


def filled(count: int = 10, dimension: int = 16) -> tuple[Cache, list[list[float]]]:
    """A cache with `count` entries key_0 … whose embeddings are far from each other, and these."""
    cache = Database.open().cache("c")
    embeddings = (np.eye(dimension)[:count] + 0.01).tolist()
    for place, embedding in enumerate(embeddings):
        cache.put(f"key_{place}", b"value_%d" % place, embedding)
    return cache, embeddings


def test_the_same_embedding_is_a_hit() -> None:
    """It finds its own entry with similarity 1, at any threshold, however long the vector is."""
    cache, embeddings = filled()
    for place, embedding in enumerate(embeddings):
        hit = Hit(f"key_{place}", b"value_%d" % place, 1.0)
        assert cache.get(embedding, 1) == cache.get(np.array(embedding), 0.99) == hit
        found = cache.get([component * 1e-100 for component in embedding], 0.99)
        assert found is not None
        assert found[:2] == hit[:2]


def test_the_threshold_is_a_cosine() -> None:
    """An angle with that cosine is a hit just below it and none just above; the similarity is the cosine."""
    cache = Database.open().cache("c")
    cache.put("k", b"v", [1.0, 0.0])
    for cosine in (0.9, 0.5, 0.0, -0.5):
        query = [cosine, math.sqrt(1 - cosine**2)]
        hit = cache.get(query, cosine - 1e-9)
        assert hit is not None
        assert hit.similarity == pytest.approx(cosine, abs=1e-12)
        assert cache.get(query, cosine + 1e-9) is None


def test_the_best_entry_is_found() -> None:
    """Of several above the threshold the most similar one, of equal ones the first key; embeddings are replaced."""
    cache = Database.open().cache("c")
    cache.put("far", b"1", [1.0, 1.0])
    cache.put("near", b"2", [1.0, 0.1])
    assert cache.get([1, 0], 0.5) == Hit("near", b"2", pytest.approx(1 / math.hypot(1, 0.1)))
    cache.put("a", b"3", [2.0, 0.2])
    assert cache.get([1, 0.1], 0.5) == Hit("a", b"3", 1.0)
    cache.put("a", b"4", [0.0, 1.0])
    assert cache.get([0, 1], 0.5) == Hit("a", b"4", 1.0)
    assert cache.stats() == {"entries": 3, "dimension": 2}


def test_a_zero_vector_is_like_nothing() -> None:
    """Neither as a query nor as an entry, at the lowest threshold too."""
    cache = Database.open().cache("c")
    assert cache.get([0.0, 0.0], -1) is None
    cache.put("zero", b"", [0.0, -0.0])
    assert cache.get([1.0, 0.0], -1) is None
    cache.put("one", b"", [1.0, 0.0])
    assert cache.get([0.0, 0.0], -1) is None
    assert cache.get([-1.0, 0.0], -1) == Hit("one", b"", -1.0)


def test_deleting_one_entry_leaves_the_others() -> None:
    """It is no hit any more, at once; the nine others are; the count says so."""
    cache, embeddings = filled()
    assert cache.stats() == {"entries": 10, "dimension": 16}
    assert cache.delete("key_5")
    assert not cache.delete("key_5")
    found = [cache.get(embedding, 0.99) for embedding in embeddings]
    assert [None if hit is None else hit.key for hit in found] == [
        None if place == 5 else f"key_{place}" for place in range(10)
    ]
    assert cache.stats()["entries"] == 9
    assert cache.clear() == 9
    assert [cache.get(embedding, -1) for embedding in embeddings] == [None] * 10
    assert cache.stats() == {"entries": 0, "dimension": 0}
    assert cache.clear() == 0


def test_what_a_transaction_did_to_the_cache_it_sees() -> None:
    """Entries, deletions and a clearing take effect within it, and outside when it commits."""
    cache, embeddings = filled(3)
    database = cache._owner
    assert isinstance(database, Database)
    with database.transaction() as transaction:
        inside = transaction.cache("c")
        inside.delete("key_0")
        assert inside.get(embeddings[0], 0.9) is None
        assert cache.get(embeddings[0], 0.9) is not None
        inside.put("key_0", b"new", embeddings[0])
        assert inside.get(embeddings[0], 0.9) == Hit("key_0", b"new", 1.0)
        assert inside.clear() == 3
        inside.put("other", b"dimension", [1.0])
        assert inside.stats() == {"entries": 1, "dimension": 1}
    assert cache.get([1.0], 0.9) == Hit("other", b"dimension", 1.0)


def test_an_entry_ends_at_its_moment() -> None:
    """It is a hit until then and none from then on; others stay, and the counts follow."""
    watch = Watch()
    cache = Database.open(clock=watch).cache("c")
    cache.put("short", b"1", [1.0, 0.0], ttl_seconds=1)
    cache.put("long", b"2", [1.0, 1.0])
    watch.seconds = 1000.999
    assert cache.get([1, 0], 0.5) == Hit("short", b"1", 1.0)
    assert cache.stats()["entries"] == 2
    watch.seconds = 1001.0
    assert cache.get([1, 0], 0.5) == Hit("long", b"2", pytest.approx(math.sqrt(0.5)))
    assert cache.stats()["entries"] == 1
    assert not cache.delete("short")
    cache.put("long", b"3", [1.0, 1.0], ttl_seconds=1)
    cache.put("long", b"4", [1.0, 1.0])
    watch.seconds += 5
    assert cache.get([1, 1], 0.5) == Hit("long", b"4", 1.0)


def test_the_dimension_is_that_of_the_first() -> None:
    """Entries and queries of another one are refused, and nothing changes."""
    cache, embeddings = filled()
    for call in (lambda: cache.put("new", b"", [1.0] * 8), lambda: cache.get([1.0] * 8, 0.5)):
        with pytest.raises(DimensionMismatch, match="dimension 16, not 8"):
            call()
    assert cache.stats()["entries"] == 10
    assert cache.get([1.0] * 16, 1.0) is None
    assert cache.get(embeddings[0], 1.0) is not None


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda cache: cache.put("", b"", [1.0]), InvalidArgument),
        (lambda cache: cache.put(b"k", b"", [1.0]), InvalidArgument),
        (lambda cache: cache.put("k", "text", [1.0]), InvalidValue),
        (lambda cache: cache.put("k", b"", [float("nan")]), InvalidArgument),
        (lambda cache: cache.put("k", b"", []), InvalidArgument),
        (lambda cache: cache.put("k", b"", [1.0], ttl_seconds=0), InvalidValue),
        (lambda cache: cache.put("k", b"", [1.0], ttl_seconds=-1), InvalidValue),
        (lambda cache: cache.get([1.0], 1.1), InvalidArgument),
        (lambda cache: cache.get([1.0], float("nan")), InvalidArgument),
        (lambda cache: cache.get([1.0], None), InvalidArgument),
        (lambda cache: cache.get([float("inf")], 0.5), InvalidArgument),
        (lambda cache: cache.delete(""), InvalidArgument),
    ],
)
def test_arguments_that_make_no_sense_are_refused(call: Any, error: type[Exception]) -> None:
    """Each raises its typed error and changes nothing."""
    cache = Database.open().cache("c")
    cache.put("k", b"kept", [1.0])
    with pytest.raises(error):
        call(cache)
    assert cache.get([1.0], 1) == Hit("k", b"kept", 1.0)


def outcome(deleter_first: bool) -> str:
    """A reader that answers from the cache, and one who deletes the entry and misses the answer: who is refused."""
    database = Database.open()
    database.cache("c").put("k", b"v", [1.0, 0.0])

    def read(transaction: Transaction) -> None:
        assert transaction.cache("c").get([1, 0], 0.9) is not None
        transaction.put("answer", b"v")

    def delete(transaction: Transaction) -> None:
        assert transaction.get("answer") is None
        transaction.cache("c").delete("k")

    reader, deleter = database.begin_transaction(), database.begin_transaction()
    read(reader)
    delete(deleter)
    first, second = (deleter, reader) if deleter_first else (reader, deleter)
    first.commit()
    try:
        second.commit()
    except Conflict:
        return "refused"
    return "both committed"


@pytest.mark.parametrize("deleter_first", [True, False])
def test_a_deletion_that_races_a_read_is_decided(deleter_first: bool) -> None:
    """Whoever read the entry and whoever deleted it without seeing that cannot both commit, in either order."""
    assert outcome(deleter_first) == "refused"


def test_a_cache_outlives_its_database() -> None:
    """After closing and opening again entries are hits, deleted ones are none, and times to live go on."""
    disk, watch = MemoryVfs(), Watch()
    with Database.open("/db", vfs=disk, clock=watch) as database:
        cache = database.cache("c")
        cache.put("a", b"1", [1.0, 0.0])
        cache.put("b", b"2", [0.0, 1.0], ttl_seconds=10)
        cache.put("c", b"3", [-1.0, 0.0])
        cache.delete("c")
    with Database.open("/db", vfs=disk, clock=watch) as database:
        cache = database.cache("c")
        assert [cache.get(query, 0.9) for query in ([1, 0], [0, 1], [-1, 0])] == [
            Hit("a", b"1", 1.0), Hit("b", b"2", 1.0), None
        ]  # fmt: skip
        watch.seconds += 10
        assert cache.get([0, 1], 0.9) is None
        assert cache.stats() == {"entries": 1, "dimension": 2}
