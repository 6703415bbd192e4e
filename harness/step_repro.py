"""A scripted interleaving as a program that shows what became of it without the harness: from what was performed.

Each session is a transaction of the database's own, and each operation a call of it, in the order in which they were
performed. What was computed stands there as the value that it came to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from harness.expressions import Expression
from harness.history import Op
from harness.interleaving import ABORT, BEGIN, COMMIT, Moment, Performance
from harness.repro_lines import Script, Step, Unshowable, assembled, lines_of

__all__ = ["step_repro"]

_PREFIX: Final = "k/"  # Some databases refuse a scan over less than two bytes.


def step_repro(performance: Performance, script: Script, detail: str) -> str:
    """The program. Raises Unshowable where it takes more than keys and values, or too many lines."""
    steps = [Step("open", (Expression("path"),))]
    steps += [Step("put", (_key(key), _stored(value))) for key, value in performance.interleaving.initial.items()]
    begun: set[str] = set()
    for moment in performance.moments:
        if moment.session not in begun:
            begun.add(moment.session)
            steps.append(Step("begin", txn=_variable(moment.session)))
        steps += _taken(moment)
    steps += [Step("get", (_key(key),)) for key in sorted(performance.final)]
    return assembled(['path = tempfile.mkdtemp() + "/database"', *lines_of(steps, script)], detail)


def _taken(moment: Moment) -> Iterator[Step]:
    """What the session did at this moment; where the database refused it, the last of that was refused."""
    txn = _variable(moment.session)
    refused = moment.outcome in {"refused", "failed"}
    for place, op in enumerate(moment.ops):
        raised = op == COMMIT or (refused and place == len(moment.ops) - 1)
        yield from (step._replace(txn=txn, raised=raised) for step in _steps(op))
    if refused:
        yield Step("abort", txn=txn)


def _steps(op: Op) -> list[Step]:
    if op == BEGIN:
        return []
    match op.kind:
        case COMMIT.kind | ABORT.kind:
            return [Step(op.kind)]
        case "r":
            return [Step("get", (_key(op.key),))]
        case "w":
            return [Step("put", (_key(op.key), _stored(op.value)))]
        case "delete":
            return [Step("delete", (_key(op.key),))]
        case "incr":
            return [Step("get", (_key(op.key),)), Step("put", (_key(op.key), _stored(op.value[1])))]
        case "scan" if isinstance(op.key, str):
            return [Step("scan_prefix", (_key(op.key),))]
        case "scan":
            return [Step("scan", (_key(op.key[0]), _key(op.key[1])))]
    raise Unshowable(f"{op.kind} is no call of a database of keys and values")


def _key(key: Any) -> bytes:
    return f"{_PREFIX}{key}".encode()


def _stored(value: Any) -> bytes:
    return str(value).encode()


def _variable(session: str) -> str:
    return re.sub(r"\W", "_", session.lower())
