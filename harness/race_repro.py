"""Races as programs of 20 threads: what a transcript cannot show, since it takes the threads to happen again.

counter     read, add one, write, commit: the counter is the number of acknowledged increments (B2)
inserts     INSERT without a key: there are as many rows as acknowledged statements (C1)
queue       take and acknowledge until nothing is left: no task is taken twice, and all are (D1)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from harness.expressions import Expression
from harness.repro_lines import Script, Unshowable, assembled
from harness.surface import Lacking

__all__ = ["RACES", "race_repro"]

_THREADS: Final = 20
_PATH: Final = 'path = tempfile.mkdtemp() + "/database"'
_START: Final = (
    f"crew = [threading.Thread(target=work, args=(number,)) for number in range({_THREADS})]",
    "for thread in crew: thread.start()",
    "for thread in crew: thread.join()",
)


def race_repro(scenario: str, script: Script, detail: str) -> str:
    """The program for a scenario of RACES. Raises Unshowable for another one, or where the target lacks a call."""
    if scenario not in RACES:
        raise Unshowable("it takes threads")

    def line(name: str, *arguments: Any, within: str = "") -> list[str]:
        return script(name, arguments, within).split("\n")

    try:
        return assembled([_PATH, *line("open", Expression("path")), *RACES[scenario](line)], detail)
    except Lacking as lacking:
        raise Unshowable(str(lacking)) from lacking


Line = Callable[..., list[str]]


def _counter(line: Line) -> list[str]:
    """Ten rounds, since two threads have to meet between a read and a commit."""
    return [
        "acknowledged = []",
        "def work(number):",
        "    for _ in range(100):",
        *_deep(line("begin", within="t"), 2),
        "        try:",
        f"            value = int({line('get', b'counter', within='t')[-1]}) + 1",
        *_deep(line("put", b"counter", Expression('b"%d" % value'), within="t"), 3),
        *_deep(line("commit", within="t"), 3),
        "            acknowledged.append(number)",
        "        except Exception:",
        *_deep(line("abort", within="t"), 3),
        "for turn in range(10):",
        "    acknowledged.clear()",
        *_deep(line("put", b"counter", b"0"), 1),
        *_deep(list(_START), 1),
        f'    print("counter", {line("get", b"counter")[-1]}, "acknowledged increments", len(acknowledged))',
    ]


def _inserts(line: Line) -> list[str]:
    *_, rows = line("sql", "SELECT * FROM t")
    return [
        *line("sql", "CREATE TABLE t (id INTEGER PRIMARY KEY, thread TEXT)"),
        "acknowledged = []",
        "def work(number):",
        "    for _ in range(20):",
        "        try:",
        *_deep(line("sql", Expression("f\"INSERT INTO t (thread) VALUES ('{number}')\"")), 3),
        "            acknowledged.append(number)",
        "        except Exception:",
        "            pass",
        *_START,
        f'print("rows", len({rows}), "acknowledged inserts", len(acknowledged))',
    ]


def _queue(line: Line) -> list[str]:
    *_, claim = line("dequeue", "tasks", Expression("number"))
    return [
        *line("make_queue", "tasks", 60, 3),
        "for i in range(50):",
        *_deep(line("enqueue", "tasks", Expression('b"task-%d" % i')), 1),
        "claims = []",
        "def work(number):",
        f"    while (claim := {claim}) is not None:",
        "        claims.append(claim.payload)",
        *_START,
        'print("tasks 50, claimed", len(set(claims)), "claims", len(claims))',
    ]


def _deep(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


RACES: Final[dict[str, Callable[[Line], list[str]]]] = {"B2": _counter, "C1": _inserts, "D1": _queue}
