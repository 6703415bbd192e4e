"""What released SochDBs offer and what their calls give, each release in a child process."""

import json

import pytest
from test_sochdb_releases import child

OFFERS = """
import json
from harness.surface import CALLS
from harness.targets.sochdb import SochDBTarget
target = SochDBTarget()
surface = target.surface()
print(json.dumps({
    "offered": sorted(CALLS.keys() - surface.lacking.keys()),
    "reasons": sorted(set(surface.lacking.values())),
    "documented": {name: where.partition(": ")[2] for name, where in surface.documented.items()},
}))
"""

# Each line is tried on one database; what it gives is told as text, a refusal as its word.
TRIES = """
import json, sys, tempfile
from harness.surface import Refused
from harness.targets.sochdb import SochDBTarget
place = tempfile.mkdtemp()
surface = SochDBTarget().surface()
surface.open(place + "/database")
told = []
names = {"s": surface, "place": place, "new": lambda: SochDBTarget().surface()}
for line in json.loads(sys.argv[1]):
    try:
        assigned = " = " in line.partition("(")[0]
        told.append(repr(exec(line, names) if assigned else eval(line.strip(), names)))
    except Refused as refusal:
        told.append(refusal.why)
    except Exception as error:
        told.append(type(error).__name__)
print(json.dumps(told))
"""

ALL = {
    *(
        "put",
        "get",
        "delete",
        "scan",
        "scan_prefix",
        "scan_unchecked",
        "put_path",
        "get_path",
        "make_queue",
        "enqueue",
    ),
    *("dequeue", "ack", "nack", "dead_letters", "queue_stats", "sql", "add_node", "add_edge", "traverse"),
    *("add_temporal_edge", "temporal_edges", "cache_put", "cache_get", "make_vectors", "put_vectors"),
    *("search_vectors", "count_vectors", "make_index", "put_index", "search_index"),
    *("ns_put", "ns_get", "ns_delete", "ns_scan", "stats", "checkpoint"),
}
SINCE_0_8_3 = {
    *("exists", "put_ttl", "put_batch", "get_batch", "delete_batch", "delete_node", "delete_edge", "path"),
    *("cache_delete", "cache_clear", "cache_stats", "backup", "verify_backup", "restore", "set_compression"),
    *("compression", "stats_full", "drop_log", "with_transaction", "begin_transaction", "start_ts", "isolation"),
}
OFFERED = {"0.4.9": ALL, "0.5.2": ALL, "0.8.3": ALL | SINCE_0_8_3}
REASONS = {
    "0.8.3": {"sochdb 0.8.3 has no Database.transaction(isolation=)"},
    "0.5.2": {"sochdb 0.5.2 has no IsolationLevel", "sochdb 0.5.2 has no Database.put(ttl_seconds=)"},
    "0.4.9": {"sochdb 0.4.9 has no Transaction.start_ts", "sochdb 0.4.9 has no Database.cache_delete"},
}
DOCUMENTED = {
    "put(ttl_seconds=)": 'db.put(b"session:abc123", b"user_data", ttl_seconds=3600)  # Expires in 1 hour',
    "with_transaction": "result = db.with_transaction(transfer_funds)",
    "begin_transaction": "txn = db.begin_transaction()",
    "start_ts": 'print(f"Start timestamp: {txn.start_ts}")  # HLC start time',
    "isolation": 'print(f"Isolation: {txn.isolation}")    # "serializable"',
    "TransactionConflictError": "from sochdb import TransactionConflictError",
    "IsolationLevel": "with db.transaction(isolation=IsolationLevel.SERIALIZABLE) as txn:",
}
SAME = {
    's.call("put", b"k1", b"1")': "None",
    's.call("scan_prefix", b"k1")': "[(b'k1', b'1')]",
    's.call("scan_prefix", b"k")': "argument",
    's.call("put_path", "a/b", b"2")': "None",
    's.call("get_path", "a/b")': "b'2'",
    's.call("make_queue", "q", 60, 3)': "None",
    'task = s.call("enqueue", "q", b"p")': "None",
    's.call("dequeue", "q", "w") == (task, b"p", 1, task)': "True",
    's.call("queue_stats", "q")': "{'ready': 0, 'claimed': 1, 'dead': 0}",
    's.call("ack", "q", task)': "None",
    's.call("ack", "q", task) ': "stale",
    's.call("sql", "CREATE TABLE t (id INT PRIMARY KEY, n TEXT)")': "[]",
    's.call("sql", "INSERT INTO t (n) VALUES (\'a\')")': "[]",
    's.call("sql", "SELECT * FROM t")': "[{'id': 1, 'n': 'a'}]",
    's.call("sql", "SELECT * FROM u")': "missing",
    's.call("sql", "FROB")': "statement",
    's.call("add_node", "g", "a", {"p": "1"})': "None",
    's.call("add_edge", "g", "a", "knows", "b")': "None",
    's.call("traverse", "g", "a", 2)': "Traversal(nodes={'a': {'p': '1'}}, edges=[('a', 'knows', 'b')])",
    's.call("add_temporal_edge", "g", "a", "met", "b", 1000, 2000)': "None",
    '[s.call("temporal_edges", "g", "a", at) for at in (999, 1000, 2000)]': "[[], [('met', 'b')], []]",
    's.call("cache_put", "c", "k", "text", [1, 0], 0)': "None",
    's.call("cache_get", "c", [1, 0], 0.9)': "'text'",
    's.call("make_vectors", "v", 2)': "None",
    's.call("put_vectors", "v", [7, 8], [[1, 0], [0, 1]])': "2",
    's.call("search_vectors", "v", [1, 0], 1)': "[(7, 0.0)]",
    's.call("search_vectors", "v", [1], 1)': "dimension",
    's.call("count_vectors", "v")': "2",
    's.call("make_index", "i", 2)': "None",
    's.call("put_index", "i", [7], [[1, 0]])': "None",
    's.call("search_index", "i", [1, 0], 1)': "[(7, 0.0)]",
    's.call("search_index", "none", [1, 0], 1)': "missing",
    's.call("ns_put", "n", "a", b"1")': "None",
    's.call("ns_scan", "n", "")': "[('a', b'1')]",
    "a, b = s.begin(), s.begin()": "None",
    's.call("put", b"k2", b"1", within=a)': "None",
    's.call("put", b"k2", b"2", within=b)': "conflict",
    "s.abort(b)": "None",
    "s.commit(a) > 0": "True",
    "s.commit(a)": "ended",
    'new().open(place + "/database")': "locked",
    "late = s.begin()": "None",
    "s.close()": "None",
    's.call("get", b"k1")': "closed",
    's.call("put", b"k1", b"2", within=late)': "closed",
    "s.commit(late)": "closed",
    's.open(place + "/database")': "None",
    's.call("get", b"k1") ': "b'1'",
}
NEWER = {
    's.call("exists", b"k1")': "True",
    's.call("put_batch", [(b"b1", b"1"), (b"b2", b"2")])': "2",
    's.call("get_batch", [b"b1", b"none"])': "[b'1', None]",
    's.call("path", "g", "a", "none")': "None",
    's.call("cache_put", "d", "k", "text", [1, 0], 0)': "None",
    's.call("cache_stats", "d")["entries"]': "1",
    's.call("cache_delete", "d", "k")': "None",
    's.call("cache_get", "d", [1, 0], 0.9)': "None",
    's.call("set_compression", "zstd")': "None",
    's.call("compression")': "'zstd'",
    's.call("backup", place + "/backup")': "None",
    's.call("verify_backup", place + "/backup")': "True",
    's.call("restore", place + "/backup", place + "/restored")': "None",
    's.call("stats")["keys"] == s.call("stats")["keys"] > 0': "True",
    's.call("with_transaction", lambda t: s.call("put", b"w", b"1", within=t) or 7)': "7",
    's.call("isolation", within=s.call("begin_transaction"))': "'serializable'",
    'new().open(place + "/a\\0b")': "argument",
}


@pytest.mark.parametrize("release", OFFERED)
def test_what_a_release_offers(release):
    """The calls that a release has, reasons for those that it lacks, and its README's seven promises, literally."""
    found = child(release, OFFERS)
    assert set(found["offered"]) == OFFERED[release]
    assert set(found["reasons"]) >= REASONS[release]
    assert found["documented"] == DOCUMENTED


@pytest.mark.parametrize("release", OFFERED)
def test_what_the_calls_of_a_release_give(release):
    """Each call gives what the surface's table says of it, and what is refused is refused for its reason."""
    tries = SAME | (NEWER if release == "0.8.3" else {})
    told = child(release, TRIES, json.dumps(list(tries)))
    assert dict(zip(tries, told, strict=True)) == tries
