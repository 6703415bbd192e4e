"""Tiny histories with hand-made verdicts: what the tests of the reports are made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.build import build_history
from harness.fingerprint import fingerprint, witness
from harness.history import UNSEEN, Fault, History, Op, RunInfo, Status, Txn
from harness.level import Level, refuted_by
from harness.verdict import Anomaly, Doubt, Evidence, Findings, RunResult, Step, SuiteRun, judge

MS = 1_000_000
HOSTILE = "</script><img src=x onerror=alert(1)>"
ESCAPE = "\x1b[31mred\x1b[0m\x07"
RIGHT_TO_LEFT = "abc\u202etxt.exe\u2066"
NUL = "a\x00b"
LONG = "x" * 10_240
LEVELS = ("serializable", "repeatable-read", "snapshot-isolation", "consistent-view", "read-committed")


def info(workload: str = "list-append", **changes: Any) -> RunInfo:
    """A run of the suite `quick` on `ledgerdb`, held to serializable."""
    fields: dict[str, Any] = {
        "suite": "quick",
        "workload": workload,
        "target": "ledgerdb",
        "target_version": "0.9.2",
        "level": "serializable",
        "expected": "serializable",
        "seed": 204,
        "schedule": "threads",
        "command": f"anomalist run quick -t ledgerdb -w {workload} --seed 204",
    }
    return RunInfo(**(fields | changes))


def txn(client: int, start: int, end: int, *ops: Op, status: Status = Status.OK, error: str = "") -> Txn:
    """A transaction with times in milliseconds."""
    return Txn(0, client, ops, status, start * MS, end * MS, error)


def cycle(
    about: RunInfo,
    name: str,
    kinds: Sequence[str],
    refutes: Sequence[str],
    key: Any = "k",
    count: int = 1,
    first: int = 0,
) -> Anomaly:
    """An anomaly whose transactions `first`, `first + 1`, … form a cycle; step i is on key k<i>, value 10 + i."""
    rows = [first + i for i in range(len(kinds))]
    steps = tuple(
        Step(
            kind,
            rows[i],
            rows[(i + 1) % len(rows)],
            None if kind in {"session", "realtime"} else f"{key}{i}",
            None if kind in {"session", "realtime"} else 10 + i,
            f"T{rows[i]} must precede T{rows[(i + 1) % len(rows)]} on {key}{i}.",
        )
        for i, kind in enumerate(kinds)
    )
    return Anomaly(
        name=name,
        txns=tuple(rows),
        steps=steps,
        refutes=tuple(Level(one) for one in refutes),
        sentence=f"{len(rows)} transactions that each must come before the next.",
        count=count,
        fingerprint=fingerprint(about, name, kinds),
        witness=witness(name, rows),
    )


def cycle_history(about: RunInfo, kinds: Sequence[str], key: str = "k", **more: Any) -> History:
    """Transactions with the operations that the steps of `cycle` speak of."""
    n = len(kinds)
    ops: list[list[Op]] = [[] for _ in kinds]
    for i, kind in enumerate(kinds):
        before, after, name = ops[i], ops[(i + 1) % n], f"{key}{i}"
        if kind == "ww":
            before.append(Op("append", name, 10 + i))
            after.append(Op("append", name, 20 + i))
        elif kind == "wr":
            before.append(Op("append", name, 10 + i))
            after.append(Op("r", name, [1, 2, 10 + i]))
        elif kind == "rw":
            before.append(Op("r", name, [1, 2]))
            after.append(Op("append", name, 10 + i))
    txns = [txn(i % 6, 10 * i, 10 * i + 25, *ops[i]) for i in range(n)]
    txns.append(txn(0, 400, 420, *(Op("r", f"{key}{i}", [1, 2, 10 + i, 20 + i]) for i in range(n))))
    return build_history(txns, about, **more)


def run_of(history: History, *anomalies: Anomaly, **changes: Any) -> RunResult:
    """The history judged by one checker that found these anomalies and plenty of evidence."""
    evidence = changes.pop("evidence", (Evidence("overlapping pairs", 40, 10), Evidence("rw edges", 7)))
    findings = Findings(
        checker=changes.pop("checker", "cycles"),
        anomalies=anomalies,
        refuted=refuted_by(level for one in anomalies for level in one.refutes),
        searched=tuple(Level(one) for one in changes.pop("searched", LEVELS)),
        evidence=evidence,
        doubts=changes.pop("doubts", ()),
        stats={"txns": len(history), "edges": 12, "seconds": 0.25},
    )
    verdict = judge(findings, Level(history.info.expected or "serializable"))
    return RunResult(**({"history": history, "verdicts": (verdict,), "seconds": 1.5} | changes))


def suite_of(*runs: RunResult, **changes: Any) -> SuiteRun:
    """A suite of these runs."""
    fields: dict[str, Any] = {
        "suite": "quick",
        "command": "anomalist run quick -t ledgerdb --seed 204",
        "started": "2026-11-20T14:03:07Z",
        "seconds": 3.25,
        "runs": runs,
        "environment": (("Python", "3.12.4"), ("Machine", "8 cores")),
        "version": "0.1.0",
    }
    return SuiteRun(**(fields | changes))


def failing_run(kinds: Sequence[str] = ("rw", "rw"), name: str = "G2-item", **changes: Any) -> RunResult:
    """One run with one cycle that refutes repeatable-read, and so serializable."""
    about = info(**changes)
    return run_of(cycle_history(about, kinds), cycle(about, name, kinds, ["repeatable-read"]))


def passing_run(workload: str = "rw-register", **changes: Any) -> RunResult:
    """One run in which nothing was found, with enough evidence."""
    about = info(workload, **changes)
    txns = [
        txn(
            i % 4, 5 * i, 5 * i + 7 + i % 3, Op("w", f"k{i % 5}", i), Op("r", f"k{(i + 1) % 5}", i - 1), status=status
        )
        for i in range(40)
        for status in [Status.ABORTED if i % 7 == 3 else Status.OK]
    ]
    return run_of(build_history(txns, about, faults=[Fault("pause", 40 * MS, 90 * MS, "SIGSTOP, SIGCONT")]))


def vacuous_run() -> RunResult:
    """One run that could not have shown anything."""
    return run_of(
        build_history([txn(0, 0, 5, Op("w", "x", 1))], info("long-fork")),
        evidence=(Evidence("overlapping pairs", 0, 10),),
    )


def doubtful_run() -> RunResult:
    """A foreign history that a checker does not trust."""
    about = RunInfo(workload="list-append", expected="strict-serializable", clock="positions", foreign=True)
    history = build_history(
        [Txn(0, 0, (Op("r", "x", UNSEEN),), Status.UNKNOWN, 3, 2**63 - 1)], about, cut="the end is torn off"
    )
    return run_of(history, doubts=(Doubt("evidence", "client 3 overlaps itself"),), directory="old/history.edn")


def invariant_run() -> RunResult:
    """An anomaly without steps: two transactions updated the same version."""
    about = info("bank", schedule="steps", clock="steps")
    history = build_history(
        [
            Txn(0, 0, (Op("r", "a", 5), Op("w", "a", 6)), Status.OK, 1, 4),
            Txn(0, 1, (Op("r", "a", 5), Op("w", "a", 7)), Status.OK, 2, 5),
        ],
        about,
    )
    lost = Anomaly(
        name="lost-update",
        txns=(0, 1),
        steps=(),
        refutes=(Level("cursor-stability"), Level("update-atomic"), Level("repeatable-read")),
        sentence="T0 and T1 both updated a = 5.",
        fingerprint=fingerprint(about, "lost-update", ()),
        witness=witness("lost-update", [0, 1]),
        details=("T0 read a as 5 and wrote 6.", "T1 read a as 5 and wrote 7."),
    )
    return run_of(history, lost, checker="updates")


def hostile_run() -> RunResult:
    """Keys, values, names and sentences that try to get out of every kind of output."""
    about = info(
        f"w{HOSTILE}", target=f"t{ESCAPE}", level=f"l{RIGHT_TO_LEFT}", params={"p": HOSTILE}, settings={"dsn": NUL}
    )
    steps = (
        Step("rw", 0, 1, HOSTILE, ESCAPE, f"T0 read {HOSTILE} {ESCAPE} {NUL}"),
        Step("rw", 1, 0, LONG, RIGHT_TO_LEFT, f"T1 read {LONG}"),
    )
    anomaly = Anomaly(
        name="G2-item",
        txns=(0, 1),
        steps=steps,
        refutes=(Level("repeatable-read"),),
        sentence=f"{HOSTILE}{ESCAPE}{RIGHT_TO_LEFT}{NUL}\ud800 [bold red]markup[/]",
        fingerprint=fingerprint(about, "G2-item", ("rw", "rw")),
        witness="0" * 16,
        details=(HOSTILE, ESCAPE),
    )
    history = build_history(
        [
            txn(0, 0, 9, Op("r", HOSTILE, []), Op("append", LONG, RIGHT_TO_LEFT), error=HOSTILE),
            txn(1, 1, 8, Op("r", LONG, [LONG, NUL]), Op("append", HOSTILE, ESCAPE)),
        ],
        about,
        faults=[Fault(HOSTILE, 0, 5 * MS, ESCAPE)],
    )
    return run_of(history, anomaly, directory=f"runs/{HOSTILE}", evidence=(Evidence(HOSTILE, 3, 1),))


def every_kind() -> SuiteRun:
    """One suite with everything a page can show."""
    about = info("list-append", seed=205)
    kinds = ("ww", "wr", "rw", "wr", "rw", "realtime")
    both = run_of(
        cycle_history(about, kinds, faults=[Fault("kill", 20 * MS, 60 * MS, "SIGKILL, restart")]),
        cycle(about, "G-nonadjacent-item-realtime", kinds, ["strong-snapshot-isolation"], count=2),
        cycle(about, "G-single-item", ("rw", "ww"), ["consistent-view", "repeatable-read"]),
    )
    return suite_of(
        failing_run(),
        both,
        failing_run(("wr", "rw", "ww"), "G-single-item", seed=206),
        failing_run(("rw", "wr", "rw", "session"), "G2-item-process", seed=207),
        invariant_run(),
        passing_run(),
        vacuous_run(),
        doubtful_run(),
    )
