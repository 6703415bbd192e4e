"""linearizable: the operations on each object take effect one by one, each at a moment of its own interval.

    T1 ── w x 1 ── acknowledged
    T2 ──────────────────────────── r x nothing        no order: T1 had ended, so x was 1

Herlihy & Wing 1990. Each object is judged by itself: in n log n where values tell what saw what, else by a search
with a budget, whose result is the same every time. A verdict about one object stands whatever is open about another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from checkers.findings import concurrency, findings, shown
from checkers.linearizability.calls import LINEARIZABLE, Object, objects_of
from checkers.linearizability.models import Call, observes
from checkers.linearizability.queues import decide_queue
from checkers.linearizability.ranks import decide_by_ranks
from checkers.linearizability.registers import decide_counter, decide_register
from checkers.linearizability.search import search
from checkers.linearizability.witness import not_linearizable
from harness.history import History
from harness.verdict import Doubt, Evidence, Findings

__all__ = ["NAME", "STEPS_MAX", "Judgement", "check_linearizability", "judged_objects"]

NAME: Final = "linearizable"
STEPS_MAX: Final = 5_000_000  # For all objects of a history together: some seconds.

_WAYS: Final = {
    "register": decide_register,
    "counter": decide_counter,
    "set": decide_by_ranks,
    "list": decide_by_ranks,
    "queue": decide_queue,
}
_CHANGES_NEEDED: Final = 10
_ANSWERS_NEEDED: Final = 10


class Judgement(NamedTuple):
    """What is known of one object: a linearization as `order`, or calls that have none as `core`, or neither.

    `passed` is how many of the core's ends a search went by; None where no search was needed.
    """

    judged: Object
    order: list[Call] | None
    core: list[Call]
    passed: int | None = None


def check_linearizability(history: History, *, steps_max: int = STEPS_MAX) -> Findings:
    """not-linearizable, for each object by itself; a witness for the one that takes the fewest calls to show it."""
    objects, doubts = objects_of(history)
    judgements = list(judged_objects(objects, steps_max))
    wrong = [one for one in judgements if one.core]
    open_ones = [one.judged for one in judgements if one.order is None and not one.core]
    found = findings(
        NAME,
        history,
        searched=("not-linearizable",),
        anomalies=[not_linearizable(history, [(one.judged, one.core, one.passed) for one in wrong])] if wrong else [],
        evidence=[
            concurrency(history),
            Evidence("changes acknowledged", _changes(objects), _CHANGES_NEEDED),
            Evidence("answers that an order has to explain", _answers(objects), _ANSWERS_NEEDED),
        ],
        doubts=[Doubt("evidence", f"the history is cut: {history.cut}")] if history.cut else [],
    )
    doubts += _not_searched(open_ones, steps_max)
    stats = {**found.stats, "objects": len(objects)}
    searched = () if doubts else found.searched
    return replace(found, doubts=(*found.doubts, *doubts), searched=searched, stats=stats)


def judged_objects(objects: list[Object], steps_max: int = STEPS_MAX) -> Iterator[Judgement]:
    """Each object judged, those with few calls first; searches take at most `steps_max` steps together."""
    left = steps_max
    for judged in sorted(objects, key=lambda one: len(one.calls)):
        way = _WAYS.get(judged.model.name)
        decided = None if way is None else way(judged.calls)
        if decided is not None:
            yield Judgement(judged, decided.order, decided.core)
            continue
        searched = search(judged.calls, judged.model, left)
        left = max(0, left - searched.steps)
        impossible = searched.order is None and not searched.spent
        yield Judgement(judged, searched.order, judged.calls if impossible else [], searched.passed)


def _changes(objects: list[Object]) -> int:
    return sum(call.required and not observes(call) for one in objects for call in one.calls)


def _answers(objects: list[Object]) -> int:
    return sum(call.required and (observes(call) or call.result is not None) for one in objects for call in one.calls)


def _not_searched(objects: list[Object], steps_max: int) -> Iterator[Doubt]:
    if objects:
        others = f" and {len(objects) - 1} more" if len(objects) > 1 else ""
        sentence = (
            f"the search for an order of the calls on {shown(objects[0].key)}{others} took over {steps_max} steps"
        )
        yield Doubt("budget", sentence, levels=(LINEARIZABLE,))
