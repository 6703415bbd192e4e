"""All of a small world through the real engine: each history judged, each refusal measured.

A history is what clients know: their programs, who committed, what each of those saw, who was over before whom
began, and what a last scan finds. It is judged by brute force: some order of the committed transactions, true to
real time, has to give each of them what it saw and leave what the scan found. The same history is judged once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from engine import Conflict, Database
from engine.proof.worlds.refusals import Conflicts, Refusals, closes_cycle, validate_read_sets
from engine.proof.worlds.world import INITIAL_VALUE, VALUES, Case, Program, Seen, World, serial_orders

__all__ = ["Ran", "Refused", "Tally", "explore", "first_bad_case", "is_explained", "run_case"]

State: TypeAlias = tuple[tuple[bytes, bytes], ...]


class Refused(NamedTuple):
    """A refusal: of whom, beside which committed transactions (a bit mask), and the engine's reason."""

    name: int
    committed: int
    reason: str


class Ran(NamedTuple):
    """What a case came to. `seen` is None for refused transactions, `committed` a bit mask."""

    seen: tuple[Seen | None, ...]
    committed: int
    refusals: list[Refused]
    final: State


@dataclass
class Tally:
    """What was found in a world or a part of it."""

    cases: int = 0
    histories: int = 0  # distinct ones
    bad: int = 0  # cases whose history has no explanation
    first_bad: int | None = None  # the smallest number of such a case
    lost_updates: Refusals = field(default_factory=Refusals)  # step 1: first committer wins
    dangerous: Refusals = field(default_factory=Refusals)  # steps 2 and 3
    read_sets: Refusals = field(default_factory=Refusals)  # what plain validation of read sets would refuse

    def add(self, other: Tally) -> None:
        """Count what was found in another part of the same world."""
        self.cases += other.cases
        self.histories += other.histories
        self.bad += other.bad
        if other.first_bad is not None:
            self.first_bad = other.first_bad if self.first_bad is None else min(self.first_bad, other.first_bad)
        self.lost_updates.add(other.lost_updates)
        self.dangerous.add(other.dangerous)
        self.read_sets.add(other.read_sets)


def explore(world: World, every: int = 1, offset: int = 0, database_class: type[Database] = Database) -> Tally:
    """Run and judge the cases of each `every`-th tuple of programs from `offset` on."""
    tally = Tally()
    for place in range(offset, len(world.tuples), every):
        _explore_tuple(world, place, database_class, tally)
    return tally


def first_bad_case(world: World, database_class: type[Database]) -> int | None:
    """The number of the first case that has no explanation; None where the whole world has none."""
    for place in range(len(world.tuples)):
        tally = Tally()
        _explore_tuple(world, place, database_class, tally)
        if tally.first_bad is not None:
            return tally.first_bad
    return None


def run_case(case: Case, database_class: type[Database] = Database) -> Ran:
    """Run one case on a database of its own."""
    return _run(case.programs, case.schedule.events, _pairs(case.initial), database_class)


def is_explained(case: Case, ran: Ran) -> bool:
    """Whether what clients know of the case is strictly serializable, judged by brute force."""
    for order in serial_orders(case.schedule.precedence[ran.committed], ran.committed, len(case.programs)):
        state = dict(_pairs(case.initial))
        replayed = all(case.programs[name].replays(state, VALUES[name], ran.seen[name]) for name in order)
        if replayed and tuple(sorted(state.items())) == ran.final:
            return True
    return False


def _explore_tuple(world: World, place: int, database_class: type[Database], tally: Tally) -> None:
    programs = world.tuple_of_programs(place)
    conflicts = Conflicts.between(programs)
    initials = [(keys, _pairs(keys)) for keys in world.initials]
    judged: dict[tuple[object, ...], bool] = {}
    number = place * world.cases_per_tuple
    for schedule in world.schedules:
        successors = conflicts.successors(schedule)
        # Plain validation does not look at values, so that it does the same from every initial state.
        validate_read_sets(programs, schedule, conflicts, successors, tally.read_sets, len(initials))
        for keys, pairs in initials:
            ran = _run(programs, schedule.events, pairs, database_class)
            for refused in ran.refusals:
                kind = tally.lost_updates if refused.reason.startswith("write conflict") else tally.dangerous
                kind.count(closes_cycle(successors, refused.committed, refused.name))
            history = (keys, schedule.precedence[ran.committed], ran.seen, ran.final)
            explained = judged.get(history)
            if explained is None:
                judged[history] = explained = is_explained(Case(programs, schedule, keys), ran)
            if not explained:
                tally.bad += 1
                tally.first_bad = number if tally.first_bad is None else tally.first_bad
            number += 1
    tally.cases += world.cases_per_tuple
    tally.histories += len(judged)


def _run(programs: Sequence[Program], events: Sequence[int], initial: State, database_class: type[Database]) -> Ran:
    database = database_class.open()
    if initial:
        database.put_batch(initial)
    begin = database.begin_transaction
    running: dict[int, Any] = {}
    seen: list[Seen | None] = [None] * len(programs)
    refusals = []
    committed = 0
    for event in events:
        if event >= 0:
            running[event] = transaction = begin()
            seen[event] = programs[event].perform(transaction, VALUES[event])
            continue
        name = ~event
        try:
            running[name].commit()
        except Conflict as conflict:
            # What a refused transaction read is not valid.
            seen[name] = None
            refusals.append(Refused(name, committed, conflict.reason))
        else:
            committed |= 1 << name
    return Ran(tuple(seen), committed, refusals, tuple(database.scan()))


def _pairs(keys: Sequence[bytes]) -> State:
    return tuple((key, INITIAL_VALUE) for key in keys)
