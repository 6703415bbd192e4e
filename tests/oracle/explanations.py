"""Every way to explain the reads of a small history: which UNKNOWN transactions committed, and who was read from.

An explanation has the dependencies that are sure by it: wr from the writer of the version that was read; of lists
also ww, since a list shows the order of its appends and everything it does not hold came later. Only versions that
a committed transaction left at its end can be read by others (Adya 1999: no G1a, no G1b).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any, NamedTuple

from .small import Read, Small, SmallTxn, bits

__all__ = ["NOBODY", "Explanation", "Sight", "explanations"]

NOBODY = -1  # Who left what a key holds at first.


class Sight(NamedTuple):
    """Transaction `reader` saw at this place of its operations what `writer` left at `key`."""

    reader: int
    place: int
    key: Any
    writer: int
    missed: bool


@dataclass
class Explanation:
    """`members` is the mask of those that committed; `ww` are pairs of them that lists show; own reads are no sight.

    `content` are (writer, reader, place): of lists whoever's append the reader saw there, not only the last.
    """

    members: int
    sights: list[Sight]
    writers: dict[Any, list[int]]
    ww: set[tuple[int, int]] = field(default_factory=set)
    content: set[tuple[int, int, int]] = field(default_factory=set)
    consistent: bool = True


def explanations(history: Small) -> Iterator[Explanation]:
    """All explanations; none where a read shows what no committed transaction left.

    Of the UNKNOWN transactions only those take part from whom somebody read: nothing has to follow any other one, and
    without it every other edge and walk stays as it is, or goes away.
    """
    unknown = [i for i in range(len(history.txns)) if not history.committed >> i & 1]
    for chosen in product((0, 1), repeat=len(unknown)):
        taken = [i for i, is_taken in zip(unknown, chosen, strict=True) if is_taken]
        members = history.committed | sum(1 << i for i in taken)
        for one in _lists(history, members) if history.lists else _registers(history, members):
            if {writer for writer, _, _ in one.content} >= set(taken):
                yield one


def _writers(history: Small, members: int) -> dict[Any, list[int]]:
    writers: dict[Any, list[int]] = {}
    for i in bits(members):
        for key in history.txns[i].leaves:
            writers.setdefault(key, []).append(i)
    return writers


def _is_consistent(history: Small, members: int) -> bool:
    return all(history.txns[i].consistent for i in bits(members))


def _registers(history: Small, members: int) -> Iterator[Explanation]:
    writers = _writers(history, members)
    readings = [
        (i, read) for i in bits(members) for read in history.txns[i].reads if not history.txns[i].left_before(read)
    ]
    choices = []
    for i, read in readings:
        left = [w for w in writers.get(read.key, ()) if w != i and history.txns[w].leaves[read.key] == read.value]
        choices.append([*([NOBODY] if read.value is None else []), *left])
    for chosen in product(*choices):
        sights = [
            Sight(i, read.place, read.key, writer, read.missed)
            for (i, read), writer in zip(readings, chosen, strict=True)
        ]
        content = {(sight.writer, sight.reader, sight.place) for sight in sights if sight.writer != NOBODY}
        yield Explanation(members, sights, writers, content=content, consistent=_is_consistent(history, members))


def _lists(history: Small, members: int) -> Iterator[Explanation]:
    writers = _writers(history, members)
    found = Explanation(members, [], writers, consistent=_is_consistent(history, members))
    author = {(key, e): i for key, all_of in writers.items() for i in all_of for e in history.txns[i].leaves[key]}
    longest: dict[Any, tuple[Any, ...]] = {}
    for i in bits(members):
        for read in history.txns[i].reads:
            known = longest.setdefault(read.key, read.value)
            short, long = sorted((known, read.value), key=len)
            if long[: len(short)] != short or len(set(long)) < len(long):
                return
            longest[read.key] = long
            if not _see_list(history, found, author, i, read):
                return
    for key, all_of in writers.items():
        _order(found, [author[key, e] for e in longest.get(key, ())], history, key, all_of, longest.get(key, ()))
    yield found


def _see_list(history: Small, found: Explanation, author: dict[Any, int], reader: int, read: Read) -> bool:
    """Whether what was read had been appended before, by committed transactions, and is all of the last one's."""
    txn = history.txns[reader]
    own = {e for place, key, elements in txn.own if key == read.key and place < read.place for e in elements}
    seen = [author.get((read.key, e)) for e in read.value]
    if None in seen or any(w == reader and e not in own for e, w in zip(read.value, seen, strict=True)):
        return False
    if not all(w == reader or _as_appended(history.txns[w], read) for w in seen if w is not None):
        return False
    found.content |= {(w, reader, read.place) for w in seen if w is not None and w != reader}
    writer = seen[-1] if seen else NOBODY
    assert writer is not None
    if writer == reader:
        return True
    if writer != NOBODY and history.txns[writer].leaves[read.key][-1] != read.value[-1]:
        return False
    found.sights.append(Sight(reader, read.place, read.key, writer, read.missed))
    return True


def _as_appended(writer: SmallTxn, read: Read) -> bool:
    """Whether the list has this transaction's appends in their order, with none left out between them."""
    appended = writer.leaves[read.key]
    shown = tuple(e for e in read.value if e in appended)
    return bool(shown == appended[: len(shown)])


def _order(
    found: Explanation, authors: list[int], history: Small, key: Any, all_of: list[int], seen: tuple[Any, ...]
) -> None:
    """ww: as the list shows, and from the last one seen to those who appended what nobody saw."""
    found.ww |= {(a, b) for a, b in pairwise(authors) if a != b}
    later = [i for i in all_of if any(e not in seen for e in history.txns[i].leaves[key])]
    found.ww |= {(a, b) for a in authors[-1:] for b in later if a != b}
