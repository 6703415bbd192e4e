"""What is written for other tools keeps their rules: EDN that Elle reads, DOT that Graphviz reads, GraphML."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.build import build_history
from harness.edn import EdnReader, Keyword
from harness.history import UNSEEN, Fault, History, Op, RunInfo, Status, Txn
from harness.interchange import write_edn
from harness.verdict import Anomaly, Step
from reports.graph_text import cycles_of, dot_lines, graphml_lines

_ops = st.one_of(
    st.builds(Op, st.just("append"), st.sampled_from(["x", 1]), st.integers(1, 9)),
    st.builds(Op, st.just("r"), st.sampled_from(["x", 1]), st.one_of(st.just(UNSEEN), st.lists(st.integers(1, 9)))),
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Clients that do one transaction at a time, with equal moments also of one client, and disturbances."""
    txns = []
    for client in range(draw(st.integers(0, 3))):
        moment = draw(st.integers(0, 2))
        for _ in range(draw(st.integers(0, 4))):
            start = moment + draw(st.integers(0, 2))
            moment = start + draw(st.integers(0, 2))
            ops = tuple(draw(st.lists(_ops, max_size=3)))
            txns.append(Txn(0, client, ops, draw(st.sampled_from(Status)), start, moment))
    faults = [Fault("kill", 1, 2, "n1")] if draw(st.booleans()) else []
    return build_history(txns, RunInfo(workload="list-append"), faults=faults)


def operations_of(history: History) -> list[dict[Any, Any]]:
    """What a reader of EDN sees."""
    reader = EdnReader("\n".join(write_edn(history)))
    found = []
    while reader.read():
        found.append(reader.value)
    return found


@given(histories())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_edn_keeps_the_rules_of_jepsens_histories(history: History) -> None:
    """Fields are keywords, indices dense, times ordered, types known, and each client has one open operation."""
    open_by_process: dict[Any, list[Any]] = {}
    time = -1
    for index, operation in enumerate(operations_of(history)):
        assert all(isinstance(key, Keyword) for key in operation)
        fields = {key.name: value for key, value in operation.items()}
        assert fields.keys() - {"error"} == {"index", "time", "process", "type", "f", "value"}
        assert fields["index"] == index
        assert type(fields["time"]) is int
        assert fields["time"] >= time
        time = fields["time"]
        kind, process = fields["type"].name, fields["process"]
        if process == Keyword("nemesis"):
            assert kind == "info"
            continue
        assert type(process) is int
        assert fields["f"] == Keyword("txn")
        names = [micro_op[0].name for micro_op in fields["value"]]
        keys = [micro_op[1] for micro_op in fields["value"]]
        if kind == "invoke":
            assert process not in open_by_process, "a client invoked while it was busy"
            assert all(micro_op[2] is None for micro_op in fields["value"] if micro_op[0].name == "r")
            open_by_process[process] = (names, keys)
        else:
            assert kind in {"ok", "fail", "info"}
            assert open_by_process.pop(process) == (names, keys), "a completion that nothing invoked"
    assert open_by_process == {}


_HOSTILE = '"><script>&\\ \n\x00\u202e'


def _graph() -> tuple[History, list[int], list[tuple[str, Step]]]:
    txns = [
        Txn(0, 3, (Op("r", "y", []), Op("append", _HOSTILE, 1)), Status.OK, 0, 3),
        Txn(0, 4, (Op("r", _HOSTILE, []), Op("append", "y", 1)), Status.OK, 1, 2),
        Txn(0, 5, (Op("append", "z", 1),), Status.OK, 4, 5),
    ]
    steps = (
        Step("rw", 0, 1, "y", 1, "T0 missed it."),
        Step("rw", 1, 0, _HOSTILE, 1, f"T1 missed {_HOSTILE}", predicate=True),
    )
    lone = Anomaly(name="G1a", txns=(1,), steps=(), refutes=(), sentence="")
    cycle = Anomaly(name="G2-item", txns=(0, 1), steps=steps, refutes=(), sentence="")
    return build_history(txns), *cycles_of([cycle, lone])


def test_graphml_is_xml_with_each_transaction_and_step_once() -> None:
    """A reader of XML finds the nodes and the edges with their data, whatever the keys hold."""
    text = "\n".join(graphml_lines(*_graph()))
    space = {"g": "http://graphml.graphdrawing.org/xmlns"}
    root = ElementTree.fromstring(text)  # noqa: S314  It is our own.
    nodes = {node.get("id"): [data.text for data in node] for node in root.findall(".//g:node", space)}
    assert nodes.keys() == {"T0", "T1"}
    assert nodes["T0"][:2] == ["3", "ok"]
    edges = [
        (edge.get("source"), edge.get("target"), {data.get("key"): data.text for data in edge})
        for edge in root.findall(".//g:edge", space)
    ]
    assert [(source, target) for source, target, _ in edges] == [("T0", "T1"), ("T1", "T0")]
    assert edges[0][2] == {"anomaly": "G2-item", "kind": "rw", "key": "y", "sentence": "T0 missed it."}
    assert edges[1][2]["kind"] == "rw (predicate)"
    assert "<script>" in str(edges[1][2]["sentence"])
    keys = {key.get("id") for key in root.findall("g:key", space)}
    assert {data.get("key") for data in root.iter(f"{{{space['g']}}}data")} <= keys


def test_dot_quotes_what_it_shows() -> None:
    """Each line of the graph is one statement, with every quote inside a label escaped."""
    lines = list(dot_lines(*_graph()))
    assert lines[0] == "digraph history {"
    assert lines[-1] == "}"
    assert '  T0 -> T1 [label="rw y", tooltip="T0 missed it."];' in lines
    assert len(lines) == 2 + 1 + 2 + 2
    for line in lines:
        assert "\n" not in line
        assert line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 0
