"""The register and graph checkers on histories made by hand."""

from __future__ import annotations

import pytest

from checkers.invariants.graph_integrity import check_graph
from checkers.register import check_register
from harness.history import UNSEEN, Op, Status, Txn
from tests.checkers.rows import history, r, row, w

STALE = "G-single-item-realtime"
DELETE = Op("delete", "k")
W1 = row(0, 1, 2, w("k", 1))
W2 = row(1, 3, 4, w("k", 2))
D = row(1, 3, 4, DELETE)


def read_at(start: int, value: object) -> Txn:
    return row(2, start, start + 5, r("k", value))


def registers(*rows: Txn, cut: str = "") -> list[tuple[str, tuple[int, ...]]]:
    findings = check_register(history(*rows, cut=cut))
    assert findings.doubts == ()
    return [(one.name, one.txns) for one in findings.anomalies]


@pytest.mark.parametrize("newer", [W2, D])
def test_a_value_that_was_replaced_before_is_stale(newer: Txn) -> None:
    """Who begins after a write or a delete had ended may not read what it replaced; who began before it may."""
    assert registers(W1, newer, read_at(5, 1)) == [(STALE, (1, 2))]
    assert registers(W1, newer, read_at(4, 1)) == []
    assert registers(W1, newer._replace(status=Status.UNKNOWN), read_at(5, 1)) == []
    assert registers(W1, newer._replace(start=2), read_at(5, 1)) == []


def test_a_stale_read_is_a_cycle_of_two() -> None:
    """Real time leads from the delete to the reader, and the reader missed the delete."""
    (found,) = check_register(history(W1, D, read_at(5, 1), read_at(6, 1)._replace(client=3))).anomalies
    assert [step[:5] for step in found.steps] == [("realtime", 1, 2, None, None), ("rw", 2, 1, "k", None)]
    assert found.sentence == "T2 read k as 1, although T1 deleted it and had ended before."
    assert found.count == 2


def test_nothing_is_read_where_something_was_written_before() -> None:
    """A read of nothing is stale after a write, unless a delete may have come between."""
    assert registers(W1, read_at(5, None)) == [(STALE, (0, 1))]
    assert registers(W1, read_at(2, None)) == []
    for status in (Status.OK, Status.UNKNOWN):
        assert registers(W1, D._replace(status=status), read_at(5, None)) == []
    assert registers(W1, D._replace(status=Status.ABORTED), read_at(5, None)) == [(STALE, (0, 2))]
    early = row(3, -2, -1, DELETE)
    assert registers(early, W1, read_at(5, None)) == [(STALE, (1, 2))]
    assert registers(early._replace(status=Status.UNKNOWN), W1, read_at(5, None)) == []
    assert registers(W1, read_at(5, None), row(3, 11, 12, DELETE, status=Status.UNKNOWN)) == [(STALE, (0, 1))]


def test_a_readers_own_delete_is_not_what_it_found() -> None:
    """Who found nothing and deleted it then had missed the write all the same, unless somebody else deletes it."""
    cleaner = row(2, 5, 10, r("k"), DELETE)
    assert registers(W1, cleaner) == [(STALE, (0, 1))]
    assert registers(W1, cleaner, row(3, 8, 12, DELETE)) == []
    assert registers(W1, cleaner, row(3, 11, 12, DELETE)) == [(STALE, (0, 1))]


def test_lists_are_values_as_any_other() -> None:
    """A vector that was written is the one that is read."""
    assert registers(row(0, 1, 2, w("k", [1, 2])), read_at(5, [1, 2])) == []
    assert registers(row(0, 1, 2, w("k", [1, 2])), read_at(5, [2, 1])) == [("garbage-read", (1,))]


def test_a_value_is_somebodys_who_was_not_aborted() -> None:
    """A value of nobody is garbage, unless the history is cut; that of an aborted writer is G1a in any case."""
    assert registers(read_at(5, 1)) == [("garbage-read", (0,))]
    assert registers(read_at(5, 1), cut="its end is missing") == []
    assert registers(W1._replace(status=Status.ABORTED), read_at(5, 1)) == [("G1a", (0, 1))]
    assert registers(W1._replace(status=Status.UNKNOWN), read_at(5, 1)) == []


def test_a_cut_history_may_lack_the_delete() -> None:
    """Of a cut history a value that was replaced is stale still, and nothing is not."""
    assert registers(W1, W2, read_at(5, 1), cut="its end is missing") == [(STALE, (1, 2))]
    assert registers(W1, read_at(5, None), cut="its end is missing") == []


def test_own_changes_and_replaced_values_say_nothing() -> None:
    """What a transaction reads after its own write, and what a writer replaced itself, is of no interest here."""
    assert registers(W1, row(1, 3, 4, DELETE, r("k", None))) == []
    assert registers(W1, row(1, 3, 4, w("k", 2), w("k", 3)), read_at(5, 2)) == []
    assert registers(W1, row(1, 3, 4, w("k", 2), w("k", 3)), read_at(5, 1)) == [(STALE, (1, 2))]


def test_only_acknowledged_readers_are_heard() -> None:
    """What an aborted or unknown transaction read does not count, nor an answer that never came."""
    for status in (Status.ABORTED, Status.UNKNOWN):
        assert registers(W1, W2, read_at(5, 1)._replace(status=status)) == []
    assert registers(W1, read_at(5, UNSEEN)) == []


def test_keys_that_are_no_registers_are_doubts() -> None:
    """A value written twice and a change of another kind leave open what a read saw."""
    for other in (w("k", 1), Op("append", "k", 1), Op("incr", "k", (1, 1))):
        findings = check_register(history(W1, row(1, 3, 4, other), read_at(5, 7)))
        assert (findings.anomalies, len(findings.doubts)) == ((), 1)


# Graphs

EDGE = ("a", "k", "b")


def look(start: str, nodes: tuple[str, ...], *edges: tuple[str, str, str]) -> Op:
    return Op("traverse", "g", ((start, 1), (nodes, edges)))


def added(*nodes: str) -> list[Op]:
    return [Op("add_node", "g", node) for node in nodes]


NODES = row(9, -2, -1, *added("a", "b"))
LINK = row(0, 1, 2, Op("add_edge", "g", (EDGE, True)))
GONE = row(1, 3, 4, Op("delete_node", "g", "b"))
SEEN = look("a", ("a", "b"), EDGE)


def graphs(*rows: Txn, cut: str = "") -> list[tuple[str, tuple[int, ...]]]:
    return [(one.name, one.txns) for one in check_graph(history(*rows, cut=cut)).anomalies]


def test_an_edge_without_one_of_its_nodes_dangles() -> None:
    """Whoever sees an edge has to see both ends of it; an aborted reader saw nothing."""
    dangling = row(2, 5, 6, look("a", ("a",), EDGE))
    assert graphs(NODES, LINK, dangling) == [("dangling-edge", (2,))]
    assert graphs(NODES, LINK, dangling._replace(status=Status.ABORTED)) == []
    assert graphs(NODES, LINK, row(2, 5, 6, SEEN)) == []
    (found,) = check_graph(history(NODES, LINK, dangling)).anomalies
    assert found.sentence == "T2 saw the edge a -k-> b, but no node b."


def test_edges_that_could_not_be_followed_dangle() -> None:
    """A database that refuses to follow an edge to nowhere has one; which edges it has, nobody knows then."""
    assert graphs(NODES, LINK, row(2, 5, 6, Op("traverse", "g", (("a", 1), (("a",), None))))) == [
        ("dangling-edge", (2,))
    ]


def test_a_node_that_was_deleted_before_takes_its_edges_with_it() -> None:
    """After a delete had ended nobody sees the node or the edge, unless the delete or the adding is open."""
    late = row(2, 5, 6, SEEN)
    assert graphs(NODES, LINK, GONE, late) == [(STALE, (2, 3))]
    assert graphs(NODES, LINK, GONE, row(2, 4, 6, SEEN)) == []
    for status in (Status.ABORTED, Status.UNKNOWN):
        assert graphs(NODES, LINK, GONE._replace(status=status), late) == []
    again = row(3, 4, 5, *added("b"), Op("add_edge", "g", (EDGE, True)))
    assert graphs(NODES, LINK, GONE, again, row(2, 6, 7, SEEN)) == []


def test_what_was_added_before_is_there() -> None:
    """A node or edge that was added, and that nobody can have deleted, is seen by whoever begins later."""
    alone = look("a", ("a",))
    assert graphs(NODES, LINK, row(2, 5, 6, alone)) == [(STALE, (1, 2))]
    assert graphs(NODES, LINK, row(2, 2, 6, alone)) == []
    assert graphs(NODES, LINK._replace(status=Status.UNKNOWN), row(2, 5, 6, alone)) == []
    refused = row(0, 1, 2, Op("add_edge", "g", (EDGE, False)))
    assert graphs(NODES, refused, row(2, 5, 6, alone)) == []
    for status in (Status.OK, Status.UNKNOWN):
        assert graphs(NODES, LINK, GONE._replace(status=status), row(2, 5, 6, alone)) == []
    assert graphs(NODES, LINK, row(2, 5, 6, look("a", ()))) == [(STALE, (0, 2))]
    assert graphs(NODES, LINK, row(2, 5, 6, alone), cut="its end is missing") == []
    deep_enough = Op("traverse", "g", (("a", 0), (("a",), ())))
    assert graphs(NODES, LINK, row(2, 5, 6, deep_enough)) == []


def test_a_lost_edge_is_a_cycle_of_two() -> None:
    """Real time leads from who added it to the reader, and the reader missed it."""
    (found,) = check_graph(history(NODES, LINK, row(2, 5, 6, look("a", ("a",))))).anomalies
    assert [step[:5] for step in found.steps] == [("realtime", 1, 2, None, None), ("rw", 2, 1, EDGE, None)]
    assert found.sentence == "T2 did not see a -k-> b, although T1 had added it and had ended before."


def test_nobody_sees_what_nobody_added() -> None:
    """An edge of nobody is garbage, unless the history is cut; that of an aborted transaction is G1a."""
    assert graphs(NODES, row(2, 5, 6, SEEN)) == [("garbage-read", (1,))]
    assert graphs(NODES, row(2, 5, 6, SEEN), cut="its end is missing") == []
    assert graphs(NODES, LINK._replace(status=Status.ABORTED), row(2, 5, 6, SEEN)) == [("G1a", (1, 2))]


def test_what_a_transaction_sees_of_its_own_changes_is_no_matter() -> None:
    """After an own delete a transaction may see what nobody else does."""
    assert graphs(NODES, LINK, row(2, 5, 6, Op("delete_node", "g", "b"), look("a", ("a",), EDGE))) == []
