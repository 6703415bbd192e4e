"""SochDB, embedded in this process through its Python SDK (made for and tried with 0.4.9, 0.5.2 and 0.8.3).

What it promises: ACID transactions with serializable snapshot isolation (its README, "Transactions (ACID with
SSI)"; the docstring of `Transaction.commit` names the SSI conflict as a reason for TransactionError). The README
also shows an argument `isolation`, but `transaction()` takes none in these releases: serializable is all there is.

    refused put or delete, or "SSI conflict" at commit  ──abort()──▶  Aborted
    "Failed to commit transaction", everything else     ──abort()──▶  propagates: UNKNOWN

Of the data models, only SQL has calls on a transaction. Those of queue, cache and vectors take effect at once: a
transaction that made one cannot be taken back any more, and what else becomes of it is unknown. So graphs are left
out, where a workload looks for a node before it adds an edge to it, which means something in a transaction only.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import itertools
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

from harness.history import Op
from harness.models import ModelSteps, model_of
from harness.target import Aborted, Capabilities, TargetUnavailable
from harness.targets.encoding import decode_key, decode_value, encode_key, encode_value, range_of
from harness.targets.sochdb_surface import SochDBSurface

__all__ = ["SochDBSession", "SochDBTarget"]

# What every version must have. The rest is looked for in `_kinds` and, where missing, is not offered.
_ESSENTIAL: Final = {
    "Database": ("open", "transaction", "close"),
    "Transaction": ("get", "put", "commit", "abort"),
    "SochDBError": (),
}
_KINDS_BY_CALL: Final = {"delete": "delete", "scan_prefix": "scan"}
_KINDS_BY_GET_AND_PUT: Final = frozenset({"r", "w", "append", "incr", "cas"})
_CALLS_OF_MODELS: Final = {
    "queue": ("make_queue", "enqueue", "dequeue", "ack", "nack"),
    "cache": ("cache_put", "cache_get", "cache_delete"),
    "vectors": ("make_vectors", "put_vectors", "search_vectors"),
}
_LOOKS: Final = frozenset({"cache_get", "search_vectors", "make_queue", "make_vectors"})


class SochDBTarget:
    """One database in a directory of its own, shared by all sessions.

    Options: `path`, an empty or new directory that is left in place at close; by default a temporary one that is
    removed. Raises ValueError for any other option.
    """

    def __init__(self, **options: str) -> None:
        if unknown := sorted(options.keys() - {"path"}):
            raise ValueError(f"sochdb has no option {', '.join(unknown)}; its only option is path")
        self.name = "sochdb"
        self.version = _installed_version()
        self.settings: Mapping[str, str] = dict(options)
        self.levels: Mapping[str, str] = {"serializable": "serializable"}
        self._path = options.get("path", "")
        self._temporary = ""
        self._driver: Any = None
        self._database: Any = None
        self._lock = Lock()
        self._sessions: set[SochDBSession] = set()
        self._numbers = itertools.count(1)
        self.models = ModelSteps()
        self.calls: Any = None

    @property
    def capabilities(self) -> Capabilities:
        """What the installed package offers; without one, what the versions named above have in common."""
        try:
            driver = self._driver or _driver()
        except TargetUnavailable:
            return Capabilities(kinds=_KINDS_BY_GET_AND_PUT | {"delete", "scan"}, steps=True, native=True)
        models = _models(SochDBSurface(driver, self.version))
        return Capabilities(kinds=_kinds(driver.Transaction), models=models, steps=True, native=True)

    def open(self) -> None:
        """Create the database. Raises TargetUnavailable without the driver, or where `path` is not empty."""
        self._driver = _driver()
        self.version = _installed_version()
        try:
            self._database = self._driver.Database.open(str(self._directory()))
        except (OSError, self._driver.SochDBError) as error:
            self._remove_temporary()
            raise TargetUnavailable(f"sochdb {self.version} cannot open a database here: {error}") from error
        self.calls = SochDBSurface.on(self._driver, self.version, self._database)

    def session(self, level: str) -> SochDBSession:
        """A session; the database is shared, as SochDB intends for threads. Raises ValueError for another level."""
        if level not in self.levels:
            raise ValueError(f"sochdb has no level {level!r}; its only level is serializable")
        with self._lock:
            if self._database is None:
                raise TargetUnavailable("sochdb is not open: call open() before session()")
            session = SochDBSession(self, self._database, self._driver, f"worker{next(self._numbers)}")
            self._sessions.add(session)
        return session

    def surface(self) -> SochDBSurface:
        """The calls of the SDK as they are, on a database of its own. Raises TargetUnavailable without the driver."""
        return SochDBSurface(_driver(), _installed_version())

    def close(self) -> None:
        """Close the database and remove its temporary directory.

        With a session still open, its thread may be inside the native library: closing then frees memory in use
        (the process dies of it), and later scans come back empty without an error. The handle is left open instead.
        """
        with self._lock:
            database, self._database = self._database, None
            in_use = bool(self._sessions)
        try:
            if database is not None and not in_use:
                database.close()
        finally:
            self._remove_temporary()

    def _directory(self) -> Path:
        if not self._path:
            self._temporary = tempfile.mkdtemp(prefix="anomalist-sochdb-")
            return Path(self._temporary) / "database"
        path = Path(self._path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise TargetUnavailable(f"sochdb needs an empty directory, and {path} is not: name another path")
        return path

    def _remove_temporary(self) -> None:
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = ""

    def _forget(self, session: SochDBSession) -> None:
        with self._lock:
            self._sessions.discard(session)


class SochDBSession:
    """One client: at most one open transaction of the shared database."""

    def __init__(self, target: SochDBTarget, database: Any, driver: Any, worker: str) -> None:
        self._target = target
        self._database = database
        self._driver = driver
        self._worker = worker
        self._open: Any = None
        self._lasting = False  # Whether a call took effect beside the transaction.

    def begin(self) -> None:
        """Start a transaction. Its snapshot is taken at the first operation that needs one: a queue's does not."""
        assert self._open is None, "the transaction before was neither committed nor aborted"

    def step(self, op: Op) -> Op:
        """Run one operation. Raises Aborted where SochDB refused a write, ValueError for an unknown kind."""
        if model_of(op):
            return self._step_model(op)
        kind, key, value = op
        match kind:
            case "r":
                value = self._get(key)
            case "w":
                self._put(key, value)
            case "append":
                self._put(key, [*self._list(key), value])
            case "incr":
                value = self._increment(key, value)
            case "cas":
                value = self._compare_and_set(key, *value)
            case "delete":
                self._write("delete", encode_key(key))
            case "scan":
                value = self._scan(key)
            case _:
                raise ValueError(f"sochdb sessions have no operation {kind!r}")
        return Op(kind, key, value)

    def commit(self) -> None:
        """Commit. Raises Aborted for an SSI conflict only.

        "Failed to commit transaction" is what SochDB says for a conflict found by its native library and for a
        failed write or fsync of its log alike, and after the latter 0.8.3 shows the transaction once it is reopened.
        """
        try:
            if self._open is not None:
                self._open.commit()
        except self._driver.SochDBError as error:
            # An abort that fails propagates in place of `error`: nothing is sure then.
            self.abort()
            if "SSI conflict" in str(error):
                raise Aborted(_sentence(error)) from error
            raise
        self._open, self._lasting = None, False

    def abort(self) -> None:
        """Give up the open transaction, if there is one: a failed commit does not release its locks.

        Raises RuntimeError where something of it took effect beside it, which nobody can take back.
        """
        txn, self._open = self._open, None
        lasting, self._lasting = self._lasting, False
        if txn is not None:
            txn.abort()
        if lasting:
            raise RuntimeError("a call on a data model had taken effect beside the transaction")

    def close(self) -> None:
        """Give up the open transaction and let the target close."""
        try:
            self.abort()
        finally:
            self._target._forget(self)

    @property
    def _txn(self) -> Any:
        if self._open is None:
            self._open = self._database.transaction()
        return self._open

    def _step_model(self, op: Op) -> Op:
        try:
            return self._target.models.perform(op, self._call, self._worker)
        except Aborted:
            self.abort()
            raise

    def _call(self, name: str, *arguments: Any) -> Any:
        """A call of the surface: on the transaction where the SDK has it there, else beside it."""
        calls = self._target.calls
        if calls.offers(name, within=True):
            return calls.call(name, *arguments, within=self._txn)
        result = calls.call(name, *arguments)
        self._lasting |= name not in _LOOKS and not (name == "dequeue" and result is None)
        return result

    def _get(self, key: Any) -> Any:
        stored = self._txn.get(encode_key(key))
        return None if stored is None else decode_value(stored)

    def _list(self, key: Any) -> list[Any]:
        seen = self._get(key)
        if seen is not None and not isinstance(seen, list):
            raise ValueError(f"append to {key!r}, which holds no list")
        return seen or []

    def _put(self, key: Any, value: Any) -> None:
        self._write("put", encode_key(key), encode_value(value))

    def _write(self, call: str, *arguments: bytes) -> None:
        """Put or delete. A refusal is sure: the transaction is given up without its commit ever being asked for."""
        try:
            getattr(self._txn, call)(*arguments)
        except self._driver.SochDBError as error:
            if not any(text in str(error) for text in ("SSI conflict", "Failed to put", "Failed to delete")):
                raise
            self.abort()
            raise Aborted(_sentence(error)) from error

    def _increment(self, key: Any, added: Any) -> tuple[Any, Any]:
        number = (self._get(key) or 0) + added
        self._put(key, number)
        return added, number

    def _compare_and_set(self, key: Any, old: Any, new: Any) -> tuple[Any, Any, bool]:
        # Compared as stored, because Python takes 1, 1.0 and True for the same.
        replaced = encode_value(self._get(key)) == encode_value(old)
        if replaced:
            self._put(key, new)
        return old, new, replaced

    def _scan(self, bounds: Any) -> dict[Any, Any]:
        """Keys in [low, high), or those that begin with a text, by the one scan that all versions have."""
        low, high = range_of(bounds)
        found = [(k, v) for k, v in sorted(self._txn.scan_prefix(_common_prefix(low, high))) if low <= k < high]
        seen = {decode_key(k): decode_value(v) for k, v in found}
        if len(seen) != len(found):
            raise RuntimeError(f"the scan of {bounds!r} returned a key twice")
        return seen


def _installed_version() -> str:
    try:
        return importlib.metadata.version("sochdb")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _driver() -> Any:
    """The module `sochdb`, with everything in it that this file cannot do without."""
    try:
        driver = importlib.import_module("sochdb")
    except ImportError as error:
        raise TargetUnavailable("sochdb is not installed: pip install 'anomalist[sochdb]'") from error
    for name, calls in _ESSENTIAL.items():
        owner = getattr(driver, name, None)
        missing = [f"{name}.{call}" for call in calls if not hasattr(owner, call)] or ([] if owner else [name])
        if missing:
            raise TargetUnavailable(
                f"sochdb {_installed_version()} has no {missing[0]}: pip install 'anomalist[sochdb]'"
            )
    return driver


def _kinds(transaction: type) -> frozenset[str]:
    return _KINDS_BY_GET_AND_PUT | {kind for call, kind in _KINDS_BY_CALL.items() if hasattr(transaction, call)}


def _models(calls: SochDBSurface) -> frozenset[str]:
    offered = {model for model, names in _CALLS_OF_MODELS.items() if calls.offers(*names)}
    return frozenset(offered | ({"sql"} if calls.offers("sql", within=True) else set()))


def _sentence(error: Exception) -> str:
    """SochDB's words without its transaction numbers, which come from a clock and would differ in every run."""
    return re.sub(r"\d+", "#", str(error))


def _common_prefix(low: bytes, high: bytes) -> bytes:
    """What every key in [low, high) begins with; at least ROOT."""
    length = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:length]
