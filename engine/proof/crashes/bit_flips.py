"""A bit that flips on the disk: an error that names the place, or exactly the right contents; never others silently.

Where the database was closed, that holds for every bit of every file. Where the process died, one case cannot be told
from a torn write: damage to the last record, after which nothing was written that knows it as synced. Then, and only
then, the last commit may be missing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from engine.database import Database
from engine.errors import Corrupt
from engine.memory_vfs import MemoryVfs
from engine.proof.crashes.aftermath import refused
from engine.proof.crashes.crash_actions import ACTIONS, BACKUPS
from engine.proof.crashes.crash_run import PATH, Run, Violation
from engine.proof.crashes.ledger import Contents, Wrong
from engine.proof.crashes.loss import Search
from engine.proof.watched import WatchedVfs

__all__ = ["FlipSearch", "search_flips"]

_ACTIONS_IN_A_RUN: Final = 8


class FlipSearch(Search):
    """The search through the files that one run leaves; a state is a flipped bit."""

    def search(self, *, closed: bool) -> None:
        """Flip each bit of each file, one at a time. Where there are too many, a random choice of them."""
        run = Run(self.seed, self.database_class, WatchedVfs(MemoryVfs(), lambda step, path: run.step()))
        wrong = _play(run, closed=closed)
        if wrong is not None:
            self.report("none", wrong, 0, "before any damage")
        least = len(run.ledger.commits) - (not closed)
        disk = run.vfs.disk.after_death()
        for path, place, bit in self._bits(disk.files()):
            if self.done:
                return
            self.states += 1
            wrong = _outcome(_flipped(disk, path, place, bit), run, path, place, least)
            if wrong is not None:
                self.report("flipped bit", wrong, place, f"bit {bit} of byte {place} of {path}")

    def _bits(self, files: dict[str, bytes]) -> Iterator[tuple[str, int, int]]:
        bits = [(path, place) for path, data in files.items() for place in range(8 * len(data))]
        count = min(len(bits), self._states_max)
        for path, place in self.random.sample(bits, count):
            yield path, *divmod(place, 8)


def search_flips(
    seed: int, database_class: type[Database] = Database, states_max: int = 1 << 30, *, closed: bool = True
) -> FlipSearch:
    """Search what the run that `seed` gives leaves after a clean close, or else after the death of the process."""
    search = FlipSearch(seed, database_class, states_max)
    search.search(closed=closed)
    return search


def _play(run: Run, *, closed: bool) -> Wrong | None:
    """Fill a disk. The last commit is alone in its group, as only that one may be missing after a death."""
    run.sync_modes = run.sync_modes if closed else ("full",)
    try:
        run.play({name: action for name, action in ACTIONS.items() if name != "put_large"}, _ACTIONS_IN_A_RUN)
        for name in ("back_up", "put"):
            ACTIONS[name].act(run)
        if closed:
            run.close()
    except Violation as violation:
        return violation.wrong
    except Exception as error:  # noqa: BLE001 (on a disk that works, nothing may be raised)
        return refused(error)
    return None


def _flipped(disk: MemoryVfs, path: str, place: int, bit: int) -> MemoryVfs:
    copy = disk.after_crash(lambda _: True)
    file = copy.open(path)
    file.write(place, bytes((file.read(place, 1)[0] ^ 1 << bit,)))
    file.sync()
    return copy


def _outcome(disk: MemoryVfs, run: Run, path: str, place: int, least: int) -> Wrong | None:
    try:
        if path.startswith(BACKUPS):
            return _backup_outcome(disk, run, posixpath.dirname(path))
        found = _contents(disk, run, PATH)
    except Corrupt as corrupt:
        named = corrupt.segment == posixpath.basename(path) and corrupt.offset <= place
        return None if named else Wrong("wrong place", f"byte {place} of {path} is damaged, not {corrupt}")
    except Exception as error:  # noqa: BLE001 (whatever else it raises is no answer to damage)
        return refused(error)
    return None if run.ledger.match(found, least) is not None else run.ledger.explain(found, least)


def _backup_outcome(disk: MemoryVfs, run: Run, directory: str) -> Wrong | None:
    """Raises Corrupt where the backup is refused."""
    run.database_class.restore(directory, "/restored", vfs=disk)
    state = next(backup.state for backup in run.ledger.backups if backup.path == directory)
    right = _contents(disk, run, "/restored") == run.ledger.shown(state)
    return None if right else Wrong("wrong backup", f"{directory} is restored to something else")


def _contents(disk: MemoryVfs, run: Run, path: str) -> Contents:
    with run.database_class.open(path, vfs=disk, clock=run.clock) as database:
        return dict(database.scan())
