"""The checker for histories of plain reads and writes whose values are unique for each key.

What is named quickly comes first; whatever levels that leaves standing are decided by the solver, from the strongest
down: each ends in a proof, a contradiction, or a doubt that says why there is neither.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checkers.catalogue import directly_refuted
from checkers.evidence import concurrent_accesses, overlapping_clients
from checkers.registers import INITIAL, Registers, registers_of
from checkers.rw_register.forms import FORMS, Kind, Order
from checkers.rw_register.solver import decide
from harness.history import History, Status
from harness.level import Level, implied_by, refuted_by
from harness.verdict import Anomaly, Certificate, Doubt, Evidence, Findings

__all__ = ["check_rw_register"]

_CONCURRENT_NEEDED = 10
# The strongest first, so that one proof settles all below it.
_DECIDED = sorted(FORMS.values(), key=lambda form: (form.kind, -form.order))
_TIMELESS = "the record tells the order within each client only, no times"


def check_rw_register(history: History) -> Findings:
    """Judge a history of reads and writes (scans among them)."""
    registers = registers_of(history)
    doubts = (*(Doubt("evidence", sentence) for sentence in overlapping_clients(history)), *registers.doubts)
    if doubts:
        return Findings(checker="rw-register", doubts=doubts, evidence=_evidence(registers))
    named: tuple[Anomaly, ...] = ()
    anomalies, certificates, open_levels = _solved(registers, named)
    return Findings(
        checker="rw-register",
        anomalies=anomalies,
        refuted=_refuted(anomalies),
        searched=_searched(history),
        evidence=_evidence(registers),
        doubts=open_levels,
        certificates=certificates,
        stats={
            "txns": len(history),
            "reads": int(registers.sees.sum()),
            "writes": int(registers.real.sum()),
        },
    )


def _solved(
    registers: Registers, named: Sequence[Anomaly]
) -> tuple[tuple[Anomaly, ...], tuple[Certificate, ...], tuple[Doubt, ...]]:
    """Decide every level that is neither refuted nor proven yet."""
    found: list[Anomaly] = []
    proofs: list[Certificate] = []
    doubts: list[Doubt] = []
    proven: set[Level] = set()
    for form in _DECIDED:
        if form.level in proven or form.level in _refuted([*named, *found]):
            continue
        if form.order == Order.REALTIME and registers.history.info.clock == "sessions":
            doubts.append(Doubt("evidence", _TIMELESS, (form.level,)))
            continue
        answer = decide(registers, form.level, strictly_first=False)
        if isinstance(answer, Anomaly):
            found.append(answer)
        elif isinstance(answer, Doubt):
            doubts.append(answer)
        else:
            proven |= implied_by(form.level)
            proofs += [answer] if form.kind != Kind.PARALLEL else []
    return (*named, *_weakest(found)), tuple(proofs), tuple(doubts)


def _weakest(found: Sequence[Anomaly]) -> list[Anomaly]:
    """Those that refute something which no later one, of a weaker level, refutes too."""
    return [one for place, one in enumerate(found) if not set(one.refutes) <= set(_refuted(found[place + 1 :]))]


def _refuted(anomalies: Sequence[Anomaly]) -> tuple[Level, ...]:
    return refuted_by(level for anomaly in anomalies for level in anomaly.refutes)


def _searched(history: History) -> tuple[Level, ...]:
    timeless = history.info.clock == "sessions"
    suffixes = ("", "-process") if timeless else ("", "-process", "-realtime")
    names = {form.anomaly + suffixes[form.order] for form in FORMS.values() if form.order < len(suffixes)}
    return directly_refuted(sorted(names))


def _evidence(registers: Registers) -> tuple[Evidence, ...]:
    history = registers.history
    of_others = registers.sees & (registers.read_writer > INITIAL)
    return (
        Evidence("transactions committed", int((history.status == Status.OK).sum()), 1),
        Evidence("aborted", int((history.status == Status.ABORTED).sum())),
        Evidence("unknown", int((history.status == Status.UNKNOWN).sum())),
        Evidence("concurrent accesses to a shared key", concurrent_accesses(history), _CONCURRENT_NEEDED),
        Evidence("values read that others wrote", int(of_others.sum()), 1),
        Evidence("writes", int(np.asarray(registers.real).sum()), 1),
    )
