"""The seam to a database: what a target offers and what its sessions do.

    Aborted            the database refused the transaction, and surely none of it took effect
    TargetUnavailable  the target cannot be used here: a driver is missing, a server does not start

Only `Aborted` means "surely without effect". Any other exception from a session, a time-out included, makes
the transaction UNKNOWN, so that an adapter cannot lie by forgetting a case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.history import Op

__all__ = ["Aborted", "Capabilities", "Session", "Target", "TargetUnavailable"]


class Aborted(Exception):
    """The transaction surely had no effect. The text says why."""


class TargetUnavailable(Exception):
    """The target cannot be used on this machine. The text is one sentence with the remedy."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a target can do.

    `kinds`: operation kinds its sessions understand. `models`: data models beyond keys and values. `faults`:
    disturbances it can be put through, "restart" among them where it has a method `restart()`. `steps`: its calls
    never wait for another session, so that one thread can interleave sessions. `atomic_append`: an append never
    overwrites another one, at any level. `native`: its driver is native code in this process, and may take the
    process down with it.
    """

    kinds: frozenset[str] = frozenset({"r", "w", "append"})
    models: frozenset[str] = frozenset()
    faults: frozenset[str] = frozenset()
    steps: bool = False
    atomic_append: bool = False
    native: bool = False


class Session(Protocol):
    """One client's connection. The runner calls it from one thread at a time.

    A session may also have `timestamps() -> tuple[int, int] | None`, asked for after a commit that returned: the
    database's own numbers of that transaction's snapshot and commit. A snapshot sees the commits whose numbers are
    not above its own; who wrote nothing may have committed at its snapshot. None where there was no snapshot.
    """

    def begin(self) -> None:
        """Start a transaction."""
        ...

    def step(self, op: Op) -> Op:
        """Run one operation and return it completed, as `harness.history.KINDS` describes."""
        ...

    def commit(self) -> None:
        """Commit. Returning means that the database acknowledged. Raises Aborted where it refused."""
        ...

    def abort(self) -> None:
        """Give up the open transaction, if there is one. Also called after a failed step or commit."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...


class Target(Protocol):
    """A database under test.

    `levels` maps each level it can be run at to the level it thereby promises; the first is the default. A target
    may also have `restart()`, called where no session is open: end it as a crash would, and start it again with what
    it has kept.
    """

    name: str
    version: str
    settings: Mapping[str, str]
    levels: Mapping[str, str]
    capabilities: Capabilities

    def open(self) -> None:
        """Start it, empty. Raises TargetUnavailable with a sentence where that is impossible."""
        ...

    def session(self, level: str) -> Session:
        """A new connection whose transactions run at `level`, a key of `levels`."""
        ...

    def close(self) -> None:
        """Stop it and remove what it left behind."""
        ...
