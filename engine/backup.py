"""Backups: a checkpoint in a directory of its own, and a manifest that says what it must be.

    MANIFEST                 {"format": 1, "database": …, "seq": …, "created": …, "files": [{name, length, digest}]}
                             and, in a second line, the xxh3_128 of the first
    checkpoint-<seq>.ckpt    see `engine.checkpoint`; digest is the xxh3_128 of the whole file

The manifest is written last. A directory without one is no backup, or an unfinished one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
import xxhash

from engine.checkpoint import TEMPORARY, Written, checkpoint_name, read_blocks, write_checkpoint
from engine.codec import Codec
from engine.errors import Corrupt, InvalidPath, NewerFormat
from engine.index import Expiring
from engine.place import make_empty_place
from engine.vfs import Vfs

__all__ = ["MANIFEST", "Backup", "read_manifest", "restore_backup", "verify_backup", "write_backup"]

MANIFEST: Final = "MANIFEST"
_FORMAT: Final = 1


class Backup(NamedTuple):
    """What a backup holds: everything up to commit `seq`, in one file. `created` is in seconds since the epoch."""

    database: str
    seq: int
    created: float
    file: Written


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    database: str
    seq: int
    created: float
    files: tuple[Written]


def write_backup(
    vfs: Vfs,
    path: str,
    database_id: bytes,
    seq: int,
    entries: Iterable[tuple[bytes, bytes | Expiring]],
    codec: Codec,
    created: float,
) -> Backup:
    """Make a backup in the new or empty directory `path`, durable when this returns.

    Raises InvalidPath, or OSError with an unfinished backup left behind.
    """
    make_empty_place(vfs, path)
    written = write_checkpoint(vfs, path, database_id, seq, entries, codec)
    line = msgspec.json.encode(_Manifest(_FORMAT, database_id.hex(), seq, created, (written,)))
    _write_durably(vfs, path, MANIFEST, line + b"\n" + xxhash.xxh3_128_hexdigest(line).encode() + b"\n")
    return Backup(database_id.hex(), seq, created, written)


def verify_backup(vfs: Vfs, path: str) -> Backup:
    """Read all of a backup and compare it with its manifest.

    Raises Corrupt, which names the file and the place, NewerFormat, or InvalidPath where there is no directory.
    """
    backup, _ = _verified(vfs, path)
    return backup


def restore_backup(vfs: Vfs, path: str, into: str) -> Backup:
    """Make a database of a backup in the new or empty directory `into`; it is verified first, and not changed.

    Raises as `verify_backup`, and InvalidPath for `into`.
    """
    backup, data = _verified(vfs, path)
    make_empty_place(vfs, into)
    _write_durably(vfs, into, backup.file.name, data)
    return backup


def read_manifest(vfs: Vfs, path: str) -> Backup:
    """What the manifest says there is, without a look at it. Raises Corrupt, NewerFormat, InvalidPath."""
    if "\0" in path or not vfs.is_directory(path):
        raise InvalidPath(f"{path!r} is not a directory")
    line, _, digest = _contents(vfs, path, MANIFEST).partition(b"\n")
    if digest != xxhash.xxh3_128_hexdigest(line).encode() + b"\n":
        raise Corrupt(MANIFEST, 0, "the manifest is damaged")
    try:
        if msgspec.json.decode(line, type=dict[str, object]).get("format") != _FORMAT:
            raise NewerFormat(f"the backup has another format than {_FORMAT}, which this engine reads")
        manifest = msgspec.json.decode(line, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt(MANIFEST, 0, f"the manifest is damaged ({error})") from error
    file = manifest.files[0]
    if file.name != checkpoint_name(manifest.seq):
        raise Corrupt(MANIFEST, 0, "it names another file than the checkpoint of its commit")
    return Backup(manifest.database, manifest.seq, manifest.created, file)


def _verified(vfs: Vfs, path: str) -> tuple[Backup, bytes]:
    backup = read_manifest(vfs, path)
    file = backup.file
    data = _contents(vfs, path, file.name)
    for header, _ in read_blocks(vfs, path, file.name):
        if header.database_id.hex() != backup.database:
            raise Corrupt(file.name, 0, "the checkpoint is of another database than the manifest says")
    if len(data) != file.length or xxhash.xxh3_128_hexdigest(data) != file.digest:
        raise Corrupt(file.name, 0, "the file is not the one that the manifest describes")
    return backup, data


def _contents(vfs: Vfs, path: str, name: str) -> bytes:
    place = posixpath.join(path, name)
    if not vfs.is_file(place):
        raise Corrupt(name, 0, "the file is missing: this is no backup, or an unfinished one")
    file = vfs.open(place)
    try:
        return file.read(0, file.size())
    finally:
        file.close()


def _write_durably(vfs: Vfs, path: str, name: str, data: bytes) -> None:
    place = posixpath.join(path, name)
    file = vfs.create(place + TEMPORARY)
    try:
        file.write(0, data)
        file.sync()
    finally:
        file.close()
    vfs.rename(place + TEMPORARY, place)
    vfs.sync_directory(path)
