"""Calls that do not do what they say, each as it was found in a real database or is easily made."""

from __future__ import annotations

import os
from typing import Any

from engine.backup import Backup, read_manifest
from engine.commit_log import CommitLog
from engine.database import Database
from engine.index import Writes
from engine.vfs import OsVfs, Vfs
from engine.wal import Encoded

__all__ = [
    "BackupsAreNotVerified",
    "CodecNumberOfTheNewest",
    "EmptyPrefixFindsNothing",
    "NulEndsThePath",
    "PlaceholderStats",
    "TtlIgnored",
    "WithTransactionMissing",
]


class NulEndsThePath(Database):
    """The path is cut at a NUL, as a C string is: the eighth finding of the seed."""

    @classmethod
    def open(cls, path: Any = ":memory:", *rest: Any, **options: Any) -> Database:
        return super().open(os.fspath(path).split("\0")[0], *rest, **options)


class EmptyPrefixFindsNothing(Database):
    """The empty prefix finds no key: the ninth finding of the seed."""

    def scan_prefix_unchecked(self, prefix: Any) -> list[tuple[bytes, bytes]]:
        return super().scan_prefix_unchecked(prefix) if prefix else []


class PlaceholderStats(Database):
    """`stats` is shadowed by one that counts nothing: the sixth finding of the seed."""

    def stats(self) -> dict[str, int | float | str]:
        return {**super().stats(), "keys": -1}


class WithTransactionMissing(Database):
    """A documented call does not exist: the fifth finding of the seed."""

    with_transaction: Any = property()


class TtlIgnored(Database):
    """The time to live is taken and ignored."""

    def put(self, key: Any, value: Any, *, ttl_seconds: Any = None) -> None:
        super().put(key, value)


class BackupsAreNotVerified(Database):
    """Verifying a backup reads its manifest and nothing else."""

    @staticmethod
    def verify_backup(path: Any, *, vfs: Vfs | None = None) -> Backup:
        return read_manifest(vfs if vfs is not None else OsVfs(), os.fspath(path))


class _NumbersWrongly(CommitLog):
    def encode(self, writes: Writes) -> Encoded:
        return self.codec.number, super().encode(writes)[1]


class CodecNumberOfTheNewest(Database):
    """What is too short to compress carries the number of the codec all the same, and cannot be read again."""

    log_class = _NumbersWrongly
