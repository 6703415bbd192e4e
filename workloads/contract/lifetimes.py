"""Times to live, judged on machines that may be slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from harness.contract import Rig, outcome

__all__ = ["LIFE_S", "found_while_alive"]

LIFE_S: Final = 1  # The shortest that every database takes.


def found_while_alive(rig: Rig, put: Callable[[int], Any], get: Callable[[], Any]) -> Any:
    """What `get` finds at once after `put` was given a time to live in seconds, or the exception that either raised.

    Where putting and getting took about as long as that, nothing was shown: it is tried again with a longer life.
    """
    found: Any = None
    for life_s in (LIFE_S, 10 * LIFE_S, 100 * LIFE_S):
        since = rig.now()
        refused = outcome(put, life_s)
        found = refused if isinstance(refused, Exception) else outcome(get)
        if rig.now() - since < 0.9 * life_s:
            break
    return found
