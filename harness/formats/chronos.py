"""Chronos' histories: one JSON array of transactions with the timestamps that the database gave them.

    {"tid": 67, "sid": 19, "sts": {"p": 16, "l": 6}, "cts": {"p": 17, "l": 0},
     "ops": [{"t": "w", "k": 7, "v": 2}, {"t": "r", "k": 8, "v": 3}]}

A timestamp has a physical and a logical part. Where all logical parts are 0, the physical one is kept, otherwise the
place of the timestamp in the order of all. Operations are w and r (of registers), or a and r (of lists).
"""

from __future__ import annotations

from typing import Final

import msgspec

from harness.events import HistoryFormatError
from harness.formats.sessions import SessionsBuilder
from harness.history import History, Op
from harness.history_file import HistoryText
from harness.json_events import decoded

__all__ = ["read_chronos"]

_KINDS: Final = {"w": "w", "write": "w", "a": "append", "append": "append", "r": "r", "read": "r"}
_INT64: Final = range(-(2**63), 2**63)
_EXAMPLE: Final = (
    'write a transaction as {"tid": 1, "sid": 0, "sts": {"p": 1, "l": 0}, "cts": {"p": 2, "l": 0}, "ops": '
    '[{"t": "w", "k": 7, "v": 2}]}'
)


class _Timestamp(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    p: int
    l: int = 0  # noqa: E741  The name in the file.


class _Operation(msgspec.Struct, forbid_unknown_fields=True):
    t: str
    k: int | str
    v: int | str | list[int | str] | None = None


class _Transaction(msgspec.Struct):
    tid: int | str
    sid: int | str
    sts: _Timestamp
    cts: _Timestamp
    ops: list[_Operation]


def read_chronos(name: str, text: str) -> History:
    """The history in a JSON text. Raises HistoryFormatError."""
    txns = decoded(HistoryText(name, text), list[_Transaction], _EXAMPLE)
    lists = any(_KINDS.get(op.t.lower()) == "append" or isinstance(op.v, list) for txn in txns for op in txn.ops)
    number = _numbered({stamp for txn in txns for stamp in (txn.sts, txn.cts)})
    clients: dict[int | str, int] = {}
    known: set[int | str] = set()
    builder = SessionsBuilder()
    for place, txn in enumerate(txns, 1):
        if txn.tid in known:
            raise _error(name, place, f"another transaction has the tid {txn.tid!a}")
        if txn.cts < txn.sts:
            raise _error(name, place, "it commits before it starts: its cts is before its sts")
        known.add(txn.tid)
        ops = [_op(name, place, op, lists) for op in txn.ops]
        client = clients.setdefault(txn.sid, len(clients))
        builder.add(client, ops, timestamps=(number[txn.sts], number[txn.cts]))
    return builder.build("list-append" if lists else "rw-register")


def _error(name: str, place: int, sentence: str) -> HistoryFormatError:
    return HistoryFormatError(f"{name}, transaction {place}: {sentence}; {_EXAMPLE}")


def _numbered(stamps: set[_Timestamp]) -> dict[_Timestamp, int]:
    """A number of 64 bits for each timestamp, in the same order."""
    if all(stamp.l == 0 and stamp.p >= 0 and stamp.p in _INT64 for stamp in stamps):
        return {stamp: stamp.p for stamp in stamps}
    return {stamp: place for place, stamp in enumerate(sorted(stamps))}


def _op(name: str, place: int, op: _Operation, lists: bool) -> Op:
    kind = _KINDS.get(op.t.lower())
    if kind is None:
        raise _error(name, place, f"the operation {op.t[:40]!a} is unknown")
    value = op.v
    if kind == "r" and lists:
        value = [] if value is None else value
        if not isinstance(value, list):
            raise _error(name, place, "a list was read as one value")
    elif isinstance(value, list) or (kind != "r" and value is None):
        raise _error(name, place, "a value that was written is missing or is a list")
    return Op(kind, op.k, value)
