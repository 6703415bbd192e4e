"""The text of Plume, PolySI and AWDIT: one operation of a register a line.

w(7,3,0,12)     session 0, transaction 12 wrote 3 to key 7
r(7,3,1,13)     session 1, transaction 13 read it
w(7,4,1,-1)     a write of some aborted transaction of session 1
"""

from __future__ import annotations

import re
from typing import Final

from harness.formats.sessions import SessionsBuilder
from harness.history import History, Op, Status
from harness.history_file import HistoryText

__all__ = ["read_plume"]

_LINE = re.compile(r"([rw])\((\d{1,20}),(\d{1,20}),(\d{1,20}),(-1|\d{1,20})\)", re.ASCII)
_EXAMPLE: Final = "write an operation as r(key,value,session,transaction) or w(…), in whole numbers"


def read_plume(name: str, text: str) -> History:
    """The history that `text` tells. Raises HistoryFormatError."""
    file = HistoryText(name, text)
    ops: dict[int, list[Op]] = {}  # By transaction, in the order of their first operations.
    session_of: dict[int, int] = {}
    builder = SessionsBuilder(initial=True)
    aborted: list[tuple[int, Op]] = []
    at = 0
    for line in text.split("\n"):
        if found := _LINE.fullmatch(line.rstrip()):
            op = Op(found[1], int(found[2]), int(found[3]))
            session, txn = int(found[4]), int(found[5])
            if session >= 2**31:
                raise file.error("a session's number does not fit into 32 bits; use smaller ones", at)
            if txn < 0:
                aborted.append((session, op))
            elif session_of.setdefault(txn, session) != session:
                sentence = f"transaction {txn} is in session {session} and in session {session_of[txn]}"
                raise file.error(f"{sentence}; give each transaction a number of its own", at)
            else:
                ops.setdefault(txn, []).append(op)
        elif line and not line.isspace():
            raise file.error(f"{line[:40]!a} is no operation; {_EXAMPLE}", at)
        at += len(line) + 1
    for txn, its in ops.items():
        builder.add(session_of[txn], its)
    for client, op in aborted:
        builder.add(client, [op], Status.ABORTED)
    return builder.build("rw-register")
