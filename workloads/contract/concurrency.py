"""Section B, concurrency: many threads on one database, and whether what it acknowledged is there afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from harness.contract import Check, Handle, Observed, Ran, Rig, Scenario, answer, holds, same, tried
from harness.history import Status
from workloads.contract.performances import anomalies_of, performances
from workloads.contract.scripts import many_writers

__all__ = ["CONCURRENCY"]

_KEYS: Final = ("get", "put")


# B1

_THREADS: Final = 40
_PUTS: Final = 100
_SHARED_KEYS: Final = 10
_SHARED_PUTS: Final = 25
_SHOWN: Final = 3
_ENOUGH_S: Final = 15.0  # Nothing new is begun after this time.


class _Written(NamedTuple):
    """What was acknowledged, {key: value}, what was then found of it, and what kept puts from being acknowledged."""

    stored: dict[Any, Any]
    found: dict[Any, Any]
    errors: list[str]


def _concurrent_writes(rig: Rig) -> Iterator[Observed]:
    if rig.has(*_KEYS):
        db = rig.open()
        written = _by_puts(rig, db)
        yield from _compared(written)
        db.reopen()
        found = _read_back(db, written.stored)
        yield same("B1.4", _different(written.stored, found), [], "(key, found, put) that differ after reopening")
        yield _shared_keys(rig, db)
        yield _no_element_lost(_recorded(rig))
    else:
        ran = _recorded(rig)
        yield from _compared(_by_transactions(ran))
        yield _no_element_lost(ran)


def _compared(written: _Written) -> Iterator[Observed]:
    # Fewer where the database is slow: nobody begins another write when there was time enough.
    count = f"of {_THREADS * _PUTS} writes {len(written.stored)} were acknowledged"
    yield same("B1.1", written.errors[:_SHOWN], [], f"{count}; errors")
    missing = [key for key in written.stored if written.found.get(key) is None]
    yield same("B1.2", missing[:_SHOWN], [], f"{count}; missing of these")
    known = {key: value for key, value in written.stored.items() if key not in missing}
    yield same("B1.3", _different(known, written.found), [], "(key, found, written) that differ")


def _different(stored: dict[Any, Any], found: dict[Any, Any]) -> list[tuple[Any, Any, Any]]:
    return [(key, found.get(key), value) for key, value in stored.items() if found.get(key) != value][:_SHOWN]


def _by_puts(rig: Rig, db: Handle) -> _Written:
    """Each thread puts keys of its own, each by a call by itself."""
    stored: dict[Any, Any] = {}
    enough_s = rig.now() + _ENOUGH_S

    def work(number: int) -> None:
        for count in range(_PUTS):
            if rig.now() < enough_s:
                key, value = b"thread%d key%d" % (number, count), b"value%d.%d" % (number, count)
                db.call("put", key, value)
                stored[key] = value

    errors = [f"{type(one).__name__}: {one}" for one in rig.threads(_THREADS, work) if one is not None]
    return _Written(stored, _read_back(db, stored), errors)


def _read_back(db: Handle, keys: Iterable[bytes]) -> dict[Any, Any]:
    """In one transaction: some databases end every get by itself with a write to their log."""
    reader = db.begin()
    found = {key: reader.call("get", key) for key in keys}
    reader.commit()
    return found


def _recorded(rig: Rig) -> Ran:
    return rig.run("set", clients=_THREADS, txns=_THREADS * _PUTS, read_ratio=0.0, rollback_ratio=0.0)


def _by_transactions(ran: Ran) -> _Written:
    """What the clients of a recorded run wrote, and what its last reader found."""
    reader = ran.history.info.clients + 1
    txns = list(ran.history.txns())
    stored = {op.key: op.value for txn in txns if txn.status is Status.OK for op in txn.ops if op.kind == "w"}
    found = {op.key: op.value for txn in txns if txn.client == reader for op in txn.ops}
    errors = [txn.error for txn in txns if txn.status is not Status.OK]
    return _Written(stored, found, [*([ran.trouble] if ran.trouble else []), *errors])


def _shared_keys(rig: Rig, db: Handle) -> Observed:
    """All threads put to the same few keys. Each key must hold the last value of one of them."""
    keys = [b"shared%d" % number for number in range(_SHARED_KEYS)]
    last: list[dict[bytes, bytes]] = [{} for _ in range(_THREADS)]
    enough_s = rig.now() + _ENOUGH_S

    def work(number: int) -> None:
        for count in range(_SHARED_PUTS):
            if rig.now() > enough_s:
                return
            key, value = keys[count % _SHARED_KEYS], b"%d.%d" % (number, count)
            said = answer(partial(db.call, "put", key, value))
            if not said:
                last[number][key] = value
            elif said != "conflict":
                raise RuntimeError(f"a put to a shared key failed: {said}")

    errors = [str(one) for one in rig.threads(_THREADS, work) if one is not None]
    found = {key: db.call("get", key) for key in keys}
    wrong = [(key, found[key]) for key in keys if found[key] not in {one.get(key) for one in last}]
    return same("B1.5", [*errors, *wrong][:_SHOWN], [], "errors, and (key, value) that is nobody's last")


def _no_element_lost(ran: Ran) -> Observed:
    """Judged by the checker of the recorded history; a read that comes late is no loss."""
    broken = [one for one in anomalies_of(ran) if not one.name.endswith(("-realtime", "-process"))]
    wrong = ran.trouble or (f"{broken[0].name}: {broken[0].sentence}" if broken else "")
    count = int((ran.history.status == Status.OK).sum())
    return holds("B1.6", not wrong, wrong or f"{count} recorded transactions, and nothing was lost")


# B2

_CLIENTS: Final = 20
_ROUNDS: Final = (*(_CLIENTS,) * 14, 2, 4, 8, 2, 4, 8)  # how many clients in each
_TXNS: Final = 25  # of each client


def _counter(rig: Rig) -> Iterator[Observed]:
    rounds: list[tuple[int, Ran]] = []
    began = rig.now()
    for clients in _ROUNDS:
        rounds.append((clients, rig.run("counter", clients=clients, txns=clients * _TXNS, keys=1)))
        if rig.now() - began > _ENOUGH_S:
            break
    overlaps = sum(_overlaps(ran) for _, ran in rounds)
    assert overlaps or any(ran.trouble for _, ran in rounds), (
        "no two transactions ran at once, so nothing could have gone wrong"
    )
    sizes = ", ".join(f"{number} × {clients}" for clients, number in Counter(size for size, _ in rounds).items())
    yield _goodput([ran for _, ran in rounds], f"{overlaps} overlapping transactions in rounds of {sizes} clients")
    yield tried("B2.2", [_lost(ran) for _, ran in rounds], f"the counters are as acknowledged with {sizes} clients")


def _goodput(rounds: list[Ran], told: str) -> Observed:
    """Whether as many increments were acknowledged as there were rounds.

    Of transactions that meet, a database that makes progress lets one go on. Those that it refuses meanwhile may
    be many, and where two refuse each other nobody goes on for once: more than one in a round cannot be demanded.
    """
    trouble = [ran.trouble for ran in rounds if ran.trouble]
    acknowledged = sum(map(_acknowledged, rounds))
    begun = sum(len(ran.history) for ran in rounds)
    counts = f"{told}: of {begun} transactions {acknowledged} were acknowledged"
    return holds("B2.1", not trouble and acknowledged >= len(rounds), "; ".join([counts, *trouble[:1]]))


def _overlaps(ran: Ran) -> int:
    """Transactions that began before one that had begun earlier ended."""
    ends = np.maximum.accumulate(ran.history.end)
    return int((ran.history.start[1:] <= ends[:-1]).sum())


def _acknowledged(ran: Ran) -> int:
    reader = ran.history.info.clients + 1
    return int(((ran.history.status == Status.OK) & (ran.history.client != reader)).sum())


def _lost(ran: Ran) -> str:
    anomalies = {anomaly.name: anomaly for anomaly in anomalies_of(ran)}
    if not anomalies:
        return ran.trouble
    worst = anomalies.get("lost-increment", ran.findings.anomalies[0])
    return f"{', '.join(anomalies)}: {worst.sentence}"


# B3

_OPEN: Final = 100


def _open_at_once(rig: Rig) -> Iterator[Observed]:
    (conducted,) = performances(rig, many_writers(_OPEN))
    performance = conducted.performance
    written = [moment for moment in performance.moments if moment.step[0] == "w" and moment.outcome == "done"]
    errors = [moment.error for moment in performance.moments if moment.error]
    why = f" ({performance.trouble or errors[0]})" if performance.trouble or errors else ""
    yield same("B3.1", len(written), _OPEN, f"transactions that began and wrote{why}")
    yield same("B3.2", performance.committed, _OPEN, f"transactions that committed{why}")
    expected = {f"key{name}": name for name in performance.interleaving.sessions}
    yield same("B3.3", _different(expected, dict(performance.final)), [], "(key, found, written) that differ")


CONCURRENCY: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="B1",
        title="Concurrent writes",
        severity="critical",
        program=_concurrent_writes,
        impact="Under load, values that were acknowledged are missing or come back as others.",
        advice="Let concurrent writes of different keys touch no shared state without a lock.",
        checks=(
            Check("B1.1", "40 threads that each write 100 keys of their own meet no error."),
            Check("B1.2", "All 4000 keys are there afterwards."),
            Check("B1.3", "Each has the value that was written."),
            Check("B1.4", "They are as written after reopening.", _KEYS, True),
            Check("B1.5", "A key that all threads put to holds the last value of one of them.", _KEYS, True),
            Check("B1.6", "In a recorded history of 4000 writes by 40 clients nothing is lost.", ours=True),
        ),
    ),
    Scenario(
        id="B2",
        title="Concurrent counter",
        severity="critical",
        level="cursor-stability",
        program=_counter,
        impact="Commit reports success, and the write is gone: acknowledgements cannot be trusted.",
        advice="Validate and install a commit in one step that no other commit can come between.",
        time_limit_s=60.0,
        checks=(
            Check("B2.1", "20 clients that increment one counter at once do not keep one another from it for ever."),
            Check("B2.2", "The counter is the number of acknowledged increments."),
        ),
    ),
    Scenario(
        id="B3",
        title="Many open transactions",
        severity="high",
        program=_open_at_once,
        time_limit_s=60.0,  # Where each waits for the one before it, as in a database with one writer.
        impact="The number of transactions that can be open at once is less than a pool of clients needs.",
        advice="Keep what a transaction needs per transaction, and refuse only what conflicts.",
        checks=(
            Check("B3.1", "100 transactions are open at once, and each has written a key of its own."),
            Check("B3.2", "All of them commit: keys that differ are no conflict."),
            Check("B3.3", "Each key has the value that was written."),
        ),
    ),
)
