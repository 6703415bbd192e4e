"""What stays of transactions that were retired: for each key how its list begins, and which appends nobody saw yet.

    retired   append x 1 · append x 2 · append x 3      x begins with 2 elements of this digest; 3 was not seen yet
    later     read x = [1 2 3 4]                         agrees, and shows where 3 stands
              read x = [1 2 4]                           touches the past: only the whole log can say what this is

Every later transaction began after all retired ones had ended. A read that does not show them contradicts real
time at the least. The memory is a constant for each key, and for each append that nobody saw, where a key's elements
are whole numbers in a row; all others are remembered, to notice one that is appended again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec
import xxhash

from checkers.streaming.rows import Append, Read

__all__ = ["UNSEEN_MAX", "Knot", "Past", "Unseen"]

# Of one key; nobody waits for a read of a key to which everybody only appends.
UNSEEN_MAX: Final = 32


class Knot:
    """Retired transactions with appends that have no order yet: which of them has to precede which."""

    def __init__(self, leads_to: Mapping[int, Iterable[int]]) -> None:
        """`leads_to` are, for the id of each, the ids that it has a way to."""
        self._leads_to = {one: {one, *others} for one, others in leads_to.items()}

    def put(self, before: int, after: int) -> bool:
        """Learn that `before` comes first; False where that closes a cycle, or where one of them is not known."""
        if not {before, after} <= self._leads_to.keys() or before in self._leads_to[after]:
            return False
        gained = self._leads_to[after]
        for one, reached in self._leads_to.items():
            if before in reached:
                self._leads_to[one] = reached | gained
        return True


class Unseen(NamedTuple):
    """A retired append that no read has shown.

    `txn` is its transaction's id, `place` its place there, `end` None where real time does not lead on from it.
    `batch` numbers those that were retired together, and `knot` is shared by those of them that ran at the same time.
    `on_cycle`: where it stands in its key's list may decide what cycle its transaction is on.
    """

    element: bytes
    txn: int
    place: int
    start: int
    end: int | None
    batch: int
    knot: Knot | None
    on_cycle: bool


class _KeyPast:
    """One key: how many elements its list begins with, and their digest; then the unseen appends."""

    __slots__ = ("appended", "count", "crowded", "digest", "unseen")

    def __init__(self) -> None:
        self.count = 0
        self.digest = _digest(())
        self.unseen: list[Unseen] = []
        self.crowded = False
        self.appended = _Elements()


class Past:
    """All keys of a stream. Keys and elements are bytes, as `rows` has them."""

    def __init__(self) -> None:
        self._keys: dict[bytes, _KeyPast] = {}
        self._settled: set[bytes] = set()  # Keys of which a read has shown where retired appends stand.

    def __len__(self) -> int:
        """How many appends are remembered one by one."""
        return sum(len(one.unseen) for one in self._keys.values())

    def register(self, append: Append) -> bool:
        """Note an append of the stream; False where its element was appended to its key before."""
        return self._of(append.key).appended.add(append.element)

    def count(self, key: bytes) -> int:
        """How many elements every list of the key begins with, because of what is retired."""
        past = self._keys.get(key)
        return past.count if past else 0

    def begins(self, read: Read) -> bool:
        """Whether the read shows all of the past that is in order, and nothing is open."""
        past = self._keys.get(read.key)
        return past is None or (not past.unseen and not past.crowded and _begins(past, read.elements))

    def agrees(self, read: Read) -> bool:
        """Whether the read begins with the past, as far as that is in order."""
        past = self._keys.get(read.key)
        return past is None or _begins(past, read.elements)

    def reached_by(self, read: Read) -> bool:
        """Whether a read that once began with the past is long enough for what it is now."""
        past = self._keys.get(read.key)
        return past is None or len(read.elements) >= past.count + len(past.unseen)

    def accept(self, read: Read) -> bool:
        """Take a later read of a committed transaction as evidence; False where it touches the past."""
        past = self._keys.get(read.key)
        if past is None:
            return True
        if past.crowded or not _begins(past, read.elements):
            return False
        if past.unseen:
            shown = read.elements[past.count : past.count + len(past.unseen)]
            if not _settled(past.unseen, shown):
                return False
            past.unseen = []
            self.extend(read.key, read.elements[: past.count + len(shown)])
            self._settled.add(read.key)
        return True

    def settled(self) -> frozenset[bytes]:
        """The keys whose list begins with more than before because of a read, since this was last asked."""
        keys, self._settled = frozenset(self._settled), set()
        return keys

    def extend(self, key: bytes, elements: Sequence[bytes]) -> None:
        """The key's list begins with these elements from now on."""
        past = self._of(key)
        past.count, past.digest = len(elements), _digest(elements)

    def leave_unseen(self, key: bytes, unseen: Unseen) -> None:
        """Remember an append of a retired transaction that no read has shown."""
        past = self._of(key)
        past.unseen.append(unseen)
        if past.crowded or len(past.unseen) > UNSEEN_MAX:
            past.crowded, past.unseen = True, []

    def _of(self, key: bytes) -> _KeyPast:
        past = self._keys.get(key)
        if past is None:
            past = self._keys[key] = _KeyPast()
        return past


def _begins(past: _KeyPast, elements: Sequence[bytes]) -> bool:
    return len(elements) >= past.count and _digest(elements[: past.count]) == past.digest


def _digest(elements: Sequence[bytes]) -> int:
    # No encoded element is the beginning of another: the bytes of all of them can be cut in one way only.
    return xxhash.xxh3_64_intdigest(b"".join(elements))


def _settled(unseen: Sequence[Unseen], shown: Sequence[bytes]) -> bool:
    """Whether a list shows all these appends next, in an order that says nothing new but what a knot allows."""
    by_element = {one.element: one for one in unseen}
    if len(shown) != len(unseen) or by_element.keys() != set(shown):
        return False
    return all(_may_follow(one, two) for one, two in pairwise(by_element[element] for element in shown))


def _may_follow(one: Unseen, two: Unseen) -> bool:
    """Whether it is harmless that `two` was found behind `one`; it is learnt."""
    if one.txn == two.txn:
        return one.place < two.place
    if one.batch != two.batch:
        return one.batch < two.batch  # No way leads from one batch back into an earlier one.
    if one.on_cycle or two.on_cycle:
        return False
    if one.end is not None and one.end < two.start:
        return True
    return one.knot is not None and one.knot.put(one.txn, two.txn)


class _Elements:
    """A set of encoded elements. Whole numbers are kept as runs: a counter's elements take no space, however many."""

    __slots__ = ("_first", "_last", "_others")

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        self._others: set[bytes] | None = None

    def add(self, element: bytes) -> bool:
        """Whether it was not there yet."""
        value = msgspec.msgpack.decode(element)
        if type(value) is int:
            return self._add_number(value)
        if self._others is None:
            self._others = set()
        before = len(self._others)
        self._others.add(element)
        return len(self._others) > before

    def _add_number(self, value: int) -> bool:
        at = bisect_right(self._first, value)
        if at and self._last[at - 1] >= value:
            return False
        extends = at > 0 and self._last[at - 1] == value - 1
        precedes = at < len(self._first) and self._first[at] == value + 1
        if extends and precedes:
            self._last[at - 1] = self._last.pop(at)
            del self._first[at]
        elif extends:
            self._last[at - 1] = value
        elif precedes:
            self._first[at] = value
        else:
            self._first.insert(at, value)
            self._last.insert(at, value)
        return True
