"""Everything the engine can raise.

    EngineError
    ├── Conflict             the commit was refused and had no effect: run the transaction again
    ├── TransactionClosed    the transaction was already committed or aborted
    ├── ReadOnly             a write in a transaction that was declared read-only
    ├── TransactionTooLarge  one transaction's writes do not fit into one log record
    ├── InvalidKey           empty, too long, neither bytes nor text (also a ValueError)
    ├── InvalidValue         not bytes (also a TypeError)
    ├── InvalidPath          cannot be a database's directory; nothing was created (also a ValueError)
    └── Unusable             this database object can no longer be used
        ├── DatabaseClosed   it was closed
        ├── Locked           another process or object has it open
        ├── Corrupt          the log is damaged where acknowledged commits were: names segment and offset
        └── Poisoned         a write or an fsync failed: what is on disk is known only after opening it again

Only `Conflict` is worth a retry, and only `Conflict` and the errors raised before commit say that nothing happened.
"""

from __future__ import annotations

__all__ = [
    "Conflict",
    "Corrupt",
    "DatabaseClosed",
    "EngineError",
    "InvalidKey",
    "InvalidPath",
    "InvalidValue",
    "Locked",
    "Poisoned",
    "ReadOnly",
    "TransactionClosed",
    "TransactionTooLarge",
    "Unusable",
]


class EngineError(Exception):
    """The root of all errors of this package."""


class Conflict(EngineError):
    """The transaction cannot be placed in a serial order (or lost a write conflict). Retryable.

    `reason` is one sentence that names the rule.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TransactionClosed(EngineError):
    """The transaction has ended: it was committed, aborted, or refused with Conflict."""


class ReadOnly(EngineError):
    """A write was attempted in a read-only transaction."""


class TransactionTooLarge(EngineError):
    """The writes of one transaction exceed what one log record can hold."""


class InvalidKey(EngineError, ValueError):
    """The key (or prefix) is empty, too long, or neither bytes nor text."""


class InvalidValue(EngineError, TypeError):
    """The value is not bytes."""


class InvalidPath(EngineError, ValueError):
    """The path cannot be a database's directory. Nothing was created."""


class Unusable(EngineError):
    """The database object can no longer be used, or cannot be opened."""


class DatabaseClosed(Unusable):
    """The database was closed."""


class Locked(Unusable):
    """Another process, or another object in this one, has the database open."""


class Corrupt(Unusable):
    """The log is damaged in a place that was acknowledged. `segment` is a file name, `offset` is in bytes."""

    def __init__(self, segment: str, offset: int, detail: str) -> None:
        super().__init__(f"{segment} at offset {offset}: {detail}")
        self.segment = segment
        self.offset = offset
        self.detail = detail


class Poisoned(Unusable):
    """A write or an fsync failed. Kernels may drop what they could not write, so trying again would lie."""
