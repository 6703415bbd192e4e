"""Which delete, if any, a read of nothing saw: candidates are excluded until one is left.

A key that is not there was never written, or was deleted by one of several transactions. With T1 ─dep→ T2 for a wr
edge, the order of a session or real time:

    a delete of T1 is excluded if R ─dep→ T1                          else T1 ─wr→ R ─dep→ T1
    no write at all is excluded if T1 ─dep→ R and T1 had the key      else R ─rw→ T1 ─dep→ R
    a delete of T1 is excluded if T1 had ended before T2 began,       else R ─rw→ T2 ─realtime→ R
      T2 wrote the key, and T2 had ended before R began

Where all are excluded, each would be an anomaly, and any one of them may be shown.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checkers.catalogue import CLASSES, SUFFIXES
from checkers.joins import Bools, Ints, find, is_in, join
from checkers.versions.accesses import NOTHING
from checkers.versions.observations import VersionHistory
from harness.history import Status

__all__ = ["resolved"]

PAIRS_MAX = 20_000_000
_PLAIN, _PROCESS, _REALTIME = range(len(SUFFIXES))
_NEVER = len(SUFFIXES)


def resolved(seen: VersionHistory) -> VersionHistory:
    """The same with those doubtful reads added, behind the others, of which all candidates but one are excluded."""
    if not len(seen.doubtful):
        return seen
    return _resolved(seen, seen.doubtful[_few(seen)])


def _few(seen: VersionHistory) -> Bools:
    """As many of the doubtful reads as have no more than PAIRS_MAX candidates in all."""
    deletes = np.bincount(seen.accesses.key[_deletes(seen)], minlength=len(seen.history.keys))
    return np.asarray(np.cumsum(deletes[seen.accesses.key[seen.doubtful]]) <= PAIRS_MAX)


def _deletes(seen: VersionHistory) -> Ints:
    one = seen.accesses
    alive = seen.history.status[one.row] != Status.ABORTED
    return np.flatnonzero(one.write & one.last & (one.value == NOTHING) & alive)


def _resolved(seen: VersionHistory, reads: Ints) -> VersionHistory:
    one = seen.accesses
    delete = _deletes(seen)
    i, j = join(one.key[reads], one.key[delete])
    other = one.row[delete[j]] != one.row[reads[i]]
    i, candidate = i[other], delete[j[other]]
    reader, deleter = one.row[reads[i]], one.row[candidate]
    seen_before = np.where(_wr(seen, reader, deleter), _PLAIN, _precedes(seen, reader, deleter))
    replaced = np.where(_replaced(seen, reads)[i] > _ended(seen, deleter), _REALTIME, _NEVER)
    excluded = np.minimum(seen_before, replaced)
    initial = _had_before(seen, reads)
    number = np.full(len(one.op), -1, dtype=np.int64)
    number[seen.version_access[: seen.installs]] = np.arange(seen.installs)
    parts = []
    open_ = np.ones(len(reads), dtype=bool)
    for suffix in range(len(SUFFIXES)):
        left = np.bincount(i[excluded > suffix], minlength=len(reads)) + (initial > suffix)
        chosen = np.full(len(reads), -1, dtype=np.int64)
        alone = excluded > suffix
        chosen[i[alone]] = number[candidate[alone]]
        as_first = (initial > suffix) | (left == 0)
        chosen[as_first] = seen.first_of(one.key[reads[as_first]])
        # The delete of an UNKNOWN transaction that is not included is no version: then nothing is said.
        settled = open_ & (left <= 1) & (chosen >= 0) & ~((initial < 0) & (left == 0))
        open_ &= left > 1
        parts.append(
            (np.flatnonzero(settled), chosen[settled], np.full(int(settled.sum()), suffix), as_first[settled])
        )
    at, version, suffixes, as_first = (np.concatenate(column) for column in zip(*parts, strict=True))
    strict = np.where(as_first, 0, CLASSES.index("G-single"))
    return replace(
        seen,
        read_access=np.concatenate((seen.read_access, reads[at])),
        read_version=np.concatenate((seen.read_version, version)),
        read_suffix=np.concatenate((seen.read_suffix, suffixes)),
        read_class=np.concatenate((seen.read_class, strict)),
    )


def _wr(seen: VersionHistory, source: Ints, target: Ints) -> Bools:
    """Whether the second read something that the first wrote."""
    n = max(len(seen.history), 1)
    return is_in(source * n + target, seen.version_row[seen.read_version] * n + seen.read_row)


def _precedes(seen: VersionHistory, one: Ints, two: Ints) -> Ints:
    """The suffix with which the first comes before the second by session or real time."""
    history = seen.history
    ok = history.status[one] == Status.OK
    session = ok & (history.client[one] == history.client[two]) & (one < two)
    realtime = ok & (history.end[one] < history.start[two])
    return np.select([session, realtime], [_PROCESS, _REALTIME], _NEVER)


def _ended(seen: VersionHistory, row: Ints) -> Ints:
    """When these ended, and never for those of which it is not known."""
    never = np.iinfo(np.int64).max
    return np.where(seen.history.status[row] == Status.OK, seen.history.end[row], never)


def _replaced(seen: VersionHistory, reads: Ints) -> Ints:
    """For each read the latest start of a writer of its key that had ended when the reader began; -1 for none."""
    one, history = seen.accesses, seen.history
    install = np.flatnonzero(seen.version_value[: seen.installs] != NOTHING)
    install = install[history.status[seen.version_row[install]] == Status.OK]
    if not len(install):
        return np.full(len(reads), -1)
    install = install[np.lexsort((history.end[seen.version_row[install]], seen.version_key[install]))]
    key, row, width = seen.version_key[install], seen.version_row[install], len(history) + 1
    # Rows are in the order of starts, and one running maximum serves all keys where later keys rank higher.
    latest = np.maximum.accumulate(key * width + row) % width
    ends, rank = np.unique(history.end, return_inverse=True)
    began = np.searchsorted(ends, history.start[one.row[reads]])
    at = np.searchsorted(key * width + rank[row], one.key[reads] * width + began) - 1
    of_key = (at >= 0) & (key[at] == one.key[reads])
    return np.where(of_key, history.start[latest[at]], -1)


def _had_before(seen: VersionHistory, reads: Ints) -> Ints:
    """The suffix with which somebody who had the key comes before each reader; -1 where the initial state had it."""
    one, history = seen.accesses, seen.history
    there = np.flatnonzero((seen.version_value >= 0)[seen.read_version] & (seen.version_row >= 0)[seen.read_version])
    installed = np.flatnonzero(seen.version_value[: seen.installs] >= 0)
    row = np.concatenate((seen.read_row[there], seen.version_row[installed]))
    key = np.concatenate((seen.version_key[seen.read_version[there]], seen.version_key[installed]))
    suffix = np.full(len(reads), _NEVER)
    keys, n = max(len(history.keys), 1), max(len(history), 1)
    reader, wanted = one.row[reads], one.key[reads]
    ok = history.status[row] == Status.OK
    first_end = np.full(keys, np.iinfo(np.int64).max)
    np.minimum.at(first_end, key[ok], history.end[row[ok]])
    suffix[first_end[wanted] < history.start[reader]] = _REALTIME
    code = history.client[row[ok]].astype(np.int64) * keys + key[ok]
    order = np.lexsort((row[ok], code))
    first_row = find(code[order], history.client[reader].astype(np.int64) * keys + wanted, row[ok][order], absent=n)
    suffix[first_row < reader] = _PROCESS
    writer = seen.version_row[seen.read_version]
    i, j = join(reader, seen.read_row)
    known = writer[j] >= 0
    i, source = i[known], writer[j[known]]
    suffix[i[is_in(source * keys + wanted[i], row * keys + key)]] = _PLAIN
    if seen.initial >= 0:
        suffix[is_in(wanted, seen.version_key[seen.version_row == seen.initial])] = -1
    return suffix
