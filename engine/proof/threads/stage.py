"""One run of a scenario in one order, and the judgement. Whatever the order, this holds:

    every thread comes to its end
    no error is reported without a conflict, a close or an injected fault; after a failed flush nothing works
    what was acknowledged is strictly serializable, together with the state at the end
    a power loss at any moment keeps what was acknowledged, and what an acknowledged reader saw

Power is lost before every step of the disk and behind every acknowledgement: the disk then has nothing of what was
not synced, or some of it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Final, NamedTuple

from engine.database import MEMORY, Database
from engine.errors import Conflict, DatabaseClosed, EngineError, Poisoned, Unusable
from engine.memory_vfs import MemoryVfs
from engine.proof.schedule import Ran
from engine.proof.threads.evidence import EVERYTHING, FOREVER, Evidence, Pairs
from engine.proof.threads.scenario import Fault, Scenario
from engine.proof.threads.turns import Choose, Deadlock, Endless, Turn, Turns
from engine.proof.watched import WatchedVfs
from engine.transaction import Transaction

__all__ = ["Outcome", "run_scenario"]

_DIRECTORY: Final = "/db"
_FLUSHING: Final = frozenset({"flush", "write", "sync"})  # where a fault leaves what is on the disk in doubt
_COMMIT: Final = "c"
_ABORT: Final = "a"
_DEFER: Final = "defer"
_WRITE: Final = "write"  # Not a place to stop at: before the sync behind it nobody can tell.


class Outcome(NamedTuple):
    """What was wrong (empty: nothing) and the turns that led there."""

    wrong: str
    order: tuple[Turn, ...]


def run_scenario(scenario: Scenario, database_class: type[Database], choose: Choose, seed: int = 0) -> Outcome:
    """Run it once, in the order that `choose` decides. `seed` draws the random steps and what a power loss keeps."""
    stage = _Stage(scenario, database_class, choose, Random(seed))
    wrong = stage.run()
    return Outcome(wrong, tuple(stage.turns.trace))


class _Stage:
    """The database, its disk and the clients of one run."""

    def __init__(self, scenario: Scenario, database_class: type[Database], choose: Choose, random: Random) -> None:
        self.turns = Turns(choose, self._strike)
        self.clock = count()
        self.evidence = Evidence(scenario.initial)
        self._scenario = scenario
        self._database_class = database_class
        self._random = random
        self._fault: Fault | None = None  # as long as it is to come
        self._passed = 0  # its place, how often
        self._struck = False
        self._running = False
        self._changes = 0  # of the disk and of what is acknowledged, together
        self._changes_seen = 0  # by the last power loss
        self._closing = False
        self._unexpected: list[str] = []
        self._disk = MemoryVfs()
        if scenario.durable:
            vfs = WatchedVfs(self._disk, self._before_disk_step)
            self.database = database_class.open(_DIRECTORY, vfs=vfs, latches=self.turns)
        else:
            self.database = database_class.open(MEMORY, latches=self.turns)
        self.database.put_batch([(key, b"0") for key in scenario.initial])

    def run(self) -> str:
        """Bring all threads to their ends; returns what was wrong."""
        programs = self._scenario.programs(self._random)
        clients = [_Client(chr(ord("a") + number), program, self) for number, program in enumerate(programs)]
        self._fault = self._scenario.fault
        self._running = True
        try:
            self.turns.run(*[client.run for client in clients])
        except Deadlock as deadlock:
            return f"all wait for each other: {deadlock}"
        except Endless as endless:
            return str(endless)
        self._fault = None
        self._lose_power()
        return next(self._complaints(), "")

    # Told by the clients

    def acknowledge(self, ran: Ran) -> None:
        """A commit returned."""
        self.evidence.acknowledge(ran._replace(end=next(self.clock), outcome="committed"))
        self._changes += 1
        self._lose_power()

    def call(self, method: str) -> None:
        """A client calls a method of the database that is no transaction."""
        self._closing |= method == "close"
        getattr(self.database, method)()

    def report(self, client: str, error: BaseException) -> None:
        """A client came to its end by an error."""
        expected = (
            (isinstance(error, Poisoned) and self._struck)
            or (isinstance(error, DatabaseClosed) and self._closing)
            or (isinstance(error, KeyboardInterrupt) and self._struck)
        )
        if not expected:
            self._unexpected.append(f"{client} ended with {type(error).__name__}: {error}")

    # Told by the engine

    def _strike(self, place: str) -> None:
        if self._fault is None or self._fault.place != place:
            return
        self._passed += 1
        if self._passed == self._fault.number:
            error = self._fault.error
            self._fault = None
            self._struck = True
            raise error(errno.EIO, "injected") if error is OSError else error("injected")

    def _before_disk_step(self, step: str, path: str) -> None:
        self._lose_power()
        if step == _WRITE:
            self._strike(step)
        else:
            self.turns.stop(step)
        self._changes += 1

    def _lose_power(self) -> None:
        """Keep what a disk would have, if there is one and anything is new."""
        if not self._scenario.durable or not self._running or self._changes == self._changes_seen:
            return
        self._changes_seen = self._changes
        disks = [self._disk.after_crash(lambda change: False)]
        if self._disk.unsynced():
            disks.append(self._disk.after_crash(lambda change: self._random.random() < 0.5))
        self.evidence.lose_power(*disks)

    # The end

    def _complaints(self) -> Iterator[str]:
        yield from self._unexpected
        fault = self._scenario.fault
        if self._struck and fault is not None and fault.place in _FLUSHING and not self._refuses():
            yield "the engine goes on after a flush that failed"
        try:
            if not self._struck and not self._closing:
                self.database._check()
            state = self._state()
        except (AssertionError, EngineError, OSError, ValueError) as error:
            yield f"at the end: {error}"
            return
        yield from self.evidence.complaints(state, self._reopened)

    def _refuses(self) -> bool:
        try:
            self.database.get("x")
        except Unusable:
            return True
        return False

    def _state(self) -> Pairs | None:
        """All keys at the end; None where they went with the memory they were in."""
        if not self._struck and not self._closing:
            return self.database.scan(*EVERYTHING)
        if not self._scenario.durable:
            return None
        # A closed database has given up its directory; a poisoned one is left as if its process had died.
        return self._reopened(self._disk if self._closing else self._disk.after_crash(lambda change: True))

    def _reopened(self, disk: MemoryVfs) -> Pairs:
        return self._database_class.open(_DIRECTORY, vfs=disk).scan(*EVERYTHING)


class _Client:
    """One thread: runs its program and tells the stage what it was told."""

    def __init__(self, name: str, program: list[str], stage: _Stage) -> None:
        self._name = name
        self._program = program
        self._stage = stage
        self._transaction: Transaction | None = None  # the open one
        self._count = 0  # of transactions
        self._ran = Ran("", [], 0, FOREVER, "")

    def run(self) -> None:
        """The whole program, or up to the first error that is not a Conflict."""
        try:
            for step in self._program:
                self._do(step)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 — the stage knows which may happen.
            self._stage.report(self._name, error)

    def _do(self, step: str) -> None:
        if step == _DEFER:
            self._begin(deferrable=True)
        elif len(step) > 2:
            self._stage.call(step)
        elif step[0].isupper():
            self._note()
            self._stage.evidence.call(self._ran)
            self._access(self._stage.database, step[0].lower(), step[1])
            self._stage.acknowledge(self._ran)
        elif step == _COMMIT:
            self._commit(self._transaction or self._begin())
        elif step == _ABORT:
            (self._transaction or self._begin()).abort()
            self._transaction = None
        else:
            if self._transaction is not None and step[0] in "rs":
                self._stage.turns.stop("read")  # It takes no lock, and looks at what others change.
            self._access(self._transaction or self._begin(), step[0], step[1])

    def _note(self) -> None:
        self._ran = Ran(f"{self._name}{self._count}", [], next(self._stage.clock), FOREVER, "")
        self._count += 1

    def _begin(self, *, deferrable: bool = False) -> Transaction:
        self._note()
        self._transaction = self._stage.database.begin_transaction(read_only=deferrable, deferrable=deferrable)
        return self._transaction

    def _commit(self, transaction: Transaction) -> None:
        self._transaction = None
        self._stage.evidence.call(self._ran)
        try:
            transaction.commit()
        except Conflict:
            self._stage.evidence.refuse(self._ran)
        else:
            self._stage.acknowledge(self._ran)

    def _access(self, where: Transaction | Database, kind: str, key: str) -> None:
        """One read or write, in a transaction or as one."""
        steps = self._ran.steps
        if kind == "r":
            steps.append((kind, key, where.get(key)))
        elif kind == "s":
            steps.append((kind, key + EVERYTHING[1], where.scan(key, EVERYTHING[1])))
        elif kind == "w":
            value = f"{self._ran.name}.{len(steps)}".encode()
            steps.append((kind, key, value))  # First: it may happen without a word.
            where.put(key, value)
        else:
            steps.append((kind, key, None))
            where.delete(key)
