"""Every crash point of a generated run: before each step to the disk, the aftermath of every crash worth trying.

A crash is a power loss, which leaves any part of what was not synced, or the death of the process, which leaves all
of it, still unsynced. Recovery is watched in the same way: power may fail again at each of its steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import xxhash

from engine.database import Database
from engine.memory_vfs import MemoryVfs
from engine.proof.crashes.aftermath import aftermath, refused
from engine.proof.crashes.crash_actions import ACTIONS, CRASHES
from engine.proof.crashes.crash_run import Action, Run, Violation
from engine.proof.crashes.ledger import Wrong
from engine.proof.crashes.loss import Search
from engine.proof.crashes.power_loss import Fate, survivals
from engine.proof.watched import WatchedVfs

__all__ = ["CrashSearch", "search_run"]

_ACTIONS_IN_A_RUN: Final = 25
_AGAIN: Final = "power loss in the recovery from another"
_OTHERS_IN_RECOVERY: Final = 4  # outcomes of a second power loss, beside nothing kept and everything kept


class CrashSearch(Search):
    """The search through one run. `states` are distinct: what is on the disk together with what had to last."""

    def __init__(self, seed: int, database_class: type[Database], states_max: int, others_max: int | None) -> None:
        super().__init__(seed, database_class, states_max)
        self.points = 0
        self._others_max = others_max
        self._seen: set[tuple[bytes, int, int]] = set()
        self._step = ""
        self._run = Run(seed, database_class, WatchedVfs(MemoryVfs(), self._before))

    def search(self, actions: Mapping[str, Action]) -> None:
        """Play the run, trying every crash on the way."""
        try:
            self._run.play(actions, _ACTIONS_IN_A_RUN)
            self._run.close()
            self._before("the end", "")
        except Violation as violation:
            self._report("none", violation.wrong)
        except Exception as error:  # noqa: BLE001 (on a disk that works, nothing may be raised)
            self._report("none", refused(error))

    def _before(self, step: str, path: str) -> None:
        self._run.step()
        self.points += 1
        self._step = f"{step} {path}".rstrip()
        disk, ledger = self._run.vfs.disk, self._run.ledger
        self._lose_power("power loss", disk, ledger.safe, self._others_max)
        self._try("death of the process", disk.after_death(), ledger.acknowledged)

    def _lose_power(self, crash: str, disk: MemoryVfs, least: int, others_max: int | None, first: Fate = ()) -> None:
        """Try what a power loss can leave of `disk`, which may come from a `first` one."""
        changes = disk.unsynced()
        for survivors in survivals(changes, self.random, others_max):
            if self.done:
                return
            fate = (*first, *zip(changes, survivors, strict=True))
            self._try(crash, disk.after_power_loss(survivors), least, fate)

    def _try(self, crash: str, disk: MemoryVfs, least: int, fate: Fate = ()) -> None:
        state = (_digest(disk), len(disk.unsynced()), least)
        if self.done or state in self._seen:
            return
        self._seen.add(state)
        self.states += 1

        def before(disk: MemoryVfs, step: str, path: str) -> None:
            if crash != _AGAIN:
                self._lose_power(_AGAIN, disk, self._run.ledger.safe, _OTHERS_IN_RECOVERY, fate)

        wrong = aftermath(disk, self._run.ledger, least, self._run.database_class, before)
        if wrong is not None:
            self._report(crash, wrong, fate)

    def _report(self, crash: str, wrong: Wrong, fate: Fate = ()) -> None:
        self.report(crash, wrong, self.points, self._step, fate)


def search_run(
    seed: int,
    database_class: type[Database] = Database,
    states_max: int = 1 << 30,
    *,
    others_max: int | None = None,
) -> CrashSearch:
    """Search the run that `seed` gives.

    At each of its points a power loss keeps nothing, everything, and each other part worth trying: of these
    `others_max` at most, chosen by the seed.
    """
    search = CrashSearch(seed, database_class, states_max, others_max)
    search.search({**ACTIONS, **CRASHES})
    return search


def _digest(disk: MemoryVfs) -> bytes:
    digest = xxhash.xxh3_128()
    for path, data in sorted(disk.files().items()):
        digest.update(b"%s\0%d\0" % (path.encode(), len(data)))
        digest.update(data)
    return digest.digest()
