"""The notation of AWDIT's own tests: an operation of a register a line, `-----` between the transactions of a
session, `=====` between sessions. Its histories begin with nothing: what is read was written by somebody.

    w 0 1
    -----
    r 0 1
    =====
    r 0 1
"""

from __future__ import annotations

import re
from typing import Final

from harness.formats.sessions import SessionsBuilder
from harness.history import History, Op
from harness.history_file import HistoryText

__all__ = ["read_awdit"]

_LINE = re.compile(r"(-+)|(=+)|([rw])\s+(\d{1,20})\s+(\d{1,20})|", re.ASCII)
_EXAMPLE: Final = "write an operation as r KEY VALUE or w KEY VALUE, in whole numbers"


def read_awdit(name: str, text: str) -> History:
    """The history that `text` tells. Raises HistoryFormatError."""
    file = HistoryText(name, text)
    builder = SessionsBuilder(zero=False)
    session, ops, at = 0, list[Op](), 0

    def ended() -> None:
        if ops:
            builder.add(session, ops)
            ops.clear()

    for line in text.split("\n"):
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise file.error(f"{line[:40]!a} is no operation; {_EXAMPLE}", at)
        transaction, next_session, kind, key, value = found.groups()
        if kind:
            ops.append(Op(kind, int(key), int(value)))
        elif transaction or next_session:
            ended()
            session += bool(next_session)
        at += len(line) + 1
    file.refuse_cut_number()
    ended()
    return builder.build("rw-register")
