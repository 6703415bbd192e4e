"""Lies about keys, files, transactions and what is said of them, by the check that finds each: sections I to P."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from mock_surface import MockSurface, MockTransaction
from mock_surface_log import framed, rows_of
from mock_surface_lying import Honest, got, got_value, silent, told

from harness.surface import Refused

__all__ = [
    "BACKUPS",
    "BATCHES",
    "DOCUMENTATION",
    "DURABILITY",
    "ENCODING",
    "NAMESPACES",
    "OBSERVABILITY",
    "SIZES",
]

# I: sizes.


def deep_cut(db: MockSurface, honest: Honest, path: str, value: bytes) -> None:
    honest("/".join(path.split("/")[:32]), value)


def largest_cut(least: int, most: int) -> type[MockSurface]:
    return got(lambda db, key, value: value[:-1] if value and least <= len(value) <= most else value)


def last_lost(db: MockSurface, honest: Honest, prefix: bytes) -> Any:
    rows = honest(prefix)
    return rows[:-1] if len(rows) > 50_000 else rows


SIZES = {
    "I1.1": largest_cut(9_000_000, 11_000_000),
    "I1.2": largest_cut(16_777_216, 100_000_000),
    "I2.1": told("put_batch", lambda db, honest, pairs: honest(pairs) - (len(pairs) == 1_000)),
    "I2.2": told("scan_prefix", last_lost),
    "I2.3": got(
        lambda db, key, value: (
            None if key.startswith(b"key_") and key.endswith(b"99") and len(db.rows) > 1_000 else value
        )
    ),
    "I3.1": told("put_path", deep_cut),
    "I3.2": told("put_path", lambda db, honest, path, value: honest(path[:1_024], value)),
}

# J: durability and closing.


class DeletesNotLogged(MockSurface):
    def append(self, rows: list) -> None:
        super().append([row for row in rows if row[1] is not None])


class Buffered(MockSurface):
    """Acknowledges before it writes: all is written at close."""

    def open(self, path: str) -> None:
        super().open(path)
        self.late: list[bytes] = []

    def append(self, rows: list) -> None:
        self.late.append(framed(rows, self.codec))

    def close(self) -> None:
        if not self.closed:
            self.log.write(b"".join(self.late))
        super().close()


class Unlocked(MockSurface):
    def lock(self) -> None:
        self.lock_file = (self.place / "lock").open("w")


class Unchecked(MockSurface):
    """Reads frames without looking at their checksums."""

    def frames(self, data: bytes) -> Any:
        place = 0
        while place + 8 < len(data):
            length = int.from_bytes(data[place : place + 4], "little")
            body = data[place + 8 : place + 8 + length]
            try:
                rows_of(body)
            except Exception:  # noqa: BLE001
                return
            place += 8 + length
            yield place, body


class FirstLostByTearing(MockSurface):
    """Where a tail is torn, the first frame goes instead of it."""

    def frames(self, data: bytes) -> Any:
        found = list(super().frames(data))
        torn = found and found[-1][0] < len(data)
        return found[1:] if torn else found


class TailNotCut(MockSurface):
    """Appends behind a torn tail."""

    def recover(self, file: Path) -> None:
        data = file.read_bytes()
        super().recover(file)
        file.write_bytes(data)


class AnyPath(MockSurface):
    def open(self, path: str) -> None:
        super().open(path.partition("\0")[0])


class Insistent(MockSurface):
    """Makes a read-only directory writable."""

    def open(self, path: str) -> None:
        if os.path.exists(path):
            os.chmod(path, 0o700)
        super().open(path)


class ShortNames(MockSurface):
    def open(self, path: str) -> None:
        if len(Path(path).name) > 200:
            raise Refused("argument", "too long")
        super().open(path)


class BegunWhenClosed(MockSurface):
    def begin(self) -> Any:
        return MockTransaction(self, "serializable")

    def call(self, name: str, *arguments: Any, within: Any = None) -> Any:
        if self.closed and within is not None and not within.writes:
            return None
        return super().call(name, *arguments, within=within)


class WrittenWhenClosed(MockSurface):
    def call(self, name: str, *arguments: Any, within: Any = None) -> Any:
        if self.closed and within is not None and within.writes:
            return getattr(within, name)(*arguments)
        return super().call(name, *arguments, within=within)


class CommittedWhenClosed(MockSurface):
    def commit(self, transaction: MockTransaction) -> int:
        return self.number + 1 if self.closed else super().commit(transaction)


DURABILITY = {
    "J1.1": DeletesNotLogged,
    "J1.2": Buffered,
    "J1.3": Unlocked,
    "J1.4": Unchecked,
    "J1.5": FirstLostByTearing,
    "J1.6": TailNotCut,
    "J2 put": silent("put"),
    "J2 get": silent("get"),
    "J2 delete": silent("delete"),
    "J2 scan_prefix": silent("scan_prefix"),
    "J2 transaction": BegunWhenClosed,
    "J3.1": AnyPath,
    "J3.2": Insistent,
    "J3.3": ShortNames,
    "J4.1": WrittenWhenClosed,
    "J4.2": CommittedWhenClosed,
}

# K: documented calls.


class FinishedByRaising(MockSurface):
    """with_transaction commits whatever its function did."""

    def with_transaction(self, work: Any) -> Any:
        transaction = self.begin()
        try:
            return work(transaction)
        finally:
            self.commit(transaction)


class OneLevel(MockSurface):
    def begin_at(self, level: str) -> MockTransaction:
        transaction = super().begin_at("serializable")
        transaction.isolation = lambda: level
        return transaction


class AbortedNever(MockSurface):
    """begin_transaction gives a transaction whose abort commits."""

    def begin_transaction(self) -> MockTransaction:
        transaction = self.begin()
        transaction.by_itself = True
        return transaction

    def abort(self, transaction: MockTransaction) -> None:
        if hasattr(transaction, "by_itself"):
            self.commit(transaction)
        else:
            super().abort(transaction)


class UntypedConflict(MockSurface):
    def commit(self, transaction: MockTransaction) -> int:
        try:
            return super().commit(transaction)
        except Refused as refusal:
            if refusal.why == "conflict":
                raise RuntimeError("SSI conflict") from refusal
            raise


DOCUMENTATION = {
    "K1.1": told("put_ttl", lambda db, honest, key, value, seconds: db.call("put", key, value)),
    "K1.2": FinishedByRaising,
    "K1.3": OneLevel,
    "K1.4": told("start_ts", lambda db, honest: honest() + 1_000_000),
    "K1.5": told("isolation", lambda db, honest: "serializable"),
    "K1.6": AbortedNever,
    "K1.7": UntypedConflict,
}

# L: statistics and prefixes.


class DroppedTooEarly(MockSurface):
    def drop_log(self) -> None:
        (self.place / "snapshot").unlink(missing_ok=True)
        super().drop_log()


OBSERVABILITY = {
    "L1.1": told("stats", lambda db, honest: {"keys": -1}),
    "L1.2": DroppedTooEarly,
    "L1.3": told("stats_full", lambda db, honest: {"commits": 0, "memory": 4_096.0}),
    "L2.1": told("scan_unchecked", lambda db, honest, prefix: honest(prefix) if prefix else []),
    "L2.2": told("scan_prefix", lambda db, honest, prefix: honest(prefix) if prefix else []),
    "L2.3": told("scan_prefix", lambda db, honest, prefix: [] if len(prefix) == 1 else honest(prefix)),
}

# M: compression and encoding.


class Uncompressed(MockSurface):
    def append(self, rows: list) -> None:
        self.log.write(framed(rows, "none"))

    def write(self, name: str) -> None:
        codec, self.codec = self.codec, "none"
        super().write(name)
        self.codec = codec


class AnyCodec(MockSurface):
    def set_compression(self, codec: str) -> None:
        self.codec = codec if codec in ("none", "lz4", "zstd") else "none"


ENCODING = {
    "M1.1": got(lambda db, key, value: value and value[::-1] if key == b"none" and db.codec == "lz4" else value),
    "M1.2": told("put", lambda db, honest, key, value: honest(key, value[:-1] if key == b"lz4" else value)),
    "M1.3": AnyCodec,
    "M1.4": Uncompressed,
    "M2 empty": got_value(b"", None),
    "M2 null_byte": got_value(b"\0", b""),
    "M2 null_bytes": got_value(b"before\0between\0\0after", b"before"),
    "M2 binary_all": got_value(bytes(range(256)), bytes(range(128))),
    "M2 newlines": got(lambda db, key, value: value.replace(b"\r\n", b"\n") if value and len(value) < 99 else value),
    "M2 tabs_spaces": got(lambda db, key, value: value.rstrip(b" ") if value and value.startswith(b"\t") else value),
    "M2 utf8": got(lambda db, key, value: value.decode("ascii", "ignore").encode() if key == b"M2 utf8" else value),
    "M2 large_binary": got(lambda db, key, value: value[:8_192] if value and len(value) == 16_384 else value),
}

# N: backups.


class Torn(MockSurface):
    """A backup has the last commit in part."""

    def rows_to_copy(self) -> list:
        return [row for row in super().rows_to_copy() if not row[0].startswith(b"right")] + [
            row for row in super().rows_to_copy() if row[0].startswith(b"right")
        ][:-1]


class Behind(MockSurface):
    """A backup lacks what was committed last, though before it."""

    def rows_to_copy(self) -> list:
        return [row for row in super().rows_to_copy() if not row[0].startswith((b"left", b"right"))]


class Exclusive(MockSurface):
    """Writers are refused while the first backup is made."""

    refused: threading.Event | None = None

    def backup(self, directory: str) -> None:
        if self.refused is None:
            self.refused = threading.Event()
            self.refused.wait(20)
        super().backup(directory)

    def commit(self, transaction: MockTransaction) -> int:
        if self.refused is not None and not self.refused.is_set():
            self.refused.set()
            raise Refused("locked", "a backup is being made")
        return super().commit(transaction)


BACKUPS = {
    "N1.1": Torn,
    "N1.1 acknowledged": Behind,
    "N1.2": told("verify_backup", lambda db, honest, directory: Path(directory).exists()),
    "N1.3": Exclusive,
}

# O and P: namespaces and batches.


class NamesCut(MockSurface):
    def call(self, name: str, *arguments: Any, within: Any = None) -> Any:
        if name.startswith("ns_"):
            arguments = (arguments[0][:8], *arguments[1:])
        return super().call(name, *arguments, within=within)


def prefix_of_names(db: MockSurface, honest: Honest, space: str, prefix: str) -> Any:
    return [row for name in sorted(db.spaces) if name.startswith(space) for row in db.ns_scan(name, prefix)]


def deleted_everywhere(db: MockSurface, honest: Honest, space: str, key: str) -> None:
    for name in list(db.spaces):
        honest(name, key)


def emptied(db: MockSurface, honest: Honest, keys: list[bytes]) -> int:
    return honest(keys if keys else list(db.rows)) and 0 if not keys else honest(keys)


NAMESPACES = {
    "O1.1": NamesCut,
    "O1.2": told("ns_scan", lambda db, honest, space, prefix: [] if space == "tenant_0" else honest(space, prefix)),
    "O1.3": told("ns_scan", prefix_of_names),
    "O1.4": told("ns_delete", deleted_everywhere),
}
BATCHES = {
    "P1.1": told("put_batch", lambda db, honest, pairs: honest(pairs) or None),
    "P1.2": told("get_batch", lambda db, honest, keys: honest(keys) or None),
    "P1.3": told("delete_batch", emptied),
    "P1.4": told("put_batch", lambda db, honest, pairs: honest(pairs[:5_000]) and len(pairs)),
    "P1.5": told(
        "put_batch", lambda db, honest, pairs: honest([*{key: (key, one) for key, one in pairs[::-1]}.values()])
    ),
    "P1.6": told("get_batch", lambda db, honest, keys: [one for one in honest(keys) if one is not None]),
    "P1.7": told("delete_batch", lambda db, honest, keys: honest(keys[:1]) + max(len(keys) - 1, 0)),
}
