"""A cycle as a drawing: transactions as cards with their operations, an arrow for each step.

Up to four cards stand in one column, larger cycles go down the right column and up the left one, so labels stay
level and never lie on one another:

    ┌──┐ ╮        ┌1┐→┌2┐
    └──┘ │ 1      ↑     ↓
  2 │┌──┐╯        ┌5┐   ┌3┐
    ╰└──┘            ↖┌4┘
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.history import Status, Txn
from harness.verdict import Anomaly, Step
from reports.carried import Marks, circled
from reports.svg import number, tag
from reports.values import show, show_op, visible

__all__ = ["DRAWN_MAX", "cycle_svg"]

DRAWN_MAX = 12
_WIDTH = 420
_COLUMN_MAX = 4
_LINE = 19
_LETTER = 7.9  # Width of a 13 px monospaced letter.


@dataclass(frozen=True, kw_only=True)
class _Card:
    """One transaction and where it stands."""

    row: int
    x: float
    y: float
    width: float
    lines: tuple[tuple[str, str], ...]

    @property
    def height(self) -> float:
        return 34 + _LINE * len(self.lines)

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def cycle_svg(txns: dict[int, Txn], anomaly: Anomaly, marks: Marks, name: str) -> Markup | None:
    """The drawing of a cycle of 2 to DRAWN_MAX transactions, _WIDTH wide; None where there is nothing to draw.

    `name` makes the ids on the page unique.
    """
    order = [step.before for step in anomaly.steps]
    if not 2 <= len(order) <= DRAWN_MAX or any(row not in txns for row in order):
        return None
    column = len(order) <= _COLUMN_MAX
    cards = _column(order, txns, marks) if column else _ring(order, txns, marks)
    height = max(card.y + card.height for card in cards) + 8
    edges = [
        _edge(cards, place, step, (_column_path if column else _ring_path)(cards, place), name)
        for place, step in enumerate(anomaly.steps)
    ]
    round_trip = " → ".join(f"T{row}" for row in (*order, order[0]))
    said = "; ".join(_spoken(place, step) for place, step in enumerate(anomaly.steps, 1))
    return tag(
        "svg",
        tag("title", f"Cycle: {round_trip}", id=f"{name}-title"),
        tag("desc", said, id=f"{name}-desc"),
        *edges,
        *(_card(card, txns[card.row], anomaly.steps) for card in cards),
        viewBox=f"0 0 {_WIDTH} {number(height)}",
        width=str(_WIDTH),
        class_="cycle",
        role="group",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def _column(order: list[int], txns: dict[int, Txn], marks: Marks) -> list[_Card]:
    cards: list[_Card] = []
    y = 8.0
    for row in order:
        card = _Card(row=row, x=92, y=y, width=236, lines=_lines(txns[row], marks, 27, 7))
        cards.append(card)
        y += card.height + (46 if len(order) == 2 else 38)
    return cards


def _ring(order: list[int], txns: dict[int, Txn], marks: Marks) -> list[_Card]:
    """The first half stands in the right column going down, the rest in the left column going up."""
    right = (len(order) + 1) // 2
    lines = [_lines(txns[row], marks, 17, 3) for row in order]
    pitch = 34 + _LINE * max(len(one) for one in lines) + 64
    cards = []
    for place, row in enumerate(order):
        if place < right:
            x, y = 262.0, 8.0 + place * pitch
        else:
            left = len(order) - right
            step = (right - 1) * pitch / max(1, left - 1)
            x, y = 2.0, 8.0 + (left - 1 - (place - right)) * step
        cards.append(_Card(row=row, x=x, y=y, width=156, lines=lines[place]))
    return cards


def _lines(txn: Txn, marks: Marks, letters: int, lines_max: int) -> tuple[tuple[str, str], ...]:
    """(operation, marks): those that carry an edge first of all, others where there is room."""
    carrying = [place for place in range(len(txn.ops)) if (txn.id, place) in marks]
    others = [place for place in range(len(txn.ops)) if (txn.id, place) not in marks]
    room = max(0, lines_max - len(carrying))
    if len(others) > room:
        room = max(0, room - 1)
    shown = sorted(carrying[:lines_max] + others[:room])
    lines = []
    for place in shown:
        mark = circled(marks.get((txn.id, place), ()))
        room = letters - _letters_of(mark) - 1
        text = show_op(txn.ops[place], room, False)
        lines.append((text if len(text) <= room + 2 else text[: room + 1] + "…", mark))
    if left_out := len(txn.ops) - len(shown):
        lines.append((f"… {left_out} more", ""))
    return tuple(lines)


def _letters_of(mark: str) -> int:
    """How many letters wide a mark is: a circled number takes the place of two."""
    return sum(1 if letter.isascii() else 2 for letter in mark)


def _card(card: _Card, txn: Txn, steps: tuple[Step, ...]) -> Markup:
    touching = " ".join(f"e{place}" for place, step in enumerate(steps, 1) if txn.id in {step.before, step.after})
    left, right = card.x + 10, card.x + card.width - 10
    fate = {Status.OK: "", Status.ABORTED: " aborted", Status.UNKNOWN: " unknown"}[txn.status]
    parts = [
        tag("rect", class_="card", x=card.x, y=card.y, width=card.width, height=card.height, rx=4),
        tag("text", f"T{txn.id}{fate}", class_="b", x=left, y=card.y + 21),
        tag("text", f"client {txn.client}", class_="q", x=right, y=card.y + 21, text_anchor="end"),
    ]
    for place, (text, mark) in enumerate(card.lines):
        y = card.y + 42 + _LINE * place
        room = card.width - 20 - 7 * _letters_of(mark)
        parts.append(
            tag("text", text, class_="m b" if mark else "m q", x=left, y=y, **_squeezed(text, room, _LETTER))
        )
        if mark:
            parts.append(tag("text", mark, class_="m b", x=right, y=y, text_anchor="end"))
    return tag(
        "g",
        *parts,
        tabindex="0",
        role="img",
        aria_label=f"transaction T{txn.id}, client {txn.client}",
        data_k=f"t{txn.id}",
        data_h=f"t{txn.id} {touching}",
    )


def _squeezed(text: str, room: float, letter: float) -> dict[str, str]:
    """Attributes that press a text into its room, where fonts or long names would let it run out."""
    if len(text) * letter <= room:
        return {}
    return {"textLength": number(room), "lengthAdjust": "spacingAndGlyphs"}


def _column_path(cards: list[_Card], place: int) -> tuple[str, float, float]:
    """From a card to the one below on the right side; from the last back to the first on the left side."""
    this, after = cards[place], cards[(place + 1) % len(cards)]
    if place < len(cards) - 1:
        x, out = this.x + this.width, 64.0
        start, end = this.middle + (10 if place else 0), after.middle - (10 if place < len(cards) - 2 else 0)
        tip = x + 4
    else:
        x, out = this.x, -64.0
        start, end = this.middle, after.middle
        tip = x - 4
    bend = x + out
    y1, y2 = number(start), number(end)
    path = f"M{number(x)} {y1}C{number(bend)} {y1} {number(bend)} {y2} {number(tip)} {y2}"
    return path, x + out * 0.75, (start + end) / 2


def _ring_path(cards: list[_Card], place: int) -> tuple[str, float, float]:
    """A straight line between neighbours, from side to side or from top to bottom."""
    this, after = cards[place], cards[(place + 1) % len(cards)]
    if this.x != after.x:
        right = this.x > after.x
        x1, x2 = (this.x, after.x + after.width + 4) if right else (this.x + this.width, after.x - 4)
        y1, y2 = this.middle, after.middle
    else:
        down = after.y > this.y
        x1 = x2 = this.x + this.width / 2
        y1, y2 = (this.y + this.height, after.y - 4) if down else (this.y, after.y + after.height + 4)
    path = f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}"
    return path, (x1 + x2) / 2, (y1 + y2) / 2


def _edge(cards: list[_Card], place: int, step: Step, path: tuple[str, float, float], name: str) -> Markup:
    line, x, y = path
    kind = step.kind if step.kind in {"ww", "wr", "rw"} else "order"
    first = f"{place + 1} {step.kind}"
    second = "" if kind == "order" else _brief(step.key)
    width = max(len(first), len(second)) * 7.3 + 12
    x = min(max(x, width / 2 + 1), _WIDTH - width / 2 - 1)
    height = 36 if second else 22
    pill = [
        tag("rect", class_="pill", x=x - width / 2, y=y - height / 2, width=width, height=height, rx=11),
        tag("text", first, class_="l b", x=x, y=y - 3 if second else y + 4, text_anchor="middle"),
    ]
    if second:
        pill.append(
            tag("text", second, class_="l", x=x, y=y + 12, text_anchor="middle", **_squeezed(second, width - 10, 7.3))
        )
    return tag(
        "g",
        tag("path", class_="hit", d=line),
        tag("path", d=line, marker_end=f"url(#m-{kind})"),
        *pill,
        class_=f"e {kind}",
        id=f"{name}-e{place + 1}",
        tabindex="0",
        role="img",
        aria_label=_spoken(place + 1, step),
        data_k=f"e{place + 1}",
        data_h=f"e{place + 1} t{step.before} t{step.after}",
    )


def _brief(key: Any) -> str:
    """The two ends of a key that is too long for a label; the proof beside it has more."""
    text = key if isinstance(key, str) else show(key, 24, False)
    return visible(text if len(text) <= 10 else f"{text[:5]}…{text[-4:]}")[:11]


def _spoken(place: int, step: Step) -> str:
    on = "" if step.key is None else f" on {show(step.key, 24)}"
    return f"edge {place}: T{step.before} {step.kind} T{step.after}{on}{' (range read)' if step.predicate else ''}"
