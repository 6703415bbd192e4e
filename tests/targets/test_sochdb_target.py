"""The SochDB adapter over a correct stand-in for the SDK: nothing is lost, and only what is sure is Aborted."""

import sys
from pathlib import Path
from random import Random
from threading import Lock, Thread
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.history import Op
from harness.program import append, delete, read, scan, write
from harness.target import Aborted, TargetUnavailable
from harness.targets.encoding import decode_key, decode_value, encode_key, encode_value
from harness.targets.sochdb import SochDBTarget


class FakeError(Exception):
    """Stands for SochDBError."""


class FakeDatabase:
    """A correct database with SochDB's calls: snapshots, and the first committer wins over what was read."""

    opened: "list[FakeDatabase]"

    @classmethod
    def open(cls, path):
        database = cls()
        Path(path).mkdir(parents=True, exist_ok=True)
        cls.opened.append(database)
        return database

    def __init__(self):
        self.lock = Lock()
        self.data: dict[bytes, bytes] = {}
        self.commits: list[set[bytes]] = []
        self.closed = False

    def transaction(self):
        return self.transaction_class(self)

    def close(self):
        self.closed = True


class FakeTransaction:
    """Reads a snapshot, and at commit is refused if a later commit wrote what it read, by key or by prefix."""

    def __init__(self, database):
        self.database, self.writes, self.aborts = database, {}, 0
        self.keys_read, self.prefixes_read = set(), set()
        with database.lock:
            self.snapshot, self.begun = dict(database.data), len(database.commits)

    def get(self, key):
        self.keys_read.add(key)
        return (self.snapshot | self.writes).get(key)

    def put(self, key, value):
        self.writes[key] = value

    def delete(self, key):
        self.writes[key] = None

    def scan_prefix(self, prefix):
        assert len(prefix) >= 2
        self.prefixes_read.add(prefix)
        seen = self.snapshot | self.writes
        yield from ((k, v) for k, v in reversed(seen.items()) if v is not None and k.startswith(prefix))

    def commit(self):
        with self.database.lock:
            later = set().union(*self.database.commits[self.begun :])
            if later & self.keys_read or any(key.startswith(p) for key in later for p in self.prefixes_read):
                raise FakeError("SSI conflict: txn 17 read what txn 18 wrote")
            merged = self.database.data | self.writes
            self.database.data = {k: v for k, v in merged.items() if v is not None}
            self.database.commits.append(set(self.writes))

    def abort(self):
        self.aborts += 1


@pytest.fixture
def sdk(monkeypatch):
    """A correct `sochdb` in place of whatever is installed. Its Transaction is a class of its own per test."""
    module = ModuleType("sochdb")
    module.SochDBError = FakeError
    module.Transaction = type("Transaction", (FakeTransaction,), {})
    module.Database = type("Database", (FakeDatabase,), {"opened": [], "transaction_class": module.Transaction})
    monkeypatch.setitem(sys.modules, "sochdb", module)
    return module


@pytest.fixture
def target(sdk):
    target = SochDBTarget()
    target.open()
    yield target
    target.close()


def run(target, *ops):
    """Run one transaction of these operations alone, and return them completed."""
    session = target.session("serializable")
    session.begin()
    done = [session.step(op) for op in ops]
    session.commit()
    session.close()
    return done


def refused(call, *arguments):
    """Whether the call raised Aborted."""
    try:
        call(*arguments)
    except Aborted:
        return True
    return False


def two_begun(target):
    sessions = target.session("serializable"), target.session("serializable")
    for session in sessions:
        session.begin()
    return sessions


def test_each_kind_is_completed_as_the_table_of_kinds_says(target):
    """Every operation kind gives exact results, before and after its own transaction's writes."""
    assert run(target, read("x"), write("x", 1), Op("incr", "x", 4), Op("incr", "new", 2), read("x")) == [
        Op("r", "x", None),
        Op("w", "x", 1),
        Op("incr", "x", (4, 5)),
        Op("incr", "new", (2, 2)),
        Op("r", "x", 5),
    ]
    assert run(target, append("l", 1), append("l", 2), read("l"), delete("x"), read("x")) == [
        Op("append", "l", 1),
        Op("append", "l", 2),
        Op("r", "l", [1, 2]),
        Op("delete", "x", None),
        Op("r", "x", None),
    ]
    assert run(
        target, Op("cas", "new", (2, 3)), Op("cas", "new", (2, 4)), Op("cas", "new", (3.0, 4)), read("new")
    ) == [
        Op("cas", "new", (2, 3, True)),
        Op("cas", "new", (2, 4, False)),
        Op("cas", "new", (3.0, 4, False)),
        Op("r", "new", 3),
    ]
    with pytest.raises(ValueError, match="no operation 'undo'"):
        run(target, Op("undo", "x"))


def test_scans_are_half_open_ranges_or_prefixes_in_key_order(target):
    """A scan returns the keys in [low, high), or those that begin with a text, in order, with their values."""
    run(target, *(write(key, key) for key in ("b", "a", "ab", "c", "a\0", 7, -3, 10, ("a", 2), ("a", 10), ("b", 1))))
    [by_text, by_number, by_tuple, by_prefix, empty] = run(
        target,
        scan("a", "c"),
        scan(-3, 10),
        scan(("a", 0), ("b", 0)),
        Op("scan", "a"),
        scan("c", "a"),
    )
    assert list(by_text.value.items()) == [("a", "a"), ("a\0", "a\0"), ("ab", "ab"), ("b", "b")]
    assert list(by_number.value.items()) == [(-3, -3), (7, 7)]
    assert list(by_tuple.value.items()) == [(("a", 2), ("a", 2)), (("a", 10), ("a", 10))]
    assert list(by_prefix.value.items()) == [("a", "a"), ("a\0", "a\0"), ("ab", "ab")]
    assert empty.value == {}


KEYS = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


@given(KEYS, KEYS)
def test_keys_survive_and_differ(one, two):
    """Each key comes back as it was, two keys share their bytes only if equal, and none is shorter than two bytes."""
    assert decode_key(encode_key(one)) == one
    assert (encode_key(one) == encode_key(two)) == (one == two)
    assert len(encode_key(one)) >= 2


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_keys_keep_their_order(texts, numbers):
    """Bytes sort as strings, as numbers, and as tuples of a string and a number."""
    for keys in (texts, numbers, list(zip(texts, numbers, strict=False))):
        assert [decode_key(stored) for stored in sorted(map(encode_key, keys))] == sorted(keys)


@pytest.mark.parametrize("key", [True, None, 1.5, b"x", ["x"]])
def test_other_keys_are_refused(key):
    """A key that could be mistaken for another is a TypeError."""
    with pytest.raises(TypeError, match="a key is"):
        encode_key(key)


@pytest.mark.parametrize("value", [None, True, 1, 1.0, "1", b"1", [], [1, (2, "x")], (1, 2), (), {"a": [1]}])
def test_values_survive_with_their_type(value):
    """A value comes back equal and of its type; within a list, tuples may come back as lists."""
    seen = decode_value(encode_value(value))
    assert type(seen) is type(value)
    assert encode_value(seen) == encode_value(value)


@given(st.binary(max_size=40))
def test_foreign_bytes_are_passed_on(stored):
    """Bytes that were never written never raise: they come back so that the checker sees a value nobody wrote."""
    key, value = decode_key(stored), decode_value(stored)
    assert key == stored or encode_key(key) == stored
    assert value == stored or stored[:1] in (b"l", b"v")


def test_increments_are_never_lost_over_a_correct_database(target):
    """Over 100 seeded interleavings of five read-then-write increments, the counter equals the acknowledged ones."""
    aborted = 0
    for seed in range(100):
        rng, key = Random(seed), f"counter-{seed}"
        pending, acknowledged = [increment(target, key) for _ in range(5)], 0
        while pending:
            one = rng.choice(pending)
            outcome = next(one)
            if outcome is not None:
                pending.remove(one)
                acknowledged += outcome
                aborted += not outcome
        assert run(target, read(key)) == [Op("r", key, acknowledged)]
        assert acknowledged >= 1
    assert aborted > 100


def increment(target, key):
    """One increment in four steps, yielding None between them and at last whether it was acknowledged."""
    session = target.session("serializable")
    session.begin()
    yield None
    seen = session.step(read(key)).value or 0
    yield None
    session.step(write(key, seen + 1))
    yield None
    yield not refused(session.commit)


def test_threads_lose_nothing_over_a_correct_database(target):
    """Four threads that repeat each increment until it is acknowledged leave exactly 100 at the counter."""

    def client():
        session = target.session("serializable")
        for _ in range(25):
            session.begin()
            session.step(Op("incr", "counter", 1))
            while refused(session.commit):
                session.begin()
                session.step(Op("incr", "counter", 1))
        session.close()

    threads = [Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run(target, read("counter")) == [Op("r", "counter", 100)]


@pytest.mark.parametrize("look", [(read("x"), read("y")), (scan("x", "z"),), (Op("scan", ""),)])
def test_write_skew_is_refused_over_a_correct_database(target, look):
    """Reads by key, range or prefix reach the database as such: of two crossing writers the second is refused."""
    run(target, write("x", 0), write("y", 0))
    one, two = two_begun(target)
    for session, key in ((one, "x"), (two, "y")):
        for op in look:
            session.step(op)
        session.step(write(key, 1))
    assert [refused(one.commit), refused(two.commit)] == [False, True]
    assert run(target, read("x"), read("y")) == [Op("r", "x", 1), Op("r", "y", 0)]


REFUSALS = {
    "put": ("put", "[INTERNAL_ERROR] Failed to put value"),
    "delete": ("delete", "[INTERNAL_ERROR] Failed to delete key"),
    "put by SSI": ("put", "SSI conflict: write-write on key (txn 35 conflicts with active txn 34)"),
    "commit by SSI": ("commit", "SSI conflict: transaction aborted due to serialization failure"),
}
UNSURE = {
    "commit": ("commit", "[TRANSACTION_ABORTED] Failed to commit transaction"),
    "get": ("get", "[INTERNAL_ERROR] Failed to get value"),
    "put after the end": ("put", "Transaction already completed"),
}


def failing(sdk, call, text):
    """Make the SDK's `call` fail with `text`; returns the list of the transactions that were aborted."""
    aborted = []

    def fail(*_):
        raise FakeError(text)

    setattr(sdk.Transaction, call, fail)
    sdk.Transaction.abort = lambda txn: aborted.append(type(txn))
    return aborted


def write_and_commit(session, op):
    session.step(op)
    session.commit()


@pytest.mark.parametrize(("call", "text"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_are_aborted(sdk, target, call, text):
    """A refused write, and a conflict found at commit, are Aborted, and SochDB is told to abort exactly once."""
    aborted = failing(sdk, call, text)
    session = target.session("serializable")
    session.begin()
    with pytest.raises(Aborted):
        write_and_commit(session, delete("x") if call == "delete" else write("x", 1))
    session.abort()
    assert len(aborted) == 1


@pytest.mark.parametrize(("call", "text"), UNSURE.values(), ids=UNSURE)
def test_everything_else_stays_unknown(sdk, target, call, text):
    """Any other failure leaves the session as it was raised: the outcome is unknown. SochDB is told to abort."""
    aborted = failing(sdk, call, text)
    session = target.session("serializable")
    session.begin()
    with pytest.raises(FakeError, match=text.split("] ")[-1]):
        write_and_commit(session, read("x") if call == "get" else write("x", 1))
    session.abort()
    assert len(aborted) == 1


def test_a_refusal_whose_abort_fails_stays_unknown(sdk, target):
    """Where abort itself fails, nothing is sure, and no Aborted is raised."""
    failing(sdk, "put", "Failed to put value")

    def no_abort(_):
        raise FakeError("abort failed")

    sdk.Transaction.abort = no_abort
    session = target.session("serializable")
    session.begin()
    with pytest.raises(FakeError, match="abort failed"):
        session.step(write("x", 1))


def test_refusals_read_the_same_in_every_run(sdk, target):
    """Transaction numbers come from a clock, so that the recorded text holds none."""
    failing(sdk, *REFUSALS["put by SSI"])
    session = target.session("serializable")
    session.begin()
    with pytest.raises(Aborted, match="txn # conflicts with active txn #"):
        session.step(write("x", 1))


def test_a_session_goes_on_after_a_refusal(target):
    """After Aborted the same session begins, reads and commits again."""
    one, two = two_begun(target)
    for session in (one, two):
        session.step(Op("incr", "x", 1))
    assert [refused(one.commit), refused(two.commit)] == [False, True]
    two.begin()
    assert two.step(Op("incr", "x", 1)) == Op("incr", "x", (1, 2))
    two.commit()


def test_the_driver_is_not_imported_before_open(monkeypatch):
    """Without sochdb the file imports and a target can be made; open says what to install."""
    monkeypatch.setitem(sys.modules, "sochdb", None)
    with pytest.raises(TargetUnavailable, match=r"pip install 'anomalist\[sochdb\]'"):
        SochDBTarget().open()


@pytest.mark.parametrize("missing", ["Database.transaction", "Transaction.abort", "SochDBError"])
def test_a_driver_without_the_essential_is_unavailable(sdk, missing):
    """A call that the adapter cannot do without is named in one sentence."""
    owner, _, call = missing.partition(".")
    empty = type(owner, (), {name: None for name in ("open", "close", "get", "put", "commit") if call})
    if call:
        setattr(sdk, owner, empty)
    else:
        delattr(sdk, owner)
    with pytest.raises(TargetUnavailable, match=f"has no {missing}:"):
        SochDBTarget().open()


def test_kinds_follow_the_installed_calls(sdk):
    """A driver without scan_prefix and delete is used without scans and deletes."""
    bare = {call: vars(FakeTransaction)[call] for call in ("get", "put", "commit", "abort")}
    sdk.Transaction = type("Transaction", (), bare)
    target = SochDBTarget()
    assert target.capabilities.kinds == {"r", "w", "append", "incr", "cas", "delete", "scan"}
    target.open()
    assert target.capabilities.kinds == {"r", "w", "append", "incr", "cas"}
    assert target.capabilities.steps is True
    target.close()


def test_directories(sdk, tmp_path):
    """The default directory is new and removed at close; a given one is kept, and has to be empty."""
    given_path = tmp_path / "kept"
    temporary, kept = SochDBTarget(), SochDBTarget(path=str(given_path))
    temporary.open()
    directory = Path(temporary._temporary)
    assert directory.is_dir()
    temporary.close()
    assert not directory.exists()
    kept.open()
    (given_path / "wal.log").touch()
    kept.close()
    assert [one.closed for one in sdk.Database.opened] == [True, True]
    assert given_path.is_dir()
    with pytest.raises(TargetUnavailable, match="needs an empty directory"):
        SochDBTarget(path=str(given_path)).open()
    assert dict(kept.settings) == {"path": str(given_path)}


def test_close_spares_a_database_in_use(sdk, target):
    """With a session open the native handle stays open: closing it under a running call kills the process."""
    session = target.session("serializable")
    target.close()
    assert sdk.Database.opened[0].closed is False
    with pytest.raises(TargetUnavailable, match="not open"):
        target.session("serializable")
    session.close()


def test_close_after_the_last_session_closes_the_database(sdk, target):
    """Sessions that were closed, one of them within a transaction, do not keep the native handle open."""
    one, two = two_begun(target)
    one.commit()
    one.close()
    two.close()
    target.close()
    assert sdk.Database.opened[0].closed is True


def test_usage_errors_name_what_there_is(target):
    """An unknown option or level is refused with the ones that exist."""
    with pytest.raises(ValueError, match="its only option is path"):
        SochDBTarget(sync="full")
    with pytest.raises(ValueError, match="its only level is serializable"):
        target.session("snapshot-isolation")
    assert dict(target.levels) == {"serializable": "serializable"}
