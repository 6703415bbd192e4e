"""Histories in JSON: one operation a line, or one array of operations.

What JSON has no form for is written as an object with one key: {"#bytes": base64}, {"#float": "nan"}.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec

from harness.edn_text import edn_text
from harness.events import TYPES, Event, HistoryFormatError
from harness.history_file import HistoryText

__all__ = ["decoded", "json_array_events", "json_line_events", "json_value"]

_Kind = TypeVar("_Kind")
_BYTE = re.compile(r" \(byte (\d+)\)$")
_EXAMPLE: Final = '{"process": 0, "type": "ok", "f": "txn", "value": [["append", "x", 1]]}'
_SENTENCE_MAX: Final = 300
_FLOATS: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_MISSING: Final = msgspec.UNSET
_TOO_DEEP: Final = "values are nested too deep; correct or delete this operation"
# All that matters for the names in objects: a string, with a colon behind it where it is a name, and braces.
_NAME_OR_BRACE = re.compile(r'"((?:[^"\\]++|\\.)*+)"(\s*+:)?|[{}]', re.DOTALL)
# An escape of the first half of a pair, before anything but another escape.
_HALF_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}[^\\]")


class _Operation(msgspec.Struct, gc=False):
    type: Any = _MISSING
    process: Any = _MISSING
    f: Any = _MISSING
    value: Any = _MISSING
    error: Any = _MISSING


_OPERATION: Final = msgspec.json.Decoder(_Operation)
_OPERATIONS: Final = msgspec.json.Decoder(list[_Operation])


def json_line_events(file: HistoryText) -> Iterator[Event]:
    """The operations of a text with one object a line; blank lines are allowed. Raises HistoryFormatError."""
    at, begun = 0, list[str]()
    for piece in chain(file.pieces(), ("\n",)):
        begun.append(piece)
        if "\n" not in piece:
            continue  # A line may be longer than a piece.
        text = "".join(begun)
        end = text.rfind("\n") + 1
        begun = [text[end:]]
        offsets, lines = [], []
        for line in text[:end].split("\n"):
            if line and not line.isspace():
                offsets.append(at)
                lines.append(line)
            at += len(line) + 1
        at -= 1  # The last line end has nothing after it.
        tagged = '"#' in text
        try:
            operations = _OPERATION.decode_lines("\n".join(lines))
        except (msgspec.DecodeError, RecursionError):
            operations = []
        if len(operations) != len(lines):  # Also where an object is written on several lines.
            operations = [_line(file, one, offset) for one, offset in zip(lines, offsets, strict=True)]
        if _may_repeat(text[:end], operations):
            for one, offset in zip(lines, offsets, strict=True):
                _refuse_repetition(file, one, offset)
        for offset, operation in zip(offsets, operations, strict=True):
            yield _event(file, operation, offset, tagged)


def json_array_events(file: HistoryText) -> Iterator[Event]:
    """The operations of a text that is one array of objects. Raises HistoryFormatError."""
    text = file.text
    tagged = '"#' in text
    try:
        operations = _OPERATIONS.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        if _is_cut(text, error):
            sentence = "the file ends before its array does, so it was cut off; copy the whole file again"
            raise file.error_in_text(sentence, len(text)) from None
        raise _malformed(file, text, 0, error) from None
    if _may_repeat(text, operations):
        _refuse_repetition(file, text, 0)
    for number, operation in enumerate(operations, 1):
        yield _event(file, operation, number, tagged)


def decoded(file: HistoryText, kind: type[_Kind], example: str) -> _Kind:
    """The whole text as a `kind`. `example` ends the sentence of the HistoryFormatError where it is none."""
    text = file.text
    try:
        found = msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        fault, _, place = _printable(str(error)).partition(" - at ")
        at = f", at {place.strip('`')}" if place else ""
        raise HistoryFormatError(f"{file.name}{at}: {fault[:1].lower()}{fault[1:]}; {example}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        if _is_cut(text, error):
            sentence = "the file ends in the middle of a value, so it was cut off; copy the whole file again"
            raise file.error_in_text(sentence, len(text)) from None
        raise _malformed(file, text, 0, error, example) from None
    _refuse_repetition(file, text, 0)
    return found


def json_value(value: Any) -> Any:
    """`value` in a form that JSON can hold and this file reads back; maps other than scans are frozen by then."""
    if isinstance(value, list | tuple):
        return [json_value(one) for one in value]
    if isinstance(value, dict):
        return [[json_value(key), json_value(one)] for key, one in value.items()]
    if isinstance(value, bytes):
        return {"#bytes": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"#float": str(value)}
    return value


def _printable(sentence: str) -> str:
    """A sentence of the decoder, in which names of a hostile file may stand, on one line of a bounded length."""
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in sentence[:_SENTENCE_MAX])
    return shown if len(sentence) <= _SENTENCE_MAX else f"{shown}…"


def _line(file: HistoryText, line: str, at: int) -> _Operation:
    try:
        return _OPERATION.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        if _is_cut(line, error) and file.is_blank_from(at + len(line)):
            sentence = (
                "the file ends in the middle of this operation, so it was cut off; copy the whole file again, "
                "or delete this line to judge what stands before it"
            )
            raise file.error_in_text(sentence, at) from None
        raise _malformed(file, line, at, error) from None


def _may_repeat(text: str, operations: Sequence[_Operation]) -> bool:
    """Whether an object of a text may name a field twice: the decoder takes the last and says nothing."""
    if "\\" in text or text.count("{") > len(operations):
        return True
    return any(
        text.count(f'"{name}"') > len(operations) - list(map(attrgetter(name), operations)).count(_MISSING)
        for name in _Operation.__struct_fields__
    )


def _refuse_repetition(file: HistoryText, text: str, at: int) -> None:
    """Raise HistoryFormatError where an object of `text`, which is JSON and begins at `at`, names a field twice."""
    names: list[set[str]] = []  # Of each object that is open.
    for found in _NAME_OR_BRACE.finditer(text):
        if found[0] == "{":
            names.append(set())
        elif found[0] == "}":
            names.pop()
        elif found[2]:
            name = msgspec.json.decode(f'"{found[1]}"') if "\\" in found[1] else found[1]
            if name in names[-1]:
                sentence = f"an object has the name {ascii(name)[:40]} twice; correct or delete one of the two"
                raise file.error_in_text(sentence, at + found.start())
            names[-1].add(name)


def _is_cut(text: str, error: Exception) -> bool:
    """Whether the text ended too early; a number or an escape that ends too early is reported as malformed."""
    if _HALF_PAIR.search(text):
        return False  # The decoder misses the other half, wherever the text ends.
    found = _BYTE.search(str(error))
    at_end = found is not None and int(found[1]) >= len(text.rstrip().encode()) - 1
    return "truncated" in str(error) or (at_end and not text.rstrip().endswith(("}", "]")))


def _malformed(
    file: HistoryText,
    text: str,
    at: int,
    error: Exception,
    example: str = f"write each operation as an object like {_EXAMPLE}",
) -> HistoryFormatError:
    if isinstance(error, RecursionError):
        return file.error_in_text(_TOO_DEEP, at)
    if half := _HALF_PAIR.search(text):
        sentence = "a string has half of a surrogate pair; correct or delete this operation"
        return file.error_in_text(sentence, at + half.start())
    found = _BYTE.search(str(error))
    before = text.encode()[: int(found[1])].decode(errors="ignore") if found else ""
    fault = _BYTE.sub("", _printable(str(error))).replace("JSON is malformed:", "the JSON is malformed,")
    sentence = f"{fault[:1].lower()}{fault[1:]}; {example}"
    return file.error_in_text(sentence, at + len(before))


def _event(file: HistoryText, operation: _Operation, at: int, tagged: bool) -> Event:
    kind, process, f, value, error = operation.type, operation.process, operation.f, operation.value, operation.error
    if type(kind) is not str or kind not in TYPES:
        raise file.unknown_type(None if kind is _MISSING else kind, at)
    process, f = None if process is _MISSING else process, None if f is _MISSING else f
    value, error = None if value is _MISSING else value, None if error is _MISSING else error
    try:
        if type(process) is not int and process is not None and not isinstance(process, str):
            process = edn_text(process)
        if f is not None and not isinstance(f, str):
            f = edn_text(f)
        value = _untagged(file, value, at) if tagged else value
    except RecursionError:
        raise file.error(_TOO_DEEP, at) from None
    return Event(at, kind, process, f, value, _error_text(error) if error is not None else "")


def _error_text(error: Any) -> str:
    return error if isinstance(error, str) else msgspec.json.encode(error).decode()


def _untagged(file: HistoryText, value: Any, at: int) -> Any:
    """`value` with what stands for bytes and for numbers that are not finite replaced by them."""
    if isinstance(value, list):
        return [_untagged(file, one, at) for one in value]
    if not isinstance(value, dict):
        return value
    try:
        if value.keys() == {"#bytes"}:
            return base64.b64decode(value["#bytes"], validate=True)
        if value.keys() == {"#float"}:
            return _FLOATS[value["#float"]]
    except (binascii.Error, ValueError, TypeError, KeyError):
        raise file.error("the object does not hold what its key says; write #bytes as base64", at) from None
    return {key: _untagged(file, one, at) for key, one in value.items()}
