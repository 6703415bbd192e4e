"""One anomaly as the page tells it: drawing, numbered proof, lanes, raw operations, the levels it rules out.

The checker's sentence states each step. Below it stands what can be looked up in the history without trusting
the checker: the key, the value, and the longest list that a committed transaction read there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from harness.build import frozen
from harness.history import KIND_CODE, History, Status, Txn
from harness.level import LEVELS, Level, maximal, minimal, refuted_by
from harness.verdict import Anomaly, Step
from reports.carried import Marks, carried, circled, witness_txns
from reports.clock import Clock
from reports.cycle_svg import cycle_svg
from reports.lanes_svg import lanes_svg
from reports.overall import AnomalyGroup
from reports.values import counted, show, show_around, show_op

__all__ = ["LongestReads", "Proof", "ProofStep", "RawOp", "proof"]

_STEPS_MAX = 40
_LANES_MAX = 12
_OPS_MAX = 60
_INSTANCES_MAX = 10


class ProofStep(NamedTuple):
    """One numbered sentence; `facts` are what the history itself says beside it."""

    number: int
    kind: str
    before: int
    after: int
    sentence: str
    facts: tuple[str, ...]


class RawOp(NamedTuple):
    """One row of the operations table. `edges` are step numbers, `tokens` connect it to the drawing."""

    txn: int
    client: int
    fate: str
    text: str
    edges: str
    tokens: str


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Everything the template needs for one anomaly. `left_out` are sentences that say what is not drawn."""

    anchor: str
    group: AnomalyGroup
    steps: tuple[ProofStep, ...]
    round_trip: str
    cycle: Markup | None
    lanes: Markup | None
    operations: tuple[RawOp, ...]
    faults: tuple[str, ...]
    weakest: tuple[Level, ...]
    refuted: tuple[Level, ...]
    spared: tuple[Level, ...]
    others: tuple[Anomaly, ...]
    left_out: tuple[str, ...]
    drawn: bool


class LongestReads:
    """For a key, the committed read of the longest list: (row, list). Looked up in the columns, once per key."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._found: dict[int, tuple[int, list[Any]] | None] = {}

    def of(self, key: Any, near: Mapping[int, Txn]) -> tuple[int, list[Any]] | None:
        """The longest read of `key`, which one of the transactions `near` touches."""
        number = self._key_number(key, near)
        if number is None:
            return None
        if number not in self._found:
            self._found[number] = self._search(number)
        return self._found[number]

    def _key_number(self, key: Any, near: Mapping[int, Txn]) -> int | None:
        history = self._history
        wanted = frozen(key)
        for row in near:
            for number in history.op_key[history.op_offset[row] : history.op_offset[row + 1]].tolist():
                known = history.keys[number]
                if type(known) is type(wanted) and known == wanted:
                    return int(number)
        return None

    def _search(self, number: int) -> tuple[int, list[Any]] | None:
        history = self._history
        reads = np.flatnonzero(
            (history.op_key == number) & (history.op_kind == KIND_CODE["r"]) & (history.op_length > 0)
        )
        owner = np.searchsorted(history.op_offset, reads, side="right") - 1
        kept = history.status[owner] == Status.OK
        if not kept.any():
            return None
        best = int(np.argmax(np.where(kept, history.op_length[reads], -1)))
        return int(owner[best]), list(history.op(int(reads[best])).value)


def proof(
    history: History, group: AnomalyGroup, anchor: str, clock: Clock, longest: LongestReads, *, drawn: bool
) -> Proof:
    """The proof of the group's first instance; the others are listed. Without `drawn` there are only sentences."""
    anomaly = group.first
    txns = witness_txns(history, anomaly) if drawn else {}
    marks = carried(txns, anomaly)
    refuted = refuted_by(group.refutes)
    operations, ops_left_out = _operations(txns, marks)
    cycle = cycle_svg(txns, anomaly, marks, anchor)
    laned = list(txns.values())[:_LANES_MAX]
    return Proof(
        anchor=anchor,
        group=group,
        steps=tuple(
            ProofStep(number, step.kind, step.before, step.after, step.sentence, _facts(step, txns, longest))
            for number, step in enumerate(anomaly.steps[:_STEPS_MAX], 1)
        ),
        round_trip=_round_trip(anomaly),
        cycle=cycle,
        lanes=lanes_svg(laned, history.faults, clock, anchor) if laned else None,
        operations=operations,
        faults=_touching_faults(history, txns, clock),
        weakest=minimal(refuted),
        refuted=refuted,
        spared=maximal(set(LEVELS) - set(refuted)),
        others=group.instances[1 : 1 + _INSTANCES_MAX],
        left_out=_left_out(group, cycle, len(txns), ops_left_out, drawn),
        drawn=drawn,
    )


def _facts(step: Step, txns: Mapping[int, Txn], longest: LongestReads) -> tuple[str, ...]:
    if step.key is None or not txns:
        return ()
    key = show(step.key, 60)
    facts = [f"Key {key}" + ("" if step.value is None else f", value {show(step.value, 60)}") + _range(step)]
    read = longest.of(step.key, {row: txns[row] for row in (step.before, step.after) if row in txns})
    if read is not None:
        row, elements = read
        facts.append(f"Order of {key}, longest read: T{row} saw {show_around(elements, _wanted(step, txns))}")
    return tuple(facts)


def _range(step: Step) -> str:
    return ", by a range read" if step.predicate else ""


def _wanted(step: Step, txns: Mapping[int, Txn]) -> set[str]:
    """The elements that this step is about, as they are written: what its transactions wrote or saw last there."""
    wanted = {show(step.value, 16, False)}
    for row in (step.before, step.after):
        for op in txns[row].ops if row in txns else ():
            if frozen(op.key) == frozen(step.key):
                last = op.value[-1:] if isinstance(op.value, list) else [op.value]
                wanted |= {show(one, 16, False) for one in last}
    return wanted


def _round_trip(anomaly: Anomaly) -> str:
    if not anomaly.steps or len(anomaly.steps) > _STEPS_MAX:
        return ""
    order = [*(step.before for step in anomaly.steps), anomaly.steps[0].before]
    return " before ".join(f"T{row}" for row in order)


def _operations(txns: Mapping[int, Txn], marks: Marks) -> tuple[tuple[RawOp, ...], int]:
    """The rows in the order of the transactions' starts; where there are too many, those of the first edges stay."""
    rows = sorted(txns.values(), key=lambda txn: (txn.start, txn.id))
    places = [(txn, place) for txn in rows for place in range(len(txn.ops))]
    if len(places) > _OPS_MAX:
        by_edge = sorted(places, key=lambda one: marks.get((one[0].id, one[1]), (len(places),)))
        kept = {(txn.id, place) for txn, place in by_edge[:_OPS_MAX]}
        shown = [one for one in places if (one[0].id, one[1]) in kept]
    else:
        shown = places
    return tuple(_raw_op(txn, place, marks) for txn, place in shown), len(places) - len(shown)


def _raw_op(txn: Txn, place: int, marks: Marks) -> RawOp:
    numbers = marks.get((txn.id, place), ())
    fate = {Status.OK: "committed", Status.ABORTED: "aborted", Status.UNKNOWN: "unknown"}[txn.status]
    tokens = " ".join([f"t{txn.id}", *(f"e{number}" for number in numbers)])
    return RawOp(txn.id, txn.client, fate, show_op(txn.ops[place], 140), circled(numbers) or "–", tokens)


def _touching_faults(history: History, txns: Mapping[int, Txn], clock: Clock) -> tuple[str, ...]:
    told = []
    for fault in history.faults:
        open_then = [f"T{row}" for row, txn in txns.items() if txn.start <= fault.end and fault.start <= txn.end]
        if open_then:
            verb = "was" if len(open_then) == 1 else "were"
            when = clock.between(fault.start, fault.end)
            told.append(f"{', '.join(open_then)} {verb} open across the fault {fault.name}, {when}.")
    return tuple(told)


def _left_out(group: AnomalyGroup, cycle: Markup | None, txns: int, operations: int, drawn: bool) -> tuple[str, ...]:
    anomaly = group.first
    if not drawn:
        return ("Told in words only: the page's drawings are spent on the anomalies above.",)
    said = []
    if cycle is None and anomaly.steps:
        said.append(f"A cycle of {len(anomaly.steps)} transactions is too large to draw; its steps are listed.")
    if len(anomaly.steps) > _STEPS_MAX:
        said.append(f"{len(anomaly.steps) - _STEPS_MAX} further steps are not listed.")
    if txns > _LANES_MAX:
        said.append(f"{txns - _LANES_MAX} further transactions have no lane.")
    if operations:
        said.append(f"{counted(operations, 'further operation')}, of later edges or none, not listed.")
    more = len(group.instances) - 1 - _INSTANCES_MAX
    if more > 0:
        said.append(f"{more} further instances are not listed.")
    return tuple(said)
