"""What every invariant checker shares: how a witness becomes an `Anomaly`, and what the evidence is worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from checkers.catalogue import closed_refutations, directly_refuted, refutes
from harness.fingerprint import fingerprint, witness
from harness.history import History, Status
from harness.verdict import Anomaly, Doubt, Evidence, Findings, Step

__all__ = ["anomaly", "contended", "findings", "overlapping_clients", "shown"]

_SHOWN_MAX = 60


def shown(value: Any) -> str:
    """A key or value for a sentence: None is "nothing", no control characters, 60 characters at the most."""
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) and value and value.isprintable() else repr(value)
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"


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
) -> Findings:
    """What `checker` says, having looked for the anomalies named by `searched`."""
    found = tuple(anomalies)
    return Findings(
        checker=checker,
        anomalies=found,
        refuted=closed_refutations(one.name for one in found),
        searched=directly_refuted(searched),
        evidence=tuple(evidence),
        doubts=(*overlapping_clients(history), *doubts),
        stats={
            "txns": len(history),
            "ops": len(history.op_kind),
            "ok": int((history.status == Status.OK).sum()),
            "aborted": int((history.status == Status.ABORTED).sum()),
            "unknown": int((history.status == Status.UNKNOWN).sum()),
        },
    )


def overlapping_clients(history: History) -> list[Doubt]:
    """A doubt if a client began a transaction before its last one had ended: a client does one thing at a time."""
    order = np.lexsort((np.arange(len(history)), history.client))
    one, two = order[:-1], order[1:]
    overlap = (history.client[one] == history.client[two]) & (history.end[one] > history.start[two])
    if not overlap.any():
        return []
    first = int(np.flatnonzero(overlap)[0])
    sentence = f"client {history.client[one[first]]} began T{two[first]} before its T{one[first]} had ended"
    return [Doubt("evidence", sentence)]


def contended(history: History) -> int:
    """How many transactions overlap in time an earlier-started one that used a same key (or the same bounds)."""
    if len(history.op_key) == 0:
        return 0
    op_txn = np.repeat(np.arange(len(history)), np.diff(history.op_offset))
    uses = np.unique(history.op_key.astype(np.int64) * len(history) + op_txn)
    key, txn = np.divmod(uses, len(history))  # By key, then by row, which is the order of starts.
    times = np.unique(np.concatenate([history.start, history.end]))
    start, end = np.searchsorted(times, history.start[txn]), np.searchsorted(times, history.end[txn])
    # Ends are made to rise from key to key, so that one running maximum serves all keys.
    latest_end = np.maximum.accumulate(key * len(times) + end)
    overlaps = (key[1:] == key[:-1]) & (latest_end[:-1] - key[1:] * len(times) >= start[1:])
    return len(np.unique(txn[1:][overlaps]))
