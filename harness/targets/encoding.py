"""Keys and values as bytes, for targets that store nothing else.

A key is `ROOT` (so that no scan's prefix is shorter than the two bytes that some databases want) and one item:

    int    i, then 8 bytes, the number moved to be unsigned     str    s, then UTF-8 with 00 as 00 FF, then 00
    tuple  t, then its items, then 00

The bytes sort as the strings, the numbers, and tuples of these do; numbers come before strings before tuples.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

__all__ = ["ROOT", "decode_key", "decode_value", "encode_key", "encode_value", "range_of"]

ROOT: Final = b"k/"
_SIGN: Final = 1 << 63


def encode_key(key: Any) -> bytes:
    """The bytes of a str, a 64-bit int or a tuple of such. Raises TypeError or OverflowError for anything else."""
    return ROOT + _encode_item(key)


def range_of(asked: Any) -> tuple[bytes, bytes]:
    """The bytes of a scan's (low, high), or of all keys that begin with a text or with a tuple's items."""
    if isinstance(asked, tuple) and len(asked) == 2:
        return encode_key(asked[0]), encode_key(asked[1])
    prefix = encode_key(asked)[:-1]
    # A tuple goes on with the tag of an item or its end, a text with a byte of UTF-8; neither reaches these.
    return prefix, prefix + (b"u" if isinstance(asked, tuple) else b"\xf8")


def _encode_item(item: Any) -> bytes:
    if type(item) is str:
        return b"s" + item.encode().replace(b"\0", b"\0\xff") + b"\0"
    if type(item) is int:
        return b"i" + (item + _SIGN).to_bytes(8, "big")
    if type(item) is tuple:
        return b"t" + b"".join(map(_encode_item, item)) + b"\0"
    raise TypeError(f"a key is a str, an int or a tuple of these, not {item!r}")


def decode_key(stored: bytes) -> Any:
    """The key that `encode_key` made `stored` of; bytes that it did not make are returned as they are.

    So a key that nobody wrote gets into the history, where a checker can accuse the database of it.
    """
    try:
        item, end = _decode_item(stored, len(ROOT))
        return item if encode_key(item) == stored and end == len(stored) else stored
    except (ValueError, IndexError, OverflowError, RecursionError):
        return stored


def _decode_item(stored: bytes, at: int) -> tuple[Any, int]:
    """The item that begins at `at`, and where the next one begins."""
    tag, at = stored[at : at + 1], at + 1
    if tag == b"i":
        return int.from_bytes(stored[at : at + 8], "big") - _SIGN, at + 8
    if tag == b"s":
        end = at
        while stored[end] != 0 or stored[end : end + 2] == b"\0\xff":
            end += 1
        return stored[at:end].replace(b"\0\xff", b"\0").decode(), end + 1
    if tag == b"t":
        items = []
        while stored[at] != 0:
            item, at = _decode_item(stored, at)
            items.append(item)
        return tuple(items), at + 1
    raise ValueError(f"not a key of this harness: {stored!r}")


def encode_value(value: Any) -> bytes:
    """`value` as msgpack, behind one byte that tells a list (of appends) from a tuple."""
    return (b"l" if type(value) is list else b"v") + msgspec.msgpack.encode(value)


def decode_value(stored: bytes) -> Any:
    """The value that `encode_value` made `stored` of; bytes that it did not make are returned as they are."""
    try:
        value = msgspec.msgpack.decode(stored[1:])
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError):
        return stored
    if isinstance(value, list):
        return {b"l": value, b"v": tuple(value)}.get(stored[:1], stored)
    return value if stored[:1] == b"v" else stored
