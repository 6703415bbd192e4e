"""What a history file says, operation by operation, whatever notation it is written in.

ValueError
└── HistoryFormatError   the file is not a history; one sentence with file, place, fault and remedy
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from harness.history import KINDS

__all__ = ["COMPLETIONS", "MICRO_OPS", "TYPES", "Event", "HistoryFormatError", "HistoryText"]

# The names that files give to micro-operations, commonest first, and the kind of operation each one is.
MICRO_OPS: Final[Mapping[str, str]] = {
    "r": "r",
    "append": "append",
    "w": "w",
    "read": "r",
    "write": "w",
    "insert": "w",
    "rp": "scan",
    **{kind.name: kind.name for kind in KINDS},
}
COMPLETIONS: Final = ("ok", "fail", "info")
TYPES: Final = frozenset({"invoke", *COMPLETIONS})


class HistoryFormatError(ValueError):
    """A file that cannot be read as a history. The text is one sentence: where, what is wrong, what to do."""


class Event(NamedTuple):
    """One operation of a file; `at` is its place, as `HistoryText.error` understands it.

    `value` is made of None, bool, int, float, str, bytes, list, dict and whatever `harness.build.frozen` can
    turn into its text; `process` is a whole number, a name, or None where the file gives none.
    """

    at: int
    type: str
    process: int | str | None
    f: str | None
    value: Any
    error: str = ""


class HistoryText:
    """A file's name and text. Places are offsets in the text or, where `numbered`, operations counted from 1."""

    def __init__(self, name: str, text: str, *, numbered: bool = False) -> None:
        self.name = name
        self.text = text
        self.numbered = numbered

    def error(self, sentence: str, at: int) -> HistoryFormatError:
        """The error to raise for what is wrong at place `at`."""
        if self.numbered:
            return HistoryFormatError(f"{self.name}, operation {at}: {sentence}")
        return self.error_in_text(sentence, at)

    def error_in_text(self, sentence: str, offset: int) -> HistoryFormatError:
        """The error to raise for what is wrong at `offset`, also where operations are numbered."""
        line = self.text.count("\n", 0, offset) + 1
        column = offset - self.text.rfind("\n", 0, offset)
        return HistoryFormatError(f"{self.name}, line {line}, column {column}: {sentence}")

    def unknown_type(self, found: object, at: int) -> HistoryFormatError:
        """The error to raise for an operation whose type is not one of `TYPES`."""
        shown = "no type" if found is None else f"the type {ascii(found)[:40]}"
        return self.error(f"an operation has {shown}; make it invoke, ok, fail or info", at)
