"""The steps of a cycle that no data show: sessions and real time."""

from __future__ import annotations

from checkers.graphs.cycles import Link
from checkers.graphs.graph import KIND_NAMES, SESSION
from harness.history import History
from harness.verdict import Step

__all__ = ["order_step"]


def order_step(history: History, link: Link) -> Step:
    """The step of a link by session or real time."""
    before, after = f"T{link.source}", f"T{link.target}"
    if link.kind == SESSION:
        why = f"client {int(history.client[link.source])} ran {before} before {after}"
    else:
        why = f"{before} had ended before {after} began"
    sentence = f"{why}. So {before} comes before {after}."
    return Step(KIND_NAMES[link.kind], link.source, link.target, None, None, sentence)
