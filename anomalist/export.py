"""`export`: a recorded history for other tools, or the graph of the cycles that are found in it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from anomalist.exits import Exit, UsageError
from anomalist.judging import checkers_for, judge_history
from anomalist.recorded import FOREIGN_EXPECTED, CheckRequest, is_foreign, read_foreign
from anomalist.verbs import status
from harness.history import History
from harness.interchange import write_edn, write_jsonl
from harness.level import level
from harness.rundir import load_run, load_suite, write_atomically
from harness.verdict import Anomaly
from reports.graph_text import dot_lines, graphml_lines

__all__ = ["export_verb"]


def export_verb(
    *, history: Path, export_format: str, file_format: str, workloads: tuple[str, ...], out: Path | None, color: str
) -> int:
    """`anomalist export`."""
    with status(color):
        recorded = _history(history, CheckRequest(format=file_format, workloads=workloads))
        lines = _lines(recorded, export_format, history, workloads)
        if out is not None:
            _write(out, lines)
    if out is None:
        for line in lines:
            sys.stdout.write(f"{line}\n")
    return Exit.VALID


def _history(path: Path, request: CheckRequest) -> History:
    if not path.exists():
        raise UsageError(f"{path} does not exist; name a history file or a run directory")
    if is_foreign(path, request.format):
        return read_foreign(path, request)
    runs = load_suite(path).runs
    if len(runs) != 1:
        one = f"; name one, such as {path / runs[0].directory}" if runs else ""
        raise UsageError(f"{path} holds {len(runs)} histories{one}")
    return load_run(path / runs[0].directory)


def _lines(history: History, export_format: str, path: Path, workloads: tuple[str, ...]) -> Iterator[str]:
    if export_format in {"dot", "graphml"}:
        anomalies = _anomalies(history, path, workloads)
        return dot_lines(history, anomalies) if export_format == "dot" else graphml_lines(history, anomalies)
    if history.info.clock == "sessions":
        raise UsageError(
            f"{path} tells nothing of real time, and {export_format} always does; export its cycles as dot or graphml"
        )
    return write_edn(history) if export_format == "edn" else write_jsonl(history)


def _anomalies(history: History, path: Path, workloads: tuple[str, ...]) -> list[Anomaly]:
    try:
        checkers = checkers_for(history, workloads)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    expected = level(history.info.expected or FOREIGN_EXPECTED)
    verdicts = judge_history(history, expected, checkers=checkers, strict_evidence=False)
    return [anomaly for verdict in verdicts for anomaly in verdict.findings.anomalies]


def _write(out: Path, lines: Iterable[str]) -> None:
    try:
        write_atomically(out, "".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}; name another file with --out") from error
