"""predicates: groups of keys that are scanned while keys are inserted, replaced and deleted.

    T1 ── scan g1 {} ── w g1k1 1 ── commit       neither scan saw the other's new key:
    T2 ──── scan g1 {} ── w g1k2 2 ── commit     T1 ─rw→ T2 ─rw→ T1, both by a predicate

Every key has one program that inserts it, blindly, and for one key in four one that deletes it; who replaces or
deletes a key has read it before, and leaves it if it is not there. So who finds a key missing finds it not yet there
or no longer, and the order of its versions is seen in the reads. Uses keys (the groups in play at a time),
writes_per_key (the programs of each group) and rollback_ratio.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from harness.history import Op
from harness.program import Params, Program, Rng, Rollback, Workload, delete, read, scan, write
from workloads.keys import rotating_groups
from workloads.sweep import no_programs, straight, sweep

__all__ = ["PREDICATES"]

_CHUNK = 16
_GAP = 64
_DELETES_OR_REPLACES = 2  # What the last of three programs of a group does.


def _range(group: int) -> Op:
    # Letters and digits only: they are in the same order in nearly every collation.
    return scan(f"group{group}key", f"group{group}kez")


def _key(group: int, number: int) -> str:
    return f"group{group}key{number}"


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    values = count(1)
    groups = max(1, params.keys)
    for group, turn in rotating_groups(rng, params.keys, max(3, params.writes_per_key)):
        block = group - group % groups
        looks = [_look(rng, block + rng.randrange(groups), turn) for _ in range(rng.randint(1, 2))]
        rollback = rng.random() < params.rollback_ratio
        yield _program(looks, _change(rng, group, turn, values), rollback=rollback)


def _look(rng: Rng, group: int, turn: int) -> Op:
    return read(_key(group, rng.randrange(turn + 1))) if rng.random() < 0.25 else _range(group)


def _change(rng: Rng, group: int, turn: int, values: Iterator[int]) -> Program:
    """Of three programs two insert a key of their own, and one deletes the key before its own or replaces another."""
    if turn % 3 != _DELETES_OR_REPLACES:
        return _insert(_key(group, turn), next(values))
    if rng.random() < 0.5:
        return _if_there(_key(group, turn - 1), delete(_key(group, turn - 1)))
    key = _key(group, rng.choice([one for one in range(turn) if one % 3 != _DELETES_OR_REPLACES]))
    return _if_there(key, write(key, next(values)))


def _insert(key: str, value: int) -> Program:
    yield write(key, value)


def _if_there(key: str, change: Op) -> Program:
    found = (yield read(key)).value
    if found is not None:
        yield change


def _program(looks: Sequence[Op], change: Program, *, rollback: bool) -> Program:
    yield from straight(looks)
    yield from change
    if rollback:
        raise Rollback


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    return sweep(lambda group: [_range(group)], chunk=_CHUNK, gap=lambda _: _GAP)


PREDICATES = Workload("predicates", no_programs, _programs, _finale, Params(keys=1, writes_per_key=12))
