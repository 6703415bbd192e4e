"""Real threads that run one at a time in an order that a seed decides: `Latches` whose points hand over the turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import Any


class Turns:
    """Hand `self` to `Database.open(latches=)`, then `run` functions: each is a thread, and one runs at a time.

    A thread gives up its turn at every named point, before it takes a mutex, and where it has to wait.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._turn: dict[int, threading.Semaphore] = {}  # by thread
        self._back = threading.Semaphore(0)
        self._stuck: dict[int, Callable[[], bool]] = {}  # thread → whether it may go on
        self.trace: list[str] = []

    def point(self, name: str) -> None:
        """The running thread is at a place where the order may matter."""
        self.trace.append(name)
        self.wait_until(lambda: True)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Give up the turn; come back only while `ready()` holds. Threads not under control just go on."""
        thread = threading.get_ident()
        if thread not in self._turn:
            assert ready(), "a thread outside would wait for ever"
            return
        self._stuck[thread] = ready
        self._back.release()
        self._turn[thread].acquire()

    def mutex(self, name: str) -> Any:
        return _Mutex(self)

    def condition(self, name: str) -> Any:
        return _Condition(self)

    def run(self, *functions: Callable[[], None]) -> None:
        """Run all to their ends. Raises the first exception of any, and AssertionError where all wait."""
        errors: list[BaseException] = []
        threads = [threading.Thread(target=self._live, args=(function, errors)) for function in functions]
        for thread in threads:
            thread.start()
            self._back.acquire()
        while self._stuck:
            ready = [thread for thread, may_go in self._stuck.items() if may_go()]
            assert ready, "deadlock"
            thread_id = self._random.choice(ready)
            del self._stuck[thread_id]
            self._turn[thread_id].release()
            self._back.acquire()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _live(self, function: Callable[[], None], errors: list[BaseException]) -> None:
        self._turn[threading.get_ident()] = threading.Semaphore(0)
        self.wait_until(lambda: True)
        try:
            function()
        except BaseException as error:  # noqa: BLE001 — raised again by `run`.
            errors.append(error)
        finally:
            del self._turn[threading.get_ident()]
            self._back.release()


class _Mutex:
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._held = False

    def __enter__(self) -> bool:
        self._turns.wait_until(lambda: not self._held)
        self._held = True
        return True

    def __exit__(self, *_: object) -> None:
        self._held = False


class _Condition(_Mutex):
    def __init__(self, turns: Turns) -> None:
        super().__init__(turns)
        self._bell = 0

    def wait(self) -> None:
        heard = self._bell
        self._held = False
        self._turns.wait_until(lambda: self._bell > heard and not self._held)
        self._held = True

    def notify_all(self) -> None:
        self._bell += 1
