"""The checkers of list-append against brute force. The whole at length, in an hour or so of CPU:

ANOMALIST_SOAK=20 python -m pytest -n auto tests/oracle/test_differential_lists.py
"""

from __future__ import annotations

import pytest

from harness.history import Txn

from .differential import assert_agreement
from .exhaustive import TIMES, all_histories
from .histories import random_history
from .soak import TIMES_AS_MANY
from .strata import STRATA, members
from .verdicts import MOST_TXNS

CHECKERS = ("list-append", "visibility")
EACH = 1_000 * TIMES_AS_MANY
PARTS = 4


@pytest.mark.parametrize("stratum", STRATA)
def test_strata(stratum: str) -> None:
    """In a thousand histories of each stratum no level is accused or passed against brute force, and proofs hold."""
    for history, verdicts in members("list-append", stratum, EACH):
        assert_agreement(CHECKERS, history, verdicts)


@pytest.mark.parametrize("part", range(PARTS))
def test_histories_with_bugs(part: int) -> None:
    """The same for histories of databases with bugs, and for arbitrary lists and cycles."""
    for seed in range(part, EACH, PARTS):
        history = random_history(seed)
        if len(history) <= MOST_TXNS and not _tear_appends(history):
            assert_agreement(CHECKERS[:1], history)


@pytest.mark.parametrize("part", range(PARTS))
def test_all_small_histories(part: int) -> None:
    """The same for all histories of up to three transactions of two operations on two keys.

    In turn they ran at a time, one after another, and in sessions. Lists that no order of appends allows are
    tried one in eight times.
    """
    tried = 0
    for number, history in enumerate(all_histories("append", part, PARTS)):
        if TIMES_AS_MANY == 1 and number % 8 and not _have_an_order(history):
            continue
        if not _tear_appends(history):
            times = TIMES[number % len(TIMES)]
            assert_agreement(CHECKERS, [_at(txn, at) for txn, at in zip(history, times, strict=False)])
            tried += 1
    assert tried > 2_000


def _at(txn: Txn, at: tuple[int, int, int]) -> Txn:
    client, start, end = at
    return txn._replace(client=client, start=start, end=end)


def _have_an_order(history: list[Txn]) -> bool:
    """Whether of any two lists of a key one begins with the other."""
    lists = [(op.key, op.value) for txn in history for op in txn.ops if op.kind == "r"]
    return all(a[: len(b)] == b[: len(a)] for key, a in lists for other, b in lists if key == other)


def _tear_appends(history: list[Txn]) -> bool:
    """Whether a list has another transaction's appends in another order than it made them, or not from the first on.

    Such histories are left out: they are not yet judged as brute force does.
    """
    return any(
        tuple(e for e in op.value if e in appended) != appended[: sum(e in appended for e in op.value)]
        for reader in history
        for op in reader.ops
        if op.kind == "r" and isinstance(op.value, list)
        for writer in history
        if writer is not reader
        for appended in [tuple(one.value for one in writer.ops if one.kind == "append" and one.key == op.key)]
    )
