"""Tiny histories in one string, a transaction a line (or between semicolons).

    0 1-4 ax1 rx1,2 ry          client 0, from time 1 to 4: append 1 to x; read x: [1, 2]; read y: []
    1 2-3 aborted ax2           1 2-3 unknown ax2 rx?
    ax1 ry                      no client and times: a client of its own, at the same time as all such

Elements are numbers, keys one letter each. `?` stands for a result that never came. Registers have

    wx1 rx1 ry dx               write 1 to x, read 1 there, read y: nothing, delete x
    sac:a1,b2                   range read from a to c, c excluded: 1 at a and 2 at b
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from harness.history import UNSEEN, Op, Status, Txn

__all__ = ["notation", "registers", "txns"]

_WHO_AND_WHEN = r"(?:(?P<client>\d+) +(?P<start>\d+)-(?P<end>\d+) +)?"
_LINE = re.compile(_WHO_AND_WHEN + r"(?:(?P<status>aborted|unknown) +)?(?P<ops>.*)")
_OP = re.compile(r"(?P<kind>[ar])(?P<key>[a-z])(?P<value>\?|[0-9,]*)")
_REGISTER_OP = re.compile(r"(?P<kind>[rwd])(?P<key>[a-z])(?P<value>\?|[0-9]*)")
_SCAN = re.compile(r"s(?P<low>[a-z])(?P<high>[a-z])(?P<found>\?|(?::(?:[a-z][0-9]+,?)+)?)")
_STATUS = {None: Status.OK, "aborted": Status.ABORTED, "unknown": Status.UNKNOWN}
_OWN_CLIENTS_FROM = 100
_EVER = 1000


def txns(text: str) -> list[Txn]:
    """The transactions of `text`, in the order written. Raises ValueError where the notation is wrong."""
    return _txns(text, _op)


def registers(text: str) -> list[Txn]:
    """The same for registers and range reads."""
    return _txns(text, _register_op)


def notation(txns: Sequence[Txn]) -> str:
    """What `txns` or `registers` would read: for messages."""
    return "; ".join(
        " ".join((f"{t.client} {t.start}-{t.end}", *_shown_status(t.status), *map(_shown, t.ops))) for t in txns
    )


def _txns(text: str, op_of: Callable[[str], Op]) -> list[Txn]:
    lines = [line.strip() for line in re.split(r"[;\n]", text) if line.strip()]
    return [_txn(row, line, op_of) for row, line in enumerate(lines)]


def _txn(row: int, line: str, op_of: Callable[[str], Op]) -> Txn:
    found = _LINE.fullmatch(line)
    assert found is not None, "every line matches: the operations take whatever is left"
    timed = found["client"] is not None
    return Txn(
        id=row,
        client=int(found["client"]) if timed else _OWN_CLIENTS_FROM + row,
        ops=tuple(op_of(token) for token in found["ops"].split()),
        status=_STATUS[found["status"]],
        start=int(found["start"]) if timed else 0,
        end=int(found["end"]) if timed else _EVER,
    )


def _op(token: str) -> Op:
    found = _OP.fullmatch(token)
    if found is None:
        raise ValueError(f"not an operation: {token!r}; write ax1, rx1,2, rx or rx?")
    if found["kind"] == "a":
        return Op("append", found["key"], int(found["value"]))
    if found["value"] == "?":
        return Op("r", found["key"], UNSEEN)
    return Op("r", found["key"], [int(one) for one in found["value"].split(",") if one])


def _register_op(token: str) -> Op:
    scan = _SCAN.fullmatch(token)
    if scan is not None:
        seen = {one[0]: int(one[1:]) for one in scan["found"][1:].split(",") if one}
        return Op("scan", (scan["low"], scan["high"]), UNSEEN if scan["found"] == "?" else seen)
    found = _REGISTER_OP.fullmatch(token)
    if found is None:
        raise ValueError(f"not an operation: {token!r}; write wx1, rx1, rx, rx?, dx or sac:a1,b2")
    kind = {"r": "r", "w": "w", "d": "delete"}[found["kind"]]
    return Op(
        kind, found["key"], UNSEEN if found["value"] == "?" else int(found["value"]) if found["value"] else None
    )


def _shown_status(status: Status) -> list[str]:
    return [] if status == Status.OK else [status.name.lower()]


def _shown(op: Op) -> str:
    if op.kind == "scan":
        low, high = op.key if isinstance(op.key, tuple) else (op.key, "z")
        if op.value is UNSEEN:
            return f"s{low}{high}?"
        return f"s{low}{high}" + ":" * bool(op.value) + ",".join(f"{key}{value}" for key, value in op.value.items())
    if op.kind == "r" and isinstance(op.value, list):
        return f"r{op.key}" + ",".join(map(str, op.value))
    return op.kind[0] + op.key + ("" if op.value is None else "?" if op.value is UNSEEN else str(op.value))
