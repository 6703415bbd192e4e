"""Two names for a finding: `fingerprint` for its shape, `witness` for this very instance.

The same failure next week has the same fingerprint: it is made from what stays the same (suite, target without
version and options, level, workload, anomaly, the kinds of steps around the cycle) and from nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import xxhash

from harness.history import RunInfo

__all__ = ["canonical_rotation", "fingerprint", "witness"]


def canonical_rotation(kinds: Sequence[str]) -> tuple[str, ...]:
    """The smallest of the rotations of a cycle's step kinds, so that it does not matter where one starts."""
    turns = [tuple(kinds[i:]) + tuple(kinds[:i]) for i in range(len(kinds))]
    return min(turns, default=())


def fingerprint(info: RunInfo, anomaly: str, kinds: Sequence[str]) -> str:
    """16 hexadecimal digits for the shape of a failure."""
    shape = (info.suite, info.target, info.level, info.workload, anomaly, canonical_rotation(kinds))
    return _digest(shape)


def witness(anomaly: str, parts: Sequence[Any]) -> str:
    """16 hexadecimal digits for one concrete finding: rows, keys and values in any msgpack-able form."""
    return _digest((anomaly, tuple(parts)))


def _digest(parts: Sequence[Any]) -> str:
    return xxhash.xxh3_64(msgspec.msgpack.encode(parts)).hexdigest()
