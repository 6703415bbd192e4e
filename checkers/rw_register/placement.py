"""The cheap way: guess a complete order of the versions, and see whether the graph that it gives has a circle.

A guess by the clock is right for most histories of a correct database. Of a block, its writers and readers were
busy with it from the earliest end to the latest start: one block must come before another if its earliest end lies
before the other's latest start. Sorting by the sum of both numbers keeps every such order (a.end < b.start and not
b.end < a.start give a.end + a.start < b.end + b.start). Zones: Gibbons & Korach, 1997.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkers.graphs import kernels as graph_kernels
from checkers.joins import Bools, Ints
from checkers.rw_register import kernels
from checkers.rw_register.forms import Form, Kind, Order, antis, dependencies, own
from checkers.rw_register.problem import Problem
from harness.history import Status

__all__ = ["Barriers", "Trial", "barriers", "by_time", "ranked", "tied_sessions", "tried"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What a guess came to: a proof, or the rows that stand in circles.

    `order` are rows as in `harness.verdict.Certificate`, with `snapshot` for SNAPSHOT; both are None where there
    are circles. `circling` (n,) are the transactions in them, and the writers of what these have read.
    """

    order: Ints | None
    snapshot: Ints | None
    circling: Bools


def by_time(problem: Problem) -> Ints:
    """For each block the earliest end and the latest start of its writers and readers, added (blocks,)."""
    history, written = problem.history, problem.version_row >= 0
    block = np.concatenate((problem.block[written], problem.block[problem.read_version]))
    row = np.concatenate((problem.version_row[written], problem.read_row))
    last = problem.last_moment()
    end = np.full(problem.blocks, int(last.max(initial=0)), dtype=np.int64)
    start = np.full(problem.blocks, int(history.start.min(initial=0)), dtype=np.int64)
    np.minimum.at(end, block, last[row])
    np.maximum.at(start, block, history.start[row])
    return end + start


def ranked(problem: Problem, value: Ints) -> Ints:
    """The place of each block among all (blocks,): by key, the initial version's first, then by `value` (blocks,)."""
    key = np.zeros(problem.blocks, dtype=np.int64)
    initial = np.zeros(problem.blocks, dtype=np.bool_)
    key[problem.block] = problem.version_key
    initial[problem.block[problem.version_row < 0]] = True
    order = np.lexsort((value, ~initial, key))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def tried(problem: Problem, form: Form, rank: Ints) -> Trial:
    """The graph of the version order that `rank` (blocks,) gives, and its circles. PARALLEL is tried as SERIAL."""
    kind = Kind.SERIAL if form.kind == Kind.PARALLEL else form.kind
    n = len(problem.history)
    following = _following(problem, rank)
    before, after, reader, writer, source_of_read = _relations(problem, form, following)
    depends, missed, within = dependencies(kind, n, before, after), antis(kind, n, reader, writer), own(kind, n)
    source = np.concatenate((depends[0], missed[0], within[0]))
    target = np.concatenate((depends[1], missed[1], within[1]))
    nodes = n if kind == Kind.SERIAL else 2 * n
    first_edge, by_source = kernels.by_source(source, nodes)
    source, target = source[by_source], target[by_source]
    done = np.resize(~problem.included, nodes).astype(np.int8)
    order = kernels.topological(first_edge, target, done, *_real_time(problem, form, nodes))
    nothing = np.zeros(n, dtype=np.bool_)
    if bool(done.all()):
        return _proof(order, n, kind, nothing)
    circling = _circling(problem, form, kind, np.flatnonzero(done == 0), source, target)
    # A writer counts where both ends of the anti-dependency stand in circles.
    involved = circling[reader] & circling[writer] & (source_of_read >= 0)
    circling[source_of_read[involved]] = True
    return Trial(order=None, snapshot=None, circling=circling)


def _following(problem: Problem, rank: Ints) -> Ints:
    """The version behind each version of the same key, or -1 (v,)."""
    sequence = np.lexsort((problem.depth, rank[problem.block]))
    following = np.full(len(sequence), -1, dtype=np.int64)
    same = problem.version_key[sequence[:-1]] == problem.version_key[sequence[1:]]
    following[sequence[:-1][same]] = sequence[1:][same]
    return following


def _relations(problem: Problem, form: Form, following: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Dependencies (before, after) and anti-dependencies (reader, writer, who wrote what was read), as rows."""
    writer = problem.version_row
    source, behind = writer[problem.read_version], following[problem.read_version]
    replaced = np.flatnonzero((behind >= 0) & (writer[behind] != problem.read_row))
    overwritten = np.flatnonzero((following >= 0) & (writer >= 0))
    seen = np.flatnonzero(source >= 0)
    session = tied_sessions(problem, form)
    return (
        np.concatenate((source[seen], writer[overwritten], session[0])),
        np.concatenate((problem.read_row[seen], writer[following[overwritten]], session[1])),
        problem.read_row[replaced],
        writer[behind[replaced]],
        source[replaced],
    )


def tied_sessions(problem: Problem, form: Form) -> tuple[Ints, Ints]:
    """The pairs (before, after) of session order that `form` keeps, and that real time does not say anyway."""
    if form.order == Order.NONE:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    before = problem.session_before()
    after = np.flatnonzero(before >= 0)
    if form.order == Order.REALTIME:
        tied = problem.history.end[before[after]] >= problem.history.start[after]
        after = after[tied | problem.untimed[before[after]] | problem.untimed[after]]
    after = after[~problem.unordered[before[after]] & ~problem.unordered[after]]
    return before[after], after


def _real_time(problem: Problem, form: Form, nodes: int) -> tuple[Ints, Ints, Ints]:
    """What `kernels.topological` wants to know of real time: commits end, snapshots wait."""
    history, n = problem.history, len(problem.history)
    if form.order != Order.REALTIME:
        return np.empty(0, dtype=np.int64), np.zeros(nodes, dtype=np.int64), np.arange(nodes)
    ended = np.flatnonzero(problem.included & (history.status == Status.OK) & ~problem.untimed)
    ended = ended[np.argsort(history.end[ended], kind="stable")]
    waits_for = np.zeros(nodes, dtype=np.int64)
    waits_for[nodes - n :] = np.searchsorted(history.end[ended], history.start, side="left")
    waits_for[nodes - n :][problem.untimed] = 0
    return ended, waits_for, np.argsort(waits_for, kind="stable")


def _proof(order: Ints, n: int, kind: Kind, nothing: Bools) -> Trial:
    commits = order < n
    if kind == Kind.SERIAL:
        return Trial(order=order, snapshot=None, circling=nothing)
    before = np.cumsum(commits)
    snapshot = np.zeros(n, dtype=np.int64)
    snapshot[order[~commits] - n] = before[~commits]
    return Trial(order=order[commits], snapshot=snapshot[order[commits]], circling=nothing)


def _circling(problem: Problem, form: Form, kind: Kind, left: Ints, source: Ints, target: Ints) -> Bools:
    """The rows (n,) in circles, of the nodes that no order could take off."""
    n = len(problem.history)
    nodes = n if kind == Kind.SERIAL else 2 * n
    number = np.full(nodes, -1, dtype=np.int64)
    number[left] = np.arange(len(left))
    kept = (number[source] >= 0) & (number[target] >= 0)
    edges = [(number[source[kept]], number[target[kept]])]
    count = len(left)
    if form.order == Order.REALTIME:
        commits, snapshots = left[left < n], left[left >= nodes - n]
        chain = barriers(problem, commits, snapshots - (nodes - n))
        edges.append((_numbered(chain.source, number, 0, count), _numbered(chain.target, number, nodes - n, count)))
        count += chain.count
    source, target = (np.concatenate(side) for side in zip(*edges, strict=True))
    first_edge, by_source = kernels.by_source(source, count)
    component = graph_kernels.tarjan(first_edge, target[by_source], np.ones(len(source), dtype=np.int8))
    alone = np.bincount(component[: len(left)], minlength=int(component.max()) + 1) < 2
    circling = np.zeros(n, dtype=np.bool_)
    circling[left[~alone[component[: len(left)]]] % n] = True
    return circling


@dataclass(frozen=True, kw_only=True, eq=False)
class Barriers:
    """Real time as a chain: `source` and `target` are rows, or ~b for barrier b < count."""

    source: Ints
    target: Ints
    count: int


def barriers(problem: Problem, ending: Ints, starting: Ints) -> Barriers:
    """Real time from the ends of the rows `ending` to the starts of the rows `starting`.

    One barrier for each moment at which an OK one ended, in their order.
    """
    history = problem.history
    ending = ending[(history.status[ending] == Status.OK) & ~problem.untimed[ending]]
    starting = starting[~problem.untimed[starting]]
    ends, barrier = np.unique(history.end[ending], return_inverse=True)
    last = np.searchsorted(ends, history.start[starting], side="left") - 1
    waits = np.flatnonzero(last >= 0)
    chain = np.arange(max(len(ends) - 1, 0))
    return Barriers(
        source=np.concatenate((ending, ~chain, ~last[waits])),
        target=np.concatenate((~barrier.astype(np.int64), ~(chain + 1), starting[waits])),
        count=len(ends),
    )


def _numbered(ends: Ints, number: Ints, offset: int, count: int) -> Ints:
    return np.where(ends < 0, count + ~ends, number[np.maximum(ends, 0) + offset])
