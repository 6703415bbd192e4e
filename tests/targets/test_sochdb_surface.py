"""SochDB's surface over a stand-in for the SDK: what is offered, what is refused and why, what a script says."""

import fcntl

import pytest
from targets import sochdb_mock

from harness.contract import answer
from harness.expressions import Expression
from harness.surface import CALLS, DOCUMENTED, Lacking, Refused
from harness.targets.sochdb_readme import promises
from harness.targets.sochdb_surface import SochDBSurface


@pytest.fixture
def sdk():
    return sochdb_mock.made()


@pytest.fixture
def surface(sdk, tmp_path):
    surface = SochDBSurface(sdk, "9.9")
    surface.open(str(tmp_path / "db"))
    return surface


def raised(call, *arguments):
    """The exception of a call that must raise one."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call(*arguments)
    return caught.value


def test_what_is_not_there_is_lacking_with_its_name(surface):
    """Each call is offered or lacking; the reason names the release and the first thing that it does not have."""
    assert {name for name in CALLS if name not in surface.lacking} == {
        *("put", "get", "scan_prefix", "sql", "make_queue", "enqueue", "dequeue", "ack", "nack", "dead_letters"),
        "queue_stats",
    }
    assert surface.lacking["cache_delete"] == "sochdb 9.9 has no Database.cache_delete"
    assert surface.lacking["put_ttl"] == "sochdb 9.9 has no Database.put(ttl_seconds=)"
    assert surface.lacking["delete_node"] == "sochdb 9.9 has no Database.delete_node(namespace=)"
    assert surface.lacking["begin_at"] == "sochdb 9.9 has no IsolationLevel"
    assert surface.lacking["count_vectors"] == "sochdb 9.9 has no VectorIndex"
    with pytest.raises(Lacking, match=r"has no Database\.exists$"):
        surface.call("exists", b"k")
    with pytest.raises(Lacking, match="has no enqueue within a transaction"):
        surface.call("enqueue", "q", b"", within=surface.begin())
    with pytest.raises(Lacking, match=r"has no Transaction\.execute$"):
        surface.call("sql", "SELECT", within=surface.begin())


def test_calls_go_to_the_database_or_to_the_transaction(surface):
    """Within a transaction nothing is seen outside before its commit, which gives what the SDK's gives."""
    surface.call("put", b"k1", b"1")
    transaction = surface.begin()
    surface.call("put", b"k2", b"2", within=transaction)
    assert surface.call("get", b"k2") is None
    assert surface.call("scan_prefix", b"k1", within=transaction) == [(b"k1", b"1")]
    assert surface.commit(transaction) == 2
    assert surface.call("get", b"k2") == b"2"


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda s, t: s.call("scan_prefix", b"k", within=t), "argument"),
        (lambda s, t: s.call("sql", "SELECT"), "missing"),
        (lambda s, t: s.call("sql", "INSERT"), "statement"),
        (lambda s, t: s.call("sql", "else"), "DatabaseError: [CODE] odd"),
        (lambda s, t: (s.commit(t), s.commit(t)), "ended"),
        (lambda s, t: (s.abort(t), s.call("put", b"k", b"v", within=t)), "ended"),
        (lambda s, t: (s.close(), s.call("get", b"k")), "closed"),
        (lambda s, t: (s.close(), s.begin()), "closed"),
        (lambda s, t: (s.close(), s.call("put", b"k", b"v", within=t)), "closed"),
        (lambda s, t: s.call("ack", "q", "task-0"), ""),
        (lambda s, t: s.call("ack", "q", "task-9"), "stale"),
        (lambda s, t: s.call("get", "k", within=None) or s.call("put", b"k"), None),
    ],
)
def test_errors_say_why_only_where_the_sdk_does(surface, call, why):
    """A typed error becomes its word; one that says nothing stays what it is, and so does a caller's mistake."""
    transaction = surface.begin()
    said = answer(lambda: call(surface, transaction))
    assert said == why if why is not None else said.startswith("TypeError")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SSI conflict: write-write on key", "conflict"),
        ("Failed to commit transaction", "conflict"),
        ("the disk is full", "TransactionError: [CODE] the disk is full"),
    ],
)
def test_a_refused_commit_is_aborted(surface, text, why):
    """What the database refuses to commit is given up at once, so that it keeps no locks."""
    transaction = surface.begin()
    transaction.database.refuses = text
    assert answer(lambda: surface.commit(transaction)) == why
    assert transaction.aborts == 1


def test_why_a_path_cannot_be_opened(sdk, tmp_path, monkeypatch):
    """The SDK's one error for all of it is looked into: NUL, a file, a long name, a held lock; else it stays."""

    def opened(path):
        return answer(lambda: SochDBSurface(sdk, "9.9").open(str(path)))

    (tmp_path / "file").touch()
    assert opened(tmp_path / "a\0b") == "argument"
    assert opened(tmp_path / "file") == "argument"
    assert opened(tmp_path / "file" / "below") == "argument"
    assert opened(tmp_path / ("x" * 256)) == "argument"
    assert opened(tmp_path / "new") == ""

    def refuse(path):
        raise sochdb_mock.DatabaseError(f"Failed to open database at {path}")

    monkeypatch.setattr(sdk.Database, "open", refuse)
    assert opened(tmp_path / "new").startswith("DatabaseError: [CODE] Failed to open database at ")
    with (tmp_path / "new" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert opened(tmp_path / "new") == "locked"
    assert opened(tmp_path / "new").startswith("DatabaseError")


def test_closing_what_was_never_opened_is_nothing(sdk):
    """A surface that was not opened can be closed."""
    assert answer(SochDBSurface(sdk, "9.9").close) == ""


def test_one_queue_object_serves_all_and_outlives_a_handle(surface, tmp_path):
    """A queue is one object of the open database, made with the seconds and attempts that were asked for."""
    surface.call("make_queue", "q", 0.25, 3)
    assert surface.call("enqueue", "q", b"a") == "task-1"
    assert surface.call("enqueue", "q", b"b") == "task-2"
    queue = surface._models.queue(surface._driver, surface._db, "q")
    assert (queue.config.visibility_timeout_ms, queue.config.more) == (
        250,
        {"max_attempts": 3, "dead_letter_queue_id": "q-dead"},
    )
    surface.close()
    surface.open(str(tmp_path / "db"))
    again = surface._models.queue(surface._driver, surface._db, "q")
    assert again is not queue
    assert again.backend is surface._db
    assert again.config is queue.config


def test_every_call_has_a_line(sdk):
    """The script of each call is one line of Python behind its imports; what is lacking has none."""
    everything = SochDBSurface(sdk, "9.9")
    everything.lacking = {}
    for name, call in CALLS.items():
        count = 0 if call.takes.startswith("(within") or not call.takes else call.takes.count(",") + 1
        arguments = tuple(Expression(f"a{place}") for place in range(count))
        if name == "make_queue":
            arguments = ("q", 0.5, 3)
        *imports, line = everything.script(name, arguments).split("\n")
        compile(line, name, "exec")
        assert set(imports) <= {"import numpy"}
    with pytest.raises(Lacking, match=r"has no Database\.exists"):
        SochDBSurface(sdk, "9.9").script("exists", (b"k",))


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (("open", ("p",)), "import sochdb\ndb = sochdb.Database.open('p')"),
        (("begin", (), "t1"), "t1 = db.transaction()"),
        (("put", (b"k", b"v"), "t1"), "t1.put(b'k', b'v')"),
        (("get", (b"k",)), "db.get(b'k')"),
        (("enqueue", ("a b", b"p")), "queue_a_b.enqueue(priority=1, payload=b'p').task_id"),
        (
            ("make_queue", ("q", 0.1, 3)),
            "queue_q = sochdb.PriorityQueue(sochdb.FFIQueueBackend(db), sochdb.QueueConfig('q', 100, 3, 'q-dead'))",
        ),
        (("commit", (), "t1"), "t1.commit()"),
    ],
)
def test_what_the_lines_say(surface, call, line):
    """A call stands there as the SDK's user writes it."""
    assert surface.script(*call) == line


def test_the_readme_is_searched_for_what_section_k_asks():
    """Each name is found where an example uses it on the embedded database, and nowhere else."""
    readme = """
        client.put(b"k", b"v", ttl_seconds=1)
        db.put(b"k", b"v", ttl_seconds=3600)  # an hour
        txn_id = client.begin_transaction()
        txn = db.begin_transaction()
        print(txn.start_ts, txn.isolation)
        from sochdb import IsolationLevel, TransactionConflictError
        with db.transaction(isolation=IsolationLevel.SNAPSHOT) as txn:
            pass
    """
    assert promises(readme) == {
        "put(ttl_seconds=)": 'README, line 3: db.put(b"k", b"v", ttl_seconds=3600)  # an hour',
        "begin_transaction": "README, line 5: txn = db.begin_transaction()",
        "start_ts": "README, line 6: print(txn.start_ts, txn.isolation)",
        "isolation": "README, line 6: print(txn.start_ts, txn.isolation)",
        "TransactionConflictError": "README, line 7: from sochdb import IsolationLevel, TransactionConflictError",
        "IsolationLevel": "README, line 8: with db.transaction(isolation=IsolationLevel.SNAPSHOT) as txn:",
    }
    assert promises("db.with_transaction(f)").keys() == {"with_transaction"} < DOCUMENTED.keys()


def test_a_refusal_tells_the_type_that_the_sdk_raised(surface):
    """The text of a refusal begins with the name of the SDK's class, so that a check can ask for a certain one."""
    refusal = raised(surface.call, "sql", "SELECT")
    assert isinstance(refusal, Refused)
    assert str(refusal) == "DatabaseError: [CODE] Table not found: t"
