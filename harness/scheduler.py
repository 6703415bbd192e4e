"""Who goes next: `run_steps` interleaves clients on one thread by a seeded choice, `run_freely` is a thread's loop.

Both draw from one shared `Draw`, so that programs are numbered in the order in which they are drawn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from harness.client import Client, ProgramError
from harness.program import Program, Rng
from harness.trouble import described

__all__ = ["SCHEDULES", "Draw", "run_freely", "run_steps"]

SCHEDULES: tuple[str, ...] = ("steps", "threads")


class Draw:
    """Hands out programs until `count` are drawn, the deadline (of time.monotonic) passes or `ended` says so."""

    def __init__(
        self, programs: Iterator[Program], *, count: int | None, deadline_s: float | None, ended: Callable[[], bool]
    ) -> None:
        self._programs = programs
        self._left = count
        self._deadline_s = deadline_s
        self._ended = ended
        self._lock = threading.Lock()

    def __call__(self) -> Program | None:
        """The next program, None when there is none. Raises ProgramError where the workload fails to make it."""
        with self._lock:
            if self._ended() or self._left == 0:
                return None
            if self._deadline_s is not None and time.monotonic() >= self._deadline_s:
                return None
            try:
                program = next(self._programs, None)
            except Exception as error:
                raise ProgramError(f"making a program raised {described(error)}") from error
            if program is None:
                self._left = 0
            elif self._left is not None:
                self._left -= 1
            return program


def run_steps(clients: Sequence[Client], draw: Draw, rng: Rng) -> None:
    """Release one action of one client at a time until nothing is left to draw and all are idle."""
    active = list(clients)
    while active:
        # random() rather than randrange(): the same choice at a third of the cost.
        at = int(rng.random() * len(active))
        client = active[at]
        if client.idle:
            client.pulse.beat(client.number, "the draw of a program")
            program = draw()
            if program is None:
                del active[at]
                continue
            client.take(program)
        client.advance()


def run_freely(client: Client, draw: Draw) -> None:
    """One transaction of this client after the other until nothing is left to draw."""
    while True:
        client.pulse.beat(client.number, "the draw of a program")
        program = draw()
        if program is None:
            return
        client.take(program)
        while client.advance() is None:
            # Threads of one process change places every few milliseconds, which is hundreds of transactions of an
            # embedded database: without this, hardly any two would ever overlap.
            time.sleep(0)
