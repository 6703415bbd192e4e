"""Judging while the run is going, in windows and with bounded memory.

In the order of the data: `rows` (what a transaction shows, taken apart once) → `live` (the window as a history) →
`retiring` (what nothing later can touch) →
`forgetting` → `past` (what stays of it: a few numbers a key). `judge` leads a stream through them.
"""

from __future__ import annotations

from checkers.streaming.judge import StreamingJudge
from checkers.streaming.sightings import Sighting

__all__ = ["Sighting", "StreamingJudge"]
