"""Compression codecs for what is written to the log and to checkpoints.

Each piece of data carries the number of its codec, so that the codec may be switched while the database is open and
everything written before stays readable.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

__all__ = ["CODECS", "NO_CODEC", "Codec", "CodecError", "codec_named", "decompress"]

_LENGTH_MAX: Final = 0xFFFF_FFFF  # bytes that one piece may have when it is decompressed


class CodecError(Exception):
    """The data is not what the codec made, or the codec is of a newer engine."""


class Codec(NamedTuple):
    """`number` is what the files say; `compress` and `decompress` take and give bytes."""

    name: str
    number: int
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]


def _unchanged(data: bytes) -> bytes:
    return data


def _lz4() -> Any:
    import lz4.frame

    return lz4.frame


def _zstandard() -> Any:
    import zstandard

    return zstandard


# A row per codec. The numbers are in files: they never change. lz4 and zstandard are imported when they are used.
_ROWS: Final = (
    Codec("none", 0, _unchanged, _unchanged),
    Codec("lz4", 1, lambda data: bytes(_lz4().compress(data)), lambda data: bytes(_lz4().decompress(data))),
    Codec(
        "zstd",
        2,
        lambda data: bytes(_zstandard().compress(data, 3)),
        lambda data: bytes(_zstandard().decompress(data, _LENGTH_MAX)),
    ),
    Codec("zlib", 3, lambda data: zlib.compress(data, 6), zlib.decompress),
)
CODECS: Final[dict[str, Codec]] = {codec.name: codec for codec in _ROWS}
NO_CODEC: Final = CODECS["none"]
_BY_NUMBER: Final = {codec.number: codec for codec in _ROWS}


def codec_named(name: str) -> Codec:
    """The codec called `name`. Raises ValueError for another name."""
    if not isinstance(name, str) or name not in CODECS:
        raise ValueError(f"compression is one of {', '.join(CODECS)}, not {name!r}")
    CODECS[name].compress(b"")  # A library that is missing is missed here, and not by every commit.
    return CODECS[name]


def decompress(number: int, data: bytes) -> bytes:
    """The data before compression by the codec with this number. Raises CodecError."""
    codec = _BY_NUMBER.get(number)
    if codec is None:
        raise CodecError(f"codec {number} is not known to this engine")
    try:
        return codec.decompress(data)
    except ImportError:  # The data may be as good as ever.
        raise
    except Exception as error:  # Each library has an error of its own, and lz4 raises RuntimeError.
        raise CodecError(f"{codec.name}: {error}") from error
