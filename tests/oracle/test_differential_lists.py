"""The checkers of list-append against brute force. The whole at length, in an hour or so of CPU:

ANOMALIST_SOAK=20 python -m pytest -n auto tests/oracle/test_differential_lists.py
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.history import Status, Txn
from harness.verdict import Findings

from .cycles import PHENOMENA, closed_upward
from .differential import assert_agreement
from .exhaustive import TIMES, all_histories
from .histories import random_history
from .list_append import TooManyOrders, oracle, oracle_every_order
from .notation import notation
from .soak import TIMES_AS_MANY
from .spoiled import spoiled
from .strata import STRATA, members
from .verdicts import MOST_TXNS

CHECKERS = ("list-append", "visibility")
EACH = 1_000 * TIMES_AS_MANY
PARTS = 4
SMALLEST = {one.name: one for one in reversed(PHENOMENA)}


@pytest.mark.parametrize("stratum", STRATA)
def test_strata(stratum: str) -> None:
    """In a thousand histories of each stratum no level is accused or passed against brute force, and proofs hold.

    Names and lengths of witnesses are those of the other oracle.
    """
    named = 0
    for history, verdicts in members("list-append", stratum, EACH):
        found, _ = assert_agreement(CHECKERS, history, verdicts)
        named += assert_named(history, found)
    assert named > EACH * 9 // 10


@pytest.mark.parametrize("part", range(PARTS))
def test_histories_with_bugs(part: int) -> None:
    """The same for histories of databases with bugs, for arbitrary lists and cycles, and for answers changed."""
    for seed in range(part, EACH, PARTS):
        assert_agreement(CHECKERS, spoiled("list-append", seed))
        history = random_history(seed)
        if len(history) <= MOST_TXNS:
            assert_agreement(CHECKERS, history)


@pytest.mark.parametrize("part", range(PARTS))
def test_all_small_histories(part: int) -> None:
    """The same for all histories of up to three transactions of two operations on two keys.

    In turn they ran at a time, one after another, and in sessions. Lists that no order of appends allows are
    tried one in eight times.
    """
    for number, history in enumerate(all_histories("append", part, PARTS)):
        if TIMES_AS_MANY > 1 or number % 8 == 0 or _have_an_order(history):
            times = TIMES[number % len(TIMES)]
            assert_agreement(CHECKERS, [_at(txn, at) for txn, at in zip(history, times, strict=False)])


def assert_named(history: Sequence[Txn], findings: Findings) -> bool:
    """Names are those of the other oracle, so often and so short; where orders are open, those of every order.

    Returns whether they could be compared: not where there are too many orders.
    """
    found = {
        one.name: (one.count, len(one.steps)) for one in findings.anomalies if one.steps and one.name in SMALLEST
    }
    if not _leaves_orders_open(history):
        judgement = oracle(history)
        assert found == judgement.cycles, notation(history)
        others = {one.name for one in findings.anomalies if not one.steps}
        assert others == set(judgement.others), notation(history)
        return True
    try:
        every_order = oracle_every_order(history)
    except TooManyOrders:
        return False
    expected = closed_upward(SMALLEST[name] for name in every_order)
    assert closed_upward(SMALLEST[name] for name in found) == expected, notation(history)
    return True


def _leaves_orders_open(history: Sequence[Txn]) -> bool:
    """Whether of some key more than one append was never read by a transaction that is known to have committed."""
    reads = [op for txn in history if txn.status is Status.OK for op in txn.ops if op.kind == "r"]
    seen = {(op.key, e) for op in reads if isinstance(op.value, list) for e in op.value}
    appends = [op for txn in history for op in txn.ops if op.kind == "append"]
    unread = [op.key for op in appends if (op.key, op.value) not in seen]
    return len(unread) > len(set(unread))


def _at(txn: Txn, at: tuple[int, int, int]) -> Txn:
    client, start, end = at
    return txn._replace(client=client, start=start, end=end)


def _have_an_order(history: list[Txn]) -> bool:
    """Whether of any two lists of a key one begins with the other."""
    lists = [(op.key, op.value) for txn in history for op in txn.ops if op.kind == "r"]
    return all(a[: len(b)] == b[: len(a)] for key, a in lists for other, b in lists if key == other)
