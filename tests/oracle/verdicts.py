"""What a small history is allowed by, level by level, from the definitions alone.

Decided are the levels of `DECIDED`; what the lattice says of the others follows from these. A level of a definition
that leaves a case open is None there. UNKNOWN transactions may have committed or not, whatever suits the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from harness.history import Txn
from harness.level import Level, implied_by, refuted_by

from .executions import Execution, serial_order, snapshot_order
from .graphs import acyclic, has_version_order
from .small import Small, bits, included, small
from .weak import has_commit_order

__all__ = ["DECIDED", "MOST_TXNS", "PROVABLE", "Verdicts"]

MOST_TXNS = 8  # In more, some searches take seconds.

_SERIAL = {"serializable": "", "strong-session-serializable": "session", "strict-serializable": "realtime"}
_SNAPSHOT = {
    "snapshot-isolation": "",
    "strong-session-snapshot-isolation": "session",
    "strong-snapshot-isolation": "realtime",
}
# Level: (condition on graphs, kept order, whether the axiom INT belongs to it).
_GRAPHS = {
    "read-committed": ("read committed", "", False),
    "strong-session-read-committed": ("read committed", "session", False),
    "strong-read-committed": ("read committed", "realtime", False),
    "consistent-view": ("parallel SI", "", False),
    "parallel-snapshot-isolation": ("parallel SI", "", True),
    "repeatable-read": ("repeatable read", "", False),
}
_COMMIT_ORDERS = {
    "monotonic-atomic-view": ("monotonic atomic view", ""),
    "strong-session-monotonic-atomic-view": ("monotonic atomic view", "session"),
    "read-atomic": ("read atomic", ""),
    "strong-session-read-atomic": ("read atomic", "session"),
    "causal-cerone": ("causal", ""),
    "strong-session-causal-cerone": ("causal", "session"),
}
_UNCOMMITTED = {
    "read-uncommitted": "",
    "strong-session-read-uncommitted": "session",
    "strong-read-uncommitted": "realtime",
}
DECIDED: tuple[Level, ...] = tuple(
    Level(name) for name in (*_SERIAL, *_SNAPSHOT, *_GRAPHS, *_COMMIT_ORDERS, *_UNCOMMITTED)
)


PROVABLE: tuple[Level, ...] = tuple(Level(name) for name in (*_SERIAL, *_SNAPSHOT))  # By a certificate.


class Verdicts:
    """The verdicts on one history, each found when it is asked for."""

    def __init__(self, txns: Sequence[Txn]) -> None:
        self.history: Small = small(txns)
        self._known: dict[str, bool | None] = {}

    def allowed(self, level: str) -> bool | None:
        """Whether `level` allows the history; None where its definition leaves that open."""
        if level not in self._known:
            self._known[level] = self._decide(level)
        return self._known[level]

    def execution(self, level: str) -> Execution | None:
        """An order of commits with snapshots that proves a serializable or snapshot isolation level."""
        if level in _SERIAL:
            return serial_order(self.history, _SERIAL[level])
        return snapshot_order(self.history, _SNAPSHOT[level])

    def settled(self) -> tuple[set[Level], set[Level]]:
        """Which levels of the lattice allow the history and which do not, as far as the decided ones show.

        A level that follows from others already decided is not decided again: the definitions fit the lattice.
        """
        granted: set[Level] = set()
        refused: set[Level] = set()
        known = [level for level in DECIDED if level in self._known]
        for level in [*known, *DECIDED]:
            if level not in granted and level not in refused:
                found = self.allowed(level)
                granted |= implied_by(level) if found else set()
                refused |= set(refuted_by([level])) if found is False else set()
        return granted, refused

    def _decide(self, level: str) -> bool | None:
        if level in _SERIAL or level in _SNAPSHOT:
            return self.execution(level) is not None
        if level in _GRAPHS:
            condition, kept, consistent = _GRAPHS[level]
            if level == "repeatable-read" and not self.allowed("monotonic-atomic-view"):
                return False  # Of range reads PL-2.99 says less than Bailis 2013; here the level has both.
            return has_version_order(self.history, condition, kept, consistent=consistent)
        if level in _UNCOMMITTED:
            return _read_uncommitted(self.history, _UNCOMMITTED[level])
        name, kept = _COMMIT_ORDERS[level]
        return has_commit_order(self.history, name, kept)


def _read_uncommitted(history: Small, kept: str) -> bool | None:
    """No cycle of ww (Adya 1999, PL-1), nothing read that nobody wrote, and nothing appended once read twice.

    Only lists show an order of versions. Committed are here the OK transactions and those UNKNOWN ones from whom
    a committed one read. None where lists contradict each other, or the order in which a transaction appended:
    then no order of versions is known.
    """
    members = included(history)
    reads = [read for i in members for read in history.txns[i].reads]
    for read in reads:
        values = read.value if history.lists else [read.value] if read.value is not None else []
        if len(set(values)) < len(values) or any((read.key, value) not in history.written for value in values):
            return False
    if not history.lists:
        return True
    rows = [0] * len(history.txns)
    for b in members:
        for a in set(bits(history.earlier[kept][b])) & members:
            rows[a] |= 1 << b
    for key in {read.key for read in reads} | {key for i in members for key in history.txns[i].leaves}:
        lists = sorted((read.value for read in reads if read.key == key), key=len)
        longest: tuple[Any, ...] = lists[-1] if lists else ()
        blocks = [history.txns[i].leaves[key] for i in members if key in history.txns[i].leaves]
        torn = any((shown := tuple(e for e in longest if e in block)) != block[: len(shown)] for block in blocks)
        if torn or any(longest[: len(one)] != one for one in lists):
            return None
        author = {e: i for i in members for e in history.txns[i].leaves.get(key, ())}
        order = [author[e] for e in longest if e in author]
        later = [i for i in members if any(e not in longest for e in history.txns[i].leaves.get(key, ()))]
        pairs = [*pairwise(order), *((a, b) for a in order[-1:] for b in later)]
        for a, b in pairs:
            if a != b:
                rows[a] |= 1 << b
    return acyclic(rows)
