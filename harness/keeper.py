"""The thread that opens a target, restarts it and closes it: always the same, as some drivers demand."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from harness.target import Target, TargetUnavailable
from harness.trouble import described

__all__ = ["CLOSE_TIMEOUT_S", "OPEN_TIMEOUT_S", "Keeper"]

OPEN_TIMEOUT_S = 60.0
CLOSE_TIMEOUT_S = 10.0
_POLL_S = 0.05


class Keeper:
    """Opens, restarts and closes one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._opened = threading.Event()
        self._wanted: SimpleQueue[str] = SimpleQueue()
        self._restarted = threading.Event()
        self._closed = threading.Event()
        self._open_error: BaseException | None = None
        self._restart_error: BaseException | None = None
        self._close_error: BaseException | None = None

    def open(self, stop: threading.Event) -> None:
        """Start the target; returns early, with the target not open, when `stop` is set. Raises TargetUnavailable."""
        threading.Thread(target=self._keep, name="anomalist target", daemon=True).start()
        left_s = OPEN_TIMEOUT_S
        while not self._opened.wait(min(_POLL_S, left_s)) and not stop.is_set():
            left_s -= _POLL_S
            if left_s <= 0:
                self._wanted.put("close")
                raise TargetUnavailable(f"the target {self._target.name} did not start within {OPEN_TIMEOUT_S:g} s")
        error = self._open_error
        if isinstance(error, TargetUnavailable):
            raise error
        if error is not None:
            raise TargetUnavailable(f"the target {self._target.name} does not start: {described(error)}") from error

    def restart(self) -> str:
        """Restart the target; a sentence where that failed or does not end."""
        self._restart_error = None
        self._restarted.clear()
        self._wanted.put("restart")
        if not self._restarted.wait(OPEN_TIMEOUT_S):
            return f"the target hangs: its restart did not end within {OPEN_TIMEOUT_S:g} s"
        if self._restart_error is not None:
            return f"the target does not come back from its restart: {described(self._restart_error)}"
        return ""

    def close(self) -> str:
        """Stop the target; a sentence where that failed or does not end."""
        self._wanted.put("close")
        if not self._closed.wait(CLOSE_TIMEOUT_S):
            return f"the target hangs: its close did not end within {CLOSE_TIMEOUT_S:g} s"
        if self._close_error is not None:
            return f"the target could not be closed: {described(self._close_error)}"
        return ""

    def _keep(self) -> None:
        try:
            self._target.open()
        except BaseException as error:  # noqa: BLE001  Carried to the thread that waits.
            self._open_error = error
            self._closed.set()
            return
        finally:
            self._opened.set()
        while self._wanted.get() == "restart":
            try:
                getattr(self._target, "restart")()  # noqa: B009  A target may do without.
            except BaseException as error:  # noqa: BLE001  Carried to the thread that waits.
                self._restart_error = error
            self._restarted.set()
        try:
            self._target.close()
        except BaseException as error:  # noqa: BLE001  As above.
            self._close_error = error
        finally:
            self._closed.set()
