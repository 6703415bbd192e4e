"""Whether a level allows a history of reads and writes whose version order nobody told. Complete within a budget.

First a guess of the whole version order is tried. Where its graph has circles, only the transactions in them are
solved, with every order of their versions open, and the guess is corrected by the result:

    guess ──▶ graph ──▶ no circle: a certificate
      ▲          └───▶ circles ──▶ the part in them ──▶ pruning, then SAT ──▶ no order: a contradiction
      └──────────────────────────────── an order ◀────────────────────┘

Both answers are sound whatever part is chosen: a certificate is a whole graph without a circle, and what a part
contradicts is contradicted by the whole, since less is known of a part. The part grows by the circles of each round,
so that in the end it is everything. Deciding is NP-complete: Papadimitriou 1979; Biswas & Enea, OOPSLA 2019.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checkers.compiling import compile_kernels
from checkers.graphs import kernels as graph_kernels
from checkers.joins import Bools, Ints
from checkers.registers import Registers, initial_row
from checkers.rw_register import kernels
from checkers.rw_register.budget import Budget, BudgetSpent
from checkers.rw_register.contradiction import Observation, irreducible
from checkers.rw_register.forms import FORMS, Form, Kind, Order
from checkers.rw_register.part import Part
from checkers.rw_register.placement import by_time, ranked, tried
from checkers.rw_register.problem import Problem, problem_of
from checkers.rw_register.search import Settled, Stuck, holds, settle
from checkers.rw_register.story import told
from checkers.rw_register.unexplained import unexplained, unjudged
from harness.level import Level
from harness.verdict import Anomaly, Certificate, Doubt

__all__ = ["BUDGET", "decide"]

BUDGET = 20_000_000_000
_ROUNDS_MAX = 30
_LOOKED_THROUGH_MAX = 2_000  # Transactions; looking for a contradiction in all of them takes their square.
_MOST = 0.5  # Of the transactions; where more have to be solved, all are.


def decide(registers: Registers, level: Level, *, budget: int = BUDGET) -> Certificate | Anomaly | Doubt:
    """Prove that `level` (a key of FORMS) allows a history, or that it does not; a doubt where neither is possible.

    For parallel snapshot isolation the certificate is of that level and has an empty order: there is nothing in it to
    be verified. `budget` is in steps (see `Budget`); with it spent the reason of the doubt is "budget".
    """
    form = FORMS[level]
    history = registers.history
    if registers.doubts:
        return registers.doubts[0]._replace(levels=(level,))
    if len(history.op_kind) > kernels.COMPILE_ABOVE_OPS:
        compile_kernels(kernels)
        compile_kernels(graph_kernels)
    impossible = unexplained(registers, form)
    if impossible is not None:
        return impossible
    try:
        answer = _with_times(problem_of(registers), form, Budget(budget))
    except BudgetSpent:
        sentence = f"whether {level} allows this history was not decided within {budget:,} steps"
        return Doubt("budget", sentence, (level,))
    if isinstance(answer, Certificate):
        return unjudged(registers, level) or _from_initial(answer, initial_row(history))
    return answer


def _with_times(problem: Problem, form: Form, budget: Budget) -> Certificate | Anomaly:
    """Real time is kept where it can be, asked for or not: it leaves little open.

    If that contradicts the reads, the transactions whose times do are from then on free of them, several times over.
    What contradicts itself without times refutes any level.
    """
    asked, rounds = form, 0
    if problem.history.info.clock != "sessions":
        form = form._replace(order=Order.REALTIME)
    while True:
        answer = _decided(problem, form, budget)
        if isinstance(answer, Certificate):
            return answer
        found = _contradiction(problem, form, answer.rows)
        times = {"session": Order.SESSION, "realtime": Order.REALTIME}
        excess = [one for one in found if times.get(one.kind, Order.NONE) > asked.order]
        if not excess:
            return told(problem.history, asked, found)
        rounds += 1
        if rounds == _ROUNDS_MAX:
            form = asked
        free = np.isin(np.arange(len(problem.history)), [row for one in excess for row in (one.one, one.two)])
        unordered = problem.unordered | free if asked.order == Order.NONE else problem.unordered
        problem = replace(problem, untimed=problem.untimed | free, unordered=unordered)


def _decided(problem: Problem, form: Form, budget: Budget) -> Certificate | Stuck:
    lost = problem.doubly_replaced()
    if len(lost):
        return Stuck(lost)
    rank = ranked(problem, by_time(problem))
    rows = np.zeros(len(problem.history), dtype=np.bool_)
    while True:
        certificate, circling = _tried(problem, form, rank, budget)
        if certificate is not None:
            return certificate
        assert bool((circling & ~rows).any()), "the part that was solved has circles again"
        rows |= circling
        if rows.sum() > problem.included.sum() * _MOST:
            rows |= problem.included
        part = Part.of(problem.among(rows), form, rank)
        answer = settle(problem, part, budget)
        if isinstance(answer, Stuck):
            return answer
        rank = _corrected(rank, part, answer)


def _tried(problem: Problem, form: Form, rank: Ints, budget: Budget) -> tuple[Certificate | None, Bools]:
    """A certificate if this version order gives one, else the rows (n,) in circles.

    A serial order is tried first, also for the weaker kinds: every transaction then reads from all before it.
    """
    serial = tried(problem, form._replace(kind=Kind.SERIAL), rank)
    if serial.order is not None:
        return _certificate(form, serial.order, None), serial.circling
    if form.kind == Kind.SNAPSHOT:
        trial = tried(problem, form, rank)
        if trial.order is not None:
            return _certificate(form, trial.order, trial.snapshot), trial.circling
        return None, trial.circling
    if form.kind == Kind.PARALLEL:
        part = Part.of(problem.among(serial.circling), form, rank)
        if holds(part, budget):
            return _certificate(form, np.empty(0, dtype=np.int64), None), serial.circling
    return None, serial.circling


def _certificate(form: Form, order: Ints, snapshot: Ints | None) -> Certificate:
    """For SNAPSHOT a serial order is one in which each transaction reads from all before it."""
    if form.kind == Kind.PARALLEL:
        return Certificate(level=form.level, order=np.empty(0, dtype=np.int64))
    if form.kind == Kind.SNAPSHOT and snapshot is None:
        snapshot = np.arange(len(order))
    return Certificate(level=form.level, order=order, snapshot=snapshot)


def _from_initial(proof: Certificate, initial: int) -> Certificate:
    """The certificate with the initial transaction before all others: the registers do not say where it stands."""
    place = np.flatnonzero(proof.order == initial)
    if not len(place):
        return proof
    order, snapshot = np.append(initial, np.delete(proof.order, place)), proof.snapshot
    if snapshot is not None:
        snapshot = np.append(0, np.delete(snapshot + (snapshot <= place), place))
    return replace(proof, order=order, snapshot=snapshot)


def _corrected(rank: Ints, part: Part, settled: Settled) -> Ints:
    """`rank` (blocks,) with the blocks of the part in the order found, in the places that they had together."""
    key = np.repeat(np.arange(len(part.of_key) - 1), np.diff(part.of_key))
    better = rank.copy()
    better[part.name[np.lexsort((settled.place, key))]] = rank[part.name]
    return better


def _contradiction(problem: Problem, form: Form, rows: Ints) -> list[Observation]:
    found = irreducible(problem, form, rows)
    if found is None and problem.included.sum() <= _LOOKED_THROUGH_MAX:
        found = irreducible(problem, form, np.flatnonzero(problem.included))
    assert found is not None, f"no contradiction among {rows.tolist()}"
    return found
