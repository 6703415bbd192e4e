"""The live log of a run: append-only, readable after a kill at any moment.

    header   8 bytes magic, u32 format version
    frame    u32 length of the body, u64 xxh3_64 of the body, body (msgpack); numbers little-endian

A body is an array whose first element, a `Frame`, says what follows. A frame is in the hands of the operating
system when `append` returns: the end of this process cannot take it back. A torn tail is cut at the first bad frame.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import msgspec
import xxhash

from harness.codec import decode, portable
from harness.history import RunInfo
from harness.trouble import RunTrouble, StoreError, described

__all__ = ["LOG_VERSION", "EventLog", "Frame", "LogReader"]

LOG_VERSION: Final = 2  # Of version 1 there are no timestamps; it is read all the same.

_MAGIC: Final = b"ANOMALOG"
_HEADER: Final = struct.Struct("<8sI")
_FRAME: Final = struct.Struct("<IQ")
_COUNTED_BYTES_MAX: Final = 1 << 16
# A body begins with the mark of a short array and the number of a frame.
_BODY_START: Final = re.compile(rb"[\x91-\x9f][\x00-\x05]")


class Frame(IntEnum):
    """What a frame's body holds after this number. `rows` are operations as (kind code, key, value)."""

    INFO = 0  # run information as a map; the first frame
    INTENT = 1  # transaction, client, start, now, rows: commit is about to be called
    OUTCOME = 2  # transaction, end, status, error, and perhaps snapshot, commit: what became of an intent
    WHOLE = 3  # client, start, end, status, error, rows: a transaction whose commit was never called
    FAULT = 4  # name, start, end, detail
    END = 5  # now: the run ended by itself; the last frame


_FRAMES: Final = range(len(Frame))


class EventLog:
    """The writing side, used by one thread at a time. `written_bytes` is where the last whole frame ends."""

    def __init__(self, path: Path, info: RunInfo) -> None:
        """Create `path`, which must not exist yet. Raises RunTrouble where that fails."""
        self.written_bytes = 0
        self._path = path
        self._encoder = msgspec.msgpack.Encoder()
        self._broken = ""
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise RunTrouble(
                f"cannot create {path}: {described(error)}; choose another directory with --out"
            ) from error
        self._write(_HEADER.pack(_MAGIC, LOG_VERSION))
        self.append((int(Frame.INFO), msgspec.to_builtins(info)))

    def append(self, body: tuple[Any, ...]) -> None:
        """Hand one frame to the operating system. Raises RunTrouble, now and ever after, where that fails."""
        try:
            data = self._encoder.encode(body)
        except (UnicodeEncodeError, OverflowError):
            # Strings that UTF-8 cannot hold and huge integers are too rare to look for each time.
            data = self._encoder.encode(_careful(body))
        self._write(_FRAME.pack(len(data), xxhash.xxh3_64_intdigest(data)) + data)

    def close(self) -> None:
        """Close the file; further frames are refused."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1
        self._broken = self._broken or f"{self._path} is closed"

    def _write(self, data: bytes) -> None:
        if self._broken:
            raise RunTrouble(self._broken)
        try:
            done = os.write(self._file, data)
            while done < len(data):
                done += os.write(self._file, data[done:])
            self.written_bytes += len(data)
        except OSError as error:
            # A frame may be half written: nothing after it would be found by a reader.
            self._broken = (
                f"cannot write {self._path}: {error.strerror or described(error)}; "
                "free some space or choose another directory with --out"
            )
            raise RunTrouble(self._broken) from error


def _careful(body: tuple[Any, ...]) -> list[Any]:
    """The same body with every string and number checked. A list in a body is a list of rows, as `Frame` says."""
    return [[[portable(part) for part in row] for row in one] if type(one) is list else portable(one) for one in body]


class LogReader:
    """The reading side: `frames` yields the good frames; afterwards the attributes say how the log ends.

    `lost_bytes` were cut at the first bad frame, and `lost_frames` is how many frames were among them: whole
    ones of up to 64 KiB behind the damage, and the bad one. `ended` is true where the run ended by itself.
    """

    def __init__(self, path: Path, *, bytes_max: int | None = None) -> None:
        """`bytes_max` limits the reading of a log that is still being written to what it held once."""
        self.path = path
        self._bytes_max = bytes_max
        self.info: RunInfo | None = None
        self.lost_bytes = 0
        self.lost_frames = 0
        self.ended = False

    def frames(self) -> Iterator[list[Any]]:
        """Bodies in the order of writing, without the INFO and END frames.

        Raises StoreError where the file is missing, is no log, or was written by a newer version.
        """
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                size = size if self._bytes_max is None else min(size, self._bytes_max)
                data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {error.strerror}; name a run directory") from error
        try:
            yield from self._frames(data)
        finally:
            if isinstance(data, mmap.mmap):
                data.close()

    def _frames(self, data: bytes | mmap.mmap) -> Iterator[list[Any]]:
        if not self._begins_well(data):
            self.lost_bytes = len(data)
            return
        place = _HEADER.size
        while place < len(data):
            body = _good_body(data, place)
            if body is None or (self.info is None) != (body[0] == Frame.INFO):
                self._cut(data, place)
                return
            place += _FRAME.size + int(_FRAME.unpack_from(data, place)[0])
            if body[0] == Frame.INFO:
                self.info = self._run_info(body)
            elif body[0] == Frame.END:
                self.ended = True
            else:
                yield body

    def _begins_well(self, data: bytes | mmap.mmap) -> bool:
        """Whether a whole header is there; a torn one is the log of a run killed at its birth."""
        if _MAGIC[: len(data)] != data[: len(_MAGIC)]:
            raise StoreError(f"{self.path} is not an event log of a run; name a run directory")
        if len(data) < _HEADER.size:
            return False
        version = int(_HEADER.unpack_from(data)[1])
        if not 1 <= version <= LOG_VERSION:
            raise StoreError(
                f"{self.path} has format version {version} and this program reads version {LOG_VERSION}; "
                "use the version of the program that wrote it"
            )
        return True

    def _run_info(self, body: list[Any]) -> RunInfo:
        try:
            return msgspec.convert(body[1], RunInfo)
        except (msgspec.ValidationError, IndexError) as error:
            raise StoreError(f"{self.path} has malformed run information ({error}); run it again") from error

    def _cut(self, data: bytes | mmap.mmap, place: int) -> None:
        self.lost_bytes = len(data) - place
        self.lost_frames = 1 + sum(1 for _ in _frames_behind(data, place + 1))


def _good_body(data: bytes | mmap.mmap, place: int) -> list[Any] | None:
    """The body of the frame at `place`, or None where there is no good one."""
    if place + _FRAME.size > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, place)
    first = place + _FRAME.size
    if not 0 < length <= len(data) - first:
        return None
    raw = data[first : first + length]
    if xxhash.xxh3_64_intdigest(raw) != checksum:
        return None
    try:
        body = decode(raw)
    except ValueError:
        return None
    return body if isinstance(body, list) and body and body[0] in _FRAMES else None


def _frames_behind(data: bytes | mmap.mmap, place: int) -> Iterator[int]:
    """Places of good frames behind damage: only counted, never used, for what they rest on may be lost.

    Huge ones are not looked for: in what is not a log, everything looks like their beginnings.
    """
    while (found := _BODY_START.search(data, place + _FRAME.size)) is not None:
        here = found.start() - _FRAME.size
        length = int(_FRAME.unpack_from(data, here)[0])
        if length > _COUNTED_BYTES_MAX or _good_body(data, here) is None:
            place = here + 1
        else:
            yield here
            place = here + _FRAME.size + length
