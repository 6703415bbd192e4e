"""What a history file says, operation by operation, whatever notation it is written in.

ValueError
└── HistoryFormatError   the file is not a history; one sentence with file, place, fault and remedy
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from harness.history import KINDS

__all__ = [
    "COMPLETIONS",
    "LITERAL",
    "MICRO_OPS",
    "TYPES",
    "UNSEEN_MARK",
    "Event",
    "HistoryFormatError",
    "Line",
    "Regular",
]

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
LITERAL: Final = "seen"  # A fourth part of a micro-operation: one value was seen, maybe nil, and no list.
UNSEEN_MARK: Final = "unseen"  # The same: its answer never came.
TYPES: Final = frozenset({"invoke", *COMPLETIONS})


class HistoryFormatError(ValueError):
    """A file that cannot be read as a history. The text is one sentence: where, what is wrong, what to do."""


class Event(NamedTuple):
    """One operation of a file; `at` is its place, as `harness.history_file.HistoryText.error` understands it.

    `value` is made of None, bool, int, float, str, bytes, list, dict and whatever `harness.build.frozen` can
    turn into its text; `process` is a whole number, a name, or None where the file gives none.
    """

    at: int
    type: str
    process: int | str | None
    f: str | None
    value: Any
    error: str = ""


Line = tuple[str, str, str, str]
"""type, process, value and error of a regular operation, in the words of the file; no error is empty."""


class Regular(ABC):
    """Many transactions that a file writes so regularly that they need not be taken apart one by one.

    Each is `:f :txn` by a client with a number, and has no value or a list of micro-operations
    [name key value], written so that equal texts are equal values.
    """

    lines: Sequence[Line]

    @abstractmethod
    def event(self, line: Line) -> Event:
        """What one of the lines says. Nothing can be wrong with it, so it has no place."""

    def events(self) -> Iterator[Event]:
        """What all of them say."""
        return map(self.event, self.lines)
