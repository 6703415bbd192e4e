"""The checker for histories of plain reads and writes whose values are unique for each key.

What is named quickly comes first; whatever levels that leaves standing are decided by the solver, from the strongest
down: each ends in a proof, a contradiction, or a doubt that says why there is neither. The weak levels are looked at
once a strong one does not hold: what proves that one proves them too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from checkers.catalogue import directly_refuted
from checkers.dirty_reads import dirty_reads
from checkers.evidence import TIMELESS, concurrent_accesses, overlapping_clients
from checkers.findings import anomaly, shown
from checkers.registers import HIDDEN, INITIAL, Registers, registers_of
from checkers.rw_register.forms import FORMS, Form, Kind, Order
from checkers.rw_register.late_reads import circles_of_reads
from checkers.rw_register.scans import with_absent_reads
from checkers.rw_register.solver import decide
from checkers.rw_register.unexplained import passing, unjudged
from checkers.rw_register.weak import WEAK_ANOMALIES, WEAK_LEVELS, weak_anomalies
from checkers.versions.names import NAMES, NamedAnomalies, names_of
from checkers.versions.observations import observe
from harness.history import History, Status
from harness.level import Level, implied_by, level, refuted_by
from harness.verdict import Anomaly, Certificate, Doubt, Evidence, Findings

__all__ = ["check_rw_register"]

_CONCURRENT_NEEDED = 10
# The strongest first, so that one proof settles all below it.
_DECIDED = sorted(FORMS.values(), key=lambda form: (form.kind, -form.order))
_LEVELS = (
    *(form.level for form in _DECIDED),
    *(level(prefix + name) for name in WEAK_LEVELS for prefix in ("", "strong-session-")),
    # Version orders can be chosen to fit whatever order of commits the reads and real time leave.
    level("strong-read-committed"),
    *(level(prefix + "read-uncommitted") for prefix in ("", "strong-session-", "strong-")),
)
_TIMELESS = Doubt("evidence", TIMELESS, (Level("strong-read-committed"),))
_UNSEEN_ABSENCES = "{} keys that scans may have missed were too many to be looked at"


def check_rw_register(history: History, *, named: NamedAnomalies | None = None) -> Findings:
    """Judge a history of reads and writes (scans among them). `named` are the names of it where they are known."""
    registers = _whole(registers_of(history))
    seen = observe(history)
    ranges = (Doubt("evidence", sentence) for sentence in seen.accesses.doubts)
    overlapping = (Doubt("evidence", sentence) for sentence in overlapping_clients(history))
    doubts = (*overlapping, *(registers.doubts or ranges))
    if doubts:
        return Findings(checker="rw-register", doubts=doubts, evidence=_evidence(registers))
    sought = _sought(history)
    solved = _Solved(registers, list((named or names_of(seen)).anomalies))
    if seen.accesses.left_out:
        solved.doubts.append(Doubt("budget", _UNSEEN_ABSENCES.format(seen.accesses.left_out)))
    if history.info.clock == "sessions":
        solved.doubts.append(_TIMELESS)
    for form in _DECIDED:
        solved.take(form)
    return Findings(
        checker="rw-register",
        anomalies=(*solved.named, *_weakest(solved.found)),
        refuted=_refuted([*solved.named, *solved.found]),
        sought=sought,
        searched=directly_refuted(sought),
        decided=_LEVELS,
        evidence=_evidence(registers),
        doubts=tuple(solved.doubts),
        certificates=tuple(solved.proofs),
        stats={
            "txns": len(history),
            "reads": int(registers.sees.sum()),
            "writes": int(registers.real.sum()),
        },
    )


def _whole(registers: Registers) -> Registers:
    """Where the history is cut, a delete may be missing: whoever found nothing shows nothing."""
    if not registers.history.cut:
        return registers
    writer = np.where(registers.read_writer == INITIAL, HIDDEN, registers.read_writer)
    return replace(registers, read_writer=writer)


@dataclass
class _Solved:
    """Every level taken so far is refuted, proven or doubted. `named` are anomalies with a name of their own."""

    registers: Registers
    named: list[Anomaly]
    found: list[Anomaly] = field(default_factory=list)
    proofs: list[Certificate] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    proven: set[Level] = field(default_factory=set)
    weak: bool = False  # Whether the weak levels have been looked at.

    def take(self, form: Form) -> None:
        """Decide one level, unless it is refuted or proven already."""
        timeless = self.registers.history.info.clock == "sessions"
        if form.level in self.proven or (timeless and form.order == Order.REALTIME):
            return
        if form.level in _refuted([*self.named, *self.found]):
            self._look_at_weak_levels()
        else:
            self._solve(form)

    def _solve(self, form: Form) -> None:
        answer = decide(self.registers, form.level)
        if isinstance(answer, Certificate):
            self.proven |= implied_by(form.level)
            self.proofs += [answer] if form.kind != Kind.PARALLEL else []
            return
        if isinstance(answer, Anomaly):
            self.found.append(answer)
        else:
            self.doubts.append(answer)
        self._look_at_weak_levels()

    def _look_at_weak_levels(self) -> None:
        if not self.weak:
            self.weak = True
            all_reads = _whole(registers_of(self.registers.history, past_own_writes=True))
            weak = weak_anomalies(with_absent_reads(all_reads))
            late = circles_of_reads(all_reads) if len(all_reads.read_op) > len(self.registers.read_op) else ()
            for one in (*dirty_reads(all_reads), *_intermediate(all_reads), *weak.anomalies, *late):
                # What refutes nothing more says nothing more.
                if not set(refuted_by(one.refutes)) <= set(_refuted(self.named)):
                    self.named.append(one)
            hidden = unjudged(self.registers, Level("read-uncommitted"))
            self.doubts += [*weak.doubts, *([hidden] if hidden else [])]


def _intermediate(registers: Registers) -> Iterator[Anomaly]:
    """G1b: a value that its writer itself replaced, also where the reader had written the key before."""
    of_others = registers.read_writer != registers.read_txn
    reads = np.flatnonzero(passing(registers) & registers.sees & of_others)
    if len(reads):
        history, read = registers.history, int(reads[0])
        reader, writer = int(registers.read_txn[read]), int(registers.read_writer[read])
        key, value = history.keys[int(registers.read_key[read])], history.values[int(registers.read_value[read])]
        sentence = f"T{reader} read {shown(key)} as {shown(value)}, which T{writer} wrote and then replaced itself."
        yield anomaly(history, "G1b", (writer, reader), sentence, seen=(key, value), count=len(reads))


def _weakest(found: Sequence[Anomaly]) -> list[Anomaly]:
    """Those that refute something which no later one, of a weaker level, refutes too."""
    return [one for place, one in enumerate(found) if not set(one.refutes) <= set(_refuted(found[place + 1 :]))]


def _refuted(anomalies: Sequence[Anomaly]) -> tuple[Level, ...]:
    return refuted_by(one for anomaly in anomalies for one in anomaly.refutes)


def _sought(history: History) -> tuple[str, ...]:
    timeless = history.info.clock == "sessions"
    suffixes = ("", "-process") if timeless else ("", "-process", "-realtime")
    names = {form.anomaly + suffixes[form.order] for form in FORMS.values() if form.order < len(suffixes)}
    return tuple(sorted({*names, *NAMES, *WEAK_ANOMALIES}))


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
