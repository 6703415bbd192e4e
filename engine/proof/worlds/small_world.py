"""The complete small world in one command: `python -m engine.proof.worlds.small_world`, or `make proof`.

Runs every case of both worlds through the engine and compares random full interleavings with their reduced forms, on
all processors. Prints one table; exit code 1 where a history has no explanation or an interleaving differs.

    --every 100       a slice: every hundredth tuple of programs
    --mutants         wrong engines instead: the first case in which each of them commits an anomaly
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import Pool, cpu_count
from time import process_time
from typing import Final, NamedTuple, TypeVar

import click
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from engine.mutants import MUTANTS
from engine.proof.worlds.exploration import Tally, explore, first_bad_case
from engine.proof.worlds.reduction import Comparison, compare
from engine.proof.worlds.refusals import Refusals
from engine.proof.worlds.world import FOUR_TRANSACTIONS, THREE_TRANSACTIONS

__all__ = ["INTERLEAVINGS", "Death", "Proof", "main", "prove", "search"]

INTERLEAVINGS: Final = 200_000

_WORLDS: Final = (THREE_TRANSACTIONS, FOUR_TRANSACTIONS)
_PART_COUNT: Final = 200  # parts that a world is cut into; one is a second or two of work
_SEED_LENGTH: Final = 1_000  # interleavings made from one seed

Job = TypeVar("Job")
Result = TypeVar("Result")


class Proof(NamedTuple):
    """All that was found: per world, and in the comparison of interleavings. Seconds are of CPU."""

    tallies: list[Tally]
    comparison: Comparison
    seconds: list[float]  # per world, then of the comparison

    @property
    def holds(self) -> bool:
        """Whether everything was explained and nothing differed."""
        return not any([*(tally.bad for tally in self.tallies), self.comparison.bad, self.comparison.different])


class Death(NamedTuple):
    """Where a mutant dies: the first case that it has no explanation for; None where it survives both worlds."""

    mutant: str
    world: int
    case: int | None


def prove(every: int, offset: int, interleavings: int, processes: int) -> Proof:
    """Run each `every`-th tuple of programs of both worlds from `offset` on, and so many interleavings."""
    parts: list[_Part | _Seeded] = [
        _Part(world, every * _PART_COUNT, offset + every * part)
        for world in range(len(_WORLDS))
        for part in range(_PART_COUNT)
    ]
    seeds = [
        _Seeded(first, min(_SEED_LENGTH, interleavings - first)) for first in range(0, interleavings, _SEED_LENGTH)
    ]
    proof = Proof([Tally() for _ in _WORLDS], Comparison(), [0.0] * (len(_WORLDS) + 1))
    for place, found, seconds in _in_processes(_do, [*parts, *seeds], processes):
        proof.seconds[place] += seconds
        if isinstance(found, Tally):
            proof.tallies[place].add(found)
        else:
            proof.comparison.add(found)
    return proof


def search(names: Sequence[str], processes: int) -> list[Death]:
    """Where each of these mutants dies, in the order of their names."""
    return sorted(_in_processes(_search_one, names, processes))


class _Part(NamedTuple):
    world: int
    every: int
    offset: int


class _Seeded(NamedTuple):
    seed: int
    interleaving_count: int


def _do(job: _Part | _Seeded) -> tuple[int, Tally | Comparison, float]:
    """One job, after the number of the column that it belongs to; with the seconds it took."""
    began = process_time()
    if isinstance(job, _Part):
        return job.world, explore(_WORLDS[job.world], job.every, job.offset), process_time() - began
    return len(_WORLDS), compare(*job), process_time() - began


def _search_one(name: str) -> Death:
    for place, world in enumerate(_WORLDS):
        case = first_bad_case(world, MUTANTS[name].database)
        if case is not None:
            return Death(name, place, case)
    return Death(name, len(_WORLDS), None)


def _in_processes(work: Callable[[Job], Result], jobs: Sequence[Job], processes: int) -> Iterator[Result]:
    """The results in the order in which they come, with a progress bar. One process is this one."""
    console = Console(stderr=True)
    if processes == 1:
        yield from track(map(work, jobs), "cases", len(jobs), console=console)
        return
    with Pool(processes) as pool:
        yield from track(pool.imap_unordered(work, jobs), "cases", len(jobs), console=console)


def _proof_table(proof: Proof) -> Table:
    table = Table(Column("transactions", no_wrap=True), *(world.name for world in _WORLDS), "step by step")
    tallies, comparison = proof.tallies, proof.comparison
    table.add_row("cases", *(f"{tally.cases:,}" for tally in tallies), f"{comparison.interleavings:,}")
    table.add_row("distinct histories", *(f"{tally.histories:,}" for tally in tallies), "")
    table.add_row("not strictly serializable", *(f"{tally.bad:,}" for tally in tallies), f"{comparison.bad:,}")
    table.add_row("different when reduced", *("" for _ in tallies), f"{comparison.different:,}")
    kinds: dict[str, Callable[[Tally], Refusals]] = {
        "dangerous structures": lambda tally: tally.dangerous,
        "write conflicts": lambda tally: tally.lost_updates,
        "read-set validation": lambda tally: tally.read_sets,
    }
    for name, kind in kinds.items():
        table.add_row(f"refused: {name}", *(f"{kind(tally).refused:,}" for tally in tallies), "")
        table.add_row("  without need", *(f"{kind(tally).share:.1%}" for tally in tallies), "")
    table.add_row("CPU seconds", *(f"{seconds:,.0f}" for seconds in proof.seconds))
    return table


def _examples(proof: Proof) -> Iterator[str]:
    """Schedules to run again by `engine.proof.schedule.run`."""
    for world, tally in zip(_WORLDS, proof.tallies, strict=True):
        if tally.first_bad is not None:
            yield f"{world.name}, case {tally.first_bad}: {world.case(tally.first_bad).text()}"
    if proof.comparison.example is not None:
        yield f"interleaving: {proof.comparison.example}"


def _death_table(deaths: Sequence[Death]) -> Table:
    table = Table("mutant", "dies in", "case", "schedule and initial keys")
    for mutant, place, case in deaths:
        if case is None:
            table.add_row(mutant, "nothing")
        else:
            world = _WORLDS[place]
            table.add_row(mutant, world.name, f"{case:,}", " | ".join(world.case(case).text()))
    return table


@click.command()
@click.option("--every", default=1, type=click.IntRange(1), help="Take only every n-th tuple of programs.")
@click.option("--offset", default=0, type=click.IntRange(0), help="The first tuple of programs to take.")
@click.option("--interleavings", default=INTERLEAVINGS, type=click.IntRange(0), help="How many random ones.")
@click.option("--processes", default=cpu_count(), type=click.IntRange(1), help="How many at a time.")
@click.option("--mutants", is_flag=True, help="Search for the first bad case of each mutant of the rule instead.")
def main(every: int, offset: int, interleavings: int, processes: int, mutants: bool) -> None:
    """Prove the rule of the engine on the complete small world."""
    console = Console()
    if mutants:
        deaths = search([name for name, mutant in MUTANTS.items() if mutant.breaks_serializability], processes)
        console.print(_death_table(deaths))
        sys.exit(any(death.case is None for death in deaths))
    proof = prove(every, offset, interleavings, processes)
    console.print(_proof_table(proof))
    for example in _examples(proof):
        console.print(example, markup=False, soft_wrap=True)
    sys.exit(not proof.holds)


if __name__ == "__main__":
    main()
