"""What every invariant checker says in the same way: a witness as an `Anomaly`, and all of them as `Findings`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from checkers.catalogue import closed_refutations, directly_refuted, refutes
from checkers.evidence import concurrent_accesses, overlapping_clients
from harness.fingerprint import fingerprint, witness
from harness.history import History, Status
from harness.level import Level
from harness.verdict import Anomaly, Doubt, Evidence, Findings, Step

__all__ = ["anomaly", "concurrency", "findings", "shown", "shown_element"]

_CONCURRENT_NEEDED = 10
_LIST_SHOWN = 12
_VALUE_SHOWN = 60


def shown(value: Any) -> str:
    """A key or value for a sentence: None is "nothing", control characters are escaped, long text is shortened."""
    return "nothing" if value is None else shown_element(value)


def shown_element(value: Any) -> str:
    """A value for a sentence: lists as [1 2 3], long ones shortened in the middle."""
    if isinstance(value, list):
        if len(value) > _LIST_SHOWN:
            head, tail = (" ".join(map(shown_element, part)) for part in (value[:3], value[3 - _LIST_SHOWN :]))
            return f"[{head} … {tail}] ({len(value)} elements)"
        return f"[{' '.join(map(shown_element, value))}]"
    text = value if isinstance(value, str) and value.isprintable() and " " not in value else repr(value)
    return text if len(text) <= _VALUE_SHOWN else f"{text[: _VALUE_SHOWN // 2]}…{text[-_VALUE_SHOWN // 2 :]}"


def anomaly(
    history: History,
    name: str,
    txns: Sequence[int],
    sentence: str,
    *,
    steps: Sequence[Step] = (),
    seen: Sequence[Any] = (),
    count: int = 1,
    details: Sequence[str] = (),
) -> Anomaly:
    """One finding with the catalogue's refutations and both its names.

    `seen` are the keys and values that make this instance the one it is, where there are no steps to say so.
    """
    rows = tuple(int(row) for row in txns)
    parts = [rows, [tuple(step[:5]) for step in steps], list(seen)]
    return Anomaly(
        name=name,
        txns=rows,
        steps=tuple(steps),
        refutes=refutes(name),
        sentence=sentence,
        count=count,
        fingerprint=fingerprint(history.info, name, [step.kind for step in steps]),
        witness=witness(name, parts),
        details=tuple(details),
    )


def findings(
    checker: str,
    history: History,
    *,
    searched: Sequence[str],
    anomalies: Iterable[Anomaly],
    evidence: Sequence[Evidence],
    doubts: Iterable[Doubt] = (),
    decided: Sequence[Level] = (),
) -> Findings:
    """What `checker` says, having looked for the anomalies named by `searched`.

    A history that is no evidence accuses nobody: with doubts about it, but for those that concern some levels only,
    what was found is withheld.
    """
    overlapping = (Doubt("evidence", sentence) for sentence in overlapping_clients(history))
    all_doubts = tuple(dict.fromkeys((*overlapping, *doubts)))
    withheld = any(not doubt.levels for doubt in all_doubts)
    found = () if withheld else tuple(anomalies)
    return Findings(
        checker=checker,
        anomalies=found,
        refuted=closed_refutations(one.name for one in found),
        decided=tuple(decided),
        sought=tuple(searched),
        searched=() if withheld else directly_refuted(searched),
        evidence=tuple(evidence),
        doubts=all_doubts,
        stats={
            "txns": len(history),
            "ops": len(history.op_kind),
            "ok": int((history.status == Status.OK).sum()),
            "aborted": int((history.status == Status.ABORTED).sum()),
            "unknown": int((history.status == Status.UNKNOWN).sum()),
        },
    )


def concurrency(history: History) -> Evidence:
    """How many accesses to a key met another client's open transaction on it: without any, nothing can go wrong."""
    return Evidence("concurrent accesses to a shared key", concurrent_accesses(history), _CONCURRENT_NEEDED)
