"""The calls of a scenario as text: what was asked of the database, and what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from harness.contract import TranscriptLine

__all__ = ["transcript_text"]

_LINES_MAX: Final = 40
_TEXT_MAX: Final = 60
_BEGINNINGS: Final = ("begin", "begin_transaction", "begin_at")


def transcript_text(transcript: Sequence[TranscriptLine], told: int, directory: str) -> tuple[str, ...]:
    """What was called since the first `told` lines, from the last database on that was opened: its whole story.

    The last calls where there are many. Paths are told from `directory` on.
    """
    opened = max((number for number, line in enumerate(transcript) if line.name == "open"), default=0)
    story = [_line(line).replace(f"{directory}/", "") for line in transcript[max(told, opened) :]]
    left_out = len(story) - _LINES_MAX
    return (f"… {left_out} calls before these", *story[left_out:]) if left_out > 0 else tuple(story)


def _line(line: TranscriptLine) -> str:
    begins = line.name in _BEGINNINGS
    place = (f"db{line.database}" if line.database else "rig") + (
        f".t{line.transaction}" if line.transaction and not begins else ""
    )
    arguments = ", ".join(_short(one) for one in line.arguments)
    result = f"t{line.transaction}" if begins else _short(line.result)
    return f"{place}.{line.name}({arguments}) → {line.error or result}"


def _short(value: Any) -> str:
    if isinstance(value, bytes | str) and len(value) > _TEXT_MAX:
        return f"{value[: _TEXT_MAX // 2]!r}… ({len(value)})"
    text = repr(value)
    return text if len(text) <= 2 * _TEXT_MAX else f"{text[:_TEXT_MAX]}…"
