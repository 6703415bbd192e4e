"""Random histories of a chosen level: abstract executions, in which each transaction is shown what the level allows.

An execution is an order of the transactions, and for each the earlier ones that are visible to it; a read finds what
the last visible writer left (Cerone 2015). What is visible makes the model:

    serial     all earlier ones                      causal    as parallel, but writers of one key may miss each other
    prefix     the first few, with all writers of    atomic    any earlier ones
               the same key                          torn      any earlier ones, and others for every read
    parallel   those of its own replica, what has arrived from the other one, and all writers of the same key

Around it stand aborted transactions, and unknown ones that took effect or did not, under a clock that tells the
order ("true"), one that may be wrong ("loose"), or one that tells nothing ("none").
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from harness.history import UNSEEN, Op, Status, Txn

from .small import bits

__all__ = ["CLOCKS", "KINDS", "MODELS", "abstract_history"]

Shape = tuple[int, str, str]  # A replica, what the transaction does there, and at which keys.

KINDS = ("list-append", "register", "predicate")
CLOCKS = ("true", "loose", "none")
MOST_TXNS = 8

# What a transaction does: r reads, w writes or appends. Each model has what shows that it is no stronger one.
_ANY = ("r", "w", "rr", "ww", "rw", "wr", "rrw", "rwr", "rww")
_SHAPES = {
    "serial": (*_ANY, "rr", "w", "rw", "rw"),
    "prefix": (*_ANY, *("rw", "rrw") * 6),
    "parallel": (*_ANY, *("w", "w", "rr", "rr", "rr") * 6),
    "causal": (*_ANY, *("rrw", "rw", "rww", "rr") * 2),
    "atomic": (*_ANY, *("w", "rw", "rr") * 4),
    "torn": (*_ANY, *("ww", "rr") * 4),
}
_RANGES = (("a", "c"), ("a", "d"), ("b", "d"), ("b", "c"))


def abstract_history(kind: str, model: str, seed: int, *, plain: bool, clock: str) -> list[Txn]:
    """The history of this seed, rows in the order of their starts. `plain` has OK transactions only."""
    rng = random.Random(seed)
    maker = _Maker(rng, kind, model)
    txns = [maker.next(i) for i in range(rng.randrange(4, MOST_TXNS + 1))]
    return _timed(rng, [(Status.OK, ops) for ops in txns] if plain else _troubled(rng, txns), clock)


def _forks(rng: random.Random) -> dict[int, Shape]:
    """Each replica writes a key of its own and then reads both, at places among the first six transactions."""
    places = sorted(rng.sample(range(6), 4))
    first = rng.randrange(2)
    turns = rng.choice(((0, 1, 0, 1), (0, 1, 1, 0), (0, 0, 1, 1)))
    shapes = {0: [rng.choice(("w", "w", "wr")), "rr"], 1: [rng.choice(("w", "w", "wr")), "rr"]}
    return {
        place: (turn ^ first, shapes[turn].pop(0), "ab"[turn] + "ab"[1 - turn])
        for place, turn in zip(places, turns, strict=True)
    }


class _Maker:
    """Makes one transaction after another of an execution, its reads answered."""

    def __init__(self, rng: random.Random, kind: str, model: str) -> None:
        self.rng = rng
        self.kind = kind
        self.model = model
        self.keys = "abc"[: 2 + rng.randrange(2)]
        self.values = 0
        self.deleted: set[str] = set()  # Once each: every delete doubles the explanations of a read of nothing.
        self.leaves: list[dict[str, Any]] = []
        self.replicas = [0, 0]  # What each holds.
        self.visible: list[int] = []
        self.forks = _forks(rng) if model == "parallel" else {}

    def next(self, i: int) -> list[Op]:
        """Operations of transaction `i`, the next one in the order."""
        here, shape, keys = self.forks.get(i) or self._any_program()
        program = [self._op(letter, key) for letter, key in zip(shape, keys, strict=False)]
        written = {op.key for op in program if op.kind not in {"r", "scan"}}
        conflicts = sum(1 << j for j, leaves in enumerate(self.leaves) if written & leaves.keys())
        self.visible.append(MODELS[self.model](self, i, conflicts, here))
        own: dict[str, Any] = {}
        self.leaves.append(own)
        ops = []
        for op in program:
            answer = self._perform(op, own, i)
            if answer is not None:
                ops.append(answer)
        return ops

    def _any_program(self) -> Shape:
        keys = "".join(self.rng.sample(self.keys, len(self.keys)))
        return self.rng.randrange(2), self.rng.choice(_SHAPES[self.model]), keys * 2

    def _op(self, letter: str, key: str) -> Op:
        if self.kind == "predicate" and letter == "r" and self.rng.random() < 0.6:
            return Op("scan", self.rng.choice(_RANGES))
        if self.kind == "predicate" and letter == "w" and key not in self.deleted and self.rng.random() < 0.12:
            self.deleted.add(key)
            return Op("delete", key)
        if letter == "r":
            return Op("r", key)
        self.values += 1
        return Op("append" if self.kind == "list-append" else "w", key, self.values - 1)

    def _seen(self, i: int) -> int:
        """What one read of transaction `i` is shown."""
        return self.rng.getrandbits(i) if self.model == "torn" and i else self.visible[i]

    def _perform(self, op: Op, own: dict[str, Any], i: int) -> Op | None:
        """The operation with its answer; None where a list cannot be read, of which no beginning is seen."""
        if op.kind == "append":
            own[op.key] = (*own.get(op.key, ()), op.value)
        elif op.kind in {"w", "delete"}:
            own[op.key] = op.value
        elif op.kind == "scan":
            found = {key: self._stored(key, own, i) for key in self.keys if _inside(key, op.key)}
            return op._replace(value={key: value for key, value in found.items() if value is not None})
        elif self.kind == "list-append":
            return self._read_list(op, own, i)
        else:
            return op._replace(value=self._stored(op.key, own, i))
        return op

    def _stored(self, key: str, own: dict[str, Any], i: int) -> Any:
        if key in own:
            return own[key]
        writers = [j for j in bits(self._seen(i)) if key in self.leaves[j]]
        return self.leaves[writers[-1]][key] if writers else None

    def _read_list(self, op: Op, own: dict[str, Any], i: int) -> Op | None:
        writers = [j for j, leaves in enumerate(self.leaves[:-1]) if op.key in leaves]
        seen = self._seen(i)
        shown = [bool(seen >> j & 1) for j in writers]
        count = sum(shown)
        if not all(shown[:count]) or (op.key in own and count < len(writers)):
            return None
        elements = [e for j in writers[:count] for e in self.leaves[j][op.key]]
        return op._replace(value=[*elements, *own.get(op.key, ())])

    def arrived(self, i: int, conflicts: int, here: int) -> int:
        """What is visible at a replica: its own, now and then what the other one has, and `conflicts`."""
        if self.rng.random() < 0.1:
            self.replicas[here] |= self.replicas[1 - here]
        visible = self.replicas[here]
        for j in bits(conflicts & ~visible):
            visible |= 1 << j | self.visible[j]
        self.replicas[here] = visible | 1 << i
        return visible


def _serial(maker: _Maker, i: int, conflicts: int, here: int) -> int:
    return (1 << i) - 1


def _prefix(maker: _Maker, i: int, conflicts: int, here: int) -> int:
    return (1 << max(conflicts.bit_length(), i - maker.rng.randrange(4), 0)) - 1


def _parallel(maker: _Maker, i: int, conflicts: int, here: int) -> int:
    return maker.arrived(i, conflicts, here)


def _causal(maker: _Maker, i: int, conflicts: int, here: int) -> int:
    return maker.arrived(i, 0, maker.rng.randrange(2))


def _any(maker: _Maker, i: int, conflicts: int, here: int) -> int:
    return maker.rng.getrandbits(i) if i else 0


def _recent(maker: _Maker, i: int, conflicts: int, here: int) -> int:
    """Mostly of the last three: what these had seen is then often missed."""
    return sum(1 << j for j in range(i) if maker.rng.random() < (0.6 if j >= i - 3 else 0.1))


MODELS: dict[str, Callable[[_Maker, int, int, int], int]] = {
    "serial": _serial,
    "prefix": _prefix,
    "parallel": _parallel,
    "causal": _causal,
    "atomic": _recent,
    "torn": _any,
}


def _inside(key: str, bounds: Any) -> bool:
    return bounds[0] <= key < bounds[1] if isinstance(bounds, tuple) else key.startswith(bounds)


def _troubled(rng: random.Random, txns: Sequence[list[Op]]) -> list[tuple[Status, list[Op]]]:
    """Some become unknown and lose answers; one in five leaves a copy of itself that was aborted or came to nothing.

    A copy writes values of its own, which nobody saw.
    """
    troubled = []
    for ops in txns:
        unknown = rng.random() < 0.2
        known = rng.randrange(len(ops) + 1) if unknown else len(ops)
        troubled.append((Status.UNKNOWN if unknown else Status.OK, _forget(ops, known)))
        if rng.random() < 0.2 and len(troubled) < MOST_TXNS + 2:
            copy = [op._replace(value=op.value + 1000) if op.kind in {"w", "append"} else op for op in ops]
            status = rng.choice((Status.ABORTED, Status.UNKNOWN))
            troubled.append((status, _forget(copy, rng.randrange(len(ops) + 1))))
    return troubled[:MOST_TXNS]


def _forget(ops: Sequence[Op], known: int) -> list[Op]:
    return [
        op if j < known or op.kind not in {"r", "scan"} else op._replace(value=UNSEEN) for j, op in enumerate(ops)
    ]


def _timed(rng: random.Random, txns: Sequence[tuple[Status, list[Op]]], clock: str) -> list[Txn]:
    """Intervals around the places in the order; a coarse clock makes ties. Clients are taken where one is free."""
    tick = rng.choice((1, 1, 4, 8))
    spans = []
    for place, (status, ops) in enumerate(txns):
        at = 4 * place + 20 + (rng.randrange(-12, 13) if clock == "loose" else 0)
        start, end = at - rng.randrange(6), at + rng.randrange(6)
        if clock == "none":
            start, end = rng.randrange(2), 100 + rng.randrange(2)
        if status == Status.UNKNOWN:
            end = rng.randrange(start, end + 1)
        spans.append((start // tick, end // tick, status, ops))
    free_at: dict[int, int] = {}
    rows = []
    for row, (start, end, status, ops) in enumerate(sorted(spans, key=lambda span: span[0])):
        free = [client for client, at in free_at.items() if at <= start]
        client = rng.choice(free) if free and rng.random() < 0.7 else len(free_at)
        free_at[client] = end
        rows.append(Txn(row, client, tuple(ops), status, start, end))
    return rows
