"""Brute force: which cycles a small history of reads, writes, deletes and scans holds under every explanation.

An explanation says which UNKNOWN transactions took effect, in which order the versions of each key were written, and
which of the versions without a value each read of nothing saw. Its dependency graph is Adya's, but that a delete of
what was not there changes nothing for who had found nothing. Written from the definitions, with nothing clever.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, pairwise, permutations, product
from typing import Any, NamedTuple

from oracle.cycles import Edge, Phenomenon, holding

from harness.history import UNSEEN, Status, Txn

NOBODY = -1


class _Read(NamedTuple):
    row: int
    key: Any
    value: Any
    predicate: bool


class TooMany(Exception):
    """There are more explanations than are worth trying."""


def always_holding(txns: list[Txn], *, explanations_max: int = 3_000) -> set[Phenomenon]:
    """The phenomena of cycles that every explanation has, or a smaller one."""
    kept: set[Phenomenon] | None = None
    for tried, edges in enumerate(_explained(txns)):
        if tried >= explanations_max:
            raise TooMany
        found = holding(edges)
        kept = found if kept is None else kept & found
        if not kept:
            return kept
    return kept or set()


def _explained(txns: list[Txn]) -> Iterator[list[Edge]]:
    sure = {txn.id for txn in txns if txn.status is Status.OK}
    unknown = [txn.id for txn in txns if txn.status is Status.UNKNOWN]
    for chosen in chain.from_iterable(combinations(unknown, size) for size in range(len(unknown) + 1)):
        included = sure | set(chosen)
        if _is_closed(txns, included):
            yield from _of_included(txns, included)


def _is_closed(txns: list[Txn], included: set[int]) -> bool:
    """Whether nobody who took effect read from an UNKNOWN transaction that did not."""
    return not any(
        ("w", read.key, read.value) in writer.ops
        for row in included
        for read in _reads(txns[row], _keys(txns))
        for writer in txns
        if writer.status is Status.UNKNOWN and writer.id not in included and read.value is not None
    )


def _keys(txns: list[Txn]) -> list[Any]:
    return sorted({op.key for txn in txns for op in txn.ops if op.kind in {"w", "delete"}})


def _reads(txn: Txn, keys: list[Any]) -> Iterator[_Read]:
    written = set()
    for kind, key, value in txn.ops:
        if kind in {"w", "delete"}:
            written.add(key)
        elif value is UNSEEN:
            continue
        elif kind == "r" and key not in written:
            yield _Read(txn.id, key, value, False)
        elif kind == "scan":
            for one in keys:
                if key[0] <= one < key[1] and one not in written:
                    yield _Read(txn.id, one, value.get(one), one not in value)


def _of_included(txns: list[Txn], included: set[int]) -> Iterator[list[Edge]]:
    keys = _keys(txns)
    left: dict[Any, dict[int, Any]] = {key: {} for key in keys}
    for row in sorted(included):
        for kind, key, value in txns[row].ops:
            if kind in {"w", "delete"}:
                left[key][row] = value if kind == "w" else None
    reads = [read for row in sorted(included) for read in _reads(txns[row], keys)]
    candidates = [_candidates(read, left.get(read.key, {})) for read in reads]
    seen = [(read, found) for read, found in zip(reads, candidates, strict=True) if found]
    order = list(_orders(txns, included))
    for lines in product(*(permutations(left[key]) for key in keys)):
        versions = dict(zip(keys, lines, strict=True))
        for sources in product(*(found for _, found in seen)):
            chosen = [(read, source) for (read, _), source in zip(seen, sources, strict=True)]
            yield [*order, *_overwrites(versions), *_dependencies(chosen, versions, left)]


def _candidates(read: _Read, left: dict[int, Any]) -> list[int]:
    writers = [row for row, value in left.items() if value == read.value and row != read.row]
    return [NOBODY, *writers] if read.value is None else writers


def _orders(txns: list[Txn], included: set[int]) -> Iterator[Edge]:
    for one, two in permutations(sorted(included), 2):
        if txns[one].status is Status.OK:
            if txns[one].client == txns[two].client and one < two:
                yield Edge(one, two, "session")
            if txns[one].end < txns[two].start:
                yield Edge(one, two, "realtime")


def _overwrites(versions: dict[Any, tuple[int, ...]]) -> Iterator[Edge]:
    for line in versions.values():
        yield from (Edge(one, two, "ww") for one, two in pairwise(line))


def _dependencies(
    chosen: list[tuple[_Read, int]], versions: dict[Any, tuple[int, ...]], left: dict[Any, dict[int, Any]]
) -> Iterator[Edge]:
    for read, source in chosen:
        if source != NOBODY:
            yield Edge(source, read.row, "wr", read.predicate)
        line = (NOBODY, *versions.get(read.key, ()))
        later = line[line.index(source) + 1 :]
        if read.value is None:
            later = tuple(row for row in later if left[read.key][row] is not None)
        # All of them, not only the next: the next one may be the reader itself.
        yield from (Edge(read.row, row, "rw", read.predicate) for row in later[:1] if row != read.row)
