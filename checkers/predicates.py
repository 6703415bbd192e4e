"""predicates: point reads, writes, deletes and range reads; what a scan did not return is evidence too.

    T1 ── scan g..h {} ── w g1 1 ── commit       T1 ─rw→ T2 ─rw→ T1 by ranges: a phantom (Adya 1999, G2)
    T2 ───── scan g..h {} ── w g2 2 ── commit
    T3 ── r g1 1 ── delete g1 ── commit          T3 comes before who scans g..h and no longer finds g1

A key that is not there was never written or is deleted again: an either/or, of which an edge follows only where one
of the two is excluded (`checkers.versions.candidates`). Named is what holds under every explanation.
"""

from __future__ import annotations

from dataclasses import replace

from checkers.certificates import verify
from checkers.findings import concurrency, findings
from checkers.rw_register import check_rw_register
from checkers.rw_register.tombstones import with_tombstones
from checkers.versions.names import NAMES, names_of
from checkers.versions.observations import doubts, observe
from harness.history import History
from harness.level import LEVELS, implied_by, minimal, refuted_by
from harness.verdict import Doubt, Evidence, Findings

__all__ = ["check_predicates"]

_ABSENT_NEEDED = 10


def check_predicates(history: History) -> Findings:
    """Judge a history of point reads, writes, deletes and scans.

    Named is what inferences find that hold under every order of versions. Without deletes that is the register
    checker's work, which decides all of its levels. With deletes a level that nothing refutes is either proven, by an
    order in which each found nothing where it did, or in doubt: who found nothing may have met any one of them.
    """
    seen = observe(history)
    named = names_of(seen)
    doubtful = [Doubt("evidence", sentence) for sentence in doubts(seen)]
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
        doubts=doubtful,
    )
    if found.doubts:
        return found
    explicit = with_tombstones(history)
    if explicit is history:
        return replace(check_rw_register(history, named=named), checker="predicates", evidence=found.evidence)
    solved = check_rw_register(explicit)
    if not solved.decided:
        return replace(solved, checker="predicates", evidence=found.evidence)
    return _proven(history, found, solved, named.left_out)


def _proven(history: History, found: Findings, solved: Findings, left_out: int) -> Findings:
    """What was found, with what the guess proves, and a doubt for the levels between.

    A level that allows the history as guessed allows it as it was: nobody can tell the two apart.
    """
    doubted = {above for one in solved.doubts for above in refuted_by(one.levels or LEVELS)}
    holds = {one for one in solved.decided if one not in solved.refuted and one not in doubted}
    proven = {below for one in holds for below in implied_by(one)}
    standing = tuple(one for one in solved.decided if one not in proven and one not in found.refuted)
    sentence = "nothing refutes it, but with deletes among the reads no order was found that proves it"
    doubt = [Doubt("undecided", sentence, minimal(standing))] if standing else []
    return replace(
        found,
        decided=solved.decided,
        certificates=tuple(one for one in solved.certificates if not verify(history, one)),
        doubts=(*(one for one in solved.doubts if not one.levels), *_unfinished(left_out), *doubt),
    )


def _unfinished(edges: int) -> list[Doubt]:
    sentence = f"{edges} anti-dependencies on versions with very many followers were left out"
    return [Doubt("budget", sentence)] if edges else []
