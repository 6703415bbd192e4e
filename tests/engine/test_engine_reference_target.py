"""The reference engine as a target of the harness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.history import Op
from harness.level import LEVELS
from harness.target import Aborted
from harness.targets.reference import ReferenceTarget


def opened(**options: str) -> ReferenceTarget:
    target = ReferenceTarget(**options)
    target.open()
    return target


def transact(session: Any, *ops: Op) -> list[Any]:
    session.begin()
    values = [session.step(op).value for op in ops]
    session.commit()
    return values


@pytest.mark.parametrize("level", list(ReferenceTarget().levels))
def test_every_kind_completes_as_the_table_says(level: str) -> None:
    """Each operation kind reads and writes what `harness.history.KINDS` promises, own writes included."""
    target = opened()
    session = target.session(level)
    assert transact(session, Op("r", "k"), Op("w", "k", 5), Op("r", "k")) == [None, 5, 5]
    assert transact(session, Op("append", 1, "a"), Op("r", 1), Op("append", 1, "b"), Op("r", 1)) == [
        "a", ["a"], "b", ["a", "b"],
    ]  # fmt: skip
    assert transact(session, Op("incr", "n", 2), Op("incr", "n", -5), Op("r", "n")) == [(2, 2), (-5, -3), -3]
    assert transact(session, Op("cas", "k", (4, 6)), Op("cas", "k", (5, 6)), Op("cas", "new", (None, 1))) == [
        (4, 6, False), (5, 6, True), (None, 1, True),
    ]  # fmt: skip
    assert transact(session, Op("append", -2, 0), Op("w", -1, [9]), Op("append", -1, 1), Op("append", 1, "c")) == [
        0, [9], 1, "c",
    ]  # fmt: skip
    assert list(transact(session, Op("scan", (-5, 5)))[0].items()) == [(-2, [0]), (-1, [9, 1]), (1, ["a", "b", "c"])]
    transact(session, Op("w", ("q", 1), 1), Op("w", ("q", 2, "x"), 2), Op("w", ("q\0",), 3), Op("w", "qx", 4))
    assert transact(session, Op("scan", ("q",)), Op("scan", "q"), Op("delete", "qx"), Op("scan", "q")) == [
        {("q", 1): 1, ("q", 2, "x"): 2}, {"qx": 4}, None, {},
    ]  # fmt: skip
    assert transact(session, Op("delete", 1), Op("append", 1, "d"), Op("r", 1))[2] == ["d"]
    assert transact(session, Op("append", 1, "e"), Op("scan", (0, 3))) == ["e", {1: ["d", "e"]}]
    assert transact(session, Op("r", 1)) == [["d", "e"]]
    session.close()
    target.close()


def interleaved(target: ReferenceTarget, level: str, first: list[Op], second: list[Op]) -> tuple[list[str], Any]:
    """Run two transactions step by step in turn, commit both; their outcomes and the value of "x" after."""
    sessions = [target.session(level), target.session(level)]
    for session in sessions:
        session.begin()
    for one, two in zip(first, second, strict=True):
        sessions[0].step(one)
        sessions[1].step(two)
    outcomes = []
    for session in sessions:
        try:
            session.commit()
            outcomes.append("ok")
        except Aborted:
            outcomes.append("aborted")
        session.abort()
    return outcomes, transact(sessions[0], Op("r", "x"))[0]


@pytest.mark.parametrize(
    ("level", "outcomes", "value"),
    [
        ("serializable", ["ok", "aborted"], [1]),
        ("snapshot-isolation", ["ok", "aborted"], [1]),
        ("read-committed", ["ok", "ok"], [2]),
    ],
)
def test_concurrent_appends(level: str, outcomes: list[str], value: list[int]) -> None:
    """The strong levels refuse the second append; at read-committed it overwrites the first."""
    target = opened()
    first, second = [[Op("r", "x"), Op("append", "x", n)] for n in (1, 2)]
    assert interleaved(target, level, first, second) == (outcomes, value)


@pytest.mark.parametrize(("level", "refused"), [("serializable", True), ("snapshot-isolation", False)])
def test_write_skew_is_refused_only_when_serializable(level: str, refused: bool) -> None:
    """Two transactions read both keys and write one each: serializable refuses the second."""
    first = [Op("r", "x"), Op("r", "y"), Op("w", "y", 1)]
    second = [Op("r", "x"), Op("r", "y"), Op("w", "x", 1)]
    outcomes, _ = interleaved(opened(), level, first, second)
    assert outcomes == ["ok", "aborted" if refused else "ok"]


def test_what_is_promised() -> None:
    """Each level promises a level of the lattice."""
    assert ReferenceTarget().levels == {
        "serializable": "strict-serializable",
        "snapshot-isolation": "strong-snapshot-isolation",
        "read-committed": "strong-read-committed",
    }
    assert set(ReferenceTarget().levels.values()) <= set(LEVELS)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"colour": "red"}, "no option 'colour'"),
        ({"sync": "maybe"}, "one of full, normal, off"),
    ],
)
def test_options_are_checked(options: dict[str, str], sentence: str) -> None:
    """An unknown option or value is refused with the known ones."""
    with pytest.raises(ValueError, match=sentence):
        ReferenceTarget(**options)


def test_a_directory_is_left_as_it_was(tmp_path: Path) -> None:
    """With a path, the database lives in a fresh directory below it, and closing removes just that."""
    (tmp_path / "mine").write_text("kept")
    target = opened(path=str(tmp_path), sync="normal")
    transact(target.session("serializable"), Op("w", "k", 1))
    assert len(list(tmp_path.iterdir())) == 2
    target.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]


def test_a_session_survives_misuse_after_a_refusal() -> None:
    """After Aborted the session can be aborted again and begins anew; without begin a step is an error."""
    target = opened()
    session = target.session("serializable")
    with pytest.raises(RuntimeError):
        session.step(Op("r", "x"))
    session.abort()
    assert transact(session, Op("w", "x", 1)) == [1]
    with pytest.raises(ValueError, match="no operation 'juggle'"):
        transact(session, Op("juggle", "x"))
    session.close()
    target.close()
