"""Schedules in a line of text, run on one thread, and the judgement whether what was seen has a serial explanation.

    r1x  transaction 1 reads x      w1x  writes a new value      d1x  deletes x      s1xz  scans [x, z)
    c1   commits                    a1   aborts

Names are single characters and keys single letters; a transaction begins with its first step. `~` is a key behind
all letters. The name 9 belongs to the scan of everything that ends every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations
from random import Random
from typing import Any, Final, NamedTuple

from engine import Conflict, Database, IsolationLevel

__all__ = [
    "KEYS",
    "Ran",
    "committed",
    "has_dependency_cycle",
    "is_strictly_serializable",
    "random_schedule",
    "refused",
    "run",
]

KEYS: Final = "xyz"  # of random schedules, and what dependencies are looked for on


class Ran(NamedTuple):
    """A transaction as its client saw it."""

    name: str
    steps: list[tuple[str, str, Any]]  # kind, key, and what was read or written; None for a deletion
    start: int  # the place of its first step in the schedule
    end: int  # the place of its commit or abort
    outcome: str  # "committed", "aborted", or the reason of the refusal


def run(
    schedule: str,
    initial: str = "",
    isolation: IsolationLevel = IsolationLevel.SERIALIZABLE,
    database_class: type[Database] = Database,
    check: bool = False,
) -> list[Ran]:
    """Run a schedule on a fresh database in which the letters of `initial` exist; close with a scan of everything.

    Returns the transactions in the order of their ends. `check` asserts the engine's invariants after every step.
    """
    database = database_class.open()
    if initial:
        database.put_batch([(key, b"0") for key in initial])
    sessions: dict[str, Any] = {}
    steps: dict[str, list[tuple[str, str, Any]]] = {}
    starts: dict[str, int] = {}
    ran = []
    for place, token in enumerate([*schedule.split(), "s9\0~", "c9"]):
        kind, name, key = token[0], token[1], token[2:]
        if name not in sessions:
            sessions[name] = database.begin_transaction(isolation)
            steps[name] = []
            starts[name] = place
        if kind in "ca":
            outcome = _end(sessions[name], kind)
            ran.append(Ran(name, steps[name], starts[name], place, outcome))
        else:
            value = f"{name}.{len(steps[name])}".encode()
            steps[name].append((kind, key, _step(sessions[name], kind, key, value)))
        if check:
            database._check()
    return ran


def _step(transaction: Any, kind: str, key: str, value: bytes) -> Any:
    if kind == "r":
        return transaction.get(key)
    if kind == "s":
        return transaction.scan(key[0], key[1])
    if kind == "w":
        transaction.put(key, value)
        return value
    transaction.delete(key)
    return None


def _end(transaction: Any, kind: str) -> str:
    if kind == "a":
        transaction.abort()
        return "aborted"
    try:
        transaction.commit()
    except Conflict as conflict:
        return conflict.reason
    return "committed"


def committed(ran: Iterable[Ran]) -> list[Ran]:
    """Those that took effect."""
    return [one for one in ran if one.outcome == "committed"]


def refused(ran: Iterable[Ran]) -> str:
    """The names of those that were refused, in the order of their ends."""
    return "".join(one.name for one in ran if one.outcome not in {"committed", "aborted"})


def is_strictly_serializable(ran: Sequence[Ran], initial: str = "") -> bool:
    """Whether some order of these transactions, true to real time, gives every one of them what it saw."""
    state = {key.encode(): b"0" for key in initial}
    return any(_respects_time(order) and _explains(order, dict(state)) for order in permutations(ran))


def _respects_time(order: Sequence[Ran]) -> bool:
    latest = -1
    for one in order:
        if one.end < latest:
            return False
        latest = max(latest, one.start)
    return True


def _explains(order: Sequence[Ran], state: dict[bytes, bytes]) -> bool:
    return all(_replays(kind, key, seen, state) for one in order for kind, key, seen in one.steps)


def _replays(kind: str, key: str, seen: Any, state: dict[bytes, bytes]) -> bool:
    if kind == "r":
        return bool(state.get(key.encode()) == seen)
    if kind == "s":
        low, high = key[0].encode(), key[1].encode()
        return bool(sorted((k, v) for k, v in state.items() if low <= k < high) == seen)
    if kind == "w":
        state[key.encode()] = seen
    else:
        state.pop(key.encode(), None)
    return True


def random_schedule(random: Random) -> tuple[str, str]:
    """A schedule of two to four transactions over three keys, and its initial keys."""
    programs = [_random_program(random, str(name)) for name in range(1, random.choice((3, 4, 4, 5)))]
    turns = [name for name, program in enumerate(programs) for _ in program]
    random.shuffle(turns)
    schedule = " ".join(programs[name].pop(0) for name in turns)
    return schedule, "".join(key for key in KEYS if random.random() < 0.5)


def _random_program(random: Random, name: str) -> list[str]:
    program = []
    for _ in range(random.randint(1, 4)):
        kind = random.choice("rrrwwds")
        low = random.choice(KEYS)
        high = random.choice([key for key in "yz~" if key > low]) if kind == "s" else ""
        program.append(f"{kind}{name}{low}{high}")
    return [*program, ("c" if random.random() < 0.95 else "a") + name]


def has_dependency_cycle(ran: Sequence[Ran]) -> bool:
    """Whether the committed versions of these transactions form a cycle of ww, wr, rw and real-time edges.

    Taken from places alone: a snapshot is the state at the first step, versions are ordered by their commits.
    """
    follows: dict[str, set[str]] = {one.name: set() for one in ran}
    writers = {key: [one for one in ran if _writes(one, key)] for key in KEYS}
    for one in ran:
        follows[one.name] |= {other.name for other in ran if one.end < other.start}
        for key in KEYS:
            if _writes(one, key):
                follows[one.name] |= {other.name for other in writers[key] if other.end > one.end}
            if _reads(one, key):
                follows[one.name] |= {o.name for o in writers[key] if o.end > one.start and o is not one}
    return any(name in _reachable(name, follows) for name in follows)


def _writes(one: Ran, key: str) -> bool:
    return any(kind in "wd" and at == key for kind, at, _ in one.steps)


def _reads(one: Ran, key: str) -> bool:
    own = False
    for kind, at, _ in one.steps:
        if kind == "s" and at[0] <= key < at[1]:
            return True
        own |= kind in "wd" and at == key
        if kind == "r" and at == key and not own:
            return True
    return False


def _reachable(name: str, follows: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    front = set(follows[name])
    while front:
        found |= front
        front = {two for one in front for two in follows[one]} - found
    return found
