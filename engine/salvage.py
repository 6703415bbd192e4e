"""What can still be had of a damaged database, only when asked: everything before the damage.

    checkpoint │ 5 6 7 [bad] 9 10        recovered into a new database: the state after commit 7
    [bad block in the checkpoint] …      recovered: the keys in the blocks before it, and no commit of the log

The damaged database is only read.
"""

from __future__ import annotations

import os
import posixpath
from typing import NamedTuple

from engine.checkpoint import write_checkpoint
from engine.codec import NO_CODEC
from engine.errors import Corrupt, InvalidPath
from engine.files import LOCK_NAME
from engine.index import Index, Node
from engine.place import make_empty_place
from engine.recovery import Recovery
from engine.vfs import File, Vfs

__all__ = ["Salvaged", "SalvagingRecovery", "salvage"]


class Salvaged(NamedTuple):
    """What was found: the state after commit `seq`, `keys` of them; `damage` is None where nothing was wrong.

    `complete_to_seq` is False where the damage is in the checkpoint: then keys of that state are missing.
    """

    seq: int
    keys: int
    damage: Corrupt | None
    complete_to_seq: bool


def salvage(vfs: Vfs, path: str, into: str) -> Salvaged:
    """Make a database in the new or empty directory `into` of what can be had of the one in `path`.

    Raises InvalidPath, Locked where `path` is open, and NewerFormat.
    """
    if "\0" in path or not vfs.is_directory(path):
        raise InvalidPath(f"{path!r} is not a directory")
    lock = vfs.lock(posixpath.join(path, LOCK_NAME))
    try:
        newest, salvaged = SalvagingRecovery(vfs, path).salvage()
        make_empty_place(vfs, into)
        index = Index()
        index.load(newest)
        write_checkpoint(vfs, into, os.urandom(16), salvaged.seq, index.entries_at(salvaged.seq), NO_CODEC)
    finally:
        lock.close()
    return salvaged


class SalvagingRecovery(Recovery):
    """A recovery that stops at the first damage and changes nothing."""

    def salvage(self) -> tuple[dict[bytes, Node], Salvaged]:
        """The state before the damage, by key. Raises NewerFormat."""
        damage = None
        try:
            self._read()
        except Corrupt as error:
            damage = error
        if self._file is not None:
            self._file.close()
        complete = damage is None or not damage.segment.startswith("checkpoint-")
        return self._newest, Salvaged(self._seq, len(self._newest), damage, complete)

    def _truncate(self, file: File) -> None:
        """A torn tail stays where it is."""

    def _remove(self, names: list[str]) -> None:
        """Nothing is removed."""
