"""Multi-version storage and the life of a transaction: snapshot, judgement, installation, collection.

One mutex orders everything: a snapshot is chosen and registered under it, a commit is judged, installed and queued
for the log under it. Reads of a registered snapshot take no lock. What a commit installs is visible at once;
nothing is acknowledged, a read included, before the log has flushed everything it could have seen.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import ClassVar, NoReturn

from engine.clock import Clock
from engine.collection import Collector
from engine.commit_log import CommitLog
from engine.errors import Conflict, DatabaseClosed, EngineError, Poisoned, Unusable
from engine.expiry import Expiries
from engine.index import Index, Node, Writes
from engine.isolation import IsolationLevel
from engine.latch import Latches, Mutex
from engine.safe_snapshot import Candidate, SafeSnapshots
from engine.ssi import KeyRange, SerializableRule, range_read
from engine.wal import Encoded

__all__ = ["Store"]


class Store:
    """The versions, the running transactions and the order of commits.

    `seq` is the number of the newest commit. `log` is None for a database that lives in memory only.
    """

    rule_class: ClassVar[type[SerializableRule]] = SerializableRule
    collector_class: ClassVar[type[Collector]] = Collector

    def __init__(self, latches: Latches, mutex: Mutex, clock: Clock, log: CommitLog | None, seq: int = 0) -> None:
        self.index = Index()
        self.rule = self.rule_class(self.index)
        self.expiries = Expiries(self.index)
        self.seq = seq
        self.failure: Unusable | None = None
        self.commit_count = 0
        self.conflict_count = 0
        self._mutex = mutex
        self._point = latches.point
        self.clock = clock
        self._log = log
        self._active: dict[int, int] = {}  # snapshot → transactions that use it; ascending, as `seq` only grows
        self._collector = self.collector_class()
        self._safety = SafeSnapshots(latches)

    def load(self, newest: Mapping[bytes, Node]) -> None:
        """Start from what a recovery found, before the first transaction."""
        self.index.load(newest)
        self.expiries.load()

    # Running transactions

    def register_snapshot(self, *, may_pivot: bool = False) -> int:
        """Choose a snapshot and keep all that it needs until `release` or `commit`, with the same `may_pivot`.

        `may_pivot` says that the transaction is serializable and may write.
        """
        with self._mutex:
            return self._register(may_pivot)

    def register_reader(self, *, deferrable: bool) -> tuple[int, bool]:
        """A snapshot for a serializable transaction that writes nothing, and whether it is safe.

        Where it is to be `deferrable`, waits until one is; see `engine.safe_snapshot`.
        """
        while True:
            with self._mutex:
                snap = self._register(False)
                if self._safety.is_safe_now() or not deferrable:
                    return snap, self._safety.is_safe_now()
                candidate = self._safety.candidate(snap)
            try:
                safe = self._safety.wait(candidate, lambda: self.failure is not None)
            except BaseException:
                self._abandon(snap, candidate)
                raise
            if safe:
                return snap, True
            self._abandon(snap, candidate)

    def _abandon(self, snap: int, candidate: Candidate) -> None:
        with self._mutex:
            self._safety.forget(candidate)
            self._deregister(snap)
            self._prune()

    def release(self, snap: int, *, may_pivot: bool = False) -> None:
        """The transaction that registered `snap` ends without effect."""
        with self._mutex:
            self._deregister(snap)
            if may_pivot:
                self._safety.writer_ended(snap)
            self._prune()

    def finish_safe_reader(self, snap: int) -> None:
        """The transaction that reads a safe snapshot ends: there is nothing to judge and nothing to stamp."""
        with self._mutex:
            self._deregister(snap)
            self._prune()
        self.finish_reader(snap)

    def finish_reader(self, number: int) -> None:
        """A transaction without writes or a snapshot of its own ends: everything that it saw is made safe."""
        with self._mutex:
            self.refuse_unusable()
            self.commit_count += 1
        self.acknowledge(number)

    def commit(
        self,
        isolation: IsolationLevel,
        writes: Writes,
        reads: set[bytes],
        ranges: set[KeyRange],
        snap: int,
        *,
        may_pivot: bool = False,
    ) -> int:
        """End a transaction that registered `snap`; returns its number in the commit order.

        That is the new `seq` where it wrote, `snap` where it did not. Raises Conflict where the level refuses it;
        nothing of it remains then.
        """
        log = self._log
        try:
            payload = log.encode(writes) if writes and log is not None else None
        except BaseException:
            self.release(snap, may_pivot=may_pivot)
            raise
        with self._mutex:
            self._deregister(snap)
            try:
                self.refuse_unusable()
                number = self._judged(isolation is IsolationLevel.SERIALIZABLE, writes, payload, reads, ranges, snap)
                self.commit_count += 1
            except EngineError as error:
                self.conflict_count += isinstance(error, Conflict)
                raise
            finally:
                if may_pivot:
                    self._safety.writer_ended(snap)
                self._prune()
        if log is not None:
            log.acknowledge(number)
        return number

    def _judged(
        self,
        serializable: bool,
        writes: Writes,
        payload: Encoded | None,
        reads: set[bytes],
        ranges: set[KeyRange],
        snap: int,
    ) -> int:
        """Judge and install under the mutex."""
        if self._point is not None:
            self._point("validate")
        min_out = None
        if self.seq != snap:  # Otherwise nothing can be newer than what it saw.
            self.rule.refuse_lost_update(writes, snap)
            if serializable:
                min_out = self.rule.judge(writes, reads, ranges, snap)
        try:
            number = self._install(writes, payload) if writes else snap
            if writes and min_out is not None:
                self.rule.remember_out_edge(number, min_out)
                self._safety.committed(min_out)
            if serializable and self._active:
                self._stamp(reads, ranges, snap, number)
        except BaseException as error:  # As in `_install`.
            self.poison(error)
            raise
        return number

    def _stamp(self, reads: Iterable[bytes], ranges: Iterable[KeyRange], snap: int, number: int) -> None:
        # A stamp matters only to a transaction with an older snapshot, and none can begin any more.
        if self._active and self.horizon() < number:
            self.rule.remember_reads(reads, ranges, snap, number)

    def pairs(
        self, start: bytes, end: bytes | None, snap: int, limit: int | None, without: Container[bytes] = ()
    ) -> list[tuple[bytes, bytes]]:
        """The pairs of [start, end) as of `snap`; with `limit` the first of them that are not in `without`."""
        if limit is None:
            return self.index.visible_between(start, end, snap)
        return self.index.first_visible(start, end, snap, limit, without)

    # Single operations, each a serializable transaction of its own that cannot be refused: nothing commits between

    def write(self, writes: Writes) -> int:
        """Commit blind writes; returns their number. Also the commit of a READ_COMMITTED transaction."""
        log = self._log
        payload = log.encode(writes) if log is not None else None
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
            if self.expiries:
                self._expire()
            seq = self.seq
            node = self.index.versions.get(key)
            if self._active:
                self._stamp((key,), (), seq, seq)
        if self._log is not None:
            # No commit up to `seq` changed this version: it is as true of the state that is safe already.
            self._log.acknowledge(seq if node is None else node[0])
        return None if node is None else node[1]

    def read_many(self, keys: list[bytes]) -> list[bytes | None]:
        """The committed values of `keys`, all at one moment."""
        with self._mutex:
            seq = self.newest_now()
            chain = self.index.versions.get
            values = [None if (node := chain(key)) is None else node[1] for key in keys]
            self._stamp(keys, (), seq, seq)
        self.acknowledge(seq)
        return values

    def read_range(self, start: bytes, end: bytes | None, limit: int | None = None) -> list[tuple[bytes, bytes]]:
        """The committed (key, value) pairs of [start, end) in key order, all at one moment; the first `limit`."""
        with self._mutex:
            seq = self.newest_now()
            pairs = self.pairs(start, end, seq, limit)
            self._stamp((), (range_read(start, end, pairs, limit),), seq, seq)
        self.acknowledge(seq)
        return pairs

    # The newest committed state without a promise, for READ_COMMITTED

    def peek(self, key: bytes) -> tuple[bytes | None, int]:
        """The committed value of `key` and the number of the newest commit at that moment."""
        with self._mutex:
            seq = self.newest_now()
            node = self.index.versions.get(key)
            return None if node is None else node[1], seq

    def newest(self) -> int:
        """The number of the newest commit."""
        with self._mutex:
            return self.newest_now()

    def peek_range(
        self, start: bytes, end: bytes | None, limit: int | None = None, without: Container[bytes] = ()
    ) -> tuple[list[tuple[bytes, bytes]], int]:
        """`pairs` of the newest commit at that moment, and its number."""
        with self._mutex:
            seq = self.newest_now()
            return self.pairs(start, end, seq, limit, without), seq

    def acknowledge(self, number: int) -> None:
        """Return once everything up to commit `number` is as safe as the sync mode promises."""
        if self._log is not None:
            self._log.acknowledge(number)

    def close(self) -> int:
        """Refuse everything from now on; returns the newest commit."""
        with self._mutex:
            if self.failure is None:
                self.failure = DatabaseClosed("the database is closed")
            self._safety.wake()
            return self.seq

    def poison(self, cause: BaseException) -> None:
        """Refuse everything from now on, because a commit could not be completed or the log not be written."""
        what = str(cause) or type(cause).__name__
        self.failure = Poisoned(
            f"a commit could not be completed ({what}); open the database again to see what is kept"
        )
        self._safety.wake()

    def refuse_unusable(self) -> None:
        """Raise DatabaseClosed or Poisoned where the store is no longer usable."""
        if self.failure is not None:
            self._refuse(self.failure)

    def _refuse(self, failure: Unusable) -> NoReturn:
        # A new object each time: one that several threads raise would collect all their tracebacks.
        raise type(failure)(*failure.args)

    def remembered(self) -> int:
        """How much running transactions are judged by."""
        with self._mutex:
            return self.rule.remembered()

    def active_count(self) -> int:
        """How many transactions hold a snapshot."""
        with self._mutex:
            return sum(self._active.values())

    # Under the mutex

    def newest_now(self) -> int:
        """The newest commit, once everything that is due to end has ended."""
        self.refuse_unusable()
        if self.expiries:
            self._expire()
        return self.seq

    def _expire(self) -> None:
        expired = self.expiries.due(self.clock.now())
        if expired:
            try:
                payload = self._log.encode(expired) if self._log is not None else None
            except BaseException:
                self.expiries.watch(expired)  # They have not ended yet.
                raise
            self._install(expired, payload)
            self._prune()

    def _register(self, may_pivot: bool) -> int:
        snap = self.newest_now()
        if self._point is not None:
            self._point("begin")
        self._active[snap] = self._active.get(snap, 0) + 1
        if may_pivot:
            self._safety.writer_began(snap)
        return snap

    def _install(self, writes: Writes, payload: Encoded | None) -> int:
        if self._point is not None:
            self._point("install")
        number = self.seq + 1
        try:
            if self._log is not None and payload is not None:
                self._log.append(number, payload)
            hiding, ending = self.index.install(writes, number)
            if self._active:
                self._collector.watch(number, hiding)
            else:
                for node in hiding:  # Nobody runs who could see what they hide, or be first overwritten by it.
                    node[2] = None
            if ending:
                self.expiries.watch(ending)
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
        if self._collector.must_collect(horizon):
            self._collector.collect(list(self._active), self.seq)
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
            self._collector._check(horizon, list(self.index.every_version()))
            self._safety._check(self._active)
