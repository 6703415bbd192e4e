"""After a crash: what is on the disk is opened, compared with the ledger, written to, and crashed again.

What has to hold: the contents are those after some commit, with every commit that had to last; what is shown after
opening lasts; commits made from then on last too, and nothing that was lost comes back behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from engine.database import Database
from engine.errors import Corrupt, InvalidPath
from engine.index import Writes
from engine.keys import TTL_SECONDS_MAX
from engine.memory_vfs import MemoryVfs
from engine.proof.crashes.crash_run import PATH
from engine.proof.crashes.ledger import Contents, Ledger, StoppedClock, Wrong
from engine.proof.watched import WatchedVfs

__all__ = ["aftermath", "refused"]

_OTHER_BYTES: Final = bytes(byte ^ 0x5A for byte in range(256))
_REPEATED_MAX: Final = 2  # lost commits whose shape is written again, so that what is left of them would line up
_LAST: Final[list[Writes]] = [{b"after": b"the crash", b"a": None}]


def aftermath(
    disk: MemoryVfs,
    ledger: Ledger,
    least: int,
    database_class: type[Database],
    before: Callable[[MemoryVfs, str, str], None],
) -> Wrong | None:
    """What is wrong after a crash that left `disk` and may not have taken the first `least` commits; None: nothing.

    `before` is called ahead of each step of the recovery, with the disk as it is then. `disk` is used up.
    """
    try:
        vfs = WatchedVfs(disk, lambda step, path: before(disk, step, path))
        database = database_class.open(PATH, vfs=vfs, clock=ledger.clock)
        vfs.before = lambda step, path: None
        found = _contents(database)
        kept = ledger.match(found, least)
        if kept is None:
            return ledger.explain(found, least)
        wrong = _go_on(database, disk, ledger, kept, database_class)
        if wrong is not None:
            return wrong._replace(detail=f"after it was opened and crashed again, {wrong.detail}")
        return _read_backups(disk, ledger, database_class)
    except Exception as error:  # noqa: BLE001 (whatever it raises: after a crash a database has to open and work)
        return refused(error)


def refused(error: Exception) -> Wrong:
    """An error where there should be none."""
    return Wrong("refused", f"{type(error).__name__}: {error}")


def _go_on(
    database: Database, disk: MemoryVfs, ledger: Ledger, kept: int, database_class: type[Database]
) -> Wrong | None:
    """Commit again, and crash again after each commit and after a clean close."""
    later = ledger.restarted(kept)
    repeated = [_other_values(writes) for writes in ledger.commits[kept : kept + _REPEATED_MAX]]
    wrong = _crash_again(disk, later, database_class) or _let_end(disk, later, database_class)
    for writes in repeated + _LAST:
        if wrong is not None:
            return wrong
        number = later.begin(writes)
        _commit(database, writes)
        later.acknowledge(number, safe=True)
        wrong = _crash_again(disk, later, database_class)
    database.close()
    return wrong or _crash_again(disk, later, database_class)


def _crash_again(disk: MemoryVfs, ledger: Ledger, database_class: type[Database]) -> Wrong | None:
    """Lose power once with everything and once with nothing kept: either way exactly the ledger is there."""
    for image in _extremes(disk):
        with database_class.open(PATH, vfs=image, clock=ledger.clock) as database:
            found = _contents(database)
        if found != ledger.contents(len(ledger.commits)):
            return ledger.explain(found, ledger.safe)
    return None


def _let_end(disk: MemoryVfs, ledger: Ledger, database_class: type[Database]) -> Wrong | None:
    """Open once more at a time when everything has ended that ends."""
    much_later = ledger.restarted(len(ledger.commits), StoppedClock(ledger.clock.now() + TTL_SECONDS_MAX))
    return _crash_again(disk, much_later, database_class) if much_later.due() else None


def _extremes(disk: MemoryVfs) -> Iterator[MemoryVfs]:
    changes = disk.unsynced()
    yield disk.after_power_loss(changes)
    if changes:
        yield disk.after_power_loss([None] * len(changes))


def _contents(database: Database) -> Contents:
    database._check()
    return dict(database.scan())


def _other_values(writes: Writes) -> Writes:
    return {key: value.translate(_OTHER_BYTES) if isinstance(value, bytes) else None for key, value in writes.items()}


def _commit(database: Database, writes: Writes) -> None:
    with database.transaction() as transaction:
        for key, value in writes.items():
            if isinstance(value, bytes):
                transaction.put(key, value)
            else:
                transaction.delete(key)


def _read_backups(disk: MemoryVfs, ledger: Ledger, database_class: type[Database]) -> Wrong | None:
    """A finished backup is whole; an unfinished one is whole or refused."""
    for backup in ledger.backups:
        place = f"/restored{backup.path}"
        try:
            database_class.restore(backup.path, place, vfs=disk)
        except (Corrupt, InvalidPath) as error:
            if backup.done:
                return Wrong("lost backup", f"{backup.path}: {error}")
            continue
        with database_class.open(place, vfs=disk, clock=ledger.clock) as database:
            if _contents(database) != ledger.shown(backup.state):
                return Wrong("wrong backup", f"{backup.path} holds something else than what it was made of")
    return None
