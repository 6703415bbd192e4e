"""The calls of harness.surface.CALLS as SochDB's SDK has them: one row each.

A row says what the SDK must have for it, how the call is made, and the line of Python that makes it without the
harness. Where both the database and a transaction have a method, `on` is the one that the call is made on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from harness.surface import CALLS
from harness.targets import sochdb_models as models

__all__ = ["BEGINNINGS", "ROWS", "Row", "lacking_of"]

# The calls that give a transaction.
BEGINNINGS: Final = frozenset({"begin_transaction", "begin_at"})


class Row(NamedTuple):
    """One call. `needs` and `within` are names of the SDK, a parameter's in brackets behind its method's.

    `needs` is what the call takes by itself, `within` what it takes in a transaction: "" where there is no such call.
    In `script`, {0} {1} … are the arguments, and the rest in braces is filled in by harness.targets.sochdb_script.
    """

    name: str
    needs: str
    within: str
    does: Callable[..., Any]
    script: str


def _on(name: str, method: str, script: str, does: Callable[..., Any]) -> Row:
    """A method of the database and of a transaction."""
    return Row(name, f"Database.{method}", f"Transaction.{method}", does, script)


def _db(name: str, needs: str, script: str, does: Callable[..., Any]) -> Row:
    """Methods of the database only."""
    return Row(name, needs, "", does, script)


_QUEUE: Final = "PriorityQueue QueueConfig FFIQueueBackend"

_ROWS: Final = (
    _on("put", "put", "{on}.put({0}, {1})", lambda use, key, value: use.on.put(key, value)),
    _on("get", "get", "{on}.get({0})", lambda use, key: use.on.get(key)),
    _on("delete", "delete", "{on}.delete({0})", lambda use, key: use.on.delete(key)),
    _on("exists", "exists", "{on}.exists({0})", lambda use, key: use.on.exists(key)),
    _on("scan", "scan", "list({on}.scan({0}, {1}))", lambda use, start, end: list(use.on.scan(start, end))),
    _on(
        "scan_prefix",
        "scan_prefix",
        "list({on}.scan_prefix({0}))",
        lambda use, prefix: list(use.on.scan_prefix(prefix)),
    ),
    _on(
        "scan_unchecked",
        "scan_prefix_unchecked",
        "list({on}.scan_prefix_unchecked({0}))",
        lambda use, prefix: list(use.on.scan_prefix_unchecked(prefix)),
    ),
    _on("put_path", "put_path", "{on}.put_path({0}, {1})", lambda use, path, value: use.on.put_path(path, value)),
    _on("get_path", "get_path", "{on}.get_path({0})", lambda use, path: use.on.get_path(path)),
    Row(
        "put_ttl",
        "Database.put(ttl_seconds)",
        "Transaction.put(ttl_seconds)",
        lambda use, key, value, seconds: use.on.put(key, value, ttl_seconds=seconds),
        "{on}.put({0}, {1}, ttl_seconds={2})",
    ),
    _db("put_batch", "Database.put_batch", "db.put_batch({0})", lambda use, pairs: use.db.put_batch(pairs)),
    _db("get_batch", "Database.get_batch", "db.get_batch({0})", lambda use, keys: use.db.get_batch(keys)),
    _db("delete_batch", "Database.delete_batch", "db.delete_batch({0})", lambda use, keys: use.db.delete_batch(keys)),
    _db(
        "make_queue",
        _QUEUE,
        "{queue} = sochdb.PriorityQueue(sochdb.FFIQueueBackend(db), sochdb.QueueConfig({config}))",
        models.make_queue,
    ),
    _db(
        "enqueue",
        _QUEUE,
        "{queue}.enqueue(priority=1, payload={1}).task_id",
        models.enqueue,
    ),
    _db("dequeue", _QUEUE, "{queue}.dequeue(worker_id=str({1}))", models.dequeue),
    _db("ack", _QUEUE, "{queue}.ack({receipt})", models.ack),
    _db("nack", _QUEUE, "{queue}.nack({receipt})", models.nack),
    _db(
        "dead_letters",
        _QUEUE,
        "[task.task_id for task in sochdb.PriorityQueue.from_database(db, {dead}).list_tasks(limit=10**6)]",
        models.dead_letters,
    ),
    _db("queue_stats", _QUEUE, "{queue}.stats()", models.queue_stats),
    _on("sql", "execute", "{on}.execute({0}).rows", lambda use, statement: use.on.execute(statement).rows),
    _db(
        "add_node",
        "Database.add_node",
        'db.add_node({0}, {1}, "node", {2})',
        lambda use, graph, node, properties: _none(use.db.add_node(graph, node, "node", properties)),
    ),
    _db(
        "add_edge",
        "Database.add_edge",
        "db.add_edge({0}, {1}, {2}, {3})",
        lambda use, graph, *edge: _none(use.db.add_edge(graph, *edge)),
    ),
    _db(
        "delete_node",
        "Database.delete_node(namespace)",
        "db.delete_node({1}, namespace={0})",
        lambda use, graph, node: use.db.delete_node(node, namespace=graph),
    ),
    _db(
        "delete_edge",
        "Database.delete_edge(namespace)",
        "db.delete_edge({1}, {2}, {3}, namespace={0})",
        lambda use, graph, *edge: use.db.delete_edge(*edge, namespace=graph),
    ),
    _db("traverse", "Database.traverse", "db.traverse({0}, {1}, max_depth={2})", models.traverse),
    _db("path", "Database.find_path(namespace)", "db.find_path({1}, {2}, namespace={0})", models.find_path),
    _db(
        "add_temporal_edge",
        "Database.add_temporal_edge",
        "db.add_temporal_edge({0}, {1}, {2}, {3}, valid_from={4}, valid_until={5})",
        lambda use, graph, *edge: use.db.add_temporal_edge(graph, *edge),
    ),
    _db(
        "temporal_edges",
        "Database.query_temporal_graph",
        'db.query_temporal_graph({0}, {1}, mode="POINT_IN_TIME", timestamp={2})',
        models.temporal_edges,
    ),
    _db(
        "cache_put",
        "Database.cache_put",
        "db.cache_put({0}, {1}, {2}, {list3}, ttl_seconds={4})",
        models.cache_put,
    ),
    _db("cache_get", "Database.cache_get", "db.cache_get({0}, {list1}, {2})", models.cache_get),
    _db(
        "cache_delete",
        "Database.cache_delete",
        "db.cache_delete({0}, {1})",
        lambda use, cache, key: _none(use.db.cache_delete(cache, key)),
    ),
    _db("cache_clear", "Database.cache_clear", "db.cache_clear({0})", lambda use, cache: use.db.cache_clear(cache)),
    _db("cache_stats", "Database.cache_stats", "db.cache_stats({0})", models.cache_stats),
    _db("make_vectors", "VectorIndex", "{index} = sochdb.VectorIndex(dimension={1})", models.make_vectors),
    _db(
        "put_vectors",
        "VectorIndex.insert_batch",
        "{index}.insert_batch(numpy.array({1}, numpy.uint64), numpy.array({2}, numpy.float32))",
        models.put_vectors,
    ),
    _db(
        "search_vectors",
        "VectorIndex.search",
        "{index}.search(numpy.array({1}, numpy.float32), {2})",
        models.search_vectors,
    ),
    _db(
        "count_vectors",
        "VectorIndex.__len__",
        "len({index})",
        lambda use, index: len(use.models.vectors[index]),
    ),
    _db(
        "make_index",
        "Database.create_index",
        "db.create_index({0}, {1})",
        lambda use, index, dimension: use.db.create_index(index, dimension),
    ),
    _db(
        "put_index",
        "Database.insert_vectors",
        "db.insert_vectors({0}, {1}, {2})",
        lambda use, index, ids, vectors: use.db.insert_vectors(index, ids, vectors),
    ),
    _db(
        "search_index",
        "Database.search",
        "db.search({0}, {1}, {2})",
        lambda use, index, query, k: list(use.db.search(index, query, k)),
    ),
    _db(
        "ns_put",
        "Database.get_or_create_namespace Namespace.put",
        "db.get_or_create_namespace({0}).put({1}, {2})",
        lambda use, namespace, key, value: use.db.get_or_create_namespace(namespace).put(key, value),
    ),
    _db(
        "ns_get",
        "Database.get_or_create_namespace Namespace.get",
        "db.get_or_create_namespace({0}).get({1})",
        lambda use, namespace, key: use.db.get_or_create_namespace(namespace).get(key),
    ),
    _db(
        "ns_delete",
        "Database.get_or_create_namespace Namespace.delete",
        "db.get_or_create_namespace({0}).delete({1})",
        lambda use, namespace, key: use.db.get_or_create_namespace(namespace).delete(key),
    ),
    _db(
        "ns_scan",
        "Database.get_or_create_namespace Namespace.scan",
        "list(db.get_or_create_namespace({0}).scan({1}))",
        lambda use, namespace, prefix: list(use.db.get_or_create_namespace(namespace).scan(prefix)),
    ),
    _db("backup", "Database.backup_create", "db.backup_create({0})", lambda use, to: use.db.backup_create(to)),
    _db(
        "verify_backup",
        "Database.backup_verify",
        "sochdb.Database.backup_verify({0})",
        lambda use, at: use.driver.Database.backup_verify(at),
    ),
    _db(
        "restore",
        "Database.backup_restore",
        "restored = sochdb.Database.open({1}); restored.backup_restore({0}); restored.close()",
        models.restore,
    ),
    _db("set_compression", "Database.set_compression", "db.set_compression({codec})", models.set_compression),
    _db("compression", "Database.get_compression", "db.get_compression()", models.compression),
    _db("stats", "Database.stats", "db.stats()", models.stats),
    _db("stats_full", "Database.stats_full", "db.stats_full()", lambda use: use.db.stats_full()),
    _db("checkpoint", "Database.checkpoint", "db.checkpoint()", lambda use: use.db.checkpoint()),
    _db("drop_log", "Database.truncate_wal", "db.truncate_wal()", lambda use: use.db.truncate_wal()),
    _db(
        "with_transaction",
        "Database.with_transaction",
        "db.with_transaction({0})",
        lambda use, work: use.db.with_transaction(work),
    ),
    _db(
        "begin_transaction",
        "Database.begin_transaction",
        "{on} = db.begin_transaction()",
        lambda use: use.db.begin_transaction(),
    ),
    _db(
        "begin_at",
        "IsolationLevel Database.transaction(isolation)",
        "{on} = db.transaction(isolation=sochdb.IsolationLevel.{level})",
        models.begin_at,
    ),
    Row("start_ts", "Transaction.start_ts", "Transaction.start_ts", lambda use: use.on.start_ts, "{on}.start_ts"),
    Row("isolation", "Transaction.isolation", "Transaction.isolation", models.isolation, "{on}.isolation"),
)
ROWS: Final[Mapping[str, Row]] = {row.name: row for row in _ROWS}
assert ROWS.keys() == CALLS.keys()


def lacking_of(driver: Any, needs: str) -> str:
    """The first of these names that the SDK does not have, or ""."""
    return next((missing for name in needs.split() if (missing := _missing(driver, name))), "")


def _missing(driver: Any, name: str) -> str:
    dotted, _, parameter = name.rstrip(")").partition("(")
    found, parts = driver, dotted.split(".")
    for place, part in enumerate(parts, 1):
        found = getattr(found, part, None)
        if found is None:
            return ".".join(parts[:place])
    if parameter and parameter not in inspect.signature(found).parameters:
        return f"{dotted}({parameter}=)"
    return ""


def _none(_: object) -> None:
    """The SDK's True on success says no more than that it returned."""
