"""What SochDB's errors say, as the words of harness.surface.WHYS.

The SDK has a tree of typed errors and raises its two plain ones, DatabaseError and TransactionError, for most
things, with a text that tells which. Both count as an answer where type and text together say why. An error that is
not the SDK's own (RuntimeError, AttributeError, OSError …) says nothing and is passed on as it is.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import Final

from harness.surface import Refused

__all__ = ["refusal", "refusal_to_open"]

_NAME_BYTES_MAX: Final = 255

# (class, what its text begins with or holds, word); the first that fits says why.
_MEANINGS: Final = (
    ("TransactionError", r"^Transaction already (committed|aborted|completed)", "ended"),
    ("DatabaseError", r"^Database is closed", "closed"),
    ("DatabaseError", r"cannot contain null bytes", "argument"),
    ("LockError", r"", "locked"),
    ("NamespaceNotFoundError", r"", "missing"),
    ("CollectionNotFoundError", r"", "missing"),
    ("DatabaseError", r"^(Table not found|Index '.*' not found)", "missing"),
    ("NamespaceExistsError", r"", "duplicate"),
    ("CollectionExistsError", r"", "duplicate"),
    ("NamespaceAccessError", r"", "permission"),
    ("DimensionMismatchError", r"", "dimension"),
    ("ValueError", r"(?i)\bdimension mismatch", "dimension"),
    ("ValidationError", r"", "argument"),
    ("ValueError", r"", "argument"),
    ("QueryError", r"", "statement"),
    ("DatabaseError", r"^(Invalid |Unsupported SQL|Only \w+ TABLE|Column count|Empty SQL)", "statement"),
    ("TransactionConflictError", r"", "conflict"),
    ("TransactionError", r"SSI conflict", "conflict"),
    # What the native library answers to a write or commit that another transaction stands in the way of.
    ("TransactionError", r"^Failed to commit transaction", "conflict"),
    ("DatabaseError", r"^Failed to (put (value|path)|delete (key|path))$", "conflict"),
)
_WHATEVER_THE_STATE: Final = ("ended", "closed")


def refusal(error: Exception, *, closed: bool) -> Refused | None:
    """The error as a refusal, or None where it says nothing. `closed`: the database was closed before the call."""
    why = _why(error)
    if closed and _is_a(error, "SochDBError") and why not in _WHATEVER_THE_STATE:
        why = "closed"
    return Refused(why, _words(error)) if why else None


def refusal_to_open(error: Exception, path: str) -> Refused | None:
    """The error of opening `path` as a refusal.

    "Failed to open database at …" blames the path and does not say what is wrong with it, so that is looked up.
    """
    why = _why(error)
    if not why and _is_a(error, "DatabaseError"):
        why = _fault_of(path)
    return Refused(why, _words(error)) if why else None


def _why(error: Exception) -> str:
    text = str(getattr(error, "message", error))
    return next((why for kind, said, why in _MEANINGS if _is_a(error, kind) and re.search(said, text)), "")


def _is_a(error: Exception, kind: str) -> bool:
    """By name, since the class is of a module that may not be there. Subclasses of ValueError are other errors."""
    return any(one.__name__ == kind for one in type(error).__mro__[: 1 if kind == "ValueError" else None])


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _fault_of(path: str) -> str:
    if "\0" in path:
        return "argument"
    there = next((one for one in (Path(path), *Path(path).parents) if os.path.lexists(one)), Path())
    if not there.is_dir() or any(len(os.fsencode(part)) > _NAME_BYTES_MAX for part in Path(path).parts):
        return "argument"
    if not os.access(there, os.W_OK):
        return "permission"
    return "locked" if _is_locked(Path(path) / ".lock") else ""


def _is_locked(file: Path) -> bool:
    """Whether somebody holds SochDB's lock. This is flock, so that looking takes it from nobody."""
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
