"""SQL values: five types and NULL (None), how they are checked, compared, computed and kept in a column.

A Python value has one SQL type: int is INTEGER (64 bits), float is REAL (finite), str is TEXT, bytes is BLOB, bool is
BOOLEAN. Types of one kind are compared and computed with each other: INTEGER and REAL are both numbers, compared
exactly. Nothing else is ever converted without a CAST. TEXT is compared by code points.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeAlias

from engine.errors import SqlTypeError, SqlValueError

__all__ = [
    "INTEGER_MAX",
    "INTEGER_MIN",
    "Kind",
    "SqlType",
    "Value",
    "cast",
    "checked_number",
    "checked_value",
    "divide",
    "kind_of",
    "kind_of_type",
    "like",
    "remainder",
    "stored_value",
]

Value: TypeAlias = bool | int | float | str | bytes | None

INTEGER_MIN: Final = -(2**63)
INTEGER_MAX: Final = 2**63 - 1


class SqlType(StrEnum):
    """The type of a column."""

    INTEGER = "INTEGER"
    REAL = "REAL"
    TEXT = "TEXT"
    BLOB = "BLOB"
    BOOLEAN = "BOOLEAN"


class Kind(StrEnum):
    """What may be compared with each other."""

    NUMBER = "a number"
    TEXT = "TEXT"
    BLOB = "BLOB"
    BOOLEAN = "BOOLEAN"


_KIND_OF_TYPE: Final = {
    SqlType.INTEGER: Kind.NUMBER,
    SqlType.REAL: Kind.NUMBER,
    SqlType.TEXT: Kind.TEXT,
    SqlType.BLOB: Kind.BLOB,
    SqlType.BOOLEAN: Kind.BOOLEAN,
}
_TYPE_OF_PYTHON: Final = {
    int: SqlType.INTEGER,
    float: SqlType.REAL,
    str: SqlType.TEXT,
    bytes: SqlType.BLOB,
    bool: SqlType.BOOLEAN,
}
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def kind_of_type(sql_type: SqlType) -> Kind:
    """The kind of all values of a type."""
    return _KIND_OF_TYPE[sql_type]


def kind_of(value: Value) -> Kind | None:
    """The kind of a value; None for NULL, which goes with every kind."""
    return None if value is None else _KIND_OF_TYPE[_TYPE_OF_PYTHON[type(value)]]


def checked_value(value: object) -> Value:
    """The value itself. Raises SqlTypeError for what has no type of SQL, SqlValueError for what no type can hold."""
    if value is None or isinstance(value, bool):
        return value
    if type(value) is int or type(value) is float:
        return checked_number(value)
    if type(value) is str:
        if not value.isascii():
            _refuse_surrogates(value)
        return value
    if type(value) is bytes:
        return value
    raise SqlTypeError(f"a value is None, bool, int, float, str or bytes, not {type(value).__name__}")


def checked_number(number: float) -> float:
    """The number. Raises SqlValueError for an int beyond 64 bits and a float that is not finite."""
    if type(number) is int:
        if not INTEGER_MIN <= number <= INTEGER_MAX:
            raise SqlValueError("INTEGER has 64 bits: the number is outside its range")
    elif not math.isfinite(number):
        raise SqlValueError(f"REAL is finite: the number is {number}")
    return number


def stored_value(value: Value, sql_type: SqlType, length_max: int | None, column: str) -> Value:
    """What a column keeps of `value`: itself, or the REAL that equals an INTEGER.

    Raises SqlTypeError for another type, SqlValueError where the column cannot hold it exactly.
    """
    if value is None:
        return None
    given = _TYPE_OF_PYTHON[type(value)]
    if sql_type is SqlType.REAL and given is SqlType.INTEGER:
        assert isinstance(value, int)
        if int(float(value)) != value:
            raise SqlValueError(f"{column} is REAL, which has no value {value}")
        return float(value)
    if given is not sql_type:
        raise SqlTypeError(f"{column} is {sql_type}, and the value is {given}")
    if length_max is not None and isinstance(value, str) and len(value) > length_max:
        raise SqlValueError(f"{column} has at most {length_max} characters, and the value has {len(value)}")
    return value


def divide(left: float, right: float) -> float:
    """left / right; of two INTEGERs the INTEGER towards zero. Raises SqlValueError for a division by zero."""
    if right == 0:
        raise SqlValueError("division by zero")
    if type(left) is int and type(right) is int:
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


def remainder(left: float, right: float) -> float:
    """What `divide` leaves; it has the sign of `left`. Raises SqlValueError for a division by zero."""
    if right == 0:
        raise SqlValueError("division by zero")
    if type(left) is int and type(right) is int:
        rest = abs(left) % abs(right)
        return rest if left >= 0 else -rest
    return math.fmod(left, right)


def like(text: str, pattern: str, escape: str | None = None) -> bool:
    """Whether `text` matches: % is any text, _ one character, `escape` makes the next one literal. Case matters."""
    return _like_expression(pattern, escape).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _like_expression(pattern: str, escape: str | None) -> re.Pattern[str]:
    """A regular expression that never goes back: each piece between two % is found at its first place, for good."""
    if escape is not None and len(escape) != 1:
        raise SqlValueError("ESCAPE of LIKE is one character")
    pieces = [""]
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            literal = next(characters, None)
            if literal is None:
                raise SqlValueError("the pattern of LIKE ends in its escape character")
            pieces[-1] += re.escape(literal)
        elif character == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if character == "_" else re.escape(character)
    first, *others = pieces
    if not others:
        return re.compile(first, re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1] if piece)
    return re.compile(f"{first}{middle}.*{others[-1]}", re.DOTALL)


def cast(value: Value, sql_type: SqlType) -> Value:
    """`value` as another type; REAL to INTEGER drops the fraction. Raises SqlTypeError or SqlValueError."""
    if value is None or _TYPE_OF_PYTHON[type(value)] is sql_type:
        return value
    if sql_type is SqlType.TEXT and not isinstance(value, bytes):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if sql_type is SqlType.BLOB and isinstance(value, str):
        return value.encode()
    if sql_type in {SqlType.INTEGER, SqlType.REAL} and not isinstance(value, bytes):
        return _cast_to_number(value, sql_type)
    raise SqlTypeError(f"CAST of {_TYPE_OF_PYTHON[type(value)]} to {sql_type} is not supported")


def _cast_to_number(value: float | str, sql_type: SqlType) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value) is None:
        raise SqlValueError(f"CAST: the text is no {sql_type}")
    try:
        return checked_number(int(value) if sql_type is SqlType.INTEGER else float(value))
    except ValueError:  # A fraction in the text of an INTEGER, or a number beyond its type.
        raise SqlValueError(f"CAST: the text is no {sql_type}") from None


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SqlValueError(f"the text has no UTF-8 form: {error.reason} at position {error.start}") from None
