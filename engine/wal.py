"""The format of the write-ahead log: segments of checksummed records, one record per commit.

    segment  wal-<first seq, 20 digits>.log
             8s magic | u32 version | 16s database id | u64 first seq | u64 xxh3_64 of the header so far
    record   u64 xxh3_64 of the rest | u32 length of writes | u64 seq | 2s mark | u64 synced seq | u8 codec | writes
    writes   msgpack
             codec 0: {key: value, nil where it was deleted, or [value, seconds since the epoch at which it ends]}
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
from typing import Final, NamedTuple, TypeAlias

import msgspec
import xxhash

from engine.codec import NO_CODEC, Codec, CodecError, decompress
from engine.errors import NewerFormat, TransactionTooLarge
from engine.index import Expiring, Writes

__all__ = [
    "HEADER_LENGTH",
    "PAYLOAD_LENGTH_MAX",
    "Encoded",
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
_CHECKSUM: Final = struct.Struct("<Q")
_START: Final = struct.Struct("<IQ2sQB")  # what is between checksum and writes
_unpack_checksum_and_start: Final = struct.Struct("<QIQ2sQB").unpack_from
_MARK: Final = b"\x93\xcf"  # by which a record is found among damaged bytes
_MARK_AT: Final = 20
_COMPRESSED_LENGTH_MIN: Final = 128  # bytes; compressing less gains nothing

HEADER_LENGTH: Final = _HEADER.size + _CHECKSUM.size
_WRITES_AT: Final = _CHECKSUM.size + _START.size
PAYLOAD_LENGTH_MAX: Final = 0xFFFF_FFFF
_LARGE: Final = 1 << 16  # Longer writes are hashed and written where they are instead of being copied first.

_encode = msgspec.msgpack.Encoder().encode
_decode_writes = msgspec.msgpack.Decoder(dict[bytes, bytes | Expiring | None]).decode
_decode_bytes = msgspec.msgpack.Decoder(bytes).decode


Encoded: TypeAlias = tuple[int, bytes]  # number of the codec, writes


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


def encode_writes(writes: Writes, codec: Codec = NO_CODEC) -> Encoded:
    """The end of a record. Raises TransactionTooLarge."""
    try:
        number, encoded = NO_CODEC.number, _encode(writes)
    except msgspec.MsgspecError as error:  # One of the values has more bytes than msgpack can say.
        raise TransactionTooLarge(f"one transaction writes at most {PAYLOAD_LENGTH_MAX} bytes ({error})") from error
    if codec is not NO_CODEC and len(encoded) >= _COMPRESSED_LENGTH_MIN:
        compressed = codec.compress(encoded)
        if len(compressed) < len(encoded):
            number, encoded = codec.number, _encode(compressed)
    if len(encoded) > PAYLOAD_LENGTH_MAX:
        raise TransactionTooLarge(f"one transaction writes at most {PAYLOAD_LENGTH_MAX} bytes")
    return number, encoded


def encode_record(seq: int, synced_seq: int, encoded: Encoded, seed: int) -> list[bytes]:
    """A record in pieces to be written one after the other."""
    codec_number, writes = encoded
    start = _START.pack(len(writes), seq, _MARK, synced_seq, codec_number)
    if len(writes) <= _LARGE:
        rest = start + writes
        return [_CHECKSUM.pack(xxhash.xxh3_64_intdigest(rest, seed)) + rest]
    digest = xxhash.xxh3_64(start, seed)
    digest.update(writes)
    return [_CHECKSUM.pack(digest.intdigest()) + start, writes]


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
    view = memoryview(data)
    while offset + _WRITES_AT < length_max:
        checksum, length, seq, mark, synced_seq, codec_number = _unpack_checksum_and_start(data, offset)
        begin = offset + _WRITES_AT
        end = begin + length
        if end > length_max or mark != _MARK:
            return
        if xxhash.xxh3_64_intdigest(view[offset + _CHECKSUM.size : end], seed) != checksum:
            return
        yield seq, synced_seq, _decoded(codec_number, view[begin:end]), end
        offset = end


def _decoded(codec_number: int, encoded: memoryview) -> Writes:
    try:
        if codec_number != NO_CODEC.number:
            return _decode_writes(decompress(codec_number, _decode_bytes(encoded)))
        return _decode_writes(encoded)
    except msgspec.DecodeError as error:
        raise CodecError(str(error)) from error


def find_record(data: bytes, offset: int, seed: int, synced_seq: int) -> int | None:
    """The offset of the first valid record at or behind `offset` that says that `synced_seq` was on the disk.

    Such a record starts at any byte: what lies before it is damaged, lengths included.
    """
    place = data.find(_MARK, offset + _MARK_AT)
    while place != -1:
        found = _seqs_at(data, place - _MARK_AT, seed)
        if found is not None and found[0] > found[1] >= synced_seq:
            return place - _MARK_AT
        place = data.find(_MARK, place + 1)
    return None


def _seqs_at(data: bytes, offset: int, seed: int) -> tuple[int, int] | None:
    """The seq and the synced seq of a record with a right checksum, whatever its writes are; None without one."""
    if offset + _WRITES_AT >= len(data):
        return None
    checksum, length, seq, _, synced_seq, _ = _unpack_checksum_and_start(data, offset)
    end = offset + _WRITES_AT + length
    if end > len(data) or xxhash.xxh3_64_intdigest(memoryview(data)[offset + _CHECKSUM.size : end], seed) != checksum:
        return None
    return seq, synced_seq
