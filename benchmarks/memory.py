"""How large a process grows that commits a million times over a thousand keys: a process of its own, Linux only.

Half of the keys written were read before, so that there is something to remember for the rule of serializability.
With `held`, one snapshot from before the first commit stays open until half time: then the engine has to keep the
first overwriter of every key, and what commits have read.

    python -m benchmarks.memory COMMITS held|free DIRECTORY
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from benchmarks.process import megabytes
from engine import Database

__all__ = ["Growth", "measure_apart"]

_KEYS = 1_000
_SAMPLES = 100


class Growth(msgspec.Struct):
    """Megabytes of the process: its peak, and how far the second half of the run went above half time.

    `left_over`: versions beyond one a key, stamps and commits that the engine still holds at the end.
    """

    peak_megabytes: float
    growth_megabytes: float
    left_over: int


def measure_apart(commits: int, held: bool, directory: Path) -> Growth:
    """Run it in a child process. Raises subprocess.CalledProcessError."""
    command = [sys.executable, "-m", "benchmarks.memory", str(commits), "held" if held else "free", str(directory)]
    return msgspec.json.decode(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout, type=Growth)


def _measure(commits: int, held: bool, directory: Path) -> Growth:
    keys = [b"key-%08d" % number for number in range(_KEYS)]
    with Database.open(directory, sync="off") as database:
        database.put_batch((key, b"0") for key in keys)
        snapshot = database.transaction()
        snapshot.get(keys[0])
        if not held:
            snapshot.commit()
        sizes = []
        for commit in range(commits):
            if commit % max(1, commits // _SAMPLES) == 0:
                sizes.append(megabytes("VmRSS"))
            if commit == commits // 2:
                half_time = len(sizes)
                if held:
                    snapshot.abort()
            with database.transaction() as transaction:
                value = transaction.get(keys[commit * 7 % _KEYS]) or b""
                transaction.put(keys[commit % _KEYS], b"%d after %b" % (commit, value[:8]))
        sizes.append(megabytes("VmRSS"))
        growth = max(sizes[half_time:]) - sizes[half_time - 1]
        stats = database.stats()
        left_over = int(stats["versions"]) - _KEYS + int(stats["remembered"])
        return Growth(megabytes(), growth, left_over)


if __name__ == "__main__":
    growth = _measure(int(sys.argv[1]), sys.argv[2] == "held", Path(sys.argv[3]))
    sys.stdout.buffer.write(msgspec.json.encode(growth))
