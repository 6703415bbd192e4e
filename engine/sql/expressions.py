"""Expressions: names and parameters are bound, kinds are checked, and what remains is a closure over a row.

Kinds are checked before the first row is read, so a comparison of TEXT with a number is an error in an empty table
too. NULL is None, and truth has three values: a condition holds only where it is True.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

from engine.errors import SqlNameError, SqlTypeError
from engine.sql.statements import Aggregate, Call, Expression, Literal, Name, Parameter, Slot, with_arguments
from engine.sql.values import (
    Kind,
    SqlType,
    Value,
    cast,
    checked_number,
    divide,
    kind_of,
    kind_of_type,
    like,
    remainder,
)

__all__ = ["Compiled", "Parameters", "Resolve", "Row", "bind", "compile_condition", "compile_expression", "conjuncts"]

Row: TypeAlias = Sequence[Value]
Evaluate: TypeAlias = Callable[[Row], Any]
Parameters: TypeAlias = Mapping[int | str, Value]
Resolve: TypeAlias = Callable[[Name], Expression]


class Compiled(NamedTuple):
    """What an expression is worth in a row; `kind` None is an expression that is always NULL."""

    kind: Kind | None
    evaluate: Evaluate


def bind(expression: Expression, resolve: Resolve, parameters: Parameters) -> Expression:
    """The expression with slots for names and literals for parameters."""
    if isinstance(expression, Parameter):
        value = parameters[expression.key]
        return Literal(value, type(value))
    if isinstance(expression, Name):
        return resolve(expression)
    return with_arguments(expression, lambda argument: bind(argument, resolve, parameters))


def conjuncts(condition: Expression | None) -> list[Expression]:
    """The conditions that all have to hold for this one to hold."""
    if condition is None:
        return []
    if isinstance(condition, Call) and condition.function == "AND":
        return [one for argument in condition.arguments for one in conjuncts(argument)]
    return [condition]


def compile_condition(expression: Expression | None, clause: str) -> Evaluate:
    """A bound expression whose value is a truth value; None is always true. Raises SqlTypeError for others."""
    if expression is None:
        return lambda row: True
    compiled = compile_expression(expression)
    _expect(clause, compiled, Kind.BOOLEAN)
    return compiled.evaluate


def compile_expression(expression: Expression) -> Compiled:
    """The closure of a bound expression. Raises SqlTypeError where the kinds do not fit."""
    if isinstance(expression, Slot):
        return Compiled(expression.kind, operator.itemgetter(expression.place))
    if isinstance(expression, Literal):
        value = expression.value
        return Compiled(kind_of(value), lambda row: value)
    if isinstance(expression, Call):
        build = _FUNCTIONS[expression.function]
        return build(expression.function, [compile_expression(argument) for argument in expression.arguments])
    assert isinstance(expression, Aggregate), f"{expression} is not bound"
    raise SqlNameError(f"{expression.function} has no group here: aggregates stand in SELECT, HAVING and ORDER BY")


def _expect(place: str, argument: Compiled, *kinds: Kind) -> None:
    if argument.kind is not None and argument.kind not in kinds:
        raise SqlTypeError(f"{place} takes {' or '.join(kinds)}, not {argument.kind}")


def _common_kind(place: str, arguments: list[Compiled]) -> Kind | None:
    kinds = dict.fromkeys([argument.kind for argument in arguments if argument.kind is not None])
    if len(kinds) > 1:
        raise SqlTypeError(f"{place} takes values of one kind, not {' and '.join(kinds)}")
    return next(iter(kinds), None)


Build: TypeAlias = Callable[[str, list[Compiled]], Compiled]


def _strict(operate: Callable[..., Any], arguments: list[Compiled]) -> Evaluate:
    """NULL if any argument is NULL, else what `operate` makes of them."""
    if len(arguments) == 1:
        only = arguments[0].evaluate
        return lambda row: None if (value := only(row)) is None else operate(value)
    if len(arguments) == 2:
        left, right = arguments[0].evaluate, arguments[1].evaluate
        return lambda row: None if (a := left(row)) is None or (b := right(row)) is None else operate(a, b)
    evaluates = [argument.evaluate for argument in arguments]

    def evaluate(row: Row) -> Any:
        values = [one(row) for one in evaluates]
        return None if None in values else operate(*values)

    return evaluate


def _comparison(operate: Callable[[Any, Any], bool]) -> Build:
    def build(function: str, arguments: list[Compiled]) -> Compiled:
        _common_kind(function, arguments)
        return Compiled(Kind.BOOLEAN, _strict(operate, arguments))

    return build


def _arithmetic(operate: Callable[..., Any]) -> Build:
    def build(function: str, arguments: list[Compiled]) -> Compiled:
        for argument in arguments:
            _expect(function, argument, Kind.NUMBER)
        return Compiled(Kind.NUMBER, _strict(lambda *numbers: checked_number(operate(*numbers)), arguments))

    return build


def _of_text(operate: Callable[..., Any], result: Kind) -> Build:
    def build(function: str, arguments: list[Compiled]) -> Compiled:
        for argument in arguments:
            _expect(function, argument, Kind.TEXT)
        return Compiled(result, _strict(operate, arguments))

    return build


def _concatenation(function: str, arguments: list[Compiled]) -> Compiled:
    for argument in arguments:
        _expect(function, argument, Kind.TEXT, Kind.BLOB)
    return Compiled(_common_kind(function, arguments), _strict(operator.add, arguments))


def _length(function: str, arguments: list[Compiled]) -> Compiled:
    _expect(function, arguments[0], Kind.TEXT, Kind.BLOB)
    return Compiled(Kind.NUMBER, _strict(len, arguments))


def _not(function: str, arguments: list[Compiled]) -> Compiled:
    _expect(function, arguments[0], Kind.BOOLEAN)
    return Compiled(Kind.BOOLEAN, _strict(operator.not_, arguments))


def _and_or(decisive: bool) -> Build:
    """AND is false as soon as one operand is, OR is true; else NULL if one of them is."""

    def build(function: str, arguments: list[Compiled]) -> Compiled:
        for argument in arguments:
            _expect(function, argument, Kind.BOOLEAN)
        evaluates = [argument.evaluate for argument in arguments]

        def evaluate(row: Row) -> bool | None:
            result: bool | None = not decisive
            for one in evaluates:
                value = one(row)
                if value is decisive:
                    return value
                if value is None:
                    result = None
            return result

        return Compiled(Kind.BOOLEAN, evaluate)

    return build


def _is(function: str, arguments: list[Compiled]) -> Compiled:
    """Equality for which NULL is a value like others."""
    _common_kind(function, arguments)
    left, right = arguments[0].evaluate, arguments[1].evaluate
    return Compiled(Kind.BOOLEAN, lambda row: left(row) == right(row))


def _in(function: str, arguments: list[Compiled]) -> Compiled:
    _common_kind(function, arguments)
    sought, *items = [argument.evaluate for argument in arguments]

    def evaluate(row: Row) -> bool | None:
        value = sought(row)
        if value is None:
            return None if items else False
        found = [item(row) for item in items]
        if value in found:
            return True
        return None if None in found else False

    return Compiled(Kind.BOOLEAN, evaluate)


def _between(function: str, arguments: list[Compiled]) -> Compiled:
    """low <= value AND value <= high: false, not NULL, where one bound alone rules it out."""
    _common_kind(function, arguments)
    value, low, high = [argument.evaluate for argument in arguments]

    def evaluate(row: Row) -> bool | None:
        between = value(row)
        if between is None:
            return None
        least, most = low(row), high(row)
        if (least is not None and least > between) or (most is not None and most < between):
            return False
        return None if least is None or most is None else True

    return Compiled(Kind.BOOLEAN, evaluate)


def _case(function: str, arguments: list[Compiled]) -> Compiled:
    """Conditions and results by turns, ELSE at the end."""
    *branches, default = arguments
    for condition in branches[::2]:
        _expect(function, condition, Kind.BOOLEAN)
    kind = _common_kind(function, [*branches[1::2], default])
    pairs = _pairs(branches)

    def evaluate(row: Row) -> Any:
        for holds, result in pairs:
            if holds(row):
                return result(row)
        return default.evaluate(row)

    return Compiled(kind, evaluate)


def _case_of(function: str, arguments: list[Compiled]) -> Compiled:
    """As CASE, with an operand in front that is computed once and compared with each condition."""
    operand, *branches, default = arguments
    _common_kind(function, [operand, *branches[::2]])
    kind = _common_kind(function, [*branches[1::2], default])
    pairs = _pairs(branches)

    def evaluate(row: Row) -> Any:
        value = operand.evaluate(row)
        if value is not None:
            for compared, result in pairs:
                if compared(row) == value:
                    return result(row)
        return default.evaluate(row)

    return Compiled(kind, evaluate)


def _pairs(branches: list[Compiled]) -> list[tuple[Evaluate, Evaluate]]:
    return [(one.evaluate, other.evaluate) for one, other in zip(branches[::2], branches[1::2], strict=True)]


def _coalesce(function: str, arguments: list[Compiled]) -> Compiled:
    kind = _common_kind(function, arguments)
    evaluates = [argument.evaluate for argument in arguments]

    def evaluate(row: Row) -> Any:
        for one in evaluates:
            value = one(row)
            if value is not None:
                return value
        return None

    return Compiled(kind, evaluate)


def _cast_to(sql_type: SqlType) -> Build:
    def build(function: str, arguments: list[Compiled]) -> Compiled:
        return Compiled(kind_of_type(sql_type), _strict(partial(_cast, sql_type), arguments))

    return build


def _cast(sql_type: SqlType, value: Value) -> Value:
    return cast(value, sql_type)


_FUNCTIONS: Final[Mapping[str, Build]] = {
    "=": _comparison(operator.eq),
    "<>": _comparison(operator.ne),
    "<": _comparison(operator.lt),
    "<=": _comparison(operator.le),
    ">": _comparison(operator.gt),
    ">=": _comparison(operator.ge),
    "IS": _is,
    "IN": _in,
    "BETWEEN": _between,
    "NOT": _not,
    "AND": _and_or(decisive=False),
    "OR": _and_or(decisive=True),
    "+": _arithmetic(operator.add),
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(divide),
    "%": _arithmetic(remainder),
    "negative": _arithmetic(operator.neg),
    "ABS": _arithmetic(abs),
    "||": _concatenation,
    "LIKE": _of_text(like, Kind.BOOLEAN),
    "LOWER": _of_text(str.lower, Kind.TEXT),
    "UPPER": _of_text(str.upper, Kind.TEXT),
    "LENGTH": _length,
    "CASE": _case,
    "CASE OF": _case_of,
    "COALESCE": _coalesce,
    **{f"CAST {sql_type}": _cast_to(sql_type) for sql_type in SqlType},
}
