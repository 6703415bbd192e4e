"""What judging along costs: CPU seconds for each transaction of a correct list-append stream, and memory.

The stream is made while it is judged and never kept; what making it costs is measured alone and taken off.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterator
from random import Random
from time import process_time

from rich.console import Console
from rich.table import Table

from benchmarks.process import megabytes
from checkers.streaming import StreamingJudge
from harness.history import Op, RunInfo, Status, Txn

__all__ = ["correct_windows", "measure"]

_CLIENTS = 10
_KEYS_IN_PLAY = 10
_APPENDS_PER_KEY = 32
_LONGEST = 90  # A transaction ends so much after its start at the latest.
_WINDOW = 1_000


def correct_windows(txns: int, *, ops_max: int = 4, seed: int = 0) -> Iterator[tuple[list[Txn], int]]:
    """A strictly serializable run in windows, each with a time before which nothing later begins."""
    window: list[Txn] = []
    for txn in _correct_stream(txns, ops_max, Random(seed)):
        window.append(txn)
        if len(window) == _WINDOW:
            yield window, txn.end - _LONGEST
            window = []
    yield window, 10 * txns + _LONGEST


def _correct_stream(txns: int, ops_max: int, rng: Random) -> Iterator[Txn]:
    """Transactions in the order of their ends; of each key the elements are 1, 2, 3, ..."""
    keys = list(range(_KEYS_IN_PLAY))
    lists: dict[int, list[int]] = {key: [] for key in keys}
    running: list[tuple[int, int, Txn]] = []
    made_keys = len(keys)
    for number in range(txns):
        ops = []
        for _ in range(rng.randint(1, ops_max)):
            slot = rng.randrange(_KEYS_IN_PLAY)
            if len(lists[keys[slot]]) >= _APPENDS_PER_KEY:
                del lists[keys[slot]]
                keys[slot], made_keys = made_keys, made_keys + 1
                lists[keys[slot]] = []
            key = keys[slot]
            if rng.random() < 0.5:
                ops.append(Op("r", key, lists[key].copy()))
            else:
                lists[key].append(len(lists[key]) + 1)
                ops.append(Op("append", key, lists[key][-1]))
        start, end = 10 * number, 10 * number + _LONGEST - rng.randint(0, 80)
        txn = Txn(number, number % _CLIENTS, tuple(ops), Status.OK, start, end)
        heapq.heappush(running, (end, number, txn))
        while running[0][0] <= start:
            yield heapq.heappop(running)[2]
    yield from (heapq.heappop(running)[2] for _ in range(len(running)))


def measure(txns: int) -> tuple[float, int, int, float]:
    """CPU microseconds a transaction, the most transactions in memory, unread appends, peak size in megabytes."""
    began = process_time()
    for _ in correct_windows(txns):
        pass
    making = process_time() - began
    judge = StreamingJudge(RunInfo())
    began, most = process_time(), 0
    for window, watermark in correct_windows(txns):
        judge.take(window, watermark)
        most = max(most, judge.retained)
    judge.end()
    seconds = process_time() - began - making
    assert (judge.past_needed, judge.sightings) == ("", ()), "a correct stream was accused"
    return seconds / txns * 1_000_000, most, judge.unseen, megabytes()


def _report(console: Console, sizes: list[int]) -> None:
    table = Table(title="the streaming judge on a correct list-append stream, windows of 1,000")
    for heading in ("transactions", "CPU µs each", "most kept", "unread appends", "peak MB"):
        table.add_column(heading, justify="right")
    for txns in sizes:
        each, most, unseen, peak = measure(txns)
        table.add_row(f"{txns:,}", f"{each:.0f}", f"{most:,}", f"{unseen:,}", f"{peak:.0f}")
    console.print(table)


if __name__ == "__main__":
    _report(
        Console(width=None if sys.stdout.isatty() else 120), [int(one) for one in sys.argv[1:]] or [10_000, 100_000]
    )
