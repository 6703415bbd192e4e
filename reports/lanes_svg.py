"""The transactions of one witness in time: a bar each, in the order of their starts, faults as bands behind.

Coordinates are shares of the width, so the drawing stretches with the page while its text keeps its size; each
label has a line of its own above its bar and cannot run into another.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from harness.history import Fault, Status, Txn
from reports.clock import Clock
from reports.svg import percent, tag

__all__ = ["axis", "bands", "lanes_svg"]

_LANE = 48
_TOP = 20


def lanes_svg(txns: Iterable[Txn], faults: Iterable[Fault], clock: Clock, name: str) -> Markup:
    """The lanes of `txns`. `clock` is the whole history's; the drawing zooms to these transactions."""
    rows = sorted(txns, key=lambda txn: (txn.start, txn.id))
    zoom = clock.within(min(txn.start for txn in rows), max(min(txn.end, max(clock.high, txn.start)) for txn in rows))
    bottom = _TOP + _LANE * len(rows)
    title = "In time: " + ", ".join(f"T{txn.id}" for txn in rows)
    said = "; ".join(_label(txn, zoom) for txn in rows)
    return tag(
        "svg",
        tag("title", title, id=f"{name}-lanes"),
        tag("desc", said, id=f"{name}-lanes-desc"),
        *bands(faults, zoom, bottom),
        *axis(zoom, _TOP - 4, bottom),
        *(_lane(txn, zoom, place) for place, txn in enumerate(rows)),
        width="100%",
        height=str(bottom + 22),
        class_="zoom",
        role="img",
        aria_labelledby=f"{name}-lanes {name}-lanes-desc",
    )


def _lane(txn: Txn, zoom: Clock, place: int) -> Markup:
    y = _TOP + _LANE * place
    left, right = zoom.share(txn.start), zoom.share(txn.end)
    kind = {Status.OK: "ok", Status.ABORTED: "ab", Status.UNKNOWN: "un"}[txn.status]
    return tag(
        "g",
        tag("text", _label(txn, zoom), x=0, y=y + 15),
        tag("rect", x=percent(left), width=percent(right - left), y=y + 22, height=18, rx=2, class_=kind),
        data_k=f"t{txn.id}",
        data_h=f"t{txn.id}",
    )


def _label(txn: Txn, clock: Clock) -> str:
    fate = {Status.OK: "", Status.ABORTED: " · aborted", Status.UNKNOWN: " · unknown"}[txn.status]
    return f"T{txn.id} · client {txn.client}{fate} · {clock.between(txn.start, txn.end)}"


def bands(faults: Iterable[Fault], clock: Clock, bottom: float) -> list[Markup]:
    """Faults as bands over the whole height, named at the top where the band begins."""
    drawn = []
    for fault in faults:
        if fault.end < clock.low or fault.start > clock.high:
            continue
        left, right = clock.share(fault.start), clock.share(fault.end)
        drawn.append(
            tag("rect", class_="band", x=percent(left), width=percent(right - left), y=0, height=bottom, rx=0)
        )
        anchor = {"text_anchor": "end", "dx": "-4"} if left > 0.7 else {"dx": "4"}
        drawn.append(tag("text", fault.name[:24], class_="q", x=percent(left), y=13, **anchor))
    return drawn


def axis(clock: Clock, top: float, bottom: float) -> list[Markup]:
    """Hairlines at round moments, labelled below."""
    drawn = []
    for time, label in clock.ticks():
        share = clock.share(time)
        anchor = "start" if share < 0.06 else "end" if share > 0.94 else "middle"
        drawn.append(tag("line", class_="axis", x1=percent(share), x2=percent(share), y1=top, y2=bottom))
        drawn.append(tag("text", label, class_="q", x=percent(share), y=bottom + 15, text_anchor=anchor))
    return drawn
