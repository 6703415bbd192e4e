"""Tiny histories by hand: `history(row(client, start, end, op, ...), ...)`."""

from __future__ import annotations

from harness.build import build_history
from harness.history import History, Op, RunInfo, Status, Txn


def row(client: int, start: int, end: int, *ops: Op, status: Status = Status.OK) -> Txn:
    """One transaction; its number is its place in the order of starts."""
    return Txn(0, client, ops, status, start, end)


def r(key: str, value: object = None) -> Op:
    return Op("r", key, value)


def w(key: str, value: object) -> Op:
    return Op("w", key, value)


def history(*rows: Txn, cut: str = "") -> History:
    return build_history(rows, RunInfo(suite="hand", workload="hand", target="hand", level="hand"), cut=cut)
