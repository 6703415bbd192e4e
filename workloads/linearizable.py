"""linearizable-register, -counter, -set and -lock: transactions of one operation, on objects that many clients share.

    T1 ── w x 1 ── commit
    T2 ───────────────────── r x nothing      stale: T1 had been acknowledged before T2 began

    T1 ── cas lock nothing → 1 ── replaced ── commit
    T2 ──── cas lock nothing → 2 ──── replaced ── commit      both hold the lock, and nobody gave it back

Uses keys, key_choice, contention, writes_per_key and read_ratio. A register has few values, as in Jepsen's tests of
etcd, so that compare-and-set often hits. A lock is a register: whoever acquired it writes down who it is, and a later
transaction gives it back in its name; the share read_ratio only looks who holds it, which later ones then know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from harness.history import Op
from harness.program import Params, Program, Programs, Rng, Workload, append, read, write
from workloads.keys import KeyChooser
from workloads.sweep import no_programs, read_back, straight

__all__ = ["COUNTER", "LOCK", "REGISTER", "SET"]

_VALUES = range(5)
_INCREMENTS = (1, 1, 1, 2, 5)


def _objects(name: str, change: Callable[[Rng, str, int], Op]) -> tuple[Programs, Programs]:
    """(programs, finale): reads and changes of the objects with this name, and at last one read of each.

    `change(rng, key, number)` is the change with this number.
    """

    def programs(rng: Rng, params: Params) -> Iterator[Program]:
        chooser = KeyChooser(rng, params)
        for number in count():
            if rng.random() < params.read_ratio:
                yield straight([read(f"{name}{chooser.choose()}")])
            else:
                yield straight([change(rng, f"{name}{chooser.choose_for_write()}", number)])

    return programs, read_back((name + "{}").format, chunk=1)


def _change_register(rng: Rng, key: str, number: int) -> Op:
    old, new = rng.choice(_VALUES), rng.choice(_VALUES)
    return write(key, new) if rng.random() < 0.5 else Op("cas", key, (old, new))


def _change_counter(rng: Rng, key: str, number: int) -> Op:
    return Op("incr", key, rng.choice(_INCREMENTS))


def _change_set(rng: Rng, key: str, number: int) -> Op:
    return append(key, number)


def _lock_programs(rng: Rng, params: Params) -> Iterator[Program]:
    chooser = KeyChooser(rng, params)
    holders: dict[str, Any] = {}
    for owner in count(1):
        if rng.random() < params.read_ratio:
            yield _look(f"lock{chooser.choose()}", holders)
        else:
            yield _acquire_or_release(f"lock{chooser.choose_for_write()}", owner, holders, rng.random() < 0.5)


def _look(key: str, holders: dict[str, Any]) -> Program:
    """See who holds it: whoever was thought to may have been refused at his commit."""
    holder = (yield read(key)).value
    if holder is not None:
        holders[key] = holder


def _acquire_or_release(key: str, owner: int, holders: dict[str, Any], release: bool) -> Program:
    """Give back what somebody is known to hold, if so wanted; else try to get it."""
    holder = holders.get(key) if release else None
    if holder is not None:
        if (yield Op("cas", key, (holder, None))).value[2]:
            holders.pop(key, None)
    elif (yield Op("cas", key, (None, owner))).value[2]:
        holders[key] = owner


_DEFAULTS = Params(keys=4)
REGISTER = Workload("linearizable-register", no_programs, *_objects("register", _change_register), _DEFAULTS)
COUNTER = Workload("linearizable-counter", no_programs, *_objects("counter", _change_counter), _DEFAULTS)
SET = Workload("linearizable-set", no_programs, *_objects("set", _change_set), _DEFAULTS)
LOCK = Workload("linearizable-lock", no_programs, _lock_programs, no_programs, Params(keys=4, read_ratio=0.2))
