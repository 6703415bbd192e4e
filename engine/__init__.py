"""A small embedded database with serializable snapshot isolation: in memory, durable by a write-ahead log.

with Database.open("accounts", sync="full") as database:
    database.put("alice", b"10")
    with database.transaction() as transaction:
        transaction.put("bob", transaction.get("alice"))
"""

from engine.backup import Backup
from engine.clock import Clock, SystemClock
from engine.database import MEMORY, Database
from engine.errors import (
    Conflict,
    Corrupt,
    DatabaseClosed,
    DimensionMismatch,
    EngineError,
    InvalidArgument,
    InvalidKey,
    InvalidPath,
    InvalidValue,
    Locked,
    MissingNode,
    NewerFormat,
    NoSavepoint,
    Poisoned,
    ReadOnly,
    SqlConstraintError,
    SqlError,
    SqlNameError,
    SqlSyntaxError,
    SqlTypeError,
    SqlUnsupported,
    SqlValueError,
    StaleClaim,
    TransactionClosed,
    TransactionTooLarge,
    Unusable,
)
from engine.isolation import IsolationLevel
from engine.keys import KEY_LENGTH_MAX
from engine.latch import POINTS, Latches, ThreadLatches
from engine.memory_vfs import MemoryVfs
from engine.salvage import Salvaged
from engine.transaction import Transaction
from engine.vfs import OsVfs, Vfs

__version__ = "0.1.0"

__all__ = [
    "KEY_LENGTH_MAX",
    "MEMORY",
    "POINTS",
    "Backup",
    "Clock",
    "Conflict",
    "Corrupt",
    "Database",
    "DatabaseClosed",
    "DimensionMismatch",
    "EngineError",
    "InvalidArgument",
    "InvalidKey",
    "InvalidPath",
    "InvalidValue",
    "IsolationLevel",
    "Latches",
    "Locked",
    "MemoryVfs",
    "MissingNode",
    "NewerFormat",
    "NoSavepoint",
    "OsVfs",
    "Poisoned",
    "ReadOnly",
    "Salvaged",
    "SqlConstraintError",
    "SqlError",
    "SqlNameError",
    "SqlSyntaxError",
    "SqlTypeError",
    "SqlUnsupported",
    "SqlValueError",
    "StaleClaim",
    "SystemClock",
    "ThreadLatches",
    "Transaction",
    "TransactionClosed",
    "TransactionTooLarge",
    "Unusable",
    "Vfs",
    "__version__",
]
