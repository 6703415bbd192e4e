"""What a key, a prefix, a bound and a value may be. Keys are compared as bytes; text stands for its UTF-8 form.

The keys from RESERVED on hold the rows of the data models (`engine.models`). No call of the key-value surface reaches
them: such a key is refused, and a scan ends before them. Text never comes near, since UTF-8 has no byte ff.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from engine.errors import InvalidArgument, InvalidKey, InvalidValue

__all__ = [
    "KEY_LENGTH_MAX",
    "PREFIX_LENGTH_MIN",
    "RESERVED",
    "Key",
    "checked_limit",
    "checked_prefix",
    "encode_bound",
    "encode_end",
    "encode_key",
    "encode_value",
    "moment_after",
    "prefix_end",
]

Key: TypeAlias = bytes | str

KEY_LENGTH_MAX: Final = 65_535  # bytes, after encoding
RESERVED: Final = b"\xff\xff\xff\xff"
TTL_SECONDS_MAX: Final = 1e12  # more than thirty thousand years
PREFIX_LENGTH_MIN: Final = 2  # bytes; a shorter prefix is nearly always a mistake that scans everything


def encode_key(key: Key) -> bytes:
    """The key as bytes. Raises InvalidKey for an empty, too long or reserved one and for other types."""
    encoded = encode_bound(key)
    if not encoded:
        raise InvalidKey("a key has at least one byte")
    if encoded >= RESERVED:
        raise InvalidKey("the keys from ff ff ff ff on belong to the data models")
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


def encode_end(end: Key | None) -> bytes:
    """The upper bound of a range as bytes: RESERVED at most, and where there is none."""
    return RESERVED if end is None else min(encode_bound(end), RESERVED)


def checked_prefix(prefix: Key) -> bytes:
    """The prefix as bytes. Raises InvalidKey for one under PREFIX_LENGTH_MIN bytes."""
    encoded = encode_bound(prefix)
    if len(encoded) < PREFIX_LENGTH_MIN:
        raise InvalidKey(f"a prefix has at least {PREFIX_LENGTH_MIN} bytes; scan_prefix_unchecked takes any")
    return encoded


def checked_limit(limit: int | None) -> int | None:
    """How many pairs a scan returns at the most; None is no limit. Raises InvalidArgument for one under 1."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InvalidArgument(f"a limit is a number of pairs, 1 or more, not {limit!r}")
    return limit


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
