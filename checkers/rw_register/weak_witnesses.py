"""From the cycles of a weak level to an anomaly: a shortest cycle, with a sentence for each of its steps.

T1 ── w x 1 ── w y 1            T3 read y from T2, and x from T1 although T2 writes x too:
T2 ── r x 1 ── w x 2 ── w y 2   so T2 before T1. And T2 read from T1: so T1 before T2.
T3 ── r y 2 ── r x 1
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from checkers.compiling import prepare
from checkers.findings import anomaly, shown
from checkers.registers import INITIAL
from checkers.rw_register import weak_kernels
from checkers.rw_register.weak_accesses import Accesses
from checkers.rw_register.weak_graph import Components, Graph
from checkers.rw_register.weak_kernels import Ints
from harness.verdict import Anomaly, Step

__all__ = ["cycle_anomaly"]

SEARCH_BUDGET = 5_000_000  # Edges looked at for a shortest cycle.
# A component is searched with all that its level forces where it has few rows, and few of them for the history.
_SATURATED_ROWS_MAX = 40
_SATURATED_WORK_MAX = 10_000_000
_WAY_SHOWN = 6


class _Reason(NamedTuple):
    """Why one transaction precedes the next: a kind of step, key, value, and the sentence that says it."""

    kind: str
    key: Any
    value: Any
    sentence: str


def cycle_anomaly(name: str, graph: Graph, found: Components) -> Anomaly:
    """The anomaly of these components, with a shortest cycle of the edges that decided it.

    Where that has more than two steps and its component is small, all other edges of the level are tried too.
    """
    history = graph.accesses.registers.history
    cycle, left = _shortest(found.before, found.after)
    rows = found.rows[found.number == found.number[found.rows == cycle[0]][0]]
    work = len(rows) ** 2 * (len(history) + len(graph.accesses.read))
    if len(cycle) > 2 and len(rows) <= _SATURATED_ROWS_MAX and work <= _SATURATED_WORK_MAX:
        pairs = [(u, v) for u in rows.tolist() for v in rows.tolist() if u != v and _reason(graph, u, v)]
        cycle, _ = _shortest(*np.array(pairs).T)
    cycle = _without_detours(graph, cycle)
    steps = []
    for before, after in zip(cycle, cycle[1:] + cycle[:1], strict=True):
        reason = _reason(graph, before, after)
        assert reason is not None, "an edge that nothing forces"
        sentence = f"{reason.sentence}. So T{before} comes before T{after}."
        steps.append(Step(reason.kind, before, after, reason.key, reason.value, sentence))
    circle = " → ".join(f"T{row}" for row in (*cycle, cycle[0]))
    sentence = f"{len(cycle)} transactions that each must come before the next: {circle}."
    details = ("There may be a shorter circle: the search for it was ended by its budget.",) if left < 0 else ()
    return anomaly(history, name, cycle, sentence, steps=steps, count=len(np.unique(found.number)), details=details)


def _shortest(before: Ints, after: Ints) -> tuple[list[int], int]:
    """The rows of a shortest cycle, and what is left of the budget."""
    prepare(weak_kernels, len(before))
    rows = np.unique(before)
    first, order = weak_kernels.group(np.searchsorted(rows, before), len(rows))
    cycle, left = weak_kernels.shortest_cycle(first, np.searchsorted(rows, after)[order], SEARCH_BUDGET)
    return [int(row) for row in rows[cycle]], left


def _without_detours(graph: Graph, cycle: list[int]) -> list[int]:
    """The cycle with each run of one session's steps as one step."""
    if not graph.session:
        return cycle
    precedes = graph.accesses.precedes
    turns = [(cycle[i - 1], row, cycle[(i + 1) % len(cycle)]) for i, row in enumerate(cycle)]
    return [row for before, row, after in turns if not (precedes(before, row) and precedes(row, after))]


def _reason(graph: Graph, before: int, after: int) -> _Reason | None:
    """The simplest reason why one row precedes another, None where there is none."""
    accesses = graph.accesses
    reads = np.arange(accesses.read_first[after], accesses.read_first[after + 1])
    reads = reads[accesses.read_writer[reads] == before]
    if len(reads):
        key, value, seen = _seen(accesses, int(reads[0]))
        return _Reason("wr", key, value, f"{seen}, which T{before} wrote")
    if graph.session and accesses.precedes(before, after):
        client = int(accesses.registers.history.client[before])
        return _Reason("session", None, None, f"client {client} ran T{before} before T{after}")
    for read in _reads_from(accesses, after, before):
        why = _had_to_see(graph, before, read)
        if why:
            key, value, seen = _seen(accesses, read)
            return _Reason(
                "ww", key, value, f"{why}, but {seen}, which T{after} wrote, although T{before} wrote it too"
            )
    own = np.arange(accesses.read_first[before], accesses.read_first[before + 1])
    own = own[(accesses.read_writer[own] == INITIAL) & np.isin(accesses.read_key[own], accesses.written(after))]
    for read in own.tolist():
        why = _had_to_see(graph, after, read)
        if why:
            key, _, seen = _seen(accesses, read)
            value = accesses.value_written(after, int(accesses.read_key[read]))
            return _Reason("rw", key, value, f"{why}, but {seen}, before T{after} wrote {shown(value)} to it")
    return None


def _seen(accesses: Accesses, read: int) -> tuple[Any, Any, str]:
    """(key, value, "T3 read x as 1")."""
    registers, number = accesses.registers, int(accesses.read[read])
    key = registers.history.keys[registers.read_key[number]]
    value = registers.history.values[registers.read_value[number]]
    return key, value, f"T{int(registers.read_txn[number])} read {shown(key)} as {shown(value)}"


def _reads_from(accesses: Accesses, writer: int, other: int) -> list[int]:
    """The reads from `writer` of keys that `other` writes too, but those by `other` itself."""
    reads = np.flatnonzero(accesses.read_writer == writer)
    reads = reads[np.isin(accesses.read_key[reads], accesses.written(other))]
    found: list[int] = reads[accesses.reader(reads) != other].tolist()
    return found


def _had_to_see(graph: Graph, seen: int, read: int) -> str:
    """Why the reader had to see what row `seen` wrote, as the level has it; "" where it had not."""
    accesses = graph.accesses
    reader = int(accesses.reader(np.array([read]))[0])
    own = np.arange(accesses.read_first[reader], accesses.read_first[reader + 1])
    own = own[accesses.read_writer[own] == seen]
    if graph.level == "monotonic-atomic-view":
        op = accesses.registers.read_op[accesses.read]
        own = own[op[own] < op[read]]
    if graph.level == "read-committed":
        return ""
    if len(own):
        return f"{_seen(accesses, int(own[0]))[2]}, which T{seen} wrote"
    if graph.session and graph.level == "read-atomic" and accesses.precedes(seen, reader):
        return f"client {int(accesses.registers.history.client[seen])} ran T{seen} before T{reader}"
    if graph.level != "causal-cerone":
        return ""
    way = weak_kernels.causal_way(accesses.read_first, accesses.read_writer, graph.previous, seen, reader).tolist()
    if len(way) > _WAY_SHOWN:
        way = [*way[: _WAY_SHOWN // 2], None, *way[-_WAY_SHOWN // 2 :]]
    shown_way = " → ".join("…" if row is None else f"T{row}" for row in way)
    return f"T{seen} is a cause of T{reader} ({shown_way})" if way else ""
