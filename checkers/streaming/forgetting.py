"""Retiring a part of a window: its cycles are counted, what has to be known of it later goes to the past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from checkers.catalogue import refutes
from checkers.graphs import kernels
from checkers.graphs.cycles import Cycle, find_cycles
from checkers.graphs.graph import KIND_NAMES, Residue, residue
from checkers.lists.dependencies import dependencies, open_orders
from checkers.lists.observations import Observations, observe
from checkers.streaming.live import PAST_ROW, Live
from checkers.streaming.past import Past, Unseen
from checkers.streaming.retiring import knot_of, order_of, retirable
from checkers.streaming.rows import encoded
from checkers.streaming.sightings import Sighting

__all__ = ["Retired", "retire"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Retired(NamedTuple):
    """The ids of the transactions that were retired, and the cycles of their components."""

    ids: frozenset[int]
    cycles: tuple[Sighting, ...]


def retire(live: Live, unsettled: Bools, past: Past, *, batch: int) -> Retired:
    """Move into the past all of the window that nothing `unsettled` (n,) leads to.

    Only for a window whose anomalies are all cycles, none of them through the past: its reads of a key are then
    beginnings of one list. `batch` numbers the calls.
    """
    history = live.history
    atomic = history.info.append == "atomic"
    seen = observe(history)
    edges, _ = dependencies(seen, atomic_append=atomic)
    order = order_of(seen, edges)
    retired = retirable(seen, order, unsettled)
    members = retired.copy()
    members[PAST_ROW] = False
    inside = edges.of(members[edges.source] & members[edges.target])
    rest = residue(history, seen.included & members, inside)
    found = find_cycles(history, rest, open_orders=open_orders(seen) if atomic and len(rest.rows) else [])
    for key, elements in _begun(live, seen, members, past):
        past.extend(key, elements)
    ids = dict(enumerate(live.ids(range(1, len(history))), 1))
    knot = knot_of(seen, order, members, ids)
    cyclic = _cyclic(rest)
    for append in np.flatnonzero((seen.append_place < 0) & (members & seen.included)[seen.append_row]):
        row, op = int(seen.append_row[append]), history.op(int(seen.append_op[append]))
        unseen = Unseen(
            element=encoded(op.value),
            txn=ids[row],
            place=int(seen.append_op[append]),
            start=int(history.start[row]),
            end=int(history.end[row]) if order.passes_time[row] else None,
            batch=batch,
            knot=knot,
            on_cycle=row in cyclic,
        )
        past.leave_unseen(encoded(op.key), unseen)
    return Retired(
        frozenset(ids[int(row)] for row in np.flatnonzero(members)),
        tuple(_sighting(live, cycle) for cycle in found.cycles),
    )


def _sighting(live: Live, cycle: Cycle) -> Sighting:
    return Sighting(
        name=str(cycle.name),
        count=cycle.count,
        txns=live.ids([link.source for link in cycle.links]),
        kinds=tuple(KIND_NAMES[link.kind] for link in cycle.links),
        refutes=refutes(str(cycle.name)),
    )


def _cyclic(rest: Residue) -> set[int]:
    """The rows that lie on a cycle."""
    component = kernels.tarjan(rest.first_edge, rest.edges.target, np.ones(len(rest.edges), dtype=bool))
    on_cycle = np.bincount(component, minlength=1)[component] > 1
    return set(rest.rows[on_cycle[: len(rest.rows)]].tolist())


def _begun(live: Live, seen: Observations, members: Bools, past: Past) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
    """For each key of which appends are retired that reads have shown: the list up to the last of them."""
    shown = np.flatnonzero((seen.append_place >= 0) & members[seen.append_row])
    reach: dict[int, int] = {}
    for key, place in zip(seen.append_key[shown].tolist(), seen.append_place[shown].tolist(), strict=True):
        reach[key] = max(reach.get(key, 0), place + 1)
    for key, size in reach.items():
        read = int(np.flatnonzero((seen.read_key == key) & (seen.read_size >= size))[0])
        place = int(seen.read_op[read] - seen.history.op_offset[seen.read_row[read]])
        longest = next(one for one in live.rows[int(seen.read_row[read]) - 1].reads if one.place == place)
        count = past.count(longest.key)
        # In the window one element stands for the past.
        yield longest.key, longest.elements[: count + size - (1 if count else 0)]
