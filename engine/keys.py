"""What a key, a prefix and a value may be. Keys are compared as bytes; text stands for its UTF-8 form."""

from __future__ import annotations

from typing import Final, TypeAlias

from engine.errors import InvalidKey, InvalidValue

__all__ = [
    "KEY_LENGTH_MAX",
    "PREFIX_LENGTH_MIN",
    "Key",
    "encode_bound",
    "encode_key",
    "encode_value",
    "moment_after",
    "prefix_end",
]

Key: TypeAlias = bytes | str

KEY_LENGTH_MAX: Final = 65_535  # bytes, after encoding
TTL_SECONDS_MAX: Final = 1e12  # more than thirty thousand years
PREFIX_LENGTH_MIN: Final = 2  # bytes; a shorter prefix is nearly always a mistake that scans everything


def encode_key(key: Key) -> bytes:
    """The key as bytes. Raises InvalidKey for an empty or too long one and for other types."""
    encoded = encode_bound(key)
    if not encoded:
        raise InvalidKey("a key has at least one byte")
    return encoded


def encode_bound(key: Key) -> bytes:
    """A bound of a range as bytes: as a key, but it may be empty."""
    if isinstance(key, str):
        try:
            encoded = key.encode()
        except UnicodeEncodeError as error:
            raise InvalidKey(f"the text has no UTF-8 form: {error.reason} at position {error.start}") from None
    elif isinstance(key, bytes):
        encoded = bytes(key)
    else:
        raise InvalidKey(f"a key is bytes or text, not {type(key).__name__}")
    if len(encoded) > KEY_LENGTH_MAX:
        raise InvalidKey(f"a key has at most {KEY_LENGTH_MAX} bytes, this one has {len(encoded)}")
    return encoded


def encode_value(value: bytes) -> bytes:
    """The value as immutable bytes. Raises InvalidValue for anything but bytes, bytearray and memoryview."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise InvalidValue(f"a value is bytes, not {type(value).__name__}")


def moment_after(now: float, ttl_seconds: float) -> float:
    """When a value ends that lives `ttl_seconds` from `now`. Raises InvalidValue for what is no such time."""
    if isinstance(ttl_seconds, bool) or not isinstance(ttl_seconds, int | float):
        raise InvalidValue(f"ttl_seconds is a number, not {type(ttl_seconds).__name__}")
    if not 0 < ttl_seconds <= TTL_SECONDS_MAX:
        raise InvalidValue(f"ttl_seconds is positive and at most {TTL_SECONDS_MAX:.0f}, not {ttl_seconds}")
    return now + ttl_seconds


def prefix_end(prefix: bytes) -> bytes | None:
    """The smallest key above every key that starts with `prefix`; None where there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else None
