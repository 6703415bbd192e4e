"""The scenarios in which races inside the engine show, and the search for an order of threads that breaks one.

Two threads are run in every order within the scenario's bound of preemptions. More threads, and random steps, are
run in orders drawn by seeds.
"""

from __future__ import annotations

from itertools import groupby
from random import Random
from typing import Final, NamedTuple

from engine.database import Database
from engine.proof.threads.orders import along, every_order, seeded
from engine.proof.threads.scenario import Fault, Scenario
from engine.proof.threads.stage import Outcome, run_scenario
from engine.proof.threads.turns import Turn

__all__ = ["SCENARIOS", "Race", "Search", "find_race", "repeat_race", "search_orders", "search_seeds"]

_DYING = "nobody is acknowledged that is not safe, nobody waits for ever, and the engine refuses from then on"

SCENARIOS: Final[dict[str, Scenario]] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="begin-against-commit",
            sentence="a write skew is refused also where one side begins while the other commits",
            threads=("rx wy c", "ry wx c"),
        ),
        Scenario(
            name="two-commits-on-one-key",
            sentence="of two that read and write one key at the same time, one is refused",
            threads=("rx wx c", "rx wx c"),
            initial="x",
        ),
        Scenario(
            name="pruning-against-new-snapshot",
            sentence="no version that a new snapshot reads is collected",
            threads=("rx ry c", "Wx Wx"),
            initial="xy",
        ),
        Scenario(
            name="stamps-against-new-snapshot",
            sentence="no stamp and no out-edge that a new snapshot is judged by is dropped",
            threads=("rx ry wx c", "Wy rx ry c"),
            initial="xy",
            preemptions_max=3,
        ),
        Scenario(
            name="range-against-insert",
            sentence="a write skew over a range is refused also where one side begins while the other commits",
            threads=("sx wx c", "sx wy c"),
        ),
        Scenario(
            name="group-commit",
            sentence="each is acknowledged when its own group is on the disk",
            threads=("Wx Wy", "Wy Wx"),
            durable=True,
            preemptions_max=2,
        ),
        Scenario(
            name="reader-against-flush",
            sentence="a reader is acknowledged when what it saw is on the disk",
            threads=("Wx", "rx c Rx"),
            initial="x",
            durable=True,
            preemptions_max=3,
        ),
        Scenario(
            name="dying-leader-sync",
            sentence=f"an fsync fails under the leader of a group: {_DYING}",
            threads=("Wx", "Wy"),
            durable=True,
            fault=Fault("sync", OSError),
            preemptions_max=3,
        ),
        Scenario(
            name="dying-leader-write",
            sentence=f"a write fails under the leader of a group: {_DYING}",
            threads=("Wx", "Wy"),
            durable=True,
            fault=Fault("write", OSError),
            preemptions_max=3,
        ),
        Scenario(
            name="interrupted-leader",
            sentence=f"the leader of a group is interrupted: {_DYING}",
            threads=("Wx", "Wy"),
            durable=True,
            fault=Fault("flush", KeyboardInterrupt),
            preemptions_max=3,
        ),
        Scenario(
            name="interrupted-before-leading",
            sentence=f"whoever becomes the leader is interrupted at once: {_DYING}",
            threads=("Wx", "Wy"),
            durable=True,
            fault=Fault("unlock flush", KeyboardInterrupt),
            preemptions_max=2,
        ),
        Scenario(
            name="interrupted-hand-over",
            sentence=f"a leader is interrupted while it hands over: {_DYING}",
            threads=("Wx", "Wy"),
            durable=True,
            fault=Fault("lock flush", KeyboardInterrupt, 2),
            preemptions_max=2,
        ),
        Scenario(
            name="close-against-commit",
            sentence="a commit is acknowledged and there after reopening, or it is an error",
            threads=("rx wx c", "close"),
            initial="x",
            durable=True,
            preemptions_max=3,
        ),
        Scenario(
            name="close-against-read",
            sentence="a reader sees what is safe, or is told that the database is closed",
            threads=("Rx rx ry c", "close"),
            initial="xy",
            durable=True,
            preemptions_max=3,
        ),
        Scenario(
            name="interrupted-follower",
            sentence="a thread is interrupted while it waits for the leader: the others do not notice",
            threads=("Wx", "Wy"),
            durable=True,
            fault=Fault("wait flush", KeyboardInterrupt),
            preemptions_max=3,
        ),
        Scenario(
            name="checkpoint-against-commit",
            sentence="what is acknowledged is in the checkpoint or in the log behind it",
            threads=("Wx", "checkpoint"),
            initial="x",
            durable=True,
            preemptions_max=2,
        ),
        Scenario(
            name="dying-checkpoint",
            sentence="a checkpoint that cannot make its file loses nothing",
            threads=("Wx checkpoint", "Wy"),
            initial="x",
            durable=True,
            fault=Fault("create", OSError),
            preemptions_max=2,
        ),
        Scenario(
            name="close-against-checkpoint",
            sentence="a checkpoint that is being made when another thread closes leaves a log that can be read",
            threads=("Wx checkpoint", "close"),
            initial="x",
            durable=True,
            preemptions_max=2,
        ),
        Scenario(
            name="dying-close",
            sentence="an fsync fails while the database is being closed: nobody is told that all is well",
            threads=("Wx", "close"),
            durable=True,
            fault=Fault("sync", OSError),
            preemptions_max=3,
        ),
        Scenario(
            name="deferrable-against-pivot",
            sentence="a deferrable reader waits until no pivot can make its snapshot dangerous, and not for ever",
            threads=("rx ry wx c", "Wy defer rx ry c"),
            initial="xy",
            preemptions_max=3,
        ),
        Scenario(
            name="deferrable-against-close",
            sentence="a deferrable reader that waits is told that the database was closed",
            threads=("rx ry wx close", "Wy defer rx ry c"),
            initial="xy",
            preemptions_max=3,
        ),
        Scenario(
            name="three-threads",
            sentence="random transactions are strictly serializable and safe when they are acknowledged",
            threads=("? c ? c", "? c ? c", "? c ? c"),
            initial="xyz",
            durable=True,
        ),
        Scenario(
            name="three-threads-in-memory",
            sentence="random transactions are strictly serializable without a log too",
            threads=("? c ? c", "? c ? a Sx", "? c ? c"),
            initial="x",
        ),
        Scenario(
            name="three-threads-dying-leader",
            sentence=f"a leader dies among random transactions: {_DYING}",
            threads=("? c Rx Wy", "? c ? c", "? c Wx ? c"),
            initial="xy",
            durable=True,
            fault=Fault("sync", OSError),
        ),
        Scenario(
            name="three-threads-checkpoint",
            sentence="checkpoints and deferrable readers come between random transactions",
            threads=("? c ? c", "? c checkpoint Rx", "? c defer sx c"),
            initial="xy",
            durable=True,
        ),
        Scenario(
            name="three-threads-closing",
            sentence="whoever is acknowledged while another thread closes is there after reopening",
            threads=("? c ? c", "? c Wx Rx", "? c close"),
            initial="xy",
            durable=True,
        ),
    )
}


class Race(NamedTuple):
    """An order of threads that breaks a scenario, found after `orders` orders. `repeat_race` runs it again."""

    scenario: str
    sentence: str
    order: tuple[Turn, ...]
    seed: int
    orders: int

    @property
    def witness(self) -> str:
        """`a: start, lock commit; b: start`: who went on, and from where."""
        threads = groupby(self.order, lambda turn: str(turn)[0])
        return "; ".join(f"{thread}: {', '.join(turn.place for turn in turns)}" for thread, turns in threads)


class Search(NamedTuple):
    """`orders` were run. `complete`: there are no others within the scenario's bound."""

    orders: int
    complete: bool
    race: Race | None


def find_race(database_class: type[Database], scenario: Scenario, budget: int) -> Race | None:
    """An order that breaks the scenario on this engine; None where `budget` orders, or all there are, do not."""
    search = search_seeds if scenario.is_random or len(scenario.threads) > 2 else search_orders
    return search(database_class, scenario, budget).race


def search_orders(database_class: type[Database], scenario: Scenario, budget: int) -> Search:
    """Up to `budget` orders, all different, those with the fewest preemptions first."""
    count = 0
    for order in every_order(scenario.preemptions_max):
        if count == budget:
            return Search(count, False, None)
        count += 1
        outcome = run_scenario(scenario, database_class, order)
        if outcome.wrong:
            return Search(count, False, _race(scenario, outcome, 0, count))
    return Search(count, True, None)


def search_seeds(database_class: type[Database], scenario: Scenario, budget: int) -> Search:
    """The orders and random steps of the seeds 1 to `budget`."""
    for seed in range(1, budget + 1):
        outcome = run_scenario(scenario, database_class, seeded(Random(seed)), seed)
        if outcome.wrong:
            return Search(seed, False, _race(scenario, outcome, seed, seed))
    return Search(budget, False, None)


def repeat_race(database_class: type[Database], race: Race) -> Outcome:
    """Run a race again. Raises OrderBroken where the engine does not come along its order any more."""
    return run_scenario(SCENARIOS[race.scenario], database_class, along(race.order), race.seed)


def _race(scenario: Scenario, outcome: Outcome, seed: int, count: int) -> Race:
    return Race(scenario.name, outcome.wrong, outcome.order, seed, count)
