"""A toy multi-version database and a seeded scheduler that interleaves clients one operation at a time.

Levels: "serializable" (a snapshot, and at commit nothing that was read may have changed), "snapshot-isolation"
(a snapshot, the first to commit a key wins), "read-committed" (every operation reads the newest commit) and
"parallel-snapshot" (as snapshot-isolation, but each client hears late of the others' commits, and in any order
that keeps cause before effect).
`lost` is the share of acknowledged commits that are thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from harness.build import HistoryBuilder
from harness.history import KINDS, UNSEEN, History, Op, RunInfo, Status
from harness.program import Params, Program, Rollback, Workload

LEVELS = ("serializable", "snapshot-isolation", "read-committed")
KEEPS = {
    "serializable": "strict-serializable",
    "snapshot-isolation": "strong-snapshot-isolation",
    "read-committed": "strong-read-committed",
    "parallel-snapshot": "parallel-snapshot-isolation",
}
_JOINED = {kind.name for kind in KINDS if kind.joins}
CUT = "the log ends before the run did"


class Refused(Exception):
    """The transaction had no effect."""


@dataclass
class Transaction:
    """One open transaction: the commits it may see, what it read, and what it wants to write."""

    client: int
    snapshot: frozenset[int] | int
    reads: list[Any] = field(default_factory=list)
    writes: dict[Any, Any] = field(default_factory=dict)
    appends: dict[Any, list[Any]] = field(default_factory=dict)
    extended: dict[Any, int] = field(default_factory=dict)


class MockDatabase:
    """Keys to versions [(commit, value), ...], in the order of commits."""

    def __init__(self, level: str, rng: Random, lost: float = 0.0) -> None:
        self.level, self.rng, self.lost = level, rng, lost
        self.versions: dict[Any, list[tuple[int, Any]]] = {}
        self.commits = 0
        self.heard: dict[int, set[int]] = {}
        self.causes: dict[int, frozenset[int]] = {}

    def begin(self, client: int) -> Transaction:
        if self.level != "parallel-snapshot":
            return Transaction(client, self.commits)
        heard = self.heard.setdefault(client, set())
        for commit in range(1, self.commits + 1):
            if commit not in heard and self.rng.random() < 0.5:
                heard |= {commit, *self.causes[commit]}
        return Transaction(client, frozenset(heard))

    def step(self, txn: Transaction, op: Op) -> Op:
        match op.kind:
            case "r":
                txn.reads.append(op.key)
                return op._replace(value=self._read(txn, op.key))
            case "w":
                txn.writes[op.key] = op.value
            case "delete":
                txn.writes[op.key] = None
            case "append":
                txn.appends.setdefault(op.key, []).append(op.value)
                txn.extended.setdefault(op.key, self.commits)
            case "incr":
                txn.reads.append(op.key)
                txn.writes[op.key] = (self._read(txn, op.key) or 0) + op.value
                return op._replace(value=(op.value, txn.writes[op.key]))
            case "scan":
                txn.reads.append(op.key)
                low, high = op.key
                inside = sorted(key for key in {*self.versions, *txn.writes} if low <= key < high)
                found = {key: self._read(txn, key) for key in inside}
                return op._replace(value={key: value for key, value in found.items() if value is not None})
        return op

    def commit(self, txn: Transaction) -> None:
        written = {*txn.writes, *txn.appends}
        if self.level != "read-committed" and any(self._newer(txn, key) for key in written):
            raise Refused
        if self.level == "serializable" and any(self._changed(txn, read) for read in txn.reads):
            raise Refused
        if any(commit > since for key, since in txn.extended.items() for commit, _ in self.versions.get(key, ())):
            raise Refused  # Instead of the lock on a list that an append would hold until commit.
        if self.rng.random() < self.lost:
            return
        self.commits += 1
        if isinstance(txn.snapshot, frozenset):
            self.causes[self.commits] = txn.snapshot
            self.heard[txn.client].add(self.commits)
        for key, value in txn.writes.items():
            self.versions.setdefault(key, []).append((self.commits, value))
        for key, elements in txn.appends.items():
            old = self._newest(key) or []
            self.versions.setdefault(key, []).append((self.commits, [*old, *elements]))

    def _read(self, txn: Transaction, key: Any) -> Any:
        if key in txn.writes:
            return txn.writes[key]
        seen = [value for commit, value in self.versions.get(key, ()) if self._is_visible(txn, commit)]
        if key in txn.appends:
            return [*(seen[-1] if seen else []), *txn.appends[key]]
        return seen[-1] if seen else None

    def _newest(self, key: Any) -> Any:
        return self.versions[key][-1][1] if key in self.versions else None

    def _is_visible(self, txn: Transaction, commit: int) -> bool:
        if self.level == "read-committed":
            return True
        return commit in txn.snapshot if isinstance(txn.snapshot, frozenset) else commit <= txn.snapshot

    def _newer(self, txn: Transaction, key: Any) -> bool:
        return any(not self._is_visible(txn, commit) for commit, _ in self.versions.get(key, ()))

    def _changed(self, txn: Transaction, read: Any) -> bool:
        if not isinstance(read, tuple):
            return self._newer(txn, read)
        return any(self._newer(txn, key) for key in self.versions if read[0] <= key < read[1])


@dataclass
class Client:
    """A client's program in flight: the operation to run next, and what it did so far."""

    number: int
    program: Program | None = None
    txn: Transaction | None = None
    next: Op | None = None
    start: int = 0
    done: list[Op] = field(default_factory=list)


class Simulation:
    """Runs programs on a mock database; `unknown` is the share of transactions whose outcome is never told."""

    def __init__(self, database: MockDatabase, rng: Random, unknown: float = 0.0, cut: bool = False) -> None:
        self.database, self.rng, self.unknown, self.cut = database, rng, unknown, cut
        self.builder = HistoryBuilder()
        self.clock = 0
        self.late: list[Transaction] = []

    def run(self, programs: Iterator[Program], clients: int, txns: int) -> None:
        """At most `txns` programs; a cut run stops dead once the last of them has begun."""
        crew = [Client(number) for number in range(clients)]
        while txns or any(client.program for client in crew):
            if self.cut and not txns and clients > 1:
                return
            client = self.rng.choice(crew)
            self.clock += 1
            if client.program is None and txns:
                program = next(programs, None)
                txns = txns - 1 if program else 0
                if program:
                    self._begin(client, program)
            elif client.program:
                self._step(client)
            if self.late and self.rng.random() < 0.05:
                self._commit_late(self.late.pop(0))

    def _begin(self, client: Client, program: Program) -> None:
        client.program, client.start, client.done = program, self.clock, []
        client.txn = self.database.begin(client.number)
        client.next = next(program, None)

    def _step(self, client: Client) -> None:
        if client.next is None:
            self._finish(client)
            return
        assert client.program is not None
        if self.rng.random() < self.unknown / 8:
            client.done.append(_unanswered(client.next))
            self._end(client, self.rng.choice([Status.ABORTED, Status.UNKNOWN]))
            return
        completed = self.database.step(client.txn, client.next)
        client.done.append(completed)
        try:
            client.next = client.program.send(completed)
        except StopIteration:
            client.next = None
        except Rollback:
            self._end(client, Status.ABORTED)

    def _finish(self, client: Client) -> None:
        """Commits; an outcome that is never told may be a commit, a commit to come, or none at all."""
        silent = self.rng.random() < self.unknown
        fate = self.rng.choice(["now", "later", "never"]) if silent else "now"
        status = Status.OK
        try:
            if fate == "now":
                self.database.commit(client.txn)
            elif fate == "later":
                self.late.append(client.txn)
        except Refused:
            status = Status.ABORTED
        self._end(client, Status.UNKNOWN if silent else status)

    def _commit_late(self, txn: Transaction) -> None:
        try:
            self.database.commit(txn)
        except Refused:
            return

    def _end(self, client: Client, status: Status) -> None:
        client.program = None
        if self.cut and client.number == 0 and self.rng.random() < 0.5:
            return  # This part of the log is gone, although others may have read what it did.
        self.builder.add(client.number, client.start, self.clock, status, client.done)


def _unanswered(op: Op) -> Op:
    """What is recorded of an operation whose answer never came."""
    if op.kind in _JOINED:
        return op._replace(value=(op.value, None))
    return op if op.value is not None or op.kind == "delete" else op._replace(value=UNSEEN)


def simulate(
    workload: Workload,
    level: str,
    seed: int,
    *,
    txns: int = 200,
    clients: int = 5,
    unknown: float = 0.0,
    lost: float = 0.0,
    cut: bool = False,
    params: Params | None = None,
    database_class: type[MockDatabase] = MockDatabase,
) -> History:
    """One run of setup, `txns` programs by `clients` clients, and (unless cut) the finale."""
    rng = Random(seed)
    programs_rng = Random(seed + 1)
    chosen = params or workload.defaults
    database = database_class(level, rng)
    simulation = Simulation(database, rng, 0.0, cut)
    simulation.run(workload.setup(programs_rng, chosen), 1, -1)
    simulation.unknown, database.lost = unknown, lost
    simulation.run(workload.programs(programs_rng, chosen), clients, txns)
    if not cut:
        simulation.unknown, database.lost = 0.0, 0.0
        simulation.run(workload.finale(programs_rng, chosen), 1, -1)
    info = RunInfo(suite="mock", workload=workload.name, target="mock", level=level, seed=seed, clock="steps")
    return simulation.builder.build(info, cut=CUT if cut else "")
