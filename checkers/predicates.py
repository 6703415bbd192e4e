"""predicates: point reads, writes, deletes and range reads; what a scan did not return is evidence too.

    T1 ── scan g..h {} ── w g1 1 ── commit       T1 ─rw→ T2 ─rw→ T1 by ranges: a phantom (Adya 1999, G2)
    T2 ───── scan g..h {} ── w g2 2 ── commit
    T3 ── r g1 1 ── delete g1 ── commit          T3 comes before who scans g..h and no longer finds g1

A key that is not there was never written or is deleted again: an either/or, of which an edge follows only where one
of the two is excluded (`checkers.versions.candidates`). Named is what holds under every explanation.
"""

from __future__ import annotations

from dataclasses import replace

from checkers.findings import concurrency, findings
from checkers.versions.names import NAMES, names_of
from checkers.versions.observations import doubts, observe
from harness.history import History
from harness.verdict import Doubt, Evidence, Findings

__all__ = ["check_predicates"]

_ABSENT_NEEDED = 10


def check_predicates(history: History) -> Findings:
    """All names of cycles, by items and by predicates, and what single reads prove.

    A pass says that nothing was found by inferences that hold under every order of versions; unlike the solver's
    of rw-register it is no proof that there is an order.
    """
    seen = observe(history)
    named = names_of(seen)
    found = findings(
        "predicates",
        history,
        searched=NAMES,
        anomalies=named.anomalies,
        evidence=[
            concurrency(history),
            Evidence("keys that a scan did not return", int(seen.accesses.absent.sum()), _ABSENT_NEEDED),
            Evidence("ww edges", named.ww),
            Evidence("wr edges", named.wr, 1),
            Evidence("rw edges by items", named.rw, 1),
            Evidence("rw edges by ranges", named.predicate_rw, 1),
        ],
        doubts=[Doubt("evidence", sentence) for sentence in doubts(seen)],
    )
    return replace(found, doubts=(*found.doubts, *_unfinished(seen.accesses.left_out, named.left_out)))


def _unfinished(absences: int, edges: int) -> list[Doubt]:
    sentences = []
    if absences:
        sentences.append(f"{absences} keys that scans may have missed were too many to be looked at")
    if edges:
        sentences.append(f"{edges} anti-dependencies on versions with very many followers were left out")
    return [Doubt("budget", sentence) for sentence in sentences]
