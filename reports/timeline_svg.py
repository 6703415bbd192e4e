"""Every transaction of a run over time, by client: bars up to OPERATIONS_MAX operations, beyond that their density.

The density is counted from the columns alone, a path for each row, so a million transactions cost as much to
draw as a thousand. Neither drawing leaves a transaction out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from harness.history import History, Int64s, Status
from reports.clock import Clock
from reports.lanes_svg import axis, bands
from reports.svg import number, percent, tag
from reports.values import counted, show_op

__all__ = ["OPERATIONS_MAX", "Timeline", "timeline"]

OPERATIONS_MAX = 2_000
_CLIENTS_MAX = 64  # As bars; more clients than this are drawn as density.
_ROWS_MAX = 32  # Of density: neighbouring clients share a row where there are more.
_BUCKETS = 160
_MARKS_MAX = 400
_ROW = 30
_TOP = 22


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """`labels` stand left of the drawing, one for each row of `row_height` pixels from `top` on."""

    drawing: Markup
    labels: tuple[str, ...]
    note: str
    bars: bool
    top: int = _TOP
    row_height: int = _ROW


def timeline(history: History, marked: Mapping[int, str], clock: Clock, *, bars: bool, name: str) -> Timeline:
    """The drawing; `marked` maps rows of anomalous transactions to the anchor that explains them.

    `bars` allows bars; they are drawn only where there are at most OPERATIONS_MAX operations.
    """
    clients = np.unique(history.client).astype(np.int64)
    bars = bars and len(history.op_kind) <= OPERATIONS_MAX and len(clients) <= _CLIENTS_MAX
    draw = _bars if bars else _density
    rows, labels, note = draw(history, clients, marked, clock)
    bottom = _TOP + _ROW * max(1, len(labels))
    drawing = tag(
        "svg",
        tag("title", f"Transactions by client over time: {len(history)} transactions", id=f"{name}-time"),
        tag("desc", note, id=f"{name}-time-desc"),
        *bands(history.faults, clock, bottom),
        *axis(clock, _TOP - 6, bottom),
        *rows,
        width="100%",
        height=str(bottom + 22),
        class_="bars" if bars else "dense",
        role="group",
        aria_labelledby=f"{name}-time {name}-time-desc",
    )
    return Timeline(drawing=drawing, labels=labels, note=note, bars=bars)


def _bars(
    history: History, clients: Int64s, marked: Mapping[int, str], clock: Clock
) -> tuple[list[Markup], tuple[str, ...], str]:
    rows = []
    for place, client in enumerate(clients.tolist()):
        own = [_bar(history, row, marked, clock) for row in np.flatnonzero(history.client == client).tolist()]
        rows.append(tag("g", *own, transform=f"translate(0 {_TOP + _ROW * place})"))
    note = f"All {counted(len(history), 'transaction')}, a bar each. {_shown_marks(marked)}"
    return rows, tuple(str(client) for client in clients.tolist()), note


def _bar(history: History, row: int, marked: Mapping[int, str], clock: Clock) -> Markup:
    txn = history.txn(row)
    left, right = clock.share(txn.start), clock.share(txn.end)
    kind = {Status.OK: "ok", Status.ABORTED: "ab", Status.UNKNOWN: "un"}[txn.status]
    ops = ", ".join(show_op(op, 32, False) for op in txn.ops[:4]) + (", …" if len(txn.ops) > 4 else "")
    fate = {"ok": "committed", "ab": "aborted", "un": "unknown"}[kind]
    told = tag("title", f"T{row} · {clock.between(txn.start, txn.end)} · {fate} · {ops}")
    anchor = marked.get(row)
    bar = tag(
        "rect",
        told,
        class_=kind if anchor is None else f"{kind} bad",
        x=percent(left),
        width=percent(right - left),
        y=9,
        height=15,
    )
    if anchor is None:
        return bar
    return tag("a", bar, *_mark((left + right) / 2), href=f"#{anchor}", aria_label=f"T{row}, in an anomaly")


def _mark(share: float) -> tuple[Markup, ...]:
    """A triangle above the bar: colour is never the only sign."""
    return (tag("svg", tag("path", class_="mark", d="M-4.5 0h9l-4.5 6z"), x=percent(share), y=1, overflow="visible"),)


def _shown_marks(marked: Mapping[int, str]) -> str:
    if not marked:
        return "None of them is part of an anomaly shown here."
    return f"{len(marked)} of them are part of an anomaly shown here, marked by a triangle."


def _density(
    history: History, clients: Int64s, marked: Mapping[int, str], clock: Clock
) -> tuple[list[Markup], tuple[str, ...], str]:
    per_row = max(1, -(-len(clients) // _ROWS_MAX))
    rows_count = max(1, -(-len(clients) // per_row))
    row_of = np.searchsorted(clients, history.client) // per_row
    width = (clock.high - clock.low) / _BUCKETS
    bucket = np.clip(((history.start - clock.low) / width).astype(np.int64), 0, _BUCKETS - 1)
    cell = row_of * _BUCKETS + bucket
    every = np.bincount(cell, minlength=rows_count * _BUCKETS).reshape(rows_count, _BUCKETS)
    failed = np.bincount(cell[history.status != Status.OK], minlength=rows_count * _BUCKETS).reshape(
        rows_count, _BUCKETS
    )
    full = _full_height(every)
    rows = [_density_row(every[place], failed[place], full, place) for place in range(rows_count)]
    shown = list(marked.items())[:_MARKS_MAX]
    for row, anchor in shown:
        mark = tag(
            "g",
            *_mark(clock.share(int(history.start[row]))),
            transform=f"translate(0 {_TOP + _ROW * int(row_of[row])})",
        )
        rows.append(tag("a", mark, href=f"#{anchor}", aria_label=f"T{row}, in an anomaly"))
    labels = tuple(
        str(group[0]) if len(group) == 1 else f"{group[0]}–{group[-1]}"
        for group in (clients[at : at + per_row].tolist() for at in range(0, len(clients), per_row))
    )
    note = (
        f"All {len(history)} transactions with {len(history.op_kind)} operations, as density and not a bar each: the "
        f"height is the number that began in each {_BUCKETS}th of the time, "
        f"full at {full}{_peak(every, full)}. "
        + _shown_marks(marked)
        + (f" The first {_MARKS_MAX} of these have a mark." if len(marked) > _MARKS_MAX else "")
    )
    return rows, labels, note


def _full_height(every: Int64s) -> int:
    """The count drawn as high as the row: one burst, such as a set-up, must not flatten everything else."""
    some = every[every > 0]
    return int(np.quantile(some, 0.99, method="higher")) if len(some) else 1


def _peak(every: Int64s, full: int) -> str:
    most = int(every.max(initial=0))
    return f", cut where it is more, which is {most} at the most" if most > full else ""


def _density_row(every: Int64s, failed: Int64s, full: int, place: int) -> Markup:
    inner = [tag("path", class_="ok", d=_steps(every, full))]
    if failed.any():
        inner.append(tag("path", class_="un", d=_steps(failed, full)))
    return tag(
        "svg",
        *inner,
        viewBox=f"0 0 {_BUCKETS} 20",
        preserveAspectRatio="none",
        x="0",
        y=_TOP + _ROW * place + 8,
        width="100%",
        height="20",
    )


def _steps(counts: Int64s, full: int) -> str:
    """A filled outline; neighbouring buckets of one height are one piece."""
    path = ["M0 20"]
    last = ""
    for place, count in enumerate(counts.tolist()):
        height = number(20 - (min(20.0, max(1.0, 20 * count / full)) if count else 0))
        if height != last:
            path.append(f"H{place}V{height}")
            last = height
    return "".join(path) + f"H{len(counts)}V20z"
