"""Every way in which a few small transactions can meet, up to the names of keys and transactions.

Under snapshot isolation all reads of a transaction come from one snapshot and all its writes take effect at one
moment, so that only two moments of its life matter: its first operation and its commit, as the module `reduction`
tries. A case of a world is therefore

    programs   per transaction a non-empty set of operations, all performed at its start: reads, scan, writes
    schedule   an order of all starts and commits; transactions are numbered in the order of their starts
    initial    the keys that have a value before

Two cases that differ only in the names of the keys are one: of all renamings of a tuple of programs, the smallest
stands for all. A world is finite and its cases are numbered, so that one number names a case for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from itertools import permutations, product
from typing import Any, Final, NamedTuple, TypeAlias

from engine.ssi import KeyRange

__all__ = [
    "FOUR_TRANSACTIONS",
    "INITIAL_VALUE",
    "THREE_TRANSACTIONS",
    "VALUES",
    "Case",
    "Program",
    "Schedule",
    "Seen",
    "World",
    "serial_orders",
]

Seen: TypeAlias = tuple[Any, ...]  # what the reads returned in their order, then what the scan returned as a tuple

INITIAL_VALUE: Final = b"0"
VALUES: Final = (b"1", b"2", b"3", b"4")  # what each transaction puts


class Program(NamedTuple):
    """What one transaction does: it reads, it scans one range or none, it writes."""

    reads: tuple[bytes, ...]
    scan: KeyRange | None
    puts: tuple[bytes, ...]
    deletes: tuple[bytes, ...]
    keys_read: frozenset[bytes]
    keys_written: frozenset[bytes]

    def perform(self, transaction: Any, value: bytes) -> Seen:
        """Do all of it in a transaction that then waits for its commit; returns what was seen."""
        seen = [transaction.get(key) for key in self.reads]
        if self.scan is not None:
            seen.append(tuple(transaction.scan(*self.scan)))
        for key in self.puts:
            transaction.put(key, value)
        for key in self.deletes:
            transaction.delete(key)
        return tuple(seen)

    def replays(self, state: dict[bytes, bytes], value: bytes, seen: Seen | None) -> bool:
        """Whether it sees just that in `state`, which it then changes."""
        expected: list[Any] = [state.get(key) for key in self.reads]
        if self.scan is not None:
            expected.append(tuple(pair for pair in sorted(state.items()) if pair[0] in self.keys_read))
        if tuple(expected) != seen:
            return False
        for key in self.puts:
            state[key] = value
        for key in self.deletes:
            state.pop(key, None)
        return True

    def steps(self, name: int) -> list[str]:
        """Its steps in the notation of `engine.proof.schedule`."""
        return [
            *(f"r{name}{key.decode()}" for key in self.reads),
            *([] if self.scan is None else [f"s{name}{min(self.keys_read).decode()}~"]),
            *(f"w{name}{key.decode()}" for key in self.puts),
            *(f"d{name}{key.decode()}" for key in self.deletes),
        ]


class Schedule(NamedTuple):
    """An order of starts and commits. Sets of transactions are bit masks, one per transaction or per mask."""

    events: tuple[int, ...]  # i: transaction i starts; ~i: it commits
    after: tuple[int, ...]  # those that start after i has committed
    concurrent: tuple[int, ...]  # those of which one starts before the other commits
    outlasting: tuple[int, ...]  # of the concurrent, those that commit after i
    precedence: tuple[int, ...]  # [mask]: a number that stands for `after` among the transactions of the mask

    @classmethod
    def of(cls, events: Sequence[int]) -> Schedule:
        """The schedule with these events."""
        names = range(len(events) // 2)
        start = [events.index(name) for name in names]
        commit = [events.index(~name) for name in names]
        after = [_mask(other for other in names if start[other] > commit[name]) for name in names]
        concurrent = [
            _mask(o for o in names if o != n and start[o] < commit[n] and start[n] < commit[o]) for n in names
        ]
        outlasting = [concurrent[n] & _mask(o for o in names if commit[o] > commit[n]) for n in names]
        precedence = [
            sum((after[name] & mask) << name * len(names) for name in names if mask >> name & 1)
            for mask in range(1 << len(names))
        ]
        return cls(tuple(events), tuple(after), tuple(concurrent), tuple(outlasting), tuple(precedence))


class Case(NamedTuple):
    """One case of a world."""

    programs: tuple[Program, ...]
    schedule: Schedule
    initial: tuple[bytes, ...]

    def text(self) -> tuple[str, str]:
        """The schedule and the initial keys as `engine.proof.schedule.run` takes them."""
        steps = []
        for event in self.schedule.events:
            steps += self.programs[event].steps(event + 1) if event >= 0 else [f"c{~event + 1}"]
        return " ".join(steps), b"".join(self.initial).decode()


class World:
    """All cases of `transaction_count` transactions of up to `operation_count_max` operations over `keys`."""

    def __init__(
        self,
        name: str,
        transaction_count: int,
        operation_count_max: int,
        keys: tuple[bytes, ...],
        scan: KeyRange,
        deletes: bool,
        initials: tuple[tuple[bytes, ...], ...],
    ) -> None:
        """`scan` has to cover all keys: it must mean the same when they are renamed."""
        self.name = name
        self.keys = keys
        self.initials = initials
        self.programs = tuple(_programs(operation_count_max, keys, scan, deletes))
        self.schedules = tuple(Schedule.of(events) for events in _event_orders(transaction_count))
        self._transaction_count = transaction_count

    @cached_property
    def tuples(self) -> list[tuple[int, ...]]:
        """For each tuple of programs that is the smallest of its renamings: the places of its programs."""
        place = {program: number for number, program in enumerate(self.programs)}
        renamings = [
            [place[_renamed(program, dict(zip(self.keys, names, strict=True)))] for program in self.programs]
            for names in permutations(self.keys)
        ]
        return list(_smallest(self._transaction_count, renamings))

    @property
    def cases_per_tuple(self) -> int:
        """Schedules times initial states."""
        return len(self.schedules) * len(self.initials)

    def case(self, number: int) -> Case:
        """The case with this number. Tuples vary slowest, initial states fastest."""
        place, rest = divmod(number, self.cases_per_tuple)
        schedule, initial = divmod(rest, len(self.initials))
        return Case(self.tuple_of_programs(place), self.schedules[schedule], self.initials[initial])

    def tuple_of_programs(self, place: int) -> tuple[Program, ...]:
        """The programs of the tuple at `place`."""
        return tuple(self.programs[number] for number in self.tuples[place])


@cache
def serial_orders(precedence: int, committed: int, transaction_count: int) -> tuple[tuple[int, ...], ...]:
    """All orders of the transactions in the mask `committed` that keep a `Schedule.precedence`."""
    names = [name for name in range(transaction_count) if committed >> name & 1]
    return tuple(
        order
        for order in permutations(names)
        if not any(
            precedence >> later * transaction_count >> earlier & 1
            for place, later in enumerate(order)
            for earlier in order[:place]
        )
    )


def _programs(operation_count_max: int, keys: tuple[bytes, ...], scan: KeyRange, deletes: bool) -> Iterator[Program]:
    """All non-empty sets of operations; a key is written once."""
    for read, scanned, written in product(
        product((False, True), repeat=len(keys)),
        (False, True),
        product(("", "put", "delete") if deletes else ("", "put"), repeat=len(keys)),
    ):
        reads, puts, deleted = (
            tuple(key for key, choice in zip(keys, choices, strict=True) if choice == kind)
            for choices, kind in ((read, True), (written, "put"), (written, "delete"))
        )
        if 0 < len(reads) + scanned + len(puts) + len(deleted) <= operation_count_max:
            keys_read = frozenset(keys if scanned else reads)
            yield Program(reads, scan if scanned else None, puts, deleted, keys_read, frozenset(puts + deleted))


def _renamed(program: Program, names: dict[bytes, bytes]) -> Program:
    reads, puts, deletes = (
        tuple(sorted(names[key] for key in keys)) for keys in (program.reads, program.puts, program.deletes)
    )
    keys_read, keys_written = (
        frozenset(names[k] for k in keys) for keys in (program.keys_read, program.keys_written)
    )
    return Program(reads, program.scan, puts, deletes, keys_read, keys_written)


def _smallest(length: int, renamings: list[list[int]]) -> Iterator[tuple[int, ...]]:
    """The tuples that no renaming makes smaller: where one first differs, it must be larger."""
    if length == 0:
        yield ()
        return
    for first in range(len(renamings[0])):
        if all(renaming[first] >= first for renaming in renamings):
            # A renaming that changes the first is decided, whatever follows.
            undecided = [renaming for renaming in renamings if renaming[first] == first]
            for rest in _smallest(length - 1, undecided):
                yield (first, *rest)


def _event_orders(count: int, started: int = 0, running: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """All orders of `count` starts, in the order of their numbers, and as many commits behind their starts."""
    if started == count and not running:
        yield ()
    if started < count:
        for rest in _event_orders(count, started + 1, (*running, started)):
            yield (started, *rest)
    for name in running:
        for rest in _event_orders(count, started, tuple(other for other in running if other != name)):
            yield (~name, *rest)


def _mask(names: Iterator[int]) -> int:
    return sum(1 << name for name in names)


THREE_TRANSACTIONS: Final = World(
    "3 on 2 keys",
    transaction_count=3,
    operation_count_max=3,
    keys=(b"x", b"y"),
    scan=(b"x", b"z"),
    deletes=True,
    initials=((), (b"x",), (b"y",), (b"x", b"y")),
)
FOUR_TRANSACTIONS: Final = World(
    "4 on 3 keys",
    transaction_count=4,
    operation_count_max=2,
    keys=(b"x", b"y", b"z"),
    scan=(b"", None),
    deletes=False,
    initials=((),),
)
