"""Is a history evidence at all, and how much could it have shown? Asked before every judgement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from checkers.compiling import prepare
from checkers.graphs import kernels
from harness.history import History, Status

__all__ = ["TIMELESS", "concurrent_accesses", "numbered_clients", "overlapping_clients"]

# Of a history whose clock is "sessions": levels of real time are not to be told from those of session order.
TIMELESS = "the record tells the order within each client only, no times"


def overlapping_clients(history: History) -> list[str]:
    """A sentence for the first client that starts a transaction before its last one ended, or nothing."""
    if history.info.clock == "sessions":
        return []
    prepare(kernels, len(history.op_kind))
    everyone = np.ones(len(history), dtype=bool)
    before = kernels.predecessors(*numbered_clients(history), everyone, everyone)
    early = np.flatnonzero((before >= 0) & (history.end[before] > history.start)) if len(before) else before
    if not len(early):
        return []
    two = int(early[np.argmin(history.client[early])])
    client, one = int(history.client[two]), int(before[two])
    return [
        f"client {client} started transaction {two} before its transaction {one} ended: "
        "a client may only have one transaction at a time"
    ]


def numbered_clients(history: History) -> tuple[npt.NDArray[np.int32], int]:
    """(n,) a small number for each row's client, and their bound."""
    client = history.client
    least, most = (int(client.min()), int(client.max())) if len(client) else (0, -1)
    if most - least <= 4 * len(client):
        return client - np.int32(least), most - least + 1
    clients, numbered = np.unique(client, return_inverse=True)
    return numbered.astype(np.int32), len(clients)


def concurrent_accesses(history: History) -> int:
    """How many accesses to a key began while another client's transaction on that key was still running.

    Only where one of the two committed: between two that left nothing behind, nothing can be wrong.
    """
    prepare(kernels, len(history.op_kind))
    found: int = kernels.count_concurrent(
        history.op_offset,
        history.op_key,
        len(history.keys),
        history.client,
        history.end,
        history.start,
        history.status == Status.OK,
    )
    return found
