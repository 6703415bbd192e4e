"""Opening a database: the newest checkpoint, then the log behind it, and what a bad record means.

    ... 5 6 [bad] nothing valid that was written after an fsync of it   a torn tail: cut it, sync, go on from there
    ... 5 6 [bad] ... a valid record that knows 7 as synced             Corrupt: an acknowledged commit is damaged

See `engine.wal` for the format and for how a record knows. Records that the checkpoint contains already are passed
over: what they wrote may have been overwritten or deleted since.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from engine.checkpoint import TEMPORARY, checkpoint_names, read_blocks
from engine.codec import CodecError
from engine.errors import Corrupt
from engine.index import Expiring, Node, Writes
from engine.vfs import File, Vfs
from engine.wal import HEADER_LENGTH, Segment, decode_header, decode_records, find_record, segment_names

__all__ = ["Recovered", "Recovery", "covered_segments"]


class Recovered(NamedTuple):
    """What a database holds. `file` is the last segment, ready for appending at `position`; None for no log.

    `seq` is the newest commit and `checkpoint_seq` the one of the checkpoint, 0 without. `closed` says that the last
    record is the mark of a clean close.
    """

    newest: dict[bytes, Node]
    seq: int
    checkpoint_seq: int
    database_id: bytes
    file: File | None
    position: int
    closed: bool
    log_length: int  # bytes in the segments


class Recovery:
    """One recovery of the database in `directory`."""

    def __init__(self, vfs: Vfs, directory: str) -> None:
        self._vfs = vfs
        self._directory = directory
        self._newest: dict[bytes, Node] = {}
        self._checkpoint_seq = 0
        self._seq = 0
        self._log_seq = 0  # the newest commit in the segments read so far
        self._database_id = b""
        self._file: File | None = None
        self._position = 0
        self._log_length = 0
        self._closed = False

    def run(self) -> Recovered:
        """Read everything and cut a torn tail. Raises Corrupt, or NewerFormat."""
        try:
            superfluous = self._read()
            if superfluous:
                # The last process may have died before the name of its checkpoint was safe.
                self._vfs.sync_directory(self._directory)
            self._remove(superfluous)
            if self._file is not None:
                self._file = self._written_again(self._file)
        except BaseException:
            if self._file is not None:
                self._file.close()
            raise
        return Recovered(
            self._newest,
            self._seq,
            self._checkpoint_seq,
            self._database_id,
            self._file,
            self._position,
            self._closed,
            self._log_length,
        )

    def _read(self) -> list[str]:
        """Read everything; returns the names of what a crash left half done or a checkpoint made superfluous."""
        names = self._vfs.names(self._directory)
        checkpoints = checkpoint_names(names)
        if checkpoints:
            self._read_checkpoint(checkpoints[-1])
        segments = segment_names(names)
        covered = covered_segments(segments, self._checkpoint_seq)
        self._read_segments([name for name in segments if name not in covered])
        return [name for name in names if name.endswith(TEMPORARY)] + checkpoints[:-1] + covered

    def _read_checkpoint(self, name: str) -> None:
        for header, writes in read_blocks(self._vfs, self._directory, name):
            self._database_id = header.database_id
            self._seq = self._checkpoint_seq = header.first_seq
            self._apply(writes, header.first_seq)

    def _read_segments(self, names: list[str]) -> None:
        for name in names:
            self._read_segment(name, is_last=name == names[-1])

    def _read_segment(self, name: str, *, is_last: bool) -> None:
        path = posixpath.join(self._directory, name)
        file = self._vfs.open(path)
        try:
            data = file.read(0, file.size())
            header = decode_header(data)
            if header is None:
                self._refuse_bad_header(name, data, is_last=is_last)
                file.close()
                self._remove([name])
                return
            self._refuse_stranger(name, header)
            self._position = self._replay(name, data, header)
            if self._position < len(data):
                self._cut(name, file, data, header.seed, is_last=is_last)
            if self._log_seq < self._seq:
                # Damage alone ends the log before the checkpoint does: all it held is in there, and it starts anew.
                file.close()
                self._remove([name])
                return
            self._log_length += self._position
        except BaseException:
            file.close()
            raise
        if self._file is not None:
            self._file.close()
        self._file = file

    def _written_again(self, old: File) -> File:
        """The last segment as a new file that is surely on the disk: what is shown from now on has to last.

        The last process may have died between write and fsync. After an fsync that failed, another one of the same
        file says nothing: what was given up can still be read, and is no longer dirty.
        """
        path = posixpath.join(self._directory, segment_names(self._vfs.names(self._directory))[-1])
        file = self._vfs.create(path + TEMPORARY)
        file.write(0, old.read(0, old.size()))
        file.sync()
        old.close()
        self._vfs.rename(path + TEMPORARY, path)
        self._vfs.sync_directory(self._directory)
        return file

    def _remove(self, names: list[str]) -> None:
        for name in names:
            self._vfs.remove(posixpath.join(self._directory, name))
        if names:
            self._vfs.sync_directory(self._directory)

    def _refuse_bad_header(self, name: str, data: bytes, *, is_last: bool) -> None:
        # A header is synced before the first record follows it: a tear leaves nothing behind the header.
        if not is_last or len(data) > HEADER_LENGTH:
            raise Corrupt(name, 0, "the segment's header is damaged")

    def _refuse_stranger(self, name: str, header: Segment) -> None:
        if self._database_id and header.database_id != self._database_id:
            raise Corrupt(name, 0, "the segment belongs to another database")
        if header.first_seq > self._seq + 1 or (self._file is not None and header.first_seq != self._seq + 1):
            raise Corrupt(name, 0, f"commit {self._seq + 1} is missing: the segment starts with {header.first_seq}")
        self._database_id = header.database_id

    def _replay(self, name: str, data: bytes, header: Segment) -> int:
        """Apply the records one after the other; returns the offset of the first that does not follow."""
        position = HEADER_LENGTH
        expected = header.first_seq
        try:
            for seq, _, writes, end in decode_records(data, position, header.seed):
                if seq != expected:
                    break
                if seq > self._seq:
                    self._apply(writes, seq)
                    self._seq = seq
                self._closed = not writes
                expected += 1
                position = end
        except CodecError as error:
            raise Corrupt(name, position, f"commit {expected} cannot be read ({error})") from error
        self._log_seq = expected - 1
        return position

    def _apply(self, writes: Writes, seq: int) -> None:
        newest = self._newest
        for key, value in writes.items():
            if value is None:
                newest.pop(key, None)
            elif value.__class__ is Expiring:
                newest[key] = [seq, value.value, None, value.expires_at]
            else:
                newest[key] = [seq, value, None]

    def _cut(self, name: str, file: File, data: bytes, seed: int, *, is_last: bool) -> None:
        missing = self._seq + 1
        if not is_last:  # A segment is synced as a whole before the next one is made.
            raise Corrupt(name, self._position, f"commit {missing} is damaged, and later segments exist")
        behind = find_record(data, self._position, seed, missing)
        if behind is not None:
            detail = f"commit {missing} is damaged; the valid record at {behind} was written after it was safe"
            raise Corrupt(name, self._position, detail)
        self._truncate(file)

    def _truncate(self, file: File) -> None:
        file.truncate(self._position)
        file.sync()


def covered_segments(segments: list[str], checkpoint_seq: int) -> list[str]:
    """Those of the segments' names, in their order, that hold no commit newer than the checkpoint.

    A segment ends where the next one starts. The last one stays: nobody knows its end, and it is appended to.
    """
    firsts = [int(name[4:24]) for name in segments]
    return [name for name, following in zip(segments, firsts[1:], strict=False) if following <= checkpoint_seq + 1]
