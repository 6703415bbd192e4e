"""Serializability and snapshot isolation by their definitions: every order of commits is tried.

Serial: executed one after another in the order, each transaction finds what it needs (Papadimitriou 1979).
Snapshots: each finds it in the state after some prefix of the order before its place, and none of those between
wrote a key that it writes (Berenson 1995; Cerone 2015). With a kept order, what must precede a transaction is in its
prefix (Daudjee & Salem 2006). UNKNOWN transactions may be in the order or not.

Pruned soundly: the latest possible prefix is the best one, as it has the fewest in between and contains the most;
so of a beginning of an order only this matters: who is in it, what it left, and who may commit next.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .small import Small, bits

__all__ = ["Execution", "serial_order", "snapshot_order"]

State = tuple[Any, ...]  # Of each key what it holds.


class Execution(NamedTuple):
    """Rows in the order of their commits, and for each how many of the order its snapshot holds."""

    order: list[int]
    snapshot: list[int]


def serial_order(history: Small, kept: str = "") -> Execution | None:
    """An order in which all that took effect, executed serially, see what they saw. None where there is none."""
    return _Search(history, kept, serial=True).run()


def snapshot_order(history: Small, kept: str = "") -> Execution | None:
    """A commit order with a snapshot for each transaction. None where there is none."""
    return _Search(history, kept, serial=False).run()


class _Search:
    """Depth first over the orders of commits; `ready` are those with a snapshot that is still good."""

    def __init__(self, history: Small, kept: str, *, serial: bool) -> None:
        self.txns = history.txns
        self.lists = history.lists
        self.committed = history.committed
        self.earlier = history.earlier[kept]
        number: dict[Any, int] = {}
        self.needs = [_numbered(txn.needs, number) for txn in self.txns]
        self.leaves = [_numbered(txn.leaves, number) for txn in self.txns]
        self.first: State = (history.nothing,) * len(number)
        keys = [sum(1 << key for key, _ in leaves) for leaves in self.leaves]
        everyone = (1 << len(keys)) - 1
        conflicts = [sum(1 << i for i, other in enumerate(keys) if other & mine) for mine in keys]
        # Whose older snapshots a commit makes useless, its own included.
        self.spoils = [everyone] * len(keys) if serial else [mask | 1 << i for i, mask in enumerate(conflicts)]
        self.possible = sum(1 << i for i, txn in enumerate(self.txns) if txn.consistent)
        self.dead: set[tuple[int, State, int]] = set()
        self.order: list[int] = []
        self.snapshot = [0] * len(keys)
        self.taken: list[int] = []

    def run(self) -> Execution | None:
        if self.committed & ~self.possible or not self._extend(0, self.first, 0):
            return None
        return Execution([self.txns[i].row for i in self.order], self.taken)

    def _extend(self, done: int, state: State, ready: int) -> bool:
        """Whether the order can be completed."""
        if not self.committed & ~done:
            return True
        fresh = self._good_snapshots(done, state)
        ready |= fresh
        seen = (done, state, ready)
        if seen in self.dead:
            return False
        snapshots = self.snapshot
        place = len(self.order)
        mine = [place if fresh >> i & 1 else before for i, before in enumerate(snapshots)] if fresh else snapshots
        for i in bits(ready):
            self.order.append(i)
            self.taken.append(mine[i])
            self.snapshot = mine
            if self._extend(done | 1 << i, self._after(state, i), ready & ~self.spoils[i]):
                return True
            self.order.pop()
            self.taken.pop()
        self.snapshot = snapshots
        self.dead.add(seen)
        return False

    def _good_snapshots(self, done: int, state: State) -> int:
        """Those for whom the present state is a good snapshot."""
        found = 0
        for i in bits(self.possible & ~done):
            if not self.earlier[i] & ~done and all(state[key] == value for key, value in self.needs[i]):
                found |= 1 << i
        return found

    def _after(self, state: State, i: int) -> State:
        after = list(state)
        for key, value in self.leaves[i]:
            after[key] = after[key] + value if self.lists else value
        return tuple(after)


def _numbered(of_keys: dict[Any, Any], number: dict[Any, int]) -> list[tuple[int, Any]]:
    return [(number.setdefault(key, len(number)), value) for key, value in of_keys.items()]
