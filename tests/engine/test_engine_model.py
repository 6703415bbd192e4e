"""The database against a plain dict, over any sequence of calls, crashes and reopenings."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine import Database, IsolationLevel, MemoryVfs
from engine.codec import CODECS
from engine.keys import prefix_end

KEYS = st.sampled_from([b"a", b"aa", b"aa\0", b"aab", b"b", b"\xff", b"\xff\xff", b"\xff\xff\x01"])
VALUES = st.binary(max_size=3)
WRITES = st.lists(st.tuples(KEYS, st.none() | VALUES), max_size=6)


class DatabaseIsADict(RuleBasedStateMachine):
    """Each rule does the same to the database and to a dict; one transaction may be open beside the single calls.

    `ends` says when a value of the model ends. The machine is its own clock, which moves when a rule says so.
    """

    def now(self) -> float:
        return self.seconds

    def open(self, path: str = "/db") -> Database:
        return Database.open(path, self.sync, vfs=self.disk, clock=self)

    @initialize(sync=st.sampled_from(["full", "normal", "off"]))
    def start(self, sync: str) -> None:
        self.sync = sync
        self.seconds = 1000.0
        self.disk = MemoryVfs()
        self.database = self.open()
        self.model: dict[bytes, bytes] = {}
        self.ends: dict[bytes, float] = {}
        self.transaction: Any = None
        self.view: dict[bytes, bytes] = {}
        self.backups = 0

    def set(self, key: bytes, value: bytes | None, ttl_seconds: float | None = None) -> None:
        self.ends.pop(key, None)
        self.model.pop(key, None)
        if value is not None:
            self.model[key] = value
            if ttl_seconds is not None:
                self.ends[key] = self.seconds + ttl_seconds

    @rule(key=KEYS, value=VALUES, ttl_seconds=st.none() | st.sampled_from([1, 2.5, 9]))
    def put(self, key: bytes, value: bytes, ttl_seconds: float | None) -> None:
        self.database.put(key, value, ttl_seconds=ttl_seconds)
        self.set(key, value, ttl_seconds)

    @rule(seconds=st.sampled_from([0.5, 1, 5]))
    def time_passes(self, seconds: float) -> None:
        self.seconds += seconds
        for key in [key for key, end in self.ends.items() if end <= self.seconds]:
            self.set(key, None)

    @rule(name=st.sampled_from(sorted(CODECS)))
    def switch_codec(self, name: str) -> None:
        self.database.compression = name

    @rule()
    def checkpoint(self) -> None:
        self.database.checkpoint()

    @rule()
    def back_up_and_restore(self) -> None:
        self.backups += 1
        backup = self.database.backup(f"/backup{self.backups}")
        assert Database.verify_backup(f"/backup{self.backups}", vfs=self.disk) == backup
        Database.restore(f"/backup{self.backups}", f"/restored{self.backups}", vfs=self.disk)
        with self.open(f"/restored{self.backups}") as restored:
            assert restored.scan() == sorted(self.model.items())

    @rule(key=KEYS)
    def delete(self, key: bytes) -> None:
        self.database.delete(key)
        self.set(key, None)

    @rule(pairs=st.lists(st.tuples(KEYS, VALUES), max_size=6))
    def put_batch(self, pairs: list[tuple[bytes, bytes]]) -> None:
        assert self.database.put_batch(pairs) == len(pairs)
        for key, value in pairs:
            self.set(key, value)

    @rule(keys=st.lists(KEYS, max_size=6))
    def delete_batch(self, keys: list[bytes]) -> None:
        assert self.database.delete_batch(keys) == len(set(keys) & set(self.model))
        for key in keys:
            self.set(key, None)

    @rule(writes=WRITES, undone=WRITES, commits=st.booleans(), level=st.sampled_from(IsolationLevel))
    def transact(
        self,
        writes: list[tuple[bytes, bytes | None]],
        undone: list[tuple[bytes, bytes | None]],
        commits: bool,
        level: IsolationLevel,
    ) -> None:
        transaction = self.database.begin_transaction(level)
        view = dict(self.model)
        transaction.savepoint("start")
        for key, value in undone:
            transaction.put(key, value) if value is not None else transaction.delete(key)
        transaction.rollback_to("start")
        for key, value in writes:
            if value is None:
                transaction.delete(key)
                view.pop(key, None)
            else:
                transaction.put(key, value)
                view[key] = value
            assert transaction.get(key) == value
            assert transaction.scan() == sorted(view.items())
        if commits:
            transaction.commit()
            for key, value in writes:
                self.set(key, value)
            assert self.model == view
        else:
            transaction.abort()

    @precondition(lambda self: self.transaction is None)
    @rule(deferrable=st.booleans())
    def hold_a_snapshot(self, deferrable: bool) -> None:
        self.transaction = self.database.begin_transaction(read_only=True, deferrable=deferrable)
        self.view = dict(self.model)
        assert self.transaction.scan() == sorted(self.view.items())

    @precondition(lambda self: self.transaction is not None)
    @rule(key=KEYS)
    def read_the_snapshot(self, key: bytes) -> None:
        assert self.transaction.get(key) == self.view.get(key)
        assert self.transaction.scan() == sorted(self.view.items())

    @precondition(lambda self: self.transaction is not None)
    @rule()
    def give_up_the_snapshot(self) -> None:
        self.transaction.commit()
        self.transaction = None

    @rule(start=KEYS, end=st.none() | KEYS)
    def scan(self, start: bytes, end: bytes | None) -> None:
        inside = [
            (key, value) for key, value in sorted(self.model.items()) if start <= key and (not end or key < end)
        ]
        assert self.database.scan(start, end) == inside
        prefixed = [pair for pair in sorted(self.model.items()) if pair[0].startswith(start)]
        assert self.database.scan_prefix_unchecked(start) == prefixed
        assert prefix_end(start) is None or prefix_end(start) > start

    @rule(keys=st.lists(KEYS, max_size=6))
    def read(self, keys: list[bytes]) -> None:
        assert self.database.get_batch(keys) == [self.model.get(key) for key in keys]
        assert [self.database.get(key) for key in keys] == [self.model.get(key) for key in keys]

    @rule()
    def reopen(self) -> None:
        self.database.close()
        self.transaction = None
        self.database = self.open()

    @precondition(lambda self: self.sync == "full")
    @rule(random=st.randoms(use_true_random=False))
    def lose_power(self, random: Any) -> None:
        self.disk = self.disk.after_crash(lambda _: random.random() < 0.5)
        self.transaction = None
        self.database = self.open()

    @invariant()
    def everything_is_there(self) -> None:
        if hasattr(self, "database"):
            self.database._check()
            assert self.database.scan() == sorted(self.model.items())
            assert self.database.stats()["keys"] == len(self.model)


TestDatabaseIsADict = DatabaseIsADict.TestCase
TestDatabaseIsADict.__doc__ = "Any sequence of calls, reopenings and power losses leaves what a dict would hold."
TestDatabaseIsADict.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
