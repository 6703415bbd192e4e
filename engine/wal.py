"""The format of the write-ahead log: segments of checksummed records, one record per commit.

    segment  wal-<first seq, 20 digits>.log
             8s magic | u32 version | 16s database id | u64 first seq | u64 xxh3_64 of the header so far
    record   u32 length of payload | u64 seq | u64 xxh3_64 of length, seq and payload | payload
    payload  msgpack [synced seq, number of the codec, writes]
    writes   codec 0: {key: value, nil where it was deleted, or [value, seconds since the epoch at which it ends]}
             others:  the same map, compressed, as one byte string

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
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import xxhash

from engine.codec import NO_CODEC, Codec, CodecError, decompress
from engine.errors import NewerFormat, TransactionTooLarge
from engine.index import Expiring, Writes

__all__ = [
    "HEADER_LENGTH",
    "PAYLOAD_LENGTH_MAX",
    "Record",
    "Segment",
    "decode_header",
    "decode_record",
    "decode_records",
    "encode_header",
    "encode_record",
    "encode_writes",
    "find_record",
    "segment_name",
    "segment_names",
]

VERSION: Final = 2
MAGIC: Final = b"ANOMWAL\n"
_HEADER: Final = struct.Struct("<8sI16sQ")
_FRAME: Final = struct.Struct("<IQ")
_CHECKSUM: Final = struct.Struct("<Q")
_unpack_start: Final = struct.Struct("<IQQ").unpack_from  # the frame and its checksum
_PAYLOAD_START: Final = b"\x93\xcf"  # msgpack: an array of three, the first a 64-bit number
_SYNCED: Final = struct.Struct(">2sQ")
_unpack_payload: Final = struct.Struct(">2sQB").unpack_from  # the start, the synced seq and the codec's number
_COMPRESSED_LENGTH_MIN: Final = 128  # bytes; compressing less gains nothing

HEADER_LENGTH: Final = _HEADER.size + _CHECKSUM.size
_RECORD_START: Final = _FRAME.size + _CHECKSUM.size
PAYLOAD_LENGTH_MAX: Final = 0xFFFF_FFFF - _SYNCED.size
_LARGE: Final = 1 << 16  # Longer writes are hashed and written where they are instead of being copied first.

_encode = msgspec.msgpack.Encoder().encode
_decode_writes = msgspec.msgpack.Decoder(dict[bytes, bytes | Expiring | None]).decode
_decode_bytes = msgspec.msgpack.Decoder(bytes).decode


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


def encode_header(segment: Segment, magic: bytes = MAGIC) -> bytes:
    """The first HEADER_LENGTH bytes of a segment."""
    fields = _HEADER.pack(magic, VERSION, segment.database_id, segment.first_seq)
    return fields + _CHECKSUM.pack(xxhash.xxh3_64_intdigest(fields))


def decode_header(data: bytes, magic: bytes = MAGIC) -> Segment | None:
    """What the header says; None where it is damaged. Raises NewerFormat."""
    fields, checksum = data[: _HEADER.size], data[_HEADER.size : HEADER_LENGTH]
    if len(data) < HEADER_LENGTH or checksum != _CHECKSUM.pack(xxhash.xxh3_64_intdigest(fields)):
        return None
    found, version, database_id, first_seq = _HEADER.unpack(fields)
    if found != magic:
        return None
    if version != VERSION:
        raise NewerFormat(f"the database has format version {version}; this engine reads version {VERSION}")
    return Segment(database_id, first_seq)


def encode_writes(writes: Writes, codec: Codec = NO_CODEC) -> bytes:
    """The end of a payload, from the codec's number on. Raises TransactionTooLarge."""
    encoded = _encode(writes)
    if codec is not NO_CODEC and len(encoded) >= _COMPRESSED_LENGTH_MIN:
        compressed = codec.compress(encoded)
        if len(compressed) < len(encoded):
            encoded = bytes((codec.number,)) + _encode(compressed)
            return _fitting(encoded)
    return _fitting(b"\0" + encoded)


def _fitting(encoded: bytes) -> bytes:
    if len(encoded) > PAYLOAD_LENGTH_MAX:
        raise TransactionTooLarge(f"one transaction writes at most {PAYLOAD_LENGTH_MAX} bytes")
    return encoded


def encode_record(seq: int, synced_seq: int, writes: bytes, seed: int) -> list[bytes]:
    """A record in pieces to be written one after the other; `writes` is from `encode_writes`."""
    start = _SYNCED.pack(_PAYLOAD_START, synced_seq)
    frame = _FRAME.pack(len(start) + len(writes), seq)
    checksum = _CHECKSUM.pack(_checksum(frame + start, writes, seed))
    if len(writes) <= _LARGE:
        return [frame + checksum + start + writes]
    return [frame + checksum + start, writes]


def decode_record(data: bytes, offset: int, seed: int) -> Record | None:
    """The record at `offset`; None where there is no valid one. Raises as `decode_records`."""
    for fields in decode_records(data, offset, seed):
        return Record(*fields)
    return None


def decode_records(data: bytes, offset: int, seed: int) -> Iterator[tuple[int, int, Writes, int]]:
    """The fields of one Record after the other, from `offset` up to the first that is not valid.

    Raises CodecError for one whose checksum is right and whose writes cannot be read: no power loss makes that.
    One loop and plain tuples, since a recovery spends most of its time here.
    """
    length_max = len(data)
    while offset + _RECORD_START <= length_max:
        length, seq, checksum = _unpack_start(data, offset)
        begin = offset + _RECORD_START
        end = begin + length
        if end > length_max or length <= _SYNCED.size:
            return
        payload = data[begin:end]
        if _checksum(data[offset : offset + _FRAME.size], payload, seed) != checksum:
            return
        start, synced_seq, codec_number = _unpack_payload(payload)
        if start != _PAYLOAD_START:
            return
        yield seq, synced_seq, _decoded(codec_number, payload[_SYNCED.size + 1 :]), end
        offset = end


def _decoded(codec_number: int, encoded: bytes) -> Writes:
    try:
        if codec_number != NO_CODEC.number:
            encoded = decompress(codec_number, _decode_bytes(encoded))
        return _decode_writes(encoded)
    except msgspec.DecodeError as error:
        raise CodecError(str(error)) from error


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
