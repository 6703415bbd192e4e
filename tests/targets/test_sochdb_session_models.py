"""Sessions of the SochDB target on data models: SQL in the transaction, the others beside it, and what is sure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.history import Op
from harness.program import append, read, write
from harness.surface import Claim, Refused
from harness.target import Aborted
from harness.targets.sochdb import SochDBSession, SochDBTarget


class FakeError(Exception):
    """Stands for SochDBError."""


class Transaction:
    """Counts what is done with it."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.ended: list[str] = []

    def commit(self) -> None:
        self.ended.append("commit")
        if self.refuses:
            raise FakeError(self.refuses)

    def abort(self) -> None:
        self.ended.append("abort")

    def get(self, key: bytes) -> None:
        return None


class Calls:
    """A surface whose SQL is in the transaction, and whose answers come from a script."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, bool]] = []

    def offers(self, *names: str, within: bool = False) -> bool:
        return not within or names == ("sql",)

    def call(self, name: str, *arguments: Any, within: Any = None) -> Any:
        self.asked.append((name, within is not None))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def opened(*answers: Any, refuses: str = "") -> tuple[SochDBSession, Calls, list[Transaction]]:
    begun: list[Transaction] = []

    def transaction() -> Transaction:
        begun.append(Transaction(refuses))
        return begun[-1]

    target = SochDBTarget()
    target.calls = calls = Calls(*answers)
    driver = SimpleNamespace(SochDBError=FakeError)
    session = SochDBSession(target, SimpleNamespace(transaction=transaction), driver, "worker1")
    session.begin()
    return session, calls, begun


def test_statements_are_made_in_the_transaction() -> None:
    """A transaction of statements is one of SochDB's, which can be aborted."""
    session, calls, begun = opened([{"v": " 1"}], [{"v": " 1"}], [])
    session.step(append(("sql", "x"), 2))
    assert calls.asked == [("sql", True)] * 3
    session.abort()
    assert [one.ended for one in begun] == [["abort"]]


def test_a_queue_needs_no_transaction() -> None:
    """None is begun for calls beside it, so none can be refused at commit."""
    session, calls, begun = opened(7, refuses="SSI conflict")
    assert session.step(Op("enqueue", "q", "task1")).value == ("task1", 7)
    session.commit()
    assert (calls.asked, begun) == ([("enqueue", False)], [])


@pytest.mark.parametrize(
    ("op", "answer"),
    [
        (Op("enqueue", "q", "task1"), 7),
        (Op("dequeue", "q"), Claim(7, b"task1", 1, "r")),
        (write(("cache", "e"), "v"), None),
        (write(("vectors", 1), 2), 1),
    ],
)
def test_what_took_effect_beside_the_transaction_is_never_surely_without_effect(op: Op, answer: Any) -> None:
    """An abort after such a call raises, a conflict at commit does not say Aborted; a look leaves nothing behind."""
    session, _, _ = opened(answer)
    session.step(op)
    with pytest.raises(RuntimeError, match="beside the transaction"):
        session.abort()
    session, _, begun = opened(answer, refuses="SSI conflict")
    session.step(op)
    session.step(read("plain"))
    with pytest.raises(RuntimeError, match="beside the transaction"):
        session.commit()
    assert begun[0].ended == ["commit", "abort"]


@pytest.mark.parametrize("op", [Op("dequeue", "q"), read(("cache", "e")), read(("vectors", 1)), read("plain")])
def test_looks_leave_nothing_behind(op: Op) -> None:
    """A transaction that only looked can be aborted, and is Aborted where its commit is refused."""
    session, _, _ = opened()
    session.step(op)
    session.abort()
    session.begin()
    session.step(op)
    session.commit()
    session, _, _ = opened(refuses="SSI conflict")
    session.step(op)
    session.step(read("plain"))
    with pytest.raises(Aborted):
        session.commit()


def test_a_conflict_in_a_call_aborts_what_can_be_aborted() -> None:
    """Aborted, unless an earlier call took effect already."""
    session, _, _ = opened(Refused("conflict"))
    with pytest.raises(Aborted):
        session.step(Op("enqueue", "q", "task1"))
    session, _, _ = opened(7, Refused("conflict"))
    session.step(Op("enqueue", "q", "task1"))
    with pytest.raises(RuntimeError, match="beside the transaction"):
        session.step(Op("enqueue", "q", "task2"))


def test_models_follow_the_installed_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model is offered where each of its calls is, SQL where transactions have it, graphs never."""
    missing: set[str] = set()

    class Surface:
        def __init__(self, driver: Any, version: str) -> None:
            pass

        def offers(self, *names: str, within: bool = False) -> bool:
            return not missing & {*names, *(f"{name} within" for name in names if within)}

    monkeypatch.setattr("harness.targets.sochdb.SochDBSurface", Surface)
    target = SochDBTarget()
    target._driver = SimpleNamespace(Transaction=Transaction)
    assert target.capabilities.models == {"queue", "cache", "vectors", "sql"}
    missing |= {"cache_delete", "sql within", "search_vectors"}
    assert target.capabilities.models == {"queue"}
