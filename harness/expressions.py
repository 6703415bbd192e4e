"""Values as Python, short: what a script can say in a word need not stand there a thousand times.

b"xxxx…" (10 MB)                              b"x" * 10485760
[b"key-000", b"key-001", … b"key-099"]        [b"key-%03d" % i for i in range(100)]
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

__all__ = ["Expression", "generalised", "written"]

_LITERAL_MAX: Final = 120  # Characters; beyond it a shorter way of saying it is looked for.
_PERIOD_MAX: Final = 1024
_SEARCHED_MAX: Final = 20_000
_REPEATED: Final = re.compile(r"(.{1,100}?)\1{9,}", re.DOTALL)
_REPEATED_BYTES: Final = re.compile(_REPEATED.pattern.encode(), re.DOTALL)
_LISTED_MIN: Final = 4


class Expression(str):
    """Python that gives the value, in place of the value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def written(value: Any) -> str:
    """Python that evaluates to an equal value: of texts, bytes, numbers, containers of these, and arrays as lists."""
    if isinstance(value, Expression):
        return str(value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, bytes | str):
        return _text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)}: {written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return _sequence(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(map(written, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def generalised(values: Sequence[Any]) -> str | None:
    """An expression of `i` that gives the values one after another for i = 0, 1, 2 …; None where none is found."""
    values = [one.tolist() if hasattr(one, "tolist") else one for one in values]
    first = values[0]
    if all(type(one) is type(first) and one == first for one in values):
        return written(first)
    if any(type(one) is not type(first) for one in values) or isinstance(first, Expression | bool):
        return None
    if isinstance(first, int):
        return _line(values)
    if isinstance(first, bytes | str):
        return _repetition(values) or _pattern(values)
    if isinstance(first, tuple | list) and all(len(one) == len(first) for one in values):
        parts = [generalised(column) for column in zip(*values, strict=True)]
        if None in parts or not parts:
            return None
        inside = ", ".join(map(str, parts))
        return f"[{inside}]" if isinstance(first, list) else f"({inside},)" if len(parts) == 1 else f"({inside})"
    return None


def _text(value: bytes | str) -> str:
    """A literal; of a long one, the parts that are repeated stand there once."""
    if len(value) <= _LITERAL_MAX:
        return repr(value)
    period = _period(value)
    if period is not None:
        times, rest = divmod(len(value), period)
        said = f"{value[:period]!r} * {times}"
        return f"({said} + {value[:rest]!r})" if rest else said
    if len(value) > _SEARCHED_MAX:
        return repr(value)
    found = (_REPEATED if isinstance(value, str) else _REPEATED_BYTES).search(value)  # type: ignore[arg-type]
    if found is None:
        return repr(value)
    before, unit, after = value[: found.start()], found[1], value[found.end() :]
    said = f"{unit!r} * {len(found[0]) // len(unit)}"
    return "(" + " + ".join([*([repr(before)] if before else []), said, *([_text(after)] if after else [])]) + ")"


def _period(value: bytes | str) -> int | None:
    """The least length after which the value repeats itself to its end, twice at least."""
    for period in range(1, min(_PERIOD_MAX, len(value) // 2) + 1):
        # Two looks at the beginning rule nearly every length out.
        if value[period : 2 * period] == value[:period] and value[period:] == value[:-period]:
            return period
    return None


def _sequence(values: list[Any]) -> str:
    if len(values) >= _LISTED_MIN:
        general = generalised(values)
        if general is not None:
            return f"[{general} for i in range({len(values)})]"
    return "[" + ", ".join(map(written, values)) + "]"


def _line(numbers: Sequence[int]) -> str | None:
    """start + step * i."""
    start, step = numbers[0], numbers[1] - numbers[0]
    if any(number != start + step * i for i, number in enumerate(numbers)):
        return None
    term = "i" if step == 1 else f"{step} * i"
    return term if start == 0 else f"{start} + {term}"


def _repetition(texts: Sequence[Any]) -> str | None:
    """Texts that are each a shorter one as often."""
    periods = [_period(one) if len(one) > _LITERAL_MAX else None for one in texts]
    times = {len(one) / period if period else 0 for one, period in zip(texts, periods, strict=True)}
    if len(times) != 1 or not all(one and one == int(one) for one in times):
        return None
    unit = generalised([one[:period] for one, period in zip(texts, periods, strict=True)])
    return f"({unit}) * {int(times.pop())}" if unit else None


def _pattern(texts: Sequence[Any]) -> str | None:
    """A text with numbers in it that grow evenly, as `b"key-%03d" % i`."""
    is_bytes = isinstance(texts[0], bytes)
    decoded = [one.decode("latin-1") for one in texts] if is_bytes else list(texts)
    pieces = [re.split(r"(\d+)", one) for one in decoded]
    if any(len(one) != len(pieces[0]) for one in pieces):
        return None
    said, numbers = "", []
    for place, column in enumerate(zip(*pieces, strict=True)):
        if len(set(column)) == 1:
            said += column[0].replace("%", "%%")
            continue
        if place % 2 == 0:
            return None
        number, form = _line([int(one) for one in column]), _form(column)
        if number is None or form is None:
            return None
        said += form
        numbers.append(number)
    literal = repr(said.encode("latin-1")) if is_bytes else repr(said)
    given = numbers[0] if numbers == ["i"] else f"({', '.join(numbers)}{',' if len(numbers) == 1 else ''})"
    return f"{literal} % {given}"


def _form(column: Sequence[str]) -> str | None:
    """The directive that prints these numbers: of one width with zeros, or each as long as it is."""
    width = len(column[0])
    forms: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("%d", lambda text: text == str(int(text))),
        (f"%0{width}d", lambda text: text == f"{int(text):0{width}d}"),
    )
    return next((form for form, fits in forms if all(map(fits, column))), None)
