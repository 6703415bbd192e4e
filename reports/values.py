"""How keys, values and operations are written for people, and made safe for every output.

Whatever comes from a database is hostile: `visible` is the one place that takes the power from control
characters, bidirectional overrides and broken Unicode. Long values are shortened in the middle, and their full
length is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.history import KINDS, UNSEEN, Op

__all__ = ["LENGTH_MAX", "counted", "ended", "json_safe", "shorten", "show", "show_around", "show_op", "visible"]

LENGTH_MAX = 48
_SENTENCE_MAX = 2_000
_DEPTH_MAX = 4
_DIGITS_MAX = 400
# Operations that bring no answer, and those whose answer stands behind what was asked.
_ASKED = frozenset({"w", "append", "make_queue", "make_vectors", "add_node", "delete_node"})
_JOINED = frozenset(kind.name for kind in KINDS if kind.joins)

# C0 and C1 controls, line and paragraph separators, what turns the direction of text, what no Unicode text
# may hold, and the byte order mark.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_PLAIN = re.compile(r"[A-Za-z_][\w.:/+-]*", re.ASCII)
_RESERVED = frozenset({"none", "true", "false", "nan", "inf"})


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural unless there is one."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def ended(sentence: str) -> str:
    """`sentence` with a full stop at its end."""
    return sentence if sentence.endswith(".") else f"{sentence}."


def visible(text: str, length_max: int = _SENTENCE_MAX) -> str:
    """`text` with everything that a terminal, XML or a reader's eye would obey written out as an escape."""
    return _HARMFUL.sub(_escape, shorten(text, length_max))


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shorten(text: str, length_max: int) -> str:
    """`text`, or its two ends with its length: `"abc…xyz" of 10240 characters`."""
    if len(text) <= length_max:
        return text
    note = f" ({len(text)} characters)"
    head = max(1, (length_max - len(note) - 1 + 1) // 2)
    return text[:head] + "…" + text[len(text) - max(1, head - 1) :] + note


def show(value: Any, length_max: int = LENGTH_MAX, unit: bool = True) -> str:
    """One value in one line of about `length_max` characters.

    With `unit` the length of what was shortened is said as "30 elements", without it as "of 30".
    """
    return _show(value, length_max, unit, 0)


def _show(value: Any, length_max: int, unit: bool, depth: int) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _show_container(value, length_max, unit, depth) if depth < _DEPTH_MAX else "…"
    if isinstance(value, bytes | bytearray):
        return _show_bytes(bytes(value), length_max, unit)
    if value is UNSEEN:
        return "?"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _show_number(value)
    return _show_text(str(value), length_max, unit)


def _show_container(value: Any, length_max: int, unit: bool, depth: int) -> str:
    if isinstance(value, Mapping):
        return _show_pairs(list(value.items()), length_max, unit, depth)
    if isinstance(value, set | frozenset):
        return _show_many(sorted(value, key=repr), "{}", length_max, unit, depth)
    if isinstance(value, tuple) and value and isinstance(value[0], str) and value[0].startswith("#"):
        return _show_frozen(value, length_max, unit, depth)
    return _show_many(value, "[]", length_max, unit, depth)


def _show_number(value: int | float) -> str:
    if isinstance(value, int) and value.bit_length() > _DIGITS_MAX:
        return visible(f"{value:#x}", LENGTH_MAX)
    return str(value) if isinstance(value, int) else repr(float(value))


def _show_text(value: str, length_max: int, unit: bool) -> str:
    if len(value) <= length_max and _PLAIN.fullmatch(value) and value not in _RESERVED:
        return value
    head = max(2, length_max // 2 - 4)
    if len(value) > length_max:
        length = f" {len(value)} characters" if unit else f" of {len(value)}"
        return f'"{_quoted(value[:head])}…{_quoted(value[-max(1, head - 1) :])}"{length}'
    return f'"{_quoted(value)}"'


def _quoted(text: str) -> str:
    return _HARMFUL.sub(_escape, text.replace("\\", "\\\\").replace('"', '\\"'))


def _show_bytes(value: bytes, length_max: int, unit: bool) -> str:
    if 2 * len(value) + 2 <= length_max:
        return "0x" + value.hex()
    head = max(1, length_max // 4 - 2)
    length = f" {len(value)} bytes" if unit else f" of {len(value)}"
    return f"0x{value[:head].hex()}…{value[-head:].hex()}{length}"


def _show_frozen(value: tuple[Any, ...], length_max: int, unit: bool, depth: int) -> str:
    """The forms in which `harness.build.frozen` keeps what has no form of its own in a history."""
    name, rest = value[0], value[1:]
    if name == "#map" and all(isinstance(one, tuple) and len(one) == 2 for one in rest):
        return _show_pairs(rest, length_max, unit, depth)
    if name == "#set":
        return _show_many(rest, "{}", length_max, unit, depth)
    if name == "#int" and len(rest) == 1 and isinstance(rest[0], str) and re.fullmatch(r"-?[0-9]+", rest[0]):
        return shorten(rest[0], max(length_max, 24))
    if len(rest) == 1 and isinstance(rest[0], str):
        return _show_text(rest[0], length_max, unit)
    return _show_many(value, "[]", length_max, unit, depth)


def _show_many(items: Sequence[Any], brackets: str, length_max: int, unit: bool, depth: int) -> str:
    inner = max(6, length_max // 2)
    return _join(items, lambda one: _show(one, inner, False, depth + 1), " ", brackets, length_max, unit)


def _show_pairs(items: Sequence[tuple[Any, Any]], length_max: int, unit: bool, depth: int) -> str:
    inner = max(6, length_max // 4)

    def pair(item: tuple[Any, Any]) -> str:
        return f"{_show(item[0], inner, False, depth + 1)}: {_show(item[1], inner, False, depth + 1)}"

    return _join(items, pair, ", ", "{}", length_max, unit)


def _join(items: Sequence[Any], write: Any, comma: str, brackets: str, length_max: int, unit: bool) -> str:
    """As many of both ends as fit; of a million elements only these few are ever looked at."""
    count = len(items)
    whole = _fitting((write(one) for one in items), length_max - 2, len(comma))
    if len(whole) == count:
        return brackets[0] + comma.join(whole) + brackets[1]
    length = f" {count} elements" if unit else f" of {count}"
    room = max(0, length_max - len(length) - 4 - len(comma))
    head = _fitting((write(one) for one in items), (room + 1) // 2, len(comma)) or [write(items[0])]
    tail = _fitting((write(one) for one in reversed(items)), room // 2, len(comma)) or [write(items[-1])]
    return brackets[0] + comma.join(head) + " … " + comma.join(reversed(tail)) + brackets[1] + length


def _fitting(texts: Iterator[str], room: int, comma: int) -> list[str]:
    taken: list[str] = []
    for text in texts:
        room -= len(text) + (comma if taken else 0)
        if room < 0:
            break
        taken.append(text)
    return taken


def show_around(elements: Sequence[Any], wanted: Collection[str], length_max: int = 72) -> str:
    """A list shortened so that the elements written as one of `wanted` stay in sight, each with its neighbours."""
    short = show(list(elements), length_max)
    if not short.endswith("elements"):
        return short
    texts = [_show(one, 16, False, 1) for one in elements]
    kept = {0, len(texts) - 1}
    for place, text in enumerate(texts):
        if text in wanted and len(kept) < 40:
            kept |= {near for near in (place - 1, place, place + 1) if 0 <= near < len(texts)}
    pieces: list[str] = []
    last = -1
    for place in sorted(kept):
        if place != last + 1:
            pieces.append("…")
        pieces.append(texts[place])
        last = place
    return f"[{' '.join(pieces)}] {len(texts)} elements"


def show_op(op: Op, length_max: int = LENGTH_MAX, unit: bool = True) -> str:
    """One operation as in `r k8 → [3 24 30 33]`, `append k8 60`, `scan [a, f) → {b: 1}`."""
    kind = visible(op.kind, 24)
    if op.kind == "scan":
        key = _show_range(op.key, length_max)
    else:
        key = show(op.key, max(6, length_max // 3), False)
    room = max(8, length_max - len(kind) - len(key) - 4)
    value = op.value
    if op.kind == "delete":
        return f"{kind} {key}"
    if op.kind in _ASKED:
        return f"{kind} {key} {show(value, room, unit)}"
    if op.kind == "incr" and isinstance(value, list | tuple) and len(value) == 2:
        return f"{kind} {key} by {show(value[0], room, False)} → {show(value[1], room, unit)}"
    if op.kind == "cas" and isinstance(value, list | tuple) and len(value) >= 2:
        result = show(value[2]) if len(value) > 2 else "?"
        return f"{kind} {key} {show(value[0], room // 2, False)} to {show(value[1], room // 2, False)} → {result}"
    if op.kind in _JOINED and isinstance(value, list | tuple) and len(value) == 2:
        asked = show(value[0], room // 2, False)
        return f"{kind} {key} {asked} → {show(value[1], max(8, room - len(asked) - 1), unit)}"
    return f"{kind} {key} → {show(value, room, unit)}"


def _show_range(key: Any, length_max: int) -> str:
    inner = max(6, length_max // 4)
    if isinstance(key, list | tuple) and len(key) == 2:
        return f"[{show(key[0], inner, False)}, {show(key[1], inner, False)})"
    return show(key, inner, False) + "*"


def json_safe(value: Any) -> Any:
    """`value` as plain JSON types. Text keeps its control characters, which JSON escapes by itself; lone
    surrogates, numbers that JSON lacks, keys that are no text, and unknown types become text."""
    if isinstance(value, Mapping):
        return {_json_key(key): json_safe(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(one) for one in value]
    if isinstance(value, set | frozenset):
        return [json_safe(one) for one in sorted(value, key=repr)]
    return _json_scalar(value)


def _json_scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value.bit_length() < 64:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, bytes | bytearray):
        return "0x" + bytes(value).hex()
    text = _show_number(value) if isinstance(value, int | float) else str(value)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _json_key(key: Any) -> str:
    safe = json_safe(key)
    return safe if isinstance(safe, str) else show(key, 200)
