"""Storage that loses or brings back commits: one mistake each, of those that are made when a log is written."""

from __future__ import annotations

from posixpath import basename
from typing import Any

from engine.checkpoint import TEMPORARY, checkpoint_names
from engine.commit_log import CommitLog
from engine.database import Database
from engine.errors import Poisoned
from engine.index import Expiring, Writes
from engine.recovery import Recovered, Recovery
from engine.store import Store
from engine.vfs import File
from engine.wal import HEADER_LENGTH, Encoded, Segment, encode_writes, segment_names

__all__ = [
    "AcknowledgesBeforeTheSync",
    "BringsDeletedKeysBack",
    "ClaimsToBeSynced",
    "CutsDamageSilently",
    "ForgetsTheDirectory",
    "ForgetsTheExpiry",
    "ForgetsTheFailure",
    "ForgetsTheRename",
    "LeavesTheTornTail",
    "MarksTheCloseTooEarly",
    "RenamesBeforeTheSync",
    "ReplaysWhatTheCheckpointHas",
    "RetriesTheFailedSync",
    "RotatesWithoutSync",
    "ShowsBeforeTheSync",
    "SplitsCommits",
]


class AcknowledgesBeforeTheSync(CommitLog):
    """A commit is acknowledged once it is written; nothing is ever synced."""

    def _sync_file(self, seq: int) -> None:
        self._synced_seq = seq


class ForgetsTheDirectory(CommitLog):
    """The contents of a new segment are synced, its name is not."""

    def _new_segment(self, first_seq: int) -> File:
        vfs = self._vfs
        self._vfs = _NamelessVfs(vfs)
        try:
            return super()._new_segment(first_seq)
        finally:
            self._vfs = vfs


class RotatesWithoutSync(CommitLog):
    """The next segment begins before the one before it is safe."""

    def _rotate(self, first_seq: int) -> None:
        if self._position > HEADER_LENGTH:
            self._file = self._new_segment(first_seq)


class MarksTheCloseTooEarly(CommitLog):
    """The mark of a clean close says that all before it is safe, and is written before that is true."""

    def _end(self, seq: int) -> None:
        self._synced_seq = seq
        super()._end(seq)

    def _sync_file(self, seq: int) -> None:
        if seq != self._synced_seq:
            super()._sync_file(seq)


class ClaimsToBeSynced(CommitLog):
    """Each record says that the one before it is safe: a power loss looks like damage then."""

    def _write_group(self, group: list[tuple[int, Encoded]]) -> None:
        for seq, writes in group:
            self._synced_seq = seq - 1
            super()._write_group([(seq, writes)])


class RetriesTheFailedSync(CommitLog):
    """An fsync that failed is tried again, and its success believed."""

    def _sync_file(self, seq: int) -> None:
        try:
            super()._sync_file(seq)
        except OSError:
            super()._sync_file(seq)


class ForgetsTheFailure(CommitLog):
    """The commit whose write failed is refused, and the next one goes on as if nothing had happened."""

    def _poisoned(self, error: BaseException) -> Poisoned:
        self._failure = None
        return Poisoned(str(error))


class SplitsCommits(Store):
    """A commit of several keys is several records."""

    def _install(self, writes: Writes, payload: Encoded | None) -> int:
        for key, value in writes.items():
            number = super()._install({key: value}, encode_writes({key: value}))
        return number


class BringsDeletedKeysBack(Recovery):
    """Recovery passes over deletions."""

    def _apply(self, writes: Writes, seq: int) -> None:
        super()._apply({key: value for key, value in writes.items() if value is not None}, seq)


class ForgetsTheExpiry(Recovery):
    """Recovery passes over the moment at which a value ends."""

    def _apply(self, writes: Writes, seq: int) -> None:
        for key, value in writes.items():
            super()._apply({key: value.value if isinstance(value, Expiring) else value}, seq)


class LeavesTheTornTail(Recovery):
    """A torn tail stays behind the records that come next, and continues them where the lengths fit."""

    def _truncate(self, file: File) -> None:
        """Nothing is cut."""


class CutsDamageSilently(Recovery):
    """Whatever is damaged is cut with all that follows, acknowledged or not."""

    def _cut(self, name: str, file: File, data: bytes, seed: int, *, is_last: bool) -> None:
        self._truncate(file)


class ShowsBeforeTheSync(Recovery):
    """What a dead process had written is shown before it is safe."""

    def run(self) -> Recovered:
        self._vfs = _HastyVfs(self._vfs)
        recovered = super().run()
        for file in self._vfs.files:
            file.is_hasty = False
        return recovered


class ReplaysWhatTheCheckpointHas(Recovery):
    """Old segments that are still there are applied over the checkpoint."""

    def _read_segments(self, names: list[str]) -> None:
        super()._read_segments(segment_names(self._vfs.names(self._directory)))

    def _refuse_stranger(self, name: str, header: Segment) -> None:
        self._database_id = header.database_id

    def _replay(self, name: str, data: bytes, header: Segment) -> int:
        self._seq = header.first_seq - 1
        position = super()._replay(name, data, header)
        self._log_seq = self._seq = max(self._seq, self._checkpoint_seq)
        return position


class ForgetsTheRename(Database):
    """The old log goes before the name of the checkpoint that replaces it is safe."""

    @classmethod
    def open(cls, *arguments: Any, vfs: Any = None, **options: Any) -> Database:
        return super().open(*arguments, vfs=_ForgetfulVfs(vfs), **options)


class RenamesBeforeTheSync(Database):
    """A checkpoint gets its name before its contents are safe."""

    @classmethod
    def open(cls, *arguments: Any, vfs: Any = None, **options: Any) -> Database:
        return super().open(*arguments, vfs=_DraftsUnsyncedVfs(vfs), **options)


class _Passing:
    """Passes on everything that a subclass does not do differently."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


class _NamelessVfs(_Passing):
    def sync_directory(self, path: str) -> None:
        """Nothing."""


class _HastyFile(_Passing):
    is_hasty = True

    def sync(self) -> None:
        if not self.is_hasty:
            self._target.sync()


class _HastyVfs(_Passing):
    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self.files: list[_HastyFile] = []

    def open(self, path: str) -> File:
        return self._hasty(self._target.open(path))

    def create(self, path: str) -> File:
        return self._hasty(self._target.create(path))

    def _hasty(self, file: File) -> File:
        self.files.append(_HastyFile(file))
        return self.files[-1]


class _ForgetfulVfs(_Passing):
    _is_renamed = False

    def rename(self, old: str, new: str) -> None:
        self._target.rename(old, new)
        self._is_renamed = bool(checkpoint_names([basename(new)]))

    def sync_directory(self, path: str) -> None:
        if not self._is_renamed:
            self._target.sync_directory(path)
        self._is_renamed = False


class _DraftsUnsyncedVfs(_Passing):
    def create(self, path: str) -> File:
        file = self._target.create(path)
        return _HastyFile(file) if path.endswith(".ckpt" + TEMPORARY) else file
