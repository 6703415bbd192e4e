"""The reference engine as a target: sessions over `engine.Database` in this process.

`append`, `incr` and `cas` read and write inside the transaction. At serializable and snapshot-isolation the engine
refuses the second of two writers, so nothing is lost; at read-committed one append may overwrite another. Operations
on data models are calls of the engine's surface within the same transaction.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import engine
from engine import Conflict, Database, IsolationLevel, Transaction
from engine.mutants import MUTANTS
from harness.history import Op
from harness.models import ModelSteps, model_of
from harness.surface import Refused, Surface
from harness.target import Aborted, Capabilities, Session
from harness.targets.encoding import decode_key, decode_value, encode_key, encode_value, range_of
from harness.targets.reference_surface import ReferenceSurface

__all__ = ["ReferenceTarget"]

_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "path": (),
    "sync": ("full", "normal", "off"),
    "mutant": tuple(MUTANTS),
}


class ReferenceTarget:
    """The engine. `path` is a directory in which a fresh database is made and removed again; without it, memory.

    `mutant` plants a deliberate bug, see `engine.mutants`. With a `path` it can be restarted.
    """

    name = "reference"
    version = engine.__version__
    levels: Mapping[str, str] = MappingProxyType(
        {
            "serializable": "strict-serializable",
            "snapshot-isolation": "strong-snapshot-isolation",
            "read-committed": "strong-read-committed",
        }
    )
    capabilities = Capabilities(
        kinds=frozenset({"r", "w", "append", "scan", "delete", "incr", "cas"}),
        models=frozenset({"queue", "sql", "cache", "vectors", "graph"}),
        steps=True,
    )

    def __init__(self, **options: str) -> None:
        """Options: path, sync (full, normal, off), mutant. Raises ValueError for others."""
        for name, value in options.items():
            if name not in _OPTIONS:
                raise ValueError(f"the reference target has no option {name!r}; it has {', '.join(_OPTIONS)}")
            if _OPTIONS[name] and value not in _OPTIONS[name]:
                raise ValueError(f"option {name!r} is one of {', '.join(_OPTIONS[name])}, not {value!r}")
        self.settings: Mapping[str, str] = dict(options)
        if "path" in options:
            self.capabilities = replace(self.capabilities, faults=frozenset({"restart"}))
        self._directory: str | None = None
        self._database: Database | None = None
        self._calls = ReferenceSurface()
        self._models = ModelSteps()
        self._workers = itertools.count(1)

    def open(self) -> None:
        """Start an empty database. Raises OSError where `path` cannot be written."""
        self._directory = self._new_directory()
        self._database = self._opened()

    def restart(self) -> None:
        """Go on with a copy of the files as they are: what the system would have after a kill at this moment."""
        killed = self._directory
        assert killed is not None, "only a database with a path can be restarted"
        self._directory = self._new_directory()
        assert self._directory is not None
        shutil.copytree(killed, self._directory, dirs_exist_ok=True)
        before, self._database = self._database, None
        if before is not None:
            before.close()
        shutil.rmtree(killed)
        self._database = self._opened()

    def _new_directory(self) -> str | None:
        path = self.settings.get("path", engine.MEMORY)
        return None if path == engine.MEMORY else tempfile.mkdtemp(prefix="reference-", dir=path)

    def _opened(self) -> Database:
        return self._database_class().open(self._directory or engine.MEMORY, sync=self.settings.get("sync", "full"))

    def _database_class(self) -> type[Database]:
        mutant = self.settings.get("mutant")
        return Database if mutant is None else MUTANTS[mutant].database

    def session(self, level: str) -> Session:
        """A connection whose transactions run at `level`. Raises ValueError for a level the engine does not have."""
        if level not in self.levels:
            raise ValueError(f"the reference target has no level {level!r}; it has {', '.join(self.levels)}")
        if self._database is None:
            raise RuntimeError("the target is not open")
        return _Session(self._database, IsolationLevel(level), self._on_models(f"worker{next(self._workers)}"))

    def _on_models(self, worker: str) -> Callable[[Transaction, Op], Op]:
        """How a session performs operations on data models, claiming tasks as `worker`."""

        def step(transaction: Transaction, op: Op) -> Op:
            call = partial(self._calls.call, within=transaction)
            return self._models.perform(op, call, worker)

        return step

    def surface(self) -> Surface:
        """The engine's own calls, on a database of its own."""
        return ReferenceSurface(self._database_class(), self.settings.get("sync", "full"))

    def close(self) -> None:
        """Close the database and remove its directory."""
        database, self._database = self._database, None
        directory, self._directory = self._directory, None
        try:
            if database is not None:
                database.close()
        finally:
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)


class _Session:
    """One client. Read-dependent kinds read and write inside the transaction."""

    def __init__(
        self, database: Database, isolation: IsolationLevel, on_models: Callable[[Transaction, Op], Op]
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._on_models = on_models
        self._transaction: Transaction | None = None
        self._committed: Transaction | None = None

    def begin(self) -> None:
        self._transaction = self._database.begin_transaction(self._isolation)

    def step(self, op: Op) -> Op:
        if model_of(op):
            return self._step_model(self._open(), op)
        run = _STEPS.get(op.kind)
        if run is None:
            raise ValueError(f"the reference target has no operation {op.kind!r}")
        return run(self, self._open(), op)

    def commit(self) -> None:
        transaction, self._transaction = self._open(), None
        try:
            transaction.commit()
        except Conflict as conflict:
            raise Aborted(conflict.reason) from conflict
        self._committed = transaction

    def timestamps(self) -> tuple[int, int] | None:
        """The engine's numbers of the last commit's snapshot and of that commit, unless there was no snapshot."""
        transaction = self._committed
        if transaction is None or self._isolation is IsolationLevel.READ_COMMITTED:
            return None
        snapshot, commit = transaction.start_ts, transaction.commit_ts
        return None if snapshot is None or commit is None else (snapshot, commit)

    def abort(self) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            transaction.abort()

    def close(self) -> None:
        self.abort()

    def _open(self) -> Transaction:
        if self._transaction is None:
            raise RuntimeError("no transaction was begun")
        return self._transaction

    def _step_model(self, transaction: Transaction, op: Op) -> Op:
        try:
            return self._on_models(transaction, op)
        except Refused as refusal:
            # All of it is in this transaction, which is given up: whatever was refused had no effect.
            self.abort()
            raise Aborted(str(refusal)) from refusal

    def _read(self, transaction: Transaction, key: bytes) -> Any:
        stored = transaction.get(key)
        return None if stored is None else decode_value(stored)

    def _write(self, transaction: Transaction, key: bytes, value: Any) -> None:
        transaction.put(key, encode_value(value))

    def _step_read(self, transaction: Transaction, op: Op) -> Op:
        return Op("r", op.key, self._read(transaction, encode_key(op.key)))

    def _step_write(self, transaction: Transaction, op: Op) -> Op:
        self._write(transaction, encode_key(op.key), op.value)
        return op

    def _step_append(self, transaction: Transaction, op: Op) -> Op:
        key = encode_key(op.key)
        self._write(transaction, key, [*(self._read(transaction, key) or ()), op.value])
        return op

    def _step_scan(self, transaction: Transaction, op: Op) -> Op:
        found = transaction.scan(*range_of(op.key))
        return Op("scan", op.key, {decode_key(key): decode_value(stored) for key, stored in found})

    def _step_delete(self, transaction: Transaction, op: Op) -> Op:
        transaction.delete(encode_key(op.key))
        return op

    def _step_increment(self, transaction: Transaction, op: Op) -> Op:
        key = encode_key(op.key)
        number = (self._read(transaction, key) or 0) + op.value
        self._write(transaction, key, number)
        return Op("incr", op.key, (op.value, number))

    def _step_compare_and_set(self, transaction: Transaction, op: Op) -> Op:
        key = encode_key(op.key)
        old, new = op.value
        replaced = self._read(transaction, key) == old
        if replaced:
            self._write(transaction, key, new)
        return Op("cas", op.key, (old, new, replaced))


_STEPS: Final[dict[str, Callable[[_Session, Transaction, Op], Op]]] = {
    "r": _Session._step_read,
    "w": _Session._step_write,
    "append": _Session._step_append,
    "scan": _Session._step_scan,
    "delete": _Session._step_delete,
    "incr": _Session._step_increment,
    "cas": _Session._step_compare_and_set,
}
