"""Of a transaction's life only the first operation and the commit matter: full interleavings against reduced ones.

A complete world would be out of reach if every operation were a step of its own. Since reads come from the snapshot
of the first operation and writes stay in a buffer until the commit, all steps may move to the first one:

    full      r1x r2y w1y w2x c1 c2
    reduced   r1x w1y r2y w2x c1 c2

That is a claim about the engine, so it is tried: both forms of random interleavings have to give every operation the
same result, every transaction the same outcome, and the database the same final state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from engine import Database
from engine.proof.schedule import Ran, committed, is_strictly_serializable, random_schedule, run

__all__ = ["Comparison", "compare", "reduced"]


@dataclass
class Comparison:
    """How many random interleavings were run in both forms, and what was wrong with them."""

    interleavings: int = 0
    different: int = 0  # the two forms did not come to the same
    bad: int = 0  # what one of the forms committed is not strictly serializable
    example: tuple[str, str] | None = None  # schedule and initial keys of one that was different or bad

    def add(self, other: Comparison) -> None:
        """Count those of another seed."""
        self.interleavings += other.interleavings
        self.different += other.different
        self.bad += other.bad
        self.example = self.example or other.example


def compare(seed: int, count: int, database_class: type[Database] = Database) -> Comparison:
    """Run `count` random interleavings of two to four transactions, and their reduced forms."""
    random = Random(seed)
    found = Comparison()
    for _ in range(count):
        schedule, initial = random_schedule(random)
        full = run(schedule, initial, database_class=database_class)
        short = run(reduced(schedule), initial, database_class=database_class)
        different = _results(full) != _results(short)
        bad = not all(is_strictly_serializable(committed(ran), initial) for ran in (full, short))
        found.add(Comparison(1, different, bad, (schedule, initial) if different or bad else None))
    return found


def reduced(schedule: str) -> str:
    """The schedule with all steps of each transaction at the place of its first one, in their order."""
    tokens = schedule.split()
    moved: list[str] = []
    for token in tokens:
        if token[0] in "ca":
            moved.append(token)
        elif token not in moved:
            moved += [step for step in tokens if step[1] == token[1] and step[0] not in "ca"]
    return " ".join(moved)


def _results(ran: Sequence[Ran]) -> list[tuple[str, list[tuple[str, str, object]], str]]:
    """What each transaction saw and came to, in the order of their ends. The last scan is one of them."""
    # The numbers in a reason may depend on which of several reasons was met first.
    return [(one.name, one.steps, one.outcome.split(":")[0]) for one in ran]
