"""Transactions as generators: a program yields an `Op` and is sent it back completed.

    def transfer() -> Program:
        a = yield read("a")
        yield write("a", a.value - 5)

Blind, read-dependent and interactive transactions are then one concept, and whoever holds the generator
between two steps can interleave transactions exactly. Random choices are drawn when the program is made.
A program that returns commits; one that raises `Rollback` gives its transaction up.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from harness.history import Op

__all__ = [
    "KEY_CHOICES",
    "Params",
    "Program",
    "Programs",
    "Rng",
    "Rollback",
    "Workload",
    "append",
    "delete",
    "read",
    "scan",
    "write",
]

Program = Generator[Op, Op, None]
Rng = Random


class Rollback(Exception):
    """Raised by a program that wants its transaction rolled back: none of it may ever be seen."""


def read(key: Any) -> Op:
    """Ask for what is stored at `key`."""
    return Op("r", key)


def write(key: Any, value: Any) -> Op:
    """Store `value` at `key`."""
    return Op("w", key, value)


def append(key: Any, element: Any) -> Op:
    """Add `element` at the end of the list at `key`."""
    return Op("append", key, element)


def scan(low: Any, high: Any) -> Op:
    """Ask for all keys in [low, high) with their values."""
    return Op("scan", (low, high))


def delete(key: Any) -> Op:
    """Remove `key`."""
    return Op("delete", key)


_MANY = 100_000
KEY_CHOICES: tuple[str, ...] = ("uniform", "zipf", "hot", "rotating")


@dataclass(frozen=True, kw_only=True)
class Params:
    """The knobs of a workload. A workload uses those that its docstring names.

    `keys` in play at a time; `key_choice` from KEY_CHOICES: "hot" sends the share `contention` of all choices
    to a tenth of the keys, "rotating" retires a key after `writes_per_key` writes; `ops_min`..`ops_max`
    operations a transaction, the share `read_ratio` of them reads; the share `rollback_ratio` of transactions is
    rolled back by the client.
    """

    keys: int = 8
    key_choice: str = "rotating"
    contention: float = 0.9
    writes_per_key: int = 32
    ops_min: int = 1
    ops_max: int = 4
    read_ratio: float = 0.5
    rollback_ratio: float = 0.05

    def problem(self) -> str:
        """Why no workload can run with these, in a sentence, or nothing."""
        if self.key_choice not in KEY_CHOICES:
            return f"key_choice is one of {', '.join(KEY_CHOICES)}, not {self.key_choice!r}"
        if min(self.keys, self.writes_per_key, self.ops_min) < 1 or self.ops_max < self.ops_min:
            return "keys, writes_per_key and ops_min are at least 1, and ops_max is at least ops_min"
        if max(self.keys, self.ops_max) > _MANY:
            return f"keys and ops_max are at most {_MANY}"
        if not all(0 <= share <= 1 for share in (self.contention, self.read_ratio, self.rollback_ratio)):
            return "contention, read_ratio and rollback_ratio are shares between 0 and 1"
        return ""


Programs = Callable[[Rng, Params], Iterator[Program]]


class Workload(NamedTuple):
    """What clients do: `setup` runs first and alone, then `programs` concurrently, then `finale` alone.

    Each is a function that yields programs; `programs` may be endless, the other two are not. `restarts`: the target
    is restarted before the finale.
    """

    name: str
    setup: Programs
    programs: Programs
    finale: Programs
    defaults: Params
    restarts: bool = False
