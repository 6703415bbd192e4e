"""A disk that fails once or for good, at every call of every kind, and what is there afterwards.

What has to hold: after a failed write or fsync the database is poisoned, and every later use says so; nothing that
was acknowledged is lost, neither to a process that opens the same disk again nor to a power loss that takes any part
of what was not synced; a failure while opening leaves the path such that it can be opened later.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from typing import Final

from engine.database import Database
from engine.errors import Poisoned
from engine.memory_vfs import MemoryVfs
from engine.proof.crashes.aftermath import aftermath, refused
from engine.proof.crashes.crash_actions import ACTIONS, CRASHES
from engine.proof.crashes.crash_run import Run, Violation
from engine.proof.crashes.ledger import Wrong
from engine.proof.crashes.loss import Search
from engine.proof.crashes.power_loss import Fate, survivals
from engine.proof.watched import STEPS, FailingVfs, Failure

__all__ = ["FailureSearch", "search_failures"]

_ACTIONS_IN_A_RUN: Final = 12
_DOUBTFUL: Final = frozenset({"write", "sync"})  # steps whose failure leaves it open what is on the disk
_OTHER_LOSSES_MAX: Final = 8  # of power, per failure, beside those that keep nothing and everything


class FailureSearch(Search):
    """The search through one run, which is played again for each failure."""

    def __init__(self, seed: int, database_class: type[Database], states_max: int) -> None:
        super().__init__(seed, database_class, states_max)
        self.failures = 0

    def search(self) -> None:
        """Let every call of every kind fail, one at a time, in a random order; failures for good come last."""
        failures = list(_failures(self._calls()))
        self.random.shuffle(failures)
        for failure in sorted(failures, key=lambda failure: (failure.lasting, failure.step not in _DOUBTFUL)):
            if self.done:
                return
            self._fail(failure)

    def _calls(self) -> Counter[str]:
        """How often the run makes each kind of step where none fails."""
        run = Run(self.seed, self.database_class, FailingVfs(MemoryVfs(), None))
        calls: Counter[str] = Counter()

        def before(step: str, path: str) -> None:
            run.step()
            calls[step] += 1

        run.vfs.before = before
        wrong = _play(run)
        if wrong is not None:
            self.report("none", wrong, 0, "before any failure")
        return calls

    def _fail(self, failure: Failure) -> None:
        """Play the run with this failure, and see what is left of it."""
        vfs = FailingVfs(MemoryVfs(), failure)
        run = Run(self.seed, self.database_class, vfs)
        vfs.before = lambda step, path: run.step()
        wrong = _play(run)
        self.failures += 1
        vfs.failure = None
        if wrong is None:
            self._crash(run, failure)
            wrong = _open_again(run)
        if wrong is not None:
            self._report(failure, wrong)

    def _crash(self, run: Run, failure: Failure) -> None:
        """Open what the death of the process and what power losses leave now."""
        disk = run.vfs.disk
        self._try(run, failure, disk.after_death(), run.ledger.acknowledged)
        changes = disk.unsynced()
        for survivors in survivals(changes, self.random, _OTHER_LOSSES_MAX):
            fate = list(zip(changes, survivors, strict=True))
            self._try(run, failure, disk.after_power_loss(survivors), run.ledger.safe, fate)

    def _try(self, run: Run, failure: Failure, disk: MemoryVfs, least: int, fate: Fate = ()) -> None:
        if self.done:
            return
        self.states += 1
        wrong = aftermath(disk, run.ledger, least, run.database_class, lambda disk, step, path: None)
        if wrong is not None:
            self._report(failure, wrong, fate)

    def _report(self, failure: Failure, wrong: Wrong, fate: Fate = ()) -> None:
        self.report("failing disk", wrong, failure.call, str(failure), fate)


def search_failures(seed: int, database_class: type[Database] = Database, states_max: int = 1 << 30) -> FailureSearch:
    """Search the run that `seed` gives."""
    search = FailureSearch(seed, database_class, states_max)
    search.search()
    return search


def _failures(calls: Counter[str]) -> Iterator[Failure]:
    """Each call fails with each code, once and for good; a write may write a part of its bytes first."""
    for step, code, lasting in product(STEPS, (errno.EIO, errno.ENOSPC), (False, True)):
        for call in range(1, calls[step] + 1):
            for written in (0.0, 0.5, 0.99) if step == "write" else (0.0,):
                yield Failure(step, call, code, lasting, written)


def _play(run: Run) -> Wrong | None:
    """Play until the disk fails; what the database says then."""
    try:
        run.play({**ACTIONS, **CRASHES}, _ACTIONS_IN_A_RUN)
        run.close()
    except Violation as violation:
        return violation.wrong
    except Poisoned:
        return None if run.database is None else _use_poisoned(run.database)
    except OSError as error:
        return None if run.database is None else Wrong("not poisoned", f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001 (nothing else is an answer to a failing disk)
        return refused(error)
    return None


def _use_poisoned(database: Database) -> Wrong | None:
    uses: list[tuple[str, Callable[[], object]]] = [
        ("put", lambda: database.put("a", b"1")),
        ("get", lambda: database.get("a")),
        ("delete", lambda: database.delete("a")),
        ("scan", database.scan),
        ("begin_transaction", database.begin_transaction),
        ("stats", database.stats),
    ]
    for name, use in uses:
        try:
            use()
        except Poisoned:
            continue
        return Wrong("not poisoned", f"{name} works after a write or an fsync failed")
    return None


def _open_again(run: Run) -> Wrong | None:
    """The same process goes on with the same disk, which works again."""
    try:
        if run.database is not None:
            with suppress(Poisoned):  # It says that not everything that it acknowledged is safe.
                run.database.close()
        run.open()
        run.check()
        run.close()
    except Violation as violation:
        return violation.wrong
    except Exception as error:  # noqa: BLE001 (the disk works again: nothing may be raised)
        return refused(error)
    return None
