"""The checker of histories with range reads against brute force. The whole at length, in some hours of CPU:

ANOMALIST_SOAK=20 python -m pytest -n auto tests/oracle/test_differential_predicates.py
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.history import Txn

from .differential import assert_agreement
from .soak import TIMES_AS_MANY
from .spoiled import spoiled
from .strata import STRATA, members
from .verdicts import Verdicts

EACH = 1_000 * TIMES_AS_MANY
PARTS = 4


@pytest.mark.parametrize("stratum", STRATA)
def test_strata(stratum: str) -> None:
    """In a thousand histories of each stratum no level is accused or passed against brute force, and proofs hold."""
    for history, verdicts in members("predicate", stratum, EACH):
        assert_judged(history, verdicts)


@pytest.mark.parametrize("part", range(PARTS))
def test_histories_with_bugs(part: int) -> None:
    """The same where single reads saw something else: aborted or invented values, a key missing or one too many."""
    for seed in range(part, EACH, PARTS):
        history = spoiled("predicate", seed)
        assert_judged(history, Verdicts(history))


def assert_judged(history: Sequence[Txn], verdicts: Verdicts) -> None:
    """With deletes the checker may have doubts: it does not try every delete that a read of nothing may have seen."""
    deletes = any(op.kind == "delete" for txn in history for op in txn.ops)
    assert_agreement(("predicates",), history, verdicts, proving=not deletes, doubting=deletes)
