"""The format of the write-ahead log: segments of checksummed records, one record per commit.

    segment  wal-<first seq, 20 digits>.log
             8s magic | u32 version | 16s database id | u64 first seq | u64 xxh3_64 of the header so far
    record   u32 length of payload | u64 seq | u64 xxh3_64 of length, seq and payload | payload
    payload  msgpack [synced seq, {key: value, or nil where it was deleted}]

All numbers are little-endian outside msgpack; `seq` rises by one per record, across segments too. The checksums are
seeded with the database id, so that a record of another database, copied into a value, never looks like one of ours.

`synced seq` is the newest commit that was surely on the disk when the record was written. Recovery needs it to tell
two cases apart that look the same, a bad record with a good one behind it:

    bad seq 7, good seq 9 with synced seq 6   written after the last fsync and kept in part by a power loss: cut
    bad seq 7, good seq 9 with synced seq 8   7 was acknowledged and is damaged: an error, never a silent loss

A record without writes is made by a clean close, after everything before it was synced.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import msgspec
import xxhash

from engine.index import Writes

__all__ = [
    "HEADER_LENGTH",
    "PAYLOAD_LENGTH_MAX",
    "Record",
    "Segment",
    "decode_header",
    "decode_record",
    "encode_header",
    "encode_record",
    "find_record",
    "segment_name",
    "segment_names",
]

VERSION: Final = 1
_MAGIC: Final = b"ANOMWAL\n"
_HEADER: Final = struct.Struct("<8sI16sQ")
_FRAME: Final = struct.Struct("<IQ")
_CHECKSUM: Final = struct.Struct("<Q")
_unpack_start: Final = struct.Struct("<IQQ").unpack_from  # the frame and its checksum
_PAYLOAD_START: Final = b"\x92\xcf"  # msgpack: an array of two, the first a 64-bit number
_SYNCED: Final = struct.Struct(">2sQ")

HEADER_LENGTH: Final = _HEADER.size + _CHECKSUM.size
_RECORD_START: Final = _FRAME.size + _CHECKSUM.size
PAYLOAD_LENGTH_MAX: Final = 0xFFFF_FFFF - _SYNCED.size
_LARGE: Final = 1 << 16  # Longer writes are hashed and written where they are instead of being copied first.

_decode_payload = msgspec.msgpack.Decoder(tuple[int, Writes]).decode


class Segment(NamedTuple):
    """What a segment's header says."""

    database_id: bytes
    first_seq: int

    @property
    def seed(self) -> int:
        """What the record checksums start from."""
        return int.from_bytes(self.database_id[:8], "little")


class Record(NamedTuple):
    """One commit as found in a segment; `end` is the offset behind it."""

    seq: int
    synced_seq: int
    writes: Writes
    end: int


def segment_name(first_seq: int) -> str:
    """The file name of the segment that starts with `first_seq`."""
    return f"wal-{first_seq:020d}.log"


def segment_names(names: list[str]) -> list[str]:
    """Those of a directory's names that are segments, in order of their commits."""
    return sorted(
        name
        for name in names
        if len(name) == 28 and name.startswith("wal-") and name.endswith(".log") and name[4:24].isdecimal()
    )


def encode_header(segment: Segment) -> bytes:
    """The first HEADER_LENGTH bytes of a segment."""
    fields = _HEADER.pack(_MAGIC, VERSION, segment.database_id, segment.first_seq)
    return fields + _CHECKSUM.pack(xxhash.xxh3_64_intdigest(fields))


def decode_header(data: bytes) -> Segment | None:
    """What the header says; None where it is damaged. Raises ValueError for a newer format version."""
    fields, checksum = data[: _HEADER.size], data[_HEADER.size : HEADER_LENGTH]
    if len(data) < HEADER_LENGTH or checksum != _CHECKSUM.pack(xxhash.xxh3_64_intdigest(fields)):
        return None
    magic, version, database_id, first_seq = _HEADER.unpack(fields)
    if magic != _MAGIC:
        return None
    if version != VERSION:
        raise ValueError(f"the log has format version {version}; this engine reads version {VERSION}")
    return Segment(database_id, first_seq)


def encode_record(seq: int, synced_seq: int, writes: bytes, seed: int) -> list[bytes]:
    """A record in pieces to be written one after the other; `writes` is a msgpack map."""
    start = _SYNCED.pack(_PAYLOAD_START, synced_seq)
    frame = _FRAME.pack(len(start) + len(writes), seq)
    checksum = _CHECKSUM.pack(_checksum(frame + start, writes, seed))
    if len(writes) <= _LARGE:
        return [frame + checksum + start + writes]
    return [frame + checksum + start, writes]


def decode_record(data: bytes, offset: int, seed: int) -> Record | None:
    """The record at `offset`; None where there is no valid one."""
    begin = offset + _RECORD_START
    if begin > len(data):
        return None
    length, seq, checksum = _unpack_start(data, offset)
    end = begin + length
    if end > len(data) or length <= _SYNCED.size:
        return None
    payload = data[begin:end]
    if _checksum(data[offset : offset + _FRAME.size], payload, seed) != checksum:
        return None
    try:
        synced_seq, writes = _decode_payload(payload)
    except msgspec.DecodeError:
        return None
    return Record(seq, synced_seq, writes, end)


def find_record(data: bytes, offset: int, seed: int, synced_seq: int) -> int | None:
    """The offset of the first valid record at or behind `offset` that says that `synced_seq` was on the disk.

    Such a record starts at any byte: what lies before it is damaged, lengths included.
    """
    place = data.find(_PAYLOAD_START, offset + _RECORD_START)
    while place != -1:
        record = decode_record(data, place - _RECORD_START, seed)
        if record is not None and record.seq > record.synced_seq >= synced_seq:
            return place - _RECORD_START
        place = data.find(_PAYLOAD_START, place + 1)
    return None


def _checksum(first: bytes, second: bytes, seed: int) -> int:
    """The checksum of both, one after the other."""
    if len(second) <= _LARGE:
        return xxhash.xxh3_64_intdigest(first + second, seed)
    digest = xxhash.xxh3_64(first, seed=seed)
    digest.update(second)
    return digest.intdigest()
