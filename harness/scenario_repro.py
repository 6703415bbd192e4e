"""Programs of their own for what a transcript cannot show: it takes threads to happen again, or thousands of vectors.

B2    20 threads read, add one, write, commit: the counter is the number of acknowledged increments
C1    20 threads INSERT without a key: there are as many rows as acknowledged statements
D1    20 threads empty a queue: no task is taken twice, and all are taken
D4    the same with claims that end at once: no task is given out that was acknowledged before
H2    5,000 random vectors: a search finds the ten nearest of them
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from harness.expressions import Expression
from harness.repro_lines import Script, Unshowable, assembled
from harness.surface import Lacking, Surface

__all__ = ["PROGRAMS", "PROMISES", "promise_repro", "scenario_repro"]

_THREADS: Final = 20
_PATH: Final = 'path = tempfile.mkdtemp() + "/database"'
_START: Final = (
    f"crew = [threading.Thread(target=work, args=(number,)) for number in range({_THREADS})]",
    "for thread in crew: thread.start()",
    "for thread in crew: thread.join()",
)


def scenario_repro(check: str, script: Script, detail: str) -> str:
    """The program of PROGRAMS for a check or its scenario. Raises Unshowable where there is none.

    Raises Unshowable too where the target lacks a call.
    """
    program = PROGRAMS.get(check) or PROGRAMS.get(check.partition(".")[0])
    if program is None:
        raise Unshowable("it takes threads")

    def line(name: str, *arguments: Any, within: str = "") -> list[str]:
        return script(name, arguments, within).split("\n")

    try:
        return assembled([_PATH, *line("open", Expression("path")), *program(line)], detail)
    except Lacking as lacking:
        raise Unshowable(str(lacking)) from lacking


def promise_repro(check: str, surface: Surface, detail: str) -> str:
    """The program that makes a call as the documentation has it. Raises Unshowable where that is no help."""
    name, arguments, within = PROMISES.get(check, ("", (), ""))
    if name not in surface.lacking:
        raise Unshowable("nothing was called")
    *_, line = surface.script(name, arguments, within).split("\n")
    call = line.removeprefix("t = ")
    begun = surface.script("begin", (), "t").split("\n") if call == line and within else []
    opened = surface.script("open", (Expression("path"),), "").split("\n")
    return assembled([_PATH, *opened, *begun, f"print({name!r}, tried(lambda: {call}))"], detail)


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
    *_, acknowledged = line("ack", "tasks", Expression("claim"))
    return [
        *_filled(line),
        "claims, refused = [], []",
        "def work(number):",
        f"    while (claim := {claim}) is not None:",
        "        claims.append(claim.payload)",
        f"        if {acknowledged} is False: refused.append(claim.payload)",
        *_START,
        'print("tasks 50, claimed", len(set(claims)), "claims", len(claims), "acks refused", len(refused))',
    ]


def _filled(line: Line) -> list[str]:
    return [
        *line("make_queue", "tasks", 60, 3),
        "for i in range(50):",
        *_deep(line("enqueue", "tasks", Expression('b"task-%d" % i')), 1),
    ]


def _processes(line: Line) -> list[str]:
    *imports, opened = line("open", Expression("sys.argv[1]"))
    *_, claim = line("dequeue", "tasks", "a process")
    return [
        *_filled(line),
        *line("close"),
        "child = r'''",
        f"import sys, {', '.join(one.removeprefix('import ') for one in imports)}",
        opened,
        *line("make_queue", "tasks", 60, 3),
        f"while (claim := {claim}) is not None: print(claim.payload.decode())",
        f"{line('close')[-1]}'''",
        "arguments = [sys.executable, '-c', child, path]",
        "runs = [subprocess.run(arguments, capture_output=True, text=True, check=False) for _ in range(2)]",
        "claims = [run.stdout.split() for run in runs]",
        'print("tasks 50, claimed by one process", len(claims[0]), "and by one after it", len(claims[1]))',
    ]


def _redelivery(line: Line) -> list[str]:
    *_, claim = line("dequeue", "tasks", Expression("number"))
    return [
        *line("make_queue", "tasks", 0.001, 1_000_000),
        "for i in range(200):",
        *_deep(line("enqueue", "tasks", Expression('b"task-%d" % i')), 1),
        "acknowledged, again = set(), []",
        "def work(number):",
        "    for _ in range(100):",
        "        known = set(acknowledged)",
        "        try:",
        f"            claim = {claim}",
        "            if claim is None: return",
        "            if claim.payload in known: again.append(claim.payload)",
        "            if number % 2 == 0:",
        *_deep(line("nack", "tasks", Expression("claim")), 4),
        f"            elif {line('ack', 'tasks', Expression('claim'))[-1]} is not False:",
        "                acknowledged.add(claim.payload)",
        "        except Exception: pass",
        *_START,
        'print("acknowledged", len(acknowledged), "given out again after that", len(again))',
    ]


def _recall(line: Line) -> list[str]:
    *imports, found = line("search_vectors", "large", Expression("query"), 10)
    return [
        *imports,
        "vectors = numpy.random.default_rng(42).standard_normal((5000, 128)).astype(numpy.float32)",
        "vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)",
        *line("make_vectors", "large", 128),
        *line("put_vectors", "large", Expression("range(5000)"), Expression("vectors")),
        "hits = 0",
        "for query in numpy.random.default_rng(43).standard_normal((100, 128)).astype(numpy.float32):",
        "    nearest = set(numpy.argsort(-(vectors @ query))[:10].tolist())",
        f"    hits += len(nearest & {{number for number, _ in {found}}})",
        'print("recall@10", hits / 1000)',
    ]


def _deep(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


PROGRAMS: Final[dict[str, Callable[[Line], list[str]]]] = {
    "B2": _counter,
    "C1": _inserts,
    "D1": _queue,
    "D1.5": _processes,
    "D4.1": _queue,
    "D4.2": _redelivery,
    "H2.2": _recall,
}

# What section K asks for, as a call to be tried where the documentation has it and the target does not, and the
# variable of the transaction that it is made in, or gives.
PROMISES: Final[dict[str, tuple[str, tuple[Any, ...], str]]] = {
    "K1.1": ("put_ttl", (b"session", b"1", 1), ""),
    "K1.2": ("with_transaction", (Expression("lambda t: None"),), ""),
    "K1.3": ("begin_at", ("snapshot",), "t"),
    "K1.4": ("start_ts", (), "t"),
    "K1.5": ("isolation", (), "t"),
    "K1.6": ("begin_transaction", (), "t"),
}
