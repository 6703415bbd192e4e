"""Worker threads and the watchdog over them: a call that does not return costs a client, never the run's end.

A thread that hangs cannot be stopped in Python. It is given up: its clients' leases are revoked, their open
transactions become UNKNOWN, and should the call return one day, the thread finds that it may do nothing more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from harness.client import JUDGING, Client, ProgramError, Pulse
from harness.recorder import Recorder, Revoked
from harness.trouble import RunTrouble, described

__all__ = ["Crew", "Worker"]

_POLL_S_MAX = 0.05


class Worker:
    """One daemon thread with the clients that only it uses; they share its pulse."""

    def __init__(self, clients: Sequence[Client], pulse: Pulse, job: Callable[[], None], *, original: bool = True):
        self.clients = clients
        self.pulse = pulse
        self.original = original
        self.given_up = False
        self.done = False
        self.error: Exception | None = None
        self._job = job

    def start(self, crew: Crew) -> None:
        """Begin the job; the crew is woken at its end."""
        self.pulse.beat(-1, "start")
        threading.Thread(target=self._work, args=(crew,), name="anomalist client", daemon=True).start()

    def _work(self, crew: Crew) -> None:
        try:
            self._job()
        except Revoked:
            pass
        except (ProgramError, RunTrouble) as error:
            self.error = error
        except BaseException as error:  # noqa: BLE001  A thread that dies silently would look like a finished one.
            self.error = RunTrouble(f"the harness failed: {described(error)}")
        finally:
            for client in self.clients:
                if not client.lease.revoked:
                    client.close()
                elif not crew.target_closed:
                    client.leave()
            self.done = True
            crew.wake.set()


class Crew:
    """Runs workers until they are done or given up. Used by the main thread only."""

    def __init__(
        self, *, recorder: Recorder, op_timeout_s: float, stop: threading.Event, on_poll: Callable[[], None]
    ) -> None:
        self.wake = threading.Event()
        self.target_closed = False
        self._recorder = recorder
        self._op_timeout_s = op_timeout_s
        self._stop = stop
        self._stopped_ns = 0
        self._on_poll = on_poll

    def work(self, workers: Sequence[Worker], on_hang: Callable[[Worker, str], Worker | None]) -> None:
        """Start these workers and see them to their end.

        `on_hang` is told of a worker that was given up, and in which call; it may return another one in its
        place, or raise RunTrouble. The first trouble of any worker is raised after all have ended, so that
        transactions that can still finish do.
        """
        trouble: Exception | None = None
        live = list(workers)
        for worker in live:
            worker.start(self)
        while live:
            self.wake.wait(min(_POLL_S_MAX, self._op_timeout_s / 4))
            self.wake.clear()
            self._on_poll()
            for worker in tuple(live):
                try:
                    if worker.done:
                        live.remove(worker)
                        self._ended(worker)
                    elif self._overdue(worker):
                        live.remove(worker)
                        replacement = self._give_up(worker, on_hang)
                        if replacement is not None:
                            live.append(replacement)
                            replacement.start(self)
                except (ProgramError, RunTrouble) as error:
                    trouble = trouble or error
        if trouble is not None:
            raise trouble

    def _ended(self, worker: Worker) -> None:
        for client in worker.clients:
            if client.lease.attempt is not None and not client.lease.revoked:
                self._recorder.revoke(client.lease, "the run ended while this was open")
        if worker.error is not None:
            raise worker.error

    def _overdue(self, worker: Worker) -> bool:
        """Whether one call takes too long, or the time in which a stopped run may finish its transactions is over."""
        now = time.monotonic_ns()
        if self._stop.is_set() and not self._stopped_ns:
            self._stopped_ns = now
        if worker.pulse.doing == JUDGING:
            return False
        since = min(worker.pulse.since_ns, self._stopped_ns or now)
        return now - since > self._op_timeout_s * 1e9

    def _give_up(self, worker: Worker, on_hang: Callable[[Worker, str], Worker | None]) -> Worker | None:
        worker.given_up = True
        doing, hung = worker.pulse.doing, worker.pulse.client
        for client in worker.clients:  # All at once: should the call return now, the thread goes no further.
            client.lease.revoked = True
        for client in worker.clients:
            sentence = "the run ended while this was open"
            if client.number == hung:
                sentence = f"{doing} did not return within {self._op_timeout_s:g} s"
            self._recorder.revoke(client.lease, sentence)
        return None if self._stop.is_set() else on_hang(worker, doing)
