"""The directory of an open database: its lock, its log, and the checkpoints that keep the log short."""

from __future__ import annotations

import posixpath
from typing import Final

from engine.checkpoint import checkpoint_names, write_checkpoint
from engine.commit_log import CommitLog
from engine.latch import Latches
from engine.store import Store
from engine.vfs import Lock, Vfs

__all__ = ["LOCK_NAME", "Files"]

LOCK_NAME: Final = "LOCK"


class Files:
    """Takes over an open log and a lock that is held.

    A checkpoint is made by itself when the log is longer than `checkpoint_length` bytes and than the last checkpoint
    was; 0 is never. `checkpoint_seq` is the commit of the newest one, 0 where there is none.
    """

    def __init__(
        self,
        vfs: Vfs,
        directory: str,
        lock: Lock,
        log: CommitLog,
        latches: Latches,
        checkpoint_seq: int,
        checkpoint_length: int,
    ) -> None:
        self.vfs = vfs
        self.log = log
        self.checkpoint_seq = checkpoint_seq
        self.checkpoint_count = 0
        self.failed_checkpoint_count = 0
        self._directory = directory
        self._lock = lock
        self._mutex = latches.mutex("checkpoint")
        self._checkpoint_length = checkpoint_length
        self._is_busy = False
        self._is_closed = False

    def keep_the_log_short(self, store: Store) -> None:
        """From now on, make a checkpoint whenever the log has become long."""
        if self._checkpoint_length:
            self.log.on_long = lambda: self._checkpoint_by_itself(store)
            self.log.long_at = self._checkpoint_length

    def checkpoint(self, store: Store) -> int:
        """Write the state at the newest commit and drop what the log no longer needs; returns that commit.

        Others go on meanwhile. Nothing is lost where it fails: OSError where the checkpoint cannot be written,
        Poisoned where the log cannot.
        """
        with self._mutex:
            self._is_busy = True
            try:
                self.log.rotate()
                snap = store.register_snapshot()
                try:
                    if snap > self.checkpoint_seq:
                        self._write(store, snap)
                finally:
                    store.release(snap)
            finally:
                self._is_busy = False
        return snap

    def _write(self, store: Store, snap: int) -> None:
        # The log reaches the checkpoint before that counts, so that no tear can leave a gap between them.
        self.log.make_safe(snap)
        entries = store.index.entries_at(snap)
        written = write_checkpoint(self.vfs, self._directory, self.log.database_id, snap, entries, self.log.codec)
        self.checkpoint_seq = snap
        self.checkpoint_count += 1
        for name in checkpoint_names(self.vfs.names(self._directory)):
            if name != written.name:
                self.vfs.remove(posixpath.join(self._directory, name))
        self.log.drop(snap)
        self.log.long_at = self.log.length + max(self._checkpoint_length, written.length)

    def _checkpoint_by_itself(self, store: Store) -> None:
        if self._is_busy:
            return
        try:
            self.checkpoint(store)
        except Exception:  # noqa: BLE001  The log has everything. It is tried again when it has grown.
            self.failed_checkpoint_count += 1
            self.log.long_at += self._checkpoint_length

    def close(self, newest: int) -> None:
        """Flush and close the log once no checkpoint is being made, and give up the lock."""
        with self._mutex:
            if self._is_closed:
                return
            try:
                self.log.close(newest)
            finally:
                self._is_closed = True
                self._lock.close()
