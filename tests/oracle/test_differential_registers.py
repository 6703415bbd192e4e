"""rw-register against brute force, and the names of cycles that it and predicates give.

The whole at length, in some hours of CPU:

ANOMALIST_SOAK=20 python -m pytest -n auto tests/oracle/test_differential_registers.py
"""

from __future__ import annotations

import pytest

from anomalist.suites import checker
from harness.build import build_history
from harness.history import Txn

from .abstract import CLOCKS, MODELS, abstract_history
from .cycles import PHENOMENA, closed_upward
from .differential import assert_agreement
from .exhaustive import TIMES, all_histories
from .list_append import TooManyOrders
from .names import phenomena_of_every_order
from .notation import notation
from .soak import TIMES_AS_MANY
from .spoiled import spoiled
from .strata import STRATA, members

CHECKERS = ("rw-register",)
EACH = 1_000 * TIMES_AS_MANY
PARTS = 4


@pytest.mark.parametrize("stratum", STRATA)
def test_strata(stratum: str) -> None:
    """In a thousand histories of each stratum no level is accused or passed against brute force, and proofs hold."""
    for history, verdicts in members("register", stratum, EACH):
        assert_agreement(CHECKERS, history, verdicts, proving=True)


@pytest.mark.parametrize("part", range(PARTS))
def test_histories_with_bugs(part: int) -> None:
    """The same where single reads saw something else: aborted, intermediate, future, repeated or invented values."""
    for seed in range(part, EACH, PARTS):
        assert_agreement(CHECKERS, spoiled("register", seed), proving=True)


@pytest.mark.parametrize("part", range(PARTS))
def test_all_small_histories(part: int) -> None:
    """The same for all histories of up to three transactions of two operations on two keys.

    In turn they ran at a time, one after another, and in sessions.
    """
    for number, history in enumerate(all_histories("w", part, PARTS)):
        for times in TIMES if TIMES_AS_MANY > 1 else TIMES[number % len(TIMES) :][:1]:
            timed = [
                txn._replace(client=client, start=start, end=end)
                for txn, (client, start, end) in zip(history, times, strict=False)
            ]
            assert_agreement(CHECKERS, timed, proving=True)


@pytest.mark.parametrize("kind", ["register", "predicate"])
def test_names_hold_under_every_order(kind: str) -> None:
    """Whatever cycle is named, every order of the versions has one of that class or a smaller one."""
    smallest = {one.name: one for one in reversed(PHENOMENA)}
    compared = named = 0
    for model in MODELS:
        for seed in range(60 * TIMES_AS_MANY):
            history = made(kind, model, seed)
            try:
                expected = phenomena_of_every_order(history)
            except TooManyOrders:
                continue
            for name in ("rw-register", "predicates"):
                found = {one.name for one in checker(name, build_history(history)).anomalies} & smallest.keys()
                assert closed_upward(smallest[one] for one in found) <= expected, (name, found, notation(history))
                named += len(found)
            compared += 1
    assert compared > 100
    assert named > 100


def made(kind: str, model: str, seed: int) -> list[Txn]:
    return abstract_history(kind, model, seed, plain=bool(seed & 1), clock=CLOCKS[seed % len(CLOCKS)])
