"""Histories in EDN, as Jepsen stores them: one vector of operations, or one operation after another.

Keywords, symbols and characters become strings ("x" for `:x`). A file that has both `:x` and "x" as keys or
values of micro-operations is refused, because they would become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from harness.edn import Character, EdnCut, EdnError, EdnReader, Keyword, Symbol, Tagged
from harness.edn_lines import RegularLines, names_of, value_of
from harness.edn_text import BYTES_TAG, edn_text
from harness.events import MICRO_OPS, TYPES, Event, Line, Regular
from harness.history_file import HistoryText

__all__ = ["edn_events"]

_BEGINNING = re.compile(r"(?:[\s,]+|;[^\n]*)*([\[(])?", re.ASCII)
_END = re.compile(r"(?:[\s,]+|;[^\n]*)*", re.ASCII)
_CLOSING: Final = {"[": "]", "(": ")", None: ""}
_WORD_LENGTH_MAX: Final = 8192  # What is wrong with a word of this length is wrong however it goes on.
_NEMESIS: Final = Keyword("nemesis")
_WORDS: Final = (Keyword, Symbol, str)


def edn_events(file: HistoryText, *, fast: bool = True) -> Iterator[Event | Regular]:
    """The operations of an EDN text, regular ones many at a time. Raises HistoryFormatError.

    `fast` chooses the way, not the result: without it, each operation comes by itself.
    """
    window = _Window(file)
    try:
        yield from _events(window, fast)
    except EdnCut as cut:
        sentence = (
            f"{cut}, so the file was cut off; copy the whole file again, or end it after its last whole operation"
        )
        raise file.error(sentence, window.base + cut.at) from None
    except EdnError as error:
        raise file.error(f"{error}; correct or delete this operation", window.base + error.at) from None


class _Window:
    """The part of a text that is looked at: `text`, which begins at the offset `base` of the whole."""

    def __init__(self, file: HistoryText) -> None:
        self.file = file
        self.text = ""
        self.base = 0
        self._pieces = file.pieces()

    def move(self, at: int) -> bool:
        """Begin at offset `at` of the window, with more of what follows; false where there is no more.

        A value that is longer than a window doubles it each time, so that no text is read over and over again.
        """
        parts, more = [self.text[at:]], 0
        while (more == 0 or more < len(parts[0])) and (piece := next(self._pieces, "")):
            parts.append(piece)
            more += len(piece)
        if not more:
            return False
        self.text = "".join(parts)
        self.base += at
        return True


def _events(window: _Window, fast: bool) -> Iterator[Event | Regular]:
    beginning = _BEGINNING.match("")
    while beginning is None or beginning.end() == len(window.text):
        if not window.move(0):
            break
        beginning = _BEGINNING.match(window.text)
    assert beginning is not None
    reader = EdnReader(window.text, beginning.end(), _CLOSING[beginning[1]])
    began = window.base + beginning.start(1)
    lines, names = RegularLines(), _Names(window.file)
    one_by_one = -1  # Up to here, lines that look regular are not.
    while True:
        batch, end = lines.batch(reader.text, reader.at) if fast and reader.at >= one_by_one else ([], 0)
        if batch:
            regular = _regular(batch, names)
            if regular is None:
                one_by_one = end
            else:
                yield regular
                reader.at = end
            continue
        at = reader.at
        try:
            if not reader.read():
                if _closes(reader) or not _moved(window, reader, at):
                    break
                one_by_one = -1
                continue
            event = _event(window, reader, lines, names)
        except EdnError as error:
            # What the end of the window cuts may be well in the whole text.
            near = isinstance(error, EdnCut) or error.at > len(window.text) - _WORD_LENGTH_MAX
            if not near or not _moved(window, reader, at):
                raise
            one_by_one = -1
            continue
        yield event
    if reader.closing:
        _step_out(window, reader, began)


def _moved(window: _Window, reader: EdnReader, at: int) -> bool:
    """Let the reader go on from `at` in a window with more text; false where there is no more."""
    if not window.move(at):
        return False
    reader.text, reader.at = window.text, 0
    return True


def _closes(reader: EdnReader) -> bool:
    return bool(reader.closing) and reader.text.startswith(reader.closing, reader.at)


def _step_out(window: _Window, reader: EdnReader, began: int) -> None:
    if not _closes(reader):
        raise EdnCut("the text ends inside the collection of all operations", began - window.base)
    while True:
        end = _END.match(reader.text, reader.at + 1)
        if end is not None and end.end() < len(reader.text):
            raise EdnError("something follows the collection of all operations", end.end())
        if not _moved(window, reader, reader.at):
            return


def _regular(batch: list[Line], names: _Names) -> Regular | None:
    """What regular lines tell; None where one of them is not so regular."""
    errors = {"": ""}
    try:
        for raw in {line[3] for line in batch} - {""}:
            reader = EdnReader(raw)
            reader.read()
            errors[raw] = _text(reader.value) or ""
    except EdnError:
        return None
    return _Regular(batch, errors) if names.admit(*names_of(batch)) else None


class _Regular(Regular):
    """Regular lines as they were taken from the text, with the texts of their errors."""

    def __init__(self, lines: list[Line], errors: dict[str, str]) -> None:
        self.lines = lines
        self._errors = errors

    def event(self, line: Line) -> Event:
        """What one of the lines says."""
        kind, process, value, error = line
        return Event(-1, kind, int(process), "txn", value_of(value), self._errors[error])


def _event(window: _Window, reader: EdnReader, lines: RegularLines, names: _Names) -> Event:
    at = window.base + reader.began
    operation = reader.value.value if isinstance(reader.value, Tagged) else reader.value
    if not isinstance(operation, dict):
        raise EdnError("here stands something that is not an operation (a map with a :type)", reader.began)
    lines.learn(operation)
    fields = {key.name if type(key) is Keyword else _text(key): value for key, value in operation.items()}
    if len(fields) < len(operation):
        raise EdnError("an operation has a field twice, as a keyword and as another sort of name", reader.began)
    kind = _text(fields.get("type"))
    if kind not in TYPES:
        raise window.file.unknown_type(kind, at)
    process = fields.get("process")
    return Event(
        at,
        kind,
        process if type(process) is int else _text(process),
        _text(fields.get("f")),
        # What a nemesis did is shown as it was written.
        fields.get("value") if process == _NEMESIS else names.value(fields.get("value"), at),
        _text(fields.get("error")) or "",
    )


def _text(value: Any) -> str | None:
    """The name of a keyword or the like, a string itself, None for nil, and anything else as EDN."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Keyword | Symbol):
        return value.name
    return edn_text(value)


class _Names:
    """Turns values of EDN into those of an event, and notices when two sorts of one name would become one."""

    def __init__(self, file: HistoryText) -> None:
        self._file = file
        self._sorts: dict[str, type] = {}

    def admit(self, keywords: set[str], strings: set[str]) -> bool:
        """Note these names; false, and nothing noted, where one of them has been or would be of two sorts."""
        sorts = self._sorts
        if (
            not keywords.isdisjoint(strings)
            or any(sorts.get(name, Keyword) is not Keyword for name in keywords)
            or any(sorts.get(name, str) is not str for name in strings)
        ):
            return False
        sorts.update(dict.fromkeys(keywords, Keyword))
        sorts.update(dict.fromkeys(strings, str))
        return True

    def value(self, value: Any, at: int) -> Any:
        """The value of an operation: only keys and values of its micro-operations have to stay distinct."""
        if isinstance(value, list):
            return [self._micro_op(one, at) for one in value]
        return self._plain(value, at, watched=isinstance(value, dict))

    def _micro_op(self, value: Any, at: int) -> Any:
        name = _text(value[0]) if isinstance(value, list) and value and isinstance(value[0], _WORDS) else None
        if name not in MICRO_OPS:
            return self._plain(value, at, watched=False)
        return [name, *(self._plain(one, at, watched=True) for one in value[1:])]

    def _plain(self, value: Any, at: int, *, watched: bool) -> Any:
        """`value` without the types that only EDN has; names in it are compared where `watched`."""
        plain = value
        if type(value) is int:
            pass
        elif isinstance(value, str):
            plain = self._named(value, str, at) if watched else value
        elif isinstance(value, Keyword | Symbol):
            plain = self._named(value.name, type(value), at) if watched else value.name
        elif isinstance(value, Character):
            plain = self._named(value.text, Character, at) if watched else value.text
        elif isinstance(value, list | tuple | frozenset):
            plain = type(value)(self._plain(one, at, watched=watched) for one in value)
        elif isinstance(value, dict):
            plain = type(value)(
                (self._plain(key, at, watched=watched), self._plain(one, at, watched=watched))
                for key, one in value.items()
            )
        elif isinstance(value, Tagged):
            plain = self._tagged(value, at, watched)
        return plain

    def _tagged(self, value: Tagged, at: int, watched: bool) -> Any:
        if value.tag == BYTES_TAG and isinstance(value.value, str):
            try:
                return bytes.fromhex(value.value)
            except ValueError:
                sentence = (
                    f"#{BYTES_TAG} stands before a string that is not hexadecimal; correct or delete this operation"
                )
                raise self._file.error(sentence, at) from None
        return (f"#{value.tag}", self._plain(value.value, at, watched=watched))

    def _named(self, name: str, sort: type, at: int) -> str:
        if self._sorts.setdefault(name, sort) is not sort:
            shown = ascii(name)[:40]
            sentence = (
                f"the name {shown} stands here as a {sort.__name__.replace('str', 'string').lower()} and elsewhere "
                "as another sort of value; rename one of the two, or they would count as one"
            )
            raise self._file.error(sentence, at)
        return name
