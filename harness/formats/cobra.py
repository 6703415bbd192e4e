"""Cobra's logs: a folder with one binary log for each client. All numbers are 64 bits, the highest byte first.

    S txn                                 a transaction begins
    R writer's-txn write key value-hash   it read what that write left
    W write key value-hash                it wrote
    C txn                                 it committed

A key is a hash of its name, and a value is known by the number of its write.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.events import HistoryFormatError
from harness.formats.sessions import SessionsBuilder
from harness.history import History, Op

__all__ = ["cobra_logs", "read_cobra"]

_RECORD: Final = {code: struct.Struct(f">{numbers}q") for code, numbers in zip(b"SCWR", (1, 1, 3, 4), strict=True)}
_NOTHING: Final = frozenset(
    {0xBEBEEBEE, 0xDEADBEEF}
)  # The writer and the write of what was there before, or of null.
_COLLECTOR: Final = frozenset({0x23332333, 0x66666666})  # What Cobra's garbage collector asks for; no evidence.
_REMEDY: Final = "copy the whole folder of Cobra's logs again"


class _Left(NamedTuple):
    """What a write left: the transaction that wrote, the key, and the hash of the value."""

    txn: int
    key: int
    value: int


class _Access(NamedTuple):
    """A read or a write; of a read, `left` is what it found."""

    reads: bool
    write: int
    left: _Left


def cobra_logs(folder: Path) -> list[Path]:
    """The logs in a folder, in the order of their names. Raises OSError."""
    return sorted(one for one in folder.iterdir() if one.suffix == ".log" and not one.is_dir())


def read_cobra(folder: Path) -> History:
    """The history that the logs in `folder` tell. Raises HistoryFormatError, OSError."""
    logs = cobra_logs(folder)
    if not logs:
        raise HistoryFormatError(f"{folder.name} is not a history: it holds no log of a client; {_REMEDY}")
    writes: dict[int, _Left] = {}
    txns: list[tuple[int, list[_Access]]] = []
    known: set[int] = set()
    for client, path in enumerate(logs):
        log = _Log(f"{folder.name}/{path.name}", path.read_bytes())
        for number, accesses in log.transactions():
            if number in known:
                raise log.error(f"transaction {number} began before", log.at)
            known.add(number)
            txns.append((client, accesses))
            for one in accesses:
                if not one.reads and writes.setdefault(one.write, one.left) != one.left:
                    raise log.error(f"write {one.write} was made twice", log.at)
    builder = SessionsBuilder(zero=False)
    for client, accesses in txns:
        builder.add(client, [_op(one, writes) for one in accesses])
    return builder.build("rw-register")


def _op(access: _Access, writes: dict[int, _Left]) -> Op:
    _, write, left = access
    if not access.reads:
        return Op("w", left.key, write)
    value: Any = write
    if write in _NOTHING and left.txn in _NOTHING:
        value = None
    elif writes.get(write) != left:
        # The write that it names left something else: then nobody wrote what was read.
        value = (write, left.txn, left.value)
    return Op("r", left.key, value)


class _Log:
    """One client's log, and the place in it."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.at = 0
        self._data = data

    def error(self, sentence: str, at: int) -> HistoryFormatError:
        """The error to raise for what is wrong at byte `at`."""
        return HistoryFormatError(f"{self.name}, byte {at}: {sentence}; {_REMEDY}")

    def transactions(self) -> Iterator[tuple[int, list[_Access]]]:
        """(number, operations) of each. Raises HistoryFormatError."""
        current: int | None = None
        ops: list[_Access] = []
        while self.at < len(self._data):
            began = self.at
            code, numbers = self._record()
            if code == "S" and current is None:
                current, ops = numbers[0], []
            elif code == "S" or current is None:
                raise self.error(f"{code} stands where it cannot", began)
            elif code == "C":
                if numbers[0] != current:
                    raise self.error(f"transaction {numbers[0]} ends, but {current} is open", began)
                yield current, ops
                current = None
            elif code == "W":
                write, key, value = numbers
                ops.append(_Access(False, write, _Left(current, key, value)))
            else:
                writer, write, key, value = numbers
                if writer not in _NOTHING or write not in _COLLECTOR:
                    ops.append(_Access(True, write, _Left(writer, key, value)))
        if current is not None:
            raise self.error(f"the log ends inside transaction {current}, so it was cut off", self.at)

    def _record(self) -> tuple[str, tuple[int, ...]]:
        began = self.at
        form = _RECORD.get(self._data[began])
        if form is None:
            raise self.error(f"{self._data[began : began + 1]!r} is not S, C, R or W", began)
        self.at = began + 1 + form.size
        if self.at > len(self._data):
            raise self.error("the log ends inside a record, so it was cut off", began)
        return chr(self._data[began]), form.unpack_from(self._data, began + 1)
