"""Dependencies between transactions as a graph for other tools: DOT (Graphviz) and GraphML.

Nodes are transactions, edges the steps of proofs: each says why one must precede another. They are those of the
cycles of a verdict (`cycles_of`), or whatever a checker knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from harness.history import History
from harness.verdict import Anomaly, Step
from reports.values import show, show_op, visible

__all__ = ["cycles_of", "dot_lines", "graphml_lines"]

_QUOTES: Final = str.maketrans({'"': '\\"', "\\": "\\\\"})
_XML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_NODE_DATA: Final = ("client", "status", "operations")
_EDGE_DATA: Final = ("anomaly", "kind", "key", "sentence")
_GRAPHML: Final = 'xmlns="http://graphml.graphdrawing.org/xmlns"'


_Edge = tuple[str, Step]
"""A step, and the anomaly of which it is a part, if it is."""


def cycles_of(anomalies: Sequence[Anomaly]) -> tuple[list[int], list[_Edge]]:
    """The transactions of all witnesses, and the steps of their proofs."""
    edges = [(anomaly.name, step) for anomaly in anomalies for step in anomaly.steps]
    named = {row for anomaly in anomalies for row in anomaly.txns}
    return sorted(named | {row for _, step in edges for row in (step.before, step.after)}), edges


def dot_lines(history: History, rows: Iterable[int], edges: Iterable[_Edge]) -> Iterator[str]:
    """The lines of a directed graph for Graphviz, without line ends."""
    yield "digraph history {"
    yield "  node [shape=box];"
    for row in rows:
        client, status, operations = _node(history, row)
        label, tooltip = _quoted(f"T{row}: {operations}"), _quoted(f"client {client}, {status}")
        yield f'  T{row} [label="{label}", tooltip="{tooltip}"];'
    for name, step in edges:
        data = _why(name, step)
        label = _quoted(f"{data[1]} {data[2]}".strip())
        yield f'  T{step.before} -> T{step.after} [label="{label}", tooltip="{_quoted(data[3])}"];'
    yield "}"


def graphml_lines(history: History, rows: Iterable[int], edges: Iterable[_Edge]) -> Iterator[str]:
    """The lines of a GraphML document, without line ends. Every value is a string."""
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<graphml {_GRAPHML}>"
    for kind, names in (("node", _NODE_DATA), ("edge", _EDGE_DATA)):
        for name in names:
            yield f'  <key id="{name}" for="{kind}" attr.name="{name}" attr.type="string"/>'
    yield '  <graph id="history" edgedefault="directed">'
    for row in rows:
        yield f'    <node id="T{row}">{_data(_NODE_DATA, _node(history, row))}</node>'
    for number, (name, step) in enumerate(edges):
        ends = f'source="T{step.before}" target="T{step.after}"'
        yield f'    <edge id="e{number}" {ends}>{_data(_EDGE_DATA, _why(name, step))}</edge>'
    yield "  </graph>"
    yield "</graphml>"


def _node(history: History, row: int) -> tuple[str, str, str]:
    txn = history.txn(row)
    return str(txn.client), txn.status.name.lower(), visible("; ".join(map(show_op, txn.ops)))


def _why(name: str, step: Step) -> tuple[str, str, str, str]:
    key = "" if step.key is None else show(step.key)
    kind = f"{step.kind} (predicate)" if step.predicate else step.kind
    return name, kind, key, visible(step.sentence)


def _data(names: Sequence[str], values: Sequence[str]) -> str:
    return "".join(
        f'<data key="{name}">{value.translate(_XML)}</data>' for name, value in zip(names, values, strict=True)
    )


def _quoted(text: str) -> str:
    return text.translate(_QUOTES)
