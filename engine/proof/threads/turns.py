"""Real threads that run one at a time: a `Latches` that knows who waits for what, and lets somebody else choose.

A thread gives up its turn wherever the order of threads may matter: at a named point, before it takes a mutex,
after it has given one up, and where it waits for a condition. Whoever is chosen then runs up to its own next stop.

    a   start ──▶ lock commit ──▶ begin ──────────────────────────▶ unlock commit ──▶ ...
    b                                    start ──▶ (lock commit: not while a holds it)

The same choices give the same run. Musuvathi et al., Finding and reproducing Heisenbugs in concurrent programs,
OSDI 2008.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = ["END", "START", "Choose", "Deadlock", "Endless", "Turn", "Turns", "Unreachable"]

START: Final = "start"  # where a thread stands before its first turn
END: Final = "end"
_TURNS_MAX: Final = 10_000
_SILENCE_SECONDS: Final = 60.0  # A turn takes milliseconds: a thread this silent sleeps where nobody can see it.


class Turn(NamedTuple):
    """A thread, by its number, and the place that it goes on from."""

    thread: int
    place: str

    def __str__(self) -> str:
        return f"{chr(ord('a') + self.thread)} {self.place}"


# Takes those that can go on, and who ran last if it is among them; returns the number of the one to run.
Choose: TypeAlias = Callable[[Sequence[Turn], int | None], int]


class Deadlock(Exception):
    """Every thread waits for another one."""


class Endless(Exception):
    """The threads have had more turns than any run needs."""


class Unreachable(Exception):
    """A thread is blocked by something that is not one of these latches."""


class Turns:
    """Hand `self` to `Database.open(latches=)`, then `run` functions: each is a thread, and one runs at a time.

    `passing` is called by the running thread with each place that it goes on from; what it raises is raised there.
    Code outside of `run` uses the same latches as if there were no other thread.
    """

    def __init__(self, choose: Choose, passing: Callable[[str], None] | None = None) -> None:
        self.trace: list[Turn] = []
        self.point: Callable[[str], None] | None = self.stop  # see `Latches.point`
        self._choose = choose
        self._passing = passing
        self._workers: list[_Worker] = []
        self._here = threading.local()
        self._failure: BaseException | None = None  # why everybody has to end

    def mutex(self, name: str) -> Any:
        """See `Latches.mutex`."""
        return _Mutex(self, name)

    def condition(self, name: str) -> Any:
        """See `Latches.condition`."""
        return _Condition(self, name)

    def gate(self, name: str) -> Any:
        """See `Latches.gate`."""
        return _Gate(self, name)

    def stop(self, place: str, ready: Callable[[], bool] = lambda: True) -> None:
        """Give up the turn; come back when chosen, and only while `ready()` holds."""
        worker: _Worker | None = getattr(self._here, "worker", None)
        if worker is None:
            if not ready():
                raise Deadlock(f"the only thread waits at {place}")
            return
        worker.place, worker.ready = place, ready
        self._wait(worker, self._chosen(worker))
        if self._passing is not None:
            self._passing(place)

    def run(self, *functions: Callable[[], None]) -> None:
        """Run all to their ends. Raises Deadlock, Endless, Unreachable, or the first exception of a function.

        No thread is left behind, but for one that is Unreachable.
        """
        self._workers = [_Worker(number, function) for number, function in enumerate(functions)]
        threads = [threading.Thread(target=self._live, args=(worker,), daemon=True) for worker in self._workers]
        for thread in threads:
            thread.start()
        first = self._chosen(None)
        if first is not None:
            first.go.release()
        for thread in threads:
            self._join(thread)
        if self._failure is not None:
            raise self._failure
        for worker in self._workers:
            if worker.error is not None:
                raise worker.error

    def _join(self, thread: threading.Thread) -> None:
        count = -1
        while thread.is_alive():
            if count == len(self.trace):
                raise Unreachable(f"no thread has come to a stop for {_SILENCE_SECONDS:.0f} seconds")
            count = len(self.trace)
            thread.join(_SILENCE_SECONDS)

    def _live(self, worker: _Worker) -> None:
        self._here.worker = worker
        try:
            self._wait(worker, None)
            worker.function()
        except _Ended:
            pass
        except BaseException as error:  # noqa: BLE001 — raised again by `run`.
            worker.error = error
        worker.place = END
        following = self._chosen(None)
        if following is not None:
            following.go.release()

    def _wait(self, worker: _Worker, chosen: _Worker | None) -> None:
        """Let `chosen` run, if it is somebody else, and sleep until this one is chosen."""
        if chosen is not worker:
            if chosen is not None:
                chosen.go.release()
            worker.go.acquire()
        if self._failure is not None:
            raise _Ended

    def _chosen(self, running: _Worker | None) -> _Worker | None:
        """Who has the next turn; None where nobody is left, or all are being ended."""
        alive = [worker for worker in self._workers if worker.place != END]
        if self._failure is not None or not alive:
            return running
        try:
            chosen = self._workers[self._pick(alive, running)]
        except Exception as failure:  # noqa: BLE001 — raised again by `run`.
            self._end(failure, alive)
            return running
        self.trace.append(Turn(chosen.number, chosen.place))
        return chosen

    def _pick(self, alive: list[_Worker], running: _Worker | None) -> int:
        ready = [Turn(worker.number, worker.place) for worker in alive if worker.ready()]
        if not ready:
            raise Deadlock("; ".join(str(Turn(worker.number, worker.place)) for worker in alive))
        if len(self.trace) == _TURNS_MAX:
            raise Endless(f"no end after {_TURNS_MAX} turns")
        last = running.number if running is not None and running.ready() else None
        return self._choose(ready, last)

    def _end(self, failure: Exception, alive: list[_Worker]) -> None:
        """Wake everybody: each leaves from where it stands by an exception of its own."""
        self._failure = failure
        for worker in alive:
            worker.go.release()


class _Ended(BaseException):
    """Unwinds a thread of a run that has failed."""


class _Worker:
    def __init__(self, number: int, function: Callable[[], None]) -> None:
        self.number = number
        self.function = function
        self.place = START
        self.ready: Callable[[], bool] = lambda: True
        self.go = threading.Semaphore(0)
        self.error: BaseException | None = None


class _Mutex:
    def __init__(self, turns: Turns, name: str) -> None:
        self._turns = turns
        self._name = name
        self._held = False

    def __enter__(self) -> bool:
        self._turns.stop(f"lock {self._name}", self._is_free)
        self._held = True
        return True

    def __exit__(self, *_: object) -> None:
        self._held = False
        self._turns.stop(f"unlock {self._name}")

    def _is_free(self) -> bool:
        return not self._held


class _Condition(_Mutex):
    def __init__(self, turns: Turns, name: str) -> None:
        super().__init__(turns, name)
        self._bell = 0

    def wait(self) -> None:
        heard = self._bell
        self._held = False
        self._turns.stop(f"wait {self._name}", lambda: self._bell > heard and not self._held)
        self._held = True

    def notify_all(self) -> None:
        self._bell += 1


class _Gate:
    def __init__(self, turns: Turns, name: str) -> None:
        self._turns = turns
        self._name = name
        self._is_open = False

    def wait(self, seconds: float | None = None) -> bool:
        # One that waits for so long only may go on at any time.
        self._turns.stop(f"wait {self._name}", lambda: self._is_open or seconds is not None)
        return self._is_open

    def open(self) -> None:
        self._is_open = True
