"""A few threads on one database at the same time, as data.

A thread is a line of text, its transactions one after the other:

    rx wx dx sx   reads, writes, deletes x, scans from x to the last key
    c  a          commits, aborts; the next step begins a new transaction
    Rx Wx Dx Sx   the same steps, each as a transaction of its own
    defer         begins a transaction that is read-only and deferrable
    ?             one to three random steps
    close         any method of the database that is no transaction and takes no arguments
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

__all__ = ["KEYS", "Fault", "Scenario"]

KEYS: Final = "xyz"


class Fault(NamedTuple):
    """What strikes the thread that is the `number`th to pass a place: where `Turns` stops, or a step of the disk."""

    place: str
    error: type[BaseException]
    number: int = 1


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What runs at once. `sentence` is what it is about; `initial` are the keys that exist at the start.

    A durable one has its log on a disk that can lose its power. `preemptions_max` bounds a search through every
    order of its threads; None is no bound.
    """

    name: str
    sentence: str
    threads: tuple[str, ...]
    initial: str = ""
    durable: bool = False
    fault: Fault | None = None
    preemptions_max: int | None = None

    @property
    def is_random(self) -> bool:
        """Whether steps are drawn, so that there is no end to its orders."""
        return any("?" in thread for thread in self.threads)

    def programs(self, random: Random) -> list[list[str]]:
        """The steps of each thread, the random ones drawn."""
        return [[one for step in thread.split() for one in _drawn(step, random)] for thread in self.threads]


def _drawn(step: str, random: Random) -> list[str]:
    if step != "?":
        return [step]
    return [random.choice("rrwwds") + random.choice(KEYS) for _ in range(random.randint(1, 3))]
