"""session-guarantees: each client appends to lists and reads them, one operation a transaction.

    A  append x 1 | read x [1] | append x 3       whatever a session has seen or done is there in what it does next
    B             | append x 2 | read x [1 2]

Uses keys, key_choice, contention, writes_per_key, read_ratio and rollback_ratio.
"""

from __future__ import annotations

from harness.program import Params, append
from workloads.mixed import mixed

__all__ = ["SESSIONS"]

SESSIONS = mixed("session-guarantees", "s", append, Params(keys=3, ops_min=1, ops_max=1))
