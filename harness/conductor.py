"""Performs one order of an interleaving on any database, and never hangs.

Every session's calls are carried out by a thread of its own, so that a step may wait for another session's lock;
the sessions of a target whose calls never wait share one thread. One step at a time is asked for. A step that
does not come back in time *waits*: the others go on, and what its session has left to do follows when it is free
again. That is how PostgreSQL's isolationtester goes about it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

from harness.actor import Actor
from harness.build import build_history
from harness.history import RunInfo, Status, Txn
from harness.interleaving import COMMIT, Action, Interleaving, Moment, Order, Performance
from harness.program import read, write
from harness.target import Target
from harness.trouble import RunTrouble, described

__all__ = ["HANG_S", "WAIT_S", "conduct"]

WAIT_S: Final = 0.1
HANG_S: Final = 10.0
_TRIES: Final = 5
_SETUP: Final = "the set-up"
_CLOSING: Final = "the closing read"


def conduct(
    target: Target,
    interleaving: Interleaving,
    order: Order,
    info: RunInfo,
    *,
    number: int,
    wait_s: float = WAIT_S,
    hang_s: float = HANG_S,
) -> Performance:
    """Set up, perform `order` at `info.level`, and read at the end what is stored.

    `number` is used once for each performance on an open target: its keys are told by it. A step that did not
    come back after `wait_s` seconds waits; when everybody does, for `hang_s` seconds, the performance ends with
    its trouble. Raises RunTrouble where it cannot be set up, or where its script is wrong.
    """
    stage = _Stage(target, interleaving, info.level, f"probe{number}k", wait_s, hang_s)
    try:
        stage.connect()
        stage.set_up()
        trouble = stage.follow(order)
        final: Mapping[str, Any] = {}
        if not trouble:
            final, trouble = stage.closing_read()
    finally:
        stage.leave()
    return Performance(
        interleaving=interleaving,
        level=info.level,
        order=order,
        moments=tuple(stage.moments),
        history=build_history(stage.txns(), info),
        final=final,
        trouble=trouble,
    )


class _Stage:
    """The cast of one performance: its sessions, one for the set-up and one for the closing read.

    `_changed` guards what the conductor shares with the threads: who is busy, and the moments so far.
    """

    def __init__(
        self, target: Target, interleaving: Interleaving, level: str, prefix: str, wait_s: float, hang_s: float
    ) -> None:
        self.moments: list[Moment] = []
        self._interleaving = interleaving
        self._never_waits = target.capabilities.steps
        self._wait_s = hang_s if self._never_waits else wait_s
        self._hang_s = hang_s
        self._connect = lambda: target.session(level)
        self._prefix = prefix
        self._tick = itertools.count(1).__next__
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._error: BaseException | None = None
        self._cast = {name: self._actor(name) for name in (*interleaving.sessions, _SETUP, _CLOSING)}
        shared = _Thread() if self._never_waits else None
        self._threads = {name: shared or _Thread() for name in self._cast}

    def _actor(self, name: str) -> Actor:
        client = [*self._interleaving.sessions, _SETUP, _CLOSING].index(name)
        return Actor(name, client, connect=self._connect, prefix=self._prefix, tick=self._tick)

    def connect(self) -> None:
        """Open every session before the first step: a slow connect would shift the steps."""
        for name, actor in self._cast.items():
            if not self._ask(name, actor.connect, self._hang_s):
                raise RunTrouble(f"the target hangs: a session did not open within {self._hang_s:g} s")

    def set_up(self) -> None:
        """Store what the script begins with."""
        initial = self._interleaving.initial
        if initial:
            trouble = self._alone(_SETUP, [*(write(key, value) for key, value in initial.items()), COMMIT])
            if trouble:
                raise RunTrouble(f"the set-up of {self._interleaving.name} failed: {trouble}")

    def follow(self, order: Order) -> str:
        """Perform the steps of all sessions; the sentence of the trouble that ended this early, or nothing."""
        pending = list(order)
        session_of = self._interleaving.session_of
        while pending:
            waiting = frozenset(self._busy)
            step = next((one for one in pending if session_of[one] not in waiting), None)
            if step is None:
                if not self._somebody_returns(waiting):
                    return self._stuck()
                continue
            pending.remove(step)
            actor = self._cast[session_of[step]]
            if actor.status is not None:
                continue  # The database has ended it: nothing of it is left to do.
            if not self._step(actor, step) and self._never_waits:
                return self._stuck()
            if actor.status is not None:
                self._let_in()
        while waiting := frozenset(self._busy):
            if not self._somebody_returns(waiting):
                return self._stuck()
        return ""

    def closing_read(self) -> tuple[Mapping[str, Any], str]:
        """What is stored of all keys that anybody named, and a sentence where it could not be read."""
        txns = self.txns()
        keys = {*self._interleaving.initial, *(op.key for txn in txns for op in txn.ops if op.kind != "scan")}
        scans = (op.value for txn in txns for op in txn.ops if op.kind == "scan" and isinstance(op.value, dict))
        keys |= {key for found in scans for key in found if isinstance(key, str)}
        trouble = self._alone(_CLOSING, [*(read(key) for key in sorted(keys)), COMMIT])
        txn = self._cast[_CLOSING].txn()
        if trouble or txn is None:
            return {}, f"the closing read of {self._interleaving.name} failed: {trouble}"
        return {op.key: op.value for op in txn.ops}, ""

    def txns(self) -> list[Txn]:
        """The transactions of everybody who began one."""
        return [txn for actor in self._cast.values() if (txn := actor.txn()) is not None]

    def leave(self) -> None:
        """Close the sessions. Who is still inside a call is left there: its thread ends with that call."""
        self._error = None
        hung = {self._threads[name] for name in self._busy}
        for name, actor in self._cast.items():
            if self._threads[name] not in hung:
                self._ask(name, actor.close, self._hang_s)
        for thread in self._threads.values():
            thread.end()

    def _alone(self, name: str, action: Action) -> str:
        """A whole transaction while nobody else does anything; why it did not commit, or nothing."""
        actor = self._cast[name]
        for _ in range(_TRIES):
            if not self._ask(name, partial(self._untold, actor, action), self._hang_s):
                return f"it did not end within {self._hang_s:g} s"
            if actor.status is not Status.ABORTED:
                break
            self._ask(name, actor.close, self._hang_s)
            actor = self._cast[name] = self._actor(name)
            self._ask(name, actor.connect, self._hang_s)
        return "" if actor.status is Status.OK else actor.error or "it is refused again and again"

    def _step(self, actor: Actor, step: str) -> bool:
        """Ask for a step of a session; whether it came back in time."""
        take = partial(actor.take, step, self._interleaving.action(step))
        return self._ask(actor.name, take, self._wait_s, waits=Moment(actor.name, step, (), "waits"))

    def _untold(self, actor: Actor, action: Action) -> None:
        """A transaction that is no part of the script, and so of no moment."""
        actor.take(actor.name, action)

    def _ask(self, name: str, call: Callable[[], Moment | None], wait_s: float, waits: Moment | None = None) -> bool:
        """Have a call carried out by this one's thread; whether it came back in time. `waits` is told if not."""
        with self._changed:
            self._busy.add(name)
            self._threads[name].ask(partial(self._carry_out, name, call))
            back = self._changed.wait_for(lambda: name not in self._busy, wait_s)
            if not back and waits is not None:
                self.moments.append(waits)
        if self._error is not None:
            raise RunTrouble(f"{self._interleaving.name}: {described(self._error, with_type=False)}") from self._error
        return back

    def _carry_out(self, name: str, call: Callable[[], Moment | None]) -> None:
        moment: Moment | None = None
        error: BaseException | None = None
        try:
            moment = call()
        except BaseException as raised:  # noqa: BLE001  Carried to the conductor.
            error = raised
        with self._changed:
            if moment is not None:
                self.moments.append(moment)
            self._error = self._error or error
            self._busy.discard(name)
            self._changed.notify_all()

    def _let_in(self) -> None:
        """A transaction has ended: those that waited for it get their time to come back."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy, self._wait_s)

    def _somebody_returns(self, waiting: frozenset[str]) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not waiting <= self._busy, self._hang_s)

    def _stuck(self) -> str:
        names = " and ".join(name for name in self._cast if name in self._busy)
        return f"{names} did not come back within {self._hang_s:g} s, and nobody was left to wait for"


class _Thread:
    """Carries out calls one after another. A call that never returns costs this thread, which nobody waits for."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._work, name="anomalist session", daemon=True).start()

    def ask(self, call: Callable[[], None]) -> None:
        """Carry this out after everything asked for before."""
        self._calls.put(call)

    def end(self) -> None:
        """End after everything asked for before."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
