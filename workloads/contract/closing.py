"""Section J, closing: a closed database says so, its transactions are over, and paths are what they seem."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from harness.contract import Check, Observed, Rig, Scenario, Skipped, answer, holds, same

__all__ = ["CLOSING"]

_ENDED: Final = {"closed", "ended"}


def _closed_calls(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    db.call("put", b"key", b"value")
    db.close()
    asked: dict[str, tuple[Any, ...]] = {
        "put": (b"key", b"other"),
        "get": (b"key",),
        "delete": (b"key",),
        "scan_prefix": (b"key",),
    }
    for name, arguments in asked.items():
        if rig.has(name):
            why = answer(partial(db.call, name, *arguments))
            yield same(f"J2 {name}", why, "closed", f"{name} on a closed database")
    why = answer(lambda: db.begin().call("get", b"key"))
    yield same("J2 transaction", why, "closed", "a new transaction of a closed database")


def _paths(rig: Rig) -> Iterator[Observed | Skipped]:
    path = rig.path()
    why = answer(lambda: rig.open(f"{path}\0tail"))
    made = sorted(rig.files(path))
    told = f"a path with a NUL in it: {why or 'accepted'}; files made at what stands before it: {made}"
    yield holds("J3.1", why == "argument" and not made, told)
    forbidden = rig.path()
    if rig.forbid(forbidden):
        why = answer(lambda: rig.open(forbidden))
        yield same("J3.2", why, "permission", "opening a database in a read-only directory")
    else:
        yield Skipped("J3.2", "nothing is forbidden to the user that this runs as: run it as another one than root")
    db = rig.open(rig.path("d" * 255))
    db.call("put", b"key", b"value")
    db.reopen()
    yield same("J3.3", db.call("get", b"key"), b"value", "what get finds in a directory of 255 characters, reopened")


def _left_open(rig: Rig) -> Iterator[Observed]:
    for check, what in (("J4.1", "put"), ("J4.2", "commit")):
        db = rig.open()
        db.call("put", b"before", b"1")
        transaction = db.begin()
        transaction.call("put", b"within", b"2")
        db.close()
        late = transaction.commit if what == "commit" else partial(transaction.call, "put", b"late", b"3")
        why = answer(late)
        again = rig.open(db.path)
        seen = [again.call("get", key) for key in (b"before", b"within", b"late")]
        told = f"{what} in a transaction whose database was closed: {why or 'accepted'}; stored afterwards: {seen!r}"
        yield holds(check, why in _ENDED and seen == [b"1", None, None], told)


CLOSING: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="J2",
        title="A closed database",
        severity="medium",
        checks=(
            Check("J2 put", "put says that the database is closed"),
            Check("J2 get", "get says that the database is closed"),
            Check("J2 delete", "delete says that the database is closed", ("delete",)),
            Check("J2 scan_prefix", "scan_prefix says that the database is closed", ("scan_prefix",)),
            Check("J2 transaction", "A new transaction says that the database is closed"),
        ),
        program=_closed_calls,
        calls=("put", "get"),
        impact="Use after close is taken for success, or crashes the process.",
        advice="Check for the closed state in every call, and raise one typed error.",
    ),
    Scenario(
        id="J3",
        title="Unusual paths",
        severity="medium",
        checks=(
            Check("J3.1", "A path with a NUL is refused as an argument, and nothing is made on disk"),
            Check("J3.2", "A read-only directory is refused as forbidden"),
            Check("J3.3", "A directory with a name of 255 characters works"),
        ),
        program=_paths,
        calls=("put", "get"),
        impact="Data lands in another directory than the one that was named.",
        advice="Validate the path before it is handed to native code.",
    ),
    Scenario(
        id="J4",
        title="A transaction that outlives its database",
        severity="medium",
        checks=(
            Check("J4.1", "put in it is refused, and nothing of it is stored"),
            Check("J4.2", "commit of it is refused, and nothing of it is stored"),
        ),
        program=_left_open,
        calls=("put", "get"),
        impact="The process crashes, or a commit is acknowledged that never happened.",
        advice="Abort open transactions at close, and raise a typed error for every call in them.",
    ),
)
