"""Which names of cycles a small history of registers has under every order of its versions: all orders are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, permutations, product
from math import factorial, prod

from harness.history import Txn

from .cycles import PHENOMENA, Edge, Phenomenon, holding
from .explanations import NOBODY, Explanation, explanations
from .list_append import TooManyOrders
from .small import Small, bits, small

__all__ = ["phenomena_of_every_order"]

MOST_ORDERS = 40


def phenomena_of_every_order(txns: Sequence[Txn]) -> set[Phenomenon]:
    """Those of which every explanation and version order has a closed walk of that class or a smaller one.

    Raises TooManyOrders where these are more than MOST_ORDERS, and where there are none.
    """
    history = small(txns)
    every = list(explanations(history))
    number = sum(prod(factorial(len(writers)) for writers in one.writers.values()) for one in every)
    if not 0 < number <= MOST_ORDERS:
        raise TooManyOrders(f"there are {number} orders")
    everywhere = set(PHENOMENA)
    for edges in (edges for one in every for edges in _graphs(history, one)):
        everywhere &= holding(edges)
        if not everywhere:
            break
    return everywhere


def _graphs(history: Small, one: Explanation) -> Iterator[list[Edge]]:
    order_edges = [
        Edge(a, b, kind)
        for kind in ("session", "realtime")
        for b in bits(one.members)
        for a in bits(history.earlier[kind][b] & one.members)
    ]
    reads = [Edge(sight.writer, sight.reader, "wr") for sight in one.sights if sight.writer != NOBODY]
    for orders in product(*(permutations(writers) for writers in one.writers.values())):
        edges = set(order_edges + reads)
        for key, order in zip(one.writers, orders, strict=True):
            edges |= {Edge(a, b, "ww") for a, b in pairwise(order)}
            following = dict(pairwise([NOBODY, *order]))
            edges |= {
                Edge(sight.reader, following[sight.writer], "rw", sight.missed)
                for sight in one.sights
                if sight.key == key and following.get(sight.writer, sight.reader) != sight.reader
            }
        yield sorted(edges)
