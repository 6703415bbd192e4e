"""SochDB, embedded in this process through its Python SDK (made for and tried with 0.4.9, 0.5.2 and 0.8.3).

What it promises: ACID transactions with serializable snapshot isolation (its README, "Transactions (ACID with
SSI)"; the docstring of `Transaction.commit` names the SSI conflict as a reason for TransactionError). The README
also shows an argument `isolation`, but `transaction()` takes none in these releases: serializable is all there is.

    refused put or delete, or "SSI conflict" at commit  ──abort()──▶  Aborted
    "Failed to commit transaction", everything else     ──abort()──▶  propagates: UNKNOWN

SQL runs within a transaction of keys and values. The other data models are beside it: each of their calls is a
transaction of its own that no later abort takes back, so that only a session without one can be Aborted.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import itertools
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final

from harness.history import Op
from harness.models import ModelSteps, model_of
from harness.surface import Refused
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
# The models whose workloads ask for no more than SochDB promises, and the calls that these take.
_CALLS_OF_MODELS: Final = {"sql": ("sql",), "queue": ("make_queue", "enqueue", "dequeue", "ack", "nack")}
_LOOKS: Final = frozenset({"r", "traverse"})
_SURELY_REFUSED: Final = ("SSI conflict", "Failed to put", "Failed to delete")


class SochDBTarget:
    """One database in a directory of its own, shared by all sessions.

    Options: `path`, an empty or new directory that is left in place at close; by default a temporary one that is
    removed. Raises ValueError for any other option. Until `open` has looked at the installed package,
    `capabilities` are those of the versions named above.
    """

    def __init__(self, **options: str) -> None:
        if unknown := sorted(options.keys() - {"path"}):
            raise ValueError(f"sochdb has no option {', '.join(unknown)}; its only option is path")
        self.name = "sochdb"
        self.version = _installed_version()
        self.settings: Mapping[str, str] = dict(options)
        self.levels: Mapping[str, str] = {"serializable": "serializable"}
        self.capabilities = Capabilities(
            kinds=_KINDS_BY_GET_AND_PUT | {"delete", "scan"}, models=_models({}), steps=True, native=True
        )
        self._path = options.get("path", "")
        self._temporary = ""
        self._driver: Any = None
        self._database: Any = None
        self._calls: SochDBSurface | None = None
        self._models = ModelSteps()
        self._workers = itertools.count(1)
        self._lock = Lock()
        self._sessions: set[SochDBSession] = set()

    def open(self) -> None:
        """Create the database. Raises TargetUnavailable without the driver, or where `path` is not empty."""
        self._driver = _driver()
        self.version = _installed_version()
        try:
            self._database = self._driver.Database.open(str(self._directory()))
        except (OSError, self._driver.SochDBError) as error:
            self._remove_temporary()
            raise TargetUnavailable(f"sochdb {self.version} cannot open a database here: {error}") from error
        self._calls = SochDBSurface.on(self._driver, self.version, self._database)
        self.capabilities = Capabilities(
            kinds=_kinds(self._driver.Transaction), models=_models(self._calls.lacking), steps=True, native=True
        )

    def session(self, level: str) -> SochDBSession:
        """A session; the database is shared, as SochDB intends for threads. Raises ValueError for another level."""
        if level not in self.levels:
            raise ValueError(f"sochdb has no level {level!r}; its only level is serializable")
        with self._lock:
            if self._database is None:
                raise TargetUnavailable("sochdb is not open: call open() before session()")
            assert self._calls is not None, "it is made where the database is opened"
            on_models = partial(self._models.perform, worker=f"worker{next(self._workers)}")
            session = SochDBSession(self, self._database, self._driver, self._calls, on_models)
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
    """One client: at most one open transaction of the shared database.

    `calls` is the database's surface, `on_models` performs an operation on a data model by calls that it is given.
    """

    def __init__(
        self,
        target: SochDBTarget,
        database: Any,
        driver: Any,
        calls: SochDBSurface,
        on_models: Callable[[Op, Callable[..., Any]], Op],
    ) -> None:
        self._target = target
        self._database = database
        self._driver = driver
        self._calls = calls
        self._on_models = on_models
        self._txn: Any = None
        self._unused = False  # The transaction was begun and not used yet.
        self._beside = False  # Something was done to a data model beside the transaction.

    def begin(self) -> None:
        """Start a transaction; its snapshot is taken here."""
        assert self._txn is None, "the transaction before was neither committed nor aborted"
        self._beside = False
        self._begin()
        self._unused = True

    def step(self, op: Op) -> Op:
        """Run one operation. Raises Aborted where SochDB refused a write, ValueError for an unknown kind."""
        if model := model_of(op):
            return self._step_within(op) if model == "sql" else self._step_beside(op)
        self._use()
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
        if self._txn is None:
            return  # All that was done was beside it.
        try:
            self._txn.commit()
        except self._driver.SochDBError as error:
            # An abort that fails propagates in place of `error`: nothing is sure then.
            self._give_up()
            if "SSI conflict" in str(error) and not self._beside:
                raise Aborted(_sentence(error)) from error
            raise
        self._txn = None

    def abort(self) -> None:
        """Give up the open transaction, if there is one: a failed commit does not release its locks.

        Raises RuntimeError where that does not undo all that was done.
        """
        self._give_up()
        if self._beside:
            self._beside = False
            raise RuntimeError("SochDB does not take back what was done to a data model beside the transaction")

    def close(self) -> None:
        """Give up the open transaction and let the target close."""
        try:
            self._give_up()
        finally:
            self._target._forget(self)

    def _begin(self) -> None:
        self._txn = self._database.transaction()

    def _use(self) -> None:
        """The transaction from here on, begun where that was put off."""
        self._unused = False
        if self._txn is None:
            self._begin()

    def _give_up(self) -> None:
        txn, self._txn = self._txn, None
        if txn is not None:
            txn.abort()

    def _step_within(self, op: Op) -> Op:
        """Statements in the transaction. What is refused there had no effect, once it is given up."""
        self._use()
        try:
            return self._on_models(op, partial(self._calls.call, within=self._txn))
        except (Refused, Aborted) as error:
            self._give_up()
            if self._beside:
                raise RuntimeError(str(error)) from error
            raise Aborted(_sentence(error)) from error

    def _step_beside(self, op: Op) -> Op:
        """Calls that are transactions of their own. One that was not used so far is given up: it could be refused."""
        if self._unused:
            self._unused = False
            self._give_up()
        try:
            done = self._on_models(op, self._calls.call)
        except Aborted as error:
            if self._beside or not _surely_refused(error):
                raise RuntimeError(str(error)) from error
            raise Aborted(_sentence(error)) from error
        if op.kind not in _LOOKS and (op.kind, done.value) != ("dequeue", None):
            self._beside = True
        return done

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
            if not _surely_refused(error) or self._beside:
                raise
            self._give_up()
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


def _models(lacking: Mapping[str, str]) -> frozenset[str]:
    return frozenset(model for model, calls in _CALLS_OF_MODELS.items() if lacking.keys().isdisjoint(calls))


def _surely_refused(error: Exception) -> bool:
    return any(text in str(error) for text in _SURELY_REFUSED)


def _sentence(error: Exception) -> str:
    """SochDB's words without its transaction numbers, which come from a clock and would differ in every run."""
    return re.sub(r"\d+", "#", str(error))


def _common_prefix(low: bytes, high: bytes) -> bytes:
    """What every key in [low, high) begins with; at least ROOT."""
    length = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:length]
