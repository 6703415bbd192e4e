"""`run --fail-fast`: judging while the run is going, to end it at the first anomaly that refutes the expected level.

A list-append run is followed by the streaming judge, window by window. Everything else - another workload, or what a
bounded memory cannot tell - is judged from the log so far each time it has doubled, so that all this judging
together costs at most about twice the last one. Whoever suspects, the workload's checkers decide, on the log so far.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from anomalist.judging import judge_history
from anomalist.suites import WEAK_LEVELS
from checkers.streaming import StreamingJudge
from harness.history import History, RunInfo
from harness.level import Level
from harness.recorder import read_history
from harness.verdict import Outcome
from harness.watch import Glance

__all__ = ["ENDED_ALL", "FailFast"]

FOLLOWED: Final = "list-append"
ENDED_ALL: Final = "ended because another run was refuted, as --fail-fast demands"
_FIRST: Final = 128
_WINDOW_MIN: Final = 32
_WINDOW_MAX: Final = 1_000


class FailFast:
    """The companion of one run, see `harness.watch`."""

    def __init__(self, info: RunInfo, checkers: Sequence[str], log: Path) -> None:
        self._info = info
        self._checkers = checkers
        self._expected = Level(info.expected)
        self._log = log
        # Only where nobody else has a say: what the streaming judge does not see, it cannot stop at.
        self._followed = tuple(checkers) == (FOLLOWED,) and info.expected not in WEAK_LEVELS.get(FOLLOWED, ())
        self._judge = StreamingJudge(info) if self._followed else None
        self._whole_at = _FIRST  # So many transactions make it worth while to judge the whole log again.
        self.due = _WINDOW_MIN if self.follows else _FIRST

    @property
    def follows(self) -> bool:
        """Whether the transactions themselves are wanted."""
        return self._judge is not None

    def look(self, glance: Glance) -> str:
        """Judge what ended; a sentence where that refutes the expected level.

        What keeps it from judging ends no run: it looks no more, and the verdict on the whole run will tell.
        """
        try:
            return self._judged(glance)
        except Exception:  # noqa: BLE001  Ours or the disk's: the run goes on and is recorded, as without us.
            self._judge, self.due = None, sys.maxsize
            return ""

    def _judged(self, glance: Glance) -> str:
        suspected = self._suspects(glance)
        doubled = self._judge is None and glance.ended >= self._whole_at
        if (suspected or doubled) and self._whole(glance):
            return f"stopped at the first anomaly that refutes {self._expected}, after {glance.ended} transactions"
        window = min(max(glance.ended // 4, _WINDOW_MIN), _WINDOW_MAX)
        self.due = self._whole_at if self._judge is None else glance.ended + window
        return ""

    def _suspects(self, glance: Glance) -> bool:
        """Whether the streaming judge has seen what refutes the level. It leaves where it needs the past."""
        if self._judge is None:
            return False
        try:
            self._judge.take(glance.txns, glance.watermark)
            refuted = self._expected in self._judge.refuted
            lost = bool(self._judge.past_needed)
        except Exception:  # noqa: BLE001  Our mistake; the checkers on the log go without it.
            refuted, lost = False, True
        if lost or refuted:
            self._judge = None
        return refuted

    def _whole(self, glance: Glance) -> bool:
        """Judge the log so far; where that accuses nobody, the streaming judge goes on from there."""
        history = read_history(self._log, self._info, bytes_max=glance.log_bytes)
        verdicts = judge_history(history, self._expected, checkers=self._checkers)
        self._whole_at = 2 * glance.ended
        if any(verdict.outcome is Outcome.FAIL for verdict in verdicts):
            return True
        if self._followed:
            self._judge = _following(history, glance)
        return False


def _following(history: History, glance: Glance) -> StreamingJudge | None:
    """A streaming judge that has taken all that ended, as one window; None where that needs the past already."""
    judge = StreamingJudge(history.info)
    # Those without an outcome end after all others in such a history; they come when they have one.
    in_order = sorted(history.txns(), key=lambda txn: txn.end)[: glance.ended]
    try:
        judge.take((txn._replace(id=number) for number, txn in enumerate(in_order)), glance.watermark)
    except Exception:  # noqa: BLE001  As above.
        return None
    return None if judge.past_needed else judge
