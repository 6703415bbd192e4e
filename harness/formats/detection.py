"""Which format a file or a folder is in, by its content alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from harness.events import HistoryFormatError

__all__ = ["REMEDY", "format_of_folder", "format_of_text"]

REMEDY: Final = (
    "give a history of one operation a line in EDN or JSON, "
    "or in another format that docs/HISTORY_FORMAT.md describes"
)

_FIELD: Final = r'"(?:[^"\\]|\\.)*"\s*:\s*'
# What only JSON begins with: a string as key, its colon, and a value; in EDN a keyword may follow a string.
_JSON_OBJECT: Final = rf'\{{\s*(?:\}}|{_FIELD}(?:["\[{{]|-?\d|(?:true|false|null)\b))'
_CHRONOS: Final = r'\{\s*"(?:tid|sid|sts|cts|ops)"\s*:'
_DBCOP_SESSIONS: Final = r'\[\s*(?:\[\s*\]\s*,\s*)*\[\s*\{\s*"(?:events|committed|success)"\s*:'

# The first that matches the beginning of a text. Of EDN: a collection, or nothing at all.
_BEGINNINGS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (name, re.compile(pattern, re.ASCII))
    for name, pattern in (
        ("plume", r"\s*[rw]\(\d+,\d+,\d+,-?\d+\)\s"),
        ("awdit", r"(?:\s|[-=]{3,}\s)*[rw]\s+\d+\s+\d+\s"),
        ("dbcop", r'\s*\{\s*(?:"params"\s*:\s*\{|"data"\s*:\s*\[\s*\[)'),
        ("dbcop", rf"\s*{_DBCOP_SESSIONS}"),
        ("chronos", rf"\s*\[\s*{_CHRONOS}"),
        ("porcupine", r"\s*(?:TRACE|DEBUG|INFO|WARN|ERROR)\s+[\w.$/-]+ - "),
        ("porcupine", r"\s*\{(?=[^{}\n]*:key \")(?=[^{}\n]*:f :(?:get|put|append)\b)[^{}\n]*\}"),
        ("jsonl", rf"\s*{_JSON_OBJECT}"),
        ("json", rf"\s*\[\s*(?:\]\s*\Z|{_JSON_OBJECT})"),
        ("edn", r"(?:[\s,]|;[^\n]*(?:\n|\Z))*(?:[\[({#]|\Z)"),
    )
)


def format_of_text(name: str, text: str) -> str:
    """The format of a text, by its beginning. Raises HistoryFormatError for the beginning of none of them."""
    for found, beginning in _BEGINNINGS:
        if beginning.match(text + "\n"):
            return found
    raise HistoryFormatError(f"{name} is not a history: it begins with {text.lstrip()[:20]!a}; {REMEDY}")


def format_of_folder(folder: Path) -> str:
    """cobra for a folder of logs, empty for any other. Raises OSError."""
    return "cobra" if any(one.suffix == ".log" and one.is_file() for one in folder.iterdir()) else ""
