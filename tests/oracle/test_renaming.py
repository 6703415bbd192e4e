"""What must not matter: names of keys, values and clients, the unit of time, and the order of rows of one moment."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import pytest

from anomalist.suites import checker
from harness.build import build_history
from harness.history import UNSEEN, Op, Txn

from .notation import notation
from .soak import TIMES_AS_MANY
from .spoiled import spoiled

CHECKERS = {
    "list-append": ("list-append", "visibility"),
    "register": ("rw-register",),
    "predicate": ("predicates", "rw-register"),
}
EACH = 200 * TIMES_AS_MANY


@pytest.mark.parametrize("kind", CHECKERS)
def test_renaming_and_reordering_change_nothing(kind: str) -> None:
    """The same levels are refuted by the same names, as often and by cycles as long, whatever things are called."""
    for seed in range(EACH):
        history = spoiled(kind, seed)
        # Of lists that contradict each other the first of the longest counts: there the order of rows matters.
        contradict = any(one[0] == "incompatible-order" for one in judged(CHECKERS[kind][0], history)[1])
        changed = renamed(random.Random(seed), history, shuffling=not contradict)
        for name in CHECKERS[kind]:
            assert judged(name, history) == judged(name, changed), f"{notation(history)} and {notation(changed)}"


def judged(name: str, history: Sequence[Txn]) -> tuple[Any, ...]:
    found = checker(name, build_history(history))
    anomalies = sorted((one.name, one.count, len(one.steps)) for one in found.anomalies)
    return found.refuted, anomalies, len(found.doubts), sorted(one.level for one in found.certificates)


def renamed(rng: random.Random, history: Sequence[Txn], *, shuffling: bool) -> list[Txn]:
    """The same history under other names; with `shuffling`, rows that start together change places."""
    keys = dict(zip("abcdxyz", "klmnuvw", strict=True))
    clients = rng.sample(range(100), 100)
    rows = [
        txn._replace(
            client=clients[txn.client],
            ops=tuple(_renamed(op, keys) for op in txn.ops),
            start=txn.start * 10 + 3,
            end=txn.end * 10 + 3,
        )
        for txn in history
    ]
    moments = [list(together) for _, together in groupby(rows, key=lambda txn: txn.start)]
    return [txn for together in moments for txn in (_shuffled(rng, together) if shuffling else together)]


def _renamed(op: Op, keys: Mapping[str, str]) -> Op:
    key = tuple(keys[one] for one in op.key) if isinstance(op.key, tuple) else keys[op.key]
    value = op.value
    if isinstance(value, list):
        value = [_other(one) for one in value]
    elif isinstance(value, dict):
        value = {keys[one]: _other(seen) for one, seen in value.items()}
    elif value is not None and value is not UNSEEN:
        value = _other(value)
    return Op(op.kind, key, value)


def _other(value: int) -> int:
    return 50_000 - 3 * value


def _shuffled(rng: random.Random, together: list[Txn]) -> list[Txn]:
    """In another order, but for the rows of one client, which stay in theirs."""
    places = [txn.client for txn in together]
    rng.shuffle(places)
    left = {client: [txn for txn in together if txn.client == client] for client in places}
    return [left[client].pop(0) for client in places]
