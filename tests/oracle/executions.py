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

from .small import Small, SmallTxn, bits

__all__ = ["Execution", "serial_order", "snapshot_order"]

State = tuple[tuple[Any, Any], ...]


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
        self.nothing = history.nothing
        self.lists = history.lists
        self.committed = history.committed
        self.earlier = history.earlier[kept]
        keys = [set(txn.leaves) for txn in self.txns]
        everyone = (1 << len(keys)) - 1
        conflicts = [sum(1 << i for i, other in enumerate(keys) if other & mine) for mine in keys]
        self.spoils = [everyone] * len(keys) if serial else conflicts  # Whose older snapshots a commit makes useless.
        self.dead: set[tuple[int, State, int]] = set()
        self.order: list[int] = []
        self.snapshot = [0] * len(keys)
        self.taken: list[int] = []

    def run(self) -> Execution | None:
        if not all(txn.consistent for i, txn in enumerate(self.txns) if self.committed >> i & 1):
            return None
        if not self._extend(0, {}, 0):
            return None
        return Execution([self.txns[i].row for i in self.order], self.taken)

    def _extend(self, done: int, state: dict[Any, Any], ready: int) -> bool:
        """Whether the order can be completed."""
        if not self.committed & ~done:
            return True
        ready |= self._take_snapshots(done, state)
        seen = (done, tuple(sorted(state.items())), ready)
        if seen in self.dead:
            return False
        snapshots = self.snapshot.copy()
        for i in bits(ready):
            self.order.append(i)
            self.taken.append(snapshots[i])
            self.snapshot = snapshots.copy()
            if self._extend(done | 1 << i, self._after(state, self.txns[i]), ready & ~(self.spoils[i] | 1 << i)):
                return True
            self.order.pop()
            self.taken.pop()
        self.snapshot = snapshots
        self.dead.add(seen)
        return False

    def _take_snapshots(self, done: int, state: dict[Any, Any]) -> int:
        """Those for whom the present state is a good snapshot."""
        found = 0
        for i, txn in enumerate(self.txns):
            if done >> i & 1 or self.earlier[i] & ~done or not txn.consistent:
                continue
            if all(state.get(key, self.nothing) == value for key, value in txn.needs.items()):
                found |= 1 << i
                self.snapshot[i] = len(self.order)
        return found

    def _after(self, state: dict[Any, Any], txn: SmallTxn) -> dict[Any, Any]:
        if not self.lists:
            return state | txn.leaves
        return state | {key: state.get(key, ()) + added for key, added in txn.leaves.items()}
