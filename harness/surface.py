"""A target's calls as they are, beside its sessions: what the contract suite asks of a database.

    Lacking   the target does not offer this call; the text is the reason
    Refused   the database refused the call with an error of a type that says why: a word of WHYS

Sessions speak of registers and lists, so that checkers can judge them. A surface speaks of the database's own keys,
queues, statements and graphs, so that each promise of its documentation can be tried. Any other exception of a
call is an answer too, and not the one that was promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

__all__ = ["CALLS", "DOCUMENTED", "WHYS", "Call", "Claim", "Lacking", "Refused", "Surface", "Traversal"]


class Lacking(Exception):
    """The target does not offer the call. The text is one sentence that says why."""


class Refused(Exception):
    """The database refused, with a typed error: `why` is a word of WHYS, the text is the database's own."""

    def __init__(self, why: str, text: str = "") -> None:
        assert why in WHYS, why
        super().__init__(text or why)
        self.why = why


WHYS: Final[dict[str, str]] = {
    "conflict": "another transaction stands in the way; run it again",
    "ended": "the transaction was already committed or aborted",
    "closed": "the database was closed",
    "argument": "an argument makes no sense: the key, path, name, interval or codec",
    "dimension": "a vector has another number of dimensions than the others",
    "missing": "what the call is about does not exist: a table, a column, a node",
    "duplicate": "there is one of that key already",
    "statement": "the statement is not understood, or not supported",
    "stale": "the claim is no longer the caller's",
    "locked": "another process has the database open",
    "damaged": "the files are damaged",
    "permission": "the system forbids it",
}


class Claim(NamedTuple):
    """A task as a worker got it. `attempt` counts from 1; `receipt` is what `ack` and `nack` are given."""

    task: Any
    payload: bytes
    attempt: int
    receipt: Any


class Traversal(NamedTuple):
    """What a traversal reached: {id: properties}, and (source, kind, target) of every edge, sorted."""

    nodes: dict[str, dict[str, Any]]
    edges: list[tuple[str, str, str]]


class Call(NamedTuple):
    """One row of CALLS: what a call of this name takes and gives, and the model that it belongs to."""

    name: str
    model: str
    takes: str
    gives: str


# Keys and values are bytes, names and paths are text, times are seconds, scans are lists in key order.
_ROWS: Final = (
    Call("put", "keys", "key, value", "None"),
    Call("get", "keys", "key", "the value, or None"),
    Call("delete", "keys", "key", "None"),
    Call("exists", "keys", "key", "whether it has a value"),
    Call("scan", "keys", "start, end", "[(key, value)] with start <= key < end"),
    Call("scan_prefix", "keys", "prefix", "[(key, value)]"),
    Call("scan_unchecked", "keys", "prefix of any length", "[(key, value)]"),
    Call("put_path", "paths", "path, value", "None"),
    Call("get_path", "paths", "path", "the value, or None"),
    Call("put_ttl", "ttl", "key, value, seconds", "None"),
    Call("put_batch", "batches", "[(key, value)]", "the number of pairs"),
    Call("get_batch", "batches", "[key]", "[value or None]"),
    Call("delete_batch", "batches", "[key]", "the number of keys that had a value"),
    Call("make_queue", "queue", "queue, visibility seconds, max attempts", "None; before its other calls"),
    Call("enqueue", "queue", "queue, payload", "the task's id"),
    Call("dequeue", "queue", "queue, worker", "a Claim, or None"),
    Call("ack", "queue", "queue, receipt", "None"),
    Call("nack", "queue", "queue, receipt", "None"),
    Call("dead_letters", "queue", "queue", "[task id]"),
    Call("queue_stats", "queue", "queue", "{'ready': n, 'claimed': n, 'dead': n}"),
    Call("sql", "sql", "statement", "[{column: value}], in order; [] where it returns no rows"),
    Call("add_node", "graph", "graph, id, properties", "None"),
    Call("add_edge", "graph", "graph, source, kind, target", "None"),
    Call("delete_node", "graph", "graph, id", "None"),
    Call("delete_edge", "graph", "graph, source, kind, target", "None"),
    Call("traverse", "graph", "graph, start, depth", "a Traversal; start is among its nodes"),
    Call("path", "graph", "graph, source, target", "[id], or None where there is no way"),
    Call("add_temporal_edge", "temporal", "graph, source, kind, target, from, until (0: open)", "None"),
    Call("temporal_edges", "temporal", "graph, source, at", "sorted [(kind, target)] valid at that time"),
    Call("cache_put", "cache", "cache, key, text, embedding, seconds (0: for ever)", "None"),
    Call("cache_get", "cache", "cache, embedding, threshold", "the text of the best match, or None"),
    Call("cache_delete", "cache", "cache, key", "None"),
    Call("cache_clear", "cache", "cache", "the number of entries removed"),
    Call("cache_stats", "cache", "cache", "{'entries': n}"),
    Call("make_vectors", "vectors", "index, dimension", "None; before its other calls"),
    Call("put_vectors", "vectors", "index, [id], array (n, dimension)", "the number of vectors put"),
    Call("search_vectors", "vectors", "index, query, k", "[(id, distance)], nearest first"),
    Call("count_vectors", "vectors", "index", "the number of vectors in it"),
    Call("make_index", "database index", "index, dimension", "None; before its other calls"),
    Call("put_index", "database index", "index, [id], array (n, dimension)", "None"),
    Call("search_index", "database index", "index, query, k", "[(id, distance)], nearest first"),
    Call("ns_put", "namespaces", "namespace, key (text), value", "None"),
    Call("ns_get", "namespaces", "namespace, key", "the value, or None"),
    Call("ns_delete", "namespaces", "namespace, key", "None"),
    Call("ns_scan", "namespaces", "namespace, prefix", "[(key, value)]"),
    Call("backup", "backup", "directory", "None"),
    Call("verify_backup", "backup", "directory", "whether it is whole; or Refused damaged"),
    Call("restore", "backup", "directory of the backup, directory of a new database", "None"),
    Call("set_compression", "compression", "codec: none, lz4 or zstd", "None"),
    Call("compression", "compression", "", "the codec's name"),
    Call("stats", "stats", "", "{'keys': n, …}"),
    Call("stats_full", "stats", "", "{name: number}"),
    Call("checkpoint", "stats", "", "a number that is not negative, the newest commit's or the log's"),
    Call("drop_log", "stats", "", "None; what a checkpoint has is no longer in the log"),
    Call("with_transaction", "documented", "a function of a transaction", "what it returned"),
    Call("begin_transaction", "documented", "", "a transaction"),
    Call("begin_at", "documented", "level: serializable, snapshot or read committed", "a transaction"),
    Call("start_ts", "documented", "(within a transaction)", "its start, comparable with what commit returns"),
    Call("isolation", "documented", "(within a transaction)", "its level's name, in lower case"),
)
CALLS: Final[dict[str, Call]] = {row.name: row for row in _ROWS}

# What a documentation can promise that section K asks for, and the calls that it takes to try it.
DOCUMENTED: Final[dict[str, tuple[str, ...]]] = {
    "put(ttl_seconds=)": ("put_ttl",),
    "with_transaction": ("with_transaction",),
    "IsolationLevel": ("begin_at",),
    "start_ts": ("start_ts",),
    "isolation": ("isolation",),
    "begin_transaction": ("begin_transaction",),
    "TransactionConflictError": (),
}


class Surface(Protocol):
    """One database of a target, at a path of its own. `open` first; another thread may make other calls meanwhile.

    `lacking` says of the calls in CALLS that are not offered why not. `documented` says of the names in DOCUMENTED
    that the documentation promises where it does so.
    """

    lacking: Mapping[str, str]
    documented: Mapping[str, str]

    def open(self, path: str) -> None:
        """Open or make the database in the directory `path`. Raises Refused where the database refuses."""
        ...

    def close(self) -> None:
        """Close it and leave its files. Calls after that go to the closed database, as its user's would."""
        ...

    def begin(self) -> Any:
        """A transaction of the database at its strongest level."""
        ...

    def commit(self, transaction: Any) -> Any:
        """Commit; what the database returns. Raises Refused."""
        ...

    def abort(self, transaction: Any) -> None:
        """Abort. Raises Refused."""
        ...

    def call(self, name: str, *arguments: Any, within: Any = None) -> Any:
        """Make a call of CALLS, within a transaction or by itself. Raises Lacking, Refused."""
        ...

    def script(self, name: str, arguments: tuple[Any, ...], within: str = "") -> str:
        """The line of Python that makes this call without the harness, on `db` or on the variable `within`.

        `name` is of CALLS, or open, close, begin, commit, abort; the first line opens `db`, and imports what it
        takes on lines before it. Of a call that gives a transaction, `within` is the variable that it becomes. In
        place of a receipt stands the variable of what `dequeue` gave. Raises Lacking.
        """
        ...
