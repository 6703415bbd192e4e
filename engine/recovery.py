"""Opening a log: read every segment, stop at the first bad record, and decide whether that is a tear or damage.

    ... 5 6 [bad] nothing valid that was written after an fsync of it   a torn tail: cut it, sync, go on from there
    ... 5 6 [bad] ... a valid record that knows 7 as synced             Corrupt: an acknowledged commit is damaged

See `engine.wal` for the format and for how a record knows.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from engine.errors import Corrupt
from engine.index import Node, Writes
from engine.vfs import File, Vfs
from engine.wal import HEADER_LENGTH, Segment, decode_header, decode_record, find_record, segment_names

__all__ = ["Recovered", "recover"]


class Recovered(NamedTuple):
    """What a log holds. `file` is the last segment, ready for appending at `position`; None for an empty log.

    `closed` says that the last record is the mark of a clean close.
    """

    newest: dict[bytes, Node]
    seq: int
    database_id: bytes
    file: File | None
    position: int
    closed: bool


def recover(vfs: Vfs, directory: str) -> Recovered:
    """Read the log in `directory` and cut its torn tail. Raises Corrupt, or ValueError for a newer format."""
    names = segment_names(vfs.names(directory))
    state = _Replay(vfs, directory)
    for name in names:
        state.read_segment(name, is_last=name == names[-1])
    return state.finish()


class _Replay:
    def __init__(self, vfs: Vfs, directory: str) -> None:
        self._vfs = vfs
        self._directory = directory
        self._newest: dict[bytes, Node] = {}
        self._seq = 0
        self._database_id = b""
        self._file: File | None = None
        self._position = 0
        self._closed = False

    def read_segment(self, name: str, *, is_last: bool) -> None:
        path = posixpath.join(self._directory, name)
        file = self._vfs.open(path)
        try:
            data = file.read(0, file.size())
            header = decode_header(data)
            if header is None:
                self._refuse_bad_header(name, data, is_last=is_last)
                file.close()
                self._vfs.remove(path)
                self._vfs.sync_directory(self._directory)
                return
            self._refuse_stranger(name, header)
            self._position = self._replay(data, header.seed)
            if self._position < len(data):
                self._cut(name, file, data, header.seed, is_last=is_last)
        except BaseException:
            file.close()
            raise
        if self._file is not None:
            self._file.close()
        self._file = file

    def finish(self) -> Recovered:
        if self._file is not None:
            # The last process may have died between write and fsync; what is shown from now on has to last.
            self._file.sync()
            self._vfs.sync_directory(self._directory)
        return Recovered(self._newest, self._seq, self._database_id, self._file, self._position, self._closed)

    def _refuse_bad_header(self, name: str, data: bytes, *, is_last: bool) -> None:
        # A header is synced before the first record follows it: a tear leaves nothing behind the header.
        if not is_last or len(data) > HEADER_LENGTH:
            raise Corrupt(name, 0, "the segment's header is damaged")

    def _refuse_stranger(self, name: str, header: Segment) -> None:
        if self._database_id and header.database_id != self._database_id:
            raise Corrupt(name, 0, "the segment belongs to another database")
        if header.first_seq != self._seq + 1:
            raise Corrupt(name, 0, f"commit {self._seq + 1} is missing: the segment starts with {header.first_seq}")
        self._database_id = header.database_id

    def _replay(self, data: bytes, seed: int) -> int:
        """Apply the records one after the other; returns the offset of the first that does not follow."""
        position = HEADER_LENGTH
        while (record := decode_record(data, position, seed)) is not None and record.seq == self._seq + 1:
            self._seq = record.seq
            self._apply(record.writes, record.seq)
            self._closed = not record.writes
            position = record.end
        return position

    def _apply(self, writes: Writes, seq: int) -> None:
        newest = self._newest
        for key, value in writes.items():
            if value is None:
                newest.pop(key, None)
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
        file.truncate(self._position)
        file.sync()
