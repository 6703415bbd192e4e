"""The contract suite's nouns: sections of scenarios, each a program that tries promises one after another.

    Section A ─ Scenario A1 "lost update" ─ program(rig) ──yields──▶ Observed("A1.1", holds, detail) ─▶ CheckResult
                                          └ Check A1.1, A1.2, A1.3 …

A program is a generator: it does something with a `Rig` and yields what it saw of one check after the other, in the
order of its checks. Whoever runs it knows at any time which check is being tried, so that a hang or a crash of the
database counts against that one, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple, Protocol

from harness.history import History
from harness.interleaving import Interleaving, Order, Performance
from harness.surface import Lacking, Refused
from harness.verdict import Findings, Outcome

__all__ = [
    "SEVERITIES",
    "TIME_LIMIT_S",
    "Check",
    "CheckOutcome",
    "CheckResult",
    "Conducted",
    "ContractRun",
    "Handle",
    "Observed",
    "Program",
    "Ran",
    "Rig",
    "Scenario",
    "Skipped",
    "Transaction",
    "TranscriptLine",
    "answer",
    "holds",
    "outcome",
    "same",
    "tried",
]

SEVERITIES: Final = ("critical", "high", "medium")
TIME_LIMIT_S: Final = 30.0


class CheckOutcome(IntEnum):
    """Ordered so that the maximum of several is the outcome of all together.

    What was skipped hides nothing that held, and the harness's own mistake hides no failure of the database.
    """

    SKIP = 0  # The target does not offer what it takes; `detail` says what.
    PASS = 1
    ERROR = 2  # The harness's own mistake: nothing is said of the database.
    FAIL = 3


class Observed(NamedTuple):
    """What a program saw of one check. Where it was tried several times, it failed `failed` times of `tries`.

    `detail` says in a sentence or two what was seen, and what should have been where it does not hold.
    """

    check: str
    holds: bool
    detail: str
    failed: int = 0
    tries: int = 1


class Skipped(NamedTuple):
    """What a program says of a check that this target cannot be asked, where `Check.needs` cannot say it."""

    check: str
    why: str


class TranscriptLine(NamedTuple):
    """One call that a program made: on which database and within which transaction (0: none), and what came of it.

    `name` is of harness.surface.CALLS, or open, close, begin, commit, abort. `error` is empty where it returned.
    What the rig did itself stands between, on database 0: conduct, run, threads, child, damage, wait.
    """

    database: int
    transaction: int
    name: str
    arguments: tuple[Any, ...]
    result: Any = None
    error: str = ""


class Conducted(NamedTuple):
    """A scripted interleaving, performed and judged by brute force."""

    performance: Performance
    findings: Findings


class Ran(NamedTuple):
    """A workload's history, judged by its checker."""

    history: History
    findings: Findings
    trouble: str


class Transaction(Protocol):
    """An open transaction of a `Handle`."""

    def call(self, name: str, *arguments: Any) -> Any:
        """A call of harness.surface.CALLS within it. Raises Refused, Lacking, or what the database raises."""
        ...

    def commit(self) -> Any:
        """What the database returns. Raises Refused."""
        ...

    def abort(self) -> None:
        """Raises Refused."""
        ...


class Handle(Protocol):
    """A database that was opened by `Rig.open`, through the target's surface. Every call is in the transcript."""

    path: str

    @property
    def documented(self) -> Mapping[str, str]:
        """{name of harness.surface.DOCUMENTED: where the documentation promises it}."""
        ...

    def call(self, name: str, *arguments: Any) -> Any:
        """A call of harness.surface.CALLS by itself. Raises Refused, Lacking, or what the database raises.

        A function of a transaction that is among the arguments is given a `Transaction`.
        """
        ...

    def begin(self, call: str = "", *arguments: Any) -> Transaction:
        """A transaction, by the surface's `begin` or by one of the calls that give one."""
        ...

    def close(self) -> None:
        """Close the database; the handle stays, and its calls go to the closed database."""
        ...

    def reopen(self) -> None:
        """Close it, and open it again at the same path."""
        ...


class Rig(Protocol):
    """What a program works with: databases of the target, its sessions, threads, processes, damage, time."""

    target: str

    @property
    def interleaves(self) -> bool:
        """Whether no call of the target ever waits for another transaction, so that one thread can interleave two."""
        ...

    def has(self, *calls: str) -> bool:
        """Whether the target's surface offers all these calls."""
        ...

    def why_not(self, *calls: str) -> str:
        """The reason why one of these calls is not offered."""
        ...

    def path(self, name: str = "database") -> str:
        """A path that nothing is at yet, in a directory of this scenario."""
        ...

    def open(self, path: str = "") -> Handle:
        """Open or make a database; with no path in a new place. Whatever is still open is closed at the end."""
        ...

    def conduct(self, interleaving: Interleaving, order: Order) -> Conducted:
        """Perform one order of a script through sessions of an empty target, and judge it by brute force."""
        ...

    def run(self, workload: str, *, clients: int, txns: int, **params: Any) -> Ran:
        """Run a stock workload with real threads on an empty target, and have its history judged."""
        ...

    def threads(self, count: int, work: Callable[[int], Any]) -> list[Any]:
        """work(0) … work(count - 1) at once, from a common start: what each returned, or the exception it raised."""
        ...

    def child(self, path: str, calls: Sequence[tuple[Any, ...]], end: str) -> list[Any]:
        """Open `path` in another process and make (name, *arguments) there one by one: what each returned or raised.

        `end` is "close", or "kill": SIGKILL at once after the last answer. An answer to ("open",) comes first. A
        process that dies by itself gives an answer less than asked for, and a text that says how it died at last.
        """
        ...

    def damage(self, path: str, how: str, place: float = 0.5) -> str:
        """Damage the longest file below `path`: "flip" a bit at that part of it, or "cut" the rest off.

        Returns its name, "" where nothing is there.
        """
        ...

    def files(self, path: str) -> dict[str, int]:
        """{name below `path`: length in bytes}; empty where there is no such directory."""
        ...

    def forbid(self, path: str) -> bool:
        """Make an empty directory read-only; False where that would forbid nothing, as for root."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        ...


Program = Callable[[Rig], Iterator[Observed | Skipped]]


class Check(NamedTuple):
    """One row: an id of the seed's, or of ours; `title` is what is promised, in a sentence that can be false.

    `needs` are calls beyond those of its scenario. `ours` marks what the seed did not ask.
    """

    id: str
    title: str
    needs: tuple[str, ...] = ()
    ours: bool = False


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One subsection, such as A1. `kinds` are operation kinds of sessions and `calls` of the surface that it needs.

    `impact` says what breaks for a user where a check of it fails, `advice` what to do about it first. `severity`
    is of SEVERITIES. `level` is the weakest level whose promise this is: a target that promises less is not asked.
    `time_limit_s` holds for each call of a check.
    """

    id: str
    title: str
    severity: str
    checks: tuple[Check, ...]
    program: Program
    impact: str
    advice: str
    kinds: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    level: str = ""
    time_limit_s: float = TIME_LIMIT_S

    @property
    def section(self) -> str:
        """The letter."""
        return self.id[0]


class CheckResult(NamedTuple):
    """What became of one check. `transcript` are the calls that led to its failure.

    `repro` is then a program that shows the failure without Anomalist, or a comment that says why there is none.
    """

    id: str
    title: str
    scenario: str
    severity: str
    outcome: CheckOutcome
    detail: str
    failed: int = 0
    tries: int = 1
    seconds: float = 0.0
    ours: bool = False
    transcript: tuple[str, ...] = ()
    repro: str = ""


@dataclass(frozen=True, kw_only=True)
class ContractRun:
    """All checks on one target, in the order of the catalogue. `sections` are {letter: title} of all there are.

    `scenarios` are {id: row of title, severity, impact and advice} of those that have a result.
    """

    target: str
    version: str
    settings: Mapping[str, str]
    results: tuple[CheckResult, ...]
    sections: Mapping[str, str]
    scenarios: Mapping[str, Mapping[str, str]]
    seconds: float = 0.0
    command: str = ""
    interrupted: bool = False

    @property
    def outcome(self) -> Outcome:
        """FAIL where a check failed; PASS where the others held or were skipped, and not all were skipped."""
        together = max((result.outcome for result in self.results), default=CheckOutcome.SKIP)
        if together is CheckOutcome.FAIL:
            return Outcome.FAIL
        return Outcome.PASS if together is CheckOutcome.PASS and not self.interrupted else Outcome.UNKNOWN

    def count(self, outcome: CheckOutcome) -> int:
        """How many checks have this outcome."""
        return sum(result.outcome is outcome for result in self.results)

    def of_section(self, letter: str) -> list[CheckResult]:
        """The results of a section, in order."""
        return [result for result in self.results if result.id.startswith(letter)]


def same(check: str, seen: Any, expected: Any, what: str) -> Observed:
    """The check holds where both are equal and of one type. `what` names what was looked at, as a noun phrase."""
    if type(seen) is type(expected) and seen == expected:
        return Observed(check, True, f"{what}: {_shown(seen)}")
    return Observed(check, False, f"{what}: {_shown(seen)}, expected {_shown(expected)}", 1)


def holds(check: str, condition: bool, detail: str) -> Observed:
    """The check holds where the condition does; `detail` says in either case what was seen."""
    return Observed(check, bool(condition), detail, 0 if condition else 1)


def tried(check: str, failures: Sequence[str], what: str) -> Observed:
    """The check was tried len(failures) times; an empty text says that it held. Tells how often it did not."""
    failed = [failure for failure in failures if failure]
    told = f"{failed[0].rstrip('.')}; in {len(failed)} of" if failed else f"{what}, in"
    return Observed(check, not failed, f"{told} {len(failures)} rounds", len(failed), len(failures))


def answer(call: Callable[[], Any]) -> str:
    """What a call that must be refused does: the word of WHYS, "" where it returned, or the error with its type."""
    try:
        call()
    except Refused as refusal:
        return refusal.why
    except Exception as error:  # noqa: BLE001  Whatever the database raises is its answer.
        return f"{type(error).__name__}: {error}"
    return ""


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns, or the exception it raises, so that the checks after it are tried too. Raises Lacking."""
    try:
        return call(*arguments)
    except Lacking:
        raise
    except Exception as error:  # noqa: BLE001  Whatever the database raises is its answer.
        return error


_SHOWN_MAX: Final = 160


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}… ({len(text)} characters)"
