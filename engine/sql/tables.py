"""Tables and their rows in a `Space`, which belongs to one transaction.

    ("table", name)                 what CREATE TABLE said; each statement that names the table reads it
    ("last table",)                 the number of the newest table: one that is made again does not inherit a row
    (number, "row", *key)           a row; its key is the primary key's values, or a number of its own
    (number, "unique", i, *values)  the key of the row that has these values in the columns of the i-th UNIQUE
    (number, "last id")             the id that was given, or whose row was deleted, that is highest

An automatic id is the next one above the last id that no row has, so that none is ever given twice. A row with an
id of its own does not touch the counter: two such inserts do not conflict.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from engine.errors import SqlConstraintError, SqlNameError, SqlValueError
from engine.sql.expressions import Row
from engine.sql.statements import Column, CreateTable
from engine.sql.values import INTEGER_MAX, SqlType, Value, stored_value

if TYPE_CHECKING:
    from engine.models.space import Space

__all__ = ["Found", "Key", "Rows", "Table", "create_table", "drop_table", "find_table"]

Key: TypeAlias = tuple[Value, ...]
Found: TypeAlias = tuple[Key, Row]


@dataclass(frozen=True)
class Table:
    """What a table is. Keys are tuples of places of columns; `primary_key` is empty where there is none."""

    name: str
    number: int
    columns: tuple[Column, ...]
    primary_key: tuple[int, ...]
    unique: tuple[tuple[int, ...], ...]

    @property
    def id_place(self) -> int | None:
        """The place of the INTEGER PRIMARY KEY, whose ids are given where an INSERT gives none."""
        if len(self.primary_key) == 1 and self.columns[self.primary_key[0]].sql_type is SqlType.INTEGER:
            return self.primary_key[0]
        return None

    def place_of(self, column: str) -> int:
        """The place of a column, by its name in any case. Raises SqlNameError."""
        for place, one in enumerate(self.columns):
            if one.name.lower() == column.lower():
                return place
        raise SqlNameError(f"the table {self.name} has no column {column}")

    def places_of(self, columns: Iterable[str]) -> tuple[int, ...]:
        """The places of different columns. Raises SqlNameError."""
        places = tuple([self.place_of(column) for column in columns])
        if len(set(places)) < len(places):
            raise SqlNameError(f"a column of {self.name} is named twice")
        return places


def create_table(space: Space, statement: CreateTable) -> None:
    """Make the table. Raises SqlNameError where it exists, or where its columns' names are wrong."""
    if space.get(("table", statement.name.lower())) is not None:
        if statement.if_not_exists:
            return
        raise SqlNameError(f"the table {statement.name} exists already")
    number = 1 + (space.get(("last table",)) or 0)
    table = Table(statement.name, number, statement.columns, (), ())
    table.places_of([column.name for column in statement.columns])
    for column in statement.columns:
        stored_value(column.default, column.sql_type, column.length_max, f"{statement.name}.{column.name}")
    space.put(("last table",), number)
    columns = [[one.name, one.sql_type, one.length_max, one.not_null, one.default] for one in statement.columns]
    unique = [table.places_of(names) for names in statement.unique]
    described = [statement.name, number, columns, table.places_of(statement.primary_key), unique]
    space.put(("table", statement.name.lower()), described)


def drop_table(space: Space, name: str, if_exists: bool) -> None:
    """Delete the table and its rows. Raises SqlNameError where there is none."""
    if if_exists and space.get(("table", name.lower())) is None:
        return
    table = find_table(space, name)
    space.clear((table.number,))
    space.delete(("table", name.lower()))


def find_table(space: Space, name: str) -> Table:
    """The table of that name, in any case. Raises SqlNameError where there is none."""
    described = space.get(("table", name.lower()))
    if described is None:
        raise SqlNameError(f"there is no table {name}")
    own_name, number, columns, primary_key, unique = described
    return Table(
        own_name,
        number,
        tuple([_column(*column) for column in columns]),
        tuple(primary_key),
        tuple([tuple(places) for places in unique]),
    )


def _column(name: str, sql_type: str, length_max: int | None, not_null: bool, default: Value) -> Column:
    return Column(
        name=name, sql_type=SqlType(sql_type), length_max=length_max, not_null=not_null, default=default
    )  # fmt: skip


class Rows:
    """The rows of a table in a transaction, and what keeps them unique."""

    def __init__(self, space: Space, table: Table) -> None:
        self.table = table
        self._space = space
        self._rows = (table.number, "row")
        self._last_id = (table.number, "last id")

    def get(self, key: Key) -> Row | None:
        """The row of this key."""
        row: Row | None = self._space.get((*self._rows, *key))
        return row

    def scan(self, prefix: Key = (), *, start: Key = (), end: Key | None = None) -> list[Found]:
        """The rows whose key begins with `prefix` and goes on from `start` to before `end`, in the order of keys."""
        skipped = len(self._rows)
        return [(key[skipped:], row) for key, row in self._space.scan((*self._rows, *prefix), start=start, end=end)]

    def find(self, places: tuple[int, ...], values: Sequence[Value]) -> Found | None:
        """The row that has these values in the columns of the PRIMARY KEY or of a UNIQUE."""
        if places == self.table.primary_key:
            key = tuple(values)
        else:
            key = tuple(self._space.get(self._unique(self.table.unique.index(places), values)) or ())
        row = self.get(key) if key else None
        return None if row is None else (key, row)

    def conflict(self, row: Row) -> tuple[tuple[int, ...], Found] | None:
        """The places of a PRIMARY KEY or UNIQUE, and the row that has the values of `row` there already."""
        for places in (self.table.primary_key, *self.table.unique):
            found = self.find(places, [row[place] for place in places]) if places else None
            if found is not None:
                return places, found
        return None

    def complete(self, row: list[Value]) -> None:
        """Give the row an id where it has none. Raises SqlConstraintError for a NULL in another NOT NULL column."""
        if self.table.id_place is not None and row[self.table.id_place] is None:
            row[self.table.id_place] = self._next_id()
        self._refuse_nulls(row)

    def insert(self, row: Row, key: Key | None = None) -> None:
        """Add a complete row, at `key` in a table without a primary key. Raises SqlConstraintError."""
        conflict = self.conflict(row)
        if conflict is not None:
            raise self._violation(row, conflict[0])
        if self.table.primary_key:
            key = tuple([row[place] for place in self.table.primary_key])
        elif key is None:
            key = (self._next_id(),)
        self._space.put((*self._rows, *key), row)
        for unique in self._unique_values(row):
            self._space.put(unique, key)

    def remove(self, key: Key, row: Row) -> None:
        """Delete a row. Its id is not given again."""
        self._space.delete((*self._rows, *key))
        for unique in self._unique_values(row):
            self._space.delete(unique)
        if self.table.id_place is not None:
            row_id: Any = row[self.table.id_place]
            if row_id > self._given():
                self._space.put(self._last_id, row_id)

    def replace(self, changes: Iterable[tuple[Key, Row, list[Value]]]) -> None:
        """Put a new row in the place of each old one. What is unique is looked at when all old ones are gone.

        Raises SqlConstraintError.
        """
        moved = []
        for key, old, new in changes:
            self._refuse_nulls(new)
            if self._same_keys(old, new):
                self._space.put((*self._rows, *key), new)
            else:
                self.remove(key, old)
                moved.append((key, new))
        for key, new in moved:
            self.insert(new, key)

    def _same_keys(self, old: Row, new: Row) -> bool:
        return all(
            old[place] == new[place] for places in (self.table.primary_key, *self.table.unique) for place in places
        )

    def _refuse_nulls(self, row: Row) -> None:
        for place, column in enumerate(self.table.columns):
            if row[place] is None and (column.not_null or place in self.table.primary_key):
                raise SqlConstraintError(f"{self.table.name}.{column.name} is NOT NULL")

    def _unique_values(self, row: Row) -> Iterator[Key]:
        """The keys of a row's entries for UNIQUE. It has none where a value is NULL, which equals no other."""
        for number, places in enumerate(self.table.unique):
            values = [row[place] for place in places]
            if None not in values:
                yield self._unique(number, values)

    def _unique(self, number: int, values: Sequence[Value]) -> Key:
        return (self.table.number, "unique", number, *values)

    def _given(self) -> int:
        given: int = self._space.get(self._last_id) or 0
        return given

    def _next_id(self) -> int:
        following = self._given() + 1
        while self.get((following,)) is not None:
            following += 1
        if following > INTEGER_MAX:
            raise SqlValueError(f"{self.table.name} has no id left")
        self._space.put(self._last_id, following)
        return following

    def _violation(self, row: Row, places: tuple[int, ...]) -> SqlConstraintError:
        word = "PRIMARY KEY" if places == self.table.primary_key else "UNIQUE"
        names = ", ".join([self.table.columns[place].name for place in places])
        values = ", ".join([reprlib.repr(row[place]) for place in places])
        return SqlConstraintError(f"{self.table.name} has a row with {names} = {values} already, and that is {word}")
