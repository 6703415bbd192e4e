"""Which version of a key certainly came before which other, and what makes it certain.

With T1 ─dep→ T2 for any way along ww, wr, session and real-time edges, and x1, x2 the versions of T1 and T2:

    INITIAL   nothing is there before the first write
    UPDATE    T2 read x1 and wrote x2                        else T1 ─wr→ T2 ─ww→ T1
    FOLLOWS   T2 read something of T1's and wrote x2         else T1 ─wr→ T2 ─ww→ T1
    SEEN      T3 read something of T1's, and x2              else T3 ─rw→ T1 ─wr→ T3
    SESSION   a transaction with x1, later one of the        else a cycle with a session edge
              same client with x2
    REALTIME  one with x1 ended before one with x2 began     else a cycle with a real-time edge
    BEHIND    T1 read x0 and wrote x1, and x0 precedes x2    else T1 ─rw→ T2 ─ww→ T1

A cycle that rests on such a pair stands whichever way round the two were written: if the other way, then the
cycle on the right does, whose class and suffix the edge therefore demands (`checkers.versions.dependencies`).
"With x" means that it wrote or read it. Sources: Kingsbury & Alvaro 2020; Gibbons & Korach 1997 for REALTIME; Biswas
& Enea 2019 for SEEN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from checkers.catalogue import SUFFIXES
from checkers.joins import Bools, Ints, join
from checkers.versions import kernels
from checkers.versions.observations import VersionHistory
from harness.history import Status

__all__ = [
    "BEHIND",
    "FOLLOWS",
    "INITIAL",
    "REALTIME_RULE",
    "SEEN",
    "SESSION_RULE",
    "UPDATE",
    "Succession",
    "succession",
]

UPDATE, FOLLOWS, INITIAL, SEEN, BEHIND, SESSION_RULE, REALTIME_RULE = range(7)


@dataclass(frozen=True, kw_only=True, eq=False)
class Succession:
    """p pairs of versions of one key, each once, by the rule that demands least.

    `earlier` and `later` are the transactions that show it: who had seen or written `before`, and who then had
    `after`; of SEEN both are the reader, of INITIAL -1. `tells` where T1 comes before T2 only because of it.
    `suffix` is that of the order that it rests on. Of BEHIND `base` is the pair (x0, x2) that it rests on, else -1.
    """

    before: Ints
    after: Ints
    rule: Ints
    earlier: Ints
    later: Ints
    tells: Bools
    suffix: Ints
    base: Ints

    def __len__(self) -> int:
        return len(self.before)

    def of(self, chosen: Ints | Bools) -> Succession:
        """The pairs at these places, or where this mask is true."""
        return Succession(
            before=self.before[chosen],
            after=self.after[chosen],
            rule=self.rule[chosen],
            earlier=self.earlier[chosen],
            later=self.later[chosen],
            tells=self.tells[chosen],
            suffix=self.suffix[chosen],
            base=self.base[chosen],
        )


def succession(seen: VersionHistory) -> Succession:
    """All pairs that one of the rules gives; of real time those from which the others follow."""
    certain = _joined([_updates(seen), *_common(seen)])
    roots = _roots(seen, certain)
    together = _once(seen, _joined([certain, roots, _in_session(seen), _in_real_time(seen)]))
    # The pairs that others rest on stay where they are.
    return _joined([together, _new(seen, _behind(seen, together), together)])


def _once(seen: VersionHistory, pairs: Succession) -> Succession:
    possible = (pairs.before != pairs.after) & ~seen.is_first(pairs.after)
    possible &= ~seen.is_first(pairs.before) | (pairs.rule == INITIAL)
    pairs = pairs.of(possible)
    # Rules are numbered by what they demand.
    return pairs.of(_first_of_each(seen, pairs, pairs.rule * len(SUFFIXES) + pairs.suffix))


def _new(seen: VersionHistory, pairs: Succession, known: Succession) -> Succession:
    """Those pairs that are not known with as small a suffix, each once."""
    together = _joined([known, pairs])
    new = np.arange(len(together)) >= len(known)
    kept = _first_of_each(seen, together, together.suffix * 2 + new)
    return together.of(kept & new & ~seen.is_first(together.after) & (together.before != together.after))


def _first_of_each(seen: VersionHistory, pairs: Succession, rank: Ints) -> Bools:
    """Which pairs are the first ones of the least rank among those of the same two versions."""
    versions = len(seen.version_key)
    kept: Bools = kernels.once(*kernels.grouped(pairs.after, versions), pairs.before, rank, versions)
    return kept


def _pairs(before: Ints, after: Ints, rule: int, earlier: Ints, later: Ints, tells: Bools | bool) -> Succession:
    return Succession(
        before=before,
        after=after,
        rule=np.full(len(before), rule, dtype=np.int64),
        earlier=earlier,
        later=later,
        tells=np.broadcast_to(np.asarray(tells, dtype=bool), before.shape),
        suffix=np.full(len(before), max(rule - BEHIND, 0), dtype=np.int64),
        base=np.full(len(before), -1, dtype=np.int64),
    )


def _joined(parts: list[Succession]) -> Succession:
    names = ("before", "after", "rule", "earlier", "later", "tells", "suffix", "base")
    return Succession(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _updates(seen: VersionHistory) -> Succession:
    read, version = seen.updates
    row = seen.read_row[read]
    return _pairs(seen.read_version[read], version, UPDATE, row, row, False)


def _common(seen: VersionHistory) -> tuple[Succession, Succession]:
    """FOLLOWS and SEEN: who read anything of a transaction, and then wrote or read a key which that one wrote."""
    n = len(seen.history)
    writer = seen.version_row[seen.read_version]
    one = kernels.sources(writer, seen.read_row, n)
    source, target = writer[one], seen.read_row[one]
    reading = _item_reads(seen)
    key = seen.version_key[seen.read_version[reading]]
    by_key = reading[np.lexsort((key, seen.read_row[reading]))]
    pair, install, place = kernels.common_keys(
        source,
        target,
        seen.first_install,
        seen.version_key[: seen.installs],
        np.searchsorted(seen.read_row[by_key], np.arange(n + 1)),
        seen.version_key[seen.read_version[by_key]],
    )
    row = target[pair]
    wrote = place < 0
    follows = _pairs(install[wrote], -1 - place[wrote], FOLLOWS, source[pair[wrote]], row[wrote], False)
    read = seen.read_version[by_key[place[~wrote]]]
    return follows, _pairs(install[~wrote], read, SEEN, row[~wrote], row[~wrote], True)


def _roots(seen: VersionHistory, certain: Succession) -> Succession:
    """The version before the first write precedes all; enough are those to which no wr edge leads from another."""
    led_to = (certain.rule != SEEN) & (seen.version_row[certain.before] >= 0)
    root = np.ones(len(seen.version_key), dtype=bool)
    root[certain.after[led_to]] = False
    root &= ~seen.is_first(np.arange(len(root)))
    after = np.flatnonzero(root)
    first = seen.first_of(seen.version_key[after])
    pairs = _initial_pairs(first, after, False)
    if seen.initial < 0:
        return pairs
    mine = np.arange(seen.first_install[seen.initial], seen.first_install[seen.initial + 1])
    of_key = np.full(len(seen.history.keys), -1, dtype=np.int64)
    of_key[seen.version_key[mine]] = mine
    before = of_key[seen.version_key[after]]
    behind = (before >= 0) & (before != after)
    return _joined([pairs.of(~behind), _initial_pairs(before[behind], after[behind], True)])


def _initial_pairs(before: Ints, after: Ints, tells: bool) -> Succession:
    nobody = np.full(len(before), -1, dtype=np.int64)
    return _pairs(before, after, INITIAL, nobody, nobody, tells)


def _uses(seen: VersionHistory) -> tuple[Ints, Ints, Bools]:
    """(version, row, is an install) of all reads and installs, versions before the first write left out."""
    used = _item_reads(seen)
    used = used[~seen.is_first(seen.read_version[used])]
    version = np.concatenate((seen.read_version[used], np.arange(seen.installs)))
    row = np.concatenate((seen.read_row[used], seen.version_row[: seen.installs]))
    return version, row, np.arange(len(version)) >= len(used)


def _item_reads(seen: VersionHistory) -> Ints:
    """Reads of a key by itself: to have missed it with a range would make cycles of another kind."""
    return np.flatnonzero(_is_item(seen, np.arange(len(seen.read_access))))


def _is_item(seen: VersionHistory, reads: Ints) -> Bools:
    return np.asarray(~seen.accesses.absent[seen.read_access[reads]])


def _in_session(seen: VersionHistory) -> Succession:
    """From the last version that a client's last transaction with the key had, to those of its next one."""
    version, row, install = _uses(seen)
    history = seen.history
    # By rows, in each of them what it read before what it wrote.
    _, by_row = kernels.grouped(row, len(history))
    version, row, install = version[by_row], row[by_row], install[by_row]
    first, by_key = kernels.grouped(seen.version_key[version], len(history.keys))
    numbers, client = np.unique(history.client, return_inverse=True)
    acknowledged = history.status == Status.OK
    earlier = kernels.in_session(first, by_key, row, install, client, acknowledged, len(numbers))
    after = np.flatnonzero(earlier >= 0)
    earlier = earlier[after]
    return _pairs(version[earlier], version[after], SESSION_RULE, row[earlier], row[after], ~install[after])


def _in_real_time(seen: VersionHistory) -> Succession:
    version, row, _ = _uses(seen)
    history = seen.history
    first, last = kernels.zones(
        version, row, history.start, history.end, history.status == Status.OK, len(seen.version_key)
    )
    known = np.flatnonzero((first >= 0) & (last >= 0))
    known = known[np.argsort(history.end[first[known]], kind="stable")]
    of_key, by_key = kernels.grouped(seen.version_key[known], len(history.keys))
    known = known[by_key]
    key, first_end, last_start = seen.version_key[known], history.end[first[known]], history.start[last[known]]
    before, after = kernels.in_real_time(
        of_key[key],
        of_key[key + 1],
        first_end,
        last_start,
        *kernels.latest_two(key, last_start),
    )
    before, after = known[before], known[after]
    later = last[after]
    return _pairs(before, after, REALTIME_RULE, first[before], later, later != seen.version_row[after])


def _behind(seen: VersionHistory, pairs: Succession) -> Succession:
    """Nothing comes between what a transaction read of a key and what it wrote there."""
    read, left = seen.updates
    read, left = read[_is_item(seen, read)], left[_is_item(seen, read)]
    i, j = join(pairs.before, seen.read_version[read])
    behind = left[j] != pairs.after[i]
    i, j = i[behind], j[behind]
    row = seen.version_row[left[j]]
    found = _pairs(left[j], pairs.after[i], BEHIND, row, row, True)
    return replace(found, suffix=pairs.suffix[i], base=i)
