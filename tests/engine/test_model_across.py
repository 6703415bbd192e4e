"""Several models in one transaction: together or not at all, and a conflict across them is a conflict."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine import Conflict, Database, IsolationLevel, MemoryVfs
from engine.errors import SqlError

ROOT = Path(__file__).resolve().parents[2]


class Use(NamedTuple):
    """What a model shows, and a call that changes it."""

    look: Callable[[Any], object]
    change: Callable[[Any], object]


USES = {
    "keys": Use(lambda place: place.get("k"), lambda place: place.put("k", b"")),
    "ranges": Use(lambda place: place.scan("r", "s"), lambda place: place.put("rr", b"")),
    "namespace": Use(lambda place: place.namespace("n").scan(), lambda place: place.namespace("n").put("k", b"")),
    "queue": Use(lambda place: place.queue("q").stats(), lambda place: place.queue("q").enqueue(b"")),
    "graph": Use(lambda place: place.graph("g").nodes(), lambda place: place.graph("g").add_node("n")),
    "temporal": Use(
        lambda place: place.temporal("t").edges_at("a", 5),
        lambda place: place.temporal("t").add_edge("a", "k", "b", 1),
    ),
    "cache": Use(
        lambda place: place.cache("c").get([1.0], 0.5),
        lambda place: place.cache("c").put("k", b"", [1.0]),
    ),
    "vectors": Use(
        lambda place: place.vectors("v").search([1.0], 1),
        lambda place: place.vectors("v").insert(1, [1.0]),
    ),
    "sql": Use(
        lambda place: place.execute("SELECT a FROM t").rows,
        lambda place: place.execute("INSERT INTO t VALUES (1)"),
    ),
}
PAIRS = list(permutations(USES, 2))


def prepared(**options: Any) -> Database:
    database = Database.open(**options)
    database.execute("CREATE TABLE t (a INTEGER)")
    return database


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_write_skew_through_two_models_is_refused(one: str, other: str) -> None:
    """Each looks at what the other one changes: the second is refused, and snapshot isolation lets both commit."""
    for level in (IsolationLevel.SERIALIZABLE, IsolationLevel.SNAPSHOT):
        database = prepared()
        first, second = database.begin_transaction(level), database.begin_transaction(level)
        USES[one].look(first)
        USES[other].look(second)
        USES[other].change(first)
        USES[one].change(second)
        first.commit()
        if level is IsolationLevel.SNAPSHOT:
            second.commit()
        else:
            with pytest.raises(Conflict):
                second.commit()
        database._check()


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_models_that_do_not_meet_do_not_conflict(one: str, other: str) -> None:
    """Two transactions that each look at and change a model of their own both commit."""
    database = prepared()
    first, second = database.begin_transaction(), database.begin_transaction()
    for transaction, name in ((first, one), (second, other)):
        USES[name].look(transaction)
        USES[name].change(transaction)
    first.commit()
    second.commit()


def looks(place: Any) -> dict[str, object]:
    return {name: use.look(place) for name, use in USES.items()}


def test_all_models_change_together_or_not_at_all() -> None:
    """An aborted transaction leaves nothing in any model; a committed one is seen in all, also after a power loss."""
    disk = MemoryVfs()
    database = prepared(path="/db", vfs=disk)
    empty = looks(database)
    for commits in (False, True):
        transaction = database.begin_transaction()
        for use in USES.values():
            use.change(transaction)
        inside = looks(transaction)
        assert all(inside[name] != empty[name] for name in USES)
        assert looks(database) == empty
        transaction.commit() if commits else transaction.abort()
        assert looks(database) == (inside if commits else empty)
    survived = Database.open("/db", vfs=disk.after_crash(lambda _: False))
    assert looks(survived) == inside


def test_a_failed_call_leaves_the_rest_of_the_transaction() -> None:
    """What one model refused in the middle of a transaction changes nothing, and what the others did stands."""
    database = prepared()
    with database.transaction() as transaction:
        for name, use in USES.items():
            use.change(transaction)
            if name == "graph":
                with pytest.raises(ValueError, match="no node"):
                    transaction.graph("g").add_edge("n", "k", "missing")
            if name == "sql":
                with pytest.raises(SqlError):
                    transaction.execute("INSERT INTO t VALUES (2), ('text')")
        expected = looks(transaction)
        assert transaction.graph("g").edges("n") == []
    assert looks(database) == expected
    assert database.execute("SELECT a FROM t").rows == [(1,)]


def test_savepoints_reach_across_models() -> None:
    """Going back takes back what every model wrote since, and nothing from before."""
    database = prepared()
    with database.transaction() as transaction:
        USES["queue"].change(transaction)
        before = looks(transaction)
        transaction.savepoint("s")
        for use in USES.values():
            use.change(transaction)
        transaction.rollback_to("s")
        assert looks(transaction) == before
    assert looks(database) == before


def test_the_example_runs() -> None:
    """The transaction across models commits, and the one that it conflicts with is refused."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "across_models.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    sent, refused = done.stdout.splitlines()
    assert sent == "sent: tea [Edge(source='depot', kind='sent', target='tea', properties={})]"
    assert refused.startswith("cancelling it was refused: dangerous structure: ")


def test_models_are_loaded_when_they_are_asked_for() -> None:
    """The engine itself imports neither numpy nor sqlglot, nor do the models that can do without."""
    code = (
        "import sys, engine\n"
        "d = engine.Database.open(); d.queue('q').enqueue(b''); d.graph('g').nodes(); d.namespaces()\n"
        "print([name for name in ('numpy', 'sqlglot') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )  # fmt: skip
    assert done.stdout == "[]\n"
