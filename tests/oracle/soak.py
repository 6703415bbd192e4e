"""How much is tried: enough for every change, or with ANOMALIST_SOAK as many times more as it says."""

from __future__ import annotations

import os

__all__ = ["TIMES_AS_MANY"]

TIMES_AS_MANY = int(os.environ.get("ANOMALIST_SOAK") or 1)
