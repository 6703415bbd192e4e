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
    """The smallest of the rotations of a cycle's step kinds, so that it does not matter where one starts.

    In linear time: a cycle may have as many steps as there are transactions.
    """
    n = len(kinds)
    # Two starts are compared; the greater one, and all starts within the part that was equal, are out.
    one, two, equal = 0, 1, 0
    while one < n and two < n and equal < n:
        left, right = kinds[(one + equal) % n], kinds[(two + equal) % n]
        if left == right:
            equal += 1
            continue
        if left > right:
            one += equal + 1
        else:
            two += equal + 1
        two += one == two
        equal = 0
    start = min(one, two)
    return (*kinds[start:], *kinds[:start])


def fingerprint(info: RunInfo, anomaly: str, kinds: Sequence[str]) -> str:
    """16 hexadecimal digits for the shape of a failure."""
    shape = (info.suite, info.target, info.level, info.workload, anomaly, canonical_rotation(kinds))
    return _digest(shape)


def witness(anomaly: str, parts: Sequence[Any]) -> str:
    """16 hexadecimal digits for one concrete finding: rows, keys and values in any msgpack-able form."""
    return _digest((anomaly, tuple(parts)))


def _digest(parts: Sequence[Any]) -> str:
    return xxhash.xxh3_64(msgspec.msgpack.encode(parts)).hexdigest()
