"""The key-value surface over `read`, `write` and `read_range`, which take keys that are checked already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from engine.index import Expiring
from engine.keys import (
    KEY_LENGTH_MAX,
    RESERVED,
    Key,
    checked_limit,
    checked_prefix,
    encode_bound,
    encode_end,
    encode_key,
    encode_value,
    moment_after,
    prefix_end,
)

__all__ = ["KeyValues"]


class KeyValues(Protocol):
    """What a transaction, and a namespace within one, does with keys. A class that derives from it has the rest."""

    __slots__ = ()

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def read(self, key: bytes) -> bytes | None:
        """The value of `key`, None where there is none."""
        ...

    def write(self, key: bytes, value: bytes | Expiring | None) -> None:
        """Put `value` at `key`; None deletes it."""
        ...

    def read_range(self, start: bytes, end: bytes | None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        """The pairs of [start, end) in key order; the first `limit` of them."""
        ...

    def get(self, key: Key) -> bytes | None:
        """The value of `key`, None where there is none."""
        if type(key) is not bytes or not 0 < len(key) <= KEY_LENGTH_MAX or key >= RESERVED:
            key = encode_key(key)
        return self.read(key)

    def put(self, key: Key, value: bytes, *, ttl_seconds: float | None = None) -> None:
        """Store `value` at `key` when the transaction commits.

        With `ttl_seconds` it ends that long after this call: snapshots taken from then on do not see it. The
        transaction's own reads do, whatever the time. Raises InvalidValue for a time that makes no sense.
        """
        if type(key) is not bytes or not 0 < len(key) <= KEY_LENGTH_MAX or key >= RESERVED:
            key = encode_key(key)
        if type(value) is not bytes:
            value = encode_value(value)
        if ttl_seconds is None:
            self.write(key, value)
        else:
            self.write(key, Expiring(value, moment_after(self.now(), ttl_seconds)))

    def delete(self, key: Key) -> None:
        """Remove `key` when the transaction commits. It is a write even where there is nothing to remove."""
        self.write(encode_key(key), None)

    def exists(self, key: Key) -> bool:
        """Whether `key` has a value."""
        return self.get(key) is not None

    def scan(self, start: Key = b"", end: Key | None = None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        """All (key, value) pairs with start <= key < end, in key order; `end` None: to the last key.

        With `limit` the first of them, at most so many. Where they are so many, nothing behind the last one returned
        has been read. Raises InvalidArgument for a limit under 1.
        """
        return self.read_range(encode_bound(start), encode_end(end), checked_limit(limit))

    def scan_prefix(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """All pairs whose key starts with `prefix`, in key order. Raises InvalidKey for one under 2 bytes."""
        return self.scan_prefix_unchecked(checked_prefix(prefix))

    def scan_prefix_unchecked(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """As `scan_prefix` with a prefix of any length; b"" is everything."""
        start = encode_bound(prefix)
        return self.read_range(start, encode_end(prefix_end(start)))

    def put_batch(self, pairs: Iterable[tuple[Key, bytes]]) -> int:
        """Put all pairs, the last one winning where a key comes twice; returns how many pairs there were.

        All are checked before the first is put.
        """
        checked = [(encode_key(key), encode_value(value)) for key, value in pairs]
        for key, value in checked:
            self.write(key, value)
        return len(checked)

    def get_batch(self, keys: Iterable[Key]) -> list[bytes | None]:
        """The values of `keys` in their order, None for those that have none."""
        return [self.get(key) for key in keys]

    def delete_batch(self, keys: Iterable[Key]) -> int:
        """Delete all of `keys`; returns how many had a value."""
        return sum([self._delete_existing(key) for key in [encode_key(key) for key in keys]])

    def _delete_existing(self, key: bytes) -> bool:
        found = self.read(key) is not None
        self.write(key, None)
        return found
