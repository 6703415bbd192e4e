"""`export`: a recorded history for other tools, or its graph: the cycles found in it, or all of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from anomalist.exits import Exit, UsageError
from anomalist.judging import checkers_for, judge_history
from anomalist.recorded import FOREIGN_EXPECTED, CheckRequest, is_foreign, read_foreign
from anomalist.verbs import status
from checkers.lists.whole_graph import whole_graph
from harness.history import History
from harness.interchange import write_edn, write_jsonl
from harness.level import level
from harness.rundir import load_run, load_suite, write_atomically
from harness.verdict import Anomaly, Step
from reports.graph_text import cycles_of, dot_lines, graphml_lines

__all__ = ["export_verb"]

_GRAPHS: Final = {"dot": dot_lines, "graphml": graphml_lines}
_CYCLES: Final = "leave out --whole to export its cycles"
_GRAPH_MAX: Final = 1_000_000  # Nodes and edges: a quarter of a gigabyte of GraphML.


def export_verb(
    *,
    history: Path,
    export_format: str,
    whole: bool,
    file_format: str,
    workloads: tuple[str, ...],
    out: Path | None,
    color: str,
) -> int:
    """`anomalist export`."""
    if whole and export_format not in _GRAPHS:
        raise UsageError(f"--whole is about a graph, and {export_format} is none; leave it out")
    with status(color):
        recorded = _history(history, CheckRequest(format=file_format, workloads=workloads))
        lines = _lines(recorded, export_format, whole, history, workloads)
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


def _lines(
    history: History, export_format: str, whole: bool, path: Path, workloads: tuple[str, ...]
) -> Iterator[str]:
    if lines_of := _GRAPHS.get(export_format):
        if whole:
            return lines_of(history, range(len(history)), _dependencies(history, path, workloads))
        return lines_of(history, *cycles_of(_anomalies(history, path, workloads)))
    if history.info.clock == "sessions":
        raise UsageError(
            f"{path} tells nothing of real time, and {export_format} always does; export it as dot or graphml"
        )
    return write_edn(history) if export_format == "edn" else write_jsonl(history)


def _dependencies(history: History, path: Path, workloads: tuple[str, ...]) -> Iterator[tuple[str, Step]]:
    """The steps of the whole graph. Raises UsageError where it is not known, or too large for any reader."""
    if "list-append" not in _checkers(history, path, workloads):
        raise UsageError(f"only list-append tells the order of all writes, and {path} is none; {_CYCLES}")
    try:
        graph = whole_graph(history)
    except ValueError as error:
        raise UsageError(f"{path} is no evidence: {error}; export it as edn or jsonl to look at it") from error
    if len(graph.edges) + len(history) > _GRAPH_MAX:
        raise UsageError(
            f"the whole graph of {path} has {len(graph.edges):,} edges between {len(history):,} transactions, and "
            f"{_GRAPH_MAX:,} of both are the most; {_CYCLES}"
        )
    if graph.left_out:
        sentence = f"{graph.left_out:,} edges from reads of {path} that miss very many appends are not followed"
        raise UsageError(f"{sentence}; {_CYCLES}")
    return (("", step) for step in graph.steps())


def _checkers(history: History, path: Path, workloads: tuple[str, ...]) -> tuple[str, ...]:
    """The checkers that can judge a history. Raises UsageError, with its path, where there are none."""
    try:
        return checkers_for(history, workloads)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _anomalies(history: History, path: Path, workloads: tuple[str, ...]) -> list[Anomaly]:
    expected = level(history.info.expected or FOREIGN_EXPECTED)
    checkers = _checkers(history, path, workloads)
    verdicts = judge_history(history, expected, checkers=checkers, strict_evidence=False)
    return [anomaly for verdict in verdicts for anomaly in verdict.findings.anomalies]


def _write(out: Path, lines: Iterable[str]) -> None:
    try:
        write_atomically(out, "".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}; name another file with --out") from error
