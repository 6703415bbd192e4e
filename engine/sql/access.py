"""Which rows of a table have to be read for a condition: one, a few, a range of keys, or all.

Only what is read can conflict, so a condition on the primary key reads no more than it asks for. The condition is
computed for each row that was read all the same; here it only has to be true that no other row satisfies it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from engine.sql.expressions import Evaluate, Row, compile_expression
from engine.sql.statements import Call, Expression, Literal, Slot
from engine.sql.tables import Found, Key, Rows, Table
from engine.sql.values import INTEGER_MAX, INTEGER_MIN, SqlType, Value

__all__ = ["Access", "access"]

Read: TypeAlias = Callable[[Rows, Row], list[Found]]


class Access(NamedTuple):
    """How the rows of a table are read, given the row on its left in a join; `fixed` where that does not matter."""

    fixed: bool
    read: Read


class _Bound(NamedTuple):
    """A condition `column <operator> value` on a column of the table, the value known before its row is."""

    place: int
    operator: str
    values: tuple[Evaluate, ...]
    fixed: bool


def access(table: Table, first_place: int, conditions: Iterable[Expression]) -> Access:
    """How to read the rows of `table`, which stand from `first_place` on in a row, that satisfy all conditions."""
    within = range(first_place, first_place + len(table.columns))
    bounds = [bound for condition in conditions for bound in _bounds(condition, within)]
    fixed = all(bound.fixed for bound in bounds)
    equal = {bound.place: bound.values[0] for bound in bounds if bound.operator == "="}
    for places in (table.primary_key, *table.unique):
        if places and all(place in equal for place in places):
            return Access(fixed, _read_one(table, places, [equal[place] for place in places]))
    if len(table.primary_key) == 1:
        for bound in bounds:
            if bound.operator == "IN" and bound.place == table.primary_key[0]:
                return Access(fixed, _read_several(table, bound))
    leading = _leading(table, equal)
    if leading:
        return Access(fixed, _read_prefix(table, leading))
    ranges = [bound for bound in bounds if bound.place == table.id_place and bound.operator in _LIMITS]
    if ranges:
        return Access(fixed, _read_range(ranges))
    for bound in bounds:
        if bound.operator == "=" and not bound.fixed:
            return Access(False, _read_by_value(bound))
    return Access(True, lambda rows, outer: rows.scan())


_MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _bounds(condition: Expression, within: range) -> Iterator[_Bound]:
    if not isinstance(condition, Call):
        return
    left, *others = condition.arguments
    if condition.function == "BETWEEN":
        yield from _bounds(Call(">=", (left, others[0])), within)
        yield from _bounds(Call("<=", (left, others[1])), within)
    elif condition.function == "IN":
        yield from _bound(left, "IN", others, within)
    elif condition.function in _MIRRORED:
        yield from _bound(left, condition.function, others, within)
        yield from _bound(others[0], _MIRRORED[condition.function], [left], within)


def _bound(column: Expression, function: str, values: list[Expression], within: range) -> Iterator[_Bound]:
    if isinstance(column, Slot) and column.place in within:
        slots = [slot for value in values for slot in _slots(value)]
        if all(slot.place < within.start for slot in slots):
            closures = tuple([compile_expression(value).evaluate for value in values])
            yield _Bound(column.place - within.start, function, closures, not slots)


def _slots(expression: Expression) -> Iterator[Slot]:
    if isinstance(expression, Slot):
        yield expression
    elif isinstance(expression, Call):
        for argument in expression.arguments:
            yield from _slots(argument)
    else:
        assert isinstance(expression, Literal), f"{expression} in a condition on rows"


def _leading(table: Table, equal: dict[int, Evaluate]) -> list[tuple[int, Evaluate]]:
    leading = []
    for place in table.primary_key:
        if place not in equal:
            break
        leading.append((place, equal[place]))
    return leading


def _read_one(table: Table, places: tuple[int, ...], values: list[Evaluate]) -> Read:
    def read(rows: Rows, outer: Row) -> list[Found]:
        wanted = _keys(table, places, values, outer)
        found = None if wanted is None else rows.find(places, wanted)
        return [] if found is None else [found]

    return read


def _read_several(table: Table, bound: _Bound) -> Read:
    def read(rows: Rows, outer: Row) -> list[Found]:
        wanted = [_keys(table, (bound.place,), [value], outer) for value in bound.values]
        found = [(key, rows.get(key)) for key in sorted({key for key in wanted if key is not None})]
        return [(key, row) for key, row in found if row is not None]

    return read


def _read_prefix(table: Table, leading: list[tuple[int, Evaluate]]) -> Read:
    places, values = [place for place, _ in leading], [value for _, value in leading]

    def read(rows: Rows, outer: Row) -> list[Found]:
        wanted = _keys(table, places, values, outer)
        return [] if wanted is None else rows.scan(wanted)

    return read


def _read_by_value(bound: _Bound) -> Read:
    """The whole table is read once, and what has the value of each row on the left is found in a dictionary."""
    by_value: dict[Value, list[Found]] = {}

    def read(rows: Rows, outer: Row) -> list[Found]:
        if not by_value:
            for found in rows.scan():
                by_value.setdefault(found[1][bound.place], []).append(found)
        value = bound.values[0](outer)
        return [] if value is None else by_value.get(value, [])

    return read


def _keys(table: Table, places: Iterable[int], values: list[Evaluate], outer: Row) -> Key | None:
    """The values as the columns hold them; None where one of them equals nothing that is there."""
    held = [_held(table.columns[place].sql_type, value(outer)) for place, value in zip(places, values, strict=True)]
    return None if None in held else tuple(held)


def _held(sql_type: SqlType, value: Any) -> Value:
    """The number of the column's own type that equals the value, or None; anything else is as it is."""
    if sql_type is SqlType.INTEGER and type(value) is float:
        return int(value) if value.is_integer() and INTEGER_MIN <= value <= INTEGER_MAX else None
    if sql_type is SqlType.REAL and type(value) is int:
        return float(value) if int(float(value)) == value else None
    held: Value = value
    return held


_LIMITS: Final[dict[str, Callable[[Any], int]]] = {
    ">=": math.ceil,
    ">": lambda value: math.floor(value) + 1,
    "<": math.ceil,
    "<=": lambda value: math.floor(value) + 1,
}


def _read_range(bounds: list[_Bound]) -> Read:
    """The ids from the highest lower limit to before the lowest upper limit."""

    def read(rows: Rows, outer: Row) -> list[Found]:
        low, high = INTEGER_MIN, INTEGER_MAX + 1
        for bound in bounds:
            value = bound.values[0](outer)
            if value is None:
                return []
            limit = _LIMITS[bound.operator](value)
            if bound.operator in {">", ">="}:
                low = max(low, limit)
            else:
                high = min(high, limit)
        return rows.scan(start=(low,), end=(high,)) if low < high else []

    return read
