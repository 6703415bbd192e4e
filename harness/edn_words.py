"""The words of EDN: what stands for a value by itself, and the errors of all that reads EDN.

ValueError
└── EdnError     the text is not EDN; has the offset of the place
    └── EdnCut   the text ends inside a value; has the offset where that value begins
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final

__all__ = [
    "CHARACTERS",
    "SYMBOLIC_NUMBERS",
    "Character",
    "EdnCut",
    "EdnError",
    "FrozenMap",
    "Keyword",
    "Symbol",
    "Tagged",
    "character",
    "excerpt",
    "string",
    "word",
]

_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)N?")
_FLOAT = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?M?")
_RATIO = re.compile(r"[+-]?[0-9]+/[0-9]+")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\"}
CHARACTERS: Final = {
    "newline": "\n",
    "space": " ",
    "tab": "\t",
    "return": "\r",
    "backspace": "\b",
    "formfeed": "\f",
}
SYMBOLIC_NUMBERS: Final = {"##Inf": math.inf, "##-Inf": -math.inf, "##NaN": math.nan}
_WORDS: Final = {"nil": None, "true": True, "false": False}
_DIGITS_MAX: Final = 4000  # Python refuses to turn longer texts into integers.


class EdnError(ValueError):
    """What is wrong, as a sentence without its place; `at` is the offset of the place."""

    def __init__(self, sentence: str, at: int) -> None:
        super().__init__(sentence)
        self.at = at


class EdnCut(EdnError):
    """The text ends inside the value that begins at `at`."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """`:name`, with its namespace if it has one."""

    name: str

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A bare word."""

    name: str


@dataclass(frozen=True, slots=True)
class Character:
    r"""One character, written `\a`."""

    text: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """`#tag value`: the value as it stands, whatever the tag means."""

    tag: str
    value: Any


class FrozenMap(dict[Any, Any]):
    """A map that is itself a key or the element of a set."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def word(text: str, at: int) -> Any:
    """The value of a bare word: nil, true, false, a keyword, a number or a symbol. Raises EdnError."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ":":
        if len(text) == 1 or text[1] == ":" or text[-1] == ":":
            raise EdnError(f"{excerpt(text)} is not a keyword", at)
        return Keyword(text[1:])
    number = text[1:] if text[0] in "+-" else text
    if not number or not "0" <= number[0] <= "9":
        return Symbol(text)
    if len(text) > _DIGITS_MAX:
        raise EdnError(f"a number has more than {_DIGITS_MAX} digits", at)
    if _INTEGER.fullmatch(text):
        return int(text.rstrip("N"))
    if _FLOAT.fullmatch(text):
        return _decimal(text[:-1], at) if text[-1] == "M" else _float(text, at)
    if _RATIO.fullmatch(text) and int(text.partition("/")[2]) != 0:
        ratio = Fraction(text)
        return int(ratio) if ratio.denominator == 1 else ratio
    raise EdnError(f"{excerpt(text)} is not a number", at)


def _float(digits: str, at: int) -> float:
    found = float(digits)
    if math.isinf(found):
        raise EdnError("a number is out of range", at)
    return found


def _decimal(digits: str, at: int) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise EdnError("the exponent of a number is out of range", at) from None


def string(text: str, at: int) -> str:
    """The string between two quotes, its escapes undone. Raises EdnError."""
    if "\\" not in text:
        return text

    def unescaped(escape: re.Match[str]) -> str:
        code = escape[1]
        if code[0] == "u" and len(code) == 5:
            return chr(int(code[1:], 16))
        if "0" <= code[0] <= "7":
            return chr(int(code, 8))
        if code not in _ESCAPED:
            raise EdnError(f"the string escape {excerpt(escape[0])} is unknown", at)
        return _ESCAPED[code]

    return _whole(_ESCAPE.sub(unescaped, text), at)


def character(name: str, at: int) -> Character:
    """The character that is written as a backslash and `name`. Raises EdnError."""
    if name in CHARACTERS:
        return Character(CHARACTERS[name])
    if re.fullmatch("u[0-9a-fA-F]{4}", name):
        return Character(_whole(chr(int(name[1:], 16)), at))
    if len(name) > 1:
        raise EdnError(f"the character \\{excerpt(name)} is unknown", at)
    return Character(name)


def _whole(text: str, at: int) -> str:
    """`text` with pairs of surrogates joined; half of a pair is no character and could never be stored."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise EdnError("a string has half of a surrogate pair", at) from None


def excerpt(text: str) -> str:
    """The beginning of `text`, quoted and harmless to print."""
    return ascii(text if len(text) <= 20 else text[:20] + "...")
