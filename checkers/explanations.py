"""Every way to explain which versions a small history's transactions read and in which order they were written.

Where a value tells its writer and one read shows the order, there is one explanation. Where two transactions wrote
the same value, or nobody saw which of two writes came first, there are several, and a database is to be
believed the kindest. Two transactions are ours: the set-up, which committed before all others began and only wrote,
is taken to have written the first versions, and the last reader, who came when all others had ended, to have found
the last ones; but not where a serial order explains everything that breaks real time just there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, permutations, product
from math import factorial, prod
from typing import Any, NamedTuple

from harness.history import UNSEEN, History, Status, Txn

__all__ = [
    "NOBODY",
    "WRITES",
    "Explanation",
    "Observed",
    "Read",
    "Sight",
    "explanations",
    "explanations_count",
    "observed",
    "sights",
]

WRITES = frozenset({"w", "delete"})

NOBODY = -1  # The writer of the version before the first write.


class Sight(NamedTuple):
    """What operation `place` of a transaction saw of a key.

    `absent_in` is the scan that did not return it, `astray_in` one that did although it had not asked for it.
    """

    place: int
    key: Any
    value: Any
    absent_in: Any = None
    astray_in: Any = None


class Read(NamedTuple):
    """A sight of a key that the transaction of `row` had not written yet, and who may have written what it saw."""

    row: int
    sight: Sight
    candidates: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What is certain once it is said who took effect. `included` are these transactions, `writes` their last writes
    {key: {row: value}}, `setup` the row of the set-up or NOBODY, `last` what the last reader found. Reads whose
    value no included transaction left behind have no candidates."""

    included: frozenset[int]
    setup: int
    last: dict[Any, Any]
    writes: dict[Any, dict[int, Any]]
    reads: tuple[Read, ...]


class Explanation(NamedTuple):
    """`order` of each key: rows, NOBODY first. `sources` of each read of `Observed.reads`: a row, or None."""

    order: dict[Any, tuple[int, ...]]
    sources: tuple[int | None, ...]


def observed(history: History, *, trusting: bool = True) -> Iterator[Observed]:
    """Read a small history of r, w, delete and scan, once for each choice of UNKNOWN transactions that took effect.

    `trusting` takes the places of the set-up and of the last reader as given.
    """
    txns = list(history.txns())
    certain = [txn.id for txn in txns if txn.status is Status.OK]
    unknown = [txn.id for txn in txns if txn.status is Status.UNKNOWN]
    for size in range(len(unknown) + 1):
        for chosen in combinations(unknown, size):
            yield _observed(txns, frozenset((*certain, *chosen)), trusting)


def _last_writes(txn: Txn) -> dict[Any, Any]:
    return {op.key: op.value for op in txn.ops if op.kind in WRITES}


def _observed(txns: list[Txn], included: frozenset[int], trusting: bool) -> Observed:
    writes: dict[Any, dict[int, Any]] = {}
    for row in sorted(included):
        for key, value in _last_writes(txns[row]).items():
            writes.setdefault(key, {})[row] = value
    reads = tuple(one for row in sorted(included) for one in _reads(txns[row], writes))
    setup, last = (_setup(txns), _last(txns)) if trusting else (NOBODY, {})
    return Observed(included=included, setup=setup, last=last, writes=writes, reads=reads)


def _setup(txns: list[Txn]) -> int:
    if not txns or txns[0].status is not Status.OK or any(op.kind != "w" for op in txns[0].ops):
        return NOBODY
    return 0 if all(txns[0].end < txn.start for txn in txns[1:]) else NOBODY


def _last(txns: list[Txn]) -> dict[Any, Any]:
    """What a transaction that came after all others, and only read, found."""
    if not txns or txns[-1].status is not Status.OK or any(op.kind != "r" for op in txns[-1].ops):
        return {}
    return {op.key: op.value for op in txns[-1].ops} if all(txn.end < txns[-1].start for txn in txns[:-1]) else {}


def _reads(txn: Txn, writes: dict[Any, dict[int, Any]]) -> Iterator[Read]:
    """What the transaction saw of keys that it had not written yet."""
    first_write = {op.key: place for place, op in reversed(list(enumerate(txn.ops))) if op.kind in WRITES}
    for sight in sights(txn, writes):
        if sight.place < first_write.get(sight.key, len(txn.ops)):
            nothing = (NOBODY,) if sight.value is None else ()
            left = writes.get(sight.key, {}).items()
            writers = (writer for writer, value in left if writer != txn.id and value == sight.value)
            yield Read(txn.id, sight, (*nothing, *writers))


def sights(txn: Txn, keys: Iterable[Any]) -> Iterator[Sight]:
    """All that a transaction saw, key by key; of a scan also those of `keys` that it did not return."""
    for place, (kind, key, value) in enumerate(txn.ops):
        if kind == "r" and value is not UNSEEN:
            yield Sight(place, key, value)
        elif kind == "scan" and value is not UNSEEN:
            for one in sorted({one for one in keys if _within(one, key)} | set(value), key=repr):
                if one in value:
                    yield Sight(place, one, value[one], astray_in=None if _within(one, key) else key)
                else:
                    yield Sight(place, one, None, absent_in=key)


def _within(key: Any, asked: Any) -> bool:
    if not isinstance(key, str):
        return False  # A scan may answer anything; keys of scripts are texts.
    return bool(asked[0] <= key < asked[1]) if isinstance(asked, tuple) else key.startswith(asked)


def explanations_count(seen: Observed) -> int:
    """How many explanations there are at the most."""
    orders = prod(factorial(len(writers.keys() - {seen.setup})) for writers in seen.writes.values())
    return orders * prod(max(1, len(one.candidates)) for one in seen.reads)


def explanations(seen: Observed) -> Iterator[Explanation]:
    """All of them, in an order that never changes."""
    orders = product(*(_orders(seen, key) for key in seen.writes))
    for order, sources in product(orders, product(*((one.candidates or (None,)) for one in seen.reads))):
        yield Explanation(dict(zip(seen.writes, order, strict=True)), sources)


def _orders(seen: Observed, key: Any) -> list[tuple[int, ...]]:
    """The orders in which a key may have been written, ending with what the last reader found if that can be."""
    left = seen.writes[key]
    first = (NOBODY, *({seen.setup} & left.keys()))
    orders = [(*first, *line) for line in permutations(sorted(left.keys() - {seen.setup}))]
    if key not in seen.last:
        return orders
    return [order for order in orders if left.get(order[-1]) == seen.last[key]] or orders
