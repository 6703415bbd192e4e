"""The edges between transactions that follow from what was read and from the succession of versions.

Each edge has a demand, the smallest (class, suffix, kind) of cycles that it may be part of. It is the name of the
cycle that there would be were the edge's pair of versions written the other way round; so a cycle of that name or a
larger one holds under every order. Plain reads and what follows from the initial state demand nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from checkers.catalogue import CLASSES
from checkers.graphs.cycles import CycleName
from checkers.graphs.graph import RW, RW_PREDICATE, WR, WW, Edges
from checkers.joins import Bools, Ints, expand
from checkers.versions import kernels
from checkers.versions.accesses import NOTHING
from checkers.versions.observations import VersionHistory
from checkers.versions.succession import INITIAL, Succession

__all__ = ["SUCCESSORS_MAX", "Demand", "Dependencies", "dependencies"]

SUCCESSORS_MAX = 64  # Of one version, for its readers' rw edges: those whose writers ended first.
_NOTHING, _SINGLE = CLASSES.index("G0"), CLASSES.index("G-single")
_ITEM, _PREDICATE = range(2)


class Demand(NamedTuple):
    """Columns of what each edge demands, as in `CycleName`."""

    class_: Ints
    suffix: Ints
    kind: Ints

    def within(self, name: CycleName) -> Bools:
        """The edges that a cycle of this name may use."""
        return np.asarray((self.class_ <= name.class_) & (self.suffix <= name.suffix) & (self.kind <= name.kind))


@dataclass(frozen=True, kw_only=True, eq=False)
class Dependencies:
    """e edges; the mark of each is its place here. `pair` is what a ww or rw edge rests on, `read` what shows a wr or
    rw edge, -1 for none; `left_out` how many rw edges were too many for a version."""

    edges: Edges
    demand: Demand
    pair: Ints
    read: Ints
    left_out: int


def dependencies(seen: VersionHistory, pairs: Succession) -> Dependencies:
    """All wr edges, the rw edges along all pairs, and the ww edges of pairs that no other edge tells."""
    missed, left_out = _missed(seen, pairs)
    parts = [_read_from(seen), _overwritten(seen, pairs), missed]
    joined = _Part(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    edges = Edges(source=joined.source, target=joined.target, kind=joined.kind, mark=np.arange(len(joined.source)))
    demand = Demand(joined.class_, joined.suffix, joined.rw_kind)
    return Dependencies(edges=edges, demand=demand, pair=joined.pair, read=joined.read, left_out=left_out)


class _Part(NamedTuple):
    """Edges of one kind, as columns; `class_`, `suffix` and `rw_kind` are what they demand."""

    source: Ints
    target: Ints
    kind: Ints
    pair: Ints
    read: Ints
    class_: Ints
    suffix: Ints
    rw_kind: Ints

    def between_two(self) -> _Part:
        """Without those that do not lead from one known transaction to another."""
        kept = np.flatnonzero((self.source >= 0) & (self.target >= 0) & (self.source != self.target))
        return _Part(*(column[kept] for column in self))


def _same(value: int, like: Ints) -> Ints:
    return np.broadcast_to(np.int8(value), like.shape)


def _read_from(seen: VersionHistory) -> _Part:
    read = np.arange(len(seen.read_version))
    # Where a scan would have missed a key if it had been there, the edge demands cycles with a predicate.
    absent = seen.accesses.absent[seen.read_access]
    return _Part(
        source=seen.version_row[seen.read_version],
        target=seen.read_row,
        kind=_same(WR, read),
        pair=_same(-1, read),
        read=read,
        class_=seen.read_class,
        suffix=seen.read_suffix,
        rw_kind=np.where(absent & (seen.read_class > _NOTHING), _PREDICATE, _ITEM),
    ).between_two()


def _overwritten(seen: VersionHistory, pairs: Succession) -> _Part:
    pair = np.flatnonzero(pairs.tells)
    told = pairs.of(pair)
    return _Part(
        source=seen.version_row[told.before],
        target=seen.version_row[told.after],
        kind=_same(WW, pair),
        pair=pair,
        read=_same(-1, pair),
        class_=np.where(told.rule == INITIAL, _NOTHING, _SINGLE),
        suffix=told.suffix,
        rw_kind=_same(_ITEM, pair),
    ).between_two()


def _missed(seen: VersionHistory, pairs: Succession) -> tuple[_Part, int]:
    """From the readers of a version to the writers of those after it. That a deleted key is not there changes
    nothing for who had found nothing."""
    usable = seen.version_row[pairs.after] >= 0
    was_there = seen.version_value[pairs.before] != NOTHING
    usable &= was_there | (seen.version_value[pairs.after] != NOTHING)
    pair = np.flatnonzero(usable)
    pair, left = _at_most(seen, pairs, pair)
    first, by_version = kernels.grouped(seen.read_version, len(seen.version_key))
    low, size = first[pairs.before], first[pairs.before + 1] - first[pairs.before]
    left_out = int(size[left].sum())
    read = by_version[expand(low[pair], size[pair])]
    pair = np.repeat(pair, size[pair])
    return _Part(
        source=seen.read_row[read],
        target=seen.version_row[pairs.after[pair]],
        kind=np.where(seen.accesses.absent[seen.read_access[read]], RW_PREDICATE, RW),
        pair=pair,
        read=read,
        class_=_same(_NOTHING, pair),
        suffix=np.maximum(pairs.suffix[pair], seen.read_suffix[read]),
        rw_kind=_same(_ITEM, pair),
    ).between_two(), left_out


def _at_most(seen: VersionHistory, pairs: Succession, chosen: Ints) -> tuple[Ints, Ints]:
    """(those of the chosen pairs that are followed, those left out as too many for their first version)."""
    count = np.bincount(pairs.before[chosen], minlength=1)
    many = count[pairs.before[chosen]] > SUCCESSORS_MAX
    crowded = chosen[many]
    ended = seen.history.end[seen.version_row[pairs.after[crowded]]]
    crowded = crowded[np.lexsort((ended, pairs.before[crowded]))]
    before = pairs.before[crowded]
    kept = np.arange(len(crowded)) - np.searchsorted(before, before) < SUCCESSORS_MAX
    return np.concatenate((chosen[~many], crowded[kept])), crowded[~kept]
