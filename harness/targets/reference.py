"""The reference engine as a target: sessions over `engine.Database` in this process.

Keys become bytes that sort as the keys do, so that a scan over the engine is a scan over the keys:

    int    "i", 128 plus its length in bytes, its bytes; below zero 127 minus the length, the bytes' complement
    str    "s", then UTF-8, which sorts by code point as Python's text does
    tuple  "t", then each element as above, text ended by 0 (a 0 inside text: 0 255); a prefix stays a prefix

Keys of different types never mix in a range with bounds of one type. Values are msgpack.

At read-committed two ways to append are offered, as SQL has two. `append=atomic` is UPDATE ... SET v = v || x: the
elements are put behind whatever is committed when the transaction commits. `append=read-then-write` writes back the
list that the step read: an overwritten append is then gone, which no checker can tell from a list that lost its
order, so that only read-uncommitted can be promised. The other levels refuse the second writer; there both are one.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

import engine
from engine import Conflict, Database, IsolationLevel, Transaction
from harness.history import Op
from harness.target import Aborted, Capabilities, Session

__all__ = ["ReferenceTarget", "decode_key", "encode_key"]

_encode_value = msgspec.msgpack.Encoder().encode
_decode_value = msgspec.msgpack.Decoder().decode

_PROMISES: Final = {
    "serializable": "strict-serializable",
    "snapshot-isolation": "strong-snapshot-isolation",
    "read-committed": "strong-read-committed",
}
_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "path": (),
    "sync": ("full", "normal", "off"),
    "append": ("atomic", "read-then-write"),
}
_INTEGER_LENGTH_MAX: Final = 100  # bytes


class ReferenceTarget:
    """The engine. `path` is a directory in which a fresh database is made and removed again; without it, memory."""

    name = "reference"
    version = engine.__version__
    capabilities = Capabilities(
        kinds=frozenset({"r", "w", "append", "scan", "delete", "incr", "cas"}),
        steps=True,
    )

    def __init__(self, **options: str) -> None:
        """Options: path, sync (full, normal, off), append (atomic, read-then-write). Raises ValueError for others."""
        for name, value in options.items():
            if name not in _OPTIONS:
                raise ValueError(f"the reference target has no option {name!r}; it has {', '.join(_OPTIONS)}")
            if _OPTIONS[name] and value not in _OPTIONS[name]:
                raise ValueError(f"option {name!r} is one of {', '.join(_OPTIONS[name])}, not {value!r}")
        self.settings: Mapping[str, str] = dict(options)
        self._atomic_append = options.get("append", "atomic") == "atomic"
        self.levels: Mapping[str, str] = (
            _PROMISES if self._atomic_append else {**_PROMISES, "read-committed": "read-uncommitted"}
        )
        self._directory: str | None = None
        self._database: Database | None = None
        self._append_turn = threading.Lock()

    def open(self) -> None:
        """Start an empty database. Raises OSError where `path` cannot be written."""
        path = self.settings.get("path", engine.MEMORY)
        if path != engine.MEMORY:
            path = self._directory = tempfile.mkdtemp(prefix="reference-", dir=path)
        self._database = Database.open(path, sync=self.settings.get("sync", "full"))

    def session(self, level: str) -> Session:
        """A connection whose transactions run at `level`. Raises ValueError for a level the engine does not have."""
        if level not in self.levels:
            raise ValueError(f"the reference target has no level {level!r}; it has {', '.join(self.levels)}")
        if self._database is None:
            raise RuntimeError("the target is not open")
        isolation = IsolationLevel(level)
        if isolation is IsolationLevel.READ_COMMITTED and self._atomic_append:
            return _AppendingSession(self._database, isolation, self._append_turn)
        return _Session(self._database, isolation)

    def close(self) -> None:
        """Close the database and remove its directory."""
        database, self._database = self._database, None
        directory, self._directory = self._directory, None
        try:
            if database is not None:
                database.close()
        finally:
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)


class _Session:
    """One client. Read-dependent kinds read and write inside the transaction."""

    def __init__(self, database: Database, isolation: IsolationLevel) -> None:
        self._database = database
        self._isolation = isolation
        self._transaction: Transaction | None = None

    def begin(self) -> None:
        self._transaction = self._database.begin_transaction(self._isolation)

    def step(self, op: Op) -> Op:
        run = _STEPS.get(op.kind)
        if run is None:
            raise ValueError(f"the reference target has no operation {op.kind!r}")
        return run(self, self._open(), op)

    def commit(self) -> None:
        transaction, self._transaction = self._open(), None
        try:
            transaction.commit()
        except Conflict as conflict:
            raise Aborted(conflict.reason) from conflict

    def abort(self) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            transaction.abort()

    def close(self) -> None:
        self.abort()

    def _open(self) -> Transaction:
        if self._transaction is None:
            raise RuntimeError("no transaction was begun")
        return self._transaction

    def _read(self, transaction: Transaction, key: bytes) -> Any:
        stored = transaction.get(key)
        return None if stored is None else _decode_value(stored)

    def _write(self, transaction: Transaction, key: bytes, value: Any) -> None:
        transaction.put(key, _encode_value(value))

    def _delete(self, transaction: Transaction, key: bytes) -> None:
        transaction.delete(key)

    def _append(self, transaction: Transaction, key: bytes, element: Any) -> None:
        self._write(transaction, key, [*(self._read(transaction, key) or ()), element])

    def _scan(self, transaction: Transaction, low: bytes, high: bytes) -> dict[Any, Any]:
        return {decode_key(key): _decode_value(stored) for key, stored in transaction.scan(low, high)}

    def _step_read(self, transaction: Transaction, op: Op) -> Op:
        return Op("r", op.key, self._read(transaction, encode_key(op.key)))

    def _step_write(self, transaction: Transaction, op: Op) -> Op:
        self._write(transaction, encode_key(op.key), op.value)
        return op

    def _step_append(self, transaction: Transaction, op: Op) -> Op:
        self._append(transaction, encode_key(op.key), op.value)
        return op

    def _step_scan(self, transaction: Transaction, op: Op) -> Op:
        return Op("scan", op.key, self._scan(transaction, *_bounds(op.key)))

    def _step_delete(self, transaction: Transaction, op: Op) -> Op:
        self._delete(transaction, encode_key(op.key))
        return op

    def _step_increment(self, transaction: Transaction, op: Op) -> Op:
        key = encode_key(op.key)
        number = (self._read(transaction, key) or 0) + op.value
        self._write(transaction, key, number)
        return Op("incr", op.key, (op.value, number))

    def _step_compare_and_set(self, transaction: Transaction, op: Op) -> Op:
        key = encode_key(op.key)
        old, new = op.value
        replaced = self._read(transaction, key) == old
        if replaced:
            self._write(transaction, key, new)
        return Op("cas", op.key, (old, new, replaced))


_STEPS: Final[dict[str, Callable[[_Session, Transaction, Op], Op]]] = {
    "r": _Session._step_read,
    "w": _Session._step_write,
    "append": _Session._step_append,
    "scan": _Session._step_scan,
    "delete": _Session._step_delete,
    "incr": _Session._step_increment,
    "cas": _Session._step_compare_and_set,
}


class _AppendingSession(_Session):
    """READ_COMMITTED with atomic appends: elements wait until commit and go behind the list that is there then.

    A key whose whole value this transaction wrote (or deleted) is not waited for: the list is its own.
    """

    def __init__(self, database: Database, isolation: IsolationLevel, turn: threading.Lock) -> None:
        super().__init__(database, isolation)
        self._turn = turn
        self._waiting: dict[bytes, list[Any]] = {}
        self._owned: set[bytes] = set()

    def begin(self) -> None:
        super().begin()
        self._waiting = {}
        self._owned = set()

    def commit(self) -> None:
        if not self._waiting and not self._owned:
            super().commit()
            return
        with self._turn:  # Between reading the list and committing the longer one nobody else may write.
            for key in self._waiting:
                super()._write(self._open(), key, self._read(self._open(), key))
            super().commit()

    def _read(self, transaction: Transaction, key: bytes) -> Any:
        stored = super()._read(transaction, key)
        return [*(stored or ()), *self._waiting[key]] if key in self._waiting else stored

    def _write(self, transaction: Transaction, key: bytes, value: Any) -> None:
        self._waiting.pop(key, None)
        self._owned.add(key)
        super()._write(transaction, key, value)

    def _delete(self, transaction: Transaction, key: bytes) -> None:
        self._waiting.pop(key, None)
        self._owned.add(key)
        super()._delete(transaction, key)

    def _append(self, transaction: Transaction, key: bytes, element: Any) -> None:
        if key in self._owned:
            super()._append(transaction, key, element)
        else:
            self._waiting.setdefault(key, []).append(element)

    def _scan(self, transaction: Transaction, low: bytes, high: bytes) -> dict[Any, Any]:
        found = super()._scan(transaction, low, high)
        for key, elements in self._waiting.items():
            if low <= key < high:
                found[decode_key(key)] = [*(found.get(decode_key(key)) or ()), *elements]
        return dict(sorted(found.items(), key=lambda pair: encode_key(pair[0])))


def _bounds(asked: Any) -> tuple[bytes, bytes]:
    """The range of a scan: (low, high) as given, or all that starts with a text or with the elements of a tuple."""
    if isinstance(asked, tuple) and len(asked) == 2:
        return encode_key(asked[0]), encode_key(asked[1])
    prefix = encode_key(asked)
    # 255 is in no UTF-8 and is no type: behind every key with this prefix, before the next text with a 0 inside.
    return prefix, prefix + b"\xff"


def encode_key(key: Any) -> bytes:
    """The key as bytes that sort as keys of its type do. Raises TypeError for other types than int, str, tuple."""
    if isinstance(key, str):
        return b"s" + key.encode()
    if isinstance(key, int):
        return b"i" + _encode_integer(key)
    if isinstance(key, tuple):
        return b"t" + b"".join(_encode_element(element) for element in key)
    raise TypeError(f"a key is an int, a str or a tuple of these, not {type(key).__name__}")


def decode_key(encoded: bytes) -> Any:
    """The key that `encode_key` made these bytes from."""
    if encoded[:1] == b"s":
        return encoded[1:].decode()
    if encoded[:1] == b"i":
        return _decode_integer(encoded, 1)[0]
    elements: list[Any] = []
    place = 1
    while place < len(encoded):
        element, place = _decode_element(encoded, place)
        elements.append(element)
    return tuple(elements)


def _encode_element(element: Any) -> bytes:
    if isinstance(element, str):
        return b"s" + element.encode().replace(b"\0", b"\0\xff") + b"\0"
    if isinstance(element, int):
        return b"i" + _encode_integer(element)
    raise TypeError(f"an element of a key is an int or a str, not {type(element).__name__}")


def _decode_element(encoded: bytes, place: int) -> tuple[Any, int]:
    if encoded[place : place + 1] == b"i":
        return _decode_integer(encoded, place + 1)
    end = encoded.index(b"\0", place)
    while encoded[end + 1 : end + 2] == b"\xff":
        end = encoded.index(b"\0", end + 1)
    return encoded[place + 1 : end].replace(b"\0\xff", b"\0").decode(), end + 1


def _encode_integer(number: int) -> bytes:
    length = (abs(number).bit_length() + 7) // 8
    if length > _INTEGER_LENGTH_MAX:
        raise ValueError(f"a key's number has at most {_INTEGER_LENGTH_MAX} bytes")
    if number >= 0:
        return bytes((128 + length,)) + number.to_bytes(length, "big")
    complement = number + (1 << 8 * length) - 1
    return bytes((127 - length,)) + complement.to_bytes(length, "big")


def _decode_integer(encoded: bytes, place: int) -> tuple[int, int]:
    length = encoded[place] - 128 if encoded[place] >= 128 else 127 - encoded[place]
    end = place + 1 + length
    number = int.from_bytes(encoded[place + 1 : end], "big")
    return (number if encoded[place] >= 128 else number - (1 << 8 * length) + 1), end
