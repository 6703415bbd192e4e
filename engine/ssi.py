"""The rule that makes snapshot isolation serializable: refuse every commit that would complete a dangerous structure.

Under snapshot isolation a cycle of dependencies contains two anti-dependencies in a row, and the transaction at the
end of them commits before the other two (Fekete et al. 2005, theorem 2.1):

           rw             rw
    Tin ────────▶ pivot ────────▶ Tout        a ──rw──▶ b: a read a version, b wrote the next one
                                              Tout is the first of the three to commit
                                              Tin and Tout may be the same transaction (write skew)

The last of Tin and pivot to commit can see the other two committed, so judging each transaction at its own commit,
under one mutex, is complete. A transaction T with snapshot `snap`:

    out-edges  T read a version that has been overwritten since: q = the commit of its FIRST overwriter. If q itself
               has an out-edge (a remembered `min_out`), T is Tin. A T without writes matters only if Tout committed
               at or before `snap`: otherwise T can be placed before all three.
    in-edges   T has an out-edge, smallest q = `min_out`, and overwrites something that a committed reader with
               stamp >= `min_out` has read: T is the pivot, and its Tout committed before its Tin.
    commit     a writer is remembered with its `min_out`; what was read is stamped with the commit's number, or with
               `snap` where nothing was written, since a reader without writes belongs at its snapshot.

Edges in real time run the same way as wr edges (commit of one <= snapshot of the next), so that what is left is not
only serializable but strictly so. Two integers per key and one per commit hold it all.

Cahill, Röhm, Fekete: Serializable isolation for snapshot databases, SIGMOD 2008 and TODS 2009. Ports, Grittner:
Serializable snapshot isolation in PostgreSQL, VLDB 2012. Fekete et al.: Making snapshot isolation serializable, 2005.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from engine.errors import Conflict
from engine.index import Index, Node, Writes

__all__ = ["KeyRange", "SerializableRule", "range_read"]

KeyRange: TypeAlias = tuple[bytes, bytes | None]  # [start, end); None: no upper bound

_SWEEP_COUNT_MIN = 1024


class SerializableRule:
    """What committed transactions left behind for the judgement of those still running.

    Every method runs under the store's commit mutex. `horizon` is the oldest snapshot in use: whatever has a
    number at or below it can no longer matter, since every `q` of a running transaction is above its snapshot.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._stamps: dict[bytes, int] = {}
        self._range_stamps: dict[
            KeyRange, list[tuple[int, int]]
        ] = {}  # → (snap of the reader, stamp), see _raise_range
        self._min_out: dict[int, int] = {}  # commit → its min_out, for serializable writers that have one
        self._changed: OrderedDict[bytes, int] = OrderedDict()  # key → its newest commit, newest last
        self._sweep_at = _SWEEP_COUNT_MIN

    def refuse_lost_update(self, writes: Writes, snap: int) -> None:
        """Step 1: raise Conflict if one of these keys was written after `snap` (first committer wins)."""
        versions = self._index.versions
        for key in writes:
            node = versions.get(key)
            if node is not None and node[0] > snap:
                raise Conflict(f"write conflict: commit {node[0]} wrote the same key after snapshot {snap}")

    def judge(self, writes: Writes, reads: set[bytes], ranges: set[KeyRange], snap: int) -> int | None:
        """Steps 2 and 3 for a transaction about to commit: its `min_out` (None: no out-edge), or raises Conflict."""
        overwriters = self._first_overwriters(reads, ranges, snap)
        if not overwriters:
            return None
        self._refuse_tin(overwriters, bool(writes), snap)
        min_out = min(overwriters)
        if writes:
            self._refuse_pivot(writes, min_out)
        return min_out

    def _first_overwriters(self, reads: set[bytes], ranges: set[KeyRange], snap: int) -> set[int]:
        """The q of every key read, and of every key inside a range read, that has a version newer than `snap`."""
        versions = self._index.versions
        overwriters = set()
        for key in reads:
            node = versions.get(key)
            if node is not None and node[0] > snap:
                overwriters.add(_first_after(node, snap))
        if ranges:
            for key in self._changed_inside(ranges, snap):
                overwriters.add(_first_after(versions[key], snap))
        return overwriters

    def _changed_inside(self, ranges: set[KeyRange], snap: int) -> set[bytes]:
        """The keys inside `ranges` that were written, deleted or created after `snap`."""
        changed: set[bytes] = set()
        for key, commit in reversed(self._changed.items()):
            if commit <= snap:
                break
            if any(start <= key and (end is None or key < end) for start, end in ranges):
                changed.add(key)
        return changed

    def _refuse_tin(self, overwriters: Iterable[int], has_writes: bool, snap: int) -> None:
        # Every q counts: the smallest may be harmless where a larger one is a pivot.
        remembered = self._min_out
        for q in overwriters:
            out = remembered.get(q)
            if out is not None and (has_writes or out <= snap):
                raise Conflict(
                    f"dangerous structure: commit {q} overwrote what this transaction read, "
                    f"and itself read what commit {out} overwrote"
                )

    def _refuse_pivot(self, writes: Writes, min_out: int) -> None:
        # Equality counts: with two transactions the reader is Tout itself.
        stamps = self._stamps
        for key in writes:
            stamp = stamps.get(key)
            if stamp is not None and stamp >= min_out:
                raise self._pivot(stamp, min_out)
        for (start, end), readers in self._range_stamps.items():
            if readers[-1][1] < min_out:
                continue
            for key in writes:
                if start <= key and (end is None or key < end):
                    self._refuse_overwritten_range(key, readers, min_out)

    def _refuse_overwritten_range(self, key: bytes, readers: list[tuple[int, int]], min_out: int) -> None:
        newest = self._index.newest_seq(key)
        for reader_snap, stamp in readers:
            # A reader older than the version that T overwrites has its edge to that version's writer instead.
            if stamp >= min_out and reader_snap >= newest:
                raise self._pivot(stamp, min_out)

    def _pivot(self, stamp: int, min_out: int) -> Conflict:
        return Conflict(
            f"dangerous structure: this transaction read what commit {min_out} overwrote, "
            f"and overwrites what a transaction placed at {stamp} read"
        )

    def remember_writes(self, writes: Writes, seq: int) -> None:
        """Step 4 for every commit with writes, of any level."""
        changed = self._changed
        for key in writes:
            changed[key] = seq
            changed.move_to_end(key)

    def remember_out_edge(self, seq: int, min_out: int) -> None:
        """Step 4 for a serializable commit `seq` that has writes and an out-edge."""
        self._min_out[seq] = min_out

    def remember_reads(self, reads: Iterable[bytes], ranges: Iterable[KeyRange], snap: int, stamp: int) -> None:
        """Step 4: raise the stamps of what a committed serializable transaction read.

        Call it after the transaction's own writes are installed: keys overwritten since `snap`, by itself or by
        others, are skipped, since their anti-dependency goes to that first overwriter.
        """
        stamps = self._stamps
        versions = self._index.versions
        for key in reads:
            node = versions.get(key)
            if (node is None or node[0] <= snap) and stamps.get(key, 0) < stamp:
                stamps[key] = stamp
        for read in ranges:
            self._raise_range(read, snap, stamp)

    def _raise_range(self, read: KeyRange, snap: int, stamp: int) -> None:
        """Keep the readers of one range that no other stands for: one with a newer snapshot and a higher stamp does.

        snap     9  7  4      descending, the newest snapshot first
        stamp   10 12 15      ascending
        """
        readers = self._range_stamps.get(read, ())
        if any(other_snap >= snap and other_stamp >= stamp for other_snap, other_stamp in readers):
            return
        kept = [reader for reader in readers if reader[0] > snap or reader[1] > stamp]
        self._range_stamps[read] = sorted([*kept, (snap, stamp)], key=_by_stamp)

    def forget(self, horizon: int, newest: int) -> None:
        """Drop what no running transaction can need. `newest` is the newest commit: equal where nobody runs."""
        if horizon == newest:
            if self._stamps or self._range_stamps or self._changed or self._min_out:
                self._forget_everything()
            return
        changed = self._changed
        while changed and next(iter(changed.values())) <= horizon:
            changed.popitem(last=False)
        if len(self._stamps) + len(self._range_stamps) + len(self._min_out) > self._sweep_at:
            self._sweep(horizon)

    def _sweep(self, horizon: int) -> None:
        self._stamps = {key: stamp for key, stamp in self._stamps.items() if stamp > horizon}
        fresh = {
            read: [reader for reader in readers if reader[1] > horizon]
            for read, readers in self._range_stamps.items()
        }
        self._range_stamps = {read: readers for read, readers in fresh.items() if readers}
        # A commit whose versions are all collected or below the horizon is nobody's first overwriter any more.
        held = {seq for key in self._changed for seq in self._index.seqs(key)}
        self._min_out = {q: out for q, out in self._min_out.items() if q in held}
        # Twice what is left: a sweep then costs O(1) per thing remembered since the last one.
        left = len(self._stamps) + len(self._range_stamps) + len(self._min_out) + len(self._changed)
        self._sweep_at = max(_SWEEP_COUNT_MIN, 2 * left)

    def _forget_everything(self) -> None:
        self._stamps.clear()
        self._range_stamps.clear()
        self._changed.clear()
        self._min_out.clear()
        self._sweep_at = _SWEEP_COUNT_MIN

    def remembered(self) -> int:
        """How many stamps, changed keys and out-edges are held."""
        ranges = sum(len(readers) for readers in self._range_stamps.values())
        return len(self._stamps) + ranges + len(self._changed) + len(self._min_out)

    def _check(self, horizon: int, seq: int) -> None:
        """Assert the invariants against the oldest snapshot in use and the newest commit."""
        commits = list(self._changed.values())
        assert commits == sorted(commits), "changed keys are not in the order of their newest commits"
        for key, commit in self._changed.items():
            assert commit == self._index.newest_seq(key), f"{key!r} was changed by another commit than {commit}"
        changed = {key for key, node in self._index.versions.items() if node[0] > horizon}
        assert changed == set(self._changed), "a key changed above the horizon is missing, or one below it is kept"
        for q, out in self._min_out.items():
            assert 0 < out < q <= seq, f"commit {q} of {seq} read what the later commit {out} overwrote"
        for readers in self._range_stamps.values():
            snaps, stamps = zip(*readers, strict=True)
            assert list(snaps) == sorted(set(snaps), reverse=True), "readers of a range are not newest first"
            assert list(stamps) == sorted(set(stamps)), "the stamps of a range are not ascending"
            assert 0 <= min(snaps) <= max(snaps) <= seq, f"a range was read after the newest commit {seq}"
            assert 0 < min(stamps) <= max(stamps) <= seq, f"a stamp of a range is outside (0, {seq}]"
        for stamp in self._stamps.values():
            assert 0 < stamp <= seq, f"stamp {stamp} is outside (0, {seq}]"


def range_read(start: bytes, end: bytes | None, pairs: Sequence[tuple[bytes, bytes]], limit: int | None) -> KeyRange:
    """The range that a scan has read, by what it found in [start, end).

    It is the range that was asked for, an empty one too: whoever adds a key inside changes the answer. Where a
    `limit` was reached it ends with the last key found: nobody has looked further.
    """
    return (start, end) if limit is None or len(pairs) < limit else (start, pairs[-1][0] + b"\0")


def _by_stamp(reader: tuple[int, int]) -> int:
    return reader[1]


def _first_after(node: Node, snap: int) -> int:
    """The commit of the oldest version on this chain that is newer than `snap`."""
    first: int = node[0]
    older: Node | None = node[2]
    while older is not None and older[0] > snap:
        first = older[0]
        older = older[2]
    return first
