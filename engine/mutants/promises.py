"""Promises of data models and of the surface that only the contract suite asks for, each broken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.database import Database
from engine.errors import DatabaseClosed
from engine.isolation import IsolationLevel
from engine.models.cache import Cache
from engine.models.namespace import Namespace
from engine.models.queue import Queue
from engine.models.temporal import Temporal, TemporalEdge
from engine.models.vectors import Vectors
from engine.models.views import Views
from engine.transaction import Transaction

__all__ = [
    "CacheTtlIgnored",
    "CheckpointCountsNothing",
    "ClosedDatabaseReads",
    "FirstOfABatchWins",
    "HalfOfTheVectors",
    "IsolationIsAConstant",
    "NamesAreBeginnings",
    "NeverADeadLetter",
    "UntilIsIncluded",
]


class NeverADeadLetter(Queue):
    """A task is delivered again whatever its number of attempts."""

    def __init__(self, owner: Views, name: str, visibility_seconds: float = 30, max_attempts: int = 3) -> None:
        super().__init__(owner, name, visibility_seconds, max_attempts + 1_000)


class CacheTtlIgnored(Cache):
    """An entry's time to live is taken and ignored."""

    def put(self, key: str, value: bytes, embedding: Any, ttl_seconds: float | None = None) -> None:
        super().put(key, value, embedding)


class UntilIsIncluded(Temporal):
    """An edge is still valid at the moment at which it ends."""

    def edges_at(self, source: str, at: float, kind: str | None = None) -> list[TemporalEdge]:
        return [
            edge
            for edge in self.history(source, kind)
            if edge.valid_from <= at and (edge.valid_until is None or at <= edge.valid_until)
        ]


class HalfOfTheVectors(Vectors):
    """A search finds every other one of the nearest vectors."""

    def search(self, query: Any, k: int) -> list[tuple[Any, float]]:
        return super().search(query, 2 * k)[::2]


class _JoinedNames(Namespace):
    def __init__(self, owner: Views, name: str) -> None:
        super().__init__(owner, "all")
        self._joined = name

    def put(self, key: Any, value: bytes, *, ttl_seconds: float | None = None) -> None:
        super().put(self._joined + key, value, ttl_seconds=ttl_seconds)

    def get(self, key: Any) -> bytes | None:
        return super().get(self._joined + key)

    def delete(self, key: Any) -> None:
        super().delete(self._joined + key)

    def scan_prefix_unchecked(self, prefix: Any) -> list[tuple[bytes, bytes]]:
        length = len(self._joined.encode())
        return [(key[length:], value) for key, value in super().scan_prefix_unchecked(self._joined + prefix)]


class NamesAreBeginnings(Database):
    """A key is a namespace's name and what is in it, joined: tenant_1 sees the keys of tenant_10."""

    def namespace(self, name: str) -> Namespace:
        return _JoinedNames(self, name)


class FirstOfABatchWins(Database):
    """Of a key that comes twice in a batch the first value is kept."""

    def put_batch(self, pairs: Iterable[tuple[Any, bytes]]) -> int:
        return super().put_batch(list(pairs)[::-1])


class ClosedDatabaseReads(Database):
    """A read of a closed database answers that there is nothing."""

    def get(self, key: Any) -> bytes | None:
        try:
            return super().get(key)
        except DatabaseClosed:
            return None


class CheckpointCountsNothing(Database):
    """A checkpoint is made, and its number is always -1."""

    def checkpoint(self) -> int:
        super().checkpoint()
        return -1


class _Serializable(Transaction):
    __slots__ = ("_asked",)

    @property
    def isolation(self) -> IsolationLevel:
        return IsolationLevel.SERIALIZABLE

    @isolation.setter
    def isolation(self, level: IsolationLevel) -> None:
        self._asked = level


class IsolationIsAConstant(Database):
    """Every transaction says that it is serializable, and is so, whatever was asked for."""

    transaction_class = _Serializable
