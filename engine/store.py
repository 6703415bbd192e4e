"""Multi-version storage and the life of a transaction: snapshot, judgement, installation, collection.

One mutex orders everything: a snapshot is chosen and registered under it, a commit is judged, installed and queued
for the log under it. Reads of a registered snapshot take no lock. What a commit installs is visible at once;
nothing is acknowledged, a read included, before the log has flushed everything it could have seen.

A version may be dropped only when the version that hides it is at or below the horizon, the oldest registered
snapshot: an intermediate version that no snapshot sees is still somebody's first overwriter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import ClassVar, NoReturn

import msgspec

from engine.commit_log import CommitLog
from engine.errors import DatabaseClosed, EngineError, Poisoned, TransactionTooLarge, Unusable
from engine.index import Index, Node, Writes
from engine.isolation import IsolationLevel
from engine.latch import Latches, Mutex
from engine.ssi import KeyRange, SerializableRule
from engine.wal import PAYLOAD_LENGTH_MAX

__all__ = ["Store"]

_encode = msgspec.msgpack.Encoder().encode


class Store:
    """The versions, the running transactions and the order of commits.

    `seq` is the number of the newest commit. `log` is None for a database that lives in memory only.
    """

    rule_class: ClassVar[type[SerializableRule]] = SerializableRule

    def __init__(self, latches: Latches, mutex: Mutex, log: CommitLog | None, seq: int = 0) -> None:
        self.index = Index()
        self.rule = self.rule_class(self.index)
        self.seq = seq
        self.failure: Unusable | None = None
        self.commit_count = 0
        self.conflict_count = 0
        self._mutex = mutex
        self._point = latches.point
        self._log = log
        self._closed = False
        self._active: dict[int, int] = {}  # snapshot → transactions that use it; ascending, as `seq` only grows
        self._hiding: deque[tuple[int, list[Node]]] = deque()  # per commit: its versions that hide older ones

    def load(self, newest: Mapping[bytes, Node]) -> None:
        """Start from what a recovery found, before the first transaction."""
        self.index.load(newest)

    # Running transactions

    def register_snapshot(self) -> int:
        """Choose a snapshot and keep all that it needs until `release` or `commit`."""
        with self._mutex:
            self.refuse_unusable()
            snap = self.seq
            if self._point is not None:
                self._point("begin")
            self._active[snap] = self._active.get(snap, 0) + 1
        return snap

    def release(self, snap: int) -> None:
        """The transaction that registered `snap` ends without effect."""
        with self._mutex:
            self._deregister(snap)
            self._prune()

    def commit(
        self,
        isolation: IsolationLevel,
        writes: Writes,
        reads: set[bytes],
        ranges: set[KeyRange],
        snap: int,
    ) -> int:
        """End a transaction that registered `snap`; returns its number in the commit order.

        That is the new `seq` where it wrote, `snap` where it did not. Raises Conflict where the level refuses it;
        nothing of it remains then.
        """
        log = self._log
        try:
            payload = _encoded(writes) if writes and log is not None else b""
        except BaseException:
            self.release(snap)
            raise
        serializable = isolation is IsolationLevel.SERIALIZABLE
        with self._mutex:
            self._deregister(snap)
            self.refuse_unusable()
            try:
                if self._point is not None:
                    self._point("validate")
                min_out = None
                if self.seq != snap:  # Otherwise nothing can be newer than what it saw.
                    self.rule.refuse_lost_update(writes, snap)
                    if serializable:
                        min_out = self.rule.judge(writes, reads, ranges, snap)
            except EngineError:
                self.conflict_count += 1
                self._prune()
                raise
            if writes:
                number = self._install(writes, payload)
                if min_out is not None:
                    self.rule.remember_out_edge(number, min_out)
            else:
                number = snap
            # A stamp matters only to a transaction with an older snapshot, and none can begin any more.
            if serializable and self._active and self.horizon() < number:
                self.rule.remember_reads(reads, ranges, snap, number)
            self._prune()
            self.commit_count += 1
        if log is not None:
            log.acknowledge(number)
        return number

    # Single operations, each a serializable transaction of its own that cannot be refused: nothing commits between

    def write(self, writes: Writes) -> int:
        """Commit blind writes; returns their number. Also the commit of a READ_COMMITTED transaction."""
        log = self._log
        payload = _encoded(writes) if log is not None else b""
        with self._mutex:
            self.refuse_unusable()
            number = self._install(writes, payload)
            self._prune()
            self.commit_count += 1
        if log is not None:
            log.acknowledge(number)
        return number

    def read(self, key: bytes) -> bytes | None:
        """The committed value of `key`, None where there is none."""
        with self._mutex:
            if self.failure is not None:
                self.refuse_unusable()
            seq = self.seq
            node = self.index.versions.get(key)
            if self._active:
                self.rule.remember_reads((key,), (), seq, seq)
        if self._log is not None:
            # No commit up to `seq` changed this version: it is as true of the state that is safe already.
            self._log.acknowledge(seq if node is None else node[0])
        return None if node is None else node[1]

    def read_many(self, keys: list[bytes]) -> list[bytes | None]:
        """The committed values of `keys`, all at one moment."""
        with self._mutex:
            self.refuse_unusable()
            seq = self.seq
            chain = self.index.versions.get
            values = [None if (node := chain(key)) is None else node[1] for key in keys]
            if self._active:
                self.rule.remember_reads(keys, (), seq, seq)
        self.acknowledge(seq)
        return values

    def read_range(self, start: bytes, end: bytes | None) -> list[tuple[bytes, bytes]]:
        """The committed (key, value) pairs of [start, end) in key order, all at one moment."""
        with self._mutex:
            self.refuse_unusable()
            seq = self.seq
            pairs = self.index.visible_between(start, end, seq)
            if self._active:
                self.rule.remember_reads((), ((start, end),), seq, seq)
        self.acknowledge(seq)
        return pairs

    # The newest committed state without a promise, for READ_COMMITTED

    def peek(self, key: bytes) -> tuple[bytes | None, int]:
        """The committed value of `key` and the number of the newest commit at that moment."""
        with self._mutex:
            self.refuse_unusable()
            node = self.index.versions.get(key)
            return None if node is None else node[1], self.seq

    def newest(self) -> int:
        """The number of the newest commit."""
        with self._mutex:
            self.refuse_unusable()
            return self.seq

    def peek_range(self, start: bytes, end: bytes | None) -> tuple[list[tuple[bytes, bytes]], int]:
        """The committed pairs of [start, end) and the number of the newest commit at that moment."""
        with self._mutex:
            self.refuse_unusable()
            return self.index.visible_between(start, end, self.seq), self.seq

    def acknowledge(self, number: int) -> None:
        """Return once everything up to commit `number` is as safe as the sync mode promises."""
        if self._log is not None:
            self._log.acknowledge(number)

    def close(self) -> int | None:
        """Refuse everything from now on; returns the newest commit, None where somebody else has closed before."""
        with self._mutex:
            if self._closed:
                return None
            self._closed = True
            if self.failure is None:
                self.failure = DatabaseClosed("the database is closed")
            return self.seq

    def poison(self, cause: BaseException) -> None:
        """Refuse everything from now on, because the log could not be written."""
        self.failure = Poisoned(
            f"the log could not be written ({cause}); open the database again to see what is kept"
        )

    def refuse_unusable(self) -> None:
        """Raise DatabaseClosed or Poisoned where the store is no longer usable."""
        if self.failure is not None:
            self._refuse(self.failure)

    def _refuse(self, failure: Unusable) -> NoReturn:
        # A new object each time: one that several threads raise would collect all their tracebacks.
        raise type(failure)(*failure.args)

    def active_count(self) -> int:
        """How many transactions hold a snapshot."""
        with self._mutex:
            return sum(self._active.values())

    # Under the mutex

    def _install(self, writes: Writes, payload: bytes) -> int:
        if self._point is not None:
            self._point("install")
        number = self.seq + 1
        try:
            if self._log is not None:
                self._log.append(number, payload)
            hiding = self.index.install(writes, number)
            if hiding:
                self._hiding.append((number, hiding))
            if self._active:
                self.rule.remember_writes(writes, number)
            self.seq = number
        except BaseException as error:  # Memory ran out, or an interrupt: a commit in part must not be built upon.
            self.poison(error)
            raise
        return number

    def _deregister(self, snap: int) -> None:
        users = self._active[snap]
        if users == 1:
            del self._active[snap]
        else:
            self._active[snap] = users - 1

    def horizon(self) -> int:
        """The oldest snapshot in use; the newest commit where there is none."""
        return next(iter(self._active)) if self._active else self.seq

    def _prune(self) -> None:
        horizon = self.horizon()
        if self._point is not None:
            self._point("prune")
        hiding = self._hiding
        while hiding and hiding[0][0] <= horizon:
            for node in hiding.popleft()[1]:
                node[2] = None
        self.rule.forget(horizon, self.seq)
        self.index.drop_dead(horizon)

    def _check(self) -> None:
        """Assert the invariants of the store, its index and its rule. For tests: walks everything."""
        with self._mutex:
            horizon = self.horizon()
            assert list(self._active) == sorted(self._active), "snapshots are not in order"
            assert all(users > 0 for users in self._active.values()), "a snapshot without a transaction"
            assert not self._active or max(self._active) <= self.seq, "a snapshot from the future"
            self.index._check(self.seq)
            self.rule._check(horizon, self.seq)
            hidden = {id(node) for _, nodes in self._hiding for node in nodes}
            for node in self.index.every_version():
                if node[2] is not None:
                    assert id(node) in hidden, "an old version that nothing will collect"
                    assert node[0] > horizon, "an old version that no snapshot and no judgement needs"
            assert all(seq > horizon for seq, _ in self._hiding), "collection is behind the horizon"


def _encoded(writes: Writes) -> bytes:
    payload = _encode(writes)
    if len(payload) > PAYLOAD_LENGTH_MAX:
        raise TransactionTooLarge(f"one transaction writes at most {PAYLOAD_LENGTH_MAX} bytes")
    return payload
