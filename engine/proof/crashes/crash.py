"""Nothing acknowledged is lost, and nothing comes back, in one command: python -m engine.proof.crashes.crash

Generated runs are crashed at every step, their disk is made to fail at every call, every bit of what they leave is
flipped, and child processes are killed. The exit code is 1 where anything was lost.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import count
from multiprocessing import cpu_count, get_context
from typing import Final, NamedTuple

import click
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from engine.database import Database
from engine.proof.crashes.bit_flips import search_flips
from engine.proof.crashes.crash_search import search_run
from engine.proof.crashes.failing_disk import search_failures
from engine.proof.crashes.kill import kill_again_and_again
from engine.proof.crashes.loss import Loss, Search

__all__ = ["Outcome", "find_crash", "main", "prove"]

_STATES_OF_A_SHORT_RUN: Final = 2_000
_OTHERS_IN_A_SHORT_RUN: Final = 6  # outcomes of a power loss at one point, beside nothing kept and everything kept
_STATES_OF_A_SHORT_DAMAGE: Final = 300  # of failing disks and of flipped bits each, per run
_KILLS_IN_A_ROW: Final = 5


def find_crash(database_class: type[Database], budget: int) -> Loss | None:
    """The first loss within about `budget` states, None where there is none: the same answer every time.

    Runs are searched thinly, one after the other, by crashes, failing disks and flipped bits in turn.
    """
    spent = 0
    for search in _short_searches(database_class):
        spent += search.states
        if search.loss is not None:
            return search.loss._replace(states=spent)
        if spent >= budget:
            break
    return None


def _short_searches(database_class: type[Database]) -> Iterator[Search]:
    few = _STATES_OF_A_SHORT_DAMAGE
    for seed in count(1):
        yield search_run(seed, database_class, _STATES_OF_A_SHORT_RUN, others_max=_OTHERS_IN_A_SHORT_RUN)
        yield search_failures(seed, database_class, few)
        yield search_flips(seed, database_class, few, closed=True)
        yield search_flips(seed, database_class, few, closed=False)


class Outcome(NamedTuple):
    """What one part of the proof came to for one seed. `lost` is a sentence, empty where nothing was lost.

    `seconds` are of CPU.
    """

    part: str
    states: int
    seconds: float
    lost: str


def prove(seeds: Mapping[str, range], processes: int) -> Iterator[Outcome]:
    """Run the parts named in `seeds`, for the seeds given there, as they are done."""
    # Spawned, as a fork would copy the threads of whoever calls.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        futures = [pool.submit(_part, part, seed) for part, some in seeds.items() for seed in some]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _part(part: str, seed: int) -> Outcome:
    started = _cpu_seconds()
    states, lost = _PARTS[part](seed)
    return Outcome(part, states, _cpu_seconds() - started, lost)


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    return sum(os.times()[:4])


def _told(search: Search) -> tuple[int, str]:
    return search.states, "" if search.loss is None else search.loss.sentence


def _kill(seed: int) -> tuple[int, str]:
    kills = list(kill_again_and_again(seed, _KILLS_IN_A_ROW))
    return len(kills), kills[-1].wrong and f"{kills[-1].wrong} (seed {seed}, {kills[-1]})"


_PARTS: Final[Mapping[str, Callable[[int], tuple[int, str]]]] = {
    "crash": lambda seed: _told(search_run(seed)),
    "failing disk": lambda seed: _told(search_failures(seed)),
    "flipped bit after a clean close": lambda seed: _told(search_flips(seed, closed=True)),
    "flipped bit after a death": lambda seed: _told(search_flips(seed, closed=False)),
    "SIGKILL of a process": _kill,
}


def _table(outcomes: Iterable[Outcome]) -> Table:
    right = [Column(name, justify="right") for name in ("runs", "states", "CPU seconds", "states/s", "losses")]
    table = Table("part", *right)
    for part in _PARTS:
        rows = [outcome for outcome in outcomes if outcome.part == part]
        states, seconds = sum(row.states for row in rows), sum(row.seconds for row in rows)
        if rows:
            rate = f"{states / seconds:,.0f}"
            losses = sum(bool(row.lost) for row in rows)
            table.add_row(part, f"{len(rows):,}", f"{states:,}", f"{seconds:,.0f}", rate, f"{losses:,}")
    return table


@click.command()
@click.option("--runs", default=60, type=click.IntRange(0), help="Generated runs that are crashed at every step.")
@click.option("--damaged", default=8, type=click.IntRange(0), help="Runs for failing disks, and for flipped bits.")
@click.option("--kills", default=200, type=click.IntRange(0), help="Child processes to kill.")
@click.option("--seed", default=1, help="The first run.")
@click.option("--processes", default=cpu_count(), type=click.IntRange(1), help="How many at a time.")
def main(runs: int, damaged: int, kills: int, seed: int, processes: int) -> None:
    """Prove that the engine loses nothing that it acknowledged."""
    counts = dict.fromkeys(_PARTS, damaged)
    counts["crash"] = runs
    counts["SIGKILL of a process"] = -(-kills // _KILLS_IN_A_ROW)
    seeds = {part: range(seed, seed + number) for part, number in counts.items()}
    started = time.perf_counter()
    progress = track(
        prove(seeds, processes), "crashing", total=sum(counts.values()), console=Console(stderr=True), transient=True
    )
    outcomes = list(progress)
    console = Console()
    console.print(_table(outcomes))
    console.print(f"{time.perf_counter() - started:,.0f} s with {processes} processes", highlight=False)
    lost = [outcome for outcome in outcomes if outcome.lost]
    for outcome in lost:
        console.print(outcome.lost, markup=False, highlight=False)
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
