"""SochDB sessions on data models: SQL is in the transaction, all else beside it, and no effect is called none."""

import sys
from types import SimpleNamespace

import pytest
from targets import sochdb_mock

from harness.history import Op
from harness.program import read, write
from harness.surface import Refused
from harness.target import Aborted
from harness.targets.sochdb import SochDBTarget


class Calls:
    """A surface that notes its calls, and refuses those that it is told to."""

    def __init__(self):
        self.made, self.refuses = [], {}

    def call(self, name, *arguments, within=None):
        self.made.append((name, within))
        if name in self.refuses:
            raise Refused(*self.refuses[name])
        return {"enqueue": "task-1", "dequeue": None, "sql": []}.get(name)


@pytest.fixture
def target(monkeypatch):
    monkeypatch.setitem(sys.modules, "sochdb", sochdb_mock.made())
    target = SochDBTarget()
    target.open()
    target._calls = Calls()
    yield target
    target.close()


@pytest.fixture
def session(target):
    session = target.session("serializable")
    session.begin()
    return session


def test_which_models_are_offered(target):
    """SQL and queues, before and after opening: their workloads ask for no more than SochDB promises."""
    assert SochDBTarget().capabilities.models == {"sql", "queue"}
    assert target.capabilities.models == {"sql", "queue"}


def test_a_call_beside_takes_no_transaction_along(session):
    """Before the first key, the empty transaction is given up, so that its refusal cannot deny what was done."""
    empty = session._txn
    assert session.step(Op("enqueue", "q", "p")) == Op("enqueue", "q", ("p", "task-1"))
    assert empty.ended == "aborted"
    assert session._txn is None
    session.commit()


def test_keys_after_a_call_beside_have_a_transaction(session):
    """The transaction is begun where the first key is read, and committed."""
    session.step(Op("enqueue", "q", "p"))
    session.step(write("x", 1))
    assert session._txn is not None
    session.commit()
    session.begin()
    assert session.step(read("x")) == Op("r", "x", 1)


def test_statements_are_in_the_transaction(session):
    """SQL gets the transaction that keys are read and written in, from its beginning."""
    begun = session._txn
    session.step(Op("sql", "t", "SELECT"))
    assert session._calls.made == [("sql", begun)]


@pytest.mark.parametrize("why", ["conflict", "statement"])
def test_a_refused_statement_is_surely_without_effect(session, why):
    """The transaction is given up, and with it all that the statements did."""
    begun = session._txn
    session._calls.refuses["sql"] = (why, "SSI conflict: txn 17")
    with pytest.raises(Aborted, match="SSI conflict: txn #"):
        session.step(Op("sql", "t", "UPDATE"))
    assert begun.ended == "aborted"


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("DatabaseError: Failed to put value", Aborted),
        ("TransactionError: SSI conflict", Aborted),
        ("TransactionError: Failed to commit transaction", RuntimeError),
    ],
)
def test_what_is_refused_beside(session, text, raised):
    """A put that was refused had no effect; a commit that failed may have had one, whatever its surface calls it."""
    session._calls.refuses["enqueue"] = ("conflict", text)
    with pytest.raises(raised):
        session.step(Op("enqueue", "q", "p"))


@pytest.mark.parametrize(
    "then",
    [
        lambda session: session.step(Op("enqueue", "q", "again")),
        lambda session: session.step(Op("sql", "t", "UPDATE")),
        lambda session: session.step(write("refused", 1)),
        lambda session: session.commit(),
        lambda session: session.abort(),
    ],
)
def test_after_an_effect_beside_nothing_is_called_aborted(session, then):
    """Whatever refuses the rest, and a rollback, leave the effect: the outcome is unknown."""
    session.step(Op("enqueue", "q", "p"))
    session.step(write("x", 1))
    conflict = sochdb_mock.TransactionError("SSI conflict")
    session._txn = SimpleNamespace(put=refuse(conflict), commit=refuse(conflict), abort=lambda: None)
    session._calls.refuses |= {"enqueue": ("conflict", "SSI conflict"), "sql": ("conflict", "SSI conflict")}
    with pytest.raises((RuntimeError, sochdb_mock.TransactionError)):
        then(session)


def refuse(error):
    def call(*arguments):
        raise error

    return call


def test_an_empty_queue_is_no_effect(session):
    """A look into an empty queue leaves nothing behind: the rollback is one."""
    assert session.step(Op("dequeue", "q")) == Op("dequeue", "q", None)
    session.abort()
    session.begin()
    session.commit()
