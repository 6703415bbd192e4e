"""Group commit: many commits, one write, one fsync.

Commits queue their records under the store's commit mutex. Then each waits until its record is flushed; the first to
find nobody flushing becomes the leader, takes the whole queue and flushes it, while new commits queue up behind.

    commit mutex   append 7 │ append 8 │ append 9 │        append 10 ...
    leader                  └ write 7, fsync ──────┘└ write 8 9, fsync ─────┘
    acknowledged                                 7                        8 9

Whoever is not flushed by then goes on sleeping, but for one that leads on. A leader may first wait a little for those
who were acknowledged just now: see `_gather`.

A failed write or fsync poisons the log: what reached the disk is unknown, and a second fsync would not tell
(Rebello et al., Can applications recover from fsync failures?, USENIX ATC 2020).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from enum import Enum
from time import perf_counter
from typing import Final, NamedTuple

from engine.codec import NO_CODEC
from engine.errors import DatabaseClosed, Poisoned
from engine.index import Writes
from engine.latch import Gate, Latches, Mutex
from engine.recovery import Recovered, covered_segments
from engine.vfs import File, Vfs
from engine.wal import (
    HEADER_LENGTH,
    Encoded,
    Segment,
    encode_header,
    encode_record,
    encode_writes,
    segment_name,
    segment_names,
)

__all__ = ["CommitLog", "Sync"]

SEGMENT_LENGTH_MAX: Final = 64 << 20  # bytes; a segment ends with the group that passes it
BUFFER_LENGTH_MAX: Final = 1 << 20  # bytes kept back at sync=off
_JOIN_LENGTH_MAX: Final = 1 << 20  # a longer piece is written by itself: copying it costs more than a call
_PASSES_MAX: Final = 63
_NO_WRITES: Final = encode_writes({})


class Sync(Enum):
    """What an acknowledged commit survives.

    FULL    power loss: an fsync came before the acknowledgement
    NORMAL  the death of the process: the operating system has it
    OFF     nothing: up to BUFFER_LENGTH_MAX bytes of commits are in the process
    """

    FULL = "full"
    NORMAL = "normal"
    OFF = "off"


class _Waiter(NamedTuple):
    """A thread that waits until commit `seq` is flushed, or (None) until it may flush itself."""

    seq: int | None
    gate: Gate


class _Stay:
    """A thread inside `CommitLog._lead`: what it holds there, and so what it has to give back."""

    __slots__ = ("flushed_seq", "heir", "is_over", "leads", "waiter")

    def __init__(self) -> None:
        self.waiter: _Waiter | None = None  # as long as it may be on one of the lists
        self.leads = False
        self.flushed_seq = -1  # what it has flushed
        self.heir: _Waiter | None = None  # who leads after it
        self.is_over = False


class CommitLog:
    """The log of one open database.

    `flushed_seq` is the newest commit that may be acknowledged. `on_failure` is told of the first failed write.
    """

    segment_length_max = SEGMENT_LENGTH_MAX

    def __init__(
        self,
        vfs: Vfs,
        directory: str,
        recovered: Recovered,
        sync: Sync,
        latches: Latches,
        mutex: Mutex,
        database_id: bytes,
    ) -> None:
        self.flushed_seq = recovered.seq
        self.flush_count = 0
        self.sync_count = 0
        self.byte_count = 0
        self.length = recovered.log_length  # bytes of all segments
        self.codec = NO_CODEC
        self.on_failure: Callable[[BaseException], None] | None = None
        self.on_long: Callable[[], object] | None = None  # called where the log is longer than `long_at` bytes
        self.long_at = 0
        self._vfs = vfs
        self._directory = directory
        self._sync = sync
        self._point = latches.point
        self._mutex = mutex
        self._latches = latches
        self._turn = latches.mutex("flush")
        self._waiting: list[_Waiter] = []
        self._over: list[_Waiter] = []  # need not wait any more, and are not awake yet
        self._heir: _Waiter | None = None  # who leads since the last leader
        self._expected = 0  # commits in the next group, if all come back who are at work now
        self._gathered: Gate | None = None  # opened as soon as so many are queued
        self._sync_seconds = 0.0  # how long the last fsync took
        self._misses = 0
        self._passes = 0  # groups for which nobody is waited for
        self._segment = Segment(recovered.database_id or database_id, recovered.seq + 1)
        self._seed = self._segment.seed
        self._queue: list[tuple[int, Encoded]] = []
        self._queue_length = 0  # bytes
        self._synced_seq = recovered.seq
        self._clean = recovered.closed or recovered.seq == 0
        self._flushing = False
        self._closed = False
        self._failure: BaseException | None = None
        self._position = recovered.position
        self._file: File = recovered.file if recovered.file is not None else self._new_segment(recovered.seq + 1)

    def encode(self, writes: Writes) -> Encoded:
        """What `append` takes. Raises TransactionTooLarge. The caller need not hold the commit mutex."""
        return encode_writes(writes, self.codec)

    def append(self, seq: int, writes: Encoded) -> None:
        """Queue commit `seq` (its writes from `encode`). The caller holds the commit mutex."""
        self._queue.append((seq, writes))
        self._queue_length += len(writes[1])
        gathered = self._gathered  # The leader takes it away when it has waited long enough.
        if gathered is not None and len(self._queue) == self._expected:
            gathered.open()

    def acknowledge(self, seq: int) -> None:
        """Return once commit `seq` is as safe as the sync mode promises. Raises Poisoned where it cannot be."""
        if self.flushed_seq >= seq:
            return
        if self._sync is Sync.OFF and self._failure is None and self._queue_length < BUFFER_LENGTH_MAX:
            return
        self._flush_to(seq)

    @property
    def database_id(self) -> bytes:
        """What the files of this database have in common: 16 bytes."""
        return self._segment.database_id

    def rotate(self) -> None:
        """Make everything queued so far safe and start a new segment, so that the old ones can go one day."""
        self._lead(ending=lambda flushed_seq: self._rotate(flushed_seq + 1))

    def drop(self, checkpoint_seq: int) -> None:
        """Remove the segments that hold nothing newer than a checkpoint that is safe."""
        for name in covered_segments(segment_names(self._vfs.names(self._directory)), checkpoint_seq):
            place = posixpath.join(self._directory, name)
            file = self._vfs.open(place)
            length = file.size()
            file.close()
            self._vfs.remove(place)
            self.length -= length
        self._vfs.sync_directory(self._directory)

    def make_safe(self, seq: int) -> None:
        """Return once commit `seq` survives power loss, whatever the sync mode."""
        self._flush_to(seq)
        if self._synced_seq < seq:
            self.rotate()

    def close(self, seq: int) -> None:
        """Flush and sync everything up to `seq`, the newest commit, and mark that nothing was left open.

        Raises Poisoned where something that was acknowledged may not be safe.
        """
        self.on_long = None
        try:
            if self._failure is None:
                self._lead(ending=lambda flushed_seq: self._end(seq))
        finally:
            self._closed = True
            self._file.close()
        if self._failure is not None and self._sync is not Sync.FULL and self._synced_seq < seq:
            raise Poisoned(f"not everything could be made safe ({self._failure})")

    def _end(self, seq: int) -> None:
        self._closed = True  # While nobody else can lead: whoever waits to is told so.
        if not self._clean:
            self._sync_file(seq)
            self._write_group([(seq + 1, _NO_WRITES)])
            self._sync_file(seq + 1)

    def _flush_to(self, seq: int) -> None:
        on_long = self.on_long
        if self._lead(seq) and on_long is not None and self.length > self.long_at:
            on_long()

    def _lead(self, seq: int | None = None, ending: Callable[[int], None] | None = None) -> bool:
        """Wait until nobody flushes, flush all that is queued, call `ending` with the newest commit flushed.

        Returns False without a flush where somebody else has flushed `seq` meanwhile.
        """
        stay = _Stay()
        try:
            self._wait_to_lead(seq, stay)
            if not stay.leads:
                return False
            flushed_seq = self._flush_queue()
            if ending is not None:
                ending(flushed_seq)
            stay.flushed_seq = flushed_seq
        except BaseException as error:
            if stay.leads:
                self._failure = error  # Before anything that an interrupt could come into.
                poisoned = self._poisoned(error)
                if isinstance(error, Exception):
                    raise poisoned from error
            raise  # An interrupt goes on its way, and leaves the same doubt behind.
        finally:
            interrupt: BaseException | None = None
            while not stay.is_over:  # An interrupt waits until that is done: nobody else could do it.
                try:
                    self._go_on(stay)
                except BaseException as error:  # noqa: BLE001  Raised below.
                    interrupt = error
            if interrupt is not None:
                raise interrupt
        return True

    def _wait_to_lead(self, seq: int | None, stay: _Stay) -> None:
        """Wait until it is this thread's turn, or until somebody else has flushed `seq`."""
        with self._turn:
            if self._must_wait(seq):
                stay.waiter = _Waiter(seq, self._latches.gate("flush"))
                self._waiting.append(stay.waiter)
            elif seq is None or self.flushed_seq < seq:
                self._flushing = stay.leads = True
        if stay.waiter is not None:
            stay.waiter.gate.wait()
            stay.leads = self._heir is stay.waiter
            stay.waiter = None
            if not stay.leads:
                too_early = self._must_wait(seq)
                assert not too_early, "woken before the flush"

    def _must_wait(self, seq: int | None) -> bool:
        """Whether somebody flushes and `seq` is not safe yet. Raises Poisoned or DatabaseClosed: it never will be."""
        if seq is not None and self.flushed_seq >= seq:
            return False
        if self._failure is not None:
            raise Poisoned(f"the log could not be written ({self._failure})")
        if self._closed:
            raise DatabaseClosed("the database is closed")
        return self._flushing

    def _flush_queue(self) -> int:
        """Flush what is queued now; returns the newest commit that is flushed then."""
        if self._sync is Sync.FULL:
            self._gather()
        with self._mutex:
            group, self._queue = self._queue, []
            self._queue_length = 0
        if self._point is not None:
            self._point("flush")
        if not group:
            return self.flushed_seq
        self._flush(group)
        self._expected = len(group) + len(self._queue)
        return group[-1][0]

    def _gather(self) -> None:
        """Wait for those who come back from the last group, for at most half a flush.

        Without it half of the threads wait for a flush while the others queue for the next one. Threads that come
        back within half a flush save a whole one by it; where they do not, it is not tried again for a while.
        """
        if len(self._queue) >= self._expected:
            return
        if self._passes > 0:
            self._passes -= 1
            return
        with self._mutex:
            if len(self._queue) >= self._expected:
                return
            self._gathered = gate = self._latches.gate("group")
        if gate.wait(self._sync_seconds / 2):
            self._misses = 0
        else:
            self._misses = min(2 * self._misses + 1, _PASSES_MAX)
            self._passes = self._misses
        self._gathered = None

    def _go_on(self, stay: _Stay) -> None:
        """Hand over the lead, and wake somebody. May be called again where it was interrupted.

        Those who are flushed wake each other in a row: all at once they would wait for the interpreter's lock.
        """
        with self._turn:
            waiter = stay.waiter
            if waiter is not None:  # It was interrupted while it waited.
                stay.leads = stay.leads or self._heir is waiter
                self._waiting = [one for one in self._waiting if one is not waiter]
                self._over = [one for one in self._over if one is not waiter]
            if stay.leads:
                self.flushed_seq = max(self.flushed_seq, stay.flushed_seq)
                over, waiting = self._over, self._waiting
                if waiting:
                    over = over + [one for one in waiting if self._is_over(one.seq)]
                    waiting = [one for one in waiting if not self._is_over(one.seq)]
                heir = waiting.pop(0) if waiting else None
                # No interrupt comes between these.
                self._over, self._waiting, self._heir, stay.heir = over, waiting, heir, heir
                self._flushing = heir is not None
                stay.leads = False
                stay.waiter = None
            if stay.heir is not None:
                stay.heir.gate.open()
            if self._over:
                self._over[0].gate.open()
                del self._over[0]
            stay.is_over = True

    def _is_over(self, seq: int | None) -> bool:
        return (seq is not None and self.flushed_seq >= seq) or self._closed or self._failure is not None

    def _poisoned(self, error: BaseException) -> Poisoned:
        self._failure = error
        if self.on_failure is not None:
            self.on_failure(error)
        return Poisoned(f"the log could not be written ({error})")

    def _flush(self, group: list[tuple[int, Encoded]]) -> None:
        if self._position >= self.segment_length_max:
            self._rotate(group[0][0])
        self._write_group(group)
        if self._sync is Sync.FULL:
            began = perf_counter()
            self._sync_file(group[-1][0])
            self._sync_seconds = perf_counter() - began
        self.flush_count += 1

    def _write_group(self, group: list[tuple[int, Encoded]]) -> None:
        self._clean = False
        synced_seq, seed = self._synced_seq, self._seed
        small: list[bytes] = []
        for seq, writes in group:
            for piece in encode_record(seq, synced_seq, writes, seed):
                if len(piece) > _JOIN_LENGTH_MAX:
                    self._write(b"".join(small))
                    small = []
                    self._write(piece)
                else:
                    small.append(piece)
        self._write(b"".join(small))

    def _write(self, data: bytes) -> None:
        if data:
            self._file.write(self._position, data)
            self._position += len(data)
            self.byte_count += len(data)
            self.length += len(data)

    def _sync_file(self, seq: int) -> None:
        """Make everything written so far safe; `seq` is the newest commit of it."""
        self._file.sync()
        self._synced_seq = seq
        self.sync_count += 1

    def _rotate(self, first_seq: int) -> None:
        # The old segment is safe before the new one exists, so that only the last segment can be torn.
        self._sync_file(first_seq - 1)
        if self._position == HEADER_LENGTH:  # It is empty still.
            return
        self._file.close()
        self._file = self._new_segment(first_seq)

    def _new_segment(self, first_seq: int) -> File:
        self._segment = self._segment._replace(first_seq=first_seq)
        file = self._vfs.create(posixpath.join(self._directory, segment_name(first_seq)))
        file.write(0, encode_header(self._segment))
        file.sync()
        self._vfs.sync_directory(self._directory)
        self._position = HEADER_LENGTH
        self.length += HEADER_LENGTH
        return file
