"""Which version each read saw. A version is known by its value, since no value is written to a key twice.

Only the last write of a key by a transaction installs a version (Adya 1999). A key that is not there may never have
been written, or have been deleted by any of its deletes: such a read has several candidates, and only where all
but one can be excluded it is said to have seen that one. What an exclusion rests on, the read demands:

    T1 ── delete x ── T2 ── r x – ──      T2 ended before T3 began: x was then not yet deleted by T3,
                        T3 ── delete x    so T2 saw the delete of T1, if real time is kept
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from checkers.compiling import compile_kernels
from checkers.findings import shown
from checkers.graphs import kernels as graph_kernels
from checkers.joins import Bools, Ints, is_in
from checkers.registers import initial_row
from checkers.versions import kernels
from checkers.versions.accesses import NOTHING, UNSEEN_VALUE, Accesses, accesses
from harness.history import History, Status

__all__ = ["GARBAGE", "HIDDEN", "VersionHistory", "doubts", "observe"]

# What is read instead of a write that is on record: a value of nobody, or perhaps one whose record lacks it.
GARBAGE, HIDDEN = -1, -2


@dataclass(frozen=True, kw_only=True, eq=False)
class VersionHistory:
    """v versions, numbered: first the i installed ones in ascending order of (row, key), then for each of the k keys
    the version before the first write, then values of which no write is recorded.

    r reads by included transactions of keys that they had not written yet, with a version that is certain; where a
    key was not there and several deletes may have been the cause, the read is one of the d doubtful ones.
    """

    history: History
    accesses: Accesses
    included: Bools  # (n,) OK, and the least fixpoint of UNKNOWN ones that an included one read from
    initial: int  # the row that is known to have come before all others, or -1
    write: Ints  # (a,) of an access that read a value: the access that wrote it, GARBAGE or HIDDEN; else -3
    installs: int
    version_key: Ints  # (v,)
    version_value: Ints  # (v,) as in Accesses
    version_row: Ints  # (v,) -1 for none or not known
    version_access: Ints  # (v,) the write that installed it, -1 for none
    read_access: Ints  # (r,) ascending, but for those that `checkers.versions.candidates` added
    read_version: Ints  # (r,)
    read_suffix: Ints  # (r,) of the orders that this rests on: 0 none, 1 sessions, 2 real time
    read_class: Ints  # (r,) of the smallest class of cycles that there is if it saw another version
    doubtful: Ints  # (d,) accesses
    repeated: Ints  # accesses: writes of a value that its key was given before
    missed: Ints  # accesses: scans that missed a key that the initial transaction wrote and nobody deleted

    @cached_property
    def read_row(self) -> Ints:
        """(r,) the reader."""
        return self.accesses.row[self.read_access]

    @cached_property
    def updates(self) -> tuple[Ints, Ints]:
        """(read, version): what a transaction read of a key that it then wrote, and the version that it left."""
        keys = max(len(self.history.keys), 1)
        code = self.version_row[: self.installs] * keys + self.version_key[: self.installs]
        wanted = self.read_row * keys + self.version_key[self.read_version]
        at = np.minimum(np.searchsorted(code, wanted), max(len(code) - 1, 0))
        read = np.flatnonzero(code[at] == wanted) if len(code) else at[:0]
        return read, at[read]

    @cached_property
    def first_install(self) -> Ints:
        """(n + 1,) the versions that row i installed are first_install[i]:first_install[i + 1]."""
        return np.searchsorted(self.version_row[: self.installs], np.arange(len(self.history) + 1))

    def is_first(self, version: Ints) -> Bools:
        """Which of these are versions before the first write."""
        keys = len(self.history.keys)
        return np.asarray((version >= self.installs) & (version < self.installs + keys))

    def first_of(self, key: Ints) -> Ints:
        """The versions before the first write of these keys."""
        return self.installs + key


def observe(history: History) -> VersionHistory:
    """Read a history of r, w, delete and scan, in time n log n; raises nothing: what is wrong is there to be seen."""
    if len(history.op_kind) > kernels.COMPILE_ABOVE_OPS:
        compile_kernels(kernels)
        compile_kernels(graph_kernels)
    one = accesses(history)
    write, repeated = _writers(history, one)
    included = _included(history, one, write)
    install = np.flatnonzero(one.write & one.last & included[one.row] & (one.value != UNSEEN_VALUE))
    install = install[np.lexsort((one.key[install], one.row[install]))]
    number = np.full(len(one.op), -1, dtype=np.int64)
    number[install] = np.arange(len(install))
    external = ~one.write & ~one.own & included[one.row]
    valued = np.flatnonzero(external & (one.value >= 0))
    version, unwritten = _versions_of_values(one, write, number, valued, len(install) + len(history.keys))
    initial = initial_row(history)
    nothing = np.flatnonzero(external & (one.value == NOTHING))
    version_of_nothing, doubtful, missed = _versions_of_nothing(history, one, number, nothing, initial, len(install))
    read = np.concatenate((valued, nothing))
    read_version = np.concatenate((version, version_of_nothing))
    certain = read_version >= 0
    order = np.argsort(read[certain], kind="stable")
    keys = np.arange(len(history.keys))
    absent = np.full(len(keys), NOTHING)
    nobody = np.full(len(keys) + len(unwritten), -1)
    return VersionHistory(
        history=history,
        accesses=one,
        included=included,
        initial=initial,
        write=write,
        installs=len(install),
        version_key=np.concatenate((one.key[install], keys, one.key[unwritten])),
        version_value=np.concatenate((one.value[install], absent, one.value[unwritten])),
        version_row=np.concatenate((one.row[install], nobody)),
        version_access=np.concatenate((install, nobody)),
        read_access=read[certain][order],
        read_version=read_version[certain][order],
        read_suffix=np.zeros(len(order), dtype=np.int64),
        read_class=np.zeros(len(order), dtype=np.int64),
        doubtful=doubtful,
        repeated=repeated,
        missed=missed,
    )


def doubts(seen: VersionHistory) -> list[str]:
    """Sentences on what makes this no evidence: nothing is repaired."""
    sentences = list(seen.accesses.doubts)
    if len(seen.repeated):
        one, again = seen.accesses, int(seen.repeated[0])
        key, value = seen.history.keys[int(one.key[again])], seen.history.values[int(one.value[again])]
        sentences.append(f"{shown(value)} was written to {shown(key)} more than once: a read of it may be of either")
    return sentences


def _writers(history: History, one: Accesses) -> tuple[Ints, Ints]:
    """(a,) the access that wrote what was read; GARBAGE or HIDDEN where there is none; -3 for all other accesses.
    And the accesses that wrote a value once more."""
    by_key = kernels.grouped(one.key, len(history.keys))
    found, again = kernels.writers(*by_key, one.value, one.write, len(history.values))
    reads = ~one.write & (one.value >= 0)
    unseen = np.zeros(len(history.keys), dtype=bool)
    unseen[one.key[one.write & (one.value == UNSEEN_VALUE)]] = True
    hidden = reads & (found < 0) & unseen[one.key]
    return np.select([~reads, hidden], [-3, HIDDEN], found), np.flatnonzero(again)


def _included(history: History, one: Accesses, write: Ints) -> Bools:
    included = np.asarray(history.status == Status.OK)
    reads = np.flatnonzero((write >= 0) & ~one.own)
    reader, writer = one.row[reads], one.row[write[reads]]
    matters = history.status[writer] == Status.UNKNOWN
    reader, writer = reader[matters], writer[matters]
    while True:
        more = writer[included[reader] & ~included[writer]]
        if not len(more):
            return included
        included[more] = True


def _versions_of_values(one: Accesses, write: Ints, number: Ints, reads: Ints, first_free: int) -> tuple[Ints, Ints]:
    """The version of each of these reads, -1 where it saw none that was installed; and one read of each value that
    has no known writer, which are the versions numbered from `first_free`."""
    version = np.full(len(reads), -1, dtype=np.int64)
    known = write[reads] >= 0
    wrote = write[reads[known]]
    # A reader's own later write is not another's version.
    version[known] = np.where(one.row[wrote] == one.row[reads[known]], -1, number[wrote])
    strange = np.flatnonzero(~known)
    code = one.key[reads[strange]] * (int(one.value.max(initial=0)) + 1) + one.value[reads[strange]]
    _, sample, of_code = np.unique(code, return_index=True, return_inverse=True)
    version[strange] = first_free + of_code
    return version, reads[strange[sample]]


def _versions_of_nothing(
    history: History, one: Accesses, number: Ints, reads: Ints, initial: int, installs: int
) -> tuple[Ints, Ints, Ints]:
    """(the version of each read of nothing or -1, the doubtful reads, the scans that missed what was there)."""
    if not len(reads) or history.cut:
        # Where a part of the log is gone, so may be the delete that a reader saw.
        return np.full(len(reads), -1), reads[:0], reads[:0]
    keys = len(history.keys)
    delete = np.flatnonzero(
        one.write & one.last & (one.value == NOTHING) & (history.status[one.row] != Status.ABORTED)
    )
    count = np.bincount(one.key[delete], minlength=keys)
    # A transaction's own delete that comes only later is not what it saw.
    own = np.zeros(len(reads), dtype=np.int64)
    code = one.row[delete] * keys + one.key[delete]
    own[is_in(one.row[reads] * keys + one.key[reads], code)] = 1
    candidates = count[one.key[reads]] - own
    # Where the initial transaction wrote a key, the state before it is nobody's to see.
    settled, filled = (np.zeros(keys, dtype=bool) for _ in range(2))
    if initial >= 0:
        initially = (one.row == initial) & one.write & one.last
        settled[one.key[initially]] = True
        filled[one.key[initially & (one.value >= 0)]] = True
    of_key = one.key[reads]
    version = np.where(candidates == 0, installs + of_key, -1)
    missed = filled[of_key] & (candidates == 0) & one.absent[reads]
    version[missed] = -1
    only = np.flatnonzero(settled[of_key] & (candidates == 1))
    if len(only):
        version[only] = _the_delete(one, number, delete, reads[only])
    doubtful = (candidates > 0) & (version < 0)
    return version, reads[doubtful], reads[missed]


def _the_delete(one: Accesses, number: Ints, delete: Ints, reads: Ints) -> Ints:
    """The version that the one delete by another transaction left at the key of each read, -1 if it is none."""
    order = delete[np.argsort(one.key[delete], kind="stable")]
    low = np.searchsorted(one.key[order], one.key[reads], side="left")
    first = order[low]
    # Where the first one is the reader's own, the other one follows.
    second = order[np.minimum(low + 1, len(order) - 1)]
    return np.asarray(number[np.where(one.row[first] == one.row[reads], second, first)])
