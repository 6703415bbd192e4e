"""What can go wrong outside the database's own refusals. Every text is one sentence with its remedy.

Trouble
├── StoreError   recorded files cannot be read, or a place for them cannot be used
└── RunTrouble   a run cannot go on: the target hangs, the disk is full, a workload's program is wrong
"""

from __future__ import annotations

import re

__all__ = ["RunTrouble", "StoreError", "Trouble", "described"]

_TEXT_LENGTH_MAX = 300
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")


class Trouble(Exception):
    """The base of all of them."""


class StoreError(Trouble):
    """Recorded files are missing, damaged or too new, or a directory for them cannot be used."""


class RunTrouble(Trouble):
    """The run has to stop. What was recorded until then stays readable."""


def described(error: BaseException, *, with_type: bool = True) -> str:
    """An exception as one short printable line, the same in every process.

    Texts come from databases: control characters are escaped, and addresses of objects, which differ from
    process to process, are left out.
    """
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  The exception of a foreign driver may itself be broken.
        text = "(no text)"
    if with_type:
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    text = _ADDRESS.sub("0x…", text[: 2 * _TEXT_LENGTH_MAX])
    text = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    return text if len(text) <= _TEXT_LENGTH_MAX else text[: _TEXT_LENGTH_MAX - 1] + "…"
