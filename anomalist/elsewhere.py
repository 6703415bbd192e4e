"""Calls of a target's surface in another process, which ends well or is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

from harness.surface import Refused, Surface
from harness.targets import load_target

__all__ = ["ANSWER_S", "calls_in_a_child"]

ANSWER_S: Final = 25.0  # for each call; less than a check is given

_RETURNED, _REFUSED, _RAISED = "returned", "refused", "raised"


def calls_in_a_child(
    spec: str, path: str, calls: Sequence[tuple[Any, ...]], end: str, alive: Callable[[], None] = lambda: None
) -> list[Any]:
    """Open `path` in another process and make (name, *arguments) there one by one: what each returned or raised.

    The answer to opening comes first. A process that dies by itself gives an answer less than asked for, and a text
    that says how it died at last. `alive` is called after each answer.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, spec, path), name="elsewhere")
    process.start()
    theirs.close()
    answers: list[Any] = []
    try:
        answers.append(_answer(ours))
        opened = not isinstance(answers[0], Exception)
        for call in calls if opened else ():
            ours.send(call)
            answers.append(_answer(ours))
            alive()
        if opened and end != "kill":
            ours.send(None)
            process.join(ANSWER_S)
    except (EOFError, OSError):
        process.join(ANSWER_S)
        answers.append(_death(process.exitcode))
    finally:
        process.kill()
        process.join()
        ours.close()
    return answers


def _answer(connection: Connection) -> Any:
    if not connection.poll(ANSWER_S):
        raise TimeoutError(f"a call in another process did not return within {ANSWER_S:g} s")
    how, *rest = connection.recv()
    if how == _REFUSED:
        return Refused(*rest)
    return RuntimeError(*rest) if how == _RAISED else rest[0]


def _death(code: int | None) -> str:
    if code is None:
        return "the process hangs"
    return f"the process was killed by {signal.Signals(-code).name}" if code < 0 else f"the process ended with {code}"


def _work(connection: Connection, spec: str, path: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.path.append(os.getcwd())
    surfaces: list[Surface] = []

    def opened() -> None:
        surfaces.append(load_target(spec).surface())  # type: ignore[attr-defined]  # Who calls has seen that there is one.
        surfaces[0].open(path)

    if not _tell(connection, opened):
        return
    (surface,) = surfaces
    while (call := connection.recv()) is not None:
        name, *arguments = call
        _tell(connection, lambda name=name, arguments=arguments: surface.call(name, *arguments))
    surface.close()


def _tell(connection: Connection, call: Any) -> bool:
    """Make a call and send what came of it; whether it returned."""
    answer: tuple[Any, ...]
    try:
        answer = (_RETURNED, call())
    except Refused as refusal:
        answer = (_REFUSED, refusal.why, str(refusal))
    except Exception as error:  # noqa: BLE001  The database's answer, told in words.
        answer = (_RAISED, f"{type(error).__name__}: {error}")
    connection.send(answer)
    return answer[0] == _RETURNED
