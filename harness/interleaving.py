"""Scripted interleavings as data: what each session does step by step, and in which orders the steps are taken.

    T1   r1  read x       w1  write x 11      c1  commit
    T2   r2  read x       w2  write x 12      c2  commit        one of 20 orders: r1 r2 w1 w2 c1 c2

A session is one transaction. A step is a sequence of operations or, where it computes, a function that is given
what its transaction has seen so far and yields operations as any program does (it may raise `Rollback`).
`Performance` is what became of one order on one database. In the manner of PostgreSQL's isolation tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from harness.history import History, Op, Status
from harness.program import Program

__all__ = [
    "ABORT",
    "BEGIN",
    "COMMIT",
    "Action",
    "Interleaving",
    "Moment",
    "Order",
    "Performance",
    "Seen",
    "orders_of",
]

# What a session does beside operations. Without BEGIN, its transaction begins with its first step.
BEGIN: Final = Op("begin", None)
COMMIT: Final = Op("commit", None)
ABORT: Final = Op("abort", None)

Seen = Mapping[Any, Any]  # The key of each operation so far, a scan's bounds too, and the value it had last.
Action = Sequence[Op] | Callable[[Seen], Program]
Order = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Interleaving:
    """One script. `anomaly` is what it may show, and `forbidden_by` the weakest level that forbids that.

    `initial` holds what is stored before anybody begins; keys are texts. `sessions` are {session: {step: action}};
    no two steps of a script have one name. `orders` are names of steps with blanks between them; none means every
    order that keeps each session's own. An order may leave steps out; a session whose last steps it lacks does
    them at the end. `needs` are the operation kinds it uses beside r and w.

    Raises ValueError where names or orders contradict one another.
    """

    name: str
    anomaly: str
    forbidden_by: str
    story: str
    source: str
    sessions: Mapping[str, Mapping[str, Action]]
    initial: Mapping[str, Any] = field(default_factory=dict)
    orders: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        steps = [step for actions in self.sessions.values() for step in actions]
        if len(set(steps)) < len(steps):
            raise ValueError(f"{self.name}: two steps have one name")
        for order in map(str.split, self.orders):
            if len(set(order)) < len(order) or not set(order) <= set(steps):
                raise ValueError(f"{self.name}: {' '.join(order)} is no order of its steps")

    @property
    def session_of(self) -> Mapping[str, str]:
        """{step: session}."""
        return {step: session for session, actions in self.sessions.items() for step in actions}

    def action(self, step: str) -> Action:
        """What the step of this name does."""
        return self.sessions[self.session_of[step]][step]


def orders_of(interleaving: Interleaving) -> Iterator[Order]:
    """The orders to be performed, each to its end, in an order that never changes."""
    if interleaving.orders:
        return (_completed(interleaving, tuple(order.split())) for order in interleaving.orders)
    return _merged([tuple(actions) for actions in interleaving.sessions.values()])


def _merged(lines: list[Order]) -> Iterator[Order]:
    """Every way of laying these lines into one that keeps each line's own order."""
    if not any(lines):
        yield ()
    for number, line in enumerate(lines):
        if line:
            rest = [*lines[:number], line[1:], *lines[number + 1 :]]
            yield from ((line[0], *order) for order in _merged(rest))


def _completed(interleaving: Interleaving, order: Order) -> Order:
    missing: list[str] = []
    for actions in interleaving.sessions.values():
        steps = list(actions)
        taken = [place for place, step in enumerate(steps) if step in order]
        missing += steps[max(taken, default=-1) + 1 :]
    return (*order, *missing)


class Moment(NamedTuple):
    """One line of what happened, in the order in which steps came back.

    `ops` are completed, BEGIN, COMMIT and ABORT among them. `outcome` is "done"; "waits" (the step was asked for
    and did not come back for now: it has a second line when it does), "refused", "rolled back" or "failed",
    with the database's words in `error`.
    """

    session: str
    step: str
    ops: tuple[Op, ...]
    outcome: str
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Performance:
    """One order of an interleaving, performed on a database at `level`.

    `history` has a row for the set-up (client n, the number of sessions), for each session that began (its place
    among the sessions is its client) and for the closing read (client n + 1). `final` is what that read saw.
    `trouble` is a sentence where somebody was still waiting when nobody was left to wait for.
    """

    interleaving: Interleaving
    level: str
    order: Order
    moments: tuple[Moment, ...]
    history: History
    final: Mapping[str, Any]
    trouble: str = ""

    def name_of(self, row: int) -> str:
        """The session of a row of the history."""
        names = [*self.interleaving.sessions, "the set-up", "the last reader"]
        return names[int(self.history.client[row])]

    def status(self, session: str) -> Status | None:
        """What became of a session's transaction; None where it never began."""
        client = list(self.interleaving.sessions).index(session)
        rows = [
            int(status) for status, one in zip(self.history.status, self.history.client, strict=True) if one == client
        ]
        return Status(rows[0]) if rows else None

    @property
    def committed(self) -> int:
        """How many sessions committed."""
        return sum(self.status(session) is Status.OK for session in self.interleaving.sessions)
