"""A namespace: keys and data models of its own, as in a database of its own, and in the same transactions.

    ("key",) + bytes    a key
    (kind, name, …)     the rows of a model, or of a namespace, inside it

Names are packed, so that no namespace is a beginning of another one: "tenant_1" and "tenant_10" share nothing. What a
call reads and writes is what the same call on a transaction would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeVar

from engine.key_values import KeyValues
from engine.keys import Key, prefix_end
from engine.models.arguments import checked_name
from engine.models.packing import pack, unpack_first
from engine.models.space import AFTER, Space
from engine.models.views import Views

if TYPE_CHECKING:
    from engine.index import Expiring
    from engine.transaction import Transaction

__all__ = ["Namespace", "namespace_names"]

Result = TypeVar("Result")

_KIND: Final = "namespace"


class Namespace(Views):
    """A namespace by its name. It is there as soon as something is in it, and no longer."""

    def __init__(self, owner: Views, name: str) -> None:
        self.name = checked_name(name, "the name of a namespace")
        self.space_prefix = owner.space_prefix + pack((_KIND, name))
        self._owner = owner

    def atomically(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in a transaction of the database that this is in, see there."""
        return self._owner.atomically(work)

    def get(self, key: Key) -> bytes | None:
        """See `Transaction.get`."""
        return self._run(lambda keys: keys.get(key))

    def put(self, key: Key, value: bytes, *, ttl_seconds: float | None = None) -> None:
        """See `Transaction.put`."""
        self._run(lambda keys: keys.put(key, value, ttl_seconds=ttl_seconds))

    def delete(self, key: Key) -> None:
        """See `Transaction.delete`."""
        self._run(lambda keys: keys.delete(key))

    def exists(self, key: Key) -> bool:
        """See `Transaction.exists`."""
        return self._run(lambda keys: keys.exists(key))

    def scan(self, start: Key = b"", end: Key | None = None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        """See `Transaction.scan`."""
        return self._run(lambda keys: keys.scan(start, end, limit))

    def scan_prefix(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """See `Transaction.scan_prefix`."""
        return self._run(lambda keys: keys.scan_prefix(prefix))

    def scan_prefix_unchecked(self, prefix: Key) -> list[tuple[bytes, bytes]]:
        """See `Transaction.scan_prefix_unchecked`."""
        return self._run(lambda keys: keys.scan_prefix_unchecked(prefix))

    def put_batch(self, pairs: Iterable[tuple[Key, bytes]]) -> int:
        """See `Transaction.put_batch`."""
        given = list(pairs)  # A transaction that is run again needs them again.
        return self._run(lambda keys: keys.put_batch(given))

    def get_batch(self, keys: Iterable[Key]) -> list[bytes | None]:
        """See `Transaction.get_batch`."""
        given = list(keys)
        return self._run(lambda keys: keys.get_batch(given))

    def delete_batch(self, keys: Iterable[Key]) -> int:
        """See `Transaction.delete_batch`."""
        given = list(keys)
        return self._run(lambda keys: keys.delete_batch(given))

    def clear(self) -> int:
        """Delete everything in it, data models and namespaces too; returns how many keys and rows there were."""
        return self.atomically(lambda transaction: Space(transaction, self.space_prefix).clear())

    def _run(self, work: Callable[[_Keys], Result]) -> Result:
        return self.atomically(lambda transaction: work(_Keys(transaction, self.space_prefix + pack(("key",)))))


class _Keys(KeyValues):
    """The keys of a namespace within a transaction."""

    __slots__ = ("_prefix", "_transaction")

    def __init__(self, transaction: Transaction, prefix: bytes) -> None:
        self._transaction = transaction
        self._prefix = prefix

    def now(self) -> float:
        return self._transaction.now()

    def read(self, key: bytes) -> bytes | None:
        return self._transaction.read(self._prefix + key)

    def write(self, key: bytes, value: bytes | Expiring | None) -> None:
        self._transaction.write(self._prefix + key, value)

    def read_range(self, start: bytes, end: bytes | None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        high = prefix_end(self._prefix) if end is None else self._prefix + end
        skipped = len(self._prefix)
        pairs = self._transaction.read_range(self._prefix + start, high, limit)
        return [(key[skipped:], value) for key, value in pairs]


def namespace_names(transaction: Transaction, prefix: bytes) -> list[str]:
    """The names, in order, of the namespaces below `prefix` that have something in them.

    Only the first key of each is read, and that there is none between them.
    """
    names: list[str] = []
    start = below = prefix + pack((_KIND,))
    while first := transaction.read_range(start, below + AFTER, 1):
        name, at = unpack_first(first[0][0], len(below))
        names.append(str(name))
        start = first[0][0][:at] + AFTER
    return names
