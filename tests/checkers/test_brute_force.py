"""Small histories judged by trying everything: the name of each anomaly, and the agreement of both ways to look."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checkers.brute_force import check_by_brute_force
from checkers.serial_orders import TXNS_MAX, serial_order
from harness.build import build_history
from harness.history import UNSEEN, History, Op, Status, Txn

OK, ABORTED, UNKNOWN = Status.OK, Status.ABORTED, Status.UNKNOWN


def ops(text: str) -> tuple[Op, ...]:
    """`rx1` read x as 1, `rx-` as nothing, `rx?` unanswered, `wx1` wrote 1, `dx` deleted it, `sx1y2` scanned a–z."""
    found = []
    for token in text.split():
        kind, rest = token[0], token[1:]
        if kind == "s":
            found.append(
                Op("scan", ("a", "z"), {key: int(rest[at + 1]) for at, key in enumerate(rest) if at % 2 == 0})
            )
        elif kind == "d":
            found.append(Op("delete", rest))
        else:
            value = {"-": None, "?": UNSEEN}.get(rest[1:], rest[1:])
            found.append(Op(kind, rest[0], int(value) if isinstance(value, str) else value))
    return tuple(found)


def timed(*rows: tuple[str, int, int]) -> History:
    """Committed transactions as (operations, start, end)."""
    return build_history([Txn(0, number, ops(row[0]), OK, row[1], row[2]) for number, row in enumerate(rows)])


def with_ends(*rows: str | tuple[str, Status], setup: str = "", last: str = "") -> History:
    """A set-up before all rows and a last reader behind them."""
    txns = [Txn(0, 90, ops(setup), OK, 0, 1)] if setup else []
    for number, row in enumerate(rows):
        text, status = row if isinstance(row, tuple) else (row, OK)
        txns.append(Txn(0, number, ops(text), status, 10 + number, 100 + number))
    if last:
        txns.append(Txn(0, 91, ops(last), OK, 1000, 1001))
    return build_history(txns)


def names(one: History) -> list[str]:
    return sorted(anomaly.name for anomaly in check_by_brute_force(one).anomalies)


@pytest.mark.parametrize(
    ("found", "one"),
    [
        ([], with_ends("rx0 wx1", "rx1 wx2", setup="wx0", last="rx2")),
        (["G0"], with_ends("wx1 wy1", "wx2 wy2", last="rx2 ry1")),
        (["G1a"], with_ends(("wx1", ABORTED), "rx1")),
        (["G1b"], with_ends("wx1 wx2", "rx1", last="rx2")),
        (["G1c"], with_ends("wx1 ry2", "wy2 rx1")),
        (["G-single-item"], with_ends("wx1 wy1", "ry0 rx1", setup="wx0 wy0")),
        (["G-single"], with_ends("wx1 wz1", "s rz1")),
        (["G2-item"], with_ends("rx0 ry0 wx1", "rx0 ry0 wy2", setup="wx0 wy0")),
        (["G2"], with_ends("s wx1", "s wy2")),
        (["G2-item"], with_ends("sx1y1 dx", "sx1y1 dy", setup="wx1 wy1")),
        (["G-nonadjacent-item"], with_ends("wx1", "wy1", "rx1 ry-", "ry1 rx-")),
        (["G-single-item", "lost-update"], with_ends("rx0 wx1", "rx0 wx2", setup="wx0", last="rx2")),
        (["G-single"], with_ends("s wx1", "s wx2", last="rx2")),
        (["G-single-item", "OTV"], with_ends("wx1 wy1", "wx2 wy2", "ry2 rx1", last="rx2 ry2")),
        (["G-single-item", "internal"], with_ends("wx1", "rx0 rx1", setup="wx0")),
        (["G-single", "internal"], with_ends("wx1", "s sx1")),
        (["internal"], with_ends("wx1 rx2")),
        (["garbage-read"], with_ends("rx7")),
        (["garbage-read"], with_ends("sx1z1", setup="wx1 wz1")),
        (["future-read"], with_ends("rx7 wx7")),
        (["G-single-item-realtime"], timed(("wx1", 1, 2), ("rx-", 3, 4))),
        (["G-single-realtime"], timed(("wx1", 1, 2), ("s", 3, 4))),
        (["G2-item-realtime"], timed(("rx- wy1", 1, 9), ("wx2", 2, 3), ("ry-", 4, 5))),
    ],
)
def test_names(found: list[str], one: History) -> None:
    """Each anomaly is found by its name, and nothing beside it."""
    assert names(one) == found
    assert check_by_brute_force(one).doubts == ()


def test_a_cycle_is_proven_step_by_step() -> None:
    """An anomaly's steps lead around the cycle, each with the key and a sentence; names may be the script's."""
    one = with_ends("rx0 ry0 wx1", "rx0 ry0 wy2", setup="wx0 wy0")
    (found,) = check_by_brute_force(one, lambda row: ("set-up", "A", "B")[row]).anomalies
    assert (found.txns, [step[:5] for step in found.steps]) == (
        (1, 2),
        [("rw", 1, 2, "y", 0), ("rw", 2, 1, "x", 0)],
    )
    assert found.sentence == "Each must come before the next: A → B → A."
    assert [step.sentence for step in found.steps] == [
        "A read y as 0, and B wrote over that.",
        "B read x as 0, and A wrote over that.",
    ]


def test_refuted_levels() -> None:
    """What is refuted follows from the catalogue, closed upward; a strictly serializable history refutes nothing."""
    skew = check_by_brute_force(with_ends("rx0 ry0 wx1", "rx0 ry0 wy2", setup="wx0 wy0"))
    assert skew.refuted == ("repeatable-read", "serializable", "strong-session-serializable", "strict-serializable")
    assert check_by_brute_force(with_ends("rx0 wx1", setup="wx0")).refuted == ()


# The kindest explanation


def test_the_kindest_explanation_is_believed() -> None:
    """Where two wrote the same value, a read is of the one that explains it; without such a choice it is not."""
    assert names(with_ends("wx1 wy1", "wx1", "ry- rx1")) == []
    assert names(with_ends("wx1 wy1", "wx2", "ry- rx1")) == ["G-single-item"]


def test_an_order_that_nobody_saw_accuses_nobody() -> None:
    """Two blind writes may have come in either order, until somebody sees which was the last."""
    assert names(with_ends("wx1 wy1", "wx2 wy2")) == []
    assert names(with_ends("wx1 wy1", "wx2 wy2", "rx1", "ry2")) == []
    assert names(with_ends("wx1 wy1", "wx2 wy2", last="rx1 ry2")) == ["G0"]


def test_only_levels_that_every_explanation_refutes_are_refuted() -> None:
    """A read of a value that two transactions wrote: one source makes a G1c, the other a G-single."""
    one = with_ends("wx1 ry2", "wy2 rx1", "wx1 ry-")
    refuted = check_by_brute_force(one).refuted
    assert names(one) == []
    assert refuted == ()


# Transactions of unknown outcome


def test_an_unknown_transaction_may_have_happened_or_not() -> None:
    """It counts once somebody read from it, may take effect late, and is left out where nobody did."""
    assert names(with_ends("rx0", ("wx1", UNKNOWN), setup="wx0", last="rx0")) == []
    assert names(with_ends("rx0", ("wx1", UNKNOWN), setup="wx0", last="rx1")) == []
    late = Txn(0, 0, ops("wx1"), UNKNOWN, 1, 2)
    readers = (Txn(0, 1, ops("rx-"), OK, 3, 4), Txn(0, 2, ops("rx1"), OK, 5, 6))
    assert names(build_history([late, *readers])) == []
    assert names(build_history([late._replace(status=OK), *readers])) == ["G-single-item-realtime"]
    assert names(with_ends("wy1", ("rx0 ry0 wx1", UNKNOWN), "rx1 ry0", setup="wx0 wy0")) == []
    assert names(with_ends("rx0 ry0 wy1", ("rx0 ry0 wx1", UNKNOWN), "rx1", setup="wx0 wy0")) == ["G2-item"]


def test_an_answer_that_never_came_says_nothing() -> None:
    """An operation without an answer contradicts nothing."""
    assert names(with_ends(("rx? wy1", UNKNOWN), "ry1", setup="wx0")) == []


# What is no evidence


def test_what_cannot_be_tried() -> None:
    """Too many transactions, too many explanations or other operations are doubts, not accusations."""
    many = check_by_brute_force(with_ends(*(f"wx{i}" for i in range(TXNS_MAX + 1))))
    assert [doubt.sentence for doubt in many.doubts] == [
        "only histories of up to 9 transactions are judged by trying everything"
    ]
    foreign = build_history([Txn(0, 0, (Op("append", "x", 1),), OK, 0, 1)])
    assert [doubt.sentence for doubt in check_by_brute_force(foreign).doubts] == [
        "operation append has no place in a scripted history"
    ]
    blind = with_ends(*(f"wx{i} wy{i}" for i in range(1, 8)), "rz9")
    found = check_by_brute_force(blind)
    assert [doubt.sentence for doubt in found.doubts] == [
        "there are too many ways to explain its reads to try them all"
    ]
    assert (many.searched, foreign and found.searched, found.anomalies) == ((), (), ())


# Two ways to the same answer


def test_serial_orders() -> None:
    """The order that explains everything is given; real time may leave none."""
    one = timed(("wx1", 1, 2), ("rx-", 3, 4), ("rx1", 3, 4))
    assert serial_order(one) is None
    assert serial_order(one, real_time=False) == (1, 0, 2)
    with pytest.raises(ValueError, match="too many orders of 10 transactions"):
        serial_order(with_ends(*["wx1"] * 10))
    with pytest.raises(ValueError, match="operation incr cannot be replayed"):
        serial_order(build_history([Txn(0, 0, (Op("incr", "x", (1, 1)),), OK, 0, 1)]))


def random_history(random: Random) -> History:
    """Transactions that read anything at all: nothing, a value of a committed, aborted or later write."""
    txns, value = [Txn(0, 90, ops("wx0 wy0"), OK, 0, 1)], 0
    writes: dict[str, list[Any]] = {"x": [0], "y": [0], "z": [None]}
    plans = []
    for number in range(random.randint(1, 3)):
        plan = []
        for _ in range(random.randint(1, 3)):
            kind, key = random.choice(("r", "r", "w", "d", "scan")), random.choice("xyz")
            if kind == "w":
                value += random.random() < 0.9
                writes[key].append(value)
                plan.append(Op("w", key, value))
            elif kind == "d":
                writes[key].append(None)
                plan.append(Op("delete", key))
            else:
                plan.append(Op(kind, key))
        plans.append((number, plan))
    for number, plan in plans:
        start = random.randint(2, 6)
        status = random.choices((OK, ABORTED, UNKNOWN), (8, 1, 1))[0]
        seen = tuple(op if op.kind in {"w", "delete"} else _answered(op, writes, random) for op in plan)
        txns.append(Txn(0, number, seen, status, start, start + random.randint(1, 4)))
    last = tuple(Op("r", key, random.choice(values[-2:])) for key, values in writes.items())
    return build_history([*txns, Txn(0, 91, last, OK, 100, 101)])


def _answered(op: Op, writes: dict[str, list[Any]], random: Random) -> Op:
    if op.kind == "r":
        return op._replace(value=random.choice(writes[op.key]))
    found = {key: random.choice(values) for key, values in writes.items()}
    return Op("scan", ("a", "zz"), {key: value for key, value in found.items() if value is not None})


def test_names_and_orders_agree() -> None:
    """On 300 random histories something refutes strict-serializable, or serializable, iff no such order exists."""
    random, seen = Random(3), {True: 0, False: 0}
    for _ in range(300):
        one = random_history(random)
        found = check_by_brute_force(one)
        if found.doubts:
            continue
        refuted = found.refuted
        assert ("strict-serializable" in refuted) == (serial_order(one) is None)
        assert ("serializable" in refuted) == (serial_order(one, real_time=False) is None)
        seen["serializable" in refuted] += 1
    assert (sum(seen.values()) > 290, min(seen.values()) > 60) == (True, True)
