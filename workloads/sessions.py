"""session-guarantees: each client appends to lists and reads them, one operation a transaction.

    A  append x 1 | read x [1] | append x 3       whatever a session has seen or done is there in what it does next
    B             | append x 2 | read x [1 2]

Uses keys, key_choice, contention, writes_per_key and read_ratio.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harness.program import Params, Program, Rng, Workload, append, read
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, straight, sweep

__all__ = ["SESSIONS"]

_CHUNK = 8


def _key(number: int) -> str:
    return f"s{number}"


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    chooser = KeyChooser(rng, params)
    appended: Counter[int] = Counter()
    while True:
        if rng.random() < params.read_ratio:
            yield straight([read(_key(chooser.choose()))])
        else:
            number = chooser.choose_for_write()
            appended[number] += 1
            yield straight([append(_key(number), appended[number])])


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    return sweep(lambda number: [read(_key(number))], chunk=_CHUNK, gap=lambda _: max(2, 2 * params.keys))


SESSIONS = Workload("session-guarantees", no_programs, _programs, _finale, Params(keys=3))
