"""dbcop's histories of registers: JSON, of today's version and of the one of the paper, and that one's bincode.

    [[{"events": [{"Write": {"variable": 0, "version": 1}}], "committed": true}], …]       a list of sessions
    [[{"events": [["r", 0, null]], "committed": true}], …]                                 the same, shorter
    {"params": {…}, "info": "", "start": "", "end": "", "data": […]}                       with what else is known
    … {"events": [{"write": true, "variable": 0, "value": 1, "success": true}], "success": true} …

A transaction that was not committed is an aborted one, and so is an operation without success by itself.
"""

from __future__ import annotations

from typing import Final

import msgspec

from harness.events import HistoryFormatError
from harness.formats.sessions import SessionsBuilder
from harness.history import UNSEEN, History, Op, Status
from harness.history_file import HistoryText
from harness.json_events import decoded

__all__ = ["is_dbcop_bincode", "read_dbcop", "read_dbcop_bincode"]

_Name = int | str
_EXAMPLE: Final = 'write a transaction as {"events": [["w", 0, 1]], "committed": true}'
_REMEDY: Final = "copy the whole file again, or give it as JSON"


class _Read(msgspec.Struct, forbid_unknown_fields=True):
    variable: _Name
    version: int | None


class _Write(msgspec.Struct, forbid_unknown_fields=True):
    variable: _Name
    version: int


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    """Of one of three forms; which one, its fields say."""

    Read: _Read | None = None
    Write: _Write | None = None
    write: bool | None = None
    variable: _Name | None = None
    value: int | None = None
    success: bool | None = None


class _Transaction(msgspec.Struct, forbid_unknown_fields=True):
    events: list[_Event | tuple[str, _Name, int | None]]
    committed: bool | None = None
    success: bool | None = None


_Sessions = list[list[_Transaction]]


class _File(msgspec.Struct):
    data: _Sessions


def read_dbcop(name: str, text: str) -> History:
    """The history in a JSON text. Raises HistoryFormatError."""
    file = HistoryText(name, text)
    if text.lstrip().startswith("{"):
        sessions: _Sessions = decoded(file, _File, _EXAMPLE).data
    else:
        sessions = decoded(file, _Sessions, _EXAMPLE)
    builder = SessionsBuilder()
    for client, session in enumerate(sessions):
        for number, txn in enumerate(session):
            committed = txn.success if txn.committed is None else txn.committed
            ops = [_op(event) for event in txn.events]
            if committed is None or None in ops:
                at = f"session {client + 1}, transaction {number + 1}"
                what = "an event is neither a read nor a write" if None in ops else "nothing says if it was committed"
                raise HistoryFormatError(f"{name}, {at}: {what}; {_EXAMPLE}")
            _add(builder, client, [one for one in ops if one is not None], committed)
    return builder.build("rw-register")


def _op(event: _Event | tuple[str, _Name, int | None]) -> tuple[Op, bool] | None:
    """(operation, whether it succeeded), None for what is no operation."""
    if isinstance(event, tuple):
        kind, key, value = event
        return (Op(kind, key, value), True) if kind == "r" or (kind == "w" and value is not None) else None
    forms = [event.Read is not None, event.Write is not None, event.write is not None]
    plain = (event.variable, event.value, event.success)
    if sum(forms) != 1 or (None in plain) == forms[2] or (not forms[2] and any(one is not None for one in plain)):
        return None
    if event.Read is not None:
        return Op("r", event.Read.variable, event.Read.version), True
    if event.Write is not None:
        return Op("w", event.Write.variable, event.Write.version), True
    return Op("w" if event.write else "r", event.variable, event.value), bool(event.success)


def _add(builder: SessionsBuilder, client: int, ops: list[tuple[Op, bool]], committed: bool) -> None:
    """A transaction, and after it the writes of which it says that they failed."""
    done = [op if success else op._replace(value=UNSEEN) for op, success in ops if success or op.kind == "r"]
    builder.add(client, done, Status.OK if committed else Status.ABORTED)
    failed = [op for op, success in ops if not success and op.kind == "w"]
    if failed:
        builder.add(client, failed, Status.ABORTED)


def is_dbcop_bincode(beginning: bytes) -> bool:
    """Whether a file that begins so is in bincode: five numbers and the length of a text, none of them huge."""
    numbers = [beginning[i : i + 8] for i in range(0, 48, 8)]
    return all(len(one) == 8 and one[5:] == b"\0\0\0" for one in numbers)


def read_dbcop_bincode(name: str, data: bytes) -> History:
    """The history in bincode: fixed 64-bit numbers, the lowest byte first. Raises HistoryFormatError."""
    source = _Bincode(name, data)
    source.numbers(5)  # What the history was generated with.
    for _ in ("info", "start", "end"):
        source.bytes(source.length(1, "a text"))
    builder = SessionsBuilder()
    for client in range(source.length(8, "the list of sessions")):
        for _ in range(source.length(9, "a session")):
            ops = []
            for _ in range(source.length(18, "a transaction")):
                write = source.flag()
                key, value = source.numbers(2)
                ops.append((Op("w" if write else "r", key, value), source.flag()))
            _add(builder, client, ops, source.flag())
    source.end()
    return builder.build("rw-register")


class _Bincode:
    """Bytes, and the place up to which they have been read. No length is believed that the bytes cannot hold."""

    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        self._data = data
        self._at = 0

    def _error(self, sentence: str) -> HistoryFormatError:
        return HistoryFormatError(f"{self._name}, byte {self._at}: {sentence}; {_REMEDY}")

    def bytes(self, count: int) -> bytes:
        """The next bytes."""
        if count > len(self._data) - self._at:
            raise self._error("the file ends inside a value, so it was cut off")
        self._at += count
        return self._data[self._at - count : self._at]

    def numbers(self, count: int) -> tuple[int, ...]:
        """The next unsigned numbers."""
        found = self.bytes(8 * count)
        return tuple(int.from_bytes(found[i : i + 8], "little") for i in range(0, 8 * count, 8))

    def length(self, bytes_each: int, what: str) -> int:
        """The length of something with entries of at least so many bytes."""
        (found,) = self.numbers(1)
        if found * bytes_each > len(self._data) - self._at:
            self._at -= 8
            raise self._error(f"{what} is said to have {found} entries, more than the file can hold")
        return found

    def flag(self) -> bool:
        """The next truth value."""
        (found,) = self.bytes(1)
        if found > 1:
            self._at -= 1
            raise self._error(f"{found} is neither true nor false")
        return bool(found)

    def end(self) -> None:
        """Nothing may follow."""
        if self._at < len(self._data):
            raise self._error(f"{len(self._data) - self._at} bytes follow after the last session")
