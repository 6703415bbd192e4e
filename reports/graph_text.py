"""The cycles of a verdict as a graph for other tools: DOT (Graphviz) and GraphML.

Nodes are the transactions of the witnesses, edges the steps of their proofs: each says why one must precede another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harness.history import History
from harness.verdict import Anomaly, Step
from reports.values import show, show_op, visible

__all__ = ["dot_lines", "graphml_lines"]

_QUOTES: Final = str.maketrans({'"': '\\"', "\\": "\\\\"})
_XML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_NODE_DATA: Final = ("client", "status", "operations")
_EDGE_DATA: Final = ("anomaly", "kind", "key", "sentence")
_GRAPHML: Final = 'xmlns="http://graphml.graphdrawing.org/xmlns"'


def dot_lines(history: History, anomalies: Sequence[Anomaly]) -> Iterator[str]:
    """The lines of a directed graph for Graphviz, without line ends."""
    yield "digraph history {"
    yield "  node [shape=box];"
    for row in _rows(anomalies):
        client, status, operations = _node(history, row)
        label, tooltip = _quoted(f"T{row}: {operations}"), _quoted(f"client {client}, {status}")
        yield f'  T{row} [label="{label}", tooltip="{tooltip}"];'
    for step, data in _edges(anomalies):
        label = _quoted(f"{data[1]} {data[2]}".strip())
        yield f'  T{step.before} -> T{step.after} [label="{label}", tooltip="{_quoted(data[3])}"];'
    yield "}"


def graphml_lines(history: History, anomalies: Sequence[Anomaly]) -> Iterator[str]:
    """The lines of a GraphML document, without line ends. Every value is a string."""
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<graphml {_GRAPHML}>"
    for kind, names in (("node", _NODE_DATA), ("edge", _EDGE_DATA)):
        for name in names:
            yield f'  <key id="{name}" for="{kind}" attr.name="{name}" attr.type="string"/>'
    yield '  <graph id="history" edgedefault="directed">'
    for row in _rows(anomalies):
        yield f'    <node id="T{row}">{_data(_NODE_DATA, _node(history, row))}</node>'
    for number, (step, data) in enumerate(_edges(anomalies)):
        ends = f'source="T{step.before}" target="T{step.after}"'
        yield f'    <edge id="e{number}" {ends}>{_data(_EDGE_DATA, data)}</edge>'
    yield "  </graph>"
    yield "</graphml>"


def _rows(anomalies: Sequence[Anomaly]) -> list[int]:
    steps = [step for anomaly in anomalies for step in anomaly.steps]
    named = {row for anomaly in anomalies for row in anomaly.txns}
    return sorted(named | {row for step in steps for row in (step.before, step.after)})


def _node(history: History, row: int) -> tuple[str, str, str]:
    txn = history.txn(row)
    return str(txn.client), txn.status.name.lower(), visible("; ".join(map(show_op, txn.ops)))


def _edges(anomalies: Sequence[Anomaly]) -> Iterator[tuple[Step, tuple[str, str, str, str]]]:
    for anomaly in anomalies:
        for step in anomaly.steps:
            key = "" if step.key is None else show(step.key)
            kind = f"{step.kind} (predicate)" if step.predicate else step.kind
            yield step, (anomaly.name, kind, key, visible(step.sentence))


def _data(names: Sequence[str], values: Sequence[str]) -> str:
    return "".join(
        f'<data key="{name}">{value.translate(_XML)}</data>' for name, value in zip(names, values, strict=True)
    )


def _quoted(text: str) -> str:
    return text.translate(_QUOTES)
