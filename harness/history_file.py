"""A history file's text, in pieces: however large the file is, a few megabytes of it are in memory at a time.

`HistoryText` is a text as it stands, `HistoryFile` one in a file. Both know how to say where something is wrong.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from harness.events import HistoryFormatError

__all__ = ["PIECE_BYTES", "HistoryFile", "HistoryText", "OnRead"]

PIECE_BYTES: Final = 1 << 22

OnRead = Callable[[int, int], None]
"""on_read(bytes read, bytes in all): called after each piece."""


class HistoryText:
    """A history's name and text. Places are offsets in the text or, where `numbered`, operations counted from 1."""

    def __init__(self, name: str, text: str, *, numbered: bool = False) -> None:
        self.name = name
        self.numbered = numbered
        self._text = text

    @property
    def text(self) -> str:
        """The whole text."""
        return self._text

    def pieces(self) -> Iterator[str]:
        """The text in pieces, which end where a line does, as long as lines are not longer than a piece."""
        yield self._text

    def contains(self, word: str) -> bool:
        """Whether `word`, which is one line or less, is anywhere in the text."""
        return word in self._text

    def is_blank_from(self, offset: int) -> bool:
        """Whether nothing but white space follows from `offset` on."""
        began = 0
        for piece in self.pieces():
            if piece[max(offset - began, 0) :].strip():
                return False
            began += len(piece)
        return True

    def error(self, sentence: str, at: int) -> HistoryFormatError:
        """The error to raise for what is wrong at place `at`."""
        if self.numbered:
            return HistoryFormatError(f"{self.name}, operation {at}: {sentence}")
        return self.error_in_text(sentence, at)

    def error_in_text(self, sentence: str, offset: int) -> HistoryFormatError:
        """The error to raise for what is wrong at `offset`, also where operations are numbered."""
        line, line_began, began = 1, 0, 0
        for piece in self.pieces():
            end = min(offset - began, len(piece))
            if (newlines := piece.count("\n", 0, end)) > 0:
                line += newlines
                line_began = began + piece.rfind("\n", 0, end) + 1
            began += len(piece)
            if began >= offset:
                break
        return HistoryFormatError(f"{self.name}, line {line}, column {offset - line_began + 1}: {sentence}")

    def refuse_cut_number(self) -> None:
        """Raise HistoryFormatError where the text ends in a digit: the file may have been cut inside a number."""
        text = self.text
        if "0" <= text[-1:] <= "9":
            sentence = "the file ends without a line end, so its last number may be cut off; end its last line"
            raise self.error_in_text(sentence, len(text))

    def unknown_type(self, found: object, at: int) -> HistoryFormatError:
        """The error to raise for an operation whose type is not one of `TYPES`."""
        shown = "no type" if found is None else f"the type {ascii(found)[:40]}"
        return self.error(f"an operation has {shown}; make it invoke, ok, fail or info", at)


class HistoryFile(HistoryText):
    """The text of the file at `path`, read anew for each walk through its pieces.

    `remedy` ends the sentence of the HistoryFormatError for what is not UTF-8 text.
    """

    def __init__(self, path: Path, remedy: str, on_read: OnRead | None = None) -> None:
        super().__init__(path.name, "")
        self._path = path
        self._remedy = remedy
        self._on_read = on_read
        # A pipe can be read once only.
        self._content = None if path.is_file() else path.read_bytes()

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces())

    def contains(self, word: str) -> bool:
        """Whether `word`, which is one line or less, is anywhere in the text."""
        sought, before = word.encode(), b""
        for data in self._blocks():
            # A line longer than a block may be cut in the middle of the word.
            if sought in data or sought in before + data[: len(sought)]:
                return True
            before = data[-len(sought) :]
        return False

    def beginning(self, size: int) -> bytes:
        """The first bytes of the file, `size` of them if it has as many."""
        if self._content is not None:
            return self._content[:size]
        with self._path.open("rb") as file:
            return file.read(size)

    def content(self) -> bytes:
        """The whole content."""
        return self._path.read_bytes() if self._content is None else self._content

    def pieces(self) -> Iterator[str]:
        """The text in pieces. Raises HistoryFormatError where it is none, and OSError."""
        decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        lines, done = 1, 0
        total = self._path.stat().st_size if self._content is None else len(self._content)
        for data in chain(self._blocks(), (b"",)):
            if b"\0" in data:
                raise HistoryFormatError(f"{self.name} is not a history: it is a binary file; {self._remedy}")
            try:
                piece = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                line = lines + error.object.count(b"\n", 0, error.start)
                sentence = f"{self.name} is not a history: line {line} is not UTF-8 text; {self._remedy}"
                raise HistoryFormatError(sentence) from None
            lines += data.count(b"\n")
            if piece:
                yield piece
            done += len(data)
            if data and self._on_read is not None:
                self._on_read(done, total)

    def _blocks(self) -> Iterator[bytes]:
        """The content in blocks, which end where a line does, as long as lines are not longer than a block."""
        if self._content is not None:
            yield self._content
            return
        with self._path.open("rb") as file:
            rest = b""
            while data := file.read(PIECE_BYTES):
                data = rest + data if rest else data
                cut = data.rfind(b"\n") + 1 or len(data)
                rest = data[cut:]
                yield data[:cut]
            if rest:
                yield rest
