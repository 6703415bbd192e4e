"""Is a history evidence at all, and how much could it have shown? Asked before every judgement."""

from __future__ import annotations

import numpy as np

from harness.history import History, Status

__all__ = ["concurrent_accesses", "overlapping_clients"]


def overlapping_clients(history: History) -> list[str]:
    """A sentence for the first client that starts a transaction before its last one ended, or nothing."""
    if history.info.clock == "sessions":
        return []
    order = np.lexsort((history.start, history.client))
    client, start, end = history.client[order], history.start[order], history.end[order]
    same = client[1:] == client[:-1]
    early = np.flatnonzero(same & (start[1:] < end[:-1]))
    if not len(early):
        return []
    one, two = int(order[early[0]]), int(order[early[0] + 1])
    return [
        f"client {int(client[early[0]])} started transaction {two} before its transaction {one} ended: "
        "a client may only have one transaction at a time"
    ]


def concurrent_accesses(history: History) -> int:
    """How many accesses to a key began while another client's transaction on that key was still running.

    Only where one of the two committed: between two that left nothing behind, nothing can be wrong.
    """
    row = np.repeat(np.arange(len(history)), np.diff(history.op_offset))
    code = np.sort(history.op_key.astype(np.int64) * max(len(history), 1) + row)
    code = code[np.append(True, code[1:] != code[:-1])] if len(code) else code
    key, row = code // max(len(history), 1), code % max(len(history), 1)
    if len(key) < 2:
        return 0
    # Rows are in the order of their starts, so within a key each access follows those that started before it.
    run = np.concatenate(([0], np.cumsum(key[1:] != key[:-1])))
    end = history.end[row]
    by_end = np.lexsort((end, run))
    rank = np.empty(len(end), dtype=np.int64)
    rank[by_end] = np.arange(len(end))
    latest = by_end[np.maximum.accumulate(rank)]
    before = latest[:-1]
    shared = (run[1:] == run[:-1]) & (end[before] >= history.start[row[1:]])
    committed = history.status == Status.OK
    shared &= committed[row[before]] | committed[row[1:]]
    return int((shared & (history.client[row[before]] != history.client[row[1:]])).sum())
