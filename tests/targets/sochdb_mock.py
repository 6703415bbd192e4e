"""A module `sochdb` in pure Python, with calls on keys and values: it knows no conflict, and loses updates."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar


class SochDBError(Exception):
    """As in the SDK, with a message of its own beside its text."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"[CODE] {self.message}"


class DatabaseError(SochDBError):
    """As in the SDK."""


class TransactionError(SochDBError):
    """As in the SDK."""


class NamespaceNotFoundError(SochDBError):
    """As in the SDK."""


class DimensionMismatchError(SochDBError):
    """As in the SDK."""


class Transaction:
    """Writes are seen by others at commit; reads see what is committed by then."""

    def __init__(self, database: Database) -> None:
        self.database, self.writes, self.ended, self.aborts = database, {}, "", 0

    def get(self, key: bytes) -> bytes | None:
        self.check()
        return (self.database.data | self.writes).get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.check()
        self.writes[key] = value

    def delete(self, key: bytes) -> None:
        self.put(key, None)  # type: ignore[arg-type]

    def scan_prefix(self, prefix: bytes) -> Any:
        if len(prefix) < 2:
            raise ValueError("Prefix too short")
        self.check()
        seen = self.database.data | self.writes
        return ((k, v) for k, v in sorted(seen.items()) if v is not None and k.startswith(prefix))

    def commit(self) -> int:
        self.check("already committed")
        if self.database.refuses:
            raise TransactionError(self.database.refuses)
        self.ended = "committed"
        self.database.commits += 1
        self.database.data.update(self.writes)
        return self.database.commits

    def abort(self) -> None:
        self.aborts += 1
        self.ended = "aborted"

    def check(self, what: str = "already completed") -> None:
        if self.database.closed:
            raise DatabaseError("Failed to put value")
        if self.ended:
            raise TransactionError(f"Transaction {what}")


class Database:
    """One dictionary for each path."""

    stored: ClassVar[dict[str, dict[bytes, bytes]]] = {}

    def __init__(self, path: str) -> None:
        self.data = self.stored.setdefault(path, {})
        self.closed, self.commits, self.refuses = False, 0, ""

    @classmethod
    def open(cls, path: str) -> Database:
        if "\0" in path:
            raise DatabaseError("Database path cannot contain null bytes")
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"Failed to open database at {path}") from error
        return cls(path)

    def transaction(self) -> Transaction:
        if self.closed:
            raise DatabaseError("Database is closed")
        return Transaction(self)

    def put(self, key: bytes, value: bytes) -> None:
        transaction = self.transaction()
        transaction.put(key, value)
        transaction.commit()

    def get(self, key: bytes) -> bytes | None:
        return self.transaction().get(key)

    def scan_prefix(self, prefix: bytes) -> Any:
        return self.transaction().scan_prefix(prefix)

    def close(self) -> None:
        self.closed = True

    def execute(self, sql: str) -> Any:
        raise DatabaseError({"SELECT": "Table not found: t", "INSERT": "Invalid INSERT syntax"}.get(sql, "odd"))

    def delete_node(self, node_id: str) -> None:
        """An older one, without the argument `namespace`."""


class QueueConfig:
    """As in the SDK."""

    def __init__(self, queue_id: str, visibility_timeout_ms: int = 30_000, **more: Any) -> None:
        self.queue_id, self.visibility_timeout_ms, self.more = queue_id, visibility_timeout_ms, more


class PriorityQueue:
    """Remembers what it was made with."""

    def __init__(self, backend: Any, config: QueueConfig) -> None:
        self.backend, self.config, self.tasks = backend, config, []

    def enqueue(self, priority: int, payload: bytes) -> Any:
        self.tasks.append(payload)
        return type("Task", (), {"task_id": f"task-{len(self.tasks)}"})

    def ack(self, task_id: str) -> bool:
        return task_id == f"task-{len(self.tasks)}"


def made() -> ModuleType:
    """The module, new, with nothing stored."""
    module = ModuleType("sochdb")
    for name in (SochDBError, DatabaseError, TransactionError, NamespaceNotFoundError, DimensionMismatchError):
        setattr(module, name.__name__, name)
    module.Database = type("Database", (Database,), {"stored": {}})  # type: ignore[attr-defined]
    module.Transaction = Transaction  # type: ignore[attr-defined]
    module.PriorityQueue = PriorityQueue  # type: ignore[attr-defined]
    module.QueueConfig = QueueConfig  # type: ignore[attr-defined]
    module.FFIQueueBackend = lambda database: database  # type: ignore[attr-defined]
    return module
