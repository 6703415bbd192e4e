"""A workload that wants a restart: the target is restarted once, and the finale sees what it has kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_targets import MemorySession, MemoryTarget
from small_runs import perform

from checkers.register import check_register
from harness.history import Op, Status
from harness.keeper import Keeper
from harness.target import Capabilities
from workloads import WORKLOADS

States = list[dict[Any, Any]]


class RestartingTarget(MemoryTarget):
    """Remembers every state that was committed, oldest first; `keeps` makes of them what is there after a restart."""

    capabilities = Capabilities(kinds=frozenset({"r", "w", "delete"}), faults=frozenset({"restart"}), steps=True)

    def __init__(self, keeps: Callable[[States], dict[Any, Any]]) -> None:
        super().__init__()
        self.keeps = keeps
        self.states: States = [{}]
        self.restarted_by: list[str] = []
        self.opened_by = ""

    def open(self) -> None:
        self.opened_by = threading.current_thread().name

    def session(self, level: str) -> MemorySession:
        return _Session(self)

    def restart(self) -> None:
        self.restarted_by.append(threading.current_thread().name)
        self.data = dict(self.keeps(self.states))


class _Session(MemorySession):
    def step(self, op: Op) -> Op:
        if op.kind != "delete":
            return super().step(op)
        super().step(Op("w", op.key, None))
        return op

    def commit(self) -> None:
        super().commit()
        assert isinstance(self.target, RestartingTarget)
        self.target.states.append(dict(self.target.data))


def everything(states: States) -> dict[Any, Any]:
    return states[-1]


def first_values(states: States) -> dict[Any, Any]:
    """Of every key that has a value, the first one it had: what was overwritten comes back."""
    return {
        key: next(state[key] for state in states if state.get(key) is not None)
        for key, value in states[-1].items()
        if value is not None
    }


def deleted_too(states: States) -> dict[Any, Any]:
    """The newest value that each key ever had, deleted or not."""
    values = [(key, value) for state in states for key, value in state.items() if value is not None]
    return dict(values)


def all_but_the_end(states: States) -> dict[Any, Any]:
    return states[len(states) // 2]


@pytest.mark.parametrize("schedule", ["steps", "threads"])
def test_the_target_is_restarted_once_before_the_finale(tmp_path: Path, schedule: str) -> None:
    """By the thread that opened it, after all programs; the history tells when, as a fault."""
    target = RestartingTarget(everything)
    outcome = perform(tmp_path, WORKLOADS["restart"], target=target, schedule=schedule, txns=40, op_timeout_s=5.0)
    assert outcome.trouble == ""
    assert target.restarted_by == [target.opened_by]
    (fault,) = outcome.history.faults
    assert fault.name == "restart"
    finale = [txn for txn in outcome.history.txns() if txn.start > fault.end]
    assert sum(len(txn.ops) for txn in finale) >= 64
    assert all(txn.client == 3 and {op.kind for op in txn.ops} == {"r"} for txn in finale)
    assert all(txn.end < fault.start for txn in outcome.history.txns() if txn not in finale)
    assert check_register(outcome.history).anomalies == ()


@pytest.mark.parametrize("keeps", [first_values, deleted_too, all_but_the_end])
def test_what_is_lost_or_comes_back_is_found(tmp_path: Path, keeps: Callable[[States], dict[Any, Any]]) -> None:
    """Values are compared: an overwritten one, a deleted key and a lost commit are each a read of the past."""
    outcome = perform(
        tmp_path, WORKLOADS["restart"], target=RestartingTarget(keeps), schedule="steps", txns=300, op_timeout_s=5.0
    )
    (found,) = check_register(outcome.history).anomalies
    (fault,) = outcome.history.faults
    assert found.name == "G-single-item-realtime"
    assert outcome.history.txn(found.txns[1]).start > fault.end


def test_a_workload_that_wants_no_restart_gets_none(tmp_path: Path) -> None:
    """The target's ability alone changes nothing."""
    target = RestartingTarget(everything)
    outcome = perform(tmp_path, WORKLOADS["set"], target=target, schedule="steps", txns=20, op_timeout_s=5.0)
    assert (target.restarted_by, outcome.history.faults, outcome.trouble) == ([], (), "")


def test_a_target_that_does_not_come_back_is_trouble(tmp_path: Path) -> None:
    """The run ends there with a sentence, and what happened before is judged."""

    def lost(states: States) -> dict[Any, Any]:
        raise OSError("no such disk")

    outcome = perform(
        tmp_path, WORKLOADS["restart"], target=RestartingTarget(lost), schedule="steps", txns=20, op_timeout_s=5.0
    )
    assert outcome.trouble == "the target does not come back from its restart: OSError: no such disk"
    assert [fault.name for fault in outcome.history.faults] == ["restart"]
    assert (outcome.history.status != Status.UNKNOWN).all()
    assert len(outcome.history) == 20


def test_a_target_without_a_restart_says_so(tmp_path: Path) -> None:
    """A workload that was forced on it ends with the reason."""
    work = WORKLOADS["set"]._replace(restarts=True)
    outcome = perform(tmp_path, work, schedule="steps", txns=20, op_timeout_s=5.0)
    assert "does not come back from its restart: AttributeError" in outcome.trouble


def test_a_restart_that_hangs_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that an opening may take, the run goes on without it."""
    monkeypatch.setattr("harness.keeper.OPEN_TIMEOUT_S", 0.05)
    over = threading.Event()

    def hangs(states: States) -> dict[Any, Any]:
        over.wait(30)
        return {}

    keeper = Keeper(RestartingTarget(hangs))
    keeper.open(threading.Event())
    assert keeper.restart() == "the target hangs: its restart did not end within 0.05 s"
    over.set()
    assert keeper.close() == ""
