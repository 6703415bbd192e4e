"""What the README of an installed SochDB promises, of the names that section K of the contract suite asks for.

The README is the package's long description, so it is the one of the release that is installed.
"""

from __future__ import annotations

import importlib.metadata
import re
from typing import Final

from harness.surface import DOCUMENTED

__all__ = ["documented", "promises"]

# A line that shows the name in use, as the README's examples of the embedded database write it.
_SHOWN: Final[dict[str, str]] = {
    "put(ttl_seconds=)": r"\bdb\.put\(.*\bttl_seconds\s*=",
    "with_transaction": r"\bdb\.with_transaction\(",
    "IsolationLevel": r"\bdb\.transaction\(isolation=IsolationLevel\.",
    "start_ts": r"\btxn\.start_ts\b",
    "isolation": r"\btxn\.isolation\b",
    "begin_transaction": r"\bdb\.begin_transaction\(",
    "TransactionConflictError": r"\bfrom sochdb import\b.*\bTransactionConflictError\b",
}
assert _SHOWN.keys() == DOCUMENTED.keys()


def documented() -> dict[str, str]:
    """{name of DOCUMENTED: the README's line that promises it}, of the package that is installed."""
    return promises(_readme())


def promises(readme: str) -> dict[str, str]:
    """{name of DOCUMENTED: the first line of this text that shows it, with its number}."""
    found: dict[str, str] = {}
    for number, line in enumerate(readme.splitlines(), 1):
        for name, pattern in _SHOWN.items():
            if name not in found and re.search(pattern, line):
                found[name] = f"README, line {number}: {line.strip()}"
    return found


def _readme() -> str:
    try:
        about = importlib.metadata.metadata("sochdb")
    except importlib.metadata.PackageNotFoundError:
        return ""
    return str(about.get_payload() if "Description" not in about else about["Description"])  # type: ignore[attr-defined]
