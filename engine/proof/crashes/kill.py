"""Real processes, really killed: a child commits, is killed by SIGKILL, and its database is opened again.

Each thread of the child commits in a sequence that everybody knows (`engine.proof.crashes.kill_child`), its counter
among the rest. So the counter that is found says what everything else has to be, to the byte:

    acknowledged over the pipe   1 2 3 4      the counter is 4, or 5 where the kill came between commit and report,
    found                        4 or 5       and the keys are those that 4 (or 5) commits leave: no half, no loss

The moment is not left to a clock. The kill comes when the n-th acknowledgement has been read, while the other threads
are somewhere in their commits; or when the child is about to open, or to close.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from engine.database import Database
from engine.proof.crashes.kill_child import CLOSING, READY, THREADS, counters, state_after

__all__ = ["Kill", "kill_again_and_again", "wrong_after"]

_KILLS_OF_ONE_DATABASE: Final = 5
_ACKNOWLEDGED_MAX: Final = 30  # of one child, before it is killed
_COMMITS_BEFORE_CLOSE: Final = 4
_NEVER: Final = 1_000_000  # commits


class Kill(NamedTuple):
    """One kill. `acknowledged` commits had been reported by this child; `unreported` ones were found all the same.

    `moment` is "opening", "closing" or the number of acknowledgements read before the kill. `wrong` is empty where
    every commit is there that was acknowledged, by this child or the ones before it, and nothing else.
    """

    sync: str
    moment: str
    acknowledged: int
    unreported: int
    wrong: str


def kill_again_and_again(seed: int, kills: int) -> Iterator[Kill]:
    """Kill so many children one after the other, a few with the same database. Ends after the first that is wrong."""
    random = Random(seed)
    done = 0
    while done < kills:
        with tempfile.TemporaryDirectory() as directory:
            path = str(Path(directory, "base"))
            known = [0] * THREADS
            for _ in range(min(kills - done, _KILLS_OF_ONE_DATABASE)):
                kill, known = _kill(path, known, random)
                done += 1
                yield kill
                if kill.wrong:
                    return


def wrong_after(path: str, acknowledged: list[int]) -> tuple[list[int], str]:
    """How many commits of each thread are there, and what is wrong there, given those that were acknowledged."""
    with Database.open(path) as database:
        database._check()
        found = counters(database)
        contents = dict(database.scan())
    for thread, number in enumerate(found):
        if not acknowledged[thread] <= number <= acknowledged[thread] + 1:
            return found, f"thread {thread} has commit {number}, and {acknowledged[thread]} was acknowledged last"
        for key, value in state_after(thread, number).items():
            if contents.pop(key, None) != value:
                return found, f"{key!r} is not what commit {number} of thread {thread} left"
    return found, f"{min(contents)!r} is there and should not be" if contents else ""


def _kill(path: str, known: list[int], random: Random) -> tuple[Kill, list[int]]:
    """Let a child work on a database that has the `known` commits of each thread, kill it, see what is there."""
    sync = random.choice(("full", "normal"))
    moment = random.choice(("opening", "closing", *["commit"] * 8))
    stop = random.randint(1, _ACKNOWLEDGED_MAX)
    lines = _lines_until_killed(path, sync, moment, stop)
    acknowledged = list(known)
    reports = [line.split() for line in lines if line not in {READY, CLOSING}]
    for thread, number in reports:
        acknowledged[int(thread)] = int(number)
    found, wrong = wrong_after(path, acknowledged)
    name = str(stop) if moment == "commit" else moment
    return Kill(sync, name, len(reports), sum(found) - sum(acknowledged), wrong), found


def _lines_until_killed(path: str, sync: str, moment: str, stop: int) -> list[bytes]:
    """Everything that the child reported, up to its death."""
    commits_max = _COMMITS_BEFORE_CLOSE if moment == "closing" else _NEVER
    command = [sys.executable, "-m", "engine.proof.crashes.kill_child", path, sync, str(commits_max)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    lines: list[bytes] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:  # noqa: S603 (our own module)
        assert child.stdout is not None
        for line in child.stdout:  # Goes on after the kill: what is in the pipe was acknowledged.
            lines.append(line.strip())
            due = {"opening": lines[-1] == READY, "closing": lines[-1] == CLOSING, "commit": len(lines) == stop + 1}
            if due[moment]:
                child.kill()
    assert child.returncode < 0, "the child ended before it was killed"
    return lines
