"""The rows of one model within a transaction: keys are tuples, values are whatever msgpack can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.errors import InvalidValue
from engine.index import Expiring
from engine.keys import moment_after
from engine.models.packing import Items, pack, unpack

if TYPE_CHECKING:
    from engine.transaction import Transaction

__all__ = ["AFTER", "Space"]

AFTER: Final = b"\xff"  # A packed tuple followed by this stands behind every tuple that begins with it.

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Space:
    """Rows by tuple, below a prefix. What is read and written here is read and written by the transaction."""

    __slots__ = ("prefix", "transaction")

    def __init__(self, transaction: Transaction, prefix: bytes) -> None:
        self.transaction = transaction
        self.prefix = prefix

    def now(self) -> float:
        """What the engine's clock says, in seconds since the epoch."""
        return self.transaction.now()

    def get(self, key: Items) -> Any:
        """The value of the row, None where there is none. Lists come back for tuples."""
        value = self.transaction.read(self.prefix + pack(key))
        return None if value is None else _decode(value)

    def put(self, key: Items, value: Any, *, ttl_seconds: float | None = None) -> None:
        """Write a row, which ends `ttl_seconds` from now where they are given.

        Raises InvalidValue for what msgpack cannot hold, ints beyond 64 bits among it, and for no time to live.
        """
        try:
            encoded = _encode(value)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise InvalidValue(f"the value cannot be stored: {error}") from None
        row = encoded if ttl_seconds is None else Expiring(encoded, moment_after(self.now(), ttl_seconds))
        self.transaction.write(self.prefix + pack(key), row)

    def delete(self, key: Items) -> None:
        """Delete a row. It is a write even where there is none."""
        self.transaction.write(self.prefix + pack(key), None)

    def scan(
        self, prefix: Items = (), *, start: Items = (), end: Items | None = None, limit: int | None = None
    ) -> list[tuple[tuple[Any, ...], Any]]:
        """The rows (key, value) whose key begins with `prefix`, in order.

        Of what stands behind the prefix, `start` is the first and `end` the first that is not taken; a row that
        begins with `end` is behind it. With `limit` the first rows only, and nothing behind them has been read.
        """
        below = self.prefix + pack(prefix)
        high = below + (AFTER if end is None else pack(end))
        pairs = self.transaction.read_range(below + pack(start), high, limit)
        skipped = len(self.prefix)
        return [(unpack(key, skipped), _decode(value)) for key, value in pairs]

    def clear(self, prefix: Items = ()) -> int:
        """Delete the rows whose key begins with `prefix`; returns how many there were."""
        below = self.prefix + pack(prefix)
        pairs = self.transaction.read_range(below, below + AFTER)
        for key, _ in pairs:
            self.transaction.write(key, None)
        return len(pairs)
