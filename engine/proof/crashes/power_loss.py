"""What a power loss can leave of the changes that were not synced.

Every subset is legal. Few changes: all 2^n. Many: none, all, each one missing, each one kept, each prefix, and a
random rest. Beyond subsets a sector can be torn: its first bytes are new and the rest is old, zeros or noise. What
lies in the sector outside the bytes that were written stays as it was (powersafe overwrite, as SQLite names it): no
log that appends into a sector of acknowledged commits could do without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from random import Random
from typing import Final, TypeAlias

from engine.memory_vfs import Change

__all__ = ["Fate", "Survivors", "survivals", "told"]

Survivors: TypeAlias = Sequence[Change | None]  # per change: itself, torn, or None where it is lost
Fate: TypeAlias = Sequence[tuple[Change, Change | None]]  # each change with what survived of it

_SUBSETS_MAX: Final = 64  # up to here all of them
_POSITIONS_MAX: Final = 40  # with more changes than this, so many are tried alone, missing, and as ends of prefixes
_RANDOM_SUBSETS: Final = 16
_TORN_MAX: Final = 6


def survivals(changes: Sequence[Change], random: Random, others_max: int | None = None) -> list[Survivors]:
    """Outcomes of a power loss that are worth trying: nothing kept, everything kept, and others (or some of them)."""
    if not changes:
        return [[]]
    others = [*_subsets(changes, random), *_tears(changes, random)]
    if others_max is not None and others_max < len(others):
        others = random.sample(others, others_max)
    return [[None] * len(changes), list(changes), *others]


def _subsets(changes: Sequence[Change], random: Random) -> Iterator[Survivors]:
    """Subsets beside nothing and everything."""
    count = len(changes)
    if 1 << count <= _SUBSETS_MAX:
        yield from list(product(*((None, change) for change in changes)))[1:-1]
        return
    for place in random.sample(range(count), min(count, _POSITIONS_MAX)):
        yield [*changes[:place], None, *changes[place + 1 :]]
        yield [*[None] * place, changes[place], *[None] * (count - place - 1)]
        yield [*changes[:place], *[None] * (count - place)]
    for _ in range(_RANDOM_SUBSETS):
        share = random.random()
        yield [change if random.random() < share else None for change in changes]


def _tears(changes: Sequence[Change], random: Random) -> Iterator[Survivors]:
    """One torn sector, and all that came after it kept or lost."""
    writes = [place for place, change in enumerate(changes) if change.kind == "write"]
    for place in random.sample(writes, min(len(writes), _TORN_MAX)):
        for torn in _torn(changes[place], random):
            yield [*changes[:place], torn, *[None] * (len(changes) - place - 1)]
            yield [*changes[:place], torn, *changes[place + 1 :]]


def _torn(change: Change, random: Random) -> list[Change]:
    """What may be left of one sector's write when the power goes while it is written."""
    cut = random.randrange(len(change.data))
    new, rest = change.data[:cut], len(change.data) - cut
    rests = (b"", bytes(rest), random.randbytes(rest))
    return [change._replace(data=new + after) for after in rests if new or after]


def told(fate: Fate) -> tuple[list[str], list[str]]:
    """What was kept and what was lost, in words; a torn write is in both."""
    kept: list[str] = []
    lost: list[str] = []
    for change, survivor in fate:
        if survivor is None:
            lost.append(_named(change))
        elif survivor == change:
            kept.append(_named(change))
        else:
            kept.append(f"the first bytes of {_named(change)}")
            lost.append(f"the rest of {_named(change)}")
    return kept, lost


def _named(change: Change) -> str:
    if change.kind == "write":
        return f"{change.path} {change.offset}+{len(change.data)}"
    return f"{change.kind} in {change.path}" + (f" to {change.offset}" if change.kind == "truncate" else "")
