"""The keys in memory: a chain of versions each, newest first, and all keys in order.

    versions[key] = [seq 9, value, [seq 4, value, [seq 2, value, None]]]      value None: deleted at that commit

A value that ends at a moment has that moment behind it: [seq 9, value, older, expires at].

The order is a big sorted list and a small sorted one. Both are replaced together and never mutated, so that a scan
takes the pair and needs no lock; keeping one list sorted costs O(n) per new key, sorting lazily O(n) per scan.
Writers hold the store's commit mutex; readers hold nothing and look at or below a registered snapshot.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterator, Mapping
from heapq import merge
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = ["SIDE_LENGTH_MAX", "Expiring", "Index", "Node", "Writes", "expiry_of", "value_of"]


class Expiring(NamedTuple):
    """A value that is to be written and ends at a moment, in seconds since the epoch."""

    value: bytes
    expires_at: float


Node: TypeAlias = list[Any]  # [seq, value or None, older Node or None], and the expiry where there is one
Writes: TypeAlias = dict[bytes, bytes | Expiring | None]  # None: a deletion

SIDE_LENGTH_MAX: Final = 2048


class Index:
    """Version chains and their order. `live_count` keys have a value now; `_dead` are deleted but still chained."""

    def __init__(self) -> None:
        self.versions: dict[bytes, Node] = {}
        self.live_count = 0
        self._order: tuple[list[bytes], list[bytes]] = ([], [])
        self._dead: set[bytes] = set()
        self._dead_count_max = SIDE_LENGTH_MAX

    def load(self, newest: Mapping[bytes, Node]) -> None:
        """Start from one version per key, as a recovery finds them."""
        self.versions = dict(newest)
        self.live_count = len(newest)
        self._order = (sorted(newest), [])

    def newest_seq(self, key: bytes) -> int:
        """The commit of the newest version of `key`, a deletion included; 0 where there is none."""
        node = self.versions.get(key)
        return 0 if node is None else int(node[0])

    def seqs(self, key: bytes) -> list[int]:
        """The commits of all versions of `key` in memory, newest first."""
        return [node[0] for node in _chain(self.versions.get(key))]

    def keys_between(self, start: bytes, end: bytes | None) -> list[bytes]:
        """All chained keys in [start, end) in order, deleted ones too; `end` None is no bound."""
        main, side = self._order
        inside = _part(main, start, end)
        extra = _part(side, start, end)
        if extra:
            # Two runs in order: Python's sort merges them in linear time.
            inside = sorted(inside + extra)
        return inside

    def visible_between(self, start: bytes, end: bytes | None, snap: int) -> list[tuple[bytes, bytes]]:
        """The (key, value) pairs of [start, end) as of `snap`, in key order."""
        chain = self.versions.get
        found = []
        for key in self.keys_between(start, end):
            node = chain(key)
            while node is not None and node[0] > snap:
                node = node[2]
            if node is not None and node[1] is not None:
                found.append((key, node[1]))
        return found

    def first_visible(
        self, start: bytes, end: bytes | None, snap: int, limit: int, without: Container[bytes] = ()
    ) -> list[tuple[bytes, bytes]]:
        """The first `limit` pairs of `visible_between`, keys in `without` left out. Looks at no key behind them."""
        chain = self.versions.get
        found: list[tuple[bytes, bytes]] = []
        for key in merge(*[_each(keys, start, end) for keys in self._order]):
            node = chain(key)
            while node is not None and node[0] > snap:
                node = node[2]
            if node is not None and node[1] is not None and key not in without:
                found.append((key, node[1]))
                if len(found) == limit:
                    break
        return found

    def entries_at(self, snap: int) -> Iterator[tuple[bytes, bytes | Expiring]]:
        """Every key with its value as of `snap`, as it would be written, in key order."""
        for key in self.keys_between(b"", None):
            node = self.versions.get(key)
            while node is not None and node[0] > snap:
                node = node[2]
            if node is not None and node[1] is not None:
                expires_at = expiry_of(node)
                yield key, node[1] if expires_at is None else Expiring(node[1], expires_at)

    def install(self, writes: Writes, seq: int) -> tuple[list[Node], list[bytes]]:
        """Put the writes of commit `seq` on their chains.

        Returns the nodes that hide an older version, and the keys whose new value ends at a moment.
        """
        versions = self.versions
        fresh: list[bytes] = []
        hiding: list[Node] = []
        ending: list[bytes] = []
        dead: list[bytes] = []
        revived = 0
        for key, value in writes.items():
            older = versions.get(key)
            node: Node = [seq, value, older]
            if value.__class__ is Expiring:
                node = [seq, value.value, older, value.expires_at]
                ending.append(key)
            versions[key] = node
            if older is None:
                fresh.append(key)
            else:
                hiding.append(node)
                if older[1] is None:
                    revived += 1
            if value is None:
                dead.append(key)
        if fresh:
            self._add_to_order(fresh)
        if dead:
            self._dead.update(dead)
        self.live_count += len(fresh) + revived - len(dead)
        return hiding, ending

    def _add_to_order(self, fresh: list[bytes]) -> None:
        main, side = self._order
        if len(fresh) == 1:
            key = fresh[0]
            place = bisect_left(side, key)
            side = [*side[:place], key, *side[place:]]
        else:
            side = sorted(side + fresh)
        if len(side) > SIDE_LENGTH_MAX:
            # As above. The tail alone is copied where all new keys are behind the old ones.
            main, side = (main + side if not main or main[-1] < side[0] else sorted(main + side)), []
        self._order = (main, side)

    def drop_dead(self, horizon: int) -> None:
        """Forget keys whose newest version is a deletion that every snapshot sees, once there are many of them."""
        if len(self._dead) < self._dead_count_max:
            return
        gone = set()
        for key in self._dead:
            node = self.versions[key]
            if node[1] is None and node[0] <= horizon:
                gone.add(key)
        revived = {key for key in self._dead if self.versions[key][1] is not None}
        main, side = self._order
        self._order = ([key for key in main if key not in gone], [key for key in side if key not in gone])
        for key in gone:
            del self.versions[key]
        self._dead -= gone | revived
        self._dead_count_max = max(SIDE_LENGTH_MAX, 2 * len(self._dead), len(self.versions) // 4)

    def every_version(self) -> Iterator[Node]:
        """All versions in memory, deletions included."""
        for newest in list(self.versions.values()):
            yield from _chain(newest)

    def _check(self, seq: int) -> None:
        """Assert the invariants; `seq` is the newest commit. For tests: walks everything."""
        main, side = self._order
        assert main == sorted(set(main)), "the main list is not strictly ascending"
        assert side == sorted(set(side)), "the side list is not strictly ascending"
        assert len(side) <= SIDE_LENGTH_MAX, "the side list was not merged"
        assert not set(main) & set(side), "a key is in both lists"
        assert set(main) | set(side) == set(self.versions), "the order and the chains hold different keys"
        live = sum(1 for node in self.versions.values() if node[1] is not None)
        assert live == self.live_count, f"{live} keys are live, {self.live_count} were counted"
        deleted = {key for key, node in self.versions.items() if node[1] is None}
        assert deleted <= self._dead, "a deleted key is not remembered as one"
        assert self._dead <= set(self.versions), "a key without a chain is remembered as deleted"
        for key, node in self.versions.items():
            seqs = [older[0] for older in _chain(node)]
            assert seqs[0] <= seq, f"{key!r} has a version from the future"
            assert seqs == sorted(set(seqs), reverse=True), f"the chain of {key!r} is not newest first"


def value_of(written: bytes | Expiring | None) -> bytes | None:
    """The value itself, None for a deletion."""
    return written.value if isinstance(written, Expiring) else written


def expiry_of(node: Node) -> float | None:
    """When the value of this version ends; None where it does not."""
    return node[3] if len(node) > 3 else None


def _part(keys: list[bytes], start: bytes, end: bytes | None) -> list[bytes]:
    first = bisect_left(keys, start) if start else 0
    last = len(keys) if end is None else bisect_left(keys, end)
    return keys[first:last]


def _each(keys: list[bytes], start: bytes, end: bytes | None) -> Iterator[bytes]:
    for place in range(bisect_left(keys, start), len(keys)):
        if end is not None and keys[place] >= end:
            return
        yield keys[place]


def _chain(node: Node | None) -> Iterator[Node]:
    while node is not None:
        yield node
        node = node[2]
