"""Tiny histories in one string, a transaction a line (or between semicolons).

    0 1-4 ax1 rx1,2 ry          client 0, from time 1 to 4: append 1 to x; read x: [1, 2]; read y: []
    1 2-3 aborted ax2           1 2-3 unknown ax2 rx?
    ax1 ry                      no client and times: a client of its own, at the same time as all such

Elements are numbers, keys one letter each. `?` stands for a result that never came.
"""

from __future__ import annotations

import re

from harness.history import UNSEEN, Op, Status, Txn

__all__ = ["txns"]

_WHO_AND_WHEN = r"(?:(?P<client>\d+) +(?P<start>\d+)-(?P<end>\d+) +)?"
_LINE = re.compile(_WHO_AND_WHEN + r"(?:(?P<status>aborted|unknown) +)?(?P<ops>.*)")
_OP = re.compile(r"(?P<kind>[ar])(?P<key>[a-z])(?P<value>\?|[0-9,]*)")
_STATUS = {None: Status.OK, "aborted": Status.ABORTED, "unknown": Status.UNKNOWN}
_OWN_CLIENTS_FROM = 100
_EVER = 1000


def txns(text: str) -> list[Txn]:
    """The transactions of `text`, in the order written. Raises ValueError where the notation is wrong."""
    lines = [line.strip() for line in re.split(r"[;\n]", text) if line.strip()]
    return [_txn(row, line) for row, line in enumerate(lines)]


def _txn(row: int, line: str) -> Txn:
    found = _LINE.fullmatch(line)
    assert found is not None, "every line matches: the operations take whatever is left"
    timed = found["client"] is not None
    return Txn(
        id=row,
        client=int(found["client"]) if timed else _OWN_CLIENTS_FROM + row,
        ops=tuple(_op(token) for token in found["ops"].split()),
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
