"""A6: a transaction that has ended is over: every later call is refused, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from harness.contract import Check, Observed, Rig, Scenario, answer, holds

__all__ = ["LIFECYCLE"]


def _program(rig: Rig) -> Iterator[Observed]:
    db = rig.open()

    def after(check: str, call: Callable[[], Any], key: bytes, expected: bytes | None) -> Observed:
        """The call is refused since the transaction has ended, and this is still what is stored."""
        said, stored = answer(call), db.call("get", key)
        told = f"the call {f'was refused with {said}' if said else 'returned'}, and {stored!r} is stored"
        if said == "ended" and stored == expected:
            return holds(check, True, told)
        return holds(check, False, f"{told}; expected were ended and {expected!r}")

    committed = db.begin()
    committed.call("put", b"key1", b"committed")
    committed.commit()
    yield after("A6.1", committed.commit, b"key1", b"committed")
    aborted = db.begin()
    aborted.call("put", b"key2", b"aborted")
    aborted.abort()
    yield after("A6.2", aborted.commit, b"key2", None)
    late = db.begin()
    late.call("put", b"key3", b"committed")
    late.commit()
    yield after("A6.3", lambda: late.call("put", b"key4", b"late"), b"key4", None)
    reader = db.begin()
    reader.call("put", b"key5", b"aborted")
    reader.abort()
    yield after("A6.4", lambda: reader.call("get", b"key3"), b"key5", None)


LIFECYCLE: Final = Scenario(
    id="A6",
    title="Transaction lifecycle",
    severity="high",
    calls=("put", "get"),
    program=_program,
    impact="A call on a transaction that has ended seems to succeed, and its writes are lost or come too late.",
    advice="Mark a transaction as ended at commit and abort, and refuse later calls with a typed error.",
    checks=(
        Check("A6.1", "A second commit is refused since the transaction has ended, and changes nothing."),
        Check("A6.2", "A commit after an abort is refused since the transaction has ended, and stores nothing."),
        Check("A6.3", "A put after the commit is refused since the transaction has ended, and stores nothing."),
        Check("A6.4", "A get after an abort is refused since the transaction has ended."),
    ),
)
