"""Tuples as bytes that compare as the tuples do, so that an ordered store of bytes can hold rows by tuple.

Each item is a tag and its content. No packed item is the beginning of another one: a longer tuple stands behind
all its beginnings, and every row below a beginning p has a key in [pack(p), pack(p) + ff).

    None          01
    False, True   02, 03
    int           04, 80 + n, n bytes        n as small as can be; a negative one is -1 - number, all but 04 inverted
    float         05, 8 bytes                IEEE 754, the sign inverted, or all of it where it is negative
    bytes         06, content, 00 00         00 in the content is 00 01
    text          07, content, 00 00         its UTF-8 form, as above

Items of one type keep their order, and types come in the order of this table; an int is never equal to a float here.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Final, TypeAlias

from engine.errors import InvalidKey
from engine.keys import KEY_LENGTH_MAX

__all__ = ["Item", "Items", "pack", "unpack", "unpack_first"]

Item: TypeAlias = str | bytes | int | float | bool | None
Items: TypeAlias = tuple[Item, ...]

_END: Final = b"\0\0"
_INT_BYTES_MAX: Final = 127
_SIGN: Final = 1 << 63
_ALL: Final = (1 << 64) - 1
_DOUBLE: Final = struct.Struct(">d")
_BITS: Final = struct.Struct(">Q")
_CONSTANTS: Final[dict[Item, bytes]] = {None: b"\x01", False: b"\x02", True: b"\x03"}


def pack(items: Items) -> bytes:
    """The tuple as bytes. Raises InvalidKey for items of other types, NaN, and what is too long."""
    packed = b"".join([_pack_item(item) for item in items])
    if len(packed) > KEY_LENGTH_MAX:
        raise InvalidKey(f"a key has at most {KEY_LENGTH_MAX} bytes, this one has {len(packed)}")
    return packed


def unpack(packed: bytes, at: int = 0) -> tuple[Any, ...]:
    """The tuple that was packed into these bytes, from `at` on."""
    items: list[Any] = []
    while at < len(packed):
        item, at = unpack_first(packed, at)
        items.append(item)
    return tuple(items)


def unpack_first(packed: bytes, at: int) -> tuple[Any, int]:
    """The item at `at`, and where the next one begins."""
    tag = packed[at]
    at += 1
    if tag >= 0x06:
        end = packed.index(_END, at)  # Within the content 01 follows every 00.
        content = packed[at:end].replace(b"\0\1", b"\0")
        return (content.decode() if tag == 0x07 else content), end + 2
    if tag == 0x04:
        return _unpack_int(packed, at)
    if tag == 0x05:
        (bits,) = _BITS.unpack_from(packed, at)
        return _DOUBLE.unpack(_BITS.pack(bits ^ (_SIGN if bits & _SIGN else _ALL)))[0], at + 8
    return (None, False, True)[tag - 1], at


def _pack_item(item: Item) -> bytes:
    if isinstance(item, str):
        try:
            return b"\x07" + item.encode().replace(b"\0", b"\0\1") + _END
        except UnicodeEncodeError as error:
            raise InvalidKey(f"the text has no UTF-8 form: {error.reason} at position {error.start}") from None
    if isinstance(item, bytes):
        return b"\x06" + item.replace(b"\0", b"\0\1") + _END
    if item is None or isinstance(item, bool):
        return _CONSTANTS[item]
    if isinstance(item, int):
        return b"\x04" + _pack_int(item)
    if isinstance(item, float):
        return b"\x05" + _pack_float(item)
    raise InvalidKey(f"a key is made of text, bytes, numbers, bool and None, not of {type(item).__name__}")


def _pack_int(number: int) -> bytes:
    magnitude = number if number >= 0 else -1 - number
    length = (magnitude.bit_length() + 7) // 8
    if length > _INT_BYTES_MAX:
        raise InvalidKey(f"an int in a key has at most {_INT_BYTES_MAX} bytes, this one has {length}")
    content = bytes((0x80 + length,)) + magnitude.to_bytes(length, "big")
    return content if number >= 0 else _inverted(content)


def _inverted(content: bytes) -> bytes:
    return bytes([255 - byte for byte in content])


def _pack_float(number: float) -> bytes:
    if math.isnan(number):
        raise InvalidKey("NaN has no place in an order of keys")
    (bits,) = _BITS.unpack(_DOUBLE.pack(number + 0.0))  # -0.0 + 0.0 is 0.0, which it is equal to.
    return _BITS.pack(bits ^ (_ALL if bits & _SIGN else _SIGN))


def _unpack_int(packed: bytes, at: int) -> tuple[int, int]:
    negative = packed[at] < 0x80
    length = 0x7F - packed[at] if negative else packed[at] - 0x80
    content = packed[at + 1 : at + 1 + length]
    magnitude = int.from_bytes(_inverted(content) if negative else content, "big")
    return (-1 - magnitude if negative else magnitude), at + 1 + length
