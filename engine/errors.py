"""Everything the engine can raise.

    EngineError
    ├── Conflict             the commit was refused and had no effect: run the transaction again
    ├── TransactionClosed    the transaction was already committed or aborted
    ├── ReadOnly             a write in a transaction that was declared read-only
    ├── NoSavepoint          the transaction has no savepoint of that name (also a LookupError)
    ├── TransactionTooLarge  one transaction's writes do not fit into one log record
    ├── InvalidKey           empty, too long, reserved, neither bytes nor text (also a ValueError)
    ├── InvalidValue         not bytes, or no time to live (also a TypeError)
    ├── InvalidPath          cannot be a database's directory; nothing was created (also a ValueError)
    ├── InvalidArgument      another argument that makes no sense; nothing was changed (also a ValueError)
    │   ├── StaleClaim         the task is not this worker's any more
    │   ├── MissingNode        the graph has no such node
    │   └── DimensionMismatch  a vector of another dimension than the others
    ├── SqlError             a statement that was refused; it changed nothing
    │   ├── SqlSyntaxError      not SQL, or more than one statement
    │   ├── SqlUnsupported      SQL that this engine does not have: names the construct
    │   ├── SqlNameError        a table, column, alias or parameter that is unknown, ambiguous or taken
    │   ├── SqlTypeError        a value or an expression of the wrong type (also a TypeError)
    │   ├── SqlValueError       no value of its type: overflow, division by zero, too long (also a ValueError)
    │   └── SqlConstraintError  PRIMARY KEY, UNIQUE or NOT NULL would be violated
    └── Unusable             this database object can no longer be used
        ├── DatabaseClosed   it was closed
        ├── Locked           another process or object has it open
        ├── Corrupt          damaged where acknowledged commits were: names file and offset
        ├── NewerFormat      written in a format that this engine does not read (also a ValueError)
        └── Poisoned         a write or an fsync failed: what is on disk is known only after opening it again

Only `Conflict` is worth a retry, and only `Conflict` and the errors raised before commit say that nothing happened.
"""

from __future__ import annotations

__all__ = [
    "Conflict",
    "Corrupt",
    "DatabaseClosed",
    "DimensionMismatch",
    "EngineError",
    "InvalidArgument",
    "InvalidKey",
    "InvalidPath",
    "InvalidValue",
    "Locked",
    "MissingNode",
    "NewerFormat",
    "NoSavepoint",
    "Poisoned",
    "ReadOnly",
    "SqlConstraintError",
    "SqlError",
    "SqlNameError",
    "SqlSyntaxError",
    "SqlTypeError",
    "SqlUnsupported",
    "SqlValueError",
    "StaleClaim",
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


class NoSavepoint(EngineError, LookupError):
    """The transaction has no savepoint of that name."""


class TransactionTooLarge(EngineError):
    """The writes of one transaction exceed what one log record can hold."""


class InvalidKey(EngineError, ValueError):
    """The key (or prefix) is empty, too long, reserved for the data models, or neither bytes nor text."""


class InvalidValue(EngineError, TypeError):
    """The value is not bytes, or its time to live is no positive number."""


class InvalidPath(EngineError, ValueError):
    """The path cannot be a database's directory. Nothing was created."""


class InvalidArgument(EngineError, ValueError):
    """An argument makes no sense: a name, a number, a time, an embedding. Nothing was changed."""


class SqlError(EngineError):
    """A SQL statement was refused. Nothing of it has happened; the transaction goes on."""


class SqlSyntaxError(SqlError):
    """The text is not exactly one statement of SQL."""


class SqlUnsupported(SqlError):
    """The statement uses a construct that this engine does not have."""


class SqlNameError(SqlError):
    """A table, a column, an alias or a parameter is unknown, ambiguous, or exists already."""


class SqlTypeError(SqlError, TypeError):
    """A value or an expression does not have the type that its place asks for."""


class SqlValueError(SqlError, ValueError):
    """An expression has no value of its type, or a column cannot hold it exactly."""


class SqlConstraintError(SqlError):
    """The statement would violate PRIMARY KEY, UNIQUE or NOT NULL."""


class StaleClaim(InvalidArgument):
    """The task was acknowledged, given back or given to another worker, or is dead."""


class MissingNode(InvalidArgument):
    """The graph has no such node."""


class DimensionMismatch(InvalidArgument):
    """A vector has another dimension than the others."""


class Unusable(EngineError):
    """The database object can no longer be used, or cannot be opened."""


class DatabaseClosed(Unusable):
    """The database was closed."""


class Locked(Unusable):
    """Another process, or another object in this one, has the database open."""


class Corrupt(Unusable):
    """A file is damaged in a place that was acknowledged. `segment` is its name, `offset` is in bytes."""

    def __init__(self, segment: str, offset: int, detail: str) -> None:
        super().__init__(f"{segment} at offset {offset}: {detail}")
        self.segment = segment
        self.offset = offset
        self.detail = detail


class NewerFormat(Unusable, ValueError):
    """The files have a format version that this engine does not read. Nothing was changed."""


class Poisoned(Unusable):
    """A write or an fsync failed. Kernels may drop what they could not write, so trying again would lie."""
