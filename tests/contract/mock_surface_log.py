"""The mock's files: frames of rows with a checksum each, and what may be taken for a torn tail.

u32 length | u32 crc32 | codec | rows                    a bad frame with no whole one after it is a torn tail
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec

from harness.surface import Refused

__all__ = ["CODECS", "Row", "framed", "frames", "rows_of"]

CODECS = ("none", "lz4", "zstd")  # All but the first are zlib here: it is the switch that is of interest.
Row = tuple[bytes, bytes | None, float]  # key, value or None where it was deleted, time of its end or 0

_HEAD = 8


def framed(rows: list[Row], codec: str) -> bytes:
    """A frame of rows."""
    packed = msgspec.msgpack.encode(rows)
    body = bytes((CODECS.index(codec),)) + (packed if codec == "none" else zlib.compress(packed, 1))
    return len(body).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little") + body


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(end, body) of each frame up to a torn tail. Raises Refused where a bad frame has a whole one after it."""
    place = 0
    while place < len(data):
        body = _body(data, place)
        if body is None:
            if any(_body(data, later) for later in range(place + 1, len(data))):
                raise Refused("damaged", f"the frame at {place} is bad, and there are whole ones after it")
            return
        place += _HEAD + len(body)
        yield place, body


def rows_of(body: bytes) -> list[Row]:
    """The rows of a frame's body."""
    packed = body[1:] if body[0] == 0 else zlib.decompress(body[1:])
    return msgspec.msgpack.decode(packed, type=list[Row])


def _body(data: bytes, place: int) -> bytes | None:
    length = int.from_bytes(data[place : place + 4], "little")
    if length == 0 or place + _HEAD + length > len(data):
        return None
    body = data[place + _HEAD : place + _HEAD + length]
    return body if zlib.crc32(body) == int.from_bytes(data[place + 4 : place + _HEAD], "little") else None
