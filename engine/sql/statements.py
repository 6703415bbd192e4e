"""What a statement is, once parsed: small frozen records, without anything of the parser.

An expression is a literal, a parameter, a name, or an operator or function applied to expressions. Operators are
functions here, `Call("<", (a, b))` as `Call("LOWER", (a,))`: `expressions.py` has the table of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from engine.sql.values import Kind, SqlType, Value

__all__ = [
    "Aggregate",
    "Assignment",
    "Call",
    "Column",
    "CreateTable",
    "Default",
    "Delete",
    "DropTable",
    "Expression",
    "Insert",
    "Item",
    "Join",
    "Literal",
    "Name",
    "OnConflict",
    "Order",
    "Parameter",
    "Select",
    "Slot",
    "Star",
    "Statement",
    "TableName",
    "Update",
    "with_arguments",
]


@dataclass(frozen=True)
class Literal:
    """A value that stands in the statement. `sql_type` tells 1 from 1.0 and TRUE, which are equal in Python."""

    value: Value
    sql_type: type


@dataclass(frozen=True)
class Parameter:
    """A `?` by its number from 0, or a `:name`."""

    key: int | str


@dataclass(frozen=True)
class Name:
    """A column by its name, as written."""

    column: str
    table: str | None = None


@dataclass(frozen=True)
class Slot:
    """A column found: its place in the row that an expression is computed from."""

    place: int
    kind: Kind | None
    name: str


@dataclass(frozen=True)
class Call:
    """An operator or a function."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Aggregate:
    """COUNT, SUM, AVG, MIN or MAX over a group; `argument` None is COUNT(*)."""

    function: str
    argument: Expression | None
    distinct: bool = False


Expression: TypeAlias = Literal | Parameter | Name | Slot | Call | Aggregate


@dataclass(frozen=True)
class Default:
    """The word DEFAULT in VALUES."""


@dataclass(frozen=True)
class TableName:
    """A table in FROM; `alias` is what its columns are called by."""

    name: str
    alias: str


@dataclass(frozen=True)
class Join:
    """The second table. An inner join if not `outer`, else LEFT; CROSS is an inner join on TRUE."""

    table: TableName
    outer: bool
    condition: Expression


@dataclass(frozen=True)
class Item:
    """A column of the result; `name` is its alias or, without one, its text."""

    expression: Expression
    name: str


@dataclass(frozen=True)
class Star:
    """All columns of one table, or of all."""

    table: str | None


@dataclass(frozen=True)
class Order:
    """A term of ORDER BY."""

    expression: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, kw_only=True)
class Select:
    """SELECT."""

    items: tuple[Item | Star, ...]
    distinct: bool
    table: TableName | None
    join: Join | None
    where: Expression | None
    group: tuple[Expression, ...] | None
    having: Expression | None
    order: tuple[Order, ...]
    limit: Expression | None
    offset: Expression | None


@dataclass(frozen=True)
class Assignment:
    """`column = expression` of SET."""

    column: str
    expression: Expression


@dataclass(frozen=True)
class OnConflict:
    """ON CONFLICT: `columns` empty is any conflict, `assignments` None is DO NOTHING."""

    columns: tuple[str, ...]
    assignments: tuple[Assignment, ...] | None
    where: Expression | None


@dataclass(frozen=True)
class Insert:
    """INSERT; `columns` None is all of them. `rows` are expressions without columns."""

    table: str
    columns: tuple[str, ...] | None
    rows: tuple[tuple[Expression | Default, ...], ...]
    on_conflict: OnConflict | None


@dataclass(frozen=True)
class Update:
    """UPDATE."""

    table: TableName
    assignments: tuple[Assignment, ...]
    where: Expression | None


@dataclass(frozen=True)
class Delete:
    """DELETE."""

    table: TableName
    where: Expression | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table; `length_max` is the n of VARCHAR(n), in characters."""

    name: str
    sql_type: SqlType
    length_max: int | None = None
    not_null: bool = False
    default: Value = None


@dataclass(frozen=True)
class CreateTable:
    """CREATE TABLE; `primary_key` is empty where there is none."""

    name: str
    if_not_exists: bool
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class DropTable:
    """DROP TABLE."""

    names: tuple[str, ...]
    if_exists: bool


Statement: TypeAlias = Select | Insert | Update | Delete | CreateTable | DropTable


def with_arguments(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The expression with `change` applied to each expression directly below it."""
    if isinstance(expression, Call):
        return Call(expression.function, tuple([change(argument) for argument in expression.arguments]))
    if isinstance(expression, Aggregate) and expression.argument is not None:
        return replace(expression, argument=change(expression.argument))
    return expression
