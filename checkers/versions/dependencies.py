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
from checkers.cycles import CycleName
from checkers.graph import RW, RW_PREDICATE, WR, WW, Edges
from checkers.joins import Bools, Ints
from checkers.observations import expand
from checkers.versions.accesses import NOTHING
from checkers.versions.observations import VersionHistory
from checkers.versions.succession import INITIAL, Succession

__all__ = ["SUCCESSORS_MAX", "Demand", "Dependencies", "dependencies"]

SUCCESSORS_MAX = 64  # Of one version, for its readers' rw edges: those whose writers ended first.
_NOTHING, _SINGLE = CLASSES.index("G0"), CLASSES.index("G-single")


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
    parts = [_read_from(seen), _overwritten(seen, pairs)]
    missed, left_out = _missed(seen, pairs)
    parts.append(missed)
    source, target, kind, pair, read, class_, suffix = (np.concatenate(column) for column in zip(*parts, strict=True))
    edges = Edges(source=source, target=target, kind=kind, mark=np.arange(len(source)))
    demand = Demand(class_, suffix, np.zeros(len(source), dtype=np.int64))
    return Dependencies(edges=edges, demand=demand, pair=pair, read=read, left_out=left_out)


_Columns = tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints]


def _columns(
    source: Ints, target: Ints, kind: Ints | int, pair: Ints, read: Ints, class_: Ints, suffix: Ints
) -> _Columns:
    kept = (source >= 0) & (target >= 0) & (source != target)
    columns = (source, target, np.broadcast_to(kind, source.shape), pair, read, class_, suffix)
    return tuple(column[kept] for column in columns)


def _read_from(seen: VersionHistory) -> _Columns:
    read = np.arange(len(seen.read_version))
    none = np.zeros(len(read), dtype=np.int64)
    return _columns(seen.version_row[seen.read_version], seen.read_row, WR, none - 1, read, none, none)


def _overwritten(seen: VersionHistory, pairs: Succession) -> _Columns:
    pair = np.flatnonzero(pairs.tells)
    told = pairs.of(pair)
    class_ = np.where(told.rule == INITIAL, _NOTHING, _SINGLE)
    no_read = np.full(len(pair), -1)
    before, after = seen.version_row[told.before], seen.version_row[told.after]
    return _columns(before, after, WW, pair, no_read, class_, told.suffix)


def _missed(seen: VersionHistory, pairs: Succession) -> tuple[_Columns, int]:
    """From the readers of a version to the writers of those after it. That a deleted key is not there changes
    nothing for who had found nothing."""
    usable = seen.version_row[pairs.after] >= 0
    was_there = seen.version_value[pairs.before] != NOTHING
    usable &= was_there | (seen.version_value[pairs.after] != NOTHING)
    pair = np.flatnonzero(usable)
    ended = seen.history.end[seen.version_row[pairs.after[pair]]]
    pair = pair[np.lexsort((ended, pairs.before[pair]))]
    before = pairs.before[pair]
    rank = np.arange(len(pair)) - np.searchsorted(before, before)
    by_version = np.argsort(seen.read_version, kind="stable")
    version = seen.read_version[by_version]
    low = np.searchsorted(version, before, side="left")
    size = np.searchsorted(version, before, side="right") - low
    kept = rank < SUCCESSORS_MAX
    left_out = int(size[~kept].sum())
    pair, low, size = pair[kept], low[kept], size[kept]
    read = by_version[expand(low, size)]
    pair = np.repeat(pair, size)
    absent = seen.accesses.absent[seen.read_access[read]]
    kind = np.where(absent, RW_PREDICATE, RW)
    target = seen.version_row[pairs.after[pair]]
    suffix = pairs.suffix[pair]
    none = np.zeros(len(pair), dtype=np.int64)
    return _columns(seen.read_row[read], target, kind, pair, read, none, suffix), left_out
