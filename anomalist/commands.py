"""Commands as text: what a user can paste to do the same again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

__all__ = ["command_text", "printable", "text_of"]


def command_text(words: Sequence[str], options: Iterable[tuple[str, object]] = ()) -> str:
    """`anomalist` with these words and those of the (flag, value) options whose value is not None."""
    flags = [str(word) for flag, value in options if value is not None for word in (flag, value)]
    return text_of(shlex.join(("anomalist", *words, *flags)))


def text_of(name: object) -> str:
    """A name as text that any file can hold: what in it is no text, as in some file names, is escaped."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    """`text` with every character that could move or colour a terminal, or that is no text, made visible."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
