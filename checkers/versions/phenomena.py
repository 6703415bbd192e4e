"""The anomalies of registers that are no cycles: reads that contradict what is known. At most one of each name.

Sources: Adya 1999 (G1a, G1b); Berenson 1995 (lost update); Kingsbury & Alvaro 2020 (the others).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from checkers.findings import anomaly, shown
from checkers.graphs import kernels as graph_kernels
from checkers.joins import Ints
from checkers.versions.accesses import NOTHING, UNSEEN_VALUE
from checkers.versions.observations import GARBAGE, VersionHistory
from harness.history import Status
from harness.verdict import Anomaly, Step

__all__ = ["PHENOMENA", "phenomena"]

PHENOMENA: tuple[str, ...] = (
    "G1a",
    "G1b",
    "garbage-read",
    "internal",
    "future-read",
    "lost-update",
    "cyclic-versions",
    "predicate-read-miss",
)


def phenomena(seen: VersionHistory) -> list[Anomaly]:
    """Everything that single reads prove, or two side by side."""
    return [
        *_wrong_writers(seen),
        *_garbage(seen),
        *_internal(seen),
        *_lost_updates(seen),
        *_cyclic_versions(seen),
        *_missed(seen),
    ]


def _key(seen: VersionHistory, access: int) -> Any:
    return seen.history.keys[int(seen.accesses.key[access])]


def _value(seen: VersionHistory, access: int) -> Any:
    value = int(seen.accesses.value[access])
    return None if value == NOTHING else seen.history.values[value]


def _of_read(seen: VersionHistory, name: str, reads: Ints, why: str, writer: int = -1) -> Iterator[Anomaly]:
    """One anomaly for these accesses, of which the first is the witness."""
    first = int(reads[0])
    reader, key, value = int(seen.accesses.row[first]), _key(seen, first), _value(seen, first)
    rows = [reader] if writer < 0 else [writer, reader]
    sentence = f"T{reader} read {shown(key)} as {shown(value)}, {why}."
    yield anomaly(seen.history, name, rows, sentence, seen=(key, value), count=len(reads))


def _wrong_writers(seen: VersionHistory) -> Iterator[Anomaly]:
    """G1a: the writer aborted; G1b: it wrote the key again; future-read: it is the reader, who wrote only later."""
    accesses, status = seen.accesses, seen.history.status
    reads = np.flatnonzero((seen.write >= 0) & seen.included[accesses.row] & ~accesses.own)
    write = seen.write[reads]
    writer = accesses.row[write]
    own = writer == accesses.row[reads]
    aborted = ~own & (status[writer] == Status.ABORTED)
    replaced = ~own & ~aborted & ~accesses.last[write]
    for name, which, why in (
        ("G1a", aborted, "which T{} wrote and then aborted"),
        ("G1b", replaced, "which T{} itself replaced"),
        ("future-read", own, "which it wrote only later"),
    ):
        if bool(which.any()):
            row = int(writer[which][0])
            yield from _of_read(seen, name, reads[which], why.format(row), -1 if name == "future-read" else row)


def _garbage(seen: VersionHistory) -> Iterator[Anomaly]:
    """garbage-read: a value that nobody wrote, or a key that was not asked for. Not of a cut history."""
    if seen.history.cut:
        return
    reads = np.flatnonzero((seen.write == GARBAGE) & seen.included[seen.accesses.row])
    astray = np.flatnonzero(seen.accesses.astray & seen.included[seen.accesses.row])
    if len(reads):
        yield from _of_read(seen, "garbage-read", reads, "which nobody ever wrote")
    elif len(astray):
        yield from _of_read(seen, "garbage-read", astray, "which its scan had not asked for")


def _internal(seen: VersionHistory) -> Iterator[Anomaly]:
    """internal: a read of something else than the transaction's last access of the key before it left or saw."""
    accesses = seen.accesses
    reads = np.flatnonzero(~accesses.write & (accesses.before >= 0) & seen.included[accesses.row])
    known = accesses.value[accesses.before[reads]]
    wrong = reads[(known != accesses.value[reads]) & (known != UNSEEN_VALUE)]
    if not len(wrong):
        return
    first = int(wrong[0])
    before = int(accesses.before[first])
    row, key = int(accesses.row[first]), _key(seen, first)
    did = "wrote" if accesses.write[before] else "read"
    one, two = _value(seen, before), _value(seen, first)
    sentence = f"T{row} {did} {shown(key)} as {shown(one)} and then read it as {shown(two)}."
    yield anomaly(seen.history, "internal", (row,), sentence, seen=(key, one, two), count=len(wrong))


def _certain_updates(seen: VersionHistory) -> tuple[Ints, Ints]:
    """The updates of reads whose version is known without sessions, real time or the absence of an anomaly."""
    read, left = seen.updates
    certain = (seen.read_suffix[read] == 0) & (seen.read_class[read] == 0)
    return read[certain], left[certain]


def _lost_updates(seen: VersionHistory) -> Iterator[Anomaly]:
    """lost-update: two transactions read one version of a key, not only a range without it, and both replaced it."""
    read, left = _certain_updates(seen)
    item = ~seen.accesses.absent[seen.read_access[read]]
    read, left = read[item], left[item]
    version = seen.read_version[read]
    order = np.lexsort((left, version))
    version, left = version[order], left[order]
    again = np.flatnonzero((version[1:] == version[:-1]) & (left[1:] != left[:-1]))
    if not len(again):
        return
    # The pair that is complete first.
    at = int(again[np.argmin(seen.version_row[left[again + 1]])])
    yield _lost_update(seen, int(version[at]), (int(left[at]), int(left[at + 1])), count=len(again))


def _lost_update(seen: VersionHistory, version: int, left: tuple[int, int], *, count: int) -> Anomaly:
    rows = [int(seen.version_row[one]) for one in left]
    key = seen.history.keys[int(seen.version_key[version])]
    read, *written = (_version_value(seen, one) for one in (version, *left))
    steps = [_missed_update(rows[i], rows[1 - i], key, read, written[1 - i]) for i in (0, 1)]
    sentence = (
        f"T{rows[0]} and T{rows[1]} both read {shown(key)} as {shown(read)} and both replaced that very version:"
        " one of the two updates is lost."
    )
    return anomaly(seen.history, "lost-update", rows, sentence, steps=steps, count=count)


def _missed_update(one: int, two: int, key: Any, read: Any, written: Any) -> Step:
    sentence = (
        f"T{one} read {shown(key)} as {shown(read)}, which T{two} replaced by {shown(written)}."
        f" So T{one} comes before T{two}."
    )
    return Step("rw", one, two, key, written, sentence)


def _version_value(seen: VersionHistory, version: int) -> Any:
    value = int(seen.version_value[version])
    return None if value == NOTHING else seen.history.values[value]


def _cyclic_versions(seen: VersionHistory) -> Iterator[Anomaly]:
    """cyclic-versions: of versions of one key each was made by somebody who had read the one before, in a circle."""
    read, left = _certain_updates(seen)
    source = seen.read_version[read]
    order = np.argsort(source, kind="stable")
    first = np.searchsorted(source[order], np.arange(len(seen.version_key) + 1))
    if not _may_have_circle(source, left):
        return
    component = graph_kernels.tarjan(first, left[order], np.ones(len(left), dtype=bool))
    size = np.bincount(component)
    circles = np.flatnonzero(size > 1)
    if not len(circles):
        return
    smallest = circles[np.argmin(size[circles])]
    versions = np.flatnonzero(component == smallest)
    rows = np.unique(seen.version_row[versions]).tolist()
    key = seen.history.keys[int(seen.version_key[versions[0]])]
    names, values = ", ".join(f"T{row}" for row in rows), [_version_value(seen, int(one)) for one in versions]
    sentence = f"{names} made of {shown(key)} the values {shown(values)}, each from another one of them."
    yield anomaly(seen.history, "cyclic-versions", rows, sentence, seen=(key, values), count=len(circles))


def _may_have_circle(source: Ints, target: Ints) -> bool:
    """False once taking off all versions that nothing made from leaves none: cheap, and nearly always so."""
    while len(source):
        kept = np.isin(target, source)
        if bool(kept.all()):
            return True
        source, target = source[kept], target[kept]
    return False


def _missed(seen: VersionHistory) -> Iterator[Anomaly]:
    """predicate-read-miss: a scan without a key that was there from the beginning and that nobody deleted."""
    if not len(seen.missed):
        return
    first = int(seen.missed[0])
    row, key = int(seen.accesses.row[first]), _key(seen, first)
    asked = seen.history.keys[int(seen.history.op_key[seen.accesses.op[first]])]
    sentence = f"T{row} scanned {shown(asked)} without {shown(key)}, which was there initially and nobody deleted."
    rows: Sequence[int] = (seen.initial, row)
    yield anomaly(seen.history, "predicate-read-miss", rows, sentence, seen=(key,), count=len(seen.missed))
