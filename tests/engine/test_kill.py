"""Child processes that are killed while they commit: what they had acknowledged is there."""

from __future__ import annotations

from pathlib import Path

from engine import Database
from engine.proof.crashes.kill import kill_again_and_again, wrong_after
from engine.proof.crashes.kill_child import state_after, writes_of


def test_sigkill_takes_no_acknowledged_commit() -> None:
    """Eight children are killed, at different moments; every commit they reported is there to the byte."""
    kills = list(kill_again_and_again(2, 8))
    assert [kill.wrong for kill in kills] == [""] * 8
    assert {kill.sync for kill in kills} == {"full", "normal"}
    assert sum(kill.acknowledged for kill in kills) > 40
    assert len({kill.moment for kill in kills}) > 3


def test_what_a_thread_writes_is_known() -> None:
    """A state is the last four commits of a thread, values of all sizes among them."""
    assert state_after(1, 0) == {}
    contents: dict[bytes, bytes | None] = {}
    for number in range(1, 41):
        contents.update(writes_of(1, number))
        assert state_after(1, number) == {key: value for key, value in contents.items() if value is not None}
    lengths = [len(value) for number in range(40) for value in writes_of(2, number).values() if value is not None]
    assert (min(lengths), max(lengths)) == (1, 3_000_000)


def test_a_lost_a_half_and_a_strange_commit_are_told(tmp_path: Path) -> None:
    """A counter below what was acknowledged, a value that does not belong to it, a key of nobody: each is wrong."""
    with Database.open(tmp_path / "base") as database:
        database.put_batch(list(state_after(0, 3).items()))
    path = str(tmp_path / "base")
    assert wrong_after(path, [3, 0, 0]) == ([3, 0, 0], "")
    assert wrong_after(path, [2, 0, 0]) == ([3, 0, 0], "")
    assert "commit 3, and 4 was" in wrong_after(path, [4, 0, 0])[1]
    with Database.open(path) as database:
        database.put("strange", b"")
    assert wrong_after(path, [3, 0, 0])[1] == "b'strange' is there and should not be"
    with Database.open(path) as database:
        database.delete("strange")
        database.delete(next(key for key in state_after(0, 3) if b"slot" in key))
    assert "is not what commit 3 of thread 0 left" in wrong_after(path, [3, 0, 0])[1]
