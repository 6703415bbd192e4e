"""A judge that goes along with a run: what it is shown, when, and how it says that enough is known.

With `--schedule steps` it is asked between two actions on the only thread, so that the same run ends at the same
place; with threads by the thread that watches over them.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, Protocol

from harness.history import Txn

__all__ = ["Companion", "Glance", "Watch"]


class Glance(NamedTuple):
    """The run at one moment.

    `txns` ended since the last glance, in the order of the log; their ids count from 0 all that ended. `ended` is how
    many that are by now, `watermark` a moment before which none starts that ends later, `log_bytes` how much of
    the log is written.
    """

    txns: tuple[Txn, ...]
    ended: int
    watermark: int
    log_bytes: int


class Companion(Protocol):
    """The judge."""

    @property
    def due(self) -> int:
        """The number of ended transactions at which it wants its next glance."""
        ...

    @property
    def follows(self) -> bool:
        """Whether it wants the transactions themselves; otherwise it reads the log, and `Glance.txns` are empty."""
        ...

    def look(self, glance: Glance) -> str:
        """Judge; a sentence ends the run, an empty one does not."""
        ...


class Watch:
    """Collects what ended and what is open. Used under the recorder's lock."""

    def __init__(self, companion: Companion) -> None:
        self.companion = companion
        self.ended = 0
        self._latest = 0
        self._open: dict[Hashable, int] = {}
        self._txns: list[Txn] = []
        self._collecting = companion.follows

    @property
    def due(self) -> bool:
        """Whether it is time for a glance."""
        return self.ended >= self.companion.due

    def begun(self, client: Hashable, start: int) -> None:
        """A client's transaction began; one that it began before and never ended does not count any more."""
        self._open[client] = start

    def closed(self, client: Hashable) -> None:
        """The client has no open transaction any more."""
        self._open.pop(client, None)

    def took_place(self, txn: Txn) -> None:
        """A transaction ended; its id is given here."""
        if self._collecting:
            self._txns.append(txn._replace(id=self.ended))
        self._latest = max(self._latest, txn.end)
        self.ended += 1

    def glance(self, log_bytes: int) -> Glance:
        """What the companion is shown now."""
        self._collecting = True  # While it looks, it may come to follow from this very moment on.
        txns, self._txns = tuple(self._txns), []
        return Glance(txns, self.ended, min(self._open.values(), default=self._latest), log_bytes)

    def looked(self) -> None:
        """The companion has judged what it was shown."""
        self._collecting = self.companion.follows
        if not self._collecting:
            self._txns = []
