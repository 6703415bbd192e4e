"""What a way of deciding an object in n log n says, and what several such ways share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from checkers.linearizability.models import Call

__all__ = ["Decided", "first_inversion"]


class Decided(NamedTuple):
    """Either an `order`, a linearization, or a `core`: few calls, maybe weakened, that have none.

    A core follows from the calls: had they a linearization, the core had one. Therefore calls are only left out with
    all that depends on them, or replaced by others that ask for less.
    """

    order: list[Call] | None
    core: list[Call]


def first_inversion(groups: Iterable[Sequence[Call]]) -> tuple[Call, Call] | None:
    """Two calls of which the second ended before the first began, though its group comes later; None without such."""
    latest: Call | None = None
    for group in groups:
        if not group:
            continue
        for call in group:
            if latest is not None and call.end < latest.start:
                return latest, call
        last = max(group, key=lambda call: call.start)
        if latest is None or last.start > latest.start:
            latest = last
    return None
