"""Commits of other threads that arrive while a leader is at the disk: group commit, in an order that a seed fixes.

Each guest is known to be in the queue (or to have failed) before the next comes and before the leader goes on, and
none reaches the disk before the leader's commit was acknowledged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from engine.latch import ThreadLatches

__all__ = ["Guests"]

_WAIT_SECONDS: Final = 60.0  # Only a defect lets anybody wait so long.


class Guests:
    """The guests of one database, which has to be opened with `latches`. Made by the thread that will lead."""

    def __init__(self) -> None:
        self.latches = ThreadLatches()
        self.latches.point = self._point
        self._host = threading.current_thread()
        self._host_done = threading.Event()
        self._invited: list[Callable[[], object]] = []
        self._threads: list[threading.Thread] = []
        self._queued: dict[threading.Thread, threading.Event] = {}
        self._committed: set[threading.Thread] = set()

    def invite(self, commits: list[Callable[[], object]]) -> None:
        """Have these commits made, by a thread each, at the next step of this thread to the disk."""
        self._invited = commits
        self._host_done.clear()

    def arrive(self) -> None:
        """To be called ahead of each step to the disk, by whatever thread makes it."""
        if threading.current_thread() is not self._host:
            self._await(self._host_done)
            return
        invited, self._invited = self._invited, []
        for commit in invited:
            thread = threading.Thread(target=self._visit, args=(commit,))
            queued = self._queued[thread] = threading.Event()
            self._threads.append(thread)
            thread.start()
            self._await(queued)

    def see_off(self) -> list[bool]:
        """Wait until all who came are gone; returns for each invited one that came whether it was acknowledged."""
        self._host_done.set()
        for thread in self._threads:
            thread.join(_WAIT_SECONDS)
            assert not thread.is_alive(), "a commit neither returned nor raised"
        outcome = [thread in self._committed for thread in self._threads]
        self._invited, self._threads, self._queued, self._committed = [], [], {}, set()
        return outcome

    def _visit(self, commit: Callable[[], object]) -> None:
        thread = threading.current_thread()
        try:
            commit()
            self._committed.add(thread)
        except Exception:  # noqa: BLE001 (whatever it was, the commit is not acknowledged)
            return
        finally:
            self._queued[thread].set()

    def _point(self, name: str) -> None:
        # The commit mutex is held from here until the commit is in the queue: the order of commits is settled.
        if name == "install" and (queued := self._queued.get(threading.current_thread())) is not None:
            queued.set()

    def _await(self, event: threading.Event) -> None:
        assert event.wait(_WAIT_SECONDS), "the other thread neither went on nor ended"
