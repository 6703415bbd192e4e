"""The fast way through EDN: lines that Jepsen prints alike are rewritten as JSON, thousands at a time.

A template is a regular expression for operations with the same fields in the same order. Inside a value it
admits no maps and no tags, and strings only of one plain word, so that spaces separate and `:` begins a keyword;
whatever does not become the JSON expected then (symbols, ratios, deeper lists) is left to `harness.edn`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from harness.edn import Keyword
from harness.events import MICRO_OPS

__all__ = ["RegularLines"]

_LINES_PER_BATCH: Final = 4096
_TEMPLATES_MAX: Final = 8
# Text without a closing bracket, maps, tags, comments and strings of more than one word.
_PLAIN: Final = r'[^"\\;#{}\n\]]*(?:"[\w.-]*"[^"\\;#{}\n\]]*)*'
_FIELDS: Final = {
    "type": r":(?P<type>invoke|ok|fail|info)",
    "process": r"(?P<process>0|-?[1-9]\d{0,8})",
    "f": r":txn",
    "value": rf"(?P<value>nil|\[{_PLAIN}(?:\](?!,? :){_PLAIN})*\])",  # It ends before the next field.
}
_ERROR: Final = r"""(?P<error>nil|:[a-z][\w-]*|"[^"\\\n]*"|\[[^"\\;#{}\n]*(?:"[^"\\\n]*"[^"\\;#{}\n]*)*\])"""
_OTHER: Final = r"(?:0|-?[1-9]\d*|nil|:[a-z][\w-]*)"
_KEYWORD = re.compile(r":([A-Za-z][\w.*+!?<>=/-]*)", re.ASCII)
_STRING = re.compile(r'"([^"]*)"')
_NAME = re.compile(r"[A-Za-z][\w-]*", re.ASCII)

_Scalar = bool | int | float | str | None
_VALUES: Final = msgspec.json.Decoder(list[_Scalar | list[_Scalar | list[_Scalar]]] | None)


class RegularLines:
    """The templates learnt from one text so far, and what they take from it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._templates: list[re.Pattern[str]] = []
        self._learnt: set[tuple[str, ...]] = set()

    def learn(self, operation: Mapping[Any, Any]) -> None:
        """Make a template from the fields of `operation`, whether or not their values are regular here."""
        if len(self._learnt) >= _TEMPLATES_MAX:
            return
        names = tuple(key.name for key in operation if isinstance(key, Keyword))
        if names in self._learnt or not _FIELDS.keys() <= set(names):
            return
        self._learnt.add(names)
        if not all(_NAME.fullmatch(name) for name in names):
            return
        patterns = {**_FIELDS, "error": _ERROR}
        body = r",? ".join(f":{name} {patterns.get(name, _OTHER)}" for name in names)
        if "error" not in names:
            body += "(?P<error>)"
        self._templates.append(re.compile(r"[\s,]*(?:#jepsen\.history\.Op ?)?\{" + body + r"\}", re.ASCII))

    def batch(self, at: int) -> list[re.Match[str]]:
        """The next regular operations from `at` on, as matches with groups named type, process, value and error."""
        text, found = self._text, list[re.Match[str]]()
        templates = self._templates
        while templates and len(found) < _LINES_PER_BATCH:
            line = templates[0].match(text, at)
            if line is None:
                for number, template in enumerate(templates):
                    if line := template.match(text, at):
                        templates.insert(0, templates.pop(number))
                        break
                else:
                    break
            found.append(line)
            at = line.end()
        return found

    @staticmethod
    def values(batch: Sequence[re.Match[str]]) -> tuple[list[Any], set[str], set[str]] | None:
        """The values of a batch, and the keywords and the strings in them; None if one of them is irregular."""
        text = "\n" + "\n".join([line["value"] for line in batch])
        if "null" in text or '["' in text:
            return None
        strings = set(_STRING.findall(text) if '"' in text else ())
        keywords = set[str]()
        for name in MICRO_OPS:
            if ":" in text:
                text = text.replace(f"[:{name} ", f'["{name}" ')
        if ":" in text:
            keywords.update(_KEYWORD.findall(text))
            text = _KEYWORD.sub(r'"\1"', text)
        text = text.replace("\nnil", "\nnull").replace(" nil", " null").replace(", ", " ").replace(" ", ",")
        try:
            values = _VALUES.decode_lines(text)
        except msgspec.DecodeError:
            return None
        if len(values) != len(batch) or ((keywords or strings) and not _are_micro_ops(values)):
            return None
        return values, keywords, strings


def _are_micro_ops(values: Sequence[Any]) -> bool:
    """Whether all are lists of operations that have a meaning: names elsewhere are not compared."""
    return all(type(one) is list and one and one[0] in MICRO_OPS for value in values if value for one in value)
