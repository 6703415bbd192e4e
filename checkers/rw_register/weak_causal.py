"""The forced edges of causal consistency: what a reader had to see is whatever precedes it by reads and sessions.

With sessions, one clock per row says how far into each session its causes reach (AWDIT, PLDI 2025: time
n * sessions; sessions come in blocks, so that memory stays n * 64). Without sessions, any cycle lies within a cycle
of the form with sessions: only the rows of those are asked for their effects, 64 at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkers.joins import find, join
from checkers.rw_register import weak_kernels
from checkers.rw_register.weak_accesses import Accesses
from checkers.rw_register.weak_graph import (
    NOT_KNOWN,
    Components,
    Forced,
    Graph,
    components,
    forced_by_reads,
    no_forced,
    peeled,
)
from checkers.rw_register.weak_kernels import Ints

__all__ = ["CLOCK_BUDGET", "REACH_BUDGET", "causal_edges", "causal_order", "plain_causal_edges"]

BLOCK = 64
CLOCK_BUDGET = 20_000_000_000  # Steps of clocks: one per edge and chain.
REACH_BUDGET = 200_000_000  # Reads looked at, over all blocks, and pairs of a read and a write of one key.


@dataclass(frozen=True, kw_only=True)
class _Chains:
    """Rows in chains, in each of which every row precedes the next; the first `count` of them hold writers."""

    sequence: Ints  # (c,) committed rows, chain by chain
    column: Ints  # (n,) the row's chain, or -1
    place: Ints  # (n,) its number in the chain, from 1
    first: Ints  # (chains,) where each begins in `sequence`
    count: int


@dataclass(frozen=True, kw_only=True)
class _Writers:
    """For each key the chains that write it, and for each of these the places of its writers, ascending."""

    of_key: Ints  # (k + 1,) groups
    first: Ints  # (g + 1,) places
    column: Ints  # (g,)
    place: Ints  # (p,)


def causal_order(accesses: Accesses, previous: Ints) -> tuple[Ints, Ints] | None:
    """(order, previous): a topological order of reads and sessions, and the session edges that it keeps.

    Those within a cycle of reads and sessions are dropped. None where the reads alone are cyclic.
    """
    graph = Graph("read-committed", True, accesses, previous, no_forced())
    order, taken = peeled(graph)
    if taken == len(order):
        return order, previous
    cyclic = components(graph)
    number = np.full(len(previous), -1, dtype=np.int64)
    number[cyclic.rows] = cyclic.number
    kept = np.where((number >= 0) & (number == number[previous]), -1, previous)
    order, taken = peeled(graph._replace(previous=kept))
    return (order, kept) if taken == len(order) else None


def causal_edges(accesses: Accesses, order: Ints, previous: Ints) -> Forced | None:
    """All that causal consistency forces with sessions, or None where that is beyond the budget.

    Edges that reads and sessions imply are left out.
    """
    chains = _chains_of(accesses, previous)
    edges = len(accesses.read) + int((previous >= 0).sum())
    if chains.count * (edges + len(order)) > CLOCK_BUDGET:
        return None
    writers = _writers_of(accesses, chains)
    parts = [_block(accesses, order, previous, chains, writers, low) for low in range(0, chains.count, BLOCK)]
    if not parts:
        return no_forced()
    return Forced(*(np.concatenate([part[i] for part in parts]) for i in range(3)))


def _block(accesses: Accesses, order: Ints, previous: Ints, chains: _Chains, writers: _Writers, low: int) -> Forced:
    """What writers in the chains from `low` on force."""
    shape = (len(order), min(BLOCK, chains.count - low))
    clock, forced = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32)
    weak_kernels.advance_clocks(
        order,
        accesses.read_first,
        accesses.read_writer,
        previous,
        chains.column,
        chains.place,
        low,
        clock,
    )
    seen, read = weak_kernels.force_by_clocks(
        chains.sequence,
        accesses.read_first,
        accesses.read_key,
        accesses.read_writer,
        chains.column,
        low,
        clock,
        writers.of_key,
        writers.first,
        writers.column,
        writers.place,
        writers.first[:-1].copy(),
        chains.first,
        chains.sequence,
        forced,
    )
    after, column = np.nonzero(forced)
    before = chains.sequence[chains.first[column + low] + forced[after, column] - 1]
    initial = forced_by_reads(accesses, seen, read)
    return Forced(
        np.concatenate((before, initial.before)),
        np.concatenate((after.astype(np.int32), initial.after)),
        np.concatenate((np.full(len(after), NOT_KNOWN, dtype=np.int32), read)),
    )


def _chains_of(accesses: Accesses, previous: Ints) -> _Chains:
    """Sessions as chains; a row that nothing comes behind is one of its own, after all others."""
    leads = accesses.leads[accesses.sequence]
    sequence = np.concatenate((accesses.sequence[leads], accesses.sequence[~leads]))
    begins = (previous[sequence] < 0) | ~accesses.leads[sequence]
    chain = np.cumsum(begins) - 1
    writes = np.diff(accesses.write_first)[sequence] > 0
    has_writer = np.bincount(chain, weights=writes) > 0 if len(chain) else np.empty(0, dtype=np.bool_)
    rank = np.argsort(~has_writer, kind="stable")
    renumbered = np.empty(len(rank), dtype=np.int64)
    renumbered[rank] = np.arange(len(rank))
    starts = np.flatnonzero(begins)
    column = np.full(len(previous), -1, dtype=np.int32)
    column[sequence] = renumbered[chain]
    place = np.zeros(len(previous), dtype=np.int32)
    place[sequence] = np.arange(len(sequence)) - starts[chain] + 1
    return _Chains(sequence=sequence, column=column, place=place, first=starts[rank], count=int(has_writer.sum()))


def _writers_of(accesses: Accesses, chains: _Chains) -> _Writers:
    counts = np.diff(accesses.write_first)[chains.sequence]
    ends = np.cumsum(counts)
    within = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
    entry = np.repeat(accesses.write_first[chains.sequence], counts) + within
    row = np.repeat(chains.sequence, counts)
    _, order = weak_kernels.group(accesses.write_key[entry], accesses.keys)
    key, row = accesses.write_key[entry[order]], row[order]
    column = chains.column[row]
    new = np.append(True, (key[1:] != key[:-1]) | (column[1:] != column[:-1]))[: len(key)]
    begin = np.flatnonzero(new)
    of_key = np.searchsorted(key[begin], np.arange(accesses.keys + 1))
    return _Writers(of_key=of_key, first=np.append(begin, len(key)), column=column[begin], place=chains.place[row])


def plain_causal_edges(accesses: Accesses, order: Ints, within: Components, forced: Forced) -> tuple[Forced, bool]:
    """What causal consistency forces without sessions and could close a cycle; whether that is all.

    `order` is a topological order of reads. `within` are the cycles, and `forced` the edges, of the form with
    sessions: a cycle without sessions lies within one of these, and a version before the first write that was read
    too late was so there too.
    """
    number = np.full(len(order), -1, dtype=np.int64)
    number[within.rows] = within.number
    rows = np.unique(_rows_of_writes(accesses))
    sources = rows[number[rows] >= 0]
    sources = sources[np.argsort(np.bincount(within.number)[number[sources]], kind="stable")]
    reads = np.flatnonzero(accesses.read_writer >= 0)
    reads = reads[number[accesses.read_writer[reads]] >= 0]
    initial = np.unique(forced.read[forced.read != NOT_KNOWN])
    seen, read, budget = weak_kernels.missed_causes(
        initial,
        accesses.reader(initial),
        accesses.read_first,
        accesses.read_key,
        accesses.read_writer,
        accesses.write_first,
        accesses.write_key,
        REACH_BUDGET,
    )
    parts = [(seen, read)]
    for low in range(0, len(sources), 64):
        budget -= len(accesses.read)
        if budget < 0:
            break
        seen, read, budget = _effects(accesses, order, number, np.sort(sources[low : low + 64]), reads, budget)
        parts.append((seen, read))
    seen, read = (np.concatenate(column) for column in zip(*parts, strict=True))
    return forced_by_reads(accesses, seen, read), budget >= 0


def _rows_of_writes(accesses: Accesses) -> Ints:
    return accesses.registers.write_txn[accesses.write]


def _effects(
    accesses: Accesses, order: Ints, number: Ints, block: Ints, reads: Ints, budget: int
) -> tuple[Ints, Ints, int]:
    """(seen, read, budget left): edges forced by the rows of a block, at most 64, ascending, within a component."""
    bit = np.uint64(1) << np.arange(len(block), dtype=np.uint64)
    mark = np.zeros(len(order), dtype=np.uint64)
    mark[block] = bit
    weak_kernels.reach(order, accesses.read_first, accesses.read_writer, mark)
    rows = _rows_of_writes(accesses)
    place = find(block, rows, np.arange(len(block)), absent=-1)
    writes = np.flatnonzero(place >= 0)
    reached = reads[mark[accesses.reader(reads)] != 0]
    code = number[rows[writes]] * accesses.keys + accesses.write_key[writes]
    wanted = number[accesses.read_writer[reached]] * accesses.keys + accesses.read_key[reached]
    of_block = np.isin(wanted, code)
    i, j = join(code, wanted[of_block])
    writes, read = writes[i], reached[of_block][j]
    seen, reader = rows[writes], accesses.reader(read)
    caused = (mark[reader] & bit[place[writes]]) != 0
    caused &= (seen != reader) & (seen != accesses.read_writer[read])
    return seen[caused].astype(np.int32), read[caused].astype(np.int32), budget - len(i)
