"""INSERT, UPDATE and DELETE. What a statement reads is read before it writes its first row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.errors import SqlNameError, SqlSyntaxError
from engine.sql.access import access
from engine.sql.expressions import Evaluate, Parameters, Row, compile_condition, compile_expression, conjuncts
from engine.sql.scope import Scope
from engine.sql.statements import (
    Assignment,
    Default,
    Delete,
    Expression,
    Insert,
    Name,
    OnConflict,
    Slot,
    Update,
)
from engine.sql.tables import Found, Rows, Table, find_table
from engine.sql.values import Value, stored_value

if TYPE_CHECKING:
    from engine.models.space import Space

__all__ = ["Written", "delete", "insert", "update"]


class Written(NamedTuple):
    """How many rows, and the id of the last one that was inserted, in a table that gives ids."""

    changed: int
    last_id: int | None = None


def insert(space: Space, statement: Insert, parameters: Parameters) -> Written:
    """Add the rows, or what ON CONFLICT says. Raises SqlError."""
    table = find_table(space, statement.table)
    rows = Rows(space, table)
    new_rows = _new_rows(table, statement, Scope(parameters))
    on_conflict = None if statement.on_conflict is None else _Resolution(table, statement.on_conflict, parameters)
    changed, last_id = 0, None
    for row in new_rows:
        rows.complete(row)
        conflict = None if on_conflict is None else rows.conflict(row)
        if on_conflict is not None and conflict is not None and on_conflict.covers(conflict[0]):
            changed += on_conflict.resolve(rows, conflict[1], row)
            continue
        rows.insert(row)
        changed += 1
        if table.id_place is not None:
            last_id = row[table.id_place]
    assert last_id is None or isinstance(last_id, int)
    return Written(changed, last_id)


def update(space: Space, statement: Update, parameters: Parameters) -> Written:
    """Change the rows that satisfy WHERE; each expression sees the row as it was. Raises SqlError."""
    table = find_table(space, statement.table.name)
    scope = Scope(parameters, (statement.table.alias, table))
    assign = _assignments(table, statement.assignments, scope)
    rows = Rows(space, table)
    found = _found(rows, statement.where, scope)
    rows.replace([(key, row, _assigned(table, assign, row, row)) for key, row in found])
    return Written(len(found))


def delete(space: Space, statement: Delete, parameters: Parameters) -> Written:
    """Delete the rows that satisfy WHERE. Raises SqlError."""
    rows = Rows(space, find_table(space, statement.table.name))
    found = _found(rows, statement.where, Scope(parameters, (statement.table.alias, rows.table)))
    for key, row in found:
        rows.remove(key, row)
    return Written(len(found))


def _found(rows: Rows, where: Expression | None, scope: Scope) -> list[Found]:
    condition = None if where is None else scope.bind(where)
    holds = compile_condition(condition, "WHERE")
    return [(key, row) for key, row in access(rows.table, 0, conjuncts(condition)).read(rows, ()) if holds(row)]


def _new_rows(table: Table, statement: Insert, scope: Scope) -> list[list[Value]]:
    names = [column.name for column in table.columns] if statement.columns is None else statement.columns
    places = table.places_of(names)
    rows = []
    for given in statement.rows:
        if len(given) != len(places):
            raise SqlSyntaxError(f"{len(places)} columns take as many values, and here are {len(given)}")
        row = [column.default for column in table.columns]
        for place, value in zip(places, given, strict=True):
            if not isinstance(value, Default):
                row[place] = compile_expression(scope.bind(value)).evaluate(())
        rows.append([_stored(table, place, value) for place, value in enumerate(row)])
    return rows


def _stored(table: Table, place: int, value: Value) -> Value:
    column = table.columns[place]
    return stored_value(value, column.sql_type, column.length_max, f"{table.name}.{column.name}")


def _assignments(table: Table, assignments: tuple[Assignment, ...], scope: Scope) -> dict[int, Evaluate]:
    places = table.places_of([one.column for one in assignments])
    evaluates = [compile_expression(scope.bind(one.expression)).evaluate for one in assignments]
    return dict(zip(places, evaluates, strict=True))


def _assigned(table: Table, assign: dict[int, Evaluate], row: Row, seen: Row) -> list[Value]:
    """The row with the assigned values, which are computed from `seen`."""
    new = list(row)
    for place, evaluate in assign.items():
        new[place] = _stored(table, place, evaluate(seen))
    return new


class _ConflictScope(Scope):
    """The columns of the row that is there, and as `excluded.` those of the new one."""

    def __init__(self, table: Table, parameters: Parameters) -> None:
        super().__init__(parameters, (table.name, table), ("excluded", table))
        self._table = table

    def resolve(self, name: Name) -> Slot:
        return super().resolve(name if name.table is not None else Name(name.column, self._table.name))


class _Resolution:
    """What is done with a row that conflicts."""

    def __init__(self, table: Table, statement: OnConflict, parameters: Parameters) -> None:
        self._table = table
        self._columns = set(table.places_of(statement.columns))
        if self._columns and self._columns not in [set(places) for places in (table.primary_key, *table.unique)]:
            raise SqlNameError("the columns of ON CONFLICT are not those of a PRIMARY KEY or UNIQUE")
        scope = _ConflictScope(table, parameters)
        where = None if statement.where is None else scope.bind(statement.where)
        self._holds = compile_condition(where, "WHERE")
        self._nothing = statement.assignments is None
        self._assign = _assignments(table, statement.assignments or (), scope)

    def covers(self, places: tuple[int, ...]) -> bool:
        """Whether a conflict in these columns is meant; without columns every one is."""
        return not self._columns or self._columns == set(places)

    def resolve(self, rows: Rows, found: Found, new_row: Row) -> int:
        """Do it; returns how many rows were changed."""
        key, row = found
        seen = [*row, *new_row]
        if self._nothing or not self._holds(seen):
            return 0
        rows.replace([(key, row, _assigned(self._table, self._assign, row, seen))])
        return 1
