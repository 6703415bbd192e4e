"""A generated run: what a seed makes a database go through, while a ledger keeps account of what has to last.

Actions come from a table (`engine.proof.crashes.crash_actions`); each is a function of the run. They commit through
`Run.commit`, so that the ledger knows of every commit before it reaches the disk and after it was acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final, NamedTuple, cast

from engine.commit_log import CommitLog
from engine.database import Database
from engine.index import Writes
from engine.memory_vfs import MemoryVfs
from engine.proof.crashes.guests import Guests
from engine.proof.crashes.ledger import Ledger, StoppedClock, Wrong
from engine.proof.watched import WatchedVfs

__all__ = ["PATH", "Action", "Run", "Violation"]

PATH: Final = "/data/base"
_SEGMENT_LENGTHS: Final = (300, 300, 3_000, 64 << 20)
_CHECKPOINT_LENGTHS: Final = (0, 0, 2_000)  # 0: only when it is asked for


class Violation(Exception):
    """The database itself showed something that is not allowed, without any crash."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(f"{wrong.kind}: {wrong.detail}")
        self.wrong = wrong


class Action(NamedTuple):
    """What may happen in a run, and how often compared with the others.

    Where `may_be_refused`, a failing disk may refuse it with an OSError that changes nothing.
    """

    act: Callable[[Run], None]
    weight: int
    may_be_refused: bool = False


class Run:
    """One database on one disk, and the ledger of its commits. `database` is None while none is open."""

    def __init__(self, seed: int, database_class: type[Database], vfs: WatchedVfs) -> None:
        self.random = Random(seed)
        self.vfs = vfs
        self.clock = StoppedClock()
        self.ledger = Ledger(self.clock)
        self.database_class = _repeatable(
            database_class, self.random.choice(_SEGMENT_LENGTHS), self.random.randbytes(16)
        )
        self.checkpoint_length = self.random.choice(_CHECKPOINT_LENGTHS)
        self.database: Database | None = None
        self.sync = "full"
        self.sync_modes: tuple[str, ...] = ("full", "full", "normal", "off")
        self._guests = Guests()

    def play(self, actions: Mapping[str, Action], count: int) -> None:
        """Open and do `count` actions as the seed chooses. Raises Violation, or what the database raised."""
        self.open()
        weights = [action.weight for action in actions.values()]
        for action in self.random.choices(list(actions.values()), weights, k=count):
            try:
                action.act(self)
            except OSError:
                if not action.may_be_refused:
                    raise
            self.check()

    def open(self) -> None:
        """Open at a random sync mode. What is shown then has to last."""
        self.sync = self.random.choice(self.sync_modes)
        self.database = self.database_class.open(
            PATH,
            self.sync,
            vfs=self.vfs,
            clock=self.clock,
            latches=self._guests.latches,
            checkpoint_length=self.checkpoint_length,
        )
        found = dict(self.database.scan())
        kept = self.ledger.match(found, self.ledger.acknowledged)
        if kept is None:
            raise Violation(self.ledger.explain(found, self.ledger.acknowledged))
        self.ledger.restart(kept)
        self.let_end()

    def close(self) -> None:
        """Close cleanly: everything is safe then."""
        self.opened.close()
        self.database = None
        self.ledger.acknowledge(len(self.ledger.commits), safe=True)

    def crash(self, disk: MemoryVfs, least: int) -> None:
        """Give up the database for a disk that has at least the first `least` commits."""
        self.database = None
        self.vfs.disk = disk
        self.ledger.acknowledged = least

    def check(self) -> None:
        """Compare what the database shows with what it was given."""
        found = dict(self.opened.scan())
        if found != self.ledger.contents(len(self.ledger.commits)):
            raise Violation(self.ledger.explain(found, len(self.ledger.commits)))
        self.opened._check()

    @property
    def opened(self) -> Database:
        """The database, which is open."""
        assert self.database is not None
        return self.database

    def commit(self, writes: Writes, act: Callable[[], object]) -> None:
        """Make the commit `act`, which has the effect `writes`."""
        number = self.ledger.begin(writes)
        act()
        self._acknowledge(number)

    def commit_in_company(self, writes: Writes, others: list[Writes]) -> None:
        """Commit, and while the leader is at the disk let other threads commit: they are the next group."""
        numbers: list[int] = []

        def put(writes: Writes) -> None:
            numbers.append(self.ledger.begin(writes))
            self.opened.put_batch((key, value) for key, value in writes.items() if isinstance(value, bytes))

        self._guests.invite([lambda writes=writes: put(writes) for writes in others])  # type: ignore[misc]
        try:
            put(writes)
            self._acknowledge(numbers[0])
        finally:
            committed = self._guests.see_off()
            for number in [number for number, done in zip(numbers[1:], committed, strict=True) if done]:
                self._acknowledge(number)

    def let_end(self) -> None:
        """Let the database delete what has ended by now, if there is anything."""
        due = self.ledger.due()
        if due:
            self.commit(due, self.opened.scan)

    def step(self) -> None:
        """To be called ahead of each step to the disk: here guests come."""
        self._guests.arrive()

    def _acknowledge(self, number: int) -> None:
        if self.sync != "off":
            self.ledger.acknowledge(number, safe=self.sync == "full")


def _repeatable(database_class: type[Database], segment_length_max: int, database_id: bytes) -> type[Database]:
    """The same database with short segments, and with the same identity whenever it is made: the same bytes."""
    log_class = database_class.log_class
    initialize: Callable[..., None] = log_class.__init__

    def start(log: CommitLog, *arguments: Any) -> None:
        *others, _ = arguments  # The last one is a random identity.
        initialize(log, *others, database_id)

    repeatable = type(log_class.__name__, (log_class,), {"segment_length_max": segment_length_max, "__init__": start})
    return cast("type[Database]", type(database_class.__name__, (database_class,), {"log_class": repeatable}))
