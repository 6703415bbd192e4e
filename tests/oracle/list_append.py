"""A slow judge of list-append histories, written from the definitions: it checks the fast one.

`oracle` draws the edges that are sure whatever the order of appends that nobody read; `oracle_every_order` tries all
these orders. A list that was read is first freed of elements that come again: edges, versions and G1b are judged on
that. The nouns: *included* transactions (OK, and UNKNOWN ones whose append an included one read), *observed* elements
(in the longest list of their key that an included transaction read; the others are unobserved).
Elements are compared by ==; rows are transactions in the order of (start, place in the input).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, combinations, pairwise, permutations, product
from math import factorial, prod
from typing import Any, NamedTuple

from harness.history import UNSEEN, Status, Txn

from .cycles import PHENOMENA, Edge, cycles, holding, minimal

__all__ = [
    "MOST_ORDERS",
    "Judgement",
    "TooManyOrders",
    "dependency_edges",
    "oracle",
    "oracle_every_order",
    "problems",
]

MOST_ORDERS = 500

Key = Any
Element = Any
Groups = list[list[int]]  # Writers of unobserved appends: each of a group precedes each of the next group.


class TooManyOrders(Exception):
    """More than MOST_ORDERS orders of the unobserved appends would have to be tried."""


class Judgement(NamedTuple):
    """What the oracle says of a history.

    cycles: name -> (components that report it, transactions in the shortest witness of any of them).
    others: name -> occurrences, absent where there is none. An occurrence is a distinct
        (reader, key, element) for G1a, future-read and garbage-read; (reader, key, operation) for G1b, internal and
        incompatible-order; (key, aborted element) for dirty-update; (key, element) for duplicate-elements;
        (key, version) for lost-update; (writer, reader, key) for lost-append.
    evidence: sentences on why nothing can be judged; then cycles and others are empty.
    """

    cycles: dict[str, tuple[int, int]]
    others: dict[str, int]
    evidence: list[str]

    @property
    def names(self) -> set[str]:
        """Every anomaly reported."""
        return set(self.cycles) | set(self.others)


def oracle(txns: Sequence[Txn]) -> Judgement:
    """Judge a list-append history: cycles by the edges that are sure, and everything that is not a cycle."""
    rows = _rows(txns)
    evidence = problems(rows)
    if evidence:
        return Judgement({}, {}, evidence)
    facts = _Facts(rows)
    occurrences = {name: set(find(facts)) for name, find in _OTHERS.items()}
    others = {name: len(found) for name, found in occurrences.items() if found}
    return Judgement(cycles(dependency_edges(txns)), others, [])


def oracle_every_order(txns: Sequence[Txn]) -> set[str]:
    """The names of the cycles that the history has under every total order of the unobserved appends of each key.

    (class, suffix, rw kind) counts as holding under one order where the whole graph has a closed walk of it or of a
    smaller one (by the product order); of those that hold under every order the minimal ones are named. Nothing is
    counted per component. Orders are of transactions: one that tears the unobserved appends of a transaction to a
    key apart has a G0, which is below everything, and changes no answer. Empty where the evidence has problems.
    Raises TooManyOrders.
    """
    rows = _rows(txns)
    if problems(rows):
        return set()
    facts = _Facts(rows)
    unobserved = {key: facts.unobserved_writers(key) for key in facts.keys}
    if prod(factorial(len(writers)) for writers in unobserved.values()) > MOST_ORDERS:
        raise TooManyOrders(f"the unobserved appends have more than {MOST_ORDERS} orders")
    everywhere = set(PHENOMENA)
    of_keys = [
        [_edges_of(facts, key, [[writer] for writer in order]) for order in permutations(writers)]
        for key, writers in unobserved.items()
    ]
    for edges in product(*of_keys):
        everywhere &= holding([*facts.order_edges, *chain.from_iterable(edges)])
        if not everywhere:
            break
    return {one.name for one in minimal(everywhere)}


def dependency_edges(txns: Sequence[Txn]) -> list[Edge]:
    """The edges that `oracle` judges, between rows: item and order edges, unobserved appends in no order."""
    facts = _Facts(_rows(txns))
    return _edges(facts, {key: [facts.unobserved_writers(key)] for key in facts.keys})


def problems(txns: Sequence[Txn]) -> list[str]:
    """Why the history is no evidence: a client in two transactions at a time, an element appended twice to a key.

    Transactions of any status count. A client may start its next transaction at the very time its last one ended.
    """
    found = []
    rows = _rows(txns)
    for (a, earlier), (b, later) in combinations(enumerate(rows), 2):
        if earlier.client == later.client and later.start < earlier.end:
            found.append(f"client {earlier.client} runs transactions {a} and {b} at the same time")
    seen: set[tuple[Key, Element]] = set()
    for txn in rows:
        for op in txn.ops:
            if op.kind == "append" and (op.key, op.value) in seen:
                found.append(f"element {op.value!r} is appended twice to {op.key!r}")
            if op.kind == "append":
                seen.add((op.key, op.value))
    return found


def _rows(txns: Sequence[Txn]) -> list[Txn]:
    return sorted(txns, key=lambda txn: txn.start)


def _distinct(elements: Sequence[Element]) -> tuple[Element, ...]:
    """The elements without those that were there before."""
    return tuple(dict.fromkeys(elements))


class _Read(NamedTuple):
    """A read with a known result: `elements` as they were seen, `version` without repetitions."""

    row: int
    place: int
    key: Key
    elements: tuple[Element, ...]

    @property
    def version(self) -> tuple[Element, ...]:
        return _distinct(self.elements)


class _Facts:
    """What the definitions speak of, looked up in the rows of one history."""

    def __init__(self, rows: Sequence[Txn]) -> None:
        self.rows = rows
        self.writer: dict[tuple[Key, Element], int] = {
            (op.key, op.value): row for row, txn in enumerate(rows) for op in txn.ops if op.kind == "append"
        }
        self.keys = sorted({op.key for txn in rows for op in txn.ops}, key=repr)
        self.included = self._included()
        self.reads = [read for row in sorted(self.included) for read in self.reads_of(row)]
        self._order = {key: self._longest(key) for key in self.keys}
        self.order_edges = list(_order_edges(self))

    def reads_of(self, row: int) -> list[_Read]:
        """The reads of one transaction that have a known result, in their order."""
        return [
            _Read(row, place, op.key, tuple(op.value or ()))
            for place, op in enumerate(self.rows[row].ops)
            if op.kind == "r" and op.value is not UNSEEN
        ]

    def _included(self) -> set[int]:
        """OK transactions, and the least set of UNKNOWN ones of which an included one read an append."""
        included = {row for row, txn in enumerate(self.rows) if txn.status == Status.OK}
        while True:
            reads = [read for row in included for read in self.reads_of(row)]
            read_from = {self.writer.get((read.key, element)) for read in reads for element in read.elements}
            unknown = {row for row, txn in enumerate(self.rows) if txn.status == Status.UNKNOWN}
            if (read_from & unknown) <= included:
                return included
            included |= {row for row in read_from & unknown if row is not None}

    def appends(self, row: int, key: Key) -> list[tuple[int, Element]]:
        """(place, element) of the appends of one transaction to one key, in their order."""
        ops = enumerate(self.rows[row].ops)
        return [(place, op.value) for place, op in ops if op.kind == "append" and op.key == key]

    def included_writer(self, key: Key, element: Element) -> int | None:
        """The included transaction that appended the element, None where an aborted one did, or nobody."""
        row = self.writer.get((key, element))
        return row if row in self.included else None

    def is_aborted(self, key: Key, element: Element) -> bool:
        row = self.writer.get((key, element))
        return row is not None and self.rows[row].status == Status.ABORTED

    def order(self, key: Key) -> tuple[Element, ...]:
        """The version order of the observed elements: the longest list, of equally long ones the first."""
        return self._order[key]

    def _longest(self, key: Key) -> tuple[Element, ...]:
        return max((read.version for read in self.reads if read.key == key), key=len, default=())

    def is_compatible(self, read: _Read) -> bool:
        """Whether the read saw a beginning of the version order."""
        return self.order(read.key)[: len(read.version)] == read.version

    def unobserved_writers(self, key: Key) -> list[int]:
        """The included transactions with an append to the key that is nowhere in its version order.

        None for a key whose reads contradict one another: then other reads may show that append, elsewhere.
        """
        if not all(self.is_compatible(read) for read in self.reads if read.key == key):
            return []
        observed = self.order(key)
        return [row for row in sorted(self.included) if any(e not in observed for _, e in self.appends(row, key))]

    def last_writer(self, read: _Read) -> int | None:
        """The included writer of the last element of the read that has one."""
        writers = [self.included_writer(read.key, element) for element in read.version]
        return next((row for row in reversed(writers) if row is not None), None)

    def ends_in_own_append(self, read: _Read) -> bool:
        """Whether the last element with an included writer is one that the reader itself appended before."""
        known = [e for e in read.version if self.included_writer(read.key, e) is not None]
        earlier = [element for place, element in self.appends(read.row, read.key) if place < read.place]
        return bool(known) and known[-1] in earlier


def _edges(facts: _Facts, unobserved: Mapping[Key, Groups]) -> list[Edge]:
    found = {edge for key in facts.keys for edge in _edges_of(facts, key, unobserved[key])}
    return sorted(found | set(facts.order_edges))


def _edges_of(facts: _Facts, key: Key, unobserved: Groups) -> set[Edge]:
    found = set(_write_edges(facts, key, unobserved))
    found |= {edge for read in facts.reads if read.key == key for edge in _read_edges(facts, read, unobserved)}
    return {edge for edge in found if edge.before != edge.after}


def _write_edges(facts: _Facts, key: Key, unobserved: Groups) -> Iterator[Edge]:
    """ww: from each observed writer to the next one, then from the last one into the unobserved ones."""
    writers = [facts.included_writer(key, element) for element in facts.order(key)]
    observed = [[row] for row in writers if row is not None]
    for group, following in pairwise([*observed, *unobserved]):
        yield from (Edge(before, after, "ww") for before in group for after in following)


def _read_edges(facts: _Facts, read: _Read, unobserved: Groups) -> Iterator[Edge]:
    """wr: from the writer of the version that was read. rw: to the writer of the version that came next."""
    if facts.ends_in_own_append(read):
        return
    writer = facts.last_writer(read)
    if writer is not None:
        yield Edge(writer, read.row, "wr")
    if facts.is_compatible(read):
        rest = facts.order(read.key)[len(read.version) :]
        writers = [facts.included_writer(read.key, element) for element in rest]
        following = [*([row] for row in writers if row is not None), *unobserved]
        yield from (Edge(read.row, after, "rw") for after in (following[0] if following else ()))


def _order_edges(facts: _Facts) -> Iterator[Edge]:
    """session: the order of one client's transactions. realtime: ended before the other began. None from UNKNOWN."""
    for a, earlier in enumerate(facts.rows):
        for b, later in enumerate(facts.rows):
            if a not in facts.included or b not in facts.included or earlier.status != Status.OK:
                continue
            if earlier.client == later.client and a < b:
                yield Edge(a, b, "session")
            if earlier.end < later.start:
                yield Edge(a, b, "realtime")


Occurrences = Iterator[tuple[Any, ...]]


def _aborted_reads(facts: _Facts) -> Occurrences:
    """G1a: an element of an aborted transaction was read."""
    for read in facts.reads:
        yield from ((read.row, read.key, e) for e in read.elements if facts.is_aborted(read.key, e))


def _intermediate_reads(facts: _Facts) -> Occurrences:
    """G1b: a read ends with an element after which its writer, another transaction, appended more to that key."""
    for read in facts.reads:
        writer = facts.included_writer(read.key, read.version[-1]) if read.version else None
        if writer is not None and writer != read.row and facts.appends(writer, read.key)[-1][1] != read.version[-1]:
            yield (read.row, read.key, read.place)


def _internal(facts: _Facts) -> Occurrences:
    """internal: a read is not the reader's last read of that key plus its own appends since then.

    Without an earlier read of known result the list has to end with all own appends made so far.
    """
    for read in facts.reads:
        earlier = [one for one in facts.reads_of(read.row) if one.key == read.key and one.place < read.place]
        since = earlier[-1].place if earlier else -1
        own = tuple(e for place, e in facts.appends(read.row, read.key) if since < place < read.place)
        if earlier:
            agrees = read.elements == earlier[-1].elements + own
        else:
            agrees = read.elements[max(len(read.elements) - len(own), 0) :] == own
        if not agrees:
            yield (read.row, read.key, read.place)


def _future_reads(facts: _Facts) -> Occurrences:
    """future-read: a read has an element that the reader appended only later."""
    for read in facts.reads:
        later = [element for place, element in facts.appends(read.row, read.key) if place > read.place]
        yield from ((read.row, read.key, element) for element in later if element in read.elements)


def _dirty_updates(facts: _Facts) -> Occurrences:
    """dirty-update: in one read, an aborted transaction's element stands before an included one's."""
    for read in facts.reads:
        for first, second in combinations(read.version, 2):
            if facts.is_aborted(read.key, first) and facts.included_writer(read.key, second) is not None:
                yield (read.key, first)


def _duplicates(facts: _Facts) -> Occurrences:
    """duplicate-elements: a list has an element twice."""
    for read in facts.reads:
        yield from ((read.key, element) for element in read.elements if read.elements.count(element) > 1)


def _incompatible(facts: _Facts) -> Occurrences:
    """incompatible-order: a read is no beginning of the version order; or, where all are, one shows an append of
    another transaction without that one's earlier appends before it.
    """
    incompatible = {(read.row, read.key, read.place) for read in facts.reads if not facts.is_compatible(read)}
    return incompatible or {(read.row, read.key, read.place) for read in facts.reads if _is_misplaced(facts, read)}


def _is_misplaced(facts: _Facts, read: _Read) -> bool:
    version = list(dict.fromkeys(read.elements))
    for place, element in enumerate(version):
        writer = facts.writer.get((read.key, element))
        if writer is None or writer == read.row or writer not in facts.included:
            continue
        own = [one for _, one in facts.appends(writer, read.key)]
        if not set(own[: own.index(element)]) <= set(version[:place]):
            return True
    return False


def _lost_updates(facts: _Facts) -> Occurrences:
    """lost-update: two transactions read one version before they appended to that key, and then appended.

    The version is the last known result of a read that no own append to the key precedes.
    """
    updaters: dict[tuple[Key, tuple[Element, ...]], list[int]] = {}
    for row, key in product(sorted(facts.included), facts.keys):
        appends = facts.appends(row, key)
        reads = [read for read in facts.reads_of(row) if read.key == key and appends and read.place < appends[0][0]]
        if reads:
            updaters.setdefault((key, reads[-1].version), []).append(row)
    return (version for version, rows in updaters.items() if len(rows) > 1)


def _garbage_reads(facts: _Facts) -> Occurrences:
    """garbage-read: an element was read that nobody appended."""
    for read in facts.reads:
        yield from ((read.row, read.key, e) for e in read.elements if (read.key, e) not in facts.writer)


def _lost_appends(facts: _Facts) -> Occurrences:
    """lost-append: an append of an OK transaction is missing in a read of one that began after its end.

    Only of reads that saw a beginning of the version order: any other contradicts it in a worse way.
    """
    before = {(edge.before, edge.after) for edge in facts.order_edges if edge.kind == "realtime"}
    for (key, element), row in facts.writer.items():
        for read in filter(facts.is_compatible, facts.reads):
            if (row, read.row) in before and read.key == key and element not in read.elements:
                yield (row, read.row, key)


_OTHERS: dict[str, Callable[[_Facts], Occurrences]] = {
    "G1a": _aborted_reads,
    "G1b": _intermediate_reads,
    "internal": _internal,
    "future-read": _future_reads,
    "dirty-update": _dirty_updates,
    "duplicate-elements": _duplicates,
    "incompatible-order": _incompatible,
    "lost-update": _lost_updates,
    "garbage-read": _garbage_reads,
    "lost-append": _lost_appends,
}
