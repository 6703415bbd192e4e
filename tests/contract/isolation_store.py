"""A correct multi-version store in plain Python: snapshots, and validation of all reads and writes at commit.

A transaction that wrote may commit only if nothing that it read or wrote has changed since its snapshot: it could
have run as a whole at its commit, and one that only read at its snapshot. That is strictly serializable, and wrong
only where `Lie` says so.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from threading import RLock
from typing import Any

from isolation_lies import Lie

from harness.surface import Refused

FILE = "store"


class Store:
    """{key: [(number of the commit, value or None)]}, oldest first."""

    def __init__(self, lie: Lie) -> None:
        self.lie = lie
        self.lock = RLock()
        self.commits = 0
        self.versions: dict[bytes, list[tuple[int, Any]]] = {}
        self.open: list[Transaction] = []

    def save(self, directory: Path) -> None:
        (directory / FILE).write_bytes(pickle.dumps((self.commits, self.versions)))

    def load(self, directory: Path) -> None:
        if (directory / FILE).exists():
            self.commits, self.versions = pickle.loads((directory / FILE).read_bytes())  # noqa: S301  Our own file.
        for key in [key for key in self.versions if self.lie.forgotten("open", key)]:
            self.versions[key].pop()

    def begin(self) -> Transaction:
        with self.lock:
            if len(self.open) >= self.lie.opens_max:
                raise RuntimeError(f"{len(self.open)} transactions are open already")
            transaction = Transaction(self)
            self.open.append(transaction)
            return transaction

    def newest(self, key: bytes) -> int:
        """The number of the commit that wrote the newest version."""
        return self.versions[key][-1][0] if self.versions.get(key) else 0


class Transaction:
    """`call` in every method is the name under which the read or write was asked for."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lie = store.lie
        self.snapshot = self.validated = store.commits
        self.read: set[bytes] = set()
        self.ranges: list[tuple[bytes, bytes]] = []
        self.written: dict[bytes, Any] = {}
        self.ended = False

    def get(self, key: bytes, call: str) -> Any:
        with self.store.lock:
            self._still_open(call)
            if self.lie.rebased(call, key) and not self.read:
                self.validated = self.store.commits
            if not self.lie.untracked(call, key):
                self.read.add(key)
            return self._seen(key, call)

    def scan(self, low: bytes, high: bytes, call: str) -> list[tuple[bytes, Any]]:
        with self.store.lock:
            self._still_open(call)
            if not self.lie.untracked(call, low):
                self.ranges.append((low, high))
            keys = {*self.store.versions, *self.written, *(key for one in self.store.open for key in one.written)}
            found = [(key, self._seen(key, call)) for key in sorted(keys) if low <= key < high]
            return [(key, value) for key, value in found if value is not None]

    def write(self, key: bytes, value: Any, call: str) -> None:
        with self.store.lock:
            self._still_open(call)
            self.written[key] = value
            if self.ended:
                self._install()  # Only where a lie let it get here.

    def commit(self) -> int:
        with self.store.lock:
            self._still_open("commit")
            if not self.ended and self.written and self._overtaken():
                self._end()
                raise Refused("conflict", "something that was read or written has changed")
            self._install()
            self._end()
            return self.store.commits

    def abort(self) -> None:
        with self.store.lock:
            self._still_open("abort")
            self.written = {key: value for key, value in self.written.items() if self.lie.kept("abort", key)}
            self._install()
            self._end()

    def _still_open(self, call: str) -> None:
        if self.ended and call not in self.lie.late:
            raise Refused("ended", "the transaction has ended")

    def _end(self) -> None:
        self.ended = True
        if self in self.store.open:
            self.store.open.remove(self)

    def _install(self) -> None:
        written = {key: value for key, value in self.written.items() if not self.lie.dropped("commit", key)}
        if written:
            self.store.commits += 1
            for key, value in written.items():
                self.store.versions.setdefault(key, []).append((self.store.commits, value))

    def _overtaken(self) -> bool:
        touched = {key for key in (*self.read, *self.written) if not self.lie.untracked("commit", key)}
        touched |= {key for key in self.store.versions for low, high in self.ranges if low <= key < high}
        refused = any(self.lie.refused("commit", key) for key in self.written)
        return refused or any(self.store.newest(key) > self.validated for key in touched)

    def _seen(self, key: bytes, call: str) -> Any:
        if self.lie.hidden(call, key):
            return None
        if key in self.written and not self.lie.blind(call, key):
            return self.written[key]
        if self.lie.dirty(call, key):
            others = [one.written[key] for one in self.store.open if one is not self and key in one.written]
            if others:
                return others[-1]
        last = self.store.commits if self.lie.latest(call, key) else self.snapshot
        return next((value for commit, value in reversed(self.store.versions.get(key, ())) if commit <= last), None)
