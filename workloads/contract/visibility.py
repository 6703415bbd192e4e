"""A3, A4 and A5: a transaction sees one committed state of the database, and its own writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.contract import (
    Check,
    Conducted,
    Handle,
    Observed,
    Ran,
    Rig,
    Scenario,
    Skipped,
    Transaction,
    answer,
    holds,
    same,
    tried,
)
from harness.history import Status, Txn
from harness.surface import Lacking
from workloads.contract.performances import fault, performances, reads_before_commits, refutation, transactions
from workloads.contract.rivals import interleaved, outcome_of, seen_by_every_call
from workloads.contract.scripts import CHANGED_ROWS, NEW_ROW, OWN_WRITES, ROWS, UNDONE_WRITE

__all__ = ["DIRTY_READ", "PHANTOM", "READ_YOUR_WRITES"]

_SNAPSHOT: Final = "consistent-view"
_COMMITTED: Final = "read-committed"
_KEYS: Final = ("get", "put")
_SCANS: Final = ("put", "delete", "scan")
_CLIENTS: Final = 8
_TXNS: Final = 400

Rows = Mapping[Any, Any]


# A3


def _phantom(rig: Rig) -> Iterator[Observed | Skipped]:
    conducted = list(performances(rig, NEW_ROW))
    yield tried("A3.1", list(map(_first_scan, conducted)), "the first scan found the five rows")
    yield tried("A3.2", list(map(_second_scan, conducted)), "the second scan found the same rows")
    yield tried("A3.3", list(map(_new_scan, conducted)), "a new scan found the sixth row as well")
    changed = [_second_scan(one) or _new_scan(one) for one in performances(rig, CHANGED_ROWS)]
    yield tried("A3.4", changed, "the second scan found the same rows")
    if rig.has(*_SCANS):
        yield interleaved(rig, "A3.5", lambda db: [_scans_of_a_snapshot(rig, db)], "every call found the same")


def _committed(conducted: Conducted, session: str) -> Txn | None:
    """The transaction of a session if it committed: the reads of one that was refused do not count."""
    txn = transactions(conducted.performance).get(session)
    return txn if txn is not None and txn.status is Status.OK else None


def _scans(conducted: Conducted, session: str) -> list[Rows]:
    """What the scans of a session found that committed."""
    txn = _committed(conducted, session)
    return [op.value for op in txn.ops if op.kind == "scan"] if txn is not None else []


def _first_scan(conducted: Conducted) -> str:
    """Whoever had to wait for the insert finds the sixth row, and rightly."""
    early = [op.value for session, op in reads_before_commits(conducted.performance) if session == "T1"][:1]
    if not _scans(conducted, "T1") or early in ([], [ROWS]):
        return ""
    return f"before any commit a scan of five rows found {early[0]}"


def _second_scan(conducted: Conducted) -> str:
    found = _scans(conducted, "T1")
    if any(one != found[0] for one in found):
        return f"one transaction scanned {found[0]} and then {found[1]}"
    return fault(conducted, _SNAPSHOT)


def _new_scan(conducted: Conducted) -> str:
    """The rows that were there, with what T2 did to them if it committed."""
    expected: dict[Any, Any] = dict(ROWS)
    change = _committed(conducted, "T2")
    for op in change.ops if change is not None else ():
        if op.kind == "delete":
            del expected[op.key]
        else:
            expected[op.key] = op.value
    found = _scans(conducted, "T3")
    return "" if found == [expected] else f"a scan begun after all commits found {found} instead of {expected}"


def _scans_of_a_snapshot(rig: Rig, db: Handle) -> str:
    """One row is put, one changed and one deleted, each by a put of its own, while a transaction is open."""
    rows = [(b"snapshot row %d" % number, b"%d" % number) for number in range(1, 6)]
    for key, value in rows:
        db.call("put", key, value)
    transaction = db.begin()
    listed = transaction.call("scan", b"snapshot row", b"snapshot rox")
    db.call("put", b"snapshot row 6", b"6")
    db.call("put", rows[0][0], b"changed")
    db.call("delete", rows[1][0])
    again = transaction.call("scan", b"snapshot row", b"snapshot rox")
    wrong = [seen_by_every_call(rig, transaction, *row)[0] for row in (rows[0], rows[1], (b"snapshot row 6", None))]
    fate = outcome_of(transaction, lambda on: None)
    if fate:  # What a transaction saw counts only if it may commit.
        return "" if fate == "conflict" else f"the commit of a transaction that only read was refused with {fate}"
    if listed != rows or again != rows:
        return f"of {rows} a transaction scanned {listed} and then {again}"
    return next((f"in the same transaction {one}" for one in wrong if one), "")


# A4


def _dirty_read(rig: Rig) -> Iterator[Observed | Skipped]:
    conducted = list(performances(rig, UNDONE_WRITE))
    yield tried("A4.1", list(map(_dirty, conducted)), "the reader saw the original value")
    yield tried("A4.2", list(map(_undone, conducted)), "the original value was there after the abort")
    yield _rolled_back(rig.run("list-append", clients=_CLIENTS, txns=_TXNS, rollback_ratio=0.5))
    if rig.has(*_KEYS):
        yield interleaved(rig, "A4.4", lambda db: _uncommitted(rig, db), "every call saw what is committed")
        yield _undone_after_reopen(rig)


def _dirty(conducted: Conducted) -> str:
    if broken := fault(conducted, _COMMITTED):
        return broken
    written = [moment.outcome for moment in conducted.performance.moments if moment.step == "w1"]
    if "done" not in written:
        return f"the write that was to be taken back did not succeed: {', '.join(written)}"
    reader = _committed(conducted, "T2")
    seen = [op.value for op in reader.ops] if reader is not None else [1]
    return "" if seen == [1] else f"the reader saw {seen} instead of the original 1"


def _undone(conducted: Conducted) -> str:
    performance = conducted.performance
    if performance.status("T1") is not Status.ABORTED:
        return "the abort did not succeed"
    stored = performance.final.get("undone")
    return "" if stored == 1 else f"after the abort {stored!r} was stored instead of the original 1"


def _rolled_back(ran: Ran) -> Observed:
    aborted = int((ran.history.status == Status.ABORTED).sum())
    broken = ran.trouble or refutation(ran, _COMMITTED)
    assert aborted or broken, "no transaction was rolled back, so nothing could have been seen of one"
    told = f"of {len(ran.history)} transactions by {_CLIENTS} clients {aborted} were taken back"
    return holds("A4.3", not broken, f"{told}: {broken}" if broken else f"{told}, and nobody saw anything of them")


def _uncommitted(rig: Rig, db: Handle) -> list[str]:
    db.call("put", b"committed", b"original")
    db.call("put", b"committed too", b"original")
    writer = db.begin()
    writer.call("put", b"committed", b"uncommitted")
    writer.call("put", b"not there", b"uncommitted")
    if rig.has("delete"):
        writer.call("delete", b"committed too")
    stored = {b"committed": b"original", b"committed too": b"original", b"not there": None}
    open_failures = [seen_by_every_call(rig, db, key, value)[0] for key, value in stored.items()]
    writer.abort()
    return [*open_failures, *(seen_by_every_call(rig, db, key, value)[0] for key, value in stored.items())]


def _undone_after_reopen(rig: Rig) -> Observed:
    db = rig.open()
    db.call("put", b"key", b"original")
    writer = db.begin()
    writer.call("put", b"key", b"uncommitted")
    writer.abort()
    db.reopen()
    return same("A4.5", db.call("get", b"key"), b"original", "the value after abort and reopening")


# A5


def _own_writes(rig: Rig) -> Iterator[Observed | Skipped]:
    (conducted,) = performances(rig, OWN_WRITES)
    txn = transactions(conducted.performance)["T1"]
    seen = [op.value for op in txn.ops if op.kind == "r"]
    yield same("A5.1", seen[:1], ["first"], "what a transaction read after its write")
    yield same("A5.2", [*seen[1:], conducted.performance.final.get("own")], ["second", "second"], "then, and at last")
    if rig.has(*_KEYS):
        db = rig.open()
        yield _by_every_call(rig, db)
        if rig.has("delete"):
            yield _own_delete(rig, db)
        if rig.has("put_batch"):
            yield _own_batch(rig, db)


def _within(rig: Rig, transaction: Transaction, expected: Mapping[bytes, bytes | None]) -> tuple[str, list[str]]:
    """What the first call that is wrong says of one of these keys, and the calls that were asked."""
    told = [seen_by_every_call(rig, transaction, key, value) for key, value in expected.items()]
    transaction.commit()
    return next((wrong for wrong, _ in told if wrong), ""), told[0][1]


def _by_every_call(rig: Rig, db: Handle) -> Observed:
    db.call("put", b"own write", b"initial")
    transaction = db.begin()
    transaction.call("put", b"own write", b"first")
    transaction.call("put", b"own new key", b"second")
    wrong, asked = _within(rig, transaction, {b"own write": b"first", b"own new key": b"second"})
    return holds("A5.3", not wrong, wrong or f"asked by {', '.join(asked)}")


def _own_delete(rig: Rig, db: Handle) -> Observed:
    db.call("put", b"own delete", b"initial")
    transaction = db.begin()
    transaction.call("delete", b"own delete")
    wrong, asked = _within(rig, transaction, {b"own delete": None})
    return holds("A5.4", not wrong, wrong or f"asked by {', '.join(asked)}")


def _own_batch(rig: Rig, db: Handle) -> Observed | Skipped:
    transaction = db.begin()
    try:
        transaction.call("put_batch", [(b"own batch 1", b"1"), (b"own batch 2", b"2")])
    except Lacking as lacking:
        answer(transaction.abort)
        return Skipped("A5.5", str(lacking))
    wrong, asked = _within(rig, transaction, {b"own batch 1": b"1", b"own batch 2": b"2"})
    return holds("A5.5", not wrong, wrong or f"asked by {', '.join(asked)}")


PHANTOM: Final = Scenario(
    id="A3",
    title="Phantom read",
    severity="critical",
    level=_SNAPSHOT,
    kinds=("scan", "delete"),
    program=_phantom,
    impact="A report that lists rows twice adds up rows that were not there when it began: its sums contradict.",
    advice="Let every read and scan of a transaction see the snapshot that it began with.",
    checks=(
        Check("A3.1", "A scan of five rows finds exactly these."),
        Check("A3.2", "A second scan in the same transaction finds the same rows after another one put a sixth."),
        Check("A3.3", "A scan that begins after the commit finds all six."),
        Check(
            "A3.4", "A second scan finds the same rows after another transaction changed and deleted some.", ours=True
        ),
        Check("A3.5", "No call within a transaction shows what was put or deleted since it began.", _SCANS, True),
    ),
)

DIRTY_READ: Final = Scenario(
    id="A4",
    title="Dirty read",
    severity="critical",
    level=_COMMITTED,
    program=_dirty_read,
    impact="Readers act on values that are taken back afterwards, and so never were.",
    advice="Show a transaction's writes to nobody else before it commits.",
    checks=(
        Check("A4.1", "A reader sees the original value while a writer's new one is not committed."),
        Check("A4.2", "The original value is there after the writer's abort."),
        Check("A4.3", "Nobody among many clients ever sees what a transaction took back.", ours=True),
        Check("A4.4", "No call shows the writes and deletes of an open transaction.", _KEYS, True),
        Check("A4.5", "The original value is there after abort and reopening.", _KEYS, True),
    ),
)

READ_YOUR_WRITES: Final = Scenario(
    id="A5",
    title="Read your writes",
    severity="high",
    program=_own_writes,
    impact="A transaction that reads back what it wrote goes on with an older value and writes nonsense.",
    advice="Look into the transaction's own writes before its snapshot, in every call that reads.",
    checks=(
        Check("A5.1", "A transaction reads the value that it has just written."),
        Check("A5.2", "After a second write it reads that one, and that one is stored."),
        Check("A5.3", "Every call that reads shows the transaction's own writes.", _KEYS, True),
        Check("A5.4", "No call that reads shows what the transaction itself deleted.", (*_KEYS, "delete"), True),
        Check("A5.5", "Every call that reads shows the transaction's own batch.", (*_KEYS, "put_batch"), True),
    ),
)
