"""Vectors of floats: checked, stored as bytes, compared by numpy. Only the models that need it import this.

Everything is computed in double precision and over all rows: the result is exact but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.errors import DimensionMismatch, InvalidArgument
from engine.models.space import Space

if TYPE_CHECKING:
    from engine.models.vectors import Metric

__all__ = ["Array", "Vector", "checked_vectors", "distances", "hold_dimension", "stacked", "stored"]

Array: TypeAlias = npt.NDArray[np.float64]
Vector: TypeAlias = Sequence[float] | npt.NDArray[Any]

_COMPONENT_MAX: Final = 1e150  # Squares of larger ones, summed, would not be finite.
_DIMENSION: Final = ("dimension",)


def checked_vectors(vectors: Sequence[Vector]) -> Array:
    """The vectors as rows of one array.

    Raises DimensionMismatch where they differ in length, InvalidArgument for what is no vector, empty, not finite or
    beyond 1e150.
    """
    try:
        array = np.asarray(vectors)
    except (ValueError, TypeError):
        lengths = {len(vector) for vector in vectors if hasattr(vector, "__len__")}
        if len(lengths) > 1:
            raise DimensionMismatch(f"the vectors have different dimensions: {sorted(lengths)}") from None
        raise InvalidArgument("a vector is a row of numbers") from None
    if array.ndim != 2 or array.shape[1] == 0 or array.dtype.kind not in "biuf":
        raise InvalidArgument("a vector is a row of numbers, at least one")
    rows = array.astype(np.float64) + 0.0  # -0.0 becomes 0.0, so that the zero vector has one form.
    if not (np.abs(rows) <= _COMPONENT_MAX).all():
        raise InvalidArgument(f"the components of a vector are finite and at most {_COMPONENT_MAX:g}")
    return rows


def hold_dimension(space: Space, dimension: int, *, declared: int | None = None, fix: bool = False) -> None:
    """Compare a dimension with that of the vectors in the space, which the first of them fixes.

    Raises DimensionMismatch. With `fix` a vector is about to be added.
    """
    held = space.get(_DIMENSION)
    for other in (declared, held):
        if other is not None and other != dimension:
            raise DimensionMismatch(f"the vectors have dimension {other}, not {dimension}")
    if fix and held is None:
        space.put(_DIMENSION, dimension)


def stored(row: Array) -> bytes:
    """A vector as it is stored."""
    return row.tobytes()


def stacked(rows: Sequence[bytes], dimension: int) -> Array:
    """Stored vectors as the rows of one array."""
    return np.frombuffer(b"".join(rows), dtype=np.float64).reshape(len(rows), dimension)


def distances(rows: Array, query: Array, metric: Metric) -> Array:
    """How far each row is from the query; smaller is nearer.

    cosine    1 - cos, between 0 and 2; 1 where either is the zero vector
    l2        the length of the difference
    dot       the product, negated
    """
    if metric == "dot":
        return -_products(rows, query[np.newaxis])
    if metric == "l2":
        return np.sqrt(_squares(rows - query))
    units, unit = _normalized(rows), _normalized(query[np.newaxis])
    # |u - v|² = 2 - 2 cos for unit vectors: never negative, and exactly 0 for equal ones.
    apart = _squares(units - unit) / 2
    return np.where(rows.any(axis=1) & query.any(), apart, 1.0)


def _normalized(rows: Array) -> Array:
    """Vectors of length 1 in the same directions; the zero vector stays."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = rows / np.where(largest == 0, 1.0, largest)  # Otherwise squares of tiny components would vanish.
    lengths = np.sqrt(_squares(scaled))[:, np.newaxis]
    return scaled / np.where(lengths == 0, 1.0, lengths)


def _squares(rows: Array) -> Array:
    return _products(rows, rows)


def _products(rows: Array, others: Array) -> Array:
    products: Array = np.einsum("ij,ij->i", rows, np.broadcast_to(others, rows.shape))
    return products
