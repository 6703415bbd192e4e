"""unique-ids: every transaction draws a number from a counter, and no number is drawn twice.

    T1 ── incr ids 1 → 7 ── commit
    T2 ──── incr ids 1 → 7 ── commit       two have the same id

Uses keys (the counters), key_choice (nothing retires, so rotating is uniform), contention and rollback_ratio.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.history import Op
from harness.program import Params, Program, Rng, Workload
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, straight

__all__ = ["UNIQUE_IDS"]


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    chooser = KeyChooser(rng, params)
    while True:
        op = Op("incr", f"ids{chooser.choose()}", 1)
        yield straight([op], rollback=rng.random() < params.rollback_ratio)


UNIQUE_IDS = Workload("unique-ids", no_programs, _programs, no_programs, Params(keys=2, key_choice="uniform"))
