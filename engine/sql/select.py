"""SELECT: rows are read, joined, filtered, grouped, computed, made distinct, ordered and cut, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import SqlNameError, SqlTypeError, SqlValueError
from engine.sql.access import access
from engine.sql.expressions import Parameters, Row, compile_condition, compile_expression, conjuncts
from engine.sql.grouping import Groups, has_aggregate
from engine.sql.scope import Scope
from engine.sql.statements import Expression, Item, Literal, Name, Order, Select, Slot
from engine.sql.tables import Rows, find_table
from engine.sql.values import Value

if TYPE_CHECKING:
    from engine.models.space import Space

__all__ = ["Selected", "select"]


class Selected(NamedTuple):
    """The names of the columns, and the rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]


def select(space: Space, statement: Select, parameters: Parameters) -> Selected:
    """The result of a SELECT. Raises SqlError."""
    named = [] if statement.table is None else [statement.table]
    named += [] if statement.join is None else [statement.join.table]
    tables = [Rows(space, find_table(space, one.name)) for one in named]
    scope = Scope(parameters, *[(one.alias, rows.table) for one, rows in zip(named, tables, strict=True)])
    items = list(_items(statement, scope))
    order = [_output_or_column(term.expression, items, scope) for term in statement.order]
    if statement.distinct and not set(order) <= {item for item, _ in items}:
        raise SqlNameError("ORDER BY of SELECT DISTINCT takes what is selected")
    limit, offset = (_count(clause, parameters) for clause in (statement.limit, statement.offset))
    rows = _computed(statement, scope, items, order, _source(statement, scope, tables))
    if statement.distinct:
        rows = _distinct(rows, len(items))
    _sort(rows, statement.order, len(items))
    rows = rows[offset or 0 :][:limit]
    return Selected(tuple([name for _, name in items]), [row[: len(items)] for row in rows])


def _items(statement: Select, scope: Scope) -> Iterator[tuple[Expression, str]]:
    for item in statement.items:
        if isinstance(item, Item):
            bound = scope.bind(item.expression)
            unnamed = isinstance(item.expression, Name) and item.name == item.expression.column
            yield bound, bound.name if unnamed and isinstance(bound, Slot) else item.name
        else:
            yield from [(slot, slot.name) for slot in scope.columns(item.table)]


def _output_or_column(expression: Expression, items: list[tuple[Expression, str]], scope: Scope) -> Expression:
    """A term of ORDER BY: the number or the name of a column of the result, or an expression over the tables."""
    if isinstance(expression, Literal) and expression.sql_type is int:
        assert isinstance(expression.value, int)
        return _numbered(expression.value, items)
    if isinstance(expression, Name) and expression.table is None:
        called = {one for one, name in items if name.lower() == expression.column.lower()}
        if len(called) > 1:
            raise SqlNameError(f"{expression.column} is ambiguous: several columns of the result are called so")
        if called:
            return called.pop()
    return scope.bind(expression)


def _column_or_output(expression: Expression, items: list[tuple[Expression, str]], scope: Scope) -> Expression:
    """A term of GROUP BY: as for ORDER BY, but a column of the tables comes before one of the result."""
    if isinstance(expression, Name):
        try:
            return scope.resolve(expression)
        except SqlNameError:
            if expression.column.lower() not in [name.lower() for _, name in items]:
                raise
    return _output_or_column(expression, items, scope)


def _numbered(number: int, items: list[tuple[Expression, str]]) -> Expression:
    if not 1 <= number <= len(items):
        raise SqlNameError(f"there is no column {number} in the result")
    expression, _ = items[number - 1]
    return expression


def _source(statement: Select, scope: Scope, tables: list[Rows]) -> Iterator[Row]:
    """The rows of FROM that satisfy WHERE, the tables' columns side by side."""
    where = None if statement.where is None else scope.bind(statement.where)
    on = None if statement.join is None else scope.bind(statement.join.condition)
    holds, fits = compile_condition(where, "WHERE"), compile_condition(on, "ON")
    if not tables:
        return filter(holds, [()])
    left, outer = tables[0], statement.join is not None and statement.join.outer
    of_left = [*conjuncts(where), *([] if outer else conjuncts(on))]
    rows: Iterator[Row] = (row for _, row in access(left.table, 0, of_left).read(left, ()))
    if len(tables) == 2:
        # A row on the left that WHERE leaves without a partner is lost to WHERE all the same: nothing equals NULL.
        of_right = [*conjuncts(where), *conjuncts(on)]
        rows = _joined(rows, tables[1], len(left.table.columns), of_right, fits, outer)
    return filter(holds, rows)


def _joined(
    left_rows: Iterator[Row],
    right: Rows,
    width: int,
    conditions: list[Expression],
    fits: Callable[[Row], Any],
    outer: bool,
) -> Iterator[Row]:
    """Nested loops; the right table is read once, unless a key of it can be looked up for each row on the left."""
    path = access(right.table, width, conditions)
    once = path.read(right, ()) if path.fixed else None
    for left in left_rows:
        matched = False
        for _, row in path.read(right, left) if once is None else once:
            joined = [*left, *row]
            if fits(joined):
                matched = True
                yield joined
        if outer and not matched:
            yield [*left, *[None] * len(right.table.columns)]


def _computed(
    statement: Select,
    scope: Scope,
    items: list[tuple[Expression, str]],
    order: list[Expression],
    source: Iterable[Row],
) -> list[tuple[Value, ...]]:
    """What is selected and what it is ordered by, of each row or of each group that satisfies HAVING."""
    expressions = [*[item for item, _ in items], *order]
    if statement.group is not None or statement.having is not None or any(map(has_aggregate, expressions)):
        having = None if statement.having is None else scope.bind(statement.having)
        groups = Groups(tuple([_column_or_output(one, items, scope) for one in statement.group or ()]))
        expressions = [groups.rewrite(one) for one in expressions]
        holds = compile_condition(None if having is None else groups.rewrite(having), "HAVING")
        source = filter(holds, groups.rows(source))
    evaluates = [compile_expression(one).evaluate for one in expressions]
    return [tuple([evaluate(row) for evaluate in evaluates]) for row in source]


def _distinct(rows: list[tuple[Value, ...]], width: int) -> list[tuple[Value, ...]]:
    first: dict[tuple[Value, ...], tuple[Value, ...]] = {}
    for row in rows:
        first.setdefault(row[:width], row)
    return list(first.values())


def _sort(rows: list[tuple[Value, ...]], order: tuple[Order, ...], first_place: int) -> None:
    """By each term in turn, the last one first: sorting is stable."""
    for place, term in reversed(list(enumerate(order, first_place))):
        rows.sort(key=_sort_key(place, term), reverse=term.descending)


def _sort_key(place: int, term: Order) -> Callable[[tuple[Value, ...]], Any]:
    null_first = term.nulls_first != term.descending  # A descending sort is turned round.

    def key(row: tuple[Value, ...]) -> Any:
        value = row[place]
        return (not null_first,) if value is None else (null_first, value)

    return key


def _count(clause: Expression | None, parameters: Parameters) -> int | None:
    """LIMIT or OFFSET: an INTEGER that is not negative, known before any row is read."""
    if clause is None:
        return None
    compiled = compile_expression(Scope(parameters).bind(clause))
    count = compiled.evaluate(())
    if type(count) is not int:
        raise SqlTypeError(f"LIMIT and OFFSET take an INTEGER, not {compiled.kind or 'NULL'}")
    if count < 0:
        raise SqlValueError("LIMIT and OFFSET are not negative")
    return count
