"""A contradiction told: steps around a circle, and for each either/or why neither order is possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from checkers.findings import anomaly, shown
from checkers.registers import initial_row
from checkers.rw_register.contradiction import NOBODY, Edge, Observation, circle_of, edges_of, known_edges
from checkers.rw_register.forms import Form, Kind
from harness.history import History
from harness.verdict import Anomaly, Step

__all__ = ["told"]

_SENTENCES_MAX = 60
_SUFFIX = {"session": "-process", "realtime": "-realtime"}
_FORBIDDEN = {
    Kind.SERIAL: "a circle",
    Kind.SNAPSHOT: "a circle in which no two missed writes follow one another",
    Kind.PARALLEL: "a circle with at most one missed write",
}
_LACKING = {
    Kind.SERIAL: "No serial order explains what they saw",
    Kind.SNAPSHOT: "No order of commits gives each of them a snapshot that explains what it saw",
    Kind.PARALLEL: "No order of versions gives each of them a snapshot that explains what it saw",
}


@dataclass
class _Case:
    """A moment of the argument: what is settled, what is open, and how deep in the either/ors it stands."""

    edges: list[Edge]
    open: list[Observation]
    depth: int = 0
    opening: str = ""
    closing: list[Edge] = field(default_factory=list)


def told(history: History, form: Form, those: Sequence[Observation]) -> Anomaly:
    """The anomaly that a contradiction of these observations is. It is named by the order that is needed.

    Its sentence names whoever the argument needs; its transactions are those of the circle, where there is one.
    """
    kinds = {one.kind for one in those}
    suffix = next((_SUFFIX[kind] for kind in ("realtime", "session") if kind in kinds), "")
    sentences, circles, branches = _argued(history, form, those)
    steps = [_step(history, edge) for edge in circles[-1]] if branches == 0 else []
    argued = sorted({row for one in those for row in (one.one, one.two)} - {NOBODY})
    rows = [step.before for step in steps] or argued
    names = ", ".join(f"T{row}" for row in argued[:12]) + (
        f" and {len(argued) - 12} more" if len(argued) > 12 else ""
    )
    # A circle of what is known from the start is told by its steps alone.
    details = sentences if branches or len(sentences) > len(steps) + 1 else []
    return anomaly(
        history,
        form.anomaly + suffix,
        rows,
        f"{_LACKING[form.kind]}: {names}.",
        steps=steps,
        seen=[(one.kind, one.one, one.two, str(_key(history, one.key))) for one in those],
        details=details,
    )


def _argued(history: History, form: Form, those: Sequence[Observation]) -> tuple[list[str], list[list[Edge]], int]:
    """The argument in sentences, its circles, and how many either/ors it has that nothing decides."""
    pairs = [one for one in those if one.kind == "written" and one.one != NOBODY]
    cases = [_Case(known_edges(those), pairs)]
    sentences: list[str] = []
    circles: list[list[Edge]] = []
    branches = 0
    while cases and len(sentences) < _SENTENCES_MAX:
        case = cases.pop()
        indent = "  " * case.depth
        if case.opening:
            sentences.append(indent + case.opening)
        circle = _follow(history, form, those, case, sentences)
        if circle is not None:
            circles.append(circle)
            sentences.append(f"{indent}So there is {_FORBIDDEN[form.kind]}: {_around(circle)}.")
            sentences += [f"{indent}{_why(history, edge)}." for edge in circle]
            continue
        branches += 1
        pair, *rest = case.open
        for first, word in ((pair.two, "Or"), (pair.one, "Either")):
            second = pair.one if first == pair.two else pair.two
            opening = f"{word} T{first} wrote {shown(_key(history, pair.key))} before T{second}:"
            edges = [*case.edges, *edges_of(pair, first, those)]
            cases.append(_Case(edges, rest, case.depth + 1, opening))
    if cases:
        sentences.append(f"({len(cases)} more cases end in the same way)")
    return sentences, circles, branches


def _follow(
    history: History, form: Form, those: Sequence[Observation], case: _Case, sentences: list[str]
) -> list[Edge] | None:
    """Settle every either/or of which one order closes a circle at once. Returns the circle where both do."""
    indent = "  " * case.depth
    while True:
        circle = circle_of(case.edges, form.kind)
        if circle is not None:
            return [case.edges[place] for place in circle]
        for pair in case.open:
            forced = _forced(form, those, case, pair)
            if forced is not None:
                first, circle_edges = forced
                second = pair.one if first == pair.two else pair.two
                sentences.append(
                    f"{indent}T{first} wrote {shown(_key(history, pair.key))} before T{second}, "
                    f"since otherwise {_around(circle_edges)} would be {_FORBIDDEN[form.kind]}: "
                    + "; ".join(_why(history, edge) for edge in circle_edges)
                    + "."
                )
                case.open = [one for one in case.open if one != pair]
                case.edges += edges_of(pair, first, those)
                break
        else:
            return None


def _forced(
    form: Form, those: Sequence[Observation], case: _Case, pair: Observation
) -> tuple[int, list[Edge]] | None:
    for first, second in ((pair.one, pair.two), (pair.two, pair.one)):
        edges = [*case.edges, *edges_of(pair, second, those)]
        circle = circle_of(edges, form.kind)
        if circle is not None:
            return first, [edges[place] for place in circle]
    return None


def _around(circle: Sequence[Edge]) -> str:
    return " → ".join(f"T{edge.before}" for edge in (*circle, circle[0]))


def _key(history: History, key: int) -> Any:
    return history.keys[key] if key >= 0 else None


def _written(history: History, row: int, key: int) -> Any:
    """The last value that a row wrote to a key."""
    for op in reversed(history.txn(row).ops):
        if op.kind == "w" and op.key == history.keys[key]:
            return op.value
    return None


def _why(history: History, edge: Edge) -> str:
    before, after = f"T{edge.before}", f"T{edge.after}"
    if edge.kind == "session":
        return f"client {int(history.client[edge.before])} ran {before} before {after}"
    if edge.kind == "realtime":
        return f"{before} had ended before {after} began"
    key = shown(_key(history, edge.key))
    new = shown(_written(history, edge.after, edge.key))
    if edge.kind == "wr":
        return f"{after} read {key} as {shown(_written(history, edge.before, edge.key))}, which {before} wrote"
    if edge.kind == "ww":
        return f"{before} wrote {key} before {after} wrote {new}"
    source = edge.because[1].two if edge.because[1].two != NOBODY else initial_row(history)
    old = None if source == NOBODY else _written(history, source, edge.key)
    by = "" if source == NOBODY else f" of T{source}"
    return f"{before} read {key} as {shown(old)}{by}, which {after} replaced by {new}"


def _step(history: History, edge: Edge) -> Step:
    key = _key(history, edge.key)
    value = None
    if edge.key >= 0:
        value = _written(history, edge.before if edge.kind == "wr" else edge.after, edge.key)
    sentence = f"{_why(history, edge)}. So T{edge.before} comes before T{edge.after}."
    return Step(edge.kind, edge.before, edge.after, key, value, sentence)
