"""Latency quantiles and throughput over time, and the little charts that show them.

Windows are equal shares of the run and count a transaction where it ended; a window in which nothing committed
has no latency, and the line has a gap there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from harness.history import Fault, History, Int64s, Status
from reports.clock import Clock
from reports.lanes_svg import axis, bands
from reports.svg import number, tag

__all__ = ["Series", "chart", "quantiles", "series"]

Floats = npt.NDArray[np.float64]

_WINDOWS_MAX = 60
_PER_WINDOW = 5
_HEIGHT = 84
_TOP = 18


@dataclass(frozen=True, kw_only=True)
class Series:
    """One quantity per window, NaN where there is none. `name` and `unit` are for people."""

    name: str
    unit: str
    values: Floats
    note: str


def series(history: History, clock: Clock) -> tuple[Series, ...]:
    """Latency (median, 95th percentile) of committed transactions in ms, and how many ended a second.

    Empty where the clock is not real time or nothing ended.
    """
    ended = history.status != Status.UNKNOWN
    if not clock.real or not ended.any():
        return ()
    count = int(min(_WINDOWS_MAX, max(1, int(ended.sum()) // _PER_WINDOW)))
    width = (clock.high - clock.low) / count
    window = np.clip(((history.end - clock.low) / width).astype(np.int64), 0, count - 1)
    ok = history.status == Status.OK
    latency = (history.end - history.start)[ok] / 1e6
    middle, high = _quantiles_by_window(latency, window[ok], count, (0.5, 0.95))
    seconds = width / 1e9
    committed = np.bincount(window[ok], minlength=count) / seconds
    failed_at = np.clip(((np.minimum(history.end, clock.high) - clock.low) / width).astype(np.int64), 0, count - 1)
    failed = np.bincount(failed_at[~ok], minlength=count) / seconds
    each = f"{count} window{'s' if count > 1 else ''} of {width / clock.scale:.3g} {clock.unit}"
    return (
        Series(name="Latency, median", unit="ms", values=middle, note=each),
        Series(name="Latency, 95th percentile", unit="ms", values=high, note=each),
        Series(name="Committed", unit="per second", values=committed, note=each),
        Series(name="Aborted or unknown", unit="per second", values=failed, note=each),
    )


def quantiles(history: History) -> tuple[tuple[str, float], ...]:
    """(name, milliseconds) of committed transactions over the whole run."""
    ok = history.status == Status.OK
    latency = (history.end - history.start)[ok] / 1e6
    if not len(latency):
        return ()
    shares = (
        ("median", 0.5),
        ("90th percentile", 0.9),
        ("95th", 0.95),
        ("99th", 0.99),
        ("longest", 1.0),
    )
    return tuple((name, float(np.quantile(latency, share))) for name, share in shares)


def _quantiles_by_window(
    latency: Floats, window: Int64s, count: int, shares: tuple[float, ...]
) -> tuple[Floats, ...]:
    """The nearest-rank quantiles of each window, by one sort."""
    order = np.lexsort((latency, window))
    latency = latency[order]
    first = np.searchsorted(window[order], np.arange(count + 1))
    size = np.diff(first)
    found = []
    for share in shares:
        values = np.full(count, np.nan)
        some = size > 0
        rank = np.minimum(np.ceil(share * size[some]).astype(np.int64), size[some]) - 1
        values[some] = latency[first[:-1][some] + np.maximum(rank, 0)]
        found.append(values)
    return tuple(found)


def chart(one: Series, faults: tuple[Fault, ...], clock: Clock, name: str) -> Markup:
    """A small chart as wide as its place; the highest value is said in words too."""
    top = _round_up(float(np.nanmax(one.values)) if np.isfinite(one.values).any() else 1.0)
    bottom = _TOP + _HEIGHT
    line = tag(
        "svg",
        tag("path", class_="line", d=_line(one.values, top)),
        viewBox=f"0 0 {len(one.values)} {_HEIGHT}",
        preserveAspectRatio="none",
        width="100%",
        height=str(_HEIGHT),
        y=str(_TOP),
    )
    return tag(
        "svg",
        tag("title", f"{one.name}, {one.unit}, {peak(one, clock)}", id=f"{name}-title"),
        tag("desc", one.note, id=f"{name}-desc"),
        *bands(faults, clock, bottom),
        *axis(clock, bottom, bottom),
        tag("line", class_="axis", x1="0", x2="100%", y1=_TOP, y2=_TOP),
        tag("line", class_="axis", x1="0", x2="100%", y1=bottom, y2=bottom),
        line,
        tag("text", _figure(top), class_="q", x="100%", y=13, text_anchor="end"),
        width="100%",
        height=str(bottom + 20),
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def peak(one: Series, clock: Clock) -> str:
    """Where the highest value is, as in "highest 608 at 1.65 s"."""
    if not np.isfinite(one.values).any():
        return "nothing committed"
    place = int(np.nanargmax(one.values))
    time = clock.low + (place + 0.5) * (clock.high - clock.low) / len(one.values)
    return f"highest {_figure(float(one.values[place]))} at {clock.at(int(time))}"


def _figure(value: float) -> str:
    """Three digits that count, and never a power of ten."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _line(values: Floats, top: float) -> str:
    """Steps over the windows; a missing value lifts the pen."""
    path: list[str] = []
    down = False
    for place, value in enumerate(values.tolist()):
        if np.isnan(value):
            down = False
            continue
        y = number(_HEIGHT * (1 - value / top))
        path.append(f"{'V' if down else f'M{place} '}{y}H{place + 1}")
        down = True
    return "".join(path) or "M0 0"


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 … so that the scale is easy to read."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** np.floor(np.log10(value))
    return next(float(factor * power) for factor in (1, 2, 5, 10) if factor * power >= value * 0.999999)
