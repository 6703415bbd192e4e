"""Keys and values as msgpack, exactly: a tuple comes back as a tuple, a list as a list.

Plain msgpack has one array for both and knows no `UNSEEN`; these travel as extensions. What `frozen` would
change (sets, foreign types, integers beyond 64 bits) is stored as `frozen` gives it. Nothing is ever executed.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.msgpack import Ext

from harness.build import frozen
from harness.history import UNSEEN

__all__ = ["PLAIN", "decode", "encode", "portable"]

# Types that msgpack tells apart by itself.
PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes})

_TUPLE: Final = 1  # the elements
_MAP: Final = 2  # key, value, key, value, ...
_TEXT: Final = 3  # a string with lone surrogates, which UTF-8 cannot hold
_UNSEEN: Final = 4

_encoder = msgspec.msgpack.Encoder()


def encode(value: Any) -> bytes:
    """`value` as bytes; the same value always gives the same bytes."""
    return _encoder.encode(portable(value))


def decode(data: bytes | memoryview) -> Any:
    """The value that `encode` was given. Raises ValueError where `data` is not such bytes."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, TypeError) as error:
        raise ValueError(f"not a stored value: {error}") from error


def portable(value: Any) -> Any:
    """`value` in terms of what msgpack can write; what is already in that form stays as it is."""
    kind = type(value)
    if kind in PLAIN:
        return _portable_scalar(value)
    if kind is Ext:
        return value
    if kind is list:
        return [portable(one) for one in value]
    if kind is tuple:
        return Ext(_TUPLE, _encoder.encode([portable(one) for one in value]))
    if kind is dict:
        return Ext(_MAP, _encoder.encode([portable(one) for pair in value.items() for one in pair]))
    return Ext(_UNSEEN, b"") if value is UNSEEN else portable(_base(frozen(value)))


def _portable_scalar(value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return Ext(_TEXT, value.encode("utf-8", "surrogatepass"))
    elif type(value) is int and not -(2**63) <= value < 2**63:
        return portable(frozen(value))
    return value


def _base(value: Any) -> Any:
    """Of a subclass of float, str or bytes (a database driver's) its plain value."""
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes(value)
    return value if type(value) in PLAIN else tuple(value)


def _extension(code: int, data: memoryview) -> Any:
    if code == _TUPLE:
        return tuple(_decoder.decode(data))
    if code == _MAP:
        flat = _decoder.decode(data)
        return dict(zip(flat[::2], flat[1::2], strict=True))
    if code == _TEXT:
        return bytes(data).decode("utf-8", "surrogatepass")
    if code == _UNSEEN:
        return UNSEEN
    raise ValueError(f"unknown extension {code}")


_decoder = msgspec.msgpack.Decoder(ext_hook=_extension)
