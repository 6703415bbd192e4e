"""Namespaces: keys and models of their own, which nobody outside sees."""

from __future__ import annotations

from typing import Any

import pytest
from engine_watch import Watch

from engine import Conflict, Database, InvalidArgument, InvalidKey, InvalidValue, MemoryVfs, Transaction
from engine.models.namespace import Namespace
from engine.mutants.planting import planted


@pytest.fixture(params=["database", "transaction", "namespace"])
def owner(request: pytest.FixtureRequest) -> Any:
    """What may have namespaces in it."""
    database = Database.open()
    if request.param == "transaction":
        return database.begin_transaction()
    return database.namespace("outer") if request.param == "namespace" else database


def test_a_namespace_takes_every_key_value_call(owner: Any) -> None:
    """Each call does what it does on a database, with the namespace's own keys."""
    space = owner.namespace("tenant")
    space.put("é", b"1")
    space.put(b"\0", b"0")
    assert space.put_batch((f"k{n}", b"%d" % n) for n in range(3)) == 3
    assert (space.get("é"), space.get("none"), space.exists(b"\0"), space.exists("none")) == (b"1", None, True, False)
    assert space.get_batch(key for key in ("k2", "none", "k0")) == [b"2", None, b"0"]
    rows = [(b"\0", b"0"), (b"k0", b"0"), (b"k1", b"1"), (b"k2", b"2"), ("é".encode(), b"1")]
    assert space.scan() == space.scan_prefix_unchecked("") == rows
    assert space.scan("k1", "k9") == rows[2:4]
    assert space.scan(limit=2) == rows[:2]
    assert space.scan_prefix("k1") == rows[2:3]
    space.delete("é")
    assert space.delete_batch(key for key in ("k0", "none", "k0")) == 1
    assert space.scan() == [rows[0], *rows[2:4]]


class RefusedOnce(Transaction):
    """The first commit is refused."""

    __slots__ = ()
    left = 1

    def commit(self) -> int:
        if RefusedOnce.left:
            RefusedOnce.left -= 1
            self.abort()
            raise Conflict("the first commit is refused")
        return super().commit()


def test_a_batch_that_is_run_again_is_the_same_batch() -> None:
    """What an iterator gave is still there where the first attempt is refused."""
    space = planted(RefusedOnce).open().namespace("tenant")
    for call, expected in (
        (lambda: space.put_batch((key, b"") for key in "abc"), 3),
        (lambda: space.get_batch(iter("ad")), [b"", None]),
        (lambda: space.delete_batch(iter("abd")), 2),
        (lambda: space.vectors("v").insert_batch(iter([(1, [1.0])])), 1),
    ):
        RefusedOnce.left = 1
        assert call() == expected
        assert RefusedOnce.left == 0


def test_bad_keys_and_values_are_refused_inside_too() -> None:
    """The rules are the database's own, reserved keys included, and nothing changes."""
    space = Database.open().namespace("tenant")
    for wrong in ("", b"\xff\xff\xff\xff", "x" * 65_536, 5, None):
        with pytest.raises(InvalidKey):
            space.put(wrong, b"")  # type: ignore[arg-type]
    with pytest.raises(InvalidKey, match="at least 2 bytes"):
        space.scan_prefix("a")
    with pytest.raises(InvalidValue):
        space.put("a", "text")  # type: ignore[arg-type]
    with pytest.raises(InvalidValue):
        space.put("a", b"", ttl_seconds=0)
    with pytest.raises(InvalidArgument):
        space.scan(limit=0)
    assert space.scan() == []


@pytest.mark.parametrize("name", ["", None, b"tenant", 5])
def test_a_namespace_has_a_name(name: Any) -> None:
    """A name is text with at least one character."""
    with pytest.raises(InvalidArgument):
        Database.open().namespace(name)


def fill(space: Namespace | Database, mark: bytes) -> None:
    space.put("key", mark)
    space.queue("q").enqueue(mark)
    space.graph("g").add_node("n", {"mark": mark})
    space.cache("c").put("k", mark, [1.0, len(mark)])


def marks(space: Namespace | Database) -> list[Any]:
    task, hit = space.queue("q").dequeue(), space.cache("c").get([1.0, 1.0], 0)
    return [
        [value for _, value in space.scan()],
        task and task.payload,
        [node.properties["mark"] for node in space.graph("g").nodes()],
        hit and hit.value,
    ]


NAMES = ["tenant_1", "tenant_10", "tenant_1\0", "tenant", "key", "queue", "ünïcode 🎉/ "]


def test_namespaces_share_nothing() -> None:
    """Whatever the names, each has its own keys, queues, graphs and caches, and the database has others."""
    database = Database.open()
    spaces = [database, *[database.namespace(name) for name in NAMES], database.namespace("tenant").namespace("_1")]
    for place, space in enumerate(spaces):
        fill(space, b"%d" % place)
    for place, space in enumerate(spaces):
        mark = b"%d" % place
        assert marks(space) == [[mark], mark, [mark], mark]


def test_clearing_one_leaves_the_others() -> None:
    """Keys, models and inner namespaces of the one are gone, with their number; all else stands."""
    database = Database.open()
    outer, other = database.namespace("tenant_1"), database.namespace("tenant_10")
    for space in (outer, outer.namespace("inner"), other, database):
        space.put_batch([(f"k{n}", b"") for n in range(3)])
    outer.queue("q").enqueue(b"task")  # Four rows: how many, payload, task, place in the line.
    assert outer.clear() == 10
    assert outer.clear() == 0
    assert outer.scan() == outer.namespace("inner").scan() == []
    assert outer.queue("q").stats()["enqueued"] == 0
    assert len(other.scan()) == len(database.scan()) == 3
    database._check()


def test_the_namespaces_in_use_are_listed(owner: Any) -> None:
    """A namespace is listed, in order, exactly while something is in it: a key, a model, or another namespace."""
    assert owner.namespaces() == []
    for name in reversed(NAMES):
        owner.namespace(name).put(b"\xff\xff", b"")
    owner.namespace("deep").namespace("inner").queue("q").enqueue(b"")
    owner.namespace("empty")
    assert owner.namespaces() == sorted([*NAMES, "deep"])
    assert owner.namespace("deep").namespaces() == ["inner"]
    owner.namespace("tenant_1").clear()
    owner.namespace("key").delete(b"\xff\xff")
    owner.put("namespace", b"plain")
    assert owner.namespaces() == sorted({*NAMES, "deep"} - {"tenant_1", "key"})


def test_a_value_in_a_namespace_ends_at_its_moment() -> None:
    """A time to live works inside as it does outside, and the namespace ends with its last value."""
    watch = Watch()
    database = Database.open(clock=watch)
    database.namespace("tenant").put("k", b"1", ttl_seconds=10)
    watch.seconds = 1009.9
    assert database.namespace("tenant").get("k") == b"1"
    watch.seconds = 1010.0
    assert database.namespace("tenant").scan() == []
    assert database.namespaces() == []


def test_a_write_skew_through_a_namespace_is_refused() -> None:
    """Reads and scans inside a namespace are judged like any others, and other namespaces are no matter."""
    database = Database.open()
    one, two, three = (database.begin_transaction() for _ in range(3))
    one.namespace("tenant").scan()
    two.namespace("tenant").get("a")
    three.namespace("tenant1").scan()
    one.namespace("tenant").put("a", b"1")
    two.namespace("tenant").put("b", b"2")
    three.namespace("tenant1").put("b", b"3")
    one.commit()
    with pytest.raises(Conflict):
        two.commit()
    three.commit()


def test_listing_namespaces_reads_no_more_than_that() -> None:
    """A new namespace conflicts with the list; one more key in an old one, behind its first, does not."""
    for key_of, expected in ((("old", "b"), True), (("new", "a"), False)):
        database = Database.open()
        database.namespace("old").put("a", b"")
        lister, writer = database.begin_transaction(), database.begin_transaction()
        assert lister.namespaces() == ["old"]
        writer.get("x")
        writer.namespace(key_of[0]).put(key_of[1], b"")
        lister.put("x", b"")
        writer.commit()
        try:
            lister.commit()
            committed = True
        except Conflict:
            committed = False
        assert committed == expected


def test_a_namespace_outlives_its_database() -> None:
    """After closing and opening again, and in a restored backup, it holds what it held."""
    disk = MemoryVfs()
    with Database.open("/db", vfs=disk) as database:
        fill(database.namespace("tenant"), b"7")
        database.backup("/copy")
    Database.restore("/copy", "/restored", vfs=disk)
    for path in ("/db", "/restored"):
        with Database.open(path, vfs=disk) as database:
            assert database.namespaces() == ["tenant"]
            assert marks(database.namespace("tenant")) == [[b"7"], b"7", [b"7"], b"7"]
            assert database.scan() == []
