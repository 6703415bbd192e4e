"""One transaction of the stream, taken apart once: its appends and reads, keys and elements in a form to compare.

Keys and elements are compared as the bytes of their stored form, so that 1, True, 1.0 and "1" are four values, as
they are in a `History`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from harness.build import frozen
from harness.history import UNSEEN, Status, Txn

__all__ = ["Append", "Read", "Row", "encoded", "row_of"]

_PLAIN: Final = frozenset({int, str})
_KINDS: Final = frozenset({"r", "append", "sql"})


class Append(NamedTuple):
    """An append: its place among the operations, and what was appended where."""

    place: int
    key: bytes
    element: bytes


class Read(NamedTuple):
    """A read whose result is known: its place among the operations, and what it showed (None is the empty list)."""

    place: int
    key: bytes
    elements: tuple[bytes, ...]


class Row(NamedTuple):
    """A transaction with its appends and reads. Of an aborted one the reads do not matter, and are left out."""

    txn: Txn
    appends: tuple[Append, ...]
    reads: tuple[Read, ...]


def row_of(txn: Txn) -> Row | None:
    """The transaction taken apart; None where an operation of it has no place in a list-append history."""
    appends, reads = [], []
    for place, op in enumerate(txn.ops):
        listed = type(op.value) is list
        if op.kind not in _KINDS or (op.kind == "append" and (listed or op.value is UNSEEN)):
            return None
        if op.kind == "append":
            appends.append(Append(place, encoded(op.key), encoded(op.value)))
        elif op.kind == "r" and op.value is not UNSEEN:
            if not listed and op.value is not None:
                return None
            if txn.status is not Status.ABORTED:
                reads.append(Read(place, encoded(op.key), _encoded_list(op.value or ())))
    return Row(txn, tuple(appends), tuple(reads))


def _encoded_list(elements: Sequence[Any]) -> tuple[bytes, ...]:
    try:
        if _PLAIN.issuperset(map(type, elements)):
            return tuple(map(msgspec.msgpack.encode, elements))
    except (OverflowError, UnicodeEncodeError):
        pass
    return tuple(map(encoded, elements))


def encoded(value: Any) -> bytes:
    """A key or an element as bytes: equal for what a `History` gives one number, and for nothing else."""
    if type(value) in _PLAIN:
        try:
            return msgspec.msgpack.encode(value)
        except (OverflowError, UnicodeEncodeError):
            pass
    return msgspec.msgpack.encode(frozen(value))
