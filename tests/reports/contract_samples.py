"""A contract run made by hand: a database that breaks five promises, lacks some calls, and one mistake of ours."""

from __future__ import annotations

from typing import Any

import report_samples as samples

from harness.contract import CheckOutcome, CheckResult, ContractRun
from harness.verdict import SuiteRun

SECTIONS = {
    "A": "Isolation",
    "B": "Concurrency",
    "J": "Durability and closing",
    "K": "Documented calls",
    "P": "Batches",
}
LOST = ("db1.open('d') → None", "db1.put(b'counter', b'0') → None", "db1.begin() → t1", "db1.begin() → t2")
COMMITTED = ("db1.t1.commit() → 1", "db1.t2.commit() → 2")
COMMAND = "anomalist run contract -t ledgerdb"


def result(check: str, outcome: str, title: str, detail: str, severity: str = "critical", **more: Any) -> CheckResult:
    """A check of the scenario that its id begins with."""
    return CheckResult(check, title, check[:2], severity, CheckOutcome[outcome.upper()], detail, **more)


def scenario(name: str, title: str, severity: str, impact: str, advice: str) -> dict[str, dict[str, str]]:
    """A row of ContractRun.scenarios."""
    return {name: {"title": title, "severity": severity, "impact": impact, "advice": advice}}


SCENARIOS = (
    scenario("A1", "Lost updates", "critical", "Counters lose increments silently.", "Detect conflicts at commit.")
    | scenario("A2", "Write skew", "critical", "Sums go below zero.", "Detect conflicts at commit.")
    | scenario(
        "A5", "Reading one's own writes", "critical", "Code reads stale values.", "Read the write buffer first."
    )
    | scenario("B2", "Counting under contention", "critical", "Commits are not to be trusted.", "Acknowledge later.")
    | scenario("J2", "Calls on a closed database", "high", "Bugs go unnoticed.", "Raise a typed error.")
    | scenario("J3", "Paths that make no sense", "medium", "Files appear elsewhere.", "Refuse a path with NUL.")
    | scenario("K1", "Calls that are documented", "high", "Code after the manual breaks.", "Build it or take it out.")
    | scenario("P1", "Batches", "medium", "Batches are cut.", "Return the number of keys.")
)

RESULTS = (
    result("A1.1", "pass", "Both transactions read 0.", "what both read: [b'0', b'0']", seconds=0.012),
    result(
        "A1.2",
        "fail",
        "Exactly one of two increments commits.",
        "both committed, expected one typed conflict",
        failed=1,
        seconds=0.031,
        transcript=(*LOST, *COMMITTED),
    ),
    result(
        "A1.3",
        "fail",
        "The final value is the number of acknowledged commits.",
        "final value: b'1', expected b'2'",
        failed=1,
        seconds=0.002,
        transcript=("db1.get(b'counter') → b'1'",),
    ),
    result("A2.1", "error", "Both read a sum of 200.", "this is a mistake of Anomalist's own: KeyError: 'bob'"),
    result("A5.1", "pass", "A transaction reads what it wrote.", "what it read: b'new'"),
    result("A5.2", "pass", "Of two writes it reads the second.", "what it read: b'newer'"),
    result(
        "B2.2",
        "fail",
        "The counter is the number of acknowledged increments.",
        "196 commits, counter 134; in 17 of 20 rounds",
        failed=17,
        tries=20,
        seconds=8.25,
        transcript=("… 1960 calls before these", "db1.get(b'n') → b'134'"),
        repro="repro/B2.2.py",
    ),
    result("J2 put", "pass", "put on a closed database is refused as closed.", "refused: closed", "high"),
    result("J2 get", "fail", "get on a closed database is refused as closed.", "answer: ''", "high", failed=1),
    result(
        "J3.1",
        "fail",
        "A path with NUL is refused and nothing is made.",
        "opened; files: {'d': 4096}",
        "medium",
        failed=1,
        transcript=("db1.open('bad\\x00path') → None",),
    ),
    result("J3.2", "skip", "A directory that may not be written is refused.", "root may write anywhere", "medium"),
    result("J3.3", "pass", "A name of 255 characters works.", "read back: b'v'", "medium"),
    result("K1.1", "skip", "put has a time to live.", "ledgerdb 0.9.2 documents no put(ttl_seconds=)", "high"),
    result("P1.1", "skip", "An empty batch changes nothing.", "ledgerdb 0.9.2 has no put_batch", "medium"),
    result("P1.2", "skip", "An empty batch of reads is empty.", "ledgerdb 0.9.2 has no put_batch", "medium"),
    result("P1.3", "skip", "An empty batch of deletes is 0.", "ledgerdb 0.9.2 has no put_batch", "medium", ours=True),
)


def contract(**changes: Any) -> ContractRun:
    """The run of ledgerdb 0.9.2."""
    fields: dict[str, Any] = {
        "target": "ledgerdb",
        "version": "0.9.2",
        "settings": {"sync": "full"},
        "results": RESULTS,
        "sections": SECTIONS,
        "scenarios": SCENARIOS,
        "seconds": 9.5,
        "command": COMMAND,
    }
    return ContractRun(**(fields | changes))


def only(*outcomes: str, **changes: Any) -> ContractRun:
    """Of that run the checks with one of these outcomes."""
    wanted = {CheckOutcome[outcome.upper()] for outcome in outcomes}
    return contract(results=tuple(one for one in RESULTS if one.outcome in wanted), **changes)


def hostile() -> ContractRun:
    """Names, details and transcripts that try to get out of every kind of output."""
    every = (
        f"{samples.HOSTILE}{samples.ESCAPE}{samples.RIGHT_TO_LEFT}{samples.NUL}\ud800 [bold red]markup[/] ```\n# h"
    )
    bad = result("A1.1", "fail", every, every, failed=1, transcript=(every, "``````"), repro=every)
    return contract(
        target=every,
        version=every,
        settings={every: every},
        results=(bad, result("A1.2", "skip", every, every), result("A1 <b>", "error", every, f"| {every} |")),
        sections={"A": every},
        scenarios=scenario("A1", every, "critical", every, every),
        command=every,
    )


def suite(run: ContractRun | None = None, *runs: Any, **changes: Any) -> SuiteRun:
    """A suite `contract` with this contract run, or with that of ledgerdb."""
    fields = {
        "suite": "contract",
        "command": COMMAND,
        "seconds": 9.75,
        "contract": contract() if run is None else run,
    }
    return samples.suite_of(*runs, **(fields | changes))
