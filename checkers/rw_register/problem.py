"""What has to be explained: the versions that took effect, who read which, and what is known of their order.

A transaction that read a version and replaced it stands directly behind its writer in the order of versions, at every
level from parallel snapshot isolation up: a third version between the two would be a lost update. Such chains are
`blocks`, and only the order of the blocks of a key is open.

    T1 w x 1      T2 r x 1 · w x 2      T3 w x 3        blocks of x: nothing | T1 T2 | T3
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkers.joins import Bools, Ints, find
from checkers.registers import INITIAL, Registers
from checkers.rw_register.scans import absent_reads
from harness.history import KIND_CODE, UNSEEN_LENGTH, History, Status

__all__ = ["Problem", "problem_of"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """The v versions and r reads of the included transactions, rows being those of the history.

    Versions are ascending by (key, row), the initial one (row -1) before all others of its key. `block` are numbers
    ascending by key, an initial version's block first; `depth` is the place within the block. Reads are distinct.
    The times of `untimed` rows and the sessions of `unordered` ones are not held against anybody.
    """

    history: History
    included: Bools  # (n,)
    untimed: Bools  # (n,)
    unordered: Bools  # (n,)
    version_key: Ints  # (v,)
    version_row: Ints  # (v,)
    block: Ints  # (v,)
    depth: Ints  # (v,)
    read_row: Ints  # (r,)
    read_version: Ints  # (r,)

    @property
    def blocks(self) -> int:
        """How many blocks there are, or may be: one more than the highest number."""
        return int(self.block.max()) + 1 if len(self.block) else 0

    def among(self, rows: Bools) -> Problem:
        """What is known of these rows (n,) alone. Their place within blocks stays as it was."""
        kept = (self.version_row < 0) | rows[self.version_row]
        number = np.cumsum(kept) - 1
        reads = rows[self.read_row] & kept[self.read_version]
        return Problem(
            history=self.history,
            included=self.included & rows,
            untimed=self.untimed,
            unordered=self.unordered,
            version_key=self.version_key[kept],
            version_row=self.version_row[kept],
            block=self.block[kept],
            depth=self.depth[kept],
            read_row=self.read_row[reads],
            read_version=number[self.read_version[reads]],
        )

    def doubly_replaced(self) -> Ints:
        """Rows of which two read one version and replaced it, with its writer; none where there are no such."""
        replaced = _replaced(self.version_key, self.version_row, self.read_row, self.read_version)
        version, row = self.read_version[replaced >= 0], self.read_row[replaced >= 0]
        order = np.argsort(version, kind="stable")
        again = np.flatnonzero(version[order][1:] == version[order][:-1])
        if not len(again):
            return np.empty(0, dtype=np.int64)
        one, two = order[again[0]], order[again[0] + 1]
        rows = {int(row[one]), int(row[two]), int(self.version_row[version[one]])} - {-1}
        return np.array(sorted(rows), dtype=np.int64)

    def session_before(self) -> Ints:
        """For each included row the last included OK row of its client before it, -1 for none (n,)."""
        before = np.full(len(self.history), -1, dtype=np.int64)
        rows = np.flatnonzero(self.included)
        rows = rows[np.argsort(self.history.client[rows], kind="stable")]
        if len(rows):
            ok = np.where(self.history.status[rows] == Status.OK, np.arange(len(rows)), -1)
            last = np.concatenate(([-1], np.maximum.accumulate(ok)[:-1]))
            same = (last >= 0) & (self.history.client[rows[np.maximum(last, 0)]] == self.history.client[rows])
            before[rows[same]] = rows[last[same]]
        return before

    def last_moment(self) -> Ints:
        """The last time (n,) at which each row can have taken effect: an UNKNOWN one may do so at any time."""
        never = int(self.history.end.max(initial=0)) + 1
        return np.where(self.history.status == Status.OK, self.history.end, never)


def problem_of(registers: Registers) -> Problem:
    """The problem of all committed transactions; their reads of versions that nobody left behind are not in it."""
    history, committed = registers.history, registers.committed
    place = len(history) + 1  # A version as one number: key * place + row + 1, the initial one 0 behind its key.
    written = registers.write_key[registers.real] * place + registers.write_txn[registers.real] + 1
    unseen = _unseen_writes(registers) + 1
    absent_row, absent_key, _ = absent_reads(registers)
    reads = registers.sees & (registers.read_writer >= INITIAL)
    read_row = np.concatenate((registers.read_txn[reads], absent_row))
    read = np.concatenate((registers.read_key[reads] * place + registers.read_writer[reads] + 1, absent_key * place))
    keys = np.unique(np.concatenate((registers.write_key[registers.real], read // place, unseen // place)))
    version = np.unique(np.concatenate((keys * place, written, unseen)))
    at = np.minimum(np.searchsorted(version, read), max(len(version) - 1, 0))
    kept = version[at] == read if len(version) else np.zeros(0, dtype=np.bool_)
    pairs = np.unique(read_row[kept] * max(len(version), 1) + at[kept])
    read_row, read_version = pairs // max(len(version), 1), pairs % max(len(version), 1)
    version_key, version_row = version // place, version % place - 1
    block, depth = _chains(_replaced(version_key, version_row, read_row, read_version), read_version, len(version))
    return Problem(
        history=history,
        included=committed,
        untimed=np.zeros(len(history), dtype=np.bool_),
        unordered=np.zeros(len(history), dtype=np.bool_),
        version_key=version_key,
        version_row=version_row,
        block=block,
        depth=depth,
        read_row=read_row,
        read_version=read_version,
    )


def _unseen_writes(registers: Registers) -> Ints:
    """Writes of committed transactions whose value is not known, as key * place + row."""
    history = registers.history
    ops = np.flatnonzero((history.op_kind == KIND_CODE["w"]) & (history.op_length == UNSEEN_LENGTH))
    row = np.searchsorted(history.op_offset, ops, side="right") - 1
    real = registers.committed[row]
    return history.op_key[ops[real]].astype(np.int64) * (len(history) + 1) + row[real]


def _replaced(version_key: Ints, version_row: Ints, read_row: Ints, read_version: Ints) -> Ints:
    """For each read the version that the reader itself put in the place of what it saw, or -1 (r,)."""
    rows = int(max(version_row.max(initial=0), read_row.max(initial=0))) + 2
    wanted = version_key[read_version] * rows + read_row + 1
    return find(version_key * rows + version_row + 1, wanted, np.arange(len(version_key)), absent=-1)


def _chains(replaced: Ints, read_version: Ints, versions: int) -> tuple[Ints, Ints]:
    """Each version's block and its place in it, by pointer doubling.

    Where versions replace one another in a circle the numbers mean nothing, but then the reads alone have a circle.
    """
    after = np.full(versions, -1, dtype=np.int64)
    after[read_version[replaced >= 0]] = replaced[replaced >= 0]
    root = np.arange(versions)
    chained = np.flatnonzero(after >= 0)
    root[after[chained]] = chained
    depth = (root != np.arange(versions)).astype(np.int64)
    for _ in range(versions.bit_length() + 1):
        if bool((root[root] == root).all()):
            break
        depth += depth[root]
        root = root[root]
    return np.unique(root, return_inverse=True)[1].astype(np.int64), depth
