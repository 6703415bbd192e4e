"""From what was found to an `Anomaly`: each step of a cycle in one sentence that its reader can check.

A transaction is called T and its row. Every sentence is made from the operations that carry the edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checkers.catalogue import refutes
from checkers.findings import shown_element as shown
from checkers.graphs.cycles import Cycle, Link
from checkers.graphs.graph import KIND_NAMES, RW, RW_PREDICATE, WR, WW
from checkers.graphs.steps import order_step
from checkers.lists.observations import Observations
from checkers.lists.phenomena import Phenomenon
from harness.fingerprint import fingerprint, witness
from harness.level import Level
from harness.verdict import Anomaly, Step

__all__ = ["cycle_anomaly", "phenomenon_anomaly", "step_of"]

_NAMES_SHOWN = 24


def cycle_anomaly(seen: Observations, cycle: Cycle) -> Anomaly:
    """The anomaly of a cycle, with a step for each link."""
    steps = tuple(step_of(seen, link) for link in cycle.links)
    name = str(cycle.name)
    kinds = [step.kind for step in steps]
    rows = tuple(step.before for step in steps)
    return Anomaly(
        name=name,
        txns=rows,
        steps=steps,
        refutes=refutes(name),
        sentence=_headline(seen, steps),
        count=cycle.count,
        fingerprint=fingerprint(seen.history.info, name, kinds),
        witness=witness(name, [[one.kind, one.before, one.after, str(one.key), str(one.value)] for one in steps]),
    )


def _headline(seen: Observations, steps: tuple[Step, ...]) -> str:
    names = [f"T{step.before}" for step in steps]
    if len(names) > _NAMES_SHOWN:
        names[_NAMES_SHOWN // 2 : 1 - _NAMES_SHOWN // 2] = ["…"]
    circle = " → ".join((*names, names[0]))
    if len(steps) == 2 and all(step.kind == "rw" for step in steps):
        one, two = steps
        return (
            f"{names[0]} missed what {names[1]} appended to {shown(one.key)}, and {names[1]} missed what "
            f"{names[0]} appended to {shown(two.key)}: neither can come first."
        )
    return f"{len(steps)} transactions that each must come before the next: {circle}."


def step_of(seen: Observations, link: Link) -> Step:
    """The step of one edge, with the operations that show it."""
    before, after = f"T{link.source}", f"T{link.target}"
    key, value, why = None, None, ""
    if link.kind == WW:
        key, value, why = _why_overwritten(seen, link)
    elif link.kind in (WR, RW, RW_PREDICATE):
        key, value, why = (_why_read if link.kind == WR else _why_missed)(seen, link)
    else:
        return order_step(seen.history, link)
    sentence = f"{why}. So {before} comes before {after}."
    return Step(
        KIND_NAMES[link.kind], link.source, link.target, key, value, sentence, predicate=link.kind == RW_PREDICATE
    )


def _element(seen: Observations, append: int) -> Any:
    return seen.history.values[int(seen.history.op_value[seen.append_op[append]])]


def _order_shown(seen: Observations, key: int) -> str:
    """Which read shows the order of a key."""
    read = int(seen.read_of_order[key])
    if read < 0:
        return ""
    return f" (T{int(seen.read_row[read])} read {shown(seen.history.op(int(seen.read_op[read])).value)})"


def _why_overwritten(seen: Observations, link: Link) -> tuple[Any, Any, str]:
    if link.mark < -1:
        key = seen.history.keys[-2 - link.mark]
        return (
            key,
            None,
            f"no read shows whether T{link.source} or T{link.target} appended to {shown(key)} first; this is one of "
            "the orders, each of which has such a cycle",
        )
    key_number = int(seen.append_key[link.mark])
    key, element = seen.history.keys[key_number], _element(seen, link.mark)
    order = int(seen.list_first[seen.order_list[key_number]])
    place = int(seen.append_place[link.mark])
    unseen = place < 0
    last = int(seen.place_before[order + (int(seen.order_size[key_number]) if unseen else place) - 1])
    earlier = seen.history.values[int(seen.place_element[last])]
    manner = "no read shows it, so it came later" if unseen else "after it"
    return (
        key,
        element,
        f"T{link.source} appended {shown(earlier)} to {shown(key)}, T{link.target} appended {shown(element)}: "
        f"{manner}{_order_shown(seen, key_number)}",
    )


def _why_read(seen: Observations, link: Link) -> tuple[Any, Any, str]:
    op = seen.history.op(int(seen.read_op[link.mark]))
    last = seen.place_before[seen.list_first[seen.read_list[link.mark]] + seen.read_size[link.mark] - 1]
    element = seen.history.values[int(seen.place_element[last])]
    return (
        op.key,
        element,
        f"T{link.target} read {shown(op.key)} = {shown(op.value or [])} with {shown(element)}, "
        f"which T{link.source} appended",
    )


def _why_missed(seen: Observations, link: Link) -> tuple[Any, Any, str]:
    op = seen.history.op(int(seen.read_op[link.mark]))
    key_number = int(seen.read_key[link.mark])
    appends = seen.appends_of(key_number)
    appends = appends[seen.append_row[appends] == link.target]
    places = seen.append_place[appends]
    reach = int(seen.read_reach[link.mark])
    later = appends[(places < 0) | (places >= reach)]
    later = later[
        np.argsort(np.where(seen.append_place[later] < 0, len(seen.place_element), seen.append_place[later]))
    ]
    element = _element(seen, int(later[0]))
    return (
        op.key,
        element,
        f"T{link.source} read {shown(op.key)} = {shown(op.value or [])} without {shown(element)}, "
        f"which T{link.target} appended{_order_shown(seen, key_number)}",
    )


def phenomenon_anomaly(seen: Observations, found: Phenomenon, refuted: tuple[Level, ...]) -> Anomaly:
    """The anomaly of a phenomenon: no cycle, but the operations that contradict one another."""
    history = seen.history
    operations = [(f"T{int(seen.op_row[op])}", history.op(op)) for op in found.ops]
    details = tuple(
        f"{name} read {shown(op.key)} = {shown(op.value or [])}."
        if op.kind == "r"
        else f"{name} appended {shown(op.value)} to {shown(op.key)}."
        for name, op in operations
    )
    return Anomaly(
        name=found.name,
        txns=found.rows,
        steps=(),
        refutes=refuted,
        sentence=_SENTENCES[found.name + found.manner].format(
            key=shown(found.key),
            element=shown(found.element),
            reader=f"T{found.rows[-1]}",
            first=f"T{found.rows[0]}",
            second=f"T{found.rows[min(1, len(found.rows) - 1)]}",
        ),
        count=found.count,
        fingerprint=fingerprint(history.info, found.name, ()),
        witness=witness(found.name, [*found.rows, str(found.key), str(found.element)]),
        details=details,
    )


_SENTENCES = {
    "G1a": "{reader} read {element} in {key}, which {first} appended before it aborted.",
    "G1b": "{reader} read {key} up to {element}, which {first} itself followed with another append.",
    "dirty-update": "{second} appended to {key} behind {element}, which {first} appended before it aborted.",
    "internal": "{first} read {key} in a state that contradicts its own earlier operations.",
    "future-read": "{first} read its own append to {key} before it made it.",
    "duplicate-elements": "{first} read {key} with {element} twice, though it was appended once.",
    "incompatible-order": "{first} and {second} read {key} as two lists of which neither begins the other.",
    "incompatible-order of one transaction": "{reader} read {key} with {element}, and before it not what {first} "
    "had appended first.",
    "lost-update": "{first} and {second} read the same version of {key} and both appended to it.",
    "garbage-read": "{first} read {element} in {key}, which nobody appended.",
    "lost-append": "{first} had appended {element} to {key} and was acknowledged before {reader} began, "
    "which missed it.",
}
