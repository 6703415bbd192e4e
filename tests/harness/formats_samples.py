"""Small histories in the formats of other tools, and the recorded ones written in them."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_LONG = (
    '[[{"events": [{"Write": {"variable": 1, "version": 5}}, {"Read": {"variable": 2, "version": null}}], '
    '"committed": true}, {"events": [{"Write": {"variable": 1, "version": 6}}], "committed": false}], '
    '[{"events": [{"Read": {"variable": 1, "version": 5}}], "committed": true}]]'
)
_SHORT = (
    '[[{"events": [["w", 1, 5], ["r", 2, null]], "committed": true}, {"events": [["w", 1, 6]], "committed": false}], '
    '[{"events": [["r", 1, 5]], "committed": true}]]'
)
_PAPER = (
    '[[{"events": [{"write": true, "variable": 1, "value": 5, "success": true}, '
    '{"write": false, "variable": 2, "value": 0, "success": true}], "success": true}, '
    '{"events": [{"write": true, "variable": 1, "value": 6, "success": true}], "success": false}], '
    '[{"events": [{"write": false, "variable": 1, "value": 5, "success": true}], "success": true}]]'
)
DBCOP = (_LONG, _SHORT, _PAPER, f'{{"params": {{"id": 0}}, "info": "", "data": {_LONG}}}')

CHRONOS = [
    {
        "tid": 67,
        "sid": 19,
        "sts": {"p": 16, "l": 0},
        "cts": {"p": 17, "l": 0},
        "ops": [{"t": "W", "k": 7, "v": 2}, {"t": "read", "k": 8, "v": 0}],
    },
    {"tid": 68, "sid": 3, "sts": {"p": 18}, "cts": {"p": 18}, "ops": [{"t": "r", "k": 7, "v": 2}]},
]

_NOBODY, _COLLECTOR = 0xBEBEEBEE, 0x23332333
COBRA = {
    "T1.log": [("S", 1), ("R", _NOBODY, _NOBODY, -5, 77), ("W", 100, -5, 70), ("C", 1)],
    "T2.log": [("S", 2), ("R", 1, 100, -5, 70), ("C", 2), ("S", 3), ("R", _NOBODY, _COLLECTOR, 9, 0), ("C", 3)],
    "notes.txt": [],
}


def cobra_folder(parent: Path, logs: Mapping[str, Iterable[tuple[Any, ...]]]) -> Path:
    """A folder with these logs."""
    folder = parent / "logs"
    folder.mkdir(exist_ok=True)
    for name, records in logs.items():
        data = b"".join(code.encode() + struct.pack(f">{len(numbers)}q", *numbers) for code, *numbers in records)
        (folder / name).write_bytes(data)
    return folder


def bincode(sessions: Sequence[Sequence[tuple[Sequence[tuple[int, int, int, int]], int]]]) -> bytes:
    """Sessions of (events of (write, variable, value, success), success) as dbcop writes them."""
    data = struct.pack("<5Q", 1, 2, 3, 4, 5)
    for text in (b"", b"a", b"zz"):
        data += struct.pack("<Q", len(text)) + text
    data += struct.pack("<Q", len(sessions))
    for session in sessions:
        data += struct.pack("<Q", len(session))
        for events, success in session:
            data += struct.pack("<Q", len(events)) + b"".join(struct.pack("<BQQB", *event) for event in events)
            data += bytes([success])
    return data


def _keys(case: dict[str, Any]) -> dict[Any, int]:
    keys: dict[Any, int] = {}
    for session in case["sessions"]:
        for txn in session:
            for _, key, _ in txn["ops"]:
                keys.setdefault(key, len(keys))
    return keys


def sessions_of(case: dict[str, Any]) -> list[Any]:
    """What a recorded history tells, with numbers for keys, and None for zeros that nobody wrote."""
    keys = _keys(case)
    written = {
        key
        for session in case["sessions"]
        for txn in session
        for kind, key, value in txn["ops"]
        if kind == "w" and value == 0
    }
    return [
        [
            [
                [kind, keys[key], None if kind == "r" and value == 0 and key not in written else value]
                for kind, key, value in txn["ops"]
            ]
            for txn in session
        ]
        for session in case["sessions"]
    ]


def plume_text(case: dict[str, Any]) -> str:
    """A recorded history as Plume writes it."""
    keys, lines, number = _keys(case), [], 0
    for client, session in enumerate(case["sessions"]):
        for txn in session:
            lines += [f"{kind}({keys[key]},{value},{client},{number})" for kind, key, value in txn["ops"]]
            number += 1
    return "\n".join(lines) + "\n"


def dbcop_text(case: dict[str, Any]) -> str:
    """A recorded history as dbcop writes it."""
    keys = _keys(case)
    sessions = [
        [
            {"events": [[kind, keys[key], value] for kind, key, value in txn["ops"]], "committed": True}
            for txn in session
        ]
        for session in case["sessions"]
    ]
    return json.dumps(sessions)
