"""Ways to choose who runs next: by a seed, along a given order, or every order in turn.

Every order is found without keeping any state of the program: run from the start along a prefix of choices, note
what else could have been chosen behind it, and come back for each of those. A switch away from a thread that could
have gone on is a preemption; most races need one or two, so the orders with the fewest come first and a bound on
them keeps the number small.

Godefroid, Model checking for programming languages using VeriSoft, POPL 1997. Musuvathi and Qadeer, Iterative
context bounding for systematic testing of multithreaded programs, PLDI 2007.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from engine.proof.threads.turns import Choose, Turn

__all__ = ["Order", "OrderBroken", "along", "every_order", "seeded", "until"]


class OrderBroken(Exception):
    """The order to follow cannot be followed: the program is not the one that it was made for."""


def seeded(random: Random) -> Choose:
    """Any of those that can go on, all alike."""
    return lambda ready, running: random.choice(ready).thread


def along(turns: Sequence[Turn]) -> Choose:
    """Exactly these turns, as a trace shows them. Raises OrderBroken where a turn is not possible."""
    left = iter(turns)

    def choose(ready: Sequence[Turn], running: int | None) -> int:
        turn = next(left, None)
        if turn is None or turn not in ready:
            raise OrderBroken(f"{turn} is not among {[str(one) for one in ready]}")
        return turn.thread

    return choose


def until(stops: str) -> Choose:
    """`"b begin, a end, b end"`: b runs until it stands at begin, then a to its end, then b to its end.

    A thread that cannot go on stops earlier. Places that are not named do not matter, so that an order in words
    outlives changes of the program. Raises OrderBroken where it leaves somebody standing.
    """
    left = [(ord(name) - ord("a"), place) for name, place in (stop.split(maxsplit=1) for stop in stops.split(", "))]
    moved = False  # since it became the turn of the first of them

    def choose(ready: Sequence[Turn], running: int | None) -> int:
        nonlocal moved
        places = {turn.thread: turn.place for turn in ready}
        if left and moved and places.get(left[0][0], left[0][1]) == left[0][1]:
            left.pop(0)
        if not left or left[0][0] not in places:
            raise OrderBroken(f"{stops}: at {left[:1]}; these can go on: {[str(turn) for turn in ready]}")
        moved = True
        return left[0][0]

    return choose


class Order:
    """One order: along `prefix`, then each thread runs until it has to wait. To be used for one run."""

    def __init__(self, prefix: bytes = b"", preemptions: int = 0) -> None:
        self._prefix = prefix
        self._preemptions = preemptions  # of the prefix
        self._taken = bytearray()
        self._branches: list[tuple[int, bytes]] = []

    def __call__(self, ready: Sequence[Turn], running: int | None) -> int:
        """Choose; see `Choose`. Where there is no choice it does not count."""
        if len(ready) == 1:
            return ready[0].thread
        threads = [turn.thread for turn in ready]
        if len(self._taken) < len(self._prefix):
            chosen = self._prefix[len(self._taken)]
            if chosen not in threads:
                raise OrderBroken(f"thread {chosen} cannot go on: the program does not repeat itself")
        else:
            chosen = threads[0] if running is None else running
            cost = self._preemptions + (running is not None)
            self._branches += [(cost, bytes(self._taken) + bytes([other])) for other in threads if other != chosen]
        self._taken.append(chosen)
        return chosen

    def branches(self) -> list[tuple[int, bytes]]:
        """After the run: the prefixes of its neighbours, each with its number of preemptions."""
        return self._branches


def every_order(preemptions_max: int | None = None) -> Iterator[Order]:
    """Every order with at most so many preemptions (None: every order at all), each once, the fewest first.

    Run each order before asking for the next one. Ends when there are no more.
    """
    waiting: list[list[bytes]] = [[b""]]
    for preemptions, prefixes in enumerate(waiting):  # It grows while it is walked.
        while prefixes:
            order = Order(prefixes.pop(), preemptions)
            yield order
            for cost, prefix in order.branches():
                if preemptions_max is None or cost <= preemptions_max:
                    while len(waiting) <= cost:
                        waiting.append([])
                    waiting[cost].append(prefix)
