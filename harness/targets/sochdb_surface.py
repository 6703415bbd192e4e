"""One SochDB database as its SDK offers it: a harness.surface.Surface for releases 0.4.9 to 0.8.3.

What the installed release offers is looked for by name, not told from its version. The table of the calls is in
sochdb_calls, what errors mean in sochdb_errors, what the README promises in sochdb_readme.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from harness.surface import DOCUMENTED, Lacking
from harness.targets.sochdb_calls import BEGINNINGS, ROWS, lacking_of
from harness.targets.sochdb_errors import refusal, refusal_to_open
from harness.targets.sochdb_models import Models, Use
from harness.targets.sochdb_readme import documented
from harness.targets.sochdb_script import script_of

__all__ = ["SochDBSurface"]


class SochDBSurface:
    """A database at a path of its own. `driver` is the module `sochdb`, `version` that of the installed package."""

    def __init__(self, driver: Any, version: str) -> None:
        self._driver = driver
        self._sdk = f"sochdb {version}"
        missing = {name: lacking_of(driver, row.needs) for name, row in ROWS.items()}
        self.lacking = {name: f"{self._sdk} has no {what}" for name, what in missing.items() if what}
        self.documented = documented()
        self._promised = frozenset(call for name in self.documented for call in DOCUMENTED[name])
        self._models = Models()
        self._db: Any = None
        self._closed = False

    @classmethod
    def on(cls, driver: Any, version: str, database: Any) -> SochDBSurface:
        """The surface of a database that is open already, and that somebody else closes."""
        surface = cls(driver, version)
        surface._db = database
        return surface

    def open(self, path: str) -> None:
        """Open or make the database in the directory `path`. Raises Refused."""
        try:
            self._db = self._driver.Database.open(path)
        except Exception as error:
            if refused := refusal_to_open(error, path):
                raise refused from error
            raise
        self._closed = False
        self._models.reopened()

    def close(self) -> None:
        """Close it. Calls after that go to the closed database."""
        if self._db is not None:
            self._made(self._db.close)
        self._closed = True

    def begin(self) -> Any:
        """A transaction; serializable is all there is."""
        return self._made(self._db.transaction)

    def commit(self, transaction: Any) -> Any:
        """Commit; its timestamp. A refused transaction is aborted too, since else it keeps its locks."""
        closed = self._closed
        try:
            return self._made(transaction.commit)
        except Exception:
            if not closed:
                with suppress(self._driver.SochDBError):
                    transaction.abort()
            raise

    def abort(self, transaction: Any) -> None:
        """Abort. Raises Refused."""
        self._made(transaction.abort)

    def call(self, name: str, *arguments: Any, within: Any = None) -> Any:
        """Make a call of harness.surface.CALLS. Raises Lacking, Refused, or what the SDK raises."""
        row = ROWS[name]
        if name in self.lacking:
            raise Lacking(self.lacking[name])
        if within is not None:
            self._check_within(name)
        use = Use(self._driver, self._db, self._db if within is None else within, self._models)
        return self._made(row.does, use, *arguments)

    def script(self, name: str, arguments: tuple[Any, ...], within: str = "") -> str:
        """The line of Python that makes this call with the SDK alone. Raises Lacking.

        What the README promises and the SDK does not have has a line too: the README's.
        """
        if name in self.lacking and name not in self._promised:
            raise Lacking(self.lacking[name])
        if within and name in ROWS and name not in BEGINNINGS | self._promised:
            self._check_within(name)
        return script_of(name, arguments, within)

    def _check_within(self, name: str) -> None:
        """Raises Lacking where transactions have no such call."""
        within = ROWS[name].within
        if not within:
            raise Lacking(f"{self._sdk} has no {name} within a transaction")
        if missing := lacking_of(self._driver, within):
            raise Lacking(f"{self._sdk} has no {missing}")

    def _made(self, call: Any, *arguments: Any) -> Any:
        closed = self._closed
        try:
            return call(*arguments)
        except Exception as error:
            if refused := refusal(error, closed=closed):
                raise refused from error
            raise
