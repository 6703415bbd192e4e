"""Scripted interleavings and programs of their own, run on a stand-in for SochDB's SDK that loses updates."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from targets import sochdb_mock
from targets.repro_runs import printed, script_of

from harness.build import build_history
from harness.history import Op, RunInfo
from harness.interleaving import COMMIT, Interleaving, Moment, Performance
from harness.repro_lines import LINES_MAX, Unshowable
from harness.scenario_repro import PROGRAMS, PROMISES, promise_repro, scenario_repro
from harness.step_repro import step_repro
from harness.surface import DOCUMENTED
from harness.targets.sochdb_surface import SochDBSurface


@pytest.fixture
def sdk() -> ModuleType:
    return sochdb_mock.made()


def performance(*moments: Moment, final: dict[str, Any]) -> Performance:
    interleaving = Interleaving(
        name="lost update",
        anomaly="lost-update",
        forbidden_by="snapshot-isolation",
        story="",
        source="",
        sessions={"T1": {"r1": (Op("r", "x"),)}, "T2": {"r2": (Op("r", "x"),)}},
        initial={"x": 10},
    )
    history = build_history([], RunInfo())
    return Performance(interleaving=interleaving, level="s", order=(), moments=moments, history=history, final=final)


def test_an_order_is_performed_by_transactions(sdk: ModuleType) -> None:
    """Each session begins at its first step and does what it did, with the values it came to; all is read at last."""
    text = step_repro(
        performance(
            Moment("T1", "r1", (Op("r", "x", 10),), "done"),
            Moment("T2", "r2", (Op("r", "x", 10),), "done"),
            Moment("T1", "w1", (Op("w", "x", 11), COMMIT), "done"),
            Moment("T2", "w2", (Op("incr", "x", (1, 11)), Op("scan", "x", {}), COMMIT), "done"),
            final={"x": 11},
        ),
        script_of(sdk),
        "T1's update is lost",
    )
    assert len(text.splitlines()) <= LINES_MAX
    assert text.index("t1 = db.transaction()") < text.index("t1.get") < text.index("t2 = db.transaction()")
    assert printed(text, sdk) == [
        "t1.get b'10'",
        "t2.get b'10'",
        "t1.commit 2",
        "t2.get b'11'",
        "t2.scan_prefix [(b'k/x', b'11')]",
        "t2.commit 3",
        "db.get b'11'",
        "Anomalist saw: T1's update is lost",
    ]


def test_what_was_refused_is_tried_and_given_up(sdk: ModuleType) -> None:
    """A refused step is made where its error can be printed, and its transaction is aborted."""
    text = step_repro(
        performance(
            Moment("T1", "w1", (Op("w", "x", 1), Op("w", "y", 2)), "refused", "conflict"), final={"x": 10, "y": None}
        ),
        script_of(sdk),
        "refused",
    )
    assert "t1.put(b'k/x', b'1')\nprint('t1.put', tried(lambda: t1.put(b'k/y', b'2')))\nt1.abort()\n" in text
    assert printed(text, sdk)[1:3] == ["db.get b'10'", "db.get None"]


def test_other_models_have_no_program_of_steps(sdk: ModuleType) -> None:
    """An operation that is none of keys and values has a reason instead of a program."""
    with pytest.raises(Unshowable, match="enqueue is no call of a database of keys and values"):
        step_repro(performance(Moment("T1", "e", (Op("enqueue", "q", "p"),), "done"), final={}), script_of(sdk), "")


@pytest.mark.parametrize("scenario", PROGRAMS)
def test_programs_of_their_own_are_short(scenario: str, sdk: ModuleType) -> None:
    """Each is a program of at most 30 lines that compiles; those of races start 20 threads."""
    text = scenario_repro(scenario, script_of(sdk), "lost")
    compile(text, scenario, "exec")
    assert len(text.splitlines()) <= LINES_MAX
    assert ("for number in range(20)]" in text) == (scenario not in {"H2.2", "D1.5"})


def test_the_race_of_increments_runs(sdk: ModuleType) -> None:
    """Without conflicts every increment is acknowledged, and the counter is told beside their number."""
    *rounds, last = printed(scenario_repro("B2", script_of(sdk), "lost"), sdk)
    assert len(rounds) == 10
    assert all(line.endswith(" acknowledged increments 2000") for line in rounds)
    assert last == "Anomalist saw: lost"


def test_what_is_no_race_of_ours_has_a_reason(sdk: ModuleType) -> None:
    """A scenario that takes threads and has no race by itself, and a target that lacks its calls, have no program."""
    with pytest.raises(Unshowable, match="it takes threads"):
        scenario_repro("N1", script_of(sdk), "")
    with pytest.raises(Unshowable, match=r"has no Database\.exists"):
        scenario_repro("B2", sochdb_surface_lacking(sdk), "")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("K1.1", "put_ttl TypeError: Database.put() got an unexpected keyword argument 'ttl_seconds'"),
        ("K1.2", "with_transaction AttributeError: 'Database' object has no attribute 'with_transaction'"),
        ("K1.3", "begin_at AttributeError: module 'sochdb' has no attribute 'IsolationLevel'"),
        ("K1.4", "start_ts AttributeError: 'Transaction' object has no attribute 'start_ts'"),
        ("K1.5", "isolation AttributeError: 'Transaction' object has no attribute 'isolation'"),
        ("K1.6", "begin_transaction AttributeError: 'Database' object has no attribute 'begin_transaction'"),
    ],
)
def test_a_promise_that_is_not_kept_is_tried(
    check: str, said: str, sdk: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the README shows and the SDK does not have is called as the README does, and its error is printed."""
    monkeypatch.setattr("harness.targets.sochdb_surface.documented", lambda: dict.fromkeys(DOCUMENTED, "README"))
    surface = SochDBSurface(sdk, "9.9")
    assert printed(promise_repro(check, surface, "d"), sdk)[0] == said
    surface.lacking = {}
    with pytest.raises(Unshowable, match="nothing was called"):
        promise_repro(check, surface, "d")
    assert len(PROMISES) == 6


def sochdb_surface_lacking(sdk: ModuleType) -> Any:
    def script(name: str, arguments: tuple[Any, ...], within: str) -> str:
        return SochDBSurface(sdk, "9.9").script("exists", arguments, within)

    return script
