"""Section M: values come back as they were, whatever bytes they are and whichever codec was on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from harness.contract import Check, Observed, Rig, Scenario, answer, holds, outcome, same

__all__ = ["ENCODING"]

_TEXT: Final = b"to be compressed, and compressed again; " * 25_000  # 1 MB
_TEXTS = 16  # More than logs are allocated in advance.
_RATIO_MAX = 0.5  # LZ4 makes less than a hundredth of it.

_VALUES: Final = {
    "M2 empty": b"",
    "M2 null_byte": b"\0",
    "M2 null_bytes": b"before\0between\0\0after",
    "M2 binary_all": bytes(range(256)),
    "M2 newlines": b"one\ntwo\r\nthree\n\n",
    "M2 tabs_spaces": b"\t one \t\t two  ",
    "M2 utf8": "grüße, 数据库, 🦀".encode(),
    "M2 large_binary": bytes(range(256)) * 64,
}


def _codecs(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    values = {codec: f"written under {codec} ".encode() * 200 for codec in ("none", "lz4")}
    switched = []
    for codec, value in values.items():
        switched += [outcome(db.call, "set_compression", codec), outcome(db.call, "put", codec.encode(), value)]
    seen = {codec: [outcome(db.call, "get", codec.encode())] for codec in values}
    db.reopen()
    for check, (codec, value) in zip(("M1.1", "M1.2"), values.items(), strict=True):
        found = [*switched, *seen[codec], outcome(db.call, "get", codec.encode())]
        what = f"switches and puts, what was written under {codec} read under lz4, and after reopening"
        yield same(check, found, [None, None, None, None, value, value], what)
    if rig.has("compression"):
        outcome(db.call, "set_compression", "lz4")
        why = answer(partial(db.call, "set_compression", "nonsense"))
        found = [why, outcome(db.call, "compression")]
        yield same("M1.3", found, ["argument", "lz4"], "a codec that does not exist, and the setting after it")
    sizes = {codec: _size(rig, codec) for codec in ("none", "lz4")}
    told = f"bytes on disk for 16 MB of repeated text, by codec: {sizes}"
    yield holds("M1.4", sizes["lz4"] < _RATIO_MAX * sizes["none"], told)


def _size(rig: Rig, codec: str) -> int:
    """Bytes of a database's files with 16 MB of repeated text."""
    db = rig.open()
    db.call("set_compression", codec)
    for number in range(_TEXTS):
        db.call("put", f"text {number}".encode(), _TEXT)
    if rig.has("checkpoint"):
        outcome(db.call, "checkpoint")  # Some compress only then.
    db.close()
    return sum(rig.files(db.path).values())


def _round_trips(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    keys = {check: check.encode() for check in _VALUES}
    put = {check: outcome(db.call, "put", keys[check], value) for check, value in _VALUES.items()}
    at_once = {check: outcome(db.call, "get", keys[check]) for check in _VALUES}
    db.reopen()
    for check, value in _VALUES.items():
        seen = [put[check], at_once[check], outcome(db.call, "get", keys[check])]
        yield same(check, seen, [None, value, value], "put, what get finds, and after reopening")


ENCODING: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="M1",
        title="Switching the codec",
        severity="high",
        checks=(
            Check("M1.1", "What was written without compression is read under another codec, after reopening too"),
            Check("M1.2", "What was written under lz4 is read back as it was, after reopening too"),
            Check("M1.3", "A codec that does not exist is refused and changes nothing", ("compression",)),
            Check("M1.4", "Repeated text takes less than half the room under lz4", ours=True),
        ),
        program=_codecs,
        calls=("put", "get", "set_compression"),
        impact="Data becomes unreadable after a change of a setting, or the setting does nothing.",
        advice="Store each value's codec with it.",
    ),
    Scenario(
        id="M2",
        title="Any bytes",
        severity="high",
        checks=(
            Check("M2 empty", "An empty value is read back as such, not as a missing one"),
            Check("M2 null_byte", "A value of one NUL is read back as it was"),
            Check("M2 null_bytes", "A value with NULs in it is read back as it was"),
            Check("M2 binary_all", "A value of all 256 bytes is read back as it was"),
            Check("M2 newlines", "A value with line ends is read back as it was"),
            Check("M2 tabs_spaces", "A value with tabs and spaces is read back as it was"),
            Check("M2 utf8", "A value in UTF-8 is read back as it was"),
            Check("M2 large_binary", "A value of 16 kB of all bytes is read back as it was"),
        ),
        program=_round_trips,
        calls=("put", "get"),
        impact="Binary data is cut or changed.",
        advice="Pass lengths with every buffer, and tell an empty value from none.",
    ),
)
