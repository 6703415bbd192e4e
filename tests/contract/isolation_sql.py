"""SQL for the mock: sqlite3, a connection for each transaction, write-ahead logging for snapshots.

In that mode a transaction keeps the snapshot of its first read, and may write only while that is the newest state:
a conflict is refused, and what commits has a serial order.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from isolation_lies import Lie

from harness.surface import Refused

_BUSY_S = 30.0
_WHYS = (
    ("UNIQUE constraint", "duplicate"),
    ("no such", "missing"),
    ("locked", "conflict"),
    ("one statement at a time", "statement"),
    ("syntax error", "statement"),
    ("unrecognized token", "statement"),
    ("incomplete input", "statement"),
)

sqlite3.register_converter("BOOLEAN", lambda stored: stored == b"1")


class SqlDatabase:
    """`connect` opens it anew each time."""

    def __init__(self, directory: Path, lie: Lie) -> None:
        self._path = directory / "sql"
        self._lie = lie
        with self.connect() as connection:
            connection.execute("PRAGMA journal_mode = wal")
        connection.close()

    def connect(self, wait_s: float = _BUSY_S) -> sqlite3.Connection:
        """`wait_s` is for a transaction by itself to wait for another one's end: on one thread it would not come."""
        connection = sqlite3.connect(
            self._path,
            timeout=wait_s,
            isolation_level=None,
            detect_types=sqlite3.PARSE_DECLTYPES,
            check_same_thread=False,
        )
        connection.execute("PRAGMA synchronous = off")
        return connection

    def alone(self, statement: str) -> list[dict[str, Any]]:
        """A statement by itself."""
        connection = self.connect()
        try:
            return self.execute(connection, statement)
        finally:
            connection.close()

    def execute(self, connection: sqlite3.Connection, statement: str) -> list[dict[str, Any]]:
        try:
            cursor = connection.execute(self._lie.statement(statement))
            names = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except sqlite3.Error as error:
            why = next((why for text, why in _WHYS if text in str(error)), None)
            if why is None:
                raise
            raise Refused(why, str(error)) from error
        return self._lie.answer("sql", (statement,), rows)  # type: ignore[no-any-return]
