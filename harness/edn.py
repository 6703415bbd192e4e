"""EDN, the notation of Clojure's data, read without recursion into hostile depth.

One regular expression cuts the text into tokens and a stack puts them together. Python values stand for:

    nil true false 1 1N 1.5 "s"   None, bool, int, int, float, str
    [..] (..)  {..}  #{..}        list, dict, frozenset (inside a key or a set: tuple, FrozenMap, frozenset, and
                                  a number of other sorts or beyond 64 bits is a name and a text)
    1/2  1.5M  :k  a  \\c         Fraction, Decimal, Keyword, Symbol, Character
    #tag value                    Tagged; #_ drops the value after it, `;` the rest of its line
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from harness.edn_words import (
    CHARACTERS,
    SYMBOLIC_NUMBERS,
    Character,
    EdnCut,
    EdnError,
    FrozenMap,
    Keyword,
    Symbol,
    Tagged,
    character,
    excerpt,
    string,
    word,
)

__all__ = [
    "CHARACTERS",
    "DEPTH_MAX",
    "Character",
    "EdnCut",
    "EdnError",
    "EdnReader",
    "FrozenMap",
    "Keyword",
    "Symbol",
    "Tagged",
]

DEPTH_MAX: Final = 100

_WORD = r"""[^\s,;"()\[\]{}\\#^`~@][^\s,;"()\[\]{}\\^`~@]*"""
_TOKEN = re.compile(
    r"[\s,]*+(?:"
    r"\[(-?(?:0|[1-9]\d{0,17})(?: -?(?:0|[1-9]\d{0,17}))*)\]"  # 1: a vector of integers at once, for speed.
    rf"|({_WORD})"  # 2: keyword, number or symbol
    r"|(\[|\(|\{|\#\{)"  # 3: opening
    r"|([\])}])"  # 4: closing
    r'|"([^"\\]*(?:\\.[^"\\]*)*)"'  # 5: string
    r"|(;[^\n]*)"  # 6: comment
    r"|(\#_)"  # 7: discard
    rf"|\#(:?:?{_WORD})"  # 8: tag, or the namespace of a map
    r"|\\([A-Za-z][A-Za-z0-9]*|.)"  # 9: character
    r"|(\#\#[A-Za-z+-]*)"  # 10: symbolic number
    r"|([^\s,])"  # 11: nothing that can stand here
    r"|(\Z))",  # 12: the end, so that the search for a token never begins anew after white space
    re.DOTALL | re.ASCII,
)
_VECTOR, _ATOM, _OPEN, _CLOSE, _STRING, _COMMENT, _DISCARD, _TAG, _CHARACTER, _SYMBOLIC, _BAD, _STOP = range(1, 13)
_DEEPER: Final = {_OPEN, _TAG, _DISCARD}
_GAP: Final = re.compile(r"(?:[\s,]+|;[^\n]*)*", re.ASCII)
_CLOSED_BY: Final = {"[": "]", "(": ")", "{": "}", "#{": "}"}
_UNHASHABLE: Final = {list, dict, Tagged, int, Decimal, Fraction}
_INT64: Final = range(-(2**63), 2**63)
_NOTHING: Final = object()
_ATOMS_KEPT_MAX: Final = 1 << 16
_ENDS_INSIDE: Final = "the text ends inside a value"


class _Frame:
    """A collection that is still open: its opening, its values, and the prefixes of its next value."""

    __slots__ = ("items", "opening", "prefixes")

    def __init__(self, opening: str) -> None:
        self.opening = opening
        self.items: list[Any] = []
        self.prefixes: list[tuple[str, int]] = []  # (tag, or "" for a discard, offset)


class EdnReader:
    """Reads one value after another from `text`, beginning at offset `at`, where it also stands afterwards.

    Whoever has stepped over the opening of a collection sets `closing` to "]" or ")": the reader then stops
    before that. `read` returns False at the end; otherwise `value` is the value and `began` its offset.
    """

    def __init__(self, text: str, at: int = 0, closing: str = "") -> None:
        self.text = text
        self.at = at
        self.closing = closing
        self.began = at
        self.value: Any = None
        self._atoms: dict[str, Any] = {}

    def read(self) -> bool:  # noqa: PLR0912 - one branch for each sort of token, in one loop for speed.
        """Read the next value. Raises EdnError."""
        gap = _GAP.match(self.text, self.at)
        self.began = gap.end() if gap else self.at
        stack = [_Frame("")]
        frame = stack[0]
        depth = 0
        atoms = self._atoms
        for token in _TOKEN.finditer(self.text, self.began):
            sort = token.lastindex
            if sort == _ATOM:
                text = token[_ATOM]
                value = atoms[text] if text in atoms else self._word(token, len(stack) > 1)
            elif sort == _VECTOR:
                value = [int(one) for one in token[_VECTOR].split(" ")]
            elif sort == _CLOSE:
                if len(stack) == 1 and token[_CLOSE] == self.closing and not frame.prefixes:
                    self.at = token.start(_CLOSE)
                    return False
                value = _closed(stack.pop(), token)
                frame = stack[-1]
                depth -= 1
            elif sort in _DEEPER:
                depth = _deeper(depth, token)
                if sort == _OPEN:
                    frame = _Frame(token[_OPEN])
                    stack.append(frame)
                else:
                    frame.prefixes.append((token[_TAG] or "", token.end()))
                continue
            elif sort == _COMMENT:
                continue
            elif sort == _STOP:
                break
            else:
                value = self._word(token, len(stack) > 1)
            if frame.prefixes:
                value, depth = _prefixed(frame, value, depth)
            if value is _NOTHING:
                continue
            frame.items.append(value)
            if len(stack) == 1:
                self.value = value
                self.at = token.end()
                return True
        self.at = len(self.text)
        if len(stack) > 1 or frame.prefixes:
            raise EdnCut(_ENDS_INSIDE, self.began)
        return False

    def _word(self, token: re.Match[str], inside: bool) -> Any:
        """The value of anything that is not a collection. The last word inside of one may be half a word."""
        try:
            if token.lastindex != _ATOM:
                return _rare(token)
            value = word(token[_ATOM], token.start(_ATOM))
        except EdnError as error:
            if token.end() == len(self.text) and (inside or self.closing):
                raise EdnCut(_ENDS_INSIDE, self.began) from error
            raise
        if len(self._atoms) >= _ATOMS_KEPT_MAX:
            self._atoms.clear()
        self._atoms[token[_ATOM]] = value
        return value


def _deeper(depth: int, token: re.Match[str]) -> int:
    if depth >= DEPTH_MAX:
        raise EdnError(f"values are nested more than {DEPTH_MAX} levels deep", token.end())
    return depth + 1


def _rare(token: re.Match[str]) -> Any:
    """The value of a string, a character or a symbolic number."""
    at = token.start(token.lastindex or 0)
    if token.lastindex == _STRING:
        return string(token[_STRING], at)
    if token.lastindex == _CHARACTER:
        return character(token[_CHARACTER], at)
    if token.lastindex == _SYMBOLIC and token[_SYMBOLIC] in SYMBOLIC_NUMBERS:
        return SYMBOLIC_NUMBERS[token[_SYMBOLIC]]
    if token[0][-1:] == '"':
        raise EdnCut("the text ends inside a string", at)
    raise EdnError(f"{excerpt(token[0].strip())} cannot stand here", at)


def _closed(frame: _Frame, token: re.Match[str]) -> Any:
    """The value of a collection whose closing is `token`."""
    at = token.start(_CLOSE)
    if _CLOSED_BY.get(frame.opening) != token[_CLOSE]:
        opened = f"the open {frame.opening}" if frame.opening else "nothing"
        raise EdnError(f"{token[_CLOSE]} closes {opened}", at)
    if frame.prefixes:
        raise EdnError("a tag or #_ has no value after it", at)
    items = frame.items
    if frame.opening in {"[", "("}:
        return items
    if frame.opening == "#{":
        found = frozenset(_hashable(one) for one in items)
        if len(found) < len(items):
            raise EdnError("a set has the same element twice (1, 1.0 and true count as one here)", at)
        return found
    if len(items) % 2:
        raise EdnError("a map has a key without a value", at)
    keys = items[::2]
    if any(type(key) in _UNHASHABLE for key in keys):
        keys = [_hashable(key) for key in keys]
    pairs = dict(zip(keys, items[1::2], strict=True))
    if len(pairs) * 2 < len(items):
        raise EdnError("a map has the same key twice (1, 1.0 and true count as one here)", at)
    return pairs


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_hashable(one) for one in value)
    if isinstance(value, dict):
        return FrozenMap((key, _hashable(one)) for key, one in value.items())
    if isinstance(value, Tagged):
        return Tagged(value.tag, _hashable(value.value))
    if isinstance(value, Decimal | Fraction) or (type(value) is int and value not in _INT64):
        # Any number of these can have one hash. The form is the one in which they are stored.
        return (f"#{type(value).__name__}", str(value))
    return value


def _prefixed(frame: _Frame, value: Any, depth: int) -> tuple[Any, int]:
    """`value` under its tags, innermost first, or `_NOTHING` where a discard takes it."""
    while frame.prefixes:
        tag, at = frame.prefixes.pop()
        depth -= 1
        if not tag:
            return _NOTHING, depth
        if tag[0] != ":":
            value = Tagged(tag, value)
        elif isinstance(value, dict) and tag.strip(":"):
            value = {_in_namespace(tag.lstrip(":"), key): one for key, one in value.items()}
        else:
            raise EdnError("a namespace stands before a value that is not a map", at)
    return value, depth


def _in_namespace(namespace: str, key: Any) -> Any:
    if not isinstance(key, Keyword | Symbol) or "/" in key.name:
        without = isinstance(key, Keyword | Symbol) and key.name.startswith("_/")
        return type(key)(key.name[2:]) if without else key
    return type(key)(f"{namespace}/{key.name}")
