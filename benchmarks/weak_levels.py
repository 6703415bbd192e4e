"""Histories of registers as columns, as large as one likes, and each weak level judged alone, for measuring them."""

from __future__ import annotations

import numpy as np

from checkers.registers import registers_of
from checkers.rw_register.weak import WEAK_LEVELS, weak_level_holds
from harness.history import KIND_CODE, SCALAR, History, RunInfo
from harness.verdict import Findings

__all__ = ["LEVELS", "weak_findings", "weak_history"]

LEVELS: tuple[str, ...] = tuple(WEAK_LEVELS)


def weak_history(
    txns: int, *, operations: int = 8, sessions: int = 50, keys: int = 100_000, seed: int = 0
) -> History:
    """A serial history of reads and writes, half of each, in which every write has a value of its own.

    Transactions take effect one after another and belong to random sessions; the file tells only the order within
    each (clock "sessions").
    """
    random = np.random.default_rng(seed)
    m = txns * operations
    key = random.integers(0, keys, m, dtype=np.int32)
    is_write = random.random(m) < 0.5
    number = np.where(is_write, np.cumsum(is_write), 0)  # Value 0 is None.
    order = np.argsort(key, kind="stable")
    # Within a key, numbers of writes ascend: what was written last is the largest so far.
    shift = key[order].astype(np.int64) * (m + 1)
    seen = np.maximum.accumulate(number[order] + shift) - shift
    value = np.empty(m, dtype=np.int64)
    value[order] = np.maximum(seen, 0)
    written = int(is_write.sum())
    return History(
        info=RunInfo(workload="rw-register", clock="sessions", foreign=True),
        client=random.integers(0, sessions, txns, dtype=np.int32),
        status=np.zeros(txns, dtype=np.int8),
        start=np.zeros(txns, dtype=np.int64),
        end=np.ones(txns, dtype=np.int64),
        error=np.full(txns, -1, dtype=np.int32),
        op_offset=np.arange(txns + 1, dtype=np.int64) * operations,
        op_kind=np.where(is_write, KIND_CODE["w"], KIND_CODE["r"]).astype(np.int8),
        op_key=key,
        op_value=value,
        op_length=np.full(m, SCALAR, dtype=np.int32),
        elements=np.empty(0, dtype=np.int32),
        keys=tuple(range(keys)),
        values=(None, *range(1, written + 1)),
    )


def weak_findings(history: History, level: str) -> Findings:
    """From the columns to the verdict of one level with sessions, which a history of `weak_history` keeps."""
    assert weak_level_holds(registers_of(history), level), "a correct history was accused"
    return Findings(checker=f"strong-session-{level}")
