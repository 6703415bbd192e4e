"""What `run`, `check` and `report` do with their flags, and what they print."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from anomalist.exits import Exit, UsageError, combined, exit_of
from anomalist.plan import Part, SuiteRequest
from anomalist.recorded import CheckRequest, Judged, check, load_finished, save_verdicts, stored_suite
from anomalist.suite import run_suite
from anomalist.suites import SUITES
from harness.rundir import save_suite, write_atomically
from harness.verdict import SuiteRun
from reports.document import check_document, encode, run_document
from reports.terminal import summary

__all__ = ["check_verb", "report_verb", "run_verb", "terminal"]

_MEGABYTE = 1_000_000


def terminal(color: str, *, stderr: bool = False) -> Console:
    """A rich console: colour as asked, plain where the output is no terminal or NO_COLOR is set."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
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
    with _stopping(stop), _progress(terminal(color, stderr=True)) as on_progress:
        suite_run, directory = run_suite(request, stop=stop, on_progress=on_progress)
    save_suite(suite_run, directory)
    document = run_document(suite_run, str(directory))
    page = _write_reports(suite_run, directory, reports, document)
    if as_json:
        sys.stdout.write(encode(document))
    else:
        terminal(color).print(summary(suite_run, str(page) if page else str(directory)))
    code = combined(exit_of(run) for run in suite_run.runs)
    return Exit.INTERRUPTED if stop.is_set() else code


def _suite_request(options: dict[str, Any]) -> SuiteRequest:
    suite, workloads = options["suite"], options["workloads"]
    if suite not in SUITES:
        raise UsageError(f"unknown suite {suite!r}; known suites: {', '.join(SUITES)}")
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
        out=options["out"],
    )


def _write_reports(
    suite_run: SuiteRun, directory: Path, reports: Sequence[str], document: dict[str, Any]
) -> Path | None:
    """verdicts.json always, the others as asked. Returns the page's path if there is one."""
    save_verdicts(suite_run, directory)
    if "json" in reports:
        write_atomically(directory / "report.json", encode(document).encode())
    if "junit" in reports:
        from reports.junit import render_junit

        write_atomically(directory / "junit.xml", render_junit(suite_run).encode())
    if "html" not in reports:
        return None
    from reports.page import render_page

    page = directory / "report.html"
    write_atomically(page, render_page(suite_run).encode())
    return page


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C asks the run to end well, with its report; the second ends it at once."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        os.write(
            sys.stderr.fileno(), b"\nanomalist: stopping; what is recorded will be judged. Again to quit at once.\n"
        )

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[Part, int, int], None] | None]:
    """A bar per workload on a terminal, nothing elsewhere."""
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    bars: dict[Part, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        def update(part: Part, done: int, planned: int) -> None:
            if part not in bars:
                bars[part] = progress.add_task(f"{part.workload} seed {part.seed}", total=planned)
            progress.update(bars[part], completed=min(done, planned))

        yield update


def check_verb(
    *,
    histories: Sequence[Path],
    as_json: bool,
    color: str,
    reports: Sequence[str],
    out: Path | None,
    **options: Any,
) -> int:
    """`anomalist check`."""
    request = CheckRequest(
        format=options["file_format"],
        workloads=options["workloads"],
        expected=options["expect"],
        anomalies=_known_anomalies(options["anomalies"]),
        budget_s=options["budget"],
        min_evidence=options["min_evidence"],
    )
    judged: list[Judged] = []
    with terminal(color, stderr=True).status("judging"):
        for path in histories:
            judged += check(path, request)
    command = shlex.join(("anomalist", "check", *map(str, histories)))
    suite_run, directory = stored_suite(judged, command, out)
    document = check_document((one.name, one.run) for one in judged)
    page = None
    if directory is not None:
        # A page that is there already must not go on telling what the old verdicts were.
        wanted = reports or (("html",) if out or (directory / "report.html").exists() else ())
        page = _write_reports(suite_run, directory, wanted, document)
    elif reports:
        raise UsageError("a report of a history file needs a place: name an empty or new directory with --out")
    if as_json:
        sys.stdout.write(encode(document))
    else:
        terminal(color).print(summary(suite_run, str(page) if page else ""))
    return combined(exit_of(one.run) for one in judged)


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
            raise UsageError(
                f"the page of {run} would have {len(data) / _MEGABYTE:.1f} MB, more than --max-size {max_size:g}"
            )
        page = out or directory / "report.html"
        try:
            write_atomically(page, data)
        except OSError as error:
            raise UsageError(f"cannot write {page}: {error.strerror}; name another file with --out") from error
        print(page)
        if open_page:
            webbrowser.open(page.resolve().as_uri())
    return Exit.VALID
