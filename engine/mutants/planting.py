"""A database with one part replaced."""

from __future__ import annotations

from typing import Final

from engine.collection import Collector
from engine.commit_log import CommitLog
from engine.database import Database
from engine.recovery import Recovery
from engine.ssi import SerializableRule
from engine.store import Store
from engine.transaction import Transaction

__all__ = ["planted"]

# What a part is a kind of, and the attribute of which class names it.
_SEAMS: Final[tuple[tuple[type, type, str], ...]] = (
    (SerializableRule, Store, "rule_class"),
    (Collector, Store, "collector_class"),
    (Store, Database, "store_class"),
    (CommitLog, Database, "log_class"),
    (Recovery, Database, "recovery_class"),
    (Transaction, Database, "transaction_class"),
)


def planted(part: type) -> type[Database]:
    """A database class that uses `part`, a subclass of one of the engine's classes, in the place of its base."""
    if issubclass(part, Database):
        return part
    for kind, owner, attribute in _SEAMS:
        if issubclass(part, kind):
            return planted(type(f"{owner.__name__}With{part.__name__}", (owner,), {attribute: part}))
    raise TypeError(f"{part.__name__} is no part of the engine")
