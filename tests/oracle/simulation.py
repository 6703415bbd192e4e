"""A simulated database of a chosen isolation level and with chosen bugs, and clients that take turns at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.history import UNSEEN, Op, Status, Txn

from .choices import Choices, any_status, shuffled

__all__ = ["BUGS", "LEVELS", "simulate"]

# What a read sees of others, and what happens to appends before their transaction ends.
LEVELS = ("serial", "snapshot", "unguarded snapshot", "stale snapshot", "forked snapshot", "read committed", "none")

# Each bug bites now and then, in a history that has it.
BUGS = (
    "dirty read",
    "lost commit",
    "aborted visible",
    "applied twice",
    "swapped elements",
    "garbage",
    "own appends missing",
    "later append visible",
    "torn commit",
)

_NEVER_APPENDED = 900


def simulate(
    choices: Choices, programs: Sequence[list[Op]], *, clients: int, level: str, bugs: Sequence[str]
) -> list[Txn]:
    """Run the programs, reads yet without results, in turns: the transactions in the order of their starts."""
    database = _Database(choices, level=level, bugs=bugs)
    return _Simulation(choices, database, list(programs), clients).run()


@dataclass
class _Running:
    """A transaction on its way: what is still to do, what it saw, and what it is allowed to see."""

    row: int
    client: int
    start: int
    program: list[Op]
    snapshot: int
    done: list[Op] = field(default_factory=list)
    snapshot_of_key: dict[str, int] = field(default_factory=dict)

    def appends(self, key: str) -> list[int]:
        return [op.value for op in self.done if op.kind == "append" and op.key == key]


class _Database:
    """A log of (row, key, element) in the order in which appends took effect, read at some level."""

    def __init__(self, choices: Choices, *, level: str, bugs: Sequence[str]) -> None:
        self.choices = choices
        self.level = level
        self.bugs = bugs
        self.log: list[tuple[int, str, int]] = []
        self.running: dict[int, _Running] = {}  # By client.
        self.late: list[_Running] = []  # Transactions of unknown fate that take effect later.

    def bites(self, bug: str) -> bool:
        """Whether this bug shows here."""
        return bug in self.bugs and self.choices.below(3) == 2

    def snapshot(self) -> int:
        """The length of the log that a transaction beginning now may read."""
        return self.choices.below(len(self.log) + 1) if self.level == "stale snapshot" else len(self.log)

    def step(self, txn: _Running) -> None:
        """Run the next operation of `txn`."""
        op = txn.program[len(txn.done)]
        if op.kind == "append" and self.level == "none":
            self.log.append((txn.row, op.key, op.value))
        txn.done.append(Op("r", op.key, self._read(txn, op.key)) if op.kind == "r" else op)

    def _read(self, txn: _Running, key: str) -> list[int]:
        seen = [element for _, at, element in self._visible(txn, key) if at == key]
        if self.bites("dirty read"):
            seen += [element for other in self.running.values() if other is not txn for element in other.appends(key)]
        if not self.bites("own appends missing"):
            seen += [element for element in txn.appends(key) if element not in seen]
        return self._spoiled(txn, key, seen)

    def _visible(self, txn: _Running, key: str) -> list[tuple[int, str, int]]:
        if self.level in {"read committed", "none"}:
            return self.log
        if self.level == "forked snapshot":
            return self.log[: txn.snapshot_of_key.setdefault(key, self.choices.below(txn.snapshot + 1))]
        return self.log[: txn.snapshot]

    def _spoiled(self, txn: _Running, key: str, seen: list[int]) -> list[int]:
        if self.bites("swapped elements"):
            seen = shuffled(self.choices, seen)
        if self.bites("garbage"):
            seen = [*seen, _NEVER_APPENDED + self.choices.below(2)]
        if self.bites("later append visible"):
            later = [op.value for op in txn.program[len(txn.done) :] if op.kind == "append" and op.key == key]
            seen = seen + later[:1]
        return seen

    def finish(self, txn: _Running) -> Status:
        """Decide the fate of a transaction that ran all its operations, and let it take effect, or not."""
        status = Status.ABORTED if self._lost_the_race(txn) else any_status(self.choices)
        if status == Status.ABORTED:
            applied = self.bites("aborted visible")
        else:
            applied = not self.bites("lost commit")
        fate = self.choices.below(3) if status == Status.UNKNOWN else 0
        if fate == 2 and self.level not in {"serial", "none"}:
            self.late.append(txn)
        self._settle(txn, applied=applied and fate == 0)
        return status

    def _lost_the_race(self, txn: _Running) -> bool:
        """First committer wins: another transaction's append to a key of this one took effect since it began."""
        written = {op.key for op in txn.done if op.kind == "append"}
        return self.level == "snapshot" and any(key in written for _, key, _ in self.log[txn.snapshot :])

    def apply_late(self) -> None:
        """Let a transaction of unknown fate that has ended take effect, where it still may."""
        txn = self.late.pop()
        if not self._lost_the_race(txn):
            self.apply(txn)

    def _settle(self, txn: _Running, *, applied: bool) -> None:
        if self.level == "none":
            self.log = [entry for entry in self.log if applied or entry[0] != txn.row]
        elif applied:
            self.apply(txn)

    def apply(self, txn: _Running) -> None:
        """Put the appends of `txn` at the end of the log, or anywhere where a bug does so."""
        for op in txn.done:
            if op.kind == "append":
                torn = self.bites("torn commit")
                place = self.choices.below(len(self.log) + 1) if torn else len(self.log)
                self.log[place:place] = [(txn.row, op.key, op.value)] * (2 if self.bites("applied twice") else 1)


class _Simulation:
    """Clients that take turns; time goes on with each step, or stands still for one."""

    def __init__(self, choices: Choices, database: _Database, programs: list[list[Op]], clients: int) -> None:
        self.choices = choices
        self.database = database
        self.waiting = list(enumerate(programs))
        self.clients = clients
        self.clock = 0
        self.ended_at: dict[int, int] = {}
        self.txns: list[Txn] = []

    def run(self) -> list[Txn]:
        """Run all programs; the transactions in the order of their starts."""
        database = self.database
        while self.waiting or database.running:
            self.clock += self.choices.below(2)
            if database.late and self.choices.below(4) == 3:
                database.apply_late()
            client = self.choices.below(self.clients)
            if client in database.running:
                self._advance(database.running[client])
            elif self.waiting:
                self._begin(client)
            else:
                self._advance(next(iter(database.running.values())))
        return sorted(self.txns, key=lambda txn: (txn.start, txn.id))

    def _begin(self, client: int) -> None:
        if self.clock == self.ended_at.get(client):
            self.clock += 1
        row, program = self.waiting.pop(0)
        running = _Running(row, client, self.clock, program, self.database.snapshot())
        self.database.running[client] = running

    def _advance(self, txn: _Running) -> None:
        database = self.database
        if database.level == "serial" and self.choices.below(2) == 0:
            txn.snapshot = len(database.log)
            while len(txn.done) < len(txn.program):
                database.step(txn)
            self._end(txn)
        elif database.level == "serial":
            self.clock += 1
        elif len(txn.done) < len(txn.program):
            database.step(txn)
        else:
            self._end(txn)

    def _end(self, txn: _Running) -> None:
        status = self.database.finish(txn)
        del self.database.running[txn.client]
        self.ended_at[txn.client] = self.clock
        known = self.choices.below(len(txn.done) + 1) if status == Status.UNKNOWN else len(txn.done)
        ops = [
            op if place < known or op.kind == "append" else op._replace(value=UNSEEN)
            for place, op in enumerate(txn.done)
        ]
        self.txns.append(Txn(txn.row, txn.client, tuple(ops), status, txn.start, self.clock))
