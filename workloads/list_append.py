"""list-append: short random transactions of reads and appends; every read shows its list's whole past.

    T1 ── r x [] ── append y 1 ───────────── commit       T1 missed T2's append and T2 missed T1's:
    T2 ──────── r y [] ── append x 1 ── commit            T1 ─rw→ T2 ─rw→ T1

Uses keys, key_choice, contention, writes_per_key, ops_min, ops_max, read_ratio and rollback_ratio.
"""

from __future__ import annotations

from harness.program import Params, append
from workloads.mixed import mixed

__all__ = ["LIST_APPEND"]

LIST_APPEND = mixed("list-append", "x", append, Params(keys=6, ops_min=2, ops_max=4))
