"""Histories in EDN, as Jepsen stores them: one vector of operations, or one operation after another.

Keywords, symbols and characters become strings ("x" for `:x`). A file that has both `:x` and "x" as keys or
values of micro-operations is refused, because they would become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from harness.edn import Character, EdnCut, EdnError, EdnReader, Keyword, Symbol, Tagged
from harness.edn_lines import RegularLines
from harness.edn_text import BYTES_TAG, edn_text
from harness.events import MICRO_OPS, TYPES, Event, HistoryText

__all__ = ["edn_events"]

_BEGINNING = re.compile(r"(?:[\s,]+|;[^\n]*)*([\[(])?", re.ASCII)
_LINES_ONE_BY_ONE: Final = 8
_END = re.compile(r"(?:[\s,]+|;[^\n]*)*", re.ASCII)
_CLOSING: Final = {"[": "]", "(": ")", None: ""}
_NEMESIS: Final = Keyword("nemesis")
_WORDS: Final = (Keyword, Symbol, str)


def edn_events(file: HistoryText, *, fast: bool = True) -> Iterator[Event]:
    """The operations of an EDN text. `fast` chooses the way, not the result. Raises HistoryFormatError."""
    try:
        yield from _events(file, RegularLines(file.text), fast)
    except EdnCut as cut:
        sentence = (
            f"{cut}, so the file was cut off; copy the whole file again, or end it after its last whole operation"
        )
        raise file.error(sentence, cut.at) from None
    except EdnError as error:
        raise file.error(f"{error}; correct or delete this operation", error.at) from None


def _events(file: HistoryText, lines: RegularLines, fast: bool) -> Iterator[Event]:
    beginning = _BEGINNING.match(file.text)
    assert beginning is not None
    reader = EdnReader(file.text, beginning.end(), _CLOSING[beginning[1]])
    names = _Names(file)
    more = True
    while more:
        batches = [lines.batch(reader.at) if fast else []]
        while more and batches:
            batch = batches.pop()
            regular = _regular_events(batch, names)
            if regular is not None:
                yield from regular
                reader.at = batch[-1].end()
            elif len(batch) > _LINES_ONE_BY_ONE:
                half = len(batch) // 2
                batches += [batch[half:], batch[:half]]
            else:
                end = batch[-1].end() if batch else reader.at
                while more := reader.read():
                    yield _event(file, reader, lines, names)
                    if reader.at >= end:
                        break
    if reader.closing:
        _step_out(reader, beginning.start(1))


def _step_out(reader: EdnReader, began: int) -> None:
    if not reader.text.startswith(reader.closing, reader.at):
        raise EdnCut("the text ends inside the collection of all operations", began)
    end = _END.match(reader.text, reader.at + 1)
    if end is not None and end.end() < len(reader.text):
        raise EdnError("something follows the collection of all operations", end.end())


def _regular_events(batch: list[re.Match[str]], names: _Names) -> list[Event] | None:
    """The events of regular lines; None where one of them is not so regular, or where there are none."""
    read = RegularLines.values(batch) if batch else None
    if read is None:
        return None
    values, keywords, strings = read
    errors = {"": ""}
    try:
        for raw in {line["error"] for line in batch} - {""}:
            reader = EdnReader(raw)
            reader.read()
            errors[raw] = _text(reader.value) or ""
    except EdnError:
        return None
    if not names.admit(keywords, strings):
        return None
    fields = (line.group("type", "process", "error") for line in batch)
    return [
        Event(line.start("type"), kind, int(process), "txn", value, errors[error])
        for line, value, (kind, process, error) in zip(batch, values, fields, strict=True)
    ]


def _event(file: HistoryText, reader: EdnReader, lines: RegularLines, names: _Names) -> Event:
    at = reader.began
    operation = reader.value.value if isinstance(reader.value, Tagged) else reader.value
    if not isinstance(operation, dict):
        raise EdnError("here stands something that is not an operation (a map with a :type)", at)
    lines.learn(operation)
    fields = {key.name if type(key) is Keyword else _text(key): value for key, value in operation.items()}
    kind = _text(fields.get("type"))
    if kind not in TYPES:
        raise file.unknown_type(kind, at)
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
                raise EdnError(f"#{BYTES_TAG} stands before a string that is not hexadecimal", at) from None
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
