"""A history's clock in words: nanoseconds as s, ms or µs, a step counter as steps, a foreign file as positions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.history import History, Status

__all__ = ["Clock", "clock_of"]

_OPEN = 2**62  # An end as far off as this means "not ended": nobody recorded it.
_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The interval [low, high] that a history spans, in its own ticks, and how its times are written.

    `real` is true where differences are durations. `scale` ticks make one `unit`.
    """

    low: int
    high: int
    real: bool
    scale: int
    unit: str

    def share(self, time: int) -> float:
        """Where `time` lies between low (0.0) and high (1.0), kept within."""
        return min(1.0, max(0.0, (time - self.low) / max(1, self.high - self.low)))

    def at(self, time: int) -> str:
        """One moment, as in "1.052 s" or "step 12"."""
        return f"{self._figure(time)} {self.unit}" if self.real else f"{self.unit} {time}"

    def between(self, start: int, end: int) -> str:
        """An interval, as in "1.052–1.160 s" or "step 12–19"."""
        last = "…" if end >= _OPEN else self._figure(end)
        return f"{self._figure(start)}–{last} {self.unit}" if self.real else f"{self.unit} {start}–{last}"

    def ticks(self, count: int = 5) -> list[tuple[int, str]]:
        """At most about `count` round moments within the interval, with labels."""
        width = max(1.0, _round_width((self.high - self.low) / self.scale / count) * self.scale)
        first = math.ceil(self.low / width)
        last = math.floor(self.high / width)
        digits = max(0, math.ceil(-math.log10(width / self.scale)))
        unit = f" {self.unit}" if self.real else ""
        return [
            (round(place * width), f"{place * width / self.scale:.{digits}f}{unit}")
            for place in range(first, last + 1)
        ]

    def within(self, low: int, high: int) -> Clock:
        """The same clock zoomed to an interval, with a margin of a twentieth on both sides."""
        high = max(low, self.high if high >= _OPEN else high)
        margin = max(1, (high - low) // 20)
        return _clock(low - margin, high + margin, self.real, self.unit)

    def _figure(self, time: int) -> str:
        if not self.real:
            return str(time)
        span = max(1, self.high - self.low) / self.scale
        digits = max(3 if self.unit == "s" else 0, min(6, 2 - math.floor(math.log10(span))))
        return f"{time / self.scale:.{digits}f}"


def clock_of(history: History) -> Clock:
    """The clock of a history, over everything that surely happened in it."""
    ended = history.end[(history.status != Status.UNKNOWN) & (history.end < _OPEN)]
    moments = [int(one) for one in (*history.start[:1], *history.start[-1:])]
    moments += [int(np.max(ended))] if len(ended) else []
    moments += [moment for fault in history.faults for moment in (fault.start, fault.end) if moment < _OPEN]
    names = {"nanoseconds": "s", "steps": "step", "positions": "position"}
    kind = history.info.clock
    return _clock(min(moments, default=0), max(moments, default=1), kind == "nanoseconds", names.get(kind, "time"))


def _clock(low: int, high: int, real: bool, unit: str) -> Clock:
    high = max(high, low + 1)
    if not real:
        return Clock(low=low, high=high, real=False, scale=1, unit=unit)
    furthest = max(abs(low), abs(high))
    scale, unit = next((scale, unit) for scale, unit in _UNITS if furthest >= scale / 10 or scale == 1)
    return Clock(low=low, high=high, real=True, scale=scale, unit=unit)


def _round_width(width: float) -> float:
    """The next larger of 1, 2, 5, 10, 20, 50 …"""
    power: float = 10.0 ** math.floor(math.log10(width))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width * 0.999)
