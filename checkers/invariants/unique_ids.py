"""unique-ids: whoever increments a counter gets a number that nobody else gets.

    T1 ── incr ids 1 → 7 ── commit
    T2 ──── incr ids 1 → 7 ── commit       duplicate-id: both updated the same version

Only acknowledged transactions count: what an aborted one was shown may be given out again. An increment that did not
tell its number gave no id. The name is Jepsen's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checkers.findings import anomaly, concurrency, findings, shown
from checkers.moments import Moment, operations
from harness.history import History
from harness.verdict import Anomaly, Doubt, Evidence, Findings

__all__ = ["check_unique_ids"]

_IDS_NEEDED = 10


def check_unique_ids(history: History) -> Findings:
    """duplicate-id: one number that two increments of a key returned, in time linear in the history."""
    takers: dict[tuple[Any, Any], list[Moment]] = {}
    odd: list[int] = []
    for at, op in operations(history, ("incr", "w", "append", "cas", "delete")):
        grows = op.kind == "incr" and isinstance(op.value, tuple) and isinstance(op.value[0], int) and op.value[0] > 0
        if at.possible and not grows:
            odd.append(at.row)
        elif at.ok and op.value[1] is not None:
            takers.setdefault((op.key, op.value[1]), []).append(at)
    return findings(
        "unique-ids",
        history,
        searched=("duplicate-id",),
        anomalies=_duplicates(history, takers),
        evidence=[
            concurrency(history),
            Evidence("ids given out", sum(map(len, takers.values())), _IDS_NEEDED),
        ],
        doubts=[Doubt("evidence", f"T{row} does not only add to a counter: an id may come again") for row in odd[:1]],
    )


def _duplicates(history: History, takers: dict[tuple[Any, Any], list[Moment]]) -> Iterator[Anomaly]:
    """One anomaly for all ids that were given out more than once; the first one is the witness."""
    twice = {what: moments for what, moments in takers.items() if len(moments) > 1}
    for (key, number), moments in list(twice.items())[:1]:
        one, two = moments[0].row, moments[1].row
        whose = f"T{one} and T{two} were" if one != two else f"T{one} was twice"
        sentence = f"{whose} given {shown(number)} by {shown(key)}."
        rows = tuple(dict.fromkeys((one, two)))
        yield anomaly(history, "duplicate-id", rows, sentence, seen=(key, number), count=len(twice))
