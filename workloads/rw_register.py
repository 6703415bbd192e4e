"""rw-register: short random transactions of reads and writes; every value is written to its key once.

    T1 ── r x – ── w y 1 ───────────── commit       T1 missed T2's write and T2 missed T1's:
    T2 ──────── r y – ── w x 1 ── commit            T1 ─rw→ T2 ─rw→ T1

Uses keys, key_choice, contention, writes_per_key, ops_min, ops_max, read_ratio and rollback_ratio.
"""

from __future__ import annotations

from harness.program import Params, write
from workloads.mixed import mixed

__all__ = ["RW_REGISTER"]

RW_REGISTER = mixed("rw-register", "x", write, Params(keys=8, ops_min=3, ops_max=5, read_ratio=0.7))
