"""The fast way through EDN: lines that Jepsen prints alike, thousands at a time, without making values of them.

A template is a regular expression for operations with the same fields in the same order, some of which may be
missing. Inside a value it admits micro-operations r, w and append on whole numbers, keywords and strings of one
word, and lists of whole numbers, each written as Jepsen writes it: two texts are then the same value if and only if
they are the same text. Everything else is left to `harness.edn`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from harness.edn import Keyword
from harness.events import Line

__all__ = ["MICRO_OP", "RegularLines", "names_of", "value_of", "word_of"]

_LINES_PER_BATCH: Final = 8192
_TEMPLATES_MAX: Final = 8
# Possessive: what was taken is never given back, which would not help and costs time.
_POSITIVE: Final = r"[1-9][0-9]{0,17}+"
_INTEGER: Final = rf"(?:{_POSITIVE}|0|-{_POSITIVE})"
_SCALAR: Final = rf'(?:{_INTEGER}|nil|:[A-Za-z][\w.*+!?<>=/-]*+|"[\w.-]*+")'
# Most elements are positive, and a choice at each of them takes time.
_LIST: Final = rf"\[(?:(?:{_POSITIVE}(?: {_POSITIVE})*+)?+\]|{_INTEGER}(?: {_INTEGER})*+\])"
_NAMES: Final = "append|r|w"
_VALUE: Final = rf"(?:nil|\[(?:\[:(?:{_NAMES}) {_SCALAR} (?:{_LIST}|{_SCALAR})\](?: (?=\[)|(?=\])))*+\])"
_FIELDS: Final = {
    "type": r":(?P<type>invoke|ok|fail|info)",
    "process": r"(?P<process>0|-?[1-9][0-9]{0,8})",
    "f": r":txn",
    "value": rf"(?P<value>{_VALUE})",
}
_ERROR: Final = r"""(?P<error>nil|:[a-z][\w-]*|"[^"\\\n]*"|\[[^"\\;#{}\n]*(?:"[^"\\\n]*"[^"\\;#{}\n]*)*\])"""
_GROUPS: Final = ("type", "process", "value", "error")
_OTHER: Final = r"(?:0|-?[1-9][0-9]*|nil|:[a-z][\w-]*)"
_NAME = re.compile(r"[A-Za-z][\w-]*", re.ASCII)
_KEYWORD = re.compile(r" :([^ \]]+)")
_STRING = re.compile(r' "([^"]*)"')

MICRO_OP: Final = re.compile(rf"\[:({_NAMES}) ({_SCALAR}) ({_SCALAR}|\[[0-9 -]*+\])\]", re.ASCII)
"""A micro-operation in the value of a regular line: its name, its key, and its value, in the words of the line."""


class RegularLines:
    """The templates learnt from one text so far, and what they take from it."""

    def __init__(self) -> None:
        self._layouts: list[
            dict[str, bool]
        ] = []  # Of each template: fields in order, and whether they may be missing.
        self._templates: list[_Template] = []
        self._seen: set[tuple[str, ...]] = set()

    def learn(self, operation: Mapping[Any, Any]) -> None:
        """Make a template from the fields of `operation`, whether or not their values are regular here."""
        names = tuple(key.name for key in operation if isinstance(key, Keyword))
        if names in self._seen or len(self._seen) >= _TEMPLATES_MAX or not _FIELDS.keys() <= set(names):
            return
        self._seen.add(names)
        if not all(_NAME.fullmatch(name) for name in names):
            return
        for number, layout in enumerate(self._layouts):
            if merged := _merged(layout, names):
                self._layouts[number] = merged
                self._templates[number] = _Template(merged)
                return
        self._layouts.append(dict.fromkeys(names, False))
        self._templates.append(_Template(self._layouts[-1]))

    def batch(self, text: str, at: int) -> tuple[list[Line], int]:
        """The next regular operations of `text` from `at` on, and where they end."""
        for number, template in enumerate(self._templates):
            lines, end = template.batch(text, at)
            if lines:
                if number:
                    for one in (self._layouts, self._templates):
                        one.insert(0, one.pop(number))  # type: ignore[arg-type]
                return lines, end
        return [], at


class _Template:
    """A regular expression for operations of one layout."""

    def __init__(self, layout: Mapping[str, bool]) -> None:
        patterns = {**_FIELDS, "error": _ERROR}
        fields = [rf":{name} {patterns.get(name, _OTHER)}(?:,? |(?=\}}))" for name in layout]
        body = "".join(f"(?:{one})?" if layout[name] else one for name, one in zip(layout, fields, strict=True))
        if "error" not in layout:
            body += "(?P<error>)"
        self._pattern = re.compile(r"[\s,]*(?:#jepsen\.history\.Op ?)?\{" + body + r"\}", re.ASCII)
        group = self._pattern.groupindex
        self._order = itemgetter(*(group[name] - 1 for name in _GROUPS))

    def batch(self, text: str, at: int) -> tuple[list[Line], int]:
        """The next operations of this layout, and where they end."""
        lines, match, order = list[Line](), self._pattern.match, self._order
        # Not `finditer`: it would go on searching where no operation of this layout stands.
        while len(lines) < _LINES_PER_BATCH and (found := match(text, at)):
            at = found.end()
            lines.append(order(found.groups("")))
        return lines, at


def _merged(layout: Mapping[str, bool], names: Sequence[str]) -> dict[str, bool] | None:
    """A layout for both, where what they have in common has the same order; what only one has may be missing."""
    if [name for name in layout if name in names] != [name for name in names if name in layout]:
        return None
    merged: dict[str, bool] = {}
    rest = list(layout)
    for name in names:
        if name in layout:
            while (one := rest.pop(0)) != name:
                merged[one] = True
        merged[name] = layout.get(name, True)
    return merged | dict.fromkeys(rest, True)


def names_of(lines: Iterable[Line]) -> tuple[set[str], set[str]]:
    """The keywords and the strings among the keys and values of `lines`."""
    text = "\n".join([line[2] for line in lines])
    keywords = set(_KEYWORD.findall(text) if " :" in text else ())
    return keywords, set(_STRING.findall(text) if '"' in text else ())


def value_of(text: str) -> list[list[Any]] | None:
    """The value of a line, as an event has it."""
    return (
        None
        if text == "nil"
        else [[name, word_of(key), word_of(value)] for name, key, value in MICRO_OP.findall(text)]
    )


def word_of(text: str) -> Any:
    """The value of a word or of a list of a regular line; keywords are their names."""
    if text[0] == "[":
        return [int(one) for one in text[1:-1].split()]
    if text[0] == '"':
        return text[1:-1]
    if text[0] == ":":
        return text[1:]
    return None if text == "nil" else int(text)
