"""The command line: verbs and flags. What they do is imported when they run, so that --help costs little.

stdout holds the result only; progress and messages go to stderr. Every error is one sentence.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

import anomalist
from anomalist.commands import command_text, printable
from harness.formats import FORMATS

__all__ = ["command_line", "run_command_line"]

_PROGRAM = "anomalist"
_REPORTS = ("html", "json", "junit", "md")
_EXPORTS = ("edn", "jsonl", "dot", "graphml")
_LIST_KINDS = (
    "anomalies",
    "checkers",
    "checks",
    "interleavings",
    "levels",
    "mutants",
    "suites",
    "targets",
    "workloads",
)

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(anomalist.__version__, prog_name=_PROGRAM, message="%(prog)s %(version)s")
def command_line() -> None:
    """Does a database keep its isolation promises?

    Run workloads against it, record what its clients saw, and judge the history: pass, fail or unknown, with the
    smallest cycle of transactions that no serial order explains.

    \b
    Try first:  anomalist run
    then:       anomalist run -i snapshot-isolation --expect serializable
    your own:   anomalist check history.edn
    its levels: anomalist probe
    names:      anomalist list levels|workloads|targets|suites
    """


def _words(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if value else ()


def _reports(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    words = _words(context, parameter, value)
    unknown = [word for word in words if word not in _REPORTS]
    if unknown:
        raise click.BadParameter(f"unknown report {unknown[0]!r}; known: {', '.join(_REPORTS)}")
    return words


def _shard(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    number, _, total = value.partition("/")
    if number.isdigit() and total.isdigit() and 1 <= int(number) <= int(total):
        return int(number), int(total)
    raise click.BadParameter("write it as i/n with 1 <= i <= n, for example 2/3")


class _Amount(click.FloatRange):
    """A positive number that is neither infinite nor no number at all."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number


_POSITIVE = click.IntRange(min=1, max=1_000_000_000)
_SEED = click.IntRange(min=0, max=2**63 - 1)
_SECONDS = _Amount(min=0, min_open=True, max=1e6)
_EXISTING = click.Path(path_type=Path)
_COLOR = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour on the terminal."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of the summary.")
_TARGET = click.option(
    "-t",
    "--target",
    default="reference",
    show_default=True,
    metavar="TARGET",
    help="name[:key=value,…] or module:Class.",
)


@command_line.command("run")
@click.argument("suite", default="quick")
@_TARGET
@click.option("-i", "--level", metavar="LEVEL", help="The level the target runs at; default: its strongest.")
@click.option(
    "-w",
    "--workload",
    "workloads",
    multiple=True,
    metavar="NAME",
    help="Instead of the suite's workloads: name[:key=value,…]; repeatable.",
)
@click.option("--expect", metavar="LEVEL", help="The level it is held to; default: what the target promises.")
@click.option(
    "--schedule", type=click.Choice(["steps", "threads"]), help="steps: one thread, repeatable; threads: real ones."
)
@click.option(
    "--seed", type=_SEED, default=0, show_default=True, metavar="N", help="Every random choice follows from it."
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 100_000),
    default=1,
    metavar="N",
    show_default=True,
    help="How many seeds, from --seed on.",
)
@click.option("--time-limit", type=_SECONDS, metavar="S", help="Seconds a workload runs at the most.")
@click.option("--txns", type=_POSITIVE, metavar="N", help="Transactions a workload runs at the most.")
@click.option("--clients", type=_POSITIVE, metavar="N", help="Concurrent clients.")
@click.option(
    "--timeout", type=_SECONDS, default=10.0, show_default=True, metavar="S", help="Seconds one call may take."
)
@click.option(
    "-j", "--jobs", type=_POSITIVE, default=1, show_default=True, metavar="N", help="Workloads at the same time."
)
@click.option(
    "--fail-fast",
    is_flag=True,
    help="Judge while it runs, and end everything at the first anomaly that refutes the expected level.",
)
@click.option("--shard", default="1/1", callback=_shard, metavar="I/N", help="Run the i-th of n parts of the suite.")
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="ID",
    help="Of contract: only this section, scenario or check, such as A, A1 or A1.2; repeatable.",
)
@click.option(
    "--emit-repro",
    type=_EXISTING,
    metavar="DIR",
    help="Of contract: a script for each failed check that needs no harness.",
)
@click.option("--out", type=_EXISTING, help="An empty or new directory for everything recorded.")
@click.option(
    "--report",
    "reports",
    default="html",
    callback=_reports,
    show_default=True,
    metavar="NAMES",
    help="Of html,json,junit,md.",
)
@_JSON
@_COLOR
def run_verb(**options: Any) -> int:
    """Run a suite: generate, execute, record, check, report.

    SUITE is quick (the default), standard, models, or contract: the promises of a database, one by one.
    `anomalist list` names suites, workloads, checks, levels and targets.
    """
    from anomalist.suites import CONTRACT

    if options["suite"] == CONTRACT:
        from anomalist.contract_verb import contract_verb as verb
    else:
        from anomalist.verbs import run_verb as verb
    return int(verb(**options))


@command_line.command("probe", short_help="Try scripted interleavings: what does each level really admit?")
@_TARGET
@click.option("-i", "--level", metavar="LEVEL", help="Only this one of the target's levels.")
@_JSON
@_COLOR
def probe_verb(**options: Any) -> int:
    """Try scripted interleavings: which anomalies does each level really admit?

    A matrix of anomalies and levels. `anomalist list interleavings` tells the scripts, `anomalist explain NAME` one
    of them.
    """
    from anomalist.probe import probe_verb as verb

    return int(verb(**options))


@command_line.command("selftest", short_help="Prove that every deliberate bug is found, and the engine not accused.")
@click.option("-m", "--mutant", "mutants", multiple=True, metavar="NAME", help="Only this mutant; repeatable.")
@click.option("--quick", is_flag=True, help="Each mutant's own instrument only, and few runs of the engine itself.")
@click.option("--clean-runs", type=click.IntRange(0, 1_000_000), metavar="N", help="Default: 200, or 14 if --quick.")
@click.option("--seed", type=_SEED, default=0, show_default=True, metavar="N")
@click.option("-j", "--jobs", type=_POSITIVE, metavar="N", help="Processes; default: one per processor.")
@_JSON
@_COLOR
def selftest_verb(**options: Any) -> int:
    """Run the stock suites and the other instruments against the catalogue of deliberate bugs.

    Prints the kill matrix: what found each mutant, after how many transactions, with what witness; then the engine
    itself, which must not be accused. `anomalist list mutants` tells them, and `anomalist run -t
    reference:mutant=NAME` runs one.
    """
    from anomalist.selftest import selftest_verb as verb

    return int(verb(**options))


@command_line.command("check", short_help="Judge recorded histories: files, or run directories.")
@click.argument("histories", nargs=-1, required=True, type=_EXISTING, metavar="HISTORY…")
@click.option("--format", "file_format", type=click.Choice(FORMATS), default="auto", show_default=True)
@click.option("-w", "--workload", "workloads", multiple=True, help="What the history is of; repeatable.")
@click.option(
    "--expect",
    metavar="LEVEL",
    help="Default: what our own run expected; of others' strict-serializable, strong-session- where no times are told.",
)
@click.option(
    "--append",
    type=click.Choice(["atomic", "read-modify-write"]),
    help="Can one append overwrite another? Default: atomic, or what our own run says of its target.",
)
@click.option("--anomalies", callback=_words, help="Only these count: names, separated by commas.")
@click.option("--budget", type=_SECONDS, metavar="S", help="Seconds a checker may take.")
@click.option("--min-evidence", is_flag=True, help="Too little evidence is inconclusive, for foreign files too.")
@click.option("--out", type=_EXISTING, help="An empty or new run directory, so that there can be a report.")
@click.option("--report", "reports", callback=_reports, help="html,json,junit,md; needs --out for foreign files.")
@_JSON
@_COLOR
def check_verb(**options: Any) -> int:
    """Judge histories recorded elsewhere or earlier: files, or run directories."""
    from anomalist.verbs import check_verb as verb

    return int(verb(**options))


@command_line.command("export", short_help="Write a history for other tools, or its graph.")
@click.argument("history", type=_EXISTING, metavar="HISTORY")
@click.option(
    "--format",
    "export_format",
    type=click.Choice(_EXPORTS),
    required=True,
    help="edn and jsonl: every operation, as Jepsen and Elle read them; dot and graphml: the cycles found.",
)
@click.option("--whole", is_flag=True, help="Of list-append: all dependencies as dot or graphml, not just cycles.")
@click.option("--from", "file_format", type=click.Choice(FORMATS), default="auto", show_default=True)
@click.option("-w", "--workload", "workloads", multiple=True, help="What the history is of; repeatable.")
@click.option("--out", type=_EXISTING, help="A file instead of the standard output.")
@_COLOR
def export_verb(**options: Any) -> int:
    """Write a recorded history for other tools, or a graph: the cycles that are found in it, or all of it.

    HISTORY is a file or a folder as `check` reads it, or a run directory of one history.
    """
    from anomalist.export import export_verb as verb

    return int(verb(**options))


@command_line.command("report")
@click.argument("runs", nargs=-1, required=True, type=_EXISTING, metavar="RUN…")
@click.option("--out", type=_EXISTING, help="The page's file, instead of report.html in the run directory.")
@click.option("--open", "open_page", is_flag=True, help="Show the page in the browser.")
@click.option("--max-size", type=_Amount(min=0.1, max=1e6), default=20.0, show_default=True, help="Megabytes.")
def report_verb(**options: Any) -> int:
    """Write the HTML page of finished runs again."""
    from anomalist.verbs import report_verb as verb

    return int(verb(**options))


@command_line.command("list", short_help="List anomalies, levels, workloads, …")
@click.argument("kind", type=click.Choice(_LIST_KINDS), metavar="KIND")
@_JSON
@_COLOR
def list_verb(**options: Any) -> int:
    """List anomalies, checkers, checks, interleavings, levels, mutants, suites, targets or workloads."""
    from anomalist.listing import list_verb as verb

    return int(verb(**options))


@command_line.command("explain", short_help="Explain an anomaly, a level, a workload, …")
@click.argument("name")
@_COLOR
def explain_verb(**options: Any) -> int:
    """Explain an anomaly, a checker, a check, an interleaving, a level, a mutant, a suite, a target or a workload."""
    from anomalist.listing import explain_verb as verb

    return int(verb(**options))


@command_line.command("doctor", short_help="Say what works on this machine, and why not.")
@_JSON
@_COLOR
def doctor_verb(**options: Any) -> int:
    """Say what works on this machine, and why the rest does not."""
    from anomalist.doctor import doctor_verb as verb

    return int(verb(**options))


def run_command_line(words: Sequence[str]) -> int:
    """Carry out a command and return its exit code. No exception leaves, and none prints a traceback."""
    _ready_streams()
    try:
        # Not click's own `main`: it exits with 1 on a broken pipe, and here 1 says that an anomaly was found.
        with command_line.make_context(_PROGRAM, list(words)) as context:
            code = int(command_line.invoke(context) or 0)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        # click lists choices in lines of their own.
        message = " ".join(error.format_message().split()).rstrip(".")
        return _said(f"{message}; {_help_of(error.ctx)}", error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _said("interrupted", 130)
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing may be written there any more, not even at exit.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  It stays open until the very end.
        return 0
    except Exception as error:  # noqa: BLE001  The last net: a person gets a sentence, never a traceback.
        return _described(error, words)
    return code


def _ready_streams() -> None:
    """Make stdout and stderr take any text: what they cannot show is escaped, and a closed one swallows it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  As above.
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _help_of(context: click.Context | None) -> str:
    return f"see `{context.command_path if context else _PROGRAM} --help`"


def _described(error: Exception, words: Sequence[str]) -> int:
    from anomalist.exits import Exit, UsageError
    from harness.target import TargetUnavailable
    from harness.trouble import StoreError, Trouble, described

    if isinstance(error, UsageError | StoreError):
        return _said(str(error), Exit.USAGE)
    if isinstance(error, TargetUnavailable | Trouble):
        return _said(str(error), Exit.TROUBLE)
    if isinstance(error, MemoryError):
        return _said("there is not enough memory for this history; judge a smaller part of it", Exit.TROUBLE)
    if isinstance(error, OSError) and error.strerror:
        place = f"use {error.filename}" if error.filename else "write what was recorded"
        return _said(f"cannot {place}: {error.strerror}; free some space or name another place", Exit.TROUBLE)
    command = command_text(words)
    return _said(
        f"this is a mistake of Anomalist's own ({described(error)}); it happened in: {command}", Exit.TROUBLE
    )


def _said(sentence: str, code: int) -> int:
    # What is named in a sentence may come from a file or a database: no control character may pass.
    print(f"{_PROGRAM}: {printable(sentence).rstrip('.')}.", file=sys.stderr)
    return int(code)
