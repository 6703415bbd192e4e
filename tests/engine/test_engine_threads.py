"""Threads as the system runs them: nothing is lost, nothing is counted twice, and every reader sees one moment."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from engine import Conflict, Database, DatabaseClosed, IsolationLevel

SOAK = bool(os.environ.get("ANOMALIST_SOAK"))  # the whole, in minutes, by `make soak`


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
@pytest.mark.parametrize("round_number", range(50 if SOAK else 1))
def test_a_counter_loses_nothing(level: IsolationLevel, round_number: int, tmp_path: Any) -> None:
    """20 threads increment one durable counter 200 times each: it ends at exactly the acknowledged increments."""
    acknowledged = [0] * 20

    def increment(transaction: Any) -> int:
        value = int(transaction.get("n") or 0) + 1
        transaction.put("n", b"%d" % value)
        return value

    def work(number: int) -> None:
        latest = 0
        for _ in range(200):
            value = database.with_transaction(increment, retries=100_000, isolation=level)
            assert value > latest, "a thread saw less than it had written"
            latest = value
            acknowledged[number] += 1

    with Database.open(tmp_path / "db") as database:
        in_threads(20, work)
        assert acknowledged == [200] * 20
        assert database.get("n") == b"4000"
        assert database.stats()["newest"] == 4000
        database._check()
    with Database.open(tmp_path / "db") as database:
        assert database.get("n") == b"4000"


@pytest.mark.usefixtures("quick_switches")
def test_forty_writers_lose_nothing(tmp_path: Any) -> None:
    """40 threads put 100 keys each and overwrite a shared one: every value is there, byte by byte, also reopened."""
    expected = {b"%02d-%02d" % (thread, turn): b"%d" % (thread * turn) for thread in range(40) for turn in range(100)}

    def work(thread: int) -> None:
        for turn in range(100):
            key = b"%02d-%02d" % (thread, turn)
            with database.transaction() as transaction:
                transaction.put(key, expected[key])
                transaction.put(b"own %02d" % thread, b"%d" % turn)
            database.put("shared", b"%02d-%02d" % (thread, turn))
            assert database.get(key) == expected[key]

    with Database.open(tmp_path / "db") as database:
        in_threads(40, work)
        database._check()
        found = dict(database.scan())
        assert database.stats()["newest"] == 8000
    own = {b"own %02d" % thread: b"99" for thread in range(40)}
    shared = found.pop(b"shared")
    assert shared in expected
    assert found == expected | own
    with Database.open(tmp_path / "db") as database:
        assert dict(database.scan()) == expected | own | {b"shared": shared}


@pytest.mark.usefixtures("quick_switches")
def test_a_hundred_transactions_are_open_at_once() -> None:
    """100 threads each hold one open, over one snapshot: own keys all commit, of one common key only the first."""
    database = Database.open()
    database.put("common", b"0")
    barrier = threading.Barrier(100, timeout=60)  # A thread that fails must not leave the others waiting.
    outcomes: list[list[str]] = [[], []]

    def work(number: int) -> None:
        for turn, key in enumerate([b"%03d" % number, b"common"]):
            transaction = database.begin_transaction()
            assert transaction.get("common") == b"0"
            barrier.wait()
            if number == 0:
                assert database.stats()["active"] == 100
            barrier.wait()
            assert transaction.get("common") == b"0"
            transaction.put(key, b"%d by %d" % (turn, number))
            try:
                transaction.commit()
                outcomes[turn].append("committed")
            except Conflict:
                outcomes[turn].append("refused")
            barrier.wait()

    in_threads(100, work)
    assert outcomes[0] == ["committed"] * 100
    assert sorted(outcomes[1]) == ["committed"] + ["refused"] * 99
    assert database.get_batch([b"%03d" % number for number in range(100)]) == [b"0 by %d" % n for n in range(100)]
    assert (database.get("common") or b"").startswith(b"1 by ")
    database._check()
    assert database.stats()["active"] == 0


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
    barrier = threading.Barrier(2, timeout=60)

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
