"""What `run`, `check` and `report` do with their flags, and what they print."""

from __future__ import annotations

import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from anomalist.commands import command_text, printable
from anomalist.exits import Exit, UsageError, combined, exit_of
from anomalist.plan import Part, SuiteRequest
from anomalist.recorded import (
    CheckRequest,
    Judged,
    check,
    load_finished,
    new_directory,
    new_suite,
    save_verdicts,
    stored_suite,
)
from anomalist.suite import run_suite
from anomalist.suites import CONTRACT, SUITES
from harness.rundir import save_suite, write_atomically
from harness.trouble import StoreError
from harness.verdict import SuiteRun
from reports.document import check_document, encode, run_document
from reports.terminal import summary

__all__ = ["check_verb", "counting", "finished", "report_verb", "run_verb", "status", "stopping", "terminal"]

_MEGABYTE = 1_000_000


class _Terminal(Console):
    """A console that leaves it to the command line what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def terminal(color: str, *, stderr: bool = False) -> Console:
    """A rich console: colour as asked, plain where the output is no terminal or NO_COLOR is set."""
    stream = sys.stderr if stderr else sys.stdout
    return _Terminal(
        file=stream,
        force_terminal=True if color == "always" else None,
        no_color=color == "never" or ("NO_COLOR" in os.environ and color != "always"),
        highlight=False,
        markup=False,
        soft_wrap=False,
        width=None if stream.isatty() else 120,
    )


def run_verb(*, as_json: bool, color: str, reports: Sequence[str], **options: Any) -> int:
    """`anomalist run`."""
    request = _suite_request(options)
    stop = threading.Event()
    # What a driver prints must not get into the result.
    doing = " · judging along" if request.fail_fast else ""
    with stopping(stop), redirect_stdout(sys.stderr), _progress(color, doing) as on_progress:
        suite_run, directory = run_suite(request, stop=stop, on_progress=on_progress)
    codes = [Exit.INTERRUPTED] if stop.is_set() else [exit_of(run) for run in suite_run.runs]
    return finished(suite_run, directory, codes, reports=reports, as_json=as_json, color=color)


def finished(
    suite_run: SuiteRun, directory: Path, codes: list[Exit], *, reports: Sequence[str], as_json: bool, color: str
) -> Exit:
    """Store a suite that has run, write its reports and show it; the exit code of all together."""
    document = run_document(suite_run, str(directory))
    page: Path | None = None
    try:
        save_suite(suite_run, directory)
        page = _write_reports(suite_run, directory, reports, document)
    except (OSError, StoreError) as error:
        codes = [*codes, _unwritten(directory, error)]
    _show(suite_run, document, page or directory, as_json=as_json, color=color)
    return combined(codes)


def _unwritten(directory: Path, error: OSError | StoreError) -> Exit:
    """Say which file could not be written; what was found is said all the same."""
    sentence = str(error)
    if isinstance(error, OSError):
        sentence = (
            f"cannot write {error.filename or directory}: {error.strerror}; free some space or name another place"
        )
    print(f"anomalist: {printable(sentence)}.", file=sys.stderr)
    return Exit.TROUBLE


def _show(suite_run: SuiteRun, document: dict[str, Any], report: Path | None, *, as_json: bool, color: str) -> None:
    if as_json:
        sys.stdout.write(encode(document))
    else:
        # Commands and paths stay on one line however long they are: they are there to be copied.
        terminal(color).print(summary(suite_run, str(report) if report else ""), crop=False)


def _suite_request(options: dict[str, Any]) -> SuiteRequest:
    suite, workloads = options["suite"], options["workloads"]
    if suite not in SUITES:
        raise UsageError(f"unknown suite {suite!r}; known suites: {', '.join((*SUITES, CONTRACT))}")
    for flag in ("checks", "emit_repro"):
        if options[flag]:
            raise UsageError(f"--{flag.rstrip('s').replace('_', '-')} is of the suite {CONTRACT}, not of {suite}")
    return SuiteRequest(
        suite=suite,
        target=options["target"],
        level=options["level"],
        expected=options["expect"],
        workloads=tuple(dict.fromkeys(workloads)),
        schedule=options["schedule"],
        seeds=tuple(range(options["seed"], options["seed"] + options["seeds"])),
        txns=options["txns"],
        time_limit_s=options["time_limit"],
        clients=options["clients"],
        op_timeout_s=options["timeout"],
        shard=options["shard"],
        jobs=options["jobs"],
        fail_fast=options["fail_fast"],
        out=options["out"],
    )


def _write_reports(
    suite_run: SuiteRun, directory: Path, reports: Sequence[str], document: dict[str, Any], *, verdicts: bool = True
) -> Path | None:
    """The reports as asked, and verdicts.json if `verdicts`. Returns the page's path if there is one.

    Raises OSError with the file's name.
    """
    if verdicts:
        with _named(directory / "verdicts.json"):
            save_verdicts(suite_run, directory)
    if "json" in reports:
        _write(directory / "report.json", encode(document))
    if "junit" in reports:
        from reports.junit import render_junit

        _write(directory / "junit.xml", render_junit(suite_run))
    if "md" in reports:
        from reports.markdown import render_markdown

        _write(directory / "report.md", render_markdown(suite_run))
    if "html" not in reports:
        return None
    from reports.page import render_page

    return _write(directory / "report.html", render_page(suite_run))


def _write(path: Path, text: str) -> Path:
    with _named(path):
        write_atomically(path, text.encode())
    return path


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give an OSError the file that it is about: the system's error of a full disk names none."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks the run to end well, with its report; the second ends it at once."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        os.write(
            sys.stderr.fileno(), b"\nanomalist: stopping; what is recorded will be judged. Again to quit at once.\n"
        )

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(color: str, doing: str) -> Iterator[Callable[[Part, int, int], None] | None]:
    """A bar per workload on a terminal, nothing elsewhere: colour can be forced, a moving bar in a log cannot.

    `doing` is what else is done meanwhile.
    """
    console = terminal(color, stderr=True)
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    bars: dict[Part, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        def update(part: Part, done: int, planned: int) -> None:
            if part not in bars:
                bars[part] = progress.add_task(f"{part.workload} seed {part.seed}{doing}", total=planned)
            progress.update(bars[part], completed=min(done, planned))

        yield update


@contextmanager
def counting(color: str, what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar that is told (done, planned) on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal(color, stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, planned: progress.update(task, completed=done, total=planned)


def check_verb(
    *, histories: Sequence[Path], as_json: bool, color: str, reports: Sequence[str], out: Path | None, **options: Any
) -> int:
    """`anomalist check`."""
    request = CheckRequest(
        format=options["file_format"],
        workloads=options["workloads"],
        expected=options["expect"],
        anomalies=_known_anomalies(options["anomalies"]),
        budget_s=options["budget"],
        min_evidence=options["min_evidence"],
        append=options["append"],
    )
    if reports and out is None and not all(path.is_dir() for path in histories):
        raise UsageError("a report of a history file needs a place: name an empty or new directory with --out")
    judged: list[Judged] = []
    with _place_for(out) as directory, status(color) as tell:
        for path in histories:
            judged += check(path, request, partial(_tell_read, tell, path.name))
    command = _check_command(histories, options)
    suite_run = new_suite(judged, command, None)
    document = check_document((one.name, one.run) for one in judged)
    codes = [exit_of(one.run) for one in judged]
    page = None
    try:
        if directory is not None:
            placed = new_suite(judged, command, directory)
            page = _write_reports(placed, directory, reports or ("html",), document)
        else:
            for own in dict.fromkeys(one.suite_directory for one in judged if one.suite_directory is not None):
                page = _renew(own, judged, command, reports, filtered=bool(request.anomalies))
    except (OSError, StoreError) as error:
        codes.append(_unwritten(out or histories[0], error))
    _show(suite_run, document, page, as_json=as_json, color=color)
    return combined(codes)


@contextmanager
def _place_for(out: Path | None) -> Iterator[Path | None]:
    """The new run directory, made before the work begins, and gone again where the work is refused."""
    if out is None:
        yield None
        return
    existed = out.exists()
    directory = new_directory(out)
    try:
        yield directory
    except BaseException:
        (directory / "runs").rmdir()
        if not existed:
            directory.rmdir()
        raise


def _renew(
    own: Path, judged: Sequence[Judged], command: str, reports: Sequence[str], *, filtered: bool
) -> Path | None:
    """Write a run directory's verdicts again, and its page if it has one. Filtered verdicts are shown, not kept."""
    runs = [one for one in judged if one.suite_directory == own]
    suite_run = stored_suite(runs, command, own)
    document = check_document((one.name, one.run) for one in runs)
    if filtered:
        return _write_reports(suite_run, own, reports, document, verdicts=False)
    # A page that is there already must not go on telling what the old verdicts were.
    wanted = reports or (("html",) if (own / "report.html").exists() else ())
    return _write_reports(suite_run, own, wanted, document)


def _check_command(histories: Sequence[Path], options: dict[str, Any]) -> str:
    flags: list[tuple[str, object]] = [
        ("--format", None if options["file_format"] == "auto" else options["file_format"]),
        *(("-w", name) for name in options["workloads"]),
        ("--expect", options["expect"]),
        ("--append", options["append"]),
        ("--anomalies", ",".join(options["anomalies"]) or None),
        ("--budget", None if options["budget"] is None else f"{options['budget']:g}"),
    ]
    words = ["check", *map(str, histories), *(["--min-evidence"] if options["min_evidence"] else [])]
    return command_text(words, flags)


@contextmanager
def status(color: str) -> Iterator[Callable[[str], None]]:
    """One line that says what is being done, on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda words: None
        return
    from rich.text import Text

    with terminal(color, stderr=True).status("reading") as shown:
        # As text: a file's name may look like markup.
        yield lambda words: shown.update(Text(words))


def _tell_read(tell: Callable[[str], None], name: str, done: int, total: int) -> None:
    tell(f"reading {printable(name)}: {100 * done // total} %" if done < total else "judging")


def _known_anomalies(names: Sequence[str]) -> tuple[str, ...]:
    from checkers.catalogue import CATALOGUE

    known = {row.name for row in CATALOGUE}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"unknown anomaly {unknown[0]!r}; `anomalist list anomalies` names them all")
    return tuple(names)


def report_verb(*, runs: Sequence[Path], out: Path | None, open_page: bool, max_size: float) -> int:
    """`anomalist report`."""
    from reports.page import render_page

    if out is not None and len(runs) > 1:
        raise UsageError("--out names one page; leave it out to write each run's page beside the run")
    for run in runs:
        suite_run, directory = load_finished(run)
        data = render_page(suite_run).encode()
        if len(data) > max_size * _MEGABYTE:
            size = f"{len(data) / _MEGABYTE:.2f} MB, more than --max-size {max_size:g}"
            raise UsageError(f"the page of {run} would have {size}; allow more, or report fewer runs")
        page = out or directory / "report.html"
        try:
            write_atomically(page, data)
        except OSError as error:
            raise UsageError(f"cannot write {page}: {error.strerror}; name another file with --out") from error
        print(printable(str(page)))
        if open_page:
            webbrowser.open(page.resolve().as_uri())
    return Exit.VALID
