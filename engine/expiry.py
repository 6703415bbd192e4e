"""Values that end at a moment: a deletion that the database makes by itself, in its place in the order of commits.

When a snapshot is taken, everything due by then is first deleted by a commit like any other. A snapshot thus sees a
value or does not, for as long as it lives; the deletion conflicts and is judged like every write; it is in the log,
so that no clock that runs backwards and no reopening brings a value back; and it does nothing to a key that was
written again in the meantime.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from engine.index import Index, Writes, expiry_of

__all__ = ["Expiries"]


_REBUILD_COUNT_MIN: Final = 1024


class _Due(NamedTuple):
    expires_at: float
    key: bytes
    seq: int  # of the version that ends


class Expiries:
    """Which version of which key ends when. Used under the store's commit mutex."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._heap: list[_Due] = []
        self._rebuild_at = _REBUILD_COUNT_MIN

    def __bool__(self) -> bool:
        return bool(self._heap)

    def load(self) -> None:
        """Start from the versions in the index."""
        # As `_due`, for every key there is.
        self._heap = [_Due(node[3], key, node[0]) for key, node in self._index.versions.items() if len(node) > 3]
        heapify(self._heap)
        # Twice what is left: rebuilding then costs O(1) per value made since the last time.
        self._rebuild_at = max(_REBUILD_COUNT_MIN, 2 * len(self._heap), len(self._index.versions))

    def watch(self, keys: Iterable[bytes]) -> None:
        """The newest versions of these keys end at a moment."""
        for key in keys:
            due = self._due(key)
            if due is not None:
                heappush(self._heap, due)
        if len(self._heap) > self._rebuild_at:  # Most are of versions that have been overwritten.
            self.load()

    def _due(self, key: bytes) -> _Due | None:
        node = self._index.versions[key]
        expires_at = expiry_of(node)
        return None if expires_at is None else _Due(expires_at, key, node[0])

    def due(self, now: float) -> Writes:
        """The deletions due at `now`, each only once; versions that are no longer the newest are passed over."""
        found: Writes = {}
        while self._heap and self._heap[0].expires_at <= now:
            due = heappop(self._heap)
            if self._index.newest_seq(due.key) == due.seq:
                found[due.key] = None
        return found
