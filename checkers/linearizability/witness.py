"""What shows that calls have no linearization: few of them, and the order that goes furthest.

Of such calls there is one, the stuck call, of the earliest end such that all that ended by then have no order either:
no order goes further than one of all that ended before. What began after its end does not matter.

A call that may take effect or not leaves at least the orders that it leaves as a required one; to leave out a call
that only observes does too. So the contradiction lies in the calls that cannot be weakened without an order coming
up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from typing import Any, Final, NamedTuple

from checkers.findings import anomaly, shown
from checkers.linearizability.calls import Object
from checkers.linearizability.models import FOREVER, Call, Model, observes
from checkers.linearizability.search import Searched, search
from checkers.linearizability.sentences import did, state_shown
from harness.history import UNSEEN, History
from harness.verdict import Anomaly

__all__ = ["Contradiction", "contradiction", "not_linearizable"]

# For making one witness small, and for each search to that end. What these leave is small, or stays as it is.
_STEPS_MAX: Final = 300_000
_STEPS_EACH_MAX: Final = 10_000
_STEPS_PER_CALL_MAX: Final = 20  # Beside these, for what has to look at all calls.
_RECENT_MIN: Final = 8
_STATES_MAX: Final = 100
_CALLS_TOLD_MAX: Final = 4


class Contradiction(NamedTuple):
    """`core`: calls that have no order, whichever of the `optional` ones take effect, and when; `stuck` ends last.

    Calls that had ended by `since` came before all of these, and it does not matter what they left. `order` is one of
    all calls that ended before `stuck` did (with some of the others), not only of the core; empty where the search
    for it took too long.
    """

    core: list[Call]
    optional: list[Call]
    stuck: Call
    order: list[Call]
    since: int | None


def contradiction(calls: Sequence[Call], model: Model, passed: int | None = None) -> Contradiction:
    """What contradicts in calls that have no linearization; a search has `passed` as many of their ends."""
    by_start = sorted(calls, key=lambda call: call.start)
    ends = sorted((call for call in by_start if call.required), key=lambda call: call.end)
    searching = _Searching(model, _STEPS_MAX + _STEPS_PER_CALL_MAX * len(calls))
    if passed is None:
        passed = searching.search(by_start).passed
    stuck = ends[passed] if model.grows is None else _stuck(searching, by_start, ends, passed)
    part = _Part([call for call in by_start if call.start <= stuck.end], ends[: ends.index(stuck)], [model.initial])
    order = searching.search(_weakened(part.begun, part.before)).order
    part = _recent(searching, part, stuck)
    core = _minimised(searching, part, stuck)
    optional = [call for call in _weakened(part.begun, core) if not call.required]
    return Contradiction([call for call in part.begun if call in core], optional, stuck, order or [], part.since)


class _Part(NamedTuple):
    """Calls that have no order from any of the `initial` states: those that had `begun`, and of these, the required
    ones that ended `before` the stuck call."""

    begun: list[Call]
    before: list[Call]
    initial: list[Any]
    since: int | None = None


class _Searching:
    """Searches that share a budget."""

    def __init__(self, model: Model, steps_max: int) -> None:
        self.model = model
        self.left = steps_max

    def search(self, calls: Sequence[Call], initial: Any = UNSEEN, steps_max: int | None = None) -> Searched:
        """Search from the state at first, or from another one."""
        model = self.model if initial is UNSEEN else self.model._replace(initial=initial)
        searched = search(calls, model, self.left if steps_max is None else min(self.left, steps_max))
        self.left = max(0, self.left - searched.steps - len(calls))
        return searched

    def is_impossible(self, calls: Sequence[Call], initial: Sequence[Any], steps_max: int | None = None) -> bool:
        """Whether these calls surely have no order from any of these states."""
        searches = (self.search(calls, state, steps_max) for state in initial)
        return all(one.order is None and not one.spent for one in searches)


def _weakened(calls: Sequence[Call], required: Collection[Call]) -> list[Call]:
    """The calls, but of those that are not `required` any may also not take effect, or later than it ended."""
    kept = set(required)
    return [
        call if call in kept else call._replace(end=FOREVER, required=False)
        for call in calls
        if call in kept or not observes(call)
    ]


def _stuck(searching: _Searching, by_start: Sequence[Call], ends: Sequence[Call], passed: int) -> Call:
    """The first call in the order of `ends` with which all calls until then surely have no order.

    Later than that where the budget does not tell of an earlier one.
    """

    def is_impossible(number: int) -> bool:
        begun = [call for call in by_start if call.start <= ends[number].end]
        return searching.is_impossible(_weakened(begun, ends[: number + 1]), [searching.model.initial])

    low, high = passed, len(ends) - 1
    if low < high and is_impossible(low):
        return ends[low]
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_impossible(middle) else (middle + 1, high)
    return ends[high]


def _recent(searching: _Searching, part: _Part, stuck: Call) -> _Part:
    """The last calls alone, if they have no order whatever those before them left.

    All that had ended by some moment comes before all that began later, so the moment must be before the stuck call
    began. What was going on at that moment may come before as well.
    """
    states, size = searching.model.states, _RECENT_MIN
    while states is not None and size < len(part.before) and searching.left:
        since = part.before[-size - 1].end
        begun = [call for call in part.begun if call.end > since]
        before = [call for call in part.before[-size:] if call.start > since]
        initial = states(begun)
        steps_max = len(begun) * _STEPS_PER_CALL_MAX + _STEPS_EACH_MAX
        told = since < stuck.start and 0 < len(initial) <= _STATES_MAX
        if told and searching.is_impossible(_weakened(begun, [*before, stuck]), initial, steps_max):
            return _Part(begun, before, initial, since)
        size *= 2
    return part


def _minimised(searching: _Searching, part: _Part, stuck: Call) -> set[Call]:
    """Calls that contradict although all others are weakened: half of them at a time, then fewer, then each."""
    kept = list(part.before)
    size = (len(kept) + 1) // 2
    while size:
        place = 0
        while place < len(kept) and searching.left:
            fewer = kept[:place] + kept[place + size :]
            if searching.is_impossible(_weakened(part.begun, [*fewer, stuck]), part.initial, _STEPS_EACH_MAX):
                kept = fewer
            else:
                place += size
        size //= 2
    return {*kept, stuck}


def not_linearizable(history: History, wrong: Sequence[tuple[Object, list[Call], int | None]]) -> Anomaly:
    """The anomaly of all objects whose calls have no linearization; its witness is of the one with fewest calls."""
    judged, calls, passed = min(wrong, key=lambda one: len(one[1]))
    found = contradiction(calls, judged.model, passed)
    key, stuck = judged.key, found.stuck
    elements = [call.argument for call in found.core if call.kind == "append"]
    told = {call: did(history, key, call, elements) for call in found.core}
    others = [
        f"T{call.row} {words}{' and had ended before that began' if call.end < stuck.start else ''}"
        for call, words in told.items()
        if call is not stuck
    ]
    more = [f"{len(others) - _CALLS_TOLD_MAX} more"] if len(others) > _CALLS_TOLD_MAX else []
    given = ", and ".join([*others[-_CALLS_TOLD_MAX:], *more])
    sentence = f"No order of the calls on {shown(key)} explains that T{stuck.row} {told[stuck]}"
    sentence += f", given that {given}." if given else ", whichever of those that had begun by its end took effect."
    return anomaly(
        history,
        "not-linearizable",
        [call.row for call in found.core],
        sentence,
        seen=(key, *told.values()),
        count=len(wrong),
        details=_details(history, judged, found, told),
    )


def _details(history: History, judged: Object, found: Contradiction, told: dict[Call, str]) -> list[str]:
    """The calls one by one, the order of all that ended before, and what was tried beside them."""
    details = []
    for call, words in told.items():
        when = f"from {call.start} on" if call.end == FOREVER else f"within [{call.start}, {call.end}]"
        details.append(f"T{call.row} {words}, at a moment {when}.")
    if found.order:
        last = [f"T{call.row} {did(history, judged.key, call)}" for call in found.order[-_CALLS_TOLD_MAX:]]
        before = f"{len(found.order) - len(last)} before, then " if len(found.order) > len(last) else ""
        state = state_shown(reduce(judged.model.step, found.order, judged.model.initial))
        details.append(
            f"The longest order without T{found.stuck.row}: {before}{', '.join(last)}; {shown(judged.key)} is then "
            f"{state}."
        )
    if found.since is not None:
        details.append(f"It makes no difference what the calls left that had ended by {found.since}.")
    if found.optional:
        rows = ", ".join(f"T{call.row}" for call in found.optional[:_CALLS_TOLD_MAX])
        more = f" and {len(found.optional) - _CALLS_TOLD_MAX} more" if len(found.optional) > _CALLS_TOLD_MAX else ""
        details.append(f"It makes no difference whether and when {rows}{more} took effect.")
    return details
