"""Threads: races inside begin, commit, flush and pruning, explored one step at a time; and plain stress."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from engine_disk import WatchedVfs
from engine_turns import Turns

from engine import POINTS, Conflict, Database, DatabaseClosed, IsolationLevel, MemoryVfs
from engine.commit_log import CommitLog
from engine.proof.schedule import Ran, is_strictly_serializable
from engine.store import Store


def explore(seed: int, database_class: type[Database] = Database) -> list[str]:
    """Three threads run two random transactions each, the seed decides every switch; returns the points passed.

    Asserts that what committed is strictly serializable and that what was acknowledged survives a power loss.
    """
    random = Random(seed)
    turns = Turns(random)
    disk = MemoryVfs()
    vfs = WatchedVfs(disk, lambda step, path: turns.point(step) if step == "sync" else None)
    database = database_class.open("/db", vfs=vfs, latches=turns)  # type: ignore[arg-type]
    database.put_batch([(key, b"0") for key in "xyz"])
    ticks = iter(range(10**9))
    ran: list[Ran] = []
    images: list[tuple[MemoryVfs, int]] = []

    def client(name: str) -> None:
        choices = Random(f"{seed} {name}")
        for number in range(2):
            steps: list[tuple[str, str, Any]] = []
            start = next(ticks)
            transaction = database.begin_transaction()
            for _ in range(choices.randint(1, 3)):
                turns.point("step")
                steps.append(random_step(transaction, choices, f"{name}{number}.{len(steps)}".encode()))
            try:
                number_in_order = transaction.commit()
            except Conflict:
                continue
            images.append((disk.after_crash(lambda _: random.random() < 0.3), number_in_order))
            ran.append(Ran(f"{name}{number}", steps, start, next(ticks), "committed"))

    turns.run(*[lambda name=name: client(name) for name in "abc"])
    database._check()
    ran.append(Ran("end", [("s", "x~", database.scan("x", "~"))], next(ticks), next(ticks), "committed"))
    assert is_strictly_serializable(ran, "xyz"), seed
    for image, acknowledged in images:
        assert Database.open("/db", vfs=image).stats()["newest"] >= acknowledged, seed
    return turns.trace


def random_step(transaction: Any, choices: Random, value: bytes) -> tuple[str, str, Any]:
    kind, key = choices.choice("rrwwds"), choices.choice("xyz")
    if kind == "r":
        return kind, key, transaction.get(key)
    if kind == "s":
        return kind, key + "~", transaction.scan(key, "~")
    if kind == "w":
        transaction.put(key, value)
        return kind, key, value
    transaction.delete(key)
    return kind, key, None


def test_every_order_of_threads_is_right() -> None:
    """Whatever the order at the named points: strictly serializable, and acknowledged means on the disk."""
    passed: set[str] = set()
    for seed in range(700):
        passed.update(explore(seed))
    assert passed >= set(POINTS)


class BeginsWithoutTheMutex(Store):
    """The horizon may be computed between the choice of a snapshot and its registration."""

    def register_snapshot(self, *, may_pivot: bool = False) -> int:
        snap = self.seq
        assert self._point is not None
        self._point("begin")
        self._active[snap] = self._active.get(snap, 0) + 1
        self._active = dict(sorted(self._active.items()))
        if may_pivot:
            self._safety.writer_began(snap)
        return snap


class AcknowledgesBeforeTheFlush(CommitLog):
    def acknowledge(self, seq: int) -> None:
        if self._queue and self._queue[0][0] <= seq < self._queue[-1][0]:
            return  # Somebody behind us will flush it soon.
        super().acknowledge(seq)


class ReadersDoNotWait(CommitLog):
    """A thread waits for what it wrote, not for what it read."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._own: dict[int, int] = {}

    def append(self, seq: int, writes: bytes) -> None:
        self._own[threading.get_ident()] = seq
        super().append(seq, writes)

    def acknowledge(self, seq: int) -> None:
        if self._own.get(threading.get_ident()) == seq:
            super().acknowledge(seq)


def explore_many(count: int, database_class: type[Database]) -> None:
    for seed in range(count):
        explore(seed, database_class)


@pytest.mark.parametrize(
    "parts",
    [
        {"store_class": BeginsWithoutTheMutex},
        {"log_class": AcknowledgesBeforeTheFlush},
        {"log_class": ReadersDoNotWait},
    ],
    ids=lambda parts: next(iter(parts.values())).__name__,
)
def test_the_exploration_finds_races(parts: dict[str, type]) -> None:
    """A begin outside the mutex, an early acknowledgement and readers that do not wait are all found."""
    database_class = type("Wrong", (Database,), parts)
    with pytest.raises(AssertionError):
        explore_many(3_000, database_class)


def test_the_same_seed_repeats_the_same_order() -> None:
    """Threads are not left to chance: the trace of points is a function of the seed."""
    assert explore(42) == explore(42)
    assert explore(42) != explore(43)


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Let Python switch threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def in_threads(count: int, work: Any) -> None:
    """Run `work(number)` in so many threads; raises the first exception."""
    errors: list[BaseException] = []

    def live(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 — raised again below.
            errors.append(error)

    threads = [threading.Thread(target=live, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.usefixtures("quick_switches")
@pytest.mark.parametrize("level", [IsolationLevel.SERIALIZABLE, IsolationLevel.SNAPSHOT])
def test_a_counter_loses_nothing(level: IsolationLevel, tmp_path: Any) -> None:
    """20 threads increment one durable counter: it ends at exactly the acknowledged increments."""

    def increment(transaction: Any) -> None:
        transaction.put("n", b"%d" % (int(transaction.get("n") or 0) + 1))

    with Database.open(tmp_path / "db") as database:
        in_threads(
            20, lambda _: [database.with_transaction(increment, retries=10_000, isolation=level) for _ in range(50)]
        )
        assert database.get("n") == b"1000"
        assert database.stats()["newest"] == 1000
        database._check()
    with Database.open(tmp_path / "db") as database:
        assert database.get("n") == b"1000"


@pytest.mark.usefixtures("quick_switches")
def test_a_sum_stays_the_same_for_every_reader() -> None:
    """While threads move money, every committed reader, range reader and single scan sees the same total."""
    database = Database.open()
    accounts = [b"acc%d" % n for n in range(6)]
    database.put_batch([(account, b"100") for account in accounts])
    done = threading.Event()

    def move(transaction: Any, random: Random) -> None:
        giver, taker = random.sample(accounts, 2)
        amount = random.randint(1, 9)
        transaction.put(giver, b"%d" % (int(transaction.get(giver)) - amount))
        transaction.put(taker, b"%d" % (int(transaction.get(taker)) + amount))

    def work(number: int) -> None:
        random = Random(number)
        if number < 3:
            for _ in range(250):
                database.with_transaction(lambda transaction: move(transaction, random), retries=10_000)
                database._check()
            done.set()
        while not done.is_set():
            pairs = database.with_transaction(lambda transaction: transaction.scan_prefix("acc"), retries=10_000)
            assert sum(int(value) for _, value in pairs) == 600
            assert sum(int(value) for _, value in database.scan_prefix("acc")) == 600
            assert sum(int(value or 0) for value in database.get_batch(accounts)) == 600

    in_threads(5, work)
    database._check()
    assert database.stats()["active"] == 0
    assert database.stats()["remembered"] == 0


@pytest.mark.usefixtures("quick_switches")
def test_write_skew_never_happens_under_stress() -> None:
    """Two threads that each check both keys and clear one never leave both cleared."""
    database = Database.open()
    barrier = threading.Barrier(2)

    def work(number: int) -> None:
        for _ in range(300):
            if barrier.wait() == 0:
                database.put_batch([("x", b"1"), ("y", b"1")])
            barrier.wait()
            transaction = database.begin_transaction()
            if transaction.get("x") == b"1" and transaction.get("y") == b"1":
                transaction.put("xy"[number], b"0")
            with contextlib.suppress(Conflict):
                transaction.commit()
            barrier.wait()
            assert b"1" in database.get_batch(["x", "y"])

    in_threads(2, work)


@pytest.mark.usefixtures("quick_switches")
def test_closing_in_the_middle_keeps_what_was_acknowledged(tmp_path: Any) -> None:
    """Threads write while the database is closed: each ends with DatabaseClosed, and all it was told is there."""
    database = Database.open(tmp_path / "db")
    acknowledged: list[bytes] = []
    enough = threading.Event()

    def write(number: int) -> None:
        for turn in range(10**9):
            key = b"%d-%d" % (number, turn)
            database.put(key, b"")
            acknowledged.append(key)
            if len(acknowledged) > 200:
                enough.set()

    def work(number: int) -> None:
        if number == 0:
            enough.wait()
            database.close()
        else:
            with pytest.raises(DatabaseClosed):
                write(number)

    in_threads(6, work)
    with Database.open(tmp_path / "db") as reopened:
        assert {key for key, _ in reopened.scan()} >= set(acknowledged)
