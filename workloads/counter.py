"""counter: every transaction reads a counter and writes one more.

    T1 ── r n 7 ── w n 8 ── commit
    T2 ───── r n 7 ── w n 8 ── commit       two increments were acknowledged, the counter moved by one

Uses keys (the counters), key_choice, contention and writes_per_key. A number is stored with a tag, as
`workloads.tagged` says; a counter that was never written counts as 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from harness.program import Params, Program, Rng, Workload, read, write
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, read_back
from workloads.tagged import number_of, tagged

__all__ = ["COUNTER"]


def _key(number: int) -> str:
    return f"counter{number}"


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    chooser = KeyChooser(rng, params)
    for tag in count():
        yield _increment(_key(chooser.choose_for_write()), tag)


def _increment(key: str, tag: int) -> Program:
    stored = (yield read(key)).value
    number = 0 if stored is None else number_of(stored)
    if number is not None:
        yield write(key, tagged(number + 1, tag))


COUNTER = Workload("counter", no_programs, _programs, read_back(_key), Params(keys=2, key_choice="uniform"))
