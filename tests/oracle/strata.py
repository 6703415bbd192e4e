"""Histories by the strongest level that allows them: made by a model of that level, and kept if brute force agrees.

Nothing is stored: the same stratum and number give the same history. Every second one has OK transactions only, each
of the others an aborted or unknown one too; the clocks of all are exact or coarse (then with ties).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple

from harness.history import Status, Txn

from .abstract import CLOCKS, abstract_history
from .verdicts import Verdicts

__all__ = ["STRATA", "Stratum", "members"]


class Stratum(NamedTuple):
    """Allowed by one level and not by the other ("" for none); made by a model under one of these clocks."""

    allowed: str
    refused: str
    model: str
    clocks: tuple[str, ...] = CLOCKS


STRATA: dict[str, Stratum] = {
    "PASS": Stratum("strict-serializable", "", "serial", ("true",)),
    "strict only": Stratum("serializable", "strict-serializable", "serial", ("loose",)),
    "SI, not serializable": Stratum("snapshot-isolation", "serializable", "prefix"),
    "PSI, not SI": Stratum("parallel-snapshot-isolation", "snapshot-isolation", "parallel"),
    "causal, not PSI": Stratum("causal-cerone", "parallel-snapshot-isolation", "causal"),
    "read atomic, not causal": Stratum("read-atomic", "causal-cerone", "atomic"),
    "only read committed": Stratum("read-committed", "read-atomic", "torn"),
}


def members(kind: str, name: str, number: int) -> Iterator[tuple[list[Txn], Verdicts]]:
    """The first `number` histories of a stratum, as many of them plain as not, with brute force's verdicts."""
    found = _found(kind, STRATA[name], plain=True), _found(kind, STRATA[name], plain=False)
    return islice((one for pair in zip(*found, strict=True) for one in pair), number)


def _found(kind: str, stratum: Stratum, *, plain: bool) -> Iterator[tuple[list[Txn], Verdicts]]:
    for seed in count():
        clock = stratum.clocks[seed % len(stratum.clocks)]
        history = abstract_history(kind, stratum.model, seed, plain=plain, clock=clock)
        verdicts = Verdicts(history)
        is_refused = not stratum.refused or verdicts.allowed(stratum.refused) is False
        has_other = plain or any(txn.status is not Status.OK for txn in history)
        if has_other and is_refused and verdicts.allowed(stratum.allowed):
            yield history, verdicts
