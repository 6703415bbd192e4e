"""A database with one part replaced."""

from __future__ import annotations

from typing import Any, Final

from engine.collection import Collector
from engine.commit_log import CommitLog
from engine.database import Database
from engine.models.view import View
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
    if issubclass(part, View):
        return _with_model(part)
    for kind, owner, attribute in _SEAMS:
        if issubclass(part, kind):
            return planted(type(f"{owner.__name__}With{part.__name__}", (owner,), {attribute: part}))
    raise TypeError(f"{part.__name__} is no part of the engine")


def _with_model(part: type[View]) -> type[Database]:
    """The call that gives this model gives `part` instead, on the database and in its transactions."""

    def give(self: Any, *arguments: Any, **options: Any) -> View:
        return part(self, *arguments, **options)

    given = {part.kind: give}
    transaction = type(f"TransactionWith{part.__name__}", (Transaction,), {"__slots__": (), **given})
    return type(f"DatabaseWith{part.__name__}", (Database,), {"transaction_class": transaction, **given})
