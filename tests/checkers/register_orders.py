"""Register histories by definition: every order of commits, every snapshot, every version order is tried.

Nothing clever: for histories of a few transactions. An UNKNOWN transaction may have committed or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, permutations, product
from random import Random
from typing import Any

from harness.build import build_history
from harness.history import History, Op, RunInfo, Status, Txn

__all__ = [
    "LEVELS",
    "allowed",
    "among",
    "forked_history",
    "random_history",
    "register_history",
    "simulated_history",
]

LEVELS = {
    "serializable": ("serial", ""),
    "strong-session-serializable": ("serial", "session"),
    "strict-serializable": ("serial", "realtime"),
    "snapshot-isolation": ("snapshot", ""),
    "strong-session-snapshot-isolation": ("snapshot", "session"),
    "strong-snapshot-isolation": ("snapshot", "realtime"),
    "parallel-snapshot-isolation": ("parallel", ""),
}


def register_history(txns: Sequence[Txn], *, clock: str = "positions") -> History:
    """The history of these transactions."""
    return build_history(txns, RunInfo(clock=clock, foreign=True))


def allowed(history: History, level: str, *, all_committed: bool = False) -> bool:
    """Whether some or all of the UNKNOWN transactions and some order explain everything at this level."""
    kind, order = LEVELS[level]
    certain = [txn for txn in history.txns() if txn.status is Status.OK]
    unsure = [txn for txn in history.txns() if txn.status is Status.UNKNOWN]
    explain = {"serial": _serial, "snapshot": _snapshot, "parallel": _parallel}[kind]
    sizes = [len(unsure)] if all_committed else range(len(unsure) + 1)
    subsets = chain.from_iterable(combinations(unsure, size) for size in sizes)
    return any(explain([*certain, *some], _order(history, order)) for some in subsets)


def _order(history: History, order: str) -> set[tuple[int, int]]:
    """The pairs of rows that must keep their order."""
    pairs = set()
    for one in history.txns():
        for two in history.txns():
            if one.status is Status.OK and order:
                if one.client == two.client and one.id < two.id:
                    pairs.add((one.id, two.id))
                if order == "realtime" and one.end < two.start:
                    pairs.add((one.id, two.id))
    return pairs


def _serial(txns: Sequence[Txn], order: set[tuple[int, int]]) -> bool:
    return any(_explains(line, range(len(line)), order) for line in permutations(txns))


def _snapshot(txns: Sequence[Txn], order: set[tuple[int, int]]) -> bool:
    return any(
        _explains(line, places, order)
        for line in permutations(txns)
        for places in product(*(range(place + 1) for place in range(len(line))))
    )


def _explains(line: Sequence[Txn], places: Sequence[int], order: set[tuple[int, int]]) -> bool:
    states: list[dict[Any, Any]] = [{}]
    place_of = {txn.id: place for place, txn in enumerate(line)}
    for txn in line:
        states.append(states[-1] | {op.key: op.value for op in txn.ops if op.kind == "w"})
    for place, (txn, snapshot) in enumerate(zip(line, places, strict=True)):
        if any(two == txn.id and one in place_of and place_of[one] >= snapshot for one, two in order):
            return False
        written = {op.key for op in txn.ops if op.kind == "w"}
        if any(written & {op.key for op in other.ops if op.kind == "w"} for other in line[snapshot:place]):
            return False
        now = dict(states[snapshot])
        for op in txn.ops:
            if op.kind == "w":
                now[op.key] = op.value
            elif now.get(op.key) != op.value:
                return False
    return True


def _parallel(txns: Sequence[Txn], order: set[tuple[int, int]]) -> bool:
    """Some version order whose graph has no circle with fewer than two anti-dependencies."""
    final = {(txn.id, op.key): op.value for txn in txns for op in txn.ops if op.kind == "w"}
    writers = {key: [row for row, other in final if other == key] for _, key in final}
    source = {(key, value): row for (row, key), value in final.items()}
    reads = []
    for txn in txns:
        own: dict[Any, Any] = {}
        for op in txn.ops:
            if op.kind == "w":
                own[op.key] = op.value
            elif op.key in own:
                if own[op.key] != op.value:
                    return False
            elif op.value is None or source.get((op.key, op.value), txn.id) != txn.id:
                reads.append((txn.id, op.key, source.get((op.key, op.value), -1)))
            else:
                return False
    return any(
        _no_short_circle([txn.id for txn in txns], reads, dict(zip(writers, lines, strict=True)), order)
        for lines in product(*(permutations(rows) for rows in writers.values()))
    )


def _no_short_circle(
    rows: Sequence[int],
    reads: Sequence[tuple[int, Any, int]],
    versions: dict[Any, Sequence[int]],
    order: set[tuple[int, int]],
) -> bool:
    depends = {pair for pair in order if set(pair) <= set(rows)}
    depends |= {(one, two) for line in versions.values() for one, two in combinations(line, 2)}
    depends |= {(writer, reader) for reader, _, writer in reads if writer >= 0}
    missed = set()
    for reader, key, writer in reads:
        line = list(versions.get(key, ()))
        later = line[line.index(writer) + 1 :] if writer >= 0 else line
        missed |= {(reader, other) for other in later if other != reader}
    reach = {row: {two for one, two in depends if one == row} for row in rows}
    for middle in rows:
        for row in rows:
            if middle in reach[row]:
                reach[row] |= reach[middle]
    return not any(row in reach[row] for row in rows) and not any(one in reach[two] for one, two in missed)


def random_history(seed: int, *, txns_max: int = 5) -> History:
    """2 to `txns_max` transactions on 1 to 3 keys that read what somebody wrote; times and sessions at random."""
    rng = Random(seed)
    keys, clients = "xyz"[: rng.randint(1, 3)], rng.randint(1, 4)
    count = rng.randint(2, txns_max)
    values: dict[str, list[Any]] = {key: [None] for key in keys}
    programs: list[list[tuple[str, str, Any]]] = []
    number = 0
    for _ in range(count):
        program: list[tuple[str, str, Any]] = []
        for _ in range(rng.randint(1, 4)):
            key = rng.choice(keys)
            if rng.random() < 0.45:
                number += 1
                program.append(("w", key, number))
                values[key].append(number)
            else:
                program.append(("r", key, None))
        programs.append(program)
    txns = list(_timed(rng, programs, values, clients))
    return register_history(txns, clock=rng.choice(("positions", "positions", "sessions")))


def simulated_history(seed: int, *, txns_max: int = 5) -> History:
    """What transactions with snapshots, sometimes one for each key, saw: mostly some kind of snapshot isolation.

    They commit one after another; each reads from a state before, and sometimes overwrites what it did not see.
    """
    rng = Random(seed)
    keys, clients = "xyz"[: rng.randint(2, 3)], rng.randint(2, 5)
    count, torn, careless = rng.randint(3, txns_max), rng.random() < 0.4, rng.random() < 0.3
    states: list[dict[str, Any]] = [{}]
    txns = []
    for row in range(count):
        snapshot = len(states) - 1 - min(rng.choice((0, 0, 1, 1, 2)), len(states) - 1)
        of_key = {key: rng.randint(snapshot, row) if torn else snapshot for key in keys}
        seen = {key: states[of_key[key]].get(key) for key in keys}
        ops = []
        for key in rng.sample(keys, rng.randint(1, len(keys))):
            unchanged = careless or seen[key] == states[-1].get(key)
            if rng.random() < 0.6 or not unchanged:
                ops.append(Op("r", key, seen[key]))
            if unchanged and rng.random() < 0.6:
                ops.append(Op("w", key, 10 * row + len(ops) + 1))
        states.append(states[-1] | {op.key: op.value for op in ops if op.kind == "w"})
        status = Status.OK if rng.random() < 0.9 else Status.UNKNOWN
        start = 10 * row - rng.randint(0, 25)
        txns.append(Txn(row, rng.randrange(clients), tuple(ops), status, start, 10 * row + rng.randint(0, 25)))
    return register_history(txns, clock=rng.choice(("positions", "sessions")))


def forked_history(seed: int) -> History:
    """2 to 4 single writes of x or y, and 2 to 4 transactions that each read both: long forks are frequent."""
    rng = Random(seed)
    writes = [Op("w", rng.choice("xy"), value) for value in range(1, rng.randint(3, 5))]
    programs = [(write,) for write in writes]
    for _ in range(rng.randint(2, 4)):
        found = {key: rng.choice([None, *(op.value for op in writes if op.key == key)]) for key in "xy"}
        programs.append(tuple(Op("r", key, value) for key, value in found.items()))
    return register_history([Txn(row, row, ops, Status.OK, 0, 9) for row, ops in enumerate(programs)])


def among(history: History, rows: Sequence[int]) -> History:
    """These transactions alone, without their reads of values that others wrote."""
    txns = [history.txn(row) for row in rows]
    written = {(op.key, op.value) for txn in txns for op in txn.ops if op.kind == "w"}

    def known(op: Op) -> bool:
        return op.kind == "w" or op.value is None or (op.key, op.value) in written

    kept = [txn._replace(ops=tuple(filter(known, txn.ops))) for txn in txns]
    return register_history(kept, clock=history.info.clock)


def _timed(
    rng: Random, programs: list[list[tuple[str, str, Any]]], values: dict[str, list[Any]], clients: int
) -> Iterator[Txn]:
    free = [0] * clients
    for row, program in enumerate(programs):
        own: dict[str, Any] = {}
        ops = []
        for kind, key, written in program:
            value = written
            if kind == "w":
                own[key] = value
            elif key in own and rng.random() < 0.95:
                value = own[key]
            else:
                mine = {other for what, name, other in program if what == "w" and name == key}
                value = rng.choice([one for one in values[key] if one not in mine])
            ops.append(Op(kind, key, value))
        status = Status.OK if rng.random() < 0.8 else rng.choice((Status.UNKNOWN, Status.UNKNOWN, Status.ABORTED))
        client = rng.randrange(clients)
        start = free[client] + rng.randint(0, 3)
        end = start + rng.randint(0, 4)
        free[client] = end
        yield Txn(row, client, tuple(ops), status, start, end)
