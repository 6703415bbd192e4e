"""The isolation levels a transaction can ask for."""

from __future__ import annotations

from enum import Enum

__all__ = ["IsolationLevel"]


class IsolationLevel(Enum):
    """What a transaction is protected from. The value is the level's name in the literature.

    READ_COMMITTED  every operation sees the newest committed state; commit is never refused
    SNAPSHOT        one snapshot for all reads; the first committer of a key wins (no lost update)
    SERIALIZABLE    SNAPSHOT and no dangerous structure: histories in which EVERY transaction asks for this
                    level are strictly serializable. One transaction at a weaker level voids that promise.
    """

    READ_COMMITTED = "read-committed"
    SNAPSHOT = "snapshot-isolation"
    SERIALIZABLE = "serializable"
