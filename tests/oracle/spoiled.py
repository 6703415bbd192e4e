"""Histories in which single reads saw what they should not have seen."""

from __future__ import annotations

import random
from typing import Any

from harness.history import UNSEEN, Op, Txn

from .abstract import CLOCKS, MODELS, abstract_history

__all__ = ["spoiled"]

_INVENTED = 7777


def spoiled(kind: str, seed: int) -> list[Txn]:
    """An abstract history of this seed with one to three answers changed.

    A read sees nothing, a value of any transaction to that key, aborted ones and the reader itself included, or an
    invented one; a list lacks, repeats or swaps elements; a range read misses a key or has one too many.
    """
    rng = random.Random(seed)
    model = rng.choice(tuple(MODELS))
    txns = abstract_history(kind, model, seed, plain=rng.random() < 0.3, clock=rng.choice(CLOCKS))
    for _ in range(rng.randrange(1, 4)):
        row = rng.randrange(len(txns))
        ops = list(txns[row].ops)
        places = [j for j, op in enumerate(ops) if op.kind in {"r", "scan"} and op.value is not UNSEEN]
        if places:
            place = rng.choice(places)
            ops[place] = ops[place]._replace(value=_wrong(rng, ops[place], txns))
            txns[row] = txns[row]._replace(ops=tuple(ops))
    return txns


def _wrong(rng: random.Random, op: Op, txns: list[Txn]) -> Any:
    if op.kind == "scan":
        key = rng.choice("abc")
        found = {k: v for k, v in op.value.items() if k != key}
        value = _any_value(rng, key, txns)
        inside = op.key[0] <= key < op.key[1]
        return dict(sorted({**found, key: value}.items())) if inside and value is not None else found
    if not isinstance(op.value, list):
        return _any_value(rng, op.key, txns)
    elements = [*op.value, _any_value(rng, op.key, txns)]
    rng.shuffle(elements)
    return [one for one in elements if one is not None][: rng.randrange(len(elements) + 1)]


def _any_value(rng: random.Random, key: str, txns: list[Txn]) -> Any:
    written = [op.value for txn in txns for op in txn.ops if op.kind in {"w", "append"} and op.key == key]
    return rng.choice([*written, *written, None, _INVENTED])
