"""GROUP BY and aggregates: rows become groups, and a group is a row again.

A grouped statement is computed from rows (key, …, aggregate, …). Each expression is rewritten for them: what equals a
key becomes its slot, an aggregate becomes the slot of its result, and a column that is left over is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from engine.errors import SqlNameError, SqlTypeError, SqlValueError
from engine.sql.expressions import Evaluate, Row, compile_expression
from engine.sql.statements import Aggregate, Call, Expression, Slot, with_arguments
from engine.sql.values import Kind, Value, checked_number

__all__ = ["Groups", "has_aggregate"]


def has_aggregate(expression: Expression) -> bool:
    """Whether there is an aggregate in it."""
    if isinstance(expression, Call):
        return any(has_aggregate(argument) for argument in expression.arguments)
    return isinstance(expression, Aggregate)


class Groups:
    """The rewriting for groups with these keys; it notes every aggregate that it meets."""

    def __init__(self, keys: tuple[Expression, ...]) -> None:
        self._keys = keys
        self._compiled = [compile_expression(key) for key in keys]
        self._aggregates: dict[Aggregate, Slot] = {}

    def rewrite(self, expression: Expression) -> Expression:
        """The expression over the row of a group. Raises SqlNameError for a column outside keys and aggregates."""
        if expression in self._keys:
            place = self._keys.index(expression)
            return Slot(place, self._compiled[place].kind, f"key {place}")
        if isinstance(expression, Aggregate):
            return self._noted(expression)
        if isinstance(expression, Slot):
            raise SqlNameError(f"the column {expression.name} is neither in GROUP BY nor in an aggregate")
        return with_arguments(expression, self.rewrite)

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """The row of each group, in the order of their first rows. Without keys all rows are one group, even none."""
        evaluates = [compiled.evaluate for compiled in self._compiled]
        groups: dict[tuple[Value, ...], list[Row]] = {} if self._keys else {(): []}
        for row in rows:
            groups.setdefault(tuple([evaluate(row) for evaluate in evaluates]), []).append(row)
        computed = [_computation(aggregate) for aggregate in self._aggregates]
        return [(*key, *[compute(members) for compute in computed]) for key, members in groups.items()]

    def _noted(self, aggregate: Aggregate) -> Slot:
        if aggregate not in self._aggregates:
            place = len(self._keys) + len(self._aggregates)
            self._aggregates[aggregate] = Slot(place, _kind(aggregate), aggregate.function)
        return self._aggregates[aggregate]


def _kind(aggregate: Aggregate) -> Kind | None:
    kind = Kind.NUMBER if aggregate.argument is None else compile_expression(aggregate.argument).kind
    if aggregate.function in {"MIN", "MAX"}:
        return kind
    if aggregate.function in {"SUM", "AVG"} and kind not in {Kind.NUMBER, None}:
        raise SqlTypeError(f"{aggregate.function} takes numbers, not {kind}")
    return Kind.NUMBER


def _computation(aggregate: Aggregate) -> Callable[[list[Row]], Value]:
    if aggregate.argument is None:
        return len
    evaluate: Evaluate = compile_expression(aggregate.argument).evaluate
    compute = _COMPUTATIONS[aggregate.function]

    def of_group(members: list[Row]) -> Value:
        values = [value for row in members if (value := evaluate(row)) is not None]
        return compute(list(dict.fromkeys(values)) if aggregate.distinct else values)

    return of_group


def _sum(numbers: list[Any]) -> Value:
    """Exact for INTEGER, and rounded once for REAL, so that the order of rows does not matter."""
    if not numbers:
        return None
    if all(type(number) is int for number in numbers):
        return checked_number(sum(numbers))
    return _real_sum(numbers)


def _average(numbers: list[Any]) -> Value:
    if not numbers:
        return None
    whole = all(type(number) is int for number in numbers)
    return (sum(numbers) if whole else _real_sum(numbers)) / len(numbers)


def _real_sum(numbers: list[Any]) -> float:
    try:
        return math.fsum(numbers)
    except OverflowError:
        raise SqlValueError("the sum is outside the range of REAL") from None


_COMPUTATIONS: Final[Mapping[str, Callable[[list[Any]], Value]]] = {
    "COUNT": len,
    "SUM": _sum,
    "AVG": _average,
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
}
