"""Histories of sessions: the order within each client is known, and of time nothing else.

These files tell one transaction after another of each session. Most begin in a state that nobody wrote, in which
every key is 0, or nothing; both are None here, unless somebody wrote a 0 to that key. Some texts of Plume tell that
state by a transaction of its own, which then lies before all others:

    session 0   w x 0, w y 0        the first of the file, the only one of its session, nothing but writes of 0
    session 1   r x 0, w x 1
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from harness.build import HistoryBuilder
from harness.events import HistoryFormatError
from harness.history import KIND_CODE, SCALAR, History, Op, RunInfo, Status

__all__ = ["SESSIONS_EXPECTED", "SessionsBuilder"]

SESSIONS_EXPECTED: Final = "strong-session-serializable"  # The strongest level that session order can refute.

_INITIAL: Final = 0
_CLIENTS: Final = range(-(2**31), 2**31)


class _Transaction(NamedTuple):
    client: int
    ops: list[Op]
    status: Status
    timestamps: tuple[int, int] | None


class SessionsBuilder:
    """Collects transactions, those of a client in its order; clients may take turns.

    `zero`: a 0 that nobody wrote is the state before all writes. `initial`: a transaction may tell that state.
    """

    def __init__(self, *, zero: bool = True, initial: bool = False) -> None:
        self._zero = zero
        self._may_begin = initial
        self._builder = HistoryBuilder()
        self._clients: set[int] = set()
        self._initial: _Transaction | None = None  # What may be the initial transaction, until we know better.

    def add(
        self,
        client: int,
        ops: Iterable[Op],
        status: Status = Status.OK,
        timestamps: tuple[int, int] | None = None,
    ) -> None:
        """The next transaction of `client`. Raises HistoryFormatError for a number that no column can hold."""
        if client not in _CLIENTS:
            raise HistoryFormatError("a session's number does not fit into 32 bits; use smaller ones")
        txn = _Transaction(client, list(ops), status, timestamps)
        if self._initial is not None and self._initial.client == client:
            self._add(self._initial, start=0)
            self._initial = None
        if self._may_begin and not self._clients and _sets_up(txn):
            self._initial = txn
        else:
            self._add(txn, start=0)
        self._clients.add(client)

    def build(self, workload: str) -> History:
        """The history."""
        if self._initial is not None:
            self._add(self._initial, start=-1)
            self._initial = None
        info = RunInfo(
            suite="check",
            workload=workload,
            target="recorded",
            expected=SESSIONS_EXPECTED,
            clients=len(self._clients),
            clock="sessions",
            foreign=True,
        )
        history = self._builder.build(info)
        return _without_initial_value(history) if self._zero else history

    def _add(self, txn: _Transaction, *, start: int) -> None:
        end = start if start < 0 else 1
        self._builder.add(txn.client, start, end, txn.status, txn.ops, timestamps=txn.timestamps)


def _sets_up(txn: _Transaction) -> bool:
    """Whether a transaction does nothing but write the initial value."""
    return (
        txn.status is Status.OK
        and bool(txn.ops)
        and all(op.kind == "w" and type(op.value) is int and op.value == _INITIAL for op in txn.ops)
    )


def _without_initial_value(history: History) -> History:
    """The history in which reads of 0 saw nothing, of keys to which nobody wrote a 0."""
    zero = next((i for i, value in enumerate(history.values) if type(value) is int and value == _INITIAL), -1)
    zeros = (history.op_length == SCALAR) & (history.op_value == zero)
    written = np.zeros(len(history.keys), dtype=np.bool_)
    written[history.op_key[zeros & (history.op_kind == KIND_CODE["w"])]] = True
    initial = zeros & (history.op_kind == KIND_CODE["r"]) & ~written[history.op_key]
    if not initial.any():
        return history
    values: tuple[Any, ...] = history.values
    nothing = next((i for i, value in enumerate(values) if value is None), -1)
    if nothing < 0:
        nothing, values = len(values), (*values, None)
    return replace(history, op_value=np.where(initial, nothing, history.op_value), values=values)
