"""The literature's names for what is wrong in a history of reads, writes, deletes and scans, with witnesses.

Named is only what holds whichever way round undecided versions were written, in nearly linear time; there may be
anomalies that no simple inference finds. Sources: Adya 1999; Kingsbury & Alvaro 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkers.catalogue import CATALOGUE
from checkers.graphs.graph import RW, RW_PREDICATE, WR, WW
from checkers.versions.candidates import resolved
from checkers.versions.cycles import named_cycles
from checkers.versions.dependencies import dependencies
from checkers.versions.observations import VersionHistory
from checkers.versions.phenomena import PHENOMENA, phenomena
from checkers.versions.proof import Proof
from checkers.versions.succession import succession
from harness.verdict import Anomaly

__all__ = ["NAMES", "NamedAnomalies", "names_of"]

NAMES: tuple[str, ...] = tuple(row.name for row in CATALOGUE if row.name.startswith("G") or row.name in PHENOMENA)


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedAnomalies:
    """What was found, and how many edges there were to find it with.

    `left_out` rw edges were too many to be followed, and in `undecided` components the class is only bounded.
    """

    anomalies: tuple[Anomaly, ...]
    ww: int
    wr: int
    rw: int
    predicate_rw: int
    components: int
    left_out: int
    undecided: int


def names_of(seen: VersionHistory) -> NamedAnomalies:
    """All names that quick inference finds in what `observe` read. With doubts, the caller withholds them."""
    pairs = succession(seen)
    seen = resolved(seen)
    found = dependencies(seen, pairs)
    named = named_cycles(seen, found)
    proof = Proof(seen, pairs, found)
    count = np.bincount(found.edges.kind, minlength=RW_PREDICATE + 1)
    return NamedAnomalies(
        anomalies=(*phenomena(seen), *(proof.anomaly(cycle) for cycle in named.cycles)),
        ww=int(count[WW]),
        wr=int(count[WR]),
        rw=int(count[RW]),
        predicate_rw=int(count[RW_PREDICATE]),
        components=named.components,
        left_out=found.left_out,
        undecided=named.undecided,
    )
