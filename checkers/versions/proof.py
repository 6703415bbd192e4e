"""From a cycle to an `Anomaly`: each step in one sentence that its reader can check.

A step that rests on the order of two versions says what makes that order certain. Where the cycle found would be of a
smaller class than its name, because an edge of it stands only unless there is a cycle of that name, the witness is
this other cycle, and the details say what the other order would lead to.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checkers.catalogue import CLASSES
from checkers.findings import anomaly, shown
from checkers.graphs.cycles import Cycle, Link
from checkers.graphs.graph import REALTIME, RW, RW_PREDICATE, SESSION, WR, WW
from checkers.graphs.steps import order_step
from checkers.versions.accesses import NOTHING
from checkers.versions.dependencies import Dependencies
from checkers.versions.observations import VersionHistory
from checkers.versions.succession import (
    BEHIND,
    FOLLOWS,
    INITIAL,
    REALTIME_RULE,
    SEEN,
    SESSION_RULE,
    UPDATE,
    Succession,
)
from harness.history import Status
from harness.verdict import Anomaly, Step

__all__ = ["Proof"]


class Proof:
    """Makes anomalies of the cycles of one history."""

    def __init__(self, seen: VersionHistory, pairs: Succession, found: Dependencies) -> None:
        self._seen = seen
        self._pairs = pairs
        self._found = found

    def anomaly(self, cycle: Cycle) -> Anomaly:
        """The anomaly of a cycle, with a step for each link."""
        steps = [self._step(link) for link in cycle.links]
        details: list[str] = []
        if cycle.name.class_ >= CLASSES.index("G-single") and not any(step.kind == "rw" for step in steps):
            details = [f"If not: {step.sentence}" for step in steps]
            steps = self._otherwise(cycle)
        names = [f"T{step.before}" for step in steps]
        sentence = f"{len(steps)} transactions that each must come before the next: {' → '.join((*names, names[0]))}."
        if details and steps[0].kind == "rw":
            sentence = f"{sentence[:-1]}, or else the order of versions leads to another circle."
        rows = [step.before for step in steps]
        return anomaly(
            self._seen.history, str(cycle.name), rows, sentence, steps=steps, count=cycle.count, details=details
        )

    # The cycle that there is if a pair of versions is the other way round.

    def _otherwise(self, cycle: Cycle) -> list[Step]:
        demanding = [one for one in cycle.links if one.mark >= 0 and self._found.demand.class_[one.mark] > 0]
        demanding.sort(key=lambda one: -int(self._found.demand.suffix[one.mark]))
        link = demanding[0]
        pair = int(self._found.pair[link.mark])
        if pair < 0:
            return self._missed_if_never_deleted(link)
        before, after = int(self._pairs.before[pair]), int(self._pairs.after[pair])
        writer, reader = link.source, int(self._pairs.later[pair])
        rule, earlier = int(self._pairs.rule[pair]), int(self._pairs.earlier[pair])
        steps = [self._missed(reader, after, before, "if it was written later")] if reader != writer else []
        if rule == BEHIND:
            base = int(self._pairs.base[pair])
            one = int(self._pairs.before[base])
            return [
                self._missed(writer, one, after, self._because(base)),
                self._overwritten(Link(link.target, writer, WW, -1), after, before, "if it did"),
            ]
        if rule == SEEN:
            return [*steps, self._read(writer, reader, self._read_between(writer, reader))]
        if writer != earlier:
            steps.append(self._read(writer, earlier, self._read_of(earlier, before)))
        order = SESSION if rule == SESSION_RULE else REALTIME
        return [*steps, self._step(Link(earlier, reader, order, -1))]

    def _missed_if_never_deleted(self, link: Link) -> list[Step]:
        """If the reader saw the state before the first write, it missed somebody who came before it with the key."""
        seen, read = self._seen, int(self._found.read[link.mark])
        key, reader = int(seen.version_key[seen.read_version[read]]), link.target
        first, absent = seen.installs + key, bool(seen.accesses.absent[seen.read_access[read]])
        there = (seen.version_key == key) & (seen.version_value != NOTHING) & (seen.version_row >= 0)
        had = [(int(seen.version_row[one]), int(one)) for one in np.flatnonzero(there)]
        had += [
            (int(seen.read_row[one]), int(seen.read_version[one])) for one in np.flatnonzero(there[seen.read_version])
        ]
        ways = [(self._way(row, reader), row, version) for row, version in had]
        way, row, version = min(one for one in ways if one[0] >= 0)
        writer = int(seen.version_row[version])
        why = "if it was not there yet"
        steps = [self._missed(reader, first, version, why, predicate=absent)] if writer != reader else []
        if row != writer:
            steps.append(self._read(writer, row, self._read_of(row, version)))
        if way == WR:
            return [*steps, self._read(row, reader, self._read_between(row, reader))]
        return [*steps, self._step(Link(row, reader, way, -1))]

    def _way(self, row: int, reader: int) -> int:
        """The kind of an edge from a row to a reader that demands least, -1 for none."""
        history = self._seen.history
        of_row = self._seen.version_row[self._seen.read_version] == row
        if bool((of_row & (self._seen.read_row == reader)).any()):
            return WR
        if history.status[row] != Status.OK or row == reader:
            return -1
        if history.client[row] == history.client[reader] and row < reader:
            return SESSION
        return REALTIME if history.end[row] < history.start[reader] else -1

    def _read_of(self, row: int, version: int) -> int:
        return int(np.flatnonzero((self._seen.read_row == row) & (self._seen.read_version == version))[0])

    def _read_between(self, writer: int, reader: int) -> int:
        of_writer = self._seen.version_row[self._seen.read_version] == writer
        return int(np.flatnonzero(of_writer & (self._seen.read_row == reader))[0])

    # Steps.

    def _step(self, link: Link) -> Step:
        if link.kind == WR:
            return self._read(link.source, link.target, int(self._found.read[link.mark]))
        if link.kind in {WW, RW, RW_PREDICATE}:
            pair = int(self._found.pair[link.mark])
            one, two = int(self._pairs.before[pair]), int(self._pairs.after[pair])
            if link.kind == WW:
                return self._overwritten(link, one, two, self._because(pair))
            predicate = link.kind == RW_PREDICATE
            return self._missed(link.source, one, two, self._because(pair), predicate=predicate)
        return order_step(self._seen.history, link)

    def _read(self, writer: int, reader: int, read: int) -> Step:
        version = int(self._seen.read_version[read])
        key, value = self._key(version), self._value(version)
        absent = bool(self._seen.accesses.absent[self._seen.read_access[read]])
        saw = f"found no {shown(key)} in its range" if absent else self._saw(version)
        left = f"which T{writer} wrote" if value is not None else f"for T{writer} had deleted it"
        sentence = f"T{reader} {saw}, {left}. So T{writer} comes before T{reader}."
        return Step("wr", writer, reader, key, value, sentence)

    def _missed(self, reader: int, one: int, two: int, why: str, *, predicate: bool = False) -> Step:
        writer = int(self._seen.version_row[two])
        saw = f"found no {shown(self._key(one))} in its range" if predicate else self._saw(one)
        sentence = f"T{reader} {saw}, and T{writer} {self._did(two)} after that: {why}."
        sentence += f" So T{reader} comes before T{writer}."
        return Step("rw", reader, writer, self._key(two), self._value(two), sentence, predicate)

    def _overwritten(self, link: Link, one: int, two: int, why: str) -> Step:
        sentence = f"T{link.source} {self._did(one)} before T{link.target} {self._did(two)}: {why}."
        return Step("ww", link.source, link.target, self._key(two), self._value(two), sentence)

    def _because(self, pair: int) -> str:
        """What makes the order of a pair of versions certain."""
        earlier, later = f"T{int(self._pairs.earlier[pair])}", f"T{int(self._pairs.later[pair])}"
        one, two = int(self._pairs.before[pair]), int(self._pairs.after[pair])
        had, then = self._had(earlier, one), self._had(later, two)
        return {
            INITIAL: "whatever is written comes after the initial state",
            UPDATE: f"{later} {self._saw(one)} before it {self._did(two)}",
            FOLLOWS: f"{later} had seen what T{int(self._seen.version_row[one])} did before it {self._did(two)}",
            BEHIND: f"{later} had nothing between what it read of {shown(self._key(one))} and what it wrote",
            SEEN: f"{later} saw both {shown(self._value(two))} there and what T{self._seen.version_row[one]} did",
            SESSION_RULE: f"the same client ran {earlier}, which {had}, before {later}, which {then}",
            REALTIME_RULE: f"{earlier}, which {had}, had ended before {later} began, which {then}",
        }[int(self._pairs.rule[pair])]

    # Words.

    def _had(self, name: str, version: int) -> str:
        return self._did(version) if name == f"T{int(self._seen.version_row[version])}" else self._saw(version)

    def _key(self, version: int) -> Any:
        return self._seen.history.keys[int(self._seen.version_key[version])]

    def _value(self, version: int) -> Any:
        value = int(self._seen.version_value[version])
        return None if value == NOTHING else self._seen.history.values[value]

    def _saw(self, version: int) -> str:
        return f"read {shown(self._key(version))} as {shown(self._value(version))}"

    def _did(self, version: int) -> str:
        key, value = shown(self._key(version)), self._value(version)
        return f"deleted {key}" if value is None else f"wrote {shown(value)} to {key}"
