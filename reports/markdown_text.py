"""Texts made safe for Markdown, as CommonMark and GitHub read it: nothing in them becomes markup, HTML or a link.

What a text can do depends on where it stands: `inline` is for prose and table cells, `fenced` for lines as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reports.values import visible

__all__ = ["code", "fenced", "inline", "table"]

_LENGTH_MAX = 600
_LINE_MAX = 400

# Emphasis, code, links, escapes, cells, strikethrough, mathematics. An underscore within a word is none of these.
_MARKUP = re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# What a line may begin with to be a heading, a list, a quotation, a rule.
_LEADING = re.compile(r"^(\s*)([-+=#]|\d{1,9}[.)])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
_LINK = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(:)|\b(www)(\.)")


def inline(text: str, length_max: int = _LENGTH_MAX) -> str:
    """`text` in one line that reads as itself."""
    safe = _MARKUP.sub(lambda found: "\\" + found.group(), visible(text, length_max).strip())
    safe = "".join(_ENTITIES.get(letter, letter) for letter in safe)
    # A scheme without its colon is no link.
    safe = _LINK.sub(lambda found: f"{found[1] or found[3]}{'&#58;' if found[2] else '&#46;'}", safe)
    return _LEADING.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", safe)


def code(text: str) -> str:
    """`text` as a code span; within a table cell too."""
    safe = visible(text, _LENGTH_MAX)
    if not safe.strip() or "|" in safe:
        return inline(text)
    ticks = _ticks(safe, 1)
    pad = " " if safe[0] in "` " or safe[-1] in "` " else ""
    return f"{ticks}{pad}{safe}{pad}{ticks}"


def fenced(lines: Iterable[str]) -> list[str]:
    """Lines as a code block; no line of them can end it."""
    safe = [visible(line, _LINE_MAX) for line in lines]
    ticks = _ticks("\n".join(safe), 3)
    return [f"{ticks}text", *safe, ticks]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of cells that are Markdown already."""
    return [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *(f"| {' | '.join(row)} |" for row in rows)]


def _ticks(text: str, least: int) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)
