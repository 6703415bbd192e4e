"""What the engine's surface promises beside isolation and durability, as small checks that can fail.

Each check is a function of a database class and raises Mismatch with a sentence where a promise is broken. They run
in memory, on a clock that the check turns.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from engine.codec import CODECS
from engine.database import Database
from engine.errors import (
    Conflict,
    Corrupt,
    DatabaseClosed,
    InvalidKey,
    InvalidPath,
    InvalidValue,
    Locked,
    ReadOnly,
    TransactionClosed,
)
from engine.isolation import IsolationLevel
from engine.keys import KEY_LENGTH_MAX, RESERVED
from engine.memory_vfs import MemoryVfs
from engine.transaction import Transaction

__all__ = ["CHECKS", "Check", "Mismatch", "find_mismatch"]


class Mismatch(Exception):
    """A promise is broken. The text says which, what was expected and what was seen."""


class Check(NamedTuple):
    """One row: a name, what is promised, and the function that tries it."""

    name: str
    sentence: str
    run: Callable[[type[Database]], None]


def find_mismatch(database_class: type[Database], name: str) -> str | None:
    """The sentence of the check's mismatch, None where the promise is kept. An exception is a mismatch too."""
    try:
        CHECKS[name].run(database_class)
    except Mismatch as mismatch:
        return str(mismatch)
    except Exception as error:  # noqa: BLE001  Whatever a broken engine raises is not what was promised.
        return f"{name}: {type(error).__name__}: {error}"
    return None


def _same(seen: object, expected: object, what: str) -> None:
    if seen != expected:
        raise Mismatch(f"{what}: expected {expected!r}, saw {seen!r}")


def _refused(kind: type[Exception], call: Callable[[], object], what: str) -> None:
    try:
        found = call()
    except kind:
        return
    raise Mismatch(f"{what}: expected {kind.__name__}, got {type(found).__name__}")


class _Watch:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds


def _own_writes(database_class: type[Database]) -> None:
    database = database_class.open()
    database.put_batch([("aa", b"0"), ("ab", b"0")])
    with database.transaction() as transaction:
        transaction.put("aa", b"1")
        transaction.delete("ab")
        transaction.put("ac", b"1")
        _same(transaction.get("aa"), b"1", "a transaction reads what it wrote")
        _same(transaction.exists("ab"), False, "a transaction does not read what it deleted")
        _same(transaction.scan_prefix("aa"), [(b"aa", b"1")], "a scan sees the transaction's own writes")
        _same(database.scan(), [(b"aa", b"0"), (b"ab", b"0")], "nobody else sees what is not committed")
    _same(database.scan(), [(b"aa", b"1"), (b"ac", b"1")], "after commit everybody sees all of it")


def _lifecycle(database_class: type[Database]) -> None:
    database = database_class.open()
    for end in (Transaction.commit, Transaction.abort):
        transaction = database.begin_transaction()
        transaction.put("kept", b"1")
        end(transaction)
        _refused(TransactionClosed, transaction.commit, "a second commit")
        _refused(TransactionClosed, partial(transaction.put, "late", b"1"), "a put after the end")
        _refused(TransactionClosed, partial(transaction.get, "kept"), "a get after the end")
    _same(database.scan(), [(b"kept", b"1")], "what is refused leaves nothing")
    reader = database.begin_transaction(read_only=True)
    _refused(ReadOnly, lambda: reader.put("late", b"1"), "a put in a read-only transaction")
    database.close()
    _refused(DatabaseClosed, lambda: database.get("kept"), "a get after close")
    _refused(DatabaseClosed, reader.commit, "a commit after close")


def _aborts(database_class: type[Database]) -> None:
    database = database_class.open()
    database.put("aa", b"0")
    transaction = database.begin_transaction()
    transaction.put("aa", b"1")
    transaction.put("ab", b"1")
    transaction.abort()
    _same(database.scan(), [(b"aa", b"0")], "an aborted transaction leaves nothing")
    one, two = database.begin_transaction(), database.begin_transaction()
    for number, transaction in enumerate((one, two)):
        transaction.get("aa")
        transaction.put("aa", b"%d" % number)
        transaction.put(f"a{number}", b"1")
    one.commit()
    _refused(Conflict, two.commit, "the second writer of a key")
    _same(database.scan(), [(b"a0", b"1"), (b"aa", b"0")], "a refused transaction leaves nothing")
    _same(database.stats()["versions"], 2, "a refused transaction leaves no version")


def _keys(database_class: type[Database]) -> None:
    database = database_class.open()
    database.put("kept", b"1")
    wrong: Any
    for wrong in ("", b"", b"x" * (KEY_LENGTH_MAX + 1), RESERVED, RESERVED + b"a", 5, None, ["a"]):
        _refused(InvalidKey, partial(database.put, wrong, b""), f"the key {wrong!r:.20}")
        _refused(InvalidKey, partial(database.get, wrong), f"the key {wrong!r:.20}")
    for wrong in ("text", 5, None):
        _refused(InvalidValue, partial(database.put, "late", wrong), f"the value {wrong!r}")
    _same(database.scan(), [(b"kept", b"1")], "what is refused changes nothing")
    database.put(b"\0", b"\0")
    database.put(b"x" * KEY_LENGTH_MAX, b"")
    _same(len(database.scan()), 3, "NUL bytes and the longest keys are fine")


def _paths(database_class: type[Database]) -> None:
    disk = MemoryVfs()
    disk.create("/file")
    for wrong in ("", "/bad\0path", "/file", "/file/below"):
        _refused(InvalidPath, partial(database_class.open, wrong, vfs=disk), f"the path {wrong!r}")
    _same(disk.names("/"), ["file"], "a refused path creates nothing")


def _prefixes(database_class: type[Database]) -> None:
    database = database_class.open()
    pairs = [(b"a", b"1"), (b"aa", b"2"), (b"ab", b"3"), (b"\xff\xff", b"4")]
    database.put_batch(pairs)
    _same(database.scan_prefix_unchecked(b""), pairs, "the empty prefix is everything, in order")
    _same(database.scan_prefix_unchecked("a"), pairs[:3], "a prefix of one byte, unchecked")
    _same(database.scan_prefix(b"\xff\xff"), pairs[3:], "a prefix of the highest bytes")
    _refused(InvalidKey, lambda: database.scan_prefix("a"), "a prefix under two bytes")


def _ttl(database_class: type[Database]) -> None:
    watch = _Watch()
    database = database_class.open(clock=watch)
    database.put("aa", b"1", ttl_seconds=10)
    old = database.begin_transaction(IsolationLevel.SNAPSHOT)
    _same(old.get("aa"), b"1", "a value lives until its moment")
    watch.seconds += 10
    _same(old.get("aa"), b"1", "a snapshot sees the value for as long as it lives")
    _same(database.get("aa"), None, "a value has ended at its moment")
    _same(database.scan(), [], "a value that has ended is not scanned")
    _same(old.scan(), [(b"aa", b"1")], "a snapshot scans the value for as long as it lives")
    watch.seconds -= 10
    _same(database.get("aa"), None, "a clock that runs backwards brings nothing back")


def _batches(database_class: type[Database]) -> None:
    database = database_class.open()
    _same(database.put_batch([]), 0, "an empty batch")
    _same(database.put_batch([("a", b"1"), ("b", b"2"), ("a", b"3")]), 3, "the pairs put")
    _same(database.get_batch(["a", "c", "b"]), [b"3", None, b"2"], "the last write of a key wins")
    _same(database.delete_batch(["a", "c", "a"]), 1, "the keys that had a value")
    _same(database.scan(), [(b"b", b"2")], "what is left")


def _stats(database_class: type[Database]) -> None:
    disk = MemoryVfs()
    database = database_class.open("/db", vfs=disk)
    database.put_batch([("a", b"1"), ("b", b"2"), ("c", b"3")])
    database.delete("c")
    held = database.begin_transaction()
    held.get("a")
    database.put("a", b"4")
    stats = database.stats()
    counted = {name: stats[name] for name in ("keys", "active", "commits", "conflicts", "newest", "syncs")}
    expected = {"keys": 2, "active": 1, "commits": 3, "conflicts": 0, "newest": 3, "syncs": 3}
    _same(counted, expected, "the counts")
    _same(int(stats["log_bytes"]) > 100, True, "the log was written")


def _old_snapshots(database_class: type[Database]) -> None:
    database = database_class.open()
    database.put("a", b"0")
    held = {}
    for number in range(1, 6):
        held[number] = database.begin_transaction(IsolationLevel.SNAPSHOT)
        held[number].get("b")
        database.put("a", b"%d" % number)
    held.pop(3).abort()
    for number, transaction in held.items():
        _same(transaction.get("a"), b"%d" % (number - 1), "a snapshot sees what was committed when it was taken")
        _same(transaction.scan(), [(b"a", b"%d" % (number - 1))], "and scans it")


def _savepoints(database_class: type[Database]) -> None:
    database = database_class.open()
    with database.transaction() as transaction:
        transaction.put("a", b"1")
        transaction.savepoint("s")
        transaction.put("a", b"2")
        transaction.delete("b")
        transaction.rollback_to("s")
    _same(database.scan(), [(b"a", b"1")], "going back takes back the writes since the savepoint")
    one, two = database.begin_transaction(), database.begin_transaction()
    one.savepoint("s")
    one.get("x")
    one.rollback_to("s")
    two.get("y")
    one.put("y", b"1")
    two.put("x", b"1")
    one.commit()
    _refused(Conflict, two.commit, "a write skew whose reads lie behind a savepoint")


def _backups(database_class: type[Database]) -> None:
    disk = MemoryVfs()
    with database_class.open("/db", vfs=disk) as database:
        database.put_batch([(b"%03d" % number, b"x" * 99) for number in range(99)])
        state = database.scan()
        backup = database.backup("/copy")
        database.put("000", b"later")
    _same(database_class.verify_backup("/copy", vfs=disk), backup, "a sound backup")
    database_class.restore("/copy", "/restored", vfs=disk)
    with database_class.open("/restored", vfs=disk) as restored:
        _same(restored.scan(), state, "what a backup restores")
    for name in disk.names("/copy"):
        file = disk.open(f"/copy/{name}")
        for place in range(0, file.size(), 97):
            right = file.read(place, 1)
            file.write(place, bytes((right[0] ^ 1,)))
            what = f"a flipped bit at {place} of {name}"
            _refused(Corrupt, lambda: database_class.verify_backup("/copy", vfs=disk), what)
            file.write(place, right)


def _compression(database_class: type[Database]) -> None:
    disk = MemoryVfs()
    pairs = []
    with database_class.open("/db", vfs=disk) as database:
        for number, name in enumerate([*CODECS, *reversed(CODECS)]):
            database.compression = name
            pairs += [(b"k%d" % number, b"abcd%d" % number * 500), (b"k%d short" % number, b"x")]
            database.put(*pairs[-2])
            database.put(*pairs[-1])
            _same(database.compression, name, "the codec that was set")
        _same(database.scan(), pairs, "what was written with each codec")
    with database_class.open("/db", vfs=disk) as database:
        _same(database.scan(), pairs, "what was written with each codec, after opening again")


def _locks(database_class: type[Database]) -> None:
    disk = MemoryVfs()
    with database_class.open("/db", vfs=disk):
        _refused(Locked, lambda: database_class.open("/db", vfs=disk), "a second opening")
    with database_class.open("/db", vfs=disk) as database:
        _same(database.scan(), [], "after close it can be opened again")


_DOCUMENTED: Final[tuple[tuple[object, str, tuple[str, ...]], ...]] = (
    (Database, "put", ("key", "value", "ttl_seconds")),
    (Database, "with_transaction", ("work", "retries")),
    (Database, "begin_transaction", ("isolation", "read_only", "deferrable")),
    (Database, "transaction", ("isolation",)),
    (Database, "checkpoint", ()),
    (Database, "backup", ("path",)),
    (Database, "verify_backup", ("path",)),
    (Database, "restore", ("backup", "path")),
    (Database, "stats", ()),
    (Transaction, "start_ts", ()),
    (Transaction, "commit_ts", ()),
    (Transaction, "savepoint", ("name",)),
)


def _documented(database_class: type[Database]) -> None:
    for owner, name, parameters in _DOCUMENTED:
        place = database_class if owner is Database else owner
        found = inspect.getattr_static(place, name, None)
        _same(found is not None, True, f"{name} exists")
        if parameters:
            taken = inspect.signature(getattr(place, name)).parameters
            _same([one for one in parameters if one not in taken], [], f"{name} takes its documented parameters")
    database = database_class.open()
    _same(database.with_transaction(lambda transaction: transaction.isolation), IsolationLevel.SERIALIZABLE, "level")


# The catalogue: what is promised, by name.
CHECKS: Final[dict[str, Check]] = {
    check.name: check
    for check in (
        Check(
            "own-writes", "A transaction reads its own writes, and nobody else does before it commits.", _own_writes
        ),
        Check("lifecycle", "What has ended refuses every call with its typed error and without effect.", _lifecycle),
        Check("aborts", "A transaction that was aborted or refused leaves nothing behind.", _aborts),
        Check("keys", "Keys and values that are none are refused, and change nothing.", _keys),
        Check("paths", "A path that cannot be a database is refused, and nothing is created.", _paths),
        Check("prefixes", "A prefix scan returns every key with the prefix; the empty one is everything.", _prefixes),
        Check("ttl", "A value ends at its moment, as judged when the snapshot is taken.", _ttl),
        Check("batches", "A batch is one transaction, and returns what it counted.", _batches),
        Check("stats", "Every figure is a real count.", _stats),
        Check("old-snapshots", "A snapshot sees the same for as long as it lives.", _old_snapshots),
        Check("savepoints", "Going back takes back writes, never reads.", _savepoints),
        Check("backups", "A backup restores what it was taken of, and verify finds any flipped bit.", _backups),
        Check("compression", "The codec may be switched at any time, and everything stays readable.", _compression),
        Check("locks", "A database is open once.", _locks),
        Check("documented-calls", "Every documented call exists and takes its parameters.", _documented),
    )
}
