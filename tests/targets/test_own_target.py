"""The example that users copy: exact results, one transaction after another, and the shape that the harness wants."""

from pathlib import Path
from threading import Thread

import pytest

from harness.history import Op
from harness.program import Program, append, read, write
from harness.target import Session, Target

ROOT = Path(__file__).parents[2]


@pytest.fixture
def target(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    target = own_target()
    target.open()
    yield target
    target.close()


def own_target() -> Target:
    """The annotations of this function are what `test_protocols_hold` lets mypy check."""
    from examples.own_target import DictSession, DictTarget

    target: Target = DictTarget()
    _: type[Session] = DictSession
    return target


def run(session: Session, program: Program) -> list[Op]:
    """Run one transaction to its commit and return its completed operations."""
    done: list[Op] = []
    session.begin()
    try:
        op = next(program)
        while True:
            done.append(session.step(op))
            op = program.send(done[-1])
    except StopIteration:
        session.commit()
    return done


def increment() -> Program:
    seen = yield read("counter")
    yield write("counter", (seen.value or 0) + 1)


def ops(*asked: Op) -> Program:
    for op in asked:  # noqa: UP028 - yield from would send the completed operation to a tuple.
        yield op


def test_programs_see_what_was_committed_before(target):
    """Reads, writes and appends come back completed, within a transaction and across sessions."""
    one, two = target.session("serializable"), target.session("serializable")
    assert run(one, ops(read("x"), write("x", 1), read("x"), append("l", 1), append("l", 2))) == [
        Op("r", "x", None),
        Op("w", "x", 1),
        Op("r", "x", 1),
        Op("append", "l", 1),
        Op("append", "l", 2),
    ]
    assert run(two, ops(read("x"), append("l", 3), read("l"))) == [
        Op("r", "x", 1),
        Op("append", "l", 3),
        Op("r", "l", [1, 2, 3]),
    ]


def test_an_aborted_transaction_leaves_nothing(target):
    """After abort, called twice as the runner may, nothing of the transaction is seen and others can begin."""
    session = target.session("serializable")
    session.begin()
    session.step(write("x", 1))
    session.step(append("l", 1))
    session.abort()
    session.abort()
    assert run(target.session("serializable"), ops(read("x"), read("l"))) == [Op("r", "x", None), Op("r", "l", None)]


def test_a_closed_session_lets_others_begin(target):
    """Closing a session within a transaction gives that transaction up."""
    session = target.session("serializable")
    session.begin()
    session.step(write("x", 1))
    session.close()
    assert run(target.session("serializable"), ops(read("x"))) == [Op("r", "x", None)]


def test_concurrent_increments_are_all_kept(target):
    """Four threads with fifty read-then-write increments each leave exactly 200 at the counter."""

    def client() -> None:
        session = target.session("serializable")
        for _ in range(50):
            run(session, increment())
        session.close()

    threads = [Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run(target.session("serializable"), ops(read("counter"))) == [Op("r", "counter", 200)]


def test_what_it_says_of_itself(target):
    """Name, version, settings, levels and capabilities are the ones that the reports will show."""
    assert (target.name, target.version, dict(target.settings)) == ("dict", "1.0", {})
    assert dict(target.levels) == {"serializable": "strict-serializable"}
    assert target.capabilities.kinds == {"r", "w", "append"}
    assert target.capabilities.steps is False


def test_protocols_hold():
    """mypy --strict accepts the example as a Target and a Session."""
    api = pytest.importorskip("mypy.api", reason="mypy is missing: pip install 'anomalist[test]'")
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--allow-untyped-defs", "--allow-untyped-calls"]
    out, errors, status = api.run([*options, str(Path(__file__))])
    assert (status, errors) == (0, ""), out


def test_it_fits_on_one_screen():
    """The example stays within the forty lines that its docstring speaks of, blank lines aside."""
    lines = (ROOT / "examples" / "own_target.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 40
