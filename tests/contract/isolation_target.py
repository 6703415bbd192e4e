"""The mock database of sections A to D as a target: sessions and a surface over store, SQL and queues."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from isolation_lies import LIES, Lie, together
from isolation_queue import Queues, SessionQueue
from isolation_sql import SqlDatabase
from isolation_store import Store, Transaction

from harness.history import Op
from harness.surface import CALLS, Lacking, Refused
from harness.target import Aborted, Capabilities


def _get_batch(on: Transaction, keys: list[bytes]) -> list[bytes | None]:
    return [on.get(key, "get_batch") for key in keys]


def _put_batch(on: Transaction, pairs: list[tuple[bytes, bytes]]) -> int:
    for key, value in pairs:
        on.write(key, value, "put_batch")
    return len(pairs)


def _path(path: str) -> bytes:
    return f"/path/{path}".encode()


_CALLS: Mapping[str, Callable[..., Any]] = {
    "put": lambda on, key, value: on.write(key, value, "put"),
    "get": lambda on, key: on.get(key, "get"),
    "delete": lambda on, key: on.write(key, None, "delete"),
    "exists": lambda on, key: on.get(key, "exists") is not None,
    "scan": lambda on, low, high: on.scan(low, high, "scan"),
    "scan_prefix": lambda on, prefix: on.scan(prefix, prefix + b"\xff", "scan_prefix"),
    "put_path": lambda on, path, value: on.write(_path(path), value, "put_path"),
    "get_path": lambda on, path: on.get(_path(path), "get_path"),
    "put_batch": _put_batch,
    "get_batch": _get_batch,
}
_QUEUE = ("make_queue", "enqueue", "dequeue", "ack", "nack", "dead_letters")
_SESSION_QUEUE = ("make_queue", "enqueue", "dequeue", "ack", "nack")
_OFFERED = {*_CALLS, *_QUEUE, "sql"}
_LOCK = "lock"


class MockTarget:
    """`lie` is the id of the check that it is made to fail, or of a scenario for all of its lies at once.

    `steps=no` says that calls may wait for other transactions.
    """

    name = "mock"
    version = "1"
    levels: Mapping[str, str] = {"serializable": "strict-serializable"}

    def __init__(self, lie: str = "", steps: str = "yes") -> None:
        self.settings: Mapping[str, str] = {"lie": lie} if lie else {}
        kinds = frozenset({"r", "w", "append", "scan", "delete", *_SESSION_QUEUE})
        self.capabilities = Capabilities(kinds=kinds, steps=steps == "yes")
        told = [one for check, one in LIES.items() if check == lie or check.startswith(f"{lie}.")]
        self._lie = together(told) if told else Lie()
        self._store: Store | None = None

    def open(self) -> None:
        self._store = Store(self._lie)

    def surface(self) -> MockSurface:
        return MockSurface(self._lie)

    def session(self, level: str) -> MockSession:
        assert self._store is not None
        return MockSession(self._store)

    def close(self) -> None:
        self._store = None


class MockSession:
    """Keys are kept apart from those of a surface by a prefix."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._transaction: Transaction | None = None

    def begin(self) -> None:
        self._transaction = self._store.begin()

    def step(self, op: Op) -> Op:
        transaction = self._transaction
        assert transaction is not None
        match op.kind:
            case "r":
                value = transaction.get(_stored(op.key), "r")
                return op._replace(value=self._store.lie.answer("r", (op.key,), value))
            case "w":
                transaction.write(_stored(op.key), op.value, "w")
            case "delete":
                transaction.write(_stored(op.key), None, "delete")
            case "append":
                elements = transaction.get(_stored(op.key), "append") or []
                transaction.write(_stored(op.key), [*elements, op.value], "append")
            case "scan":
                low, high = map(_stored, op.key)
                found = transaction.scan(low, high, "session scan")
                return op._replace(value={key.decode().removeprefix(_PREFIX): value for key, value in found})
            case "make_queue" | "enqueue" | "dequeue" | "ack" | "nack":
                return op._replace(
                    value=SessionQueue(transaction, op.key, _stored(f"queue {op.key}")).ask(op.kind, op.value)
                )
        return op

    def commit(self) -> None:
        transaction, self._transaction = self._transaction, None
        assert transaction is not None
        try:
            transaction.commit()
        except Refused as refusal:
            raise Aborted(str(refusal)) from refusal

    def abort(self) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None and not transaction.ended:
            transaction.abort()

    def close(self) -> None:
        self.abort()


_PREFIX = "session:"


def _stored(key: str) -> bytes:
    return f"{_PREFIX}{key}".encode()


class MockTransaction:
    """A transaction of the store, and one of SQL from its first statement on."""

    def __init__(self, store: Store) -> None:
        self.keys = store.begin()
        self.sql: sqlite3.Connection | None = None


class MockSurface:
    """Everything is in memory while it is open, and in files when it is closed. A second process is refused."""

    lacking: Mapping[str, str] = {call: f"the mock has no {call}" for call in CALLS if call not in _OFFERED}
    documented: Mapping[str, str] = {}

    def __init__(self, lie: Lie) -> None:
        self._lie = lie
        self._directory = Path()
        self._store = Store(lie)
        self._queues = Queues(lie)
        self._sql: SqlDatabase | None = None

    def open(self, path: str) -> None:
        self._directory = Path(path)
        self._directory.mkdir(exist_ok=True)
        try:
            (self._directory / _LOCK).touch(exist_ok=False)
        except FileExistsError:
            raise Refused("locked", "another process has it open") from None
        self._store, self._queues = Store(self._lie), Queues(self._lie)
        self._store.load(self._directory)
        queues = self._directory / "queues"
        if queues.exists():
            self._queues.load(queues.read_bytes())
        self._sql = SqlDatabase(self._directory, self._lie)

    def close(self) -> None:
        self._store.save(self._directory)
        (self._directory / "queues").write_bytes(self._queues.dump())
        (self._directory / _LOCK).unlink(missing_ok=True)

    def begin(self) -> MockTransaction:
        return MockTransaction(self._store)

    def commit(self, transaction: MockTransaction) -> int:
        if transaction.sql is not None:
            connection, transaction.sql = transaction.sql, None
            connection.execute("COMMIT")
            connection.close()
        return transaction.keys.commit()

    def abort(self, transaction: MockTransaction) -> None:
        if transaction.sql is not None:
            connection, transaction.sql = transaction.sql, None
            connection.execute("ROLLBACK")
            connection.close()
        transaction.keys.abort()

    def call(self, name: str, *arguments: Any, within: MockTransaction | None = None) -> Any:
        if name in self.lacking:
            raise Lacking(self.lacking[name])
        if name in _QUEUE:
            if within is not None:
                raise Lacking("the mock's queues are in no transaction")
            return getattr(self._queues, name)(*arguments)
        if name == "sql":
            return self._statement(arguments[0], within)
        result = self._in_a_transaction(lambda keys: _CALLS[name](keys, *arguments), within)
        return self._lie.answer(name, arguments, result)

    def _in_a_transaction(self, work: Callable[[Transaction], Any], within: MockTransaction | None) -> Any:
        if within is not None:
            return work(within.keys)
        with self._store.lock:
            transaction = self._store.begin()
            try:
                result = work(transaction)
                transaction.commit()
            finally:
                if not transaction.ended:
                    transaction.abort()
            return result

    def _statement(self, text: str, within: MockTransaction | None) -> Any:
        assert self._sql is not None
        if within is None or self._lie.untracked("sql", text.encode()):
            return self._sql.alone(text)
        if within.sql is None:
            within.sql = self._sql.connect(wait_s=0.0)
            within.sql.execute("BEGIN")
        return self._sql.execute(within.sql, text)

    def script(self, name: str, arguments: tuple[Any, ...], within: str = "") -> str:
        raise Lacking("the mock is no module that a script could import")
