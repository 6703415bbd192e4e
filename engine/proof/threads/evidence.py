"""What clients were told and what a power loss would have left, collected while threads run and judged afterwards.

    acknowledged   its commit returned: it has happened, for good
    under way      its commit was called and has not returned, or ended in an error: it may have happened

The judge is brute force: some order of all that was acknowledged, and of some of what was under way, has to explain
every read and the state at the end, and be true to real time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from engine.errors import EngineError
from engine.memory_vfs import MemoryVfs
from engine.proof.schedule import Ran, is_strictly_serializable

__all__ = ["EVERYTHING", "FOREVER", "Evidence", "Pairs"]

FOREVER: Final = 10**9  # the end of a transaction that was told nothing
EVERYTHING: Final = "x~"  # the range that holds all keys of a scenario, as a scan names it

Pairs = list[tuple[bytes, bytes]]


class _Moment(NamedTuple):
    """The disks that a power loss may leave, and who was acknowledged or under way then."""

    disks: tuple[MemoryVfs, ...]
    acknowledged: tuple[Ran, ...]
    under_way: tuple[Ran, ...]


class Evidence:
    """`initial` are the keys that exist at the start, each with the value 0."""

    def __init__(self, initial: str) -> None:
        self._initial = initial
        self._acknowledged: list[Ran] = []
        self._under_way: dict[str, Ran] = {}
        self._moments: list[_Moment] = []

    def call(self, ran: Ran) -> None:
        """The transaction's commit is about to be called."""
        self._under_way[ran.name] = ran._replace(end=FOREVER, outcome="unknown")

    def refuse(self, ran: Ran) -> None:
        """The commit had no effect."""
        del self._under_way[ran.name]

    def acknowledge(self, ran: Ran) -> None:
        """The commit returned."""
        del self._under_way[ran.name]
        self._acknowledged.append(ran)

    def lose_power(self, *disks: MemoryVfs) -> None:
        """These are what a power loss at this moment may leave."""
        self._moments.append(_Moment(disks, tuple(self._acknowledged), tuple(self._under_way.values())))

    def complaints(self, state: Pairs | None, reopen: Callable[[MemoryVfs], Pairs]) -> Iterator[str]:
        """What is wrong, in sentences. `state` is the state at the end (None: unknown), `reopen` reads a disk's."""
        under_way = list(self._under_way.values())
        if not self._explains(self._acknowledged, under_way, state):
            yield f"no order explains {_told(self._acknowledged, under_way, state)}"
        for moment in self._moments:
            for disk in moment.disks:
                try:
                    found = reopen(disk)
                except (EngineError, OSError, ValueError) as error:
                    yield f"after a power loss the database does not open: {error}"
                    continue
                if not self._explains(moment.acknowledged, moment.under_way, found):
                    yield f"after a power loss no order explains {_told(*moment[1:], found)}"

    def _explains(self, acknowledged: Sequence[Ran], under_way: Sequence[Ran], state: Pairs | None) -> bool:
        end = [] if state is None else [Ran("end", [("s", EVERYTHING, state)], FOREVER, FOREVER, "committed")]
        return any(
            is_strictly_serializable([*acknowledged, *happened, *end], self._initial)
            for happened in _subsets(under_way)
        )


def _subsets(under_way: Sequence[Ran]) -> Iterable[Sequence[Ran]]:
    return (some for size in range(len(under_way) + 1) for some in combinations(under_way, size))


def _told(acknowledged: Iterable[Ran], under_way: Iterable[Ran], state: Pairs | None) -> str:
    """`a0[rx=0 wx=a0.1]; perhaps b0[wy=b0.0]; at the end x=a0.1`."""
    parts = [_told_one(ran) for ran in acknowledged]
    parts += [f"perhaps {_told_one(ran)}" for ran in under_way]
    if state is not None:
        parts.append(f"at the end {_text(state)}")
    return "; ".join(parts)


def _told_one(ran: Ran) -> str:
    steps = " ".join(f"{kind}{key[0]}={_text(seen)}" for kind, key, seen in ran.steps)
    return f"{ran.name}[{steps}]"


def _text(seen: bytes | Pairs | None) -> str:
    if seen is None:
        return "none"
    if isinstance(seen, bytes):
        return seen.decode()
    return "{" + " ".join(f"{key.decode()}={value.decode()}" for key, value in seen) + "}"
