"""Made-up register histories of a correct database, and how long deciding them takes: python -m benchmarks.registers.

A transaction takes effect at a moment of its own between its start and its end. CPU seconds, columns loaded, kernels
compiled and cached before.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import process_time
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from checkers.registers import registers_of
from checkers.rw_register.solver import decide
from harness.build import HistoryBuilder
from harness.history import History, Op, RunInfo, Status
from harness.level import Level
from harness.verdict import Certificate

__all__ = ["ROWS", "Row", "cool_history", "hot_history", "random_history"]

_CLIENTS = 10
_TXNS_PER_KEY = 5


class Mix(NamedTuple):
    """How many operations a transaction has, how many keys there are, and which part of the operations read."""

    ops_min: int
    ops_max: int
    keys: int
    reads: float


def cool_history(txns: int, *, seed: int = 0) -> History:
    """A strictly serializable history: one to four reads and blind writes, a key for every five transactions."""
    return _history(txns, Mix(1, 4, max(txns // _TXNS_PER_KEY, 1), 0.5), seed, shuffled=False)


def hot_history(txns: int, *, keys: int = 20, seed: int = 0) -> History:
    """A strictly serializable history: one to four reads and blind writes of few keys."""
    return _history(txns, Mix(1, 4, keys, 0.5), seed, shuffled=False)


def random_history(txns: int, *, reads: float = 0.8, seed: int = 0) -> History:
    """A serializable history whose serial order has nothing to do with times and sessions: eight operations each.

    The fewer of them read, the less is known of the order.
    """
    return _history(txns, Mix(8, 8, max(txns // _TXNS_PER_KEY, 1), reads), seed, shuffled=True)


def _history(txns: int, mix: Mix, seed: int, *, shuffled: bool) -> History:
    rng = Random(seed)
    spans = _spans(txns, rng)
    order = sorted(range(txns), key=lambda row: spans[row][2])
    if shuffled:
        rng.shuffle(order)
    stored: dict[int, int] = {}
    builder = HistoryBuilder()
    for number, row in enumerate(order):
        client, start, _, end = spans[row]
        builder.add(client, start, end, Status.OK, _ops(rng, mix, stored, 8 * number + 1))
    return builder.build(RunInfo(workload="rw-register", clock="positions", foreign=True))


def _spans(txns: int, rng: Random) -> list[tuple[int, int, int, int]]:
    """(client, start, moment of effect, end) of each transaction; a client has one at a time."""
    free = [0] * _CLIENTS
    spans = []
    for i in range(txns):
        client = i % _CLIENTS
        start = free[client] + rng.randint(1, 20)
        end = start + rng.randint(20, 100)
        free[client] = end + 1
        spans.append((client, start, rng.randint(start, end), end))
    return spans


def _ops(rng: Random, mix: Mix, stored: dict[int, int], value: int) -> list[Op]:
    ops: list[Op] = []
    for place in range(rng.randint(mix.ops_min, mix.ops_max)):
        key = rng.randrange(mix.keys)
        if rng.random() < mix.reads:
            ops.append(Op("r", key, stored.get(key)))
        else:
            stored[key] = value + place
            ops.append(Op("w", key, value + place))
    return ops


class Row(NamedTuple):
    """A line of the table: what is decided, how large, and in how many seconds it should be."""

    name: str
    make: Callable[..., History]
    txns: int
    level: str
    goal: float


ROWS: tuple[Row, ...] = (
    Row("cool keys", cool_history, 10_000, "serializable", 0.5),
    Row("cool keys", cool_history, 100_000, "serializable", 5.0),
    Row("20 hot keys", hot_history, 10_000, "serializable", 2.0),
    Row("random order", random_history, 10_000, "serializable", 10.0),
)


def _seconds(row: Row) -> float:
    history = row.make(row.txns)
    began = process_time()
    answer: Any = decide(registers_of(history), Level(row.level))
    took = process_time() - began
    assert isinstance(answer, Certificate), "a correct history was accused"
    return took


def _report(console: Console) -> bool:
    table = Table(title="deciding register histories of unknown version order, CPU seconds")
    for heading in ("history", "transactions", "level", "seconds", "goal"):
        table.add_column(heading, justify="right" if heading in {"transactions", "seconds", "goal"} else "left")
    reached = True
    for row in ROWS:
        _seconds(row)  # Compiles.
        took = _seconds(row)
        reached &= took <= row.goal
        table.add_row(row.name, f"{row.txns:,}", row.level, f"{took:.2f}", f"<= {row.goal:g}")
    console.print(table)
    return reached


if __name__ == "__main__":
    if not _report(Console()):
        raise SystemExit("a goal was missed")
