"""A semantic cache: values that are found by the likeness of an embedding, until they end.

    ("entry", key)     [embedding, value]; ends with its time to live
    ("dimension",)     of all embeddings, fixed by the first one

There is no index beside the rows: what is deleted, has ended or was cleared cannot be found any more, in the same
transaction already. `get`, `stats` and `clear` read all entries and new ones; `put` and `delete` their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.errors import InvalidArgument
from engine.keys import encode_value
from engine.models.arguments import checked_name, checked_number
from engine.models.space import Space
from engine.models.view import View, atomic

if TYPE_CHECKING:
    from engine.models.embeddings import Vector

__all__ = ["Cache", "Hit"]


class Hit(NamedTuple):
    """What was found, and the cosine between its embedding and the query."""

    key: str
    value: bytes
    similarity: float


class Cache(View):
    """A semantic cache by its name."""

    kind = "cache"

    @atomic
    def put(self, space: Space, key: str, value: bytes, embedding: Vector, ttl_seconds: float | None = None) -> None:
        """Store a value under a key, in the place of an earlier one, and find it by `embedding`.

        Raises DimensionMismatch, InvalidArgument for what is no embedding, and as `Transaction.put`.
        """
        from engine.models.embeddings import checked_vectors, hold_dimension, stored

        (row,) = checked_vectors([embedding])
        space.put(_entry_row(key), [stored(row), encode_value(value)], ttl_seconds=ttl_seconds)
        hold_dimension(space, len(row), fix=True)

    @atomic
    def get(self, space: Space, embedding: Vector, threshold: float) -> Hit | None:
        """The entry whose embedding is most like this one, None where no cosine is `threshold` or more.

        Of equally good ones the first in the order of keys. A zero vector is like nothing. Raises DimensionMismatch,
        and InvalidArgument for a threshold outside [-1, 1].
        """
        from engine.models.embeddings import checked_vectors, distances, hold_dimension, stacked

        (query,) = checked_vectors([embedding])
        if not -1 <= checked_number(threshold, "a threshold") <= 1:
            raise InvalidArgument(f"a threshold is a cosine, between -1 and 1, not {threshold}")
        hold_dimension(space, len(query))
        entries = [entry for entry in space.scan(("entry",)) if any(entry[1][0])]
        if not entries or not query.any():
            return None
        rows = stacked([row for _, (row, _) in entries], len(query))
        similarities = 1 - distances(rows, query, "cosine")
        best = int(similarities.argmax())
        (_, key), (_, value) = entries[best]
        return Hit(key, value, float(similarities[best])) if similarities[best] >= threshold else None

    @atomic
    def delete(self, space: Space, key: str) -> bool:
        """Delete an entry; returns whether there was one."""
        found = space.get(_entry_row(key)) is not None
        space.delete(_entry_row(key))
        return found

    @atomic
    def clear(self, space: Space) -> int:
        """Delete everything; returns how many entries there were. The next embedding may have any dimension."""
        space.delete(("dimension",))
        return space.clear(("entry",))

    @atomic
    def stats(self, space: Space) -> dict[str, int]:
        """entries: how many can be found now. dimension: of their embeddings, 0 before the first one."""
        return {"entries": len(space.scan(("entry",))), "dimension": space.get(("dimension",)) or 0}


def _entry_row(key: str) -> tuple[str, str]:
    return ("entry", checked_name(key, "the key of an entry"))
