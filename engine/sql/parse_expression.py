"""Expressions: from sqlglot's tree to ours. Whatever is not in the tables here is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

from sqlglot import exp

from engine.errors import SqlSyntaxError, SqlUnsupported, SqlValueError
from engine.sql.statements import Aggregate, Call, Expression, Literal, Name, Parameter
from engine.sql.values import SqlType, Value, checked_number

__all__ = ["ParameterPlaces", "expression_of", "identifier", "only", "refuse", "type_of"]


class ParameterPlaces:
    """The parameters of one statement: `?` are numbered as they stand in the text, whatever the order of the tree."""

    def __init__(self, starts: list[int]) -> None:
        self._numbers = {start: number for number, start in enumerate(starts)}
        self._named: set[str] = set()

    def parameter(self, node: exp.Placeholder) -> Parameter:
        """The parameter of this placeholder."""
        only(node, "this")
        if node.this is None:
            return Parameter(self._numbers[node.meta["start"]])
        self._named.add(node.name)
        return Parameter(node.name)

    def taken(self) -> tuple[int, frozenset[str]]:
        """How many `?` there are, and the names. Raises SqlUnsupported where there are both."""
        if self._numbers and self._named:
            raise SqlUnsupported("? and :name in one statement are not supported")
        return len(self._numbers), frozenset(self._named)


def only(node: exp.Expr, *allowed: str) -> None:
    """Raise SqlUnsupported if the node has any part but the allowed ones: nothing is ever ignored."""
    for part, content in node.args.items():
        if part not in allowed and content is not None and content is not False and content != []:
            if isinstance(content, exp.Subquery | exp.Select):
                refuse(content)
            word = content if isinstance(content, str) else part.strip("_").replace("_", " ").upper()
            raise SqlUnsupported(f"{_word(node)} with {word} is not supported")


def refuse(node: object) -> NoReturn:
    """Raise SqlUnsupported, naming the construct."""
    if isinstance(node, exp.Func):
        raise SqlUnsupported(f"the function {_word(node)} is not supported")
    if isinstance(node, exp.Expr):
        raise SqlUnsupported(_SENTENCES.get(type(node)) or f"{_word(node)} is not supported")
    raise SqlSyntaxError("something is missing in the statement")


_SENTENCES: Final[dict[type, str]] = {
    exp.Window: "window functions are not supported: OVER",
    exp.Subquery: "subqueries are not supported: SELECT within a statement",
    exp.Select: "subqueries are not supported: SELECT within a statement",
    exp.Exists: "subqueries are not supported: EXISTS",
    exp.Tuple: "row values are not supported: several expressions in parentheses",
    exp.Parameter: "a parameter is written ? or :name; @ and $ are not supported",
    exp.Transaction: "BEGIN is not supported: transactions are begun by transaction()",
    exp.Commit: "COMMIT is not supported: transactions are ended by commit()",
    exp.Rollback: "ROLLBACK is not supported: transactions are ended by abort()",
}


def _word(node: exp.Expr) -> str:
    """What the construct is called in SQL, or nearly so."""
    if isinstance(node, exp.Anonymous):
        return node.name.upper()
    name = re.sub("(?<=.)(ColumnConstraint|Property)$", "", type(node).__name__)
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", name).upper()


def identifier(node: object) -> str:
    """The name that this node is. Raises SqlUnsupported for anything else in its place, SqlSyntaxError for ""."""
    if not isinstance(node, exp.Identifier):
        refuse(node)
    if not node.name:
        raise SqlSyntaxError("a name has at least one character")
    return node.name


def expression_of(node: object, places: ParameterPlaces) -> Expression:
    """The expression of a node. Raises SqlUnsupported, SqlSyntaxError and, for literals, SqlValueError."""
    translate = _TRANSLATIONS.get(type(node))
    if translate is None or not isinstance(node, exp.Expr):
        refuse(node)
    return translate(node, places)


def _column(node: exp.Expr, places: ParameterPlaces) -> Expression:
    only(node, "this", "table")
    table = node.args.get("table")
    return Name(identifier(node.this), None if table is None else identifier(table))


def _literal(node: exp.Expr, places: ParameterPlaces) -> Expression:
    return _of_value(node.this) if node.args["is_string"] else _number(node.this)


def _number(text: str) -> Expression:
    digits = text.lstrip("-").isdecimal()
    try:
        number = int(text) if digits else float(text)
    except ValueError:
        if digits:  # More of them than Python reads.
            raise SqlValueError("INTEGER has 64 bits: the number is outside its range") from None
        raise SqlSyntaxError(f"{text} is no number") from None
    return _of_value(checked_number(number))


def _of_value(value: Value) -> Literal:
    return Literal(value, type(value))


def _hex_string(node: exp.Expr, places: ParameterPlaces) -> Expression:
    only(node, "this")
    if re.fullmatch(r"(?:[0-9a-fA-F]{2})*", node.this) is None:
        raise SqlSyntaxError("x'…' is written in pairs of the digits 0-9 and a-f")
    return _of_value(bytes.fromhex(node.this))


def _placeholder(node: exp.Expr, places: ParameterPlaces) -> Expression:
    assert isinstance(node, exp.Placeholder)
    return places.parameter(node)


def _paren(node: exp.Expr, places: ParameterPlaces) -> Expression:
    only(node, "this")
    return expression_of(node.this, places)


def _negative(node: exp.Expr, places: ParameterPlaces) -> Expression:
    only(node, "this")
    operand = node.this
    if isinstance(operand, exp.Literal) and not operand.is_string:
        return _number(f"-{operand.this}")  # The smallest INTEGER has no positive one.
    return Call("negative", (expression_of(operand, places),))


def _unary(function: str) -> Callable[[exp.Expr, ParameterPlaces], Expression]:
    def translate(node: exp.Expr, places: ParameterPlaces) -> Expression:
        only(node, "this")
        return Call(function, (expression_of(node.this, places),))

    return translate


def _binary(function: str) -> Callable[[exp.Expr, ParameterPlaces], Expression]:
    def translate(node: exp.Expr, places: ParameterPlaces) -> Expression:
        only(node, "this", "expression", "safe", "typed")  # The last two are sqlglot's notes for other dialects.
        return Call(function, (expression_of(node.this, places), expression_of(node.expression, places)))

    return translate


def _is_not(node: exp.Expr, places: ParameterPlaces) -> Expression:
    return Call("NOT", (_binary("IS")(node, places),))


def _chain(function: str) -> Callable[[exp.Expr, ParameterPlaces], Expression]:
    """AND and OR of any length are one call, so that a long one is not a deep one."""

    def translate(node: exp.Expr, places: ParameterPlaces) -> Expression:
        operands, waiting = [], [node]
        while waiting:
            latest = waiting.pop()
            if type(latest) is type(node):
                only(latest, "this", "expression")
                waiting += [latest.args["expression"], latest.this]
            else:
                operands.append(expression_of(latest, places))
        return Call(function, tuple(operands))

    return translate


def _like(node: exp.Expr, places: ParameterPlaces, escape: tuple[Expression, ...] = ()) -> Expression:
    only(node, "this", "expression", "negate")
    call = Call("LIKE", (expression_of(node.this, places), expression_of(node.expression, places), *escape))
    return Call("NOT", (call,)) if node.args.get("negate") else call


def _escape(node: exp.Expr, places: ParameterPlaces) -> Expression:
    only(node, "this", "expression")
    if type(node.this) is not exp.Like:
        refuse(node.this)
    return _like(node.this, places, (expression_of(node.expression, places),))


def _in(node: exp.Expr, places: ParameterPlaces) -> Expression:
    only(node, "this", "expressions")
    return Call("IN", tuple([expression_of(one, places) for one in (node.this, *node.expressions)]))


def _between(node: exp.Expr, places: ParameterPlaces) -> Expression:
    only(node, "this", "low", "high")
    return Call("BETWEEN", tuple([expression_of(node.args[part], places) for part in ("this", "low", "high")]))


def _case(node: exp.Expr, places: ParameterPlaces) -> Expression:
    """CASE with an operand takes it as its first argument; then come conditions and results by turns, and ELSE."""
    only(node, "this", "ifs", "default")
    operand, default = node.args.get("this"), node.args.get("default")
    arguments = [] if operand is None else [expression_of(operand, places)]
    for branch in node.args["ifs"]:
        only(branch, "this", "true")
        arguments += [expression_of(branch.this, places), expression_of(branch.args["true"], places)]
    arguments.append(_of_value(None) if default is None else expression_of(default, places))
    return Call("CASE" if operand is None else "CASE OF", tuple(arguments))


def _coalesce(node: exp.Expr, places: ParameterPlaces) -> Expression:
    only(node, "this", "expressions")
    return Call("COALESCE", tuple([expression_of(one, places) for one in (node.this, *node.expressions)]))


def _cast(node: exp.Expr, places: ParameterPlaces) -> Expression:
    only(node, "this", "to")
    sql_type, length_max = type_of(node.args["to"])
    if length_max is not None:
        raise SqlUnsupported("CAST to VARCHAR with a length is not supported")
    return Call(f"CAST {sql_type}", (expression_of(node.this, places),))


def _aggregate(function: str) -> Callable[[exp.Expr, ParameterPlaces], Expression]:
    def translate(node: exp.Expr, places: ParameterPlaces) -> Expression:
        only(node, "this", "big_int")
        argument = node.this
        if type(argument) is exp.Star and function == "COUNT":
            only(argument)
            return Aggregate(function, None)
        if type(argument) is exp.Distinct:
            only(argument, "expressions")
            if len(argument.expressions) != 1:
                raise SqlUnsupported(f"{function} of several expressions is not supported")
            return Aggregate(function, expression_of(argument.expressions[0], places), distinct=True)
        return Aggregate(function, expression_of(argument, places))

    return translate


_TRANSLATIONS: Final[Mapping[type, Callable[[exp.Expr, ParameterPlaces], Expression]]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: lambda node, places: _of_value(bool(node.this)),
    exp.Null: lambda node, places: _of_value(None),
    exp.HexString: _hex_string,
    exp.Placeholder: _placeholder,
    exp.Paren: _paren,
    exp.Neg: _negative,
    exp.Not: _unary("NOT"),
    exp.And: _chain("AND"),
    exp.Or: _chain("OR"),
    exp.EQ: _binary("="),
    exp.NEQ: _binary("<>"),
    exp.LT: _binary("<"),
    exp.LTE: _binary("<="),
    exp.GT: _binary(">"),
    exp.GTE: _binary(">="),
    exp.Is: _binary("IS"),
    exp.NullSafeEQ: _binary("IS"),
    exp.NullSafeNEQ: _is_not,
    exp.Add: _binary("+"),
    exp.Sub: _binary("-"),
    exp.Mul: _binary("*"),
    exp.Div: _binary("/"),
    exp.Mod: _binary("%"),
    exp.DPipe: _binary("||"),
    exp.Like: _like,
    exp.Escape: _escape,
    exp.In: _in,
    exp.Between: _between,
    exp.Case: _case,
    exp.Coalesce: _coalesce,
    exp.Cast: _cast,
    exp.Lower: _unary("LOWER"),
    exp.Upper: _unary("UPPER"),
    exp.Length: _unary("LENGTH"),
    exp.Abs: _unary("ABS"),
    exp.Count: _aggregate("COUNT"),
    exp.Sum: _aggregate("SUM"),
    exp.Avg: _aggregate("AVG"),
    exp.Min: _aggregate("MIN"),
    exp.Max: _aggregate("MAX"),
}


_TYPES: Final = {
    "INT": SqlType.INTEGER,
    "BIGINT": SqlType.INTEGER,
    "DOUBLE": SqlType.REAL,
    "FLOAT": SqlType.REAL,
    "TEXT": SqlType.TEXT,
    "VARCHAR": SqlType.TEXT,
    "VARBINARY": SqlType.BLOB,
    "BOOLEAN": SqlType.BOOLEAN,
}


def type_of(node: object) -> tuple[SqlType, int | None]:
    """The type of a column or a CAST, and the n of VARCHAR(n). Raises SqlUnsupported for others."""
    if not isinstance(node, exp.DataType):
        refuse(node)
    word = str(getattr(node.this, "value", node.this))
    if word not in _TYPES:
        raise SqlUnsupported(f"the type {word} is not supported")
    if word != "VARCHAR":
        only(node, "this")
        return _TYPES[word], None
    only(node, "this", "expressions")
    for parameter in node.expressions:
        only(parameter, "this")
    lengths = [parameter.name for parameter in node.expressions]
    if len(lengths) > 1 or not all(length.isdigit() for length in lengths):
        raise SqlUnsupported("VARCHAR takes one length in characters")
    return SqlType.TEXT, int(lengths[0]) if lengths else None
