"""Names: which columns the tables of a statement have, and where each stands in a row."""

from __future__ import annotations

from collections.abc import Iterator

from engine.errors import SqlNameError
from engine.sql.expressions import Parameters, bind
from engine.sql.statements import Expression, Name, Slot
from engine.sql.tables import Table
from engine.sql.values import kind_of_type

__all__ = ["Scope"]


class Scope:
    """The tables of a statement by what they are called, side by side in one row, and its parameters."""

    def __init__(self, parameters: Parameters, *tables: tuple[str, Table]) -> None:
        self._parameters = parameters
        self._slots: list[tuple[str, Slot]] = []
        names = [alias.lower() for alias, _ in tables]
        if len(set(names)) < len(names):
            raise SqlNameError(f"two tables are called {tables[0][0]}")
        for alias, table in tables:
            for column in table.columns:
                slot = Slot(len(self._slots), kind_of_type(column.sql_type), column.name)
                self._slots.append((alias.lower(), slot))

    def bind(self, expression: Expression) -> Expression:
        """The expression with this scope's slots and parameters. Raises SqlNameError."""
        return bind(expression, self.resolve, self._parameters)

    def resolve(self, name: Name) -> Slot:
        """The one column of that name. Raises SqlNameError where there is none, or more than one."""
        found = list(self._called(name))
        if len(found) == 1:
            return found[0]
        shown = name.column if name.table is None else f"{name.table}.{name.column}"
        raise SqlNameError(f"the column {shown} is ambiguous" if found else f"there is no column {shown}")

    def columns(self, table: str | None) -> list[Slot]:
        """The columns that * or `table`.* stands for. Raises SqlNameError where there are none."""
        found = [slot for alias, slot in self._slots if table is None or alias == table.lower()]
        if not found:
            raise SqlNameError("* without a table" if table is None else f"no table is called {table}")
        return found

    def _called(self, name: Name) -> Iterator[Slot]:
        for alias, slot in self._slots:
            if slot.name.lower() == name.column.lower() and (name.table is None or name.table.lower() == alias):
                yield slot
