"""Checkpoints: the whole state at one commit in a file, so that the log before it can go.

    file     checkpoint-<seq, 20 digits>.ckpt
             8s magic | u32 version | 16s database id | u64 seq | u64 xxh3_64 of the header so far
    block    a record of `engine.wal`, numbered from 1: about a megabyte of keys in order
    end      an empty block, then nothing

It is written under another name, synced, renamed, and the directory synced: a file with the right name is whole, or
damaged. Only then may the segments go that hold nothing newer.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import xxhash

from engine.codec import Codec, CodecError
from engine.errors import Corrupt
from engine.index import Expiring, Writes
from engine.vfs import File, Vfs
from engine.wal import (
    HEADER_LENGTH,
    Segment,
    decode_header,
    decode_record,
    encode_header,
    encode_record,
    encode_writes,
)

__all__ = ["TEMPORARY", "Written", "checkpoint_name", "checkpoint_names", "read_blocks", "write_checkpoint"]

MAGIC: Final = b"ANOMCKP\n"
TEMPORARY: Final = ".tmp"  # what the names of unfinished files end with
_BLOCK_LENGTH: Final = 1 << 20  # bytes of keys and values after which a block ends


class Written(NamedTuple):
    """A file that was written: its name, length in bytes, and the xxh3_128 of its contents in hexadecimal."""

    name: str
    length: int
    digest: str


def checkpoint_name(seq: int) -> str:
    """The file name of the checkpoint at commit `seq`."""
    return f"checkpoint-{seq:020d}.ckpt"


def checkpoint_names(names: Iterable[str]) -> list[str]:
    """Those of a directory's names that are checkpoints, oldest first."""
    return sorted(
        name
        for name in names
        if len(name) == 36 and name.startswith("checkpoint-") and name.endswith(".ckpt") and name[11:31].isdecimal()
    )


def write_checkpoint(
    vfs: Vfs,
    directory: str,
    database_id: bytes,
    seq: int,
    entries: Iterable[tuple[bytes, bytes | Expiring]],
    codec: Codec,
) -> Written:
    """Make the checkpoint at `seq` of `entries`, durable when this returns. Raises OSError; nothing is left then."""
    name = checkpoint_name(seq)
    place = posixpath.join(directory, name)
    if vfs.is_file(place + TEMPORARY):
        vfs.remove(place + TEMPORARY)
    file = vfs.create(place + TEMPORARY)
    try:
        written = _write(file, name, Segment(database_id, seq), _blocks(entries), codec)
        file.sync()
        file.close()
        vfs.rename(place + TEMPORARY, place)
    except BaseException:
        file.close()
        _remove_if_there(vfs, place + TEMPORARY)
        raise
    vfs.sync_directory(directory)
    return written


def _write(file: File, name: str, header: Segment, blocks: Iterator[Writes], codec: Codec) -> Written:
    data = encode_header(header, MAGIC)
    digest = xxhash.xxh3_128(data)
    file.write(0, data)
    length = len(data)
    for number, block in enumerate(blocks, 1):
        data = b"".join(encode_record(number, header.first_seq, encode_writes(block, codec), header.seed))
        digest.update(data)
        file.write(length, data)
        length += len(data)
    return Written(name, length, digest.hexdigest())


def _blocks(entries: Iterable[tuple[bytes, bytes | Expiring]]) -> Iterator[Writes]:
    """The entries in pieces of about _BLOCK_LENGTH, and an empty one at the end."""
    block: Writes = {}
    length = 0
    for key, value in entries:
        block[key] = value
        length += len(key) + len(value.value if isinstance(value, Expiring) else value)
        if length >= _BLOCK_LENGTH:
            yield block
            block, length = {}, 0
    if block:
        yield block
    yield {}


def _remove_if_there(vfs: Vfs, path: str) -> None:
    try:
        vfs.remove(path)
    except OSError:  # The next open removes it.
        return


def read_blocks(vfs: Vfs, directory: str, name: str) -> Iterator[tuple[Segment, Writes]]:
    """The header with each block of a checkpoint, the last one empty.

    Raises Corrupt where the next block is damaged or missing, and ValueError for a newer format.
    """
    file = vfs.open(posixpath.join(directory, name))
    try:
        data = file.read(0, file.size())
    finally:
        file.close()
    header = decode_header(data, MAGIC)
    if header is None or checkpoint_name(header.first_seq) != name:
        raise Corrupt(name, 0, "the checkpoint's header is damaged")
    position = HEADER_LENGTH
    for number in range(1, len(data)):
        try:
            block = decode_record(data, position, header.seed)
        except CodecError as error:
            raise Corrupt(name, position, f"block {number} cannot be read ({error})") from error
        if block is None or block.seq != number or block.synced_seq != header.first_seq:
            raise Corrupt(name, position, f"block {number} of the checkpoint is damaged")
        if not block.writes and block.end != len(data):
            raise Corrupt(name, block.end, "something stands behind the end of the checkpoint")
        yield header, block.writes
        if not block.writes:
            return
        position = block.end
    raise Corrupt(name, position, "the checkpoint has no end")
