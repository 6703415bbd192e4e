"""Exit codes, and which one wins when several parts of a command end differently."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from harness.verdict import Outcome, RunResult

__all__ = ["Exit", "UsageError", "combined", "exit_of"]


class Exit(IntEnum):
    """What each code means is in the README's table."""

    VALID = 0
    ANOMALY = 1
    USAGE = 2
    INCONCLUSIVE = 3
    TROUBLE = 4
    NOTHING = 5
    INTERRUPTED = 130


class UsageError(Exception):
    """The command cannot be carried out as given. The text is one sentence with place and remedy; exit 2."""


_WORST_FIRST = (
    Exit.INTERRUPTED,
    Exit.ANOMALY,
    Exit.USAGE,
    Exit.TROUBLE,
    Exit.INCONCLUSIVE,
    Exit.NOTHING,
    Exit.VALID,
)


def combined(codes: Iterable[Exit]) -> Exit:
    """The code of several parts together; of no parts at all, NOTHING."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), Exit.NOTHING)


def exit_of(run: RunResult) -> Exit:
    """The code of one run. A refuted level is said even where the run was in trouble as well."""
    if run.outcome is Outcome.FAIL:
        return Exit.ANOMALY
    if run.trouble:
        return Exit.TROUBLE
    if not len(run.history):
        return Exit.NOTHING
    return Exit.INCONCLUSIVE if run.outcome is Outcome.UNKNOWN else Exit.VALID
