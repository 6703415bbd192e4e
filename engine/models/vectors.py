"""Vectors by id, and the nearest of them to a query: by looking at all, so that none is missed.

    ("vector", id)     its components
    ("dimension",)     of all of them, fixed by the first one

`search` and `count` read all vectors and new ones; `insert`, `get` and `delete` their own. The first insert writes
the dimension, later ones read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from engine.errors import InvalidArgument
from engine.models.arguments import checked_count
from engine.models.space import Space
from engine.models.view import View, atomic

if TYPE_CHECKING:
    from engine.models.embeddings import Vector
    from engine.models.views import Views

__all__ = ["Metric", "VectorId", "Vectors"]

Metric: TypeAlias = Literal["cosine", "l2", "dot"]
VectorId: TypeAlias = int | str


class Vectors(View):
    """A collection of vectors by its name. Ids are ints, or text with at least one character.

    `dimension`, where it is given, is what all of them have. `metric` is how this object measures distances, see
    `engine.models.embeddings.distances`.
    """

    kind = "vectors"

    def __init__(self, owner: Views, name: str, dimension: int | None = None, metric: Metric = "cosine") -> None:
        super().__init__(owner, name)
        if metric not in get_args(Metric):
            raise InvalidArgument(f'a metric is "cosine", "l2" or "dot", not {metric!r}')
        self.dimension = None if dimension is None else checked_count(dimension, "a dimension", 1)
        self.metric: Metric = metric

    def insert(self, vector_id: VectorId, vector: Vector) -> None:
        """Store a vector, in the place of an earlier one of that id. Raises as `insert_batch`."""
        self.insert_batch([(vector_id, vector)])

    def insert_batch(self, pairs: Iterable[tuple[VectorId, Vector]]) -> int:
        """Store vectors by id, the last one winning where an id comes twice; returns how many there were.

        Raises DimensionMismatch, and InvalidArgument for what is no id or no vector; nothing is stored then.
        """
        return self._insert(list(pairs))

    @atomic
    def _insert(self, space: Space, pairs: list[tuple[VectorId, Vector]]) -> int:
        from engine.models.embeddings import checked_vectors, hold_dimension, stored

        if not pairs:
            return 0
        rows = checked_vectors([vector for _, vector in pairs])
        hold_dimension(space, rows.shape[1], declared=self.dimension, fix=True)
        for (vector_id, _), row in zip(pairs, rows, strict=True):
            space.put(_vector_row(vector_id), stored(row))
        return len(pairs)

    @atomic
    def get(self, space: Space, vector_id: VectorId) -> list[float] | None:
        """The components of a vector, None where there is none of that id."""
        from engine.models.embeddings import stacked

        row = space.get(_vector_row(vector_id))
        return None if row is None else list(stacked([row], len(row) // 8)[0].tolist())

    @atomic
    def delete(self, space: Space, vector_id: VectorId) -> bool:
        """Delete a vector; returns whether there was one."""
        found = space.get(_vector_row(vector_id)) is not None
        space.delete(_vector_row(vector_id))
        return found

    @atomic
    def count(self, space: Space) -> int:
        """How many vectors there are."""
        return len(space.scan(("vector",)))

    @atomic
    def search(self, space: Space, query: Vector, k: int) -> list[tuple[VectorId, float]]:
        """The `k` nearest vectors, or all where there are fewer: (id, distance), ascending, equal ones by id.

        Raises DimensionMismatch, and InvalidArgument for what is no vector and a `k` under 1.
        """
        from engine.models.embeddings import checked_vectors, distances, hold_dimension, stacked

        checked_count(k, "k", 1)
        (row,) = checked_vectors([query])
        hold_dimension(space, len(row), declared=self.dimension)
        found = space.scan(("vector",))
        far = distances(stacked([stored for _, stored in found], len(row)), row, self.metric)
        return [(found[place][0][1], float(far[place])) for place in far.argsort(kind="stable")[:k]]


def _vector_row(vector_id: VectorId) -> tuple[str, VectorId]:
    if isinstance(vector_id, bool) or not isinstance(vector_id, int | str) or vector_id == "":
        raise InvalidArgument(f"the id of a vector is an int or text, not {vector_id!r}")
    return ("vector", vector_id)
