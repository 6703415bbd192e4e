"""The streaming judge of list-append histories: windows of a stream, judged as they come, and then forgotten.

Each window is judged by the batch checker, as a history of what is live behind the retired past. What can change no
more is retired: a component with a cycle is counted and contracted into the past, and the stream goes on. The
findings are those of the batch on all transactions so far - or `past_needed` says why only the whole log can
tell: something touched the past, or a read contradicts others by itself, which is counted by reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from checkers.lists.list_append import check_list_append
from checkers.streaming.forgetting import retire
from checkers.streaming.live import PAST_ROW, Live, live_history
from checkers.streaming.past import Past
from checkers.streaming.rows import Row, row_of
from checkers.streaming.sightings import Sighting, added
from harness.history import RunInfo, Status, Txn
from harness.level import Level, refuted_by

__all__ = ["RECENT", "StreamingJudge"]

# So many transactions stay although they could be retired: soon most of their appends will have been read.
RECENT = 256
_NOTHING: Final[frozenset[bytes]] = frozenset()

Appended = dict[bytes, set[bytes]]  # The elements of each key.


class StreamingJudge:
    """Takes a stream of transactions in the order in which they ended.

    `sightings` are the batch's anomalies on all that was taken: the same names, counts, lengths of witnesses and
    refuted levels (a witness of the same length may be another one). A transaction that read what is not known yet
    does not count before its writer has ended. Where `past_needed` is not empty, the sightings are what was seen
    until then, and the judge takes nothing more: a new one can be given everything so far as its first window.
    """

    def __init__(self, info: RunInfo, *, recent: int = RECENT) -> None:
        self.past_needed = ""
        self.sightings: tuple[Sighting, ...] = ()
        self._info = info
        self._recent = recent
        self._past = Past()
        self._waiting: list[Row] = []  # Transactions that read what nobody appended so far.
        self._live: list[Row] = []  # In the order of the stream.
        self._sealed: tuple[Sighting, ...] = ()  # What was found in all that is retired.
        self._batches = 0

    @property
    def refuted(self) -> tuple[Level, ...]:
        """The levels that the sightings refute, closed upward."""
        return refuted_by(level for one in self.sightings for level in one.refutes)

    @property
    def retained(self) -> int:
        """How many transactions are in memory."""
        return len(self._live) + len(self._waiting)

    @property
    def unseen(self) -> int:
        """How many appends of retired transactions are remembered one by one, because no read has shown them."""
        return len(self._past)

    def take(self, txns: Iterable[Txn], watermark: int) -> None:
        """Judge one more window. Every transaction that is taken later starts at `watermark` or after.

        Ids are the caller's, each used once. A transaction that the past says is impossible sets `past_needed`.
        """
        if self.past_needed:
            return
        self._arrive(txns)
        low = self._admit(watermark)
        if self.past_needed or not self._live:
            return
        live = live_history(self._live, self._past, self._info)
        self._look(live)
        if not self.past_needed:
            self._forget(live, low)

    def end(self) -> None:
        """Nothing more will come: what still waits for an explanation has none."""
        if self._waiting:
            self._need("a transaction read an element that nobody appended")

    def _need(self, why: str) -> None:
        self.past_needed = self.past_needed or why

    # Taking in.

    def _arrive(self, txns: Iterable[Txn]) -> None:
        for txn in txns:
            row = row_of(txn)
            if row is None:
                self._need("an operation has no place in a list-append history")
                return
            if not all(self._past.register(one) for one in row.appends):
                self._need("an element was appended to its key more than once")
                return
            self._waiting.append(row)

    def _admit(self, watermark: int) -> int:
        """Make live what reads known elements only; the earliest start of all that may still become live."""
        self._waiting = [row for row in self._waiting if self._accepts(row)]
        settled = self._past.settled()
        self._live = [row for row in self._live if self._agrees(row, settled)]
        ready = self._explained()
        self._live += [row for row in self._waiting if row.txn.id in ready]
        self._waiting = [row for row in self._waiting if row.txn.id not in ready]
        overdue = [row for row in self._waiting if row.txn.end < watermark]
        if any(row.txn.status is Status.OK for row in overdue):
            self._need("a transaction read an element of nobody who could have appended it")
        # One of unknown outcome does not count before it is seen; if it is seen later, that needs the past.
        self._waiting = [row for row in self._waiting if row.txn.end >= watermark]
        return min([watermark, *(row.txn.start for row in self._waiting)])

    def _accepts(self, row: Row) -> bool:
        if row.txn.status is Status.UNKNOWN:
            return all(self._past.begins(read) for read in row.reads)
        if not all(self._past.accept(read) for read in row.reads):
            self._need("a transaction read a list without what had been appended and acknowledged before it began")
        return True

    def _agrees(self, row: Row, settled: frozenset[bytes]) -> bool:
        """Whether a live row reads what the past of these keys has become: an append may have been overwritten."""
        if all(self._past.agrees(read) for read in row.reads if read.key in settled):
            return True
        return self._fallen(row)

    def _fallen(self, row: Row) -> bool:
        """What to make of a row whose reads do not fit: it is not live any more."""
        if row.txn.status is Status.OK:
            self._need("a transaction reads a list that is not what its past has become")
        return False  # Of unknown outcome, and nobody has seen it; if it is seen later, that needs the past.

    def _explained(self) -> set[int]:
        """The ids of those that wait and read only elements appended by one another or by live ones."""
        known = _appended(self._live)
        ready = {row.txn.id: row for row in self._waiting}
        while True:
            candidates = _appended(ready.values(), known)
            unexplained = [one for one, row in ready.items() if not self._shows_only(row, candidates)]
            if not unexplained:
                return set(ready)
            for one in unexplained:
                del ready[one]

    def _shows_only(self, row: Row, known: Appended) -> bool:
        return all(
            known.get(read.key, _NOTHING).issuperset(read.elements[self._past.count(read.key) :])
            for read in row.reads
        )

    # Judging, and forgetting.

    def _look(self, live: Live) -> None:
        """The batch's answer on the window, added to what is sealed."""
        found = check_list_append(live.history)
        if found.doubts:
            self._need(found.doubts[0].sentence)
            return
        standing = []
        for one in found.anomalies:
            if PAST_ROW in one.txns:
                self._need("a cycle leads through the past")
                continue
            if not one.steps:
                self._need(f"{one.name} is counted by the reads that show it, not by components")
            standing.append(
                Sighting(
                    name=one.name,
                    count=one.count,
                    txns=live.ids(one.txns),
                    kinds=tuple(step.kind for step in one.steps),
                    refutes=one.refutes,
                )
            )
        self.sightings = added((*self._sealed, *standing))

    def _forget(self, live: Live, low: int) -> None:
        recent = {row.txn.id for row in self._live[max(len(self._live) - self._recent, 0) :]}
        unsettled = np.array([False, *(row.txn.end >= low or row.txn.id in recent for row in live.rows)], dtype=bool)
        if bool(unsettled[1:].all()):
            return
        self._batches += 1
        retired = retire(live, unsettled, self._past, batch=self._batches)
        self._sealed = added((*self._sealed, *retired.cycles))
        kept = [row for row in self._live if row.txn.id not in retired.ids]
        known = _appended(kept)
        self._live = [row for row in kept if self._still_fits(row, known)]

    def _still_fits(self, row: Row, known: Appended) -> bool:
        """Whether its reads still show all of the past, and nothing but the past and what is live."""
        if all(self._past.reached_by(read) for read in row.reads) and self._shows_only(row, known):
            return True
        return self._fallen(row)


def _appended(rows: Iterable[Row], known: Appended | None = None) -> Appended:
    """What these rows appended, and what is `known`."""
    appended = {key: set(elements) for key, elements in (known or {}).items()}
    for row in rows:
        for one in row.appends:
            appended.setdefault(one.key, set()).add(one.element)
    return appended
