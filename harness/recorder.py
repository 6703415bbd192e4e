"""What clients did, written down before it can matter to others.

All completed operations of a transaction are in the log before its commit is called, the outcome after: if the
harness is killed in between, no other client's read looks like a value that nobody wrote. A history is always
made by reading the log back, so that a sealed and a killed run take the same path.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from harness.build import HistoryBuilder
from harness.codec import PLAIN, portable
from harness.eventlog import EventLog, Frame, LogReader
from harness.history import KIND_CODE, KINDS, UNSEEN, Fault, History, Op, RunInfo, Status, Txn
from harness.trouble import StoreError
from harness.watch import Glance, Watch

__all__ = [
    "Attempt",
    "Clock",
    "Lease",
    "Recorder",
    "Revoked",
    "nanosecond_clock",
    "read_history",
    "step_clock",
]

Clock = Callable[[], int]
Row = tuple[int, Any, Any]

# Looking a member of an enumeration up costs more than encoding it.
_INTENT, _OUTCOME, _WHOLE, _FAULT, _END = map(int, tuple(Frame)[1:])

# Of these the recorded value is what was asked; of the others it is the answer.
_ASKED: Final = frozenset({"w", "append", "delete", "make_queue", "make_vectors", "add_node", "delete_node"})
_JOINED: Final = frozenset(kind.name for kind in KINDS if kind.joins)


class Revoked(Exception):
    """The watchdog has given this client up; it must neither record nor ask the target for anything more."""


def nanosecond_clock() -> Clock:
    """Nanoseconds since now."""
    origin = time.monotonic_ns()
    now = time.monotonic_ns
    return lambda: now() - origin


def step_clock() -> Clock:
    """A counter: no two moments of a run on one thread are the same, and each run has the same moments."""
    moment = 0

    def tick() -> int:
        nonlocal moment
        moment += 1
        return moment

    return tick


class Attempt:
    """One transaction while it runs. `number` names it in the log, `rows` are its answered operations."""

    __slots__ = ("asked", "intended", "number", "rows", "start")

    def __init__(self, number: int, start: int) -> None:
        self.number = number
        self.start = start
        self.rows: list[Row] = []
        self.asked: tuple[Op, int] | None = None
        self.intended = False

    def ask(self, op: Op) -> None:
        """Note what is about to be asked: from here on it may take effect."""
        self.asked = (op, len(self.rows))

    def answer(self, op: Op, value: Any) -> None:
        """Note the answer to `op`. A list is copied: an adapter may hand out one that it goes on changing."""
        self.rows.append(_row(op.kind, op.key, op.value if op.kind in _ASKED else value))

    def snapshot(self) -> list[Row]:
        """The rows so far, with the unanswered one; right also while another thread is in `answer`."""
        asked, rows = self.asked, list(self.rows)
        if asked is not None and len(rows) == asked[1]:
            op = asked[0]
            rows.append(_row(op.kind, op.key, _unanswered(op)))
        return rows


class Lease:
    """The right of one client to record. Its thread sees at its next step that the watchdog has revoked it."""

    __slots__ = ("attempt", "client", "revoked")

    def __init__(self, client: int) -> None:
        self.client = client
        self.revoked = False
        self.attempt: Attempt | None = None


class Recorder:
    """Writes the transactions of all clients to one log. `counts` says how many had which status."""

    def __init__(self, path: Path, info: RunInfo, clock: Clock, watch: Watch | None = None) -> None:
        """Create the log at `path`; `watch` is told what begins and ends.

        Raises RunTrouble where that fails, as all methods that write do.
        """
        self.clock = clock
        self.counts: Counter[Status] = Counter()
        self._watch = watch
        self._log = EventLog(path, info)
        self._lock = threading.Lock()
        self._ids = itertools.count()

    def begin(self, lease: Lease) -> Attempt:
        """A new transaction of this client, which starts now. Nothing is written yet."""
        if self._watch is None:
            attempt = lease.attempt = Attempt(next(self._ids), self.clock())
            return attempt
        with self._lock:  # No glance comes between the time of the start and the note of it.
            attempt = lease.attempt = Attempt(next(self._ids), self.clock())
            self._watch.begun(lease, attempt.start)
        return attempt

    def intend(self, lease: Lease) -> None:
        """Write down all that the open transaction did: its commit is about to be called. Raises Revoked."""
        attempt = lease.attempt
        with self._lock:
            if lease.revoked or attempt is None:
                raise Revoked
            attempt.intended = True
            self._log.append((_INTENT, attempt.number, lease.client, attempt.start, self.clock(), attempt.rows))

    def finish(
        self, lease: Lease, status: Status, error: str = "", *, timestamps: tuple[int, int] | None = None
    ) -> None:
        """Write down what became of the open transaction, and its snapshot and commit where known. Raises Revoked."""
        end = self.clock()  # Before the lock is waited for: the transaction is over now.
        with self._lock:
            if lease.revoked or lease.attempt is None:
                raise Revoked
            self._finish(lease, lease.attempt, end, status, error, timestamps or ())

    def revoke(self, lease: Lease, error: str) -> None:
        """Give a client up: its open transaction, if it asked anything yet, is recorded as UNKNOWN.

        The order is what makes this safe: a client notes what it is about to ask, then looks at its lease; here
        the lease is revoked first and the note read afterwards. So nothing is asked that is not in the record.
        """
        with self._lock:
            lease.revoked = True
            attempt = lease.attempt
            if attempt is not None and (attempt.asked is not None or attempt.intended):
                self._finish(lease, attempt, self.clock(), Status.UNKNOWN, error)
            elif self._watch is not None:
                self._watch.closed(lease)

    def glance(self) -> Glance:
        """What the watch shows at this moment. There has to be one."""
        assert self._watch is not None
        with self._lock:
            return self._watch.glance(self._log.written_bytes)

    def look(self) -> str:
        """Let the watch's companion look; what it says. Others go on recording meanwhile."""
        assert self._watch is not None
        said = self._watch.companion.look(self.glance())
        with self._lock:
            self._watch.looked()
        return said

    def fault(self, fault: Fault) -> None:
        """Write down a disturbance."""
        with self._lock:
            self._log.append((_FAULT, *fault))

    def end(self) -> None:
        """Close the log after a last frame that says that no transaction is missing."""
        with self._lock:
            try:
                self._log.append((_END, self.clock()))
            finally:
                self._log.close()

    def _finish(
        self,
        lease: Lease,
        attempt: Attempt,
        end: int,
        status: Status,
        error: str,
        timestamps: tuple[int, int] | tuple[()] = (),
    ) -> None:
        lease.attempt = None
        self.counts[status] += 1
        if attempt.intended:
            self._log.append((_OUTCOME, attempt.number, end, int(status), error, *timestamps))
        else:
            self._log.append((_WHOLE, lease.client, attempt.start, end, int(status), error, attempt.snapshot()))
        if self._watch is not None:
            self._watch.closed(lease)
            ops = tuple(_ops(attempt.rows if attempt.intended else attempt.snapshot()))
            self._watch.took_place(Txn(attempt.number, lease.client, ops, status, attempt.start, end, error))


def _row(kind: str, key: Any, value: Any) -> Row:
    if type(key) not in PLAIN:
        key = portable(key)
    if type(value) not in PLAIN:
        # The common list, of plain elements, needs no more than a copy.
        value = value.copy() if type(value) is list and PLAIN.issuperset(map(type, value)) else portable(value)
    return KIND_CODE[kind], key, value


def _unanswered(op: Op) -> Any:
    """The value of an operation whose answer never came: what was asked stays, the answer's place is empty."""
    if op.kind in _ASKED:
        return op.value
    if op.kind in _JOINED:
        return (op.value, None)
    if op.kind == "cas":
        return (*op.value, None)
    return UNSEEN


def read_history(path: Path, info: RunInfo | None = None, *, bytes_max: int | None = None) -> History:
    """The history that a log holds; `info` stands in where the log was cut before its own.

    A transaction without an outcome is UNKNOWN and ends after all that was seen. Of a log that is still being
    written, the first `bytes_max` bytes are taken. Raises StoreError where the file is no log, is too new, or
    holds nonsense under a right checksum.
    """
    reader = LogReader(path, bytes_max=bytes_max)
    try:
        builder, faults, without_outcome = _fold(reader.frames())
        return builder.build(reader.info or info or RunInfo(), faults=faults, cut=_cut(reader, without_outcome))
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise StoreError(f"{path} is malformed ({error}); run it again") from error


def _fold(frames: Iterable[list[Any]]) -> tuple[HistoryBuilder, list[Fault], int]:
    """Frames to transactions; the number is how many had no outcome."""
    builder = HistoryBuilder()
    faults: list[Fault] = []
    open_intents: dict[int, list[Any]] = {}
    latest = 0
    for kind, *body in frames:
        if kind == Frame.INTENT:
            number, _, _, now, _ = body
            open_intents[number] = body
            latest = max(latest, now)
        elif kind == Frame.OUTCOME:
            number, end, status, error, *timestamps = body
            _, client, start, _, rows = open_intents.pop(number)
            builder.add(client, start, end, Status(status), _ops(rows), error, timestamps=_timestamps(timestamps))
            latest = max(latest, end)
        elif kind == Frame.WHOLE:
            client, start, end, status, error, rows = body
            builder.add(client, start, end, Status(status), _ops(rows), error)
            latest = max(latest, end)
        else:
            name, start, end, detail = body
            faults.append(Fault(name, start, end, detail))
            latest = max(latest, end)
    for _, client, start, _, rows in open_intents.values():
        builder.add(
            client, start, latest + 1, Status.UNKNOWN, _ops(rows), "the run ended before the outcome was known"
        )
    return builder, faults, len(open_intents)


def _timestamps(numbers: list[int]) -> tuple[int, int] | None:
    if not numbers:
        return None
    snapshot, commit = numbers
    return snapshot, commit


def _ops(rows: list[Any]) -> Iterable[Op]:
    return (Op(KINDS[code].name, key, value) for code, key, value in rows)


def _cut(reader: LogReader, without_outcome: int) -> str:
    if reader.ended and not reader.lost_bytes:
        return ""
    lost = ""
    if reader.lost_bytes:
        behind = reader.lost_frames - 1
        lost = f", {reader.lost_bytes} bytes at its end were cut as damaged"
        lost += f" with {behind} whole frames among them" if behind > 0 else ""
    return (
        f"the run was killed or could not go on writing: {_transactions(without_outcome)} no outcome{lost}, "
        "and transactions that were still open then are missing"
    )


def _transactions(number: int) -> str:
    return "1 transaction has" if number == 1 else f"{number} transactions have"
