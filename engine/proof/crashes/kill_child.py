"""The child that `engine.proof.crashes.kill` kills: it commits with a few threads, and tells of each commit.

    python -m engine.proof.crashes.kill_child DIRECTORY SYNC COMMITS_MAX

On its standard output: "ready" before it opens, "<thread> <number>" once a commit was acknowledged, and "closing"
after COMMITS_MAX commits of each thread. Each line is one write, so none is torn and none waits in a buffer.
"""

from __future__ import annotations

import os
import sys
import threading
from random import Random
from typing import Final

from engine.database import Database

__all__ = ["CLOSING", "READY", "THREADS", "counters", "state_after", "writes_of"]

THREADS: Final = 3
READY: Final = b"ready"
CLOSING: Final = b"closing"
_LENGTH_MIN: Final = 10
_LENGTH_MAX: Final = 3_000_000
_SLOTS: Final = 4  # pairs of keys that a thread writes in turn
_CHECKPOINT_LENGTH: Final = 8_000_000  # bytes of log: kills come during checkpoints too


def writes_of(thread: int, number: int) -> dict[bytes, bytes | None]:
    """What commit `number` (from 1) of a thread writes: a value at two keys, or nothing there, and its counter."""
    random = Random(thread << 32 | number)
    kind = random.random()
    if kind < 0.2:
        value = None
    elif kind < 0.3:
        value = random.randbytes(random.choice((_LENGTH_MIN, _LENGTH_MAX)))
    else:  # As many of tens of bytes as of hundreds of thousands.
        value = random.randbytes(int(_LENGTH_MIN * (_LENGTH_MAX / _LENGTH_MIN) ** random.random()))
    slot = number % _SLOTS
    one, two = (b"%d slot %d %s" % (thread, slot, name) for name in (b"one", b"two"))
    return {one: value, _counter(thread): b"%d" % number, two: value}


def state_after(thread: int, number: int) -> dict[bytes, bytes]:
    """All that `number` commits of a thread leave."""
    writes: dict[bytes, bytes | None] = {}
    for each in range(max(1, number - _SLOTS + 1), number + 1):
        writes.update(writes_of(thread, each))
    return {key: value for key, value in writes.items() if value is not None}


def counters(database: Database) -> list[int]:
    """How many commits of each thread are there."""
    return [int(value or 0) for value in database.get_batch([_counter(thread) for thread in range(THREADS)])]


def _counter(thread: int) -> bytes:
    return b"%d counter" % thread


def _tell(line: bytes) -> None:
    os.write(1, line + b"\n")


def _commit_on(database: Database, thread: int, done: int, commits_max: int) -> None:
    for number in range(done + 1, done + commits_max + 1):
        with database.transaction() as transaction:
            for key, value in writes_of(thread, number).items():
                if value is None:
                    transaction.delete(key)
                else:
                    transaction.put(key, value)
        _tell(b"%d %d" % (thread, number))


def _main(path: str, sync: str, commits_max: int) -> None:
    _tell(READY)
    with Database.open(path, sync, checkpoint_length=_CHECKPOINT_LENGTH) as database:
        threads = [
            threading.Thread(target=_commit_on, args=(database, thread, done, commits_max))
            for thread, done in enumerate(counters(database))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _tell(CLOSING)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
