"""Small random histories of reads, writes, deletes and scans, most of them with something wrong.

Reads see any value that another transaction writes to the key, or only those of the ones just before, so that both
wild and nearly right histories come about. Values are unique, and a transaction mostly sees its own writes.
"""

from __future__ import annotations

from random import Random
from typing import Any

from harness.history import UNSEEN, Op, Status, Txn

__all__ = ["random_registers"]

_ALL = ("x", "zz")
_STATUSES = (*([Status.OK] * 8), Status.ABORTED, Status.UNKNOWN)


def random_registers(seed: int, *, deletes: bool = False, scans: bool = False) -> list[Txn]:
    """The history of this seed: 2 to 6 transactions of up to 4 operations on up to 3 keys by up to 4 clients."""
    rng = Random(seed)
    keys = "xyz"[: rng.randint(1, 3)]
    programs = _programs(rng, keys, deletes=deletes, scans=scans)
    clients = rng.randint(1, 4)
    free_at = [0] * clients
    near = rng.random() < 0.5
    txns = []
    for row in range(len(programs)):
        client = rng.randrange(clients)
        start = max(free_at[client] + 1, row + rng.randrange(3))
        end = free_at[client] = start + rng.randrange(6)
        ops = _completed(rng, programs, row, keys, near=near)
        txns.append(Txn(row, client, tuple(ops), rng.choice(_STATUSES), start, end))
    txns.sort(key=lambda txn: txn.start)
    return [txn._replace(id=row) for row, txn in enumerate(txns)]


def _programs(rng: Random, keys: str, *, deletes: bool, scans: bool) -> list[list[Op]]:
    programs: list[list[Op]] = []
    value = 0
    for _ in range(rng.randint(2, 6)):
        program = []
        for _ in range(rng.randint(1, 4)):
            key, chance = rng.choice(keys), rng.random()
            if chance < 0.5:
                program.append(Op("r", key))
            elif scans and chance < 0.65:
                program.append(Op("scan", _ALL))
            elif deletes and chance < 0.75:
                program.append(Op("delete", key))
            else:
                value += 1
                program.append(Op("w", key, value))
        programs.append(program)
    return programs


def _completed(rng: Random, programs: list[list[Op]], row: int, keys: str, *, near: bool) -> list[Op]:
    known: dict[Any, Any] = {}

    def see(key: str) -> Any:
        if key not in known or rng.random() > 0.95:
            others = [other for other in range(len(programs)) if other != row]
            if near:
                others = [other for other in others if other < row][-2:]
            values = [op.value for other in others for op in programs[other] if op.kind == "w" and op.key == key]
            known[key] = rng.choice([None, *values])
        return known[key]

    completed = []
    for op in programs[row]:
        if op.kind == "r":
            completed.append(op._replace(value=UNSEEN if rng.random() < 0.03 else see(op.key)))
        elif op.kind == "scan":
            completed.append(op._replace(value={key: value for key in keys if (value := see(key)) is not None}))
        else:
            known[op.key] = op.value
            completed.append(op)
    return completed
