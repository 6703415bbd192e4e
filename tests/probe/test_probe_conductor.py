"""One order of a script, performed: who did what, who waited for whom, and what became of it; never a hang."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from probe_targets import DeadlockingTarget, LockingTarget, SharedTarget, UnguardedTarget

from harness.conductor import conduct
from harness.history import UNSEEN, Op, RunInfo, Status
from harness.interleaving import ABORT, BEGIN, COMMIT, Action, Interleaving, Moment, Performance, Seen, orders_of
from harness.program import Program, Rollback, delete, read, scan, write
from harness.target import Aborted, Target
from harness.targets.reference import ReferenceTarget
from harness.trouble import RunTrouble

LOST_UPDATE: Mapping[str, Mapping[str, Action]] = {
    "T1": {"r1": [read("x")], "w1": [write("x", 11)], "c1": [COMMIT]},
    "T2": {"r2": [read("x")], "w2": [write("x", 12)], "c2": [COMMIT]},
}


def script(sessions: Mapping[str, Mapping[str, Action]], *orders: str, **initial: Any) -> Interleaving:
    return Interleaving(
        name="script",
        anomaly="P4",
        forbidden_by="serializable",
        story="",
        source="",
        initial=initial,
        sessions=sessions,
        orders=orders,
    )


def performed(target: Target, one: Interleaving, *, wait_s: float = 0.5, hang_s: float = 30.0) -> Performance:
    """The script's first order."""
    target.open()
    order = next(iter(orders_of(one)))
    return conduct(target, one, order, RunInfo(level="serializable"), number=7, wait_s=wait_s, hang_s=hang_s)


def told(performance: Performance) -> list[tuple[str, str]]:
    """(step, outcome) of every moment."""
    return [(moment.step, moment.outcome) for moment in performance.moments]


def statuses(performance: Performance) -> list[Status | None]:
    return [performance.status(session) for session in performance.interleaving.sessions]


# The script as data


def test_every_order_is_one_way_of_laying_the_sessions_into_one_line() -> None:
    """Without listed orders, all are performed: 20 of two sessions of three steps, each keeping its sessions' own."""
    orders = list(orders_of(script(LOST_UPDATE)))
    assert len(orders) == len(set(orders)) == 20
    assert orders[0] == ("r1", "w1", "c1", "r2", "w2", "c2")
    assert all([step for step in order if step in LOST_UPDATE["T1"]] == ["r1", "w1", "c1"] for order in orders)


def test_an_order_that_stops_early_is_performed_to_its_end() -> None:
    """A listed order is followed as it is; what a session still lacks of its last steps comes at the end."""
    one = script(LOST_UPDATE, "r2 w1 c1", "w2 r2 r1 c1 c2")
    assert list(orders_of(one)) == [("r2", "w1", "c1", "w2", "c2"), ("w2", "r2", "r1", "c1", "c2")]


@pytest.mark.parametrize("order", ["r1 r3", "r1 r1"])
def test_an_order_of_other_steps_is_refused(order: str) -> None:
    """An order names steps of the script, each once."""
    with pytest.raises(ValueError, match=f"script: {order} is no order of its steps"):
        script(LOST_UPDATE, order)


def test_names_of_steps_are_unique() -> None:
    """An order could not say which of two steps of one name it means."""
    with pytest.raises(ValueError, match="script: two steps have one name"):
        script({"T1": {"c": [COMMIT]}, "T2": {"c": [COMMIT]}})


# What a performance tells


def test_a_performance_on_the_engine() -> None:
    """Every step has its moment with completed operations; the rows are set-up, sessions and last reader."""
    performance = performed(ReferenceTarget(), script(LOST_UPDATE, "r2 r1 w1 c1 w2 c2", x=10))
    assert performance.moments == (
        Moment("T2", "r2", (Op("r", "x", 10),), "done"),
        Moment("T1", "r1", (Op("r", "x", 10),), "done"),
        Moment("T1", "w1", (Op("w", "x", 11),), "done"),
        Moment("T1", "c1", (COMMIT,), "done"),
        Moment("T2", "w2", (Op("w", "x", 12),), "done"),
        Moment("T2", "c2", (COMMIT,), "refused", performance.moments[-1].error),
    )
    assert performance.moments[-1].error != ""
    rows = [(performance.name_of(txn.id), txn.ops, txn.status.name) for txn in performance.history.txns()]
    assert rows == [
        ("the set-up", (Op("w", "x", 10),), "OK"),
        ("T2", (Op("r", "x", 10), Op("w", "x", 12)), "ABORTED"),
        ("T1", (Op("r", "x", 10), Op("w", "x", 11)), "OK"),
        ("the last reader", (Op("r", "x", 11),), "OK"),
    ]
    times = [(txn.start, txn.end) for txn in performance.history.txns()]
    assert times == [(1, 2), (3, 6), (4, 5), (7, 8)]
    assert (performance.final, performance.trouble, performance.committed) == ({"x": 11}, "", 1)


def test_a_step_that_computes_knows_what_its_transaction_saw() -> None:
    """A step that is a function gets every key and range seen so far, its own writes and deletes too."""
    known: list[dict[Any, Any]] = []

    def double(seen: Seen) -> Program:
        known.append(dict(seen))
        yield write("x", seen["x"] * 2 + (yield read("y")).value)
        yield delete("y")
        yield scan("x", "z")

    def remember(seen: Seen) -> Program:
        known.append(dict(seen))
        yield COMMIT

    steps: Mapping[str, Action] = {"r": [read("x"), read("none")], "d": double, "c": remember}
    performance = performed(ReferenceTarget(), script({"T": steps}, x=10, y=5))
    assert known == [{"x": 10, "none": None}, {"x": 25, "none": None, "y": None, ("x", "z"): {"x": 25}}]
    assert (performance.final, statuses(performance)) == ({"none": None, "x": 25, "y": None}, [Status.OK])


def test_taking_a_transaction_back() -> None:
    """ABORT, and a step that raises Rollback, end a transaction without effect; its other steps are left out."""

    def regret(seen: Seen) -> Program:
        yield write("y", 2)
        raise Rollback

    sessions: Mapping[str, Mapping[str, Action]] = {
        "T1": {"w1": [write("x", 1)], "a1": [ABORT]},
        "T2": {"w2": regret, "c2": [COMMIT]},
    }
    performance = performed(ReferenceTarget(), script(sessions))
    assert told(performance) == [("w1", "done"), ("a1", "rolled back"), ("w2", "rolled back")]
    assert performance.moments[2].ops == (Op("w", "y", 2), ABORT)
    assert statuses(performance) == [Status.ABORTED, Status.ABORTED]
    assert performance.final == {"x": None, "y": None}


def test_a_transaction_that_begins_before_its_first_operation() -> None:
    """BEGIN is a step like others: real time counts from there."""
    one = script({"T1": {"b1": [BEGIN], "r1": [read("x")], "c1": [COMMIT]}, "T2": {"c2": [COMMIT]}}, "b1 c2 r1 c1")
    performance = performed(ReferenceTarget(), one)
    assert [(performance.name_of(txn.id), txn.start, txn.end) for txn in performance.history.txns()][:2] == [
        ("T1", 1, 4),
        ("T2", 2, 3),
    ]


def test_performances_do_not_meet() -> None:
    """What one performance stored is not there for the next one, not even for a scan of everything around it."""
    target = ReferenceTarget()
    target.open()
    one = script({"T": {"s": [scan("", "~")], "w": [write("x", 1), write("y", 2)], "c": [COMMIT]}}, z=0)
    for number in (1, 11, 2):
        performance = conduct(target, one, ("s", "w", "c"), RunInfo(level="serializable"), number=number)
        assert performance.moments[0].ops == (Op("scan", ("", "~"), {"z": 0}),)


# Databases whose calls wait


def test_a_step_that_waits_comes_back_when_it_is_let_in() -> None:
    """A step behind another's lock waits, the others go on, and its session's later steps follow when it is free."""
    one = script(
        {"T1": {"w1": [write("x", 1)], "c1": [COMMIT]}, "T2": {"r2": [read("x")], "c2": [COMMIT]}}, "w1 r2 c2 c1"
    )
    performance = performed(LockingTarget(), one)
    assert told(performance)[:2] == [("w1", "done"), ("r2", "waits")]
    assert sorted(told(performance)[2:4]) == [("c1", "done"), ("r2", "done")]
    assert told(performance)[4:] == [("c2", "done")]
    assert [moment.ops for moment in performance.moments if moment.step == "r2"] == [(), (Op("r", "x", 1),)]


def test_a_deadlock_that_the_database_ends() -> None:
    """The session that the database refuses is out, and the one that waited for it goes on to its end."""
    performance = performed(LockingTarget(), script(LOST_UPDATE, "r1 r2 w1 w2 c1 c2", x=10))
    assert told(performance)[:3] == [("r1", "done"), ("r2", "done"), ("w1", "waits")]
    assert sorted(told(performance)[3:5]) == [("w1", "done"), ("w2", "refused")]
    assert told(performance)[5:] == [("c1", "done")]
    assert statuses(performance) == [Status.OK, Status.ABORTED]
    assert performance.final == {"x": 11}


def test_a_deadlock_that_nobody_ends() -> None:
    """Where all wait and nobody is left to wait for, the performance ends with its trouble and unknown outcomes."""
    target = DeadlockingTarget()
    performance = performed(target, script(LOST_UPDATE, "r1 r2 w1 w2 c1 c2", x=10), hang_s=1.0)
    target.close()
    assert told(performance) == [("r1", "done"), ("r2", "done"), ("w1", "waits"), ("w2", "waits")]
    assert performance.trouble == "T1 and T2 did not come back within 1 s, and nobody was left to wait for"
    assert statuses(performance) == [Status.UNKNOWN, Status.UNKNOWN]
    assert (performance.final, performance.committed) == ({}, 0)


# Databases and adapters that fail


class Failing(SharedTarget):
    """Calls `hook(call, op)` before every call of a session that took part in nothing else."""

    def __init__(self, hook: Any) -> None:
        super().__init__()
        self.hook = hook

    def session(self, level: str) -> Any:
        session, hook = super().session(level), self.hook

        class Hooked:
            def __getattr__(self, call: str) -> Any:
                def made(*op: Any) -> Any:
                    hook(call, *op)
                    return getattr(session, call)(*op)

                return made

        return Hooked()


def failing(when: str, error: BaseException) -> Failing:
    """A database that raises at the first call whose name is `when`, or at the first operation of that kind on x."""
    errors = [error]

    def hook(call: str, op: Op | None = None) -> None:
        if errors and when in {call, op.kind if op is not None and op.key.endswith("x") else None}:
            raise errors.pop()

    return Failing(hook)


ONE = {"T": {"r": [read("x")], "w": [write("x", 1)], "c": [COMMIT]}}


@pytest.mark.parametrize(
    ("when", "error", "status", "last"),
    [
        ("r", Aborted("no"), Status.ABORTED, Moment("T", "r", (Op("r", "x", UNSEEN),), "refused", "no")),
        ("w", Aborted("no"), Status.ABORTED, Moment("T", "w", (Op("w", "x", 1),), "refused", "no")),
        ("commit", Aborted("no"), Status.ABORTED, Moment("T", "c", (COMMIT,), "refused", "no")),
        ("begin", Aborted("no"), Status.ABORTED, Moment("T", "r", (), "refused", "no")),
        ("w", OSError("gone"), Status.UNKNOWN, Moment("T", "w", (Op("w", "x", 1),), "failed", "OSError: gone")),
        ("commit", OSError("gone"), Status.UNKNOWN, Moment("T", "c", (COMMIT,), "failed", "OSError: gone")),
        ("begin", SystemExit(3), Status.UNKNOWN, Moment("T", "r", (), "failed", "SystemExit: 3")),
    ],
)
def test_what_a_database_raises(when: str, error: BaseException, status: Status, last: Moment) -> None:
    """Only Aborted is surely without effect; anything else leaves it unknown. The call that failed is told."""
    performance = performed(failing(when, error), script(ONE))
    assert statuses(performance) == [status]
    assert performance.moments[-1] == last


def test_an_abort_that_fails_leaves_it_unknown() -> None:
    """A transaction that its client takes back is without effect only if the abort returned."""
    performance = performed(failing("abort", OSError("gone")), script({"T": {"w": [write("x", 1)], "a": [ABORT]}}))
    assert told(performance) == [("w", "done"), ("a", "failed")]
    assert statuses(performance) == [Status.UNKNOWN]


def test_an_answer_that_is_no_answer() -> None:
    """A scan that is not answered with a dict is the adapter's failure."""

    class Wrong(UnguardedTarget):
        def session(self, level: str) -> Any:
            session = super().session(level)
            session.step = lambda op: op
            return session

    performance = performed(Wrong(), script({"T": {"s": [scan("x", "z")], "c": [COMMIT]}}))
    assert told(performance) == [("s", "failed")]
    assert "answered a scan with NoneType" in performance.moments[0].error


def test_a_script_that_is_wrong_stops_the_probe() -> None:
    """A step that raises, or yields what is no operation, is our mistake, not the database's."""

    def wrong(seen: Seen) -> Program:
        yield write("x", seen["never read"])

    with pytest.raises(RunTrouble, match="script: a step of T raised KeyError: 'never read'"):
        performed(ReferenceTarget(), script({"T": {"w": wrong, "c": [COMMIT]}}))
    with pytest.raises(RunTrouble, match="script: a step of T yielded str instead of an operation"):
        performed(ReferenceTarget(), script({"T": {"w": ["commit"]}}))  # type: ignore[dict-item, list-item]


def test_a_set_up_that_is_refused_now_and_then() -> None:
    """A refused set-up is tried again; one that is always refused, or of unknown outcome, stops the probe."""
    assert performed(failing("commit", Aborted("no")), script(ONE, x=10)).final == {"x": 1}

    def always(call: str, op: Op | None = None) -> None:
        if call == "commit":
            raise Aborted("never")

    with pytest.raises(RunTrouble, match="the set-up of script failed: it is refused again and again"):
        performed(Failing(always), script(ONE, x=10))
    with pytest.raises(RunTrouble, match="the set-up of script failed: OSError: gone"):
        performed(failing("commit", OSError("gone")), script(ONE, x=10))


def test_a_last_read_that_is_refused() -> None:
    """A closing read that never succeeds is told as trouble, and what was performed stays."""
    calls = iter(range(100))

    def after_the_first(call: str, op: Op | None = None) -> None:
        if call == "commit" and next(calls) > 0:
            raise Aborted("never")

    performance = performed(Failing(after_the_first), script(ONE))
    assert performance.trouble == "the closing read of script failed: it is refused again and again"
    assert (performance.final, statuses(performance)) == ({}, [Status.OK])


def test_a_session_that_cannot_be_opened() -> None:
    """Without its sessions nothing can be performed."""

    class Closed(SharedTarget):
        def session(self, level: str) -> Any:
            raise OSError("no more connections")

    with pytest.raises(RunTrouble, match="script: no more connections"):
        performed(Closed(), script(ONE))


@pytest.mark.parametrize("when", ["session", "w"])
def test_a_target_that_hangs_although_its_calls_never_wait(when: str) -> None:
    """One thread carries out all calls of such a target; when it hangs, the performance ends all the same."""
    release = threading.Event()

    class Hanging(Failing):
        def session(self, level: str) -> Any:
            if when == "session":
                release.wait()
            return super().session(level)

    def hook(call: str, op: Op | None = None) -> None:
        if call == "step" and op is not None and op.kind == when:
            release.wait()

    try:
        if when == "session":
            with pytest.raises(RunTrouble, match="a session did not open within 1 s"):
                performed(Hanging(hook), script(LOST_UPDATE), hang_s=1.0)
        else:
            performance = performed(Hanging(hook), script(LOST_UPDATE), hang_s=1.0)
            assert performance.trouble == "T1 did not come back within 1 s, and nobody was left to wait for"
            assert told(performance) == [("r1", "done"), ("w1", "waits")]
            assert statuses(performance) == [Status.UNKNOWN, None]
    finally:
        release.set()


def test_the_sessions_of_a_target_that_never_waits_share_one_thread() -> None:
    """Calls that never wait are all carried out by one thread; those that may wait, by one for each session."""
    threads: dict[type, set[int]] = {}

    def noting(base: type[Any]) -> Any:
        class Noting(base):  # type: ignore[misc]
            def session(self, level: str) -> Any:
                threads.setdefault(base, set()).add(threading.get_ident())
                return super().session(level)

        return Noting()

    for base in (SharedTarget, LockingTarget):
        performed(noting(base), script(LOST_UPDATE, "r1 w1 c1 r2 w2 c2"))
    assert [len(threads[base]) for base in (SharedTarget, LockingTarget)] == [1, 4]
