"""Foreign histories: the fast way is the general one, what is written reads back, Elle's cases fold as counted."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from foreign_files import INVOKE, history_of, refusal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.build import build_history
from harness.edn import Keyword
from harness.edn_events import edn_events
from harness.edn_text import edn_text
from harness.events import Event, Regular
from harness.history import UNSEEN, Fault, History, Op, Status, Txn
from harness.history_file import HistoryText
from harness.interchange import HistoryFormatError, write_edn, write_jsonl

ROOT = Path(__file__).resolve().parents[2]


# The fast way is the same way


_words = st.sampled_from(
    [":x", ":y", ":nil-y", ":a/b", ":r", ":read", '"x"', '"z z"', '"nil"', "nil", "true", "sym", "null"]
)
_numbers = st.one_of(
    st.integers(-3, 40).map(str),
    st.sampled_from(["-0", "1.0", "2.5e3", "7N", "1/2", "1.5M", "123456789012345678901", "+1"]),
)
_leaves = st.one_of(_numbers, _numbers, _words)
_results = st.one_of(
    _leaves,
    st.lists(_numbers, max_size=4).map(lambda found: f"[{' '.join(found)}]"),
    st.lists(_leaves, max_size=4).map(lambda found: f"[{', '.join(found)}]"),
    st.lists(_leaves, max_size=2).map(lambda found: f"[[{'  '.join(found)}]]"),
    st.sampled_from(["#{1}", "{:a 1}", "[[:r 1]]", "(1 2)", '#inst "x"']),
)
_micro_ops = st.builds(
    "[{} {} {}]".format, st.sampled_from([":r", ":append", ":w", ":read", ":foo", "r", '"r"']), _leaves, _results
)
_op_values = st.one_of(st.just("nil"), st.lists(_micro_ops, max_size=3).map(lambda ops: f"[{' '.join(ops)}]"))
_lines = st.builds(
    str.format,
    st.sampled_from(
        [
            "{{:index 3, :type :{0}, :process {1}, :f {2}, :value {3}}}",
            "{{:index 3, :type :{0}, :process {1}, :f {2}, :value {3}, :error {4}}}",
            "{{:error {4}, :type :{0} :process {1}, :f {2}, :value {3}, :time 4, :node :n1}}",
            "#jepsen.history.Op{{:type :{0}, :value {3}, :process {1}, :f {2}, :time 9}}",
        ]
    ),
    st.sampled_from(["invoke", "ok", "info"]),
    st.sampled_from(["0", "17", "-1", ":nemesis"]),
    st.sampled_from([":txn", "nil", ":read"]),
    _op_values,
    st.sampled_from([":gone", "nil", '"a b"', '[:x "y z" 1]', "[:x  1]", "[(]", "[1N]", "{:a 1}", '[["a"]]', "[]"]),
)


def _one_by_one(events: Iterable[Event | Regular]) -> list[Event]:
    return [event for one in events for event in (one.events() if isinstance(one, Regular) else (one,))]


def _told(text: str, *, fast: bool) -> Any:
    """The events without their offsets, or the refusal."""
    try:
        return [repr(event._replace(at=0)) for event in _one_by_one(edn_events(HistoryText("f", text), fast=fast))]
    except HistoryFormatError as error:
        return str(error)


@given(st.lists(_lines, max_size=12), st.booleans())
@settings(max_examples=400, deadline=None)
def test_the_fast_way_reads_what_the_general_way_reads(lines: list[str], vector: bool) -> None:
    """Regular lines rewritten as JSON give the same events, and the same refusals, as the general reader."""
    text = "[" + "\n ".join(lines) + "]" if vector else "\n".join(lines)
    assert _told(text, fast=True) == _told(text, fast=False)


def test_names_outside_of_operations_with_a_meaning_are_not_compared() -> None:
    """A keyword of an unknown operation beside a string of a known one is no contradiction, either way."""
    lines = [
        f"{{:type :invoke, :process 0, :f {f}, :value {value}}}"
        for f, value in ((":txn", "nil"), (":txn", "[[:foo :x 0] [1 :y 0]]"), ("nil", '[[:r 0 "x"] [:r 0 "y"]]'))
    ]
    text = "\n".join([*lines[:1] * 3, *lines])
    assert isinstance(_told(text, fast=False), list)
    assert _told(text, fast=True) == _told(text, fast=False)


def test_regular_lines_do_take_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many regular lines the general reader sees only the first one of each kind."""
    seen = []
    real = edn_events.__globals__["_event"]
    monkeypatch.setitem(edn_events.__globals__, "_event", lambda *given: seen.append(1) or real(*given))
    text = (INVOKE + "{:type :ok, :process 0, :f :txn, :value [[:r :x [1 2]] [:append :x 1]], :index 4}\n") * 100
    assert len(_one_by_one(edn_events(HistoryText("f", text)))) == 200
    assert len(seen) == 2
    nemesis = "{:type :info, :process :nemesis, :f :kill, :value nil}\n"
    text = nemesis + text + "{:type :ok, :process 0, :f :txn, :value [[:w :x 1.5M]], :index 4}\n" + text
    seen.clear()
    assert len(_one_by_one(edn_events(HistoryText("f", text)))) == 402
    assert 3 <= len(seen) <= 10


# Out and back


_plain_values = st.one_of(
    st.integers(-5, 5),
    st.integers(),
    st.booleans(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.tuples(st.integers(0, 3), st.text(max_size=1)),
    st.dictionaries(st.text(max_size=1), st.integers(), max_size=2),
)
_any_keys = st.one_of(st.sampled_from(["x", "y", 1]), _plain_values)
_register_reads = st.one_of(st.none(), st.just(UNSEEN), _plain_values)
_list_reads = st.one_of(_register_reads, st.lists(_plain_values, max_size=4))
_scans = st.one_of(st.just(UNSEEN), st.dictionaries(st.integers(0, 5), _plain_values, max_size=3))


def _ops(reads: st.SearchStrategy[Any], write: str) -> st.SearchStrategy[list[Op]]:
    return st.lists(
        st.one_of(
            st.builds(Op, st.just("r"), _any_keys, reads),
            st.builds(Op, st.just(write), _any_keys, _plain_values),
            st.builds(Op, st.just("delete"), _any_keys, st.none()),
            st.builds(Op, st.just("scan"), st.one_of(st.just("k"), st.tuples(st.integers(), st.integers())), _scans),
            st.builds(
                Op, st.just("incr"), _any_keys, st.one_of(st.integers(), st.tuples(st.integers(), st.integers()))
            ),
            st.builds(Op, st.just("cas"), _any_keys, st.tuples(_plain_values, _plain_values, st.booleans())),
            st.builds(Op, st.just("dequeue"), _any_keys, st.one_of(st.none(), st.just(UNSEEN), _plain_values)),
            st.builds(
                Op,
                st.sampled_from(["sql", "enqueue", "ack", "nack", "add_edge", "traverse"]),
                _any_keys,
                st.tuples(_plain_values, st.one_of(st.none(), _plain_values)),
            ),
            st.builds(
                Op,
                st.sampled_from(["make_queue", "make_vectors", "add_node", "delete_node"]),
                _any_keys,
                _plain_values,
            ),
        ),
        max_size=4,
    )


@st.composite
def _histories(draw: st.DrawFn) -> History:
    """Histories whose clients do one transaction at a time, with many equal moments among different clients."""
    write = draw(st.sampled_from(["append", "w"]))
    ops = _ops(_list_reads if write == "append" else _register_reads, write)
    txns = []
    for client in range(draw(st.integers(0, 4))):
        moment = draw(st.integers(-2, 2))
        for _ in range(draw(st.integers(0, 3))):
            start = moment + draw(st.integers(1, 2))
            moment = start + draw(st.integers(0, 3))
            error = draw(st.sampled_from(["", "refused: \u00e9"]))
            txns.append(Txn(0, client, tuple(draw(ops)), draw(st.sampled_from(Status)), start, moment, error))
    txns.insert(0, Txn(0, 9, (Op(write, "x", 0),), Status.OK, -9, -8))
    faults = [Fault("kill", 1, 2, "n1"), Fault("pause", 1, 5)] if draw(st.booleans()) else []
    return build_history(txns, faults=faults, cut=draw(st.sampled_from(["", "its end is missing"])))


def _facts(history: History) -> list[Any]:
    """What has to survive: everything but the moments, in the order of (client, start)."""
    found = [(t.client, t.start, repr((t.status, t.ops, t.error))) for t in history.txns()]
    return [(client, ops) for client, _, ops in sorted(found)]


def _overlaps(history: History) -> list[tuple[str, str]]:
    """Which transactions of different clients overlap, as closed intervals."""
    number: dict[int, int] = {}
    named = []
    for txn in history.txns():
        number[txn.client] = number.get(txn.client, 0) + 1
        named.append((f"{txn.client}.{number[txn.client]}", txn))
    return sorted(
        (min(a, b), max(a, b))
        for a, s in named
        for b, t in named
        if s.client != t.client and s.start <= t.end and t.start <= s.end
    )


@given(_histories())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_a_history_written_and_read_is_the_same(tmp_path: Path, history: History) -> None:
    """Both notations bring back every transaction, fault and the note of a cut, and what overlapped still does."""
    for notation, write in (("jsonl", write_jsonl), ("edn", write_edn)):
        again = history_of(tmp_path, "\n".join(write(history)), format=notation)
        assert _facts(again) == _facts(history)
        assert _overlaps(again) == _overlaps(history)
        assert [(f.name, f.detail) for f in again.faults] == [(f.name, f.detail) for f in history.faults]
        assert again.cut == history.cut


def test_what_a_model_answered_joins_what_was_asked(tmp_path: Path) -> None:
    """Calls of data models are asked with their argument, answered with both, and known to be unanswered else."""
    ops = (Op("enqueue", "q", ("task1", 7)), Op("dequeue", "q", (7, "task1", 1, "c7")), Op("ack", "q", ("c7", True)))
    lost = (Op("enqueue", "q", ("task2", None)), Op("dequeue", "q", UNSEEN))
    history = build_history([Txn(0, 0, ops, Status.OK, 1, 2), Txn(0, 1, lost, Status.UNKNOWN, 3, 4)])
    lines = list(write_jsonl(history))
    asked, answered = (json.loads(line)["value"] for line in lines[:2])
    assert asked == [["enqueue", "q", "task1"], ["dequeue", "q", None], ["ack", "q", "c7"]]
    assert answered == [
        ["enqueue", "q", ["task1", 7]],
        ["dequeue", "q", [7, "task1", 1, "c7"]],
        ["ack", "q", ["c7", True]],
    ]
    again = history_of(tmp_path, "\n".join(lines[:3]))
    assert [txn.ops for txn in again.txns()] == [ops, lost]


def test_the_lines_that_are_written() -> None:
    """The lines have Jepsen's fields in a fixed order, reads asked and answered, and marks only where needed."""
    ops = (Op("append", "x", 1), Op("r", "x", [1]), Op("r", "y", None), Op("incr", "n", (2, 5)))
    history = build_history([Txn(0, 3, ops, Status.UNKNOWN, 10, 20, "lost")])
    assert list(write_jsonl(history)) == [
        '{"index":0,"time":10,"process":3,"type":"invoke","f":"txn",'
        '"value":[["append","x",1],["r","x",null],["r","y",null],["incr","n",2]]}',
        '{"index":1,"time":20,"process":3,"type":"info","f":"txn",'
        '"value":[["append","x",1],["r","x",[1]],["r","y",null,"seen"],["incr","n",[2,5]]],"error":"lost"}',
    ]
    assert next(write_edn(history)) == (
        "{:index 0, :time 10, :process 3, :type :invoke, :f :txn, "
        ':value [[:append "x" 1] [:r "x" nil] [:r "y" nil] [:incr "n" 2]]}'
    )


def test_touching_intervals_still_touch(tmp_path: Path) -> None:
    """Where one transaction ends at the moment another starts, they overlap before and after."""
    txns = [
        Txn(0, 0, (Op("w", "x", 1),), Status.OK, 0, 5),
        Txn(0, 1, (Op("w", "x", 2),), Status.OK, 5, 9),
        Txn(0, 2, (Op("w", "x", 3),), Status.OK, 6, 6),
    ]
    again = history_of(tmp_path, "\n".join(write_jsonl(build_history(txns))))
    assert [(t.client, t.start, t.end) for t in again.txns()] == [(0, 0, 2), (1, 1, 5), (2, 3, 4)]


def test_keywords_are_printed_where_jepsen_has_them() -> None:
    """A nemesis is a keyword, the name of its disturbance a string, which may hold anything."""
    history = build_history([], faults=[Fault("kill -9", 0, 1)])
    assert list(write_edn(history))[1] == (
        '{:index 1, :time 1, :process :nemesis, :type :info, :f "kill -9", :value nil}'
    )
    assert edn_text(Keyword("a")) == ":a"


# Recorded by others


CONFORMANCE = Path(os.environ.get("ANOMALIST_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
ELLE_CASES = CONFORMANCE / "elle_cases.json"


def _elle_cases() -> list[Any]:
    return msgspec.json.decode(ELLE_CASES.read_bytes()) if ELLE_CASES.is_file() else []


def _counted(operations: list[dict[str, Any]]) -> Counter[str]:
    """Transactions by status, counted by hand: completions, and invocations that nothing completes."""
    counts: Counter[str] = Counter()
    open_by_process: Counter[Any] = Counter()
    for operation in operations:
        kind, process = operation["type"], operation["process"]
        if kind == "invoke":
            open_by_process[process] += 1
        else:
            counts[{"ok": "OK", "fail": "ABORTED", "info": "UNKNOWN"}[kind]] += 1
            open_by_process[process] -= open_by_process[process] > 0
    return counts + Counter({"UNKNOWN": open_by_process.total()})


def _has_other_predicate(case: dict[str, Any]) -> bool:
    values = [op["value"] for op in case["history"] if isinstance(op["value"], list)]
    return any(micro_op[0] == "rp" and micro_op[1] != "true" for value in values for micro_op in value)


@pytest.mark.skipif(
    not ELLE_CASES.is_file(), reason="no elle_cases.json; set ANOMALIST_CONFORMANCE to the conformance folder"
)
def test_the_histories_of_elles_tests_fold_to_what_they_hold(tmp_path: Path) -> None:
    """Every case gives as many transactions of each status as it holds; only unknown predicates are refused."""
    cases = _elle_cases()
    refused = 0
    for case in cases:
        lines = "\n".join(msgspec.json.encode(one).decode() for one in case["history"])
        if _has_other_predicate(case):
            assert "predicate true" in refusal(tmp_path, lines)
            refused += 1
            continue
        history = history_of(tmp_path, lines)
        assert Counter(txn.status.name for txn in history.txns()) == _counted(case["history"]), case["name"]
        if case["kind"] == "list-append":
            assert history.info.workload == "list-append", case["name"]
            reads = [op.value for txn in history.txns() for op in txn.ops if op.kind == "r"]
            assert all(isinstance(value, list) or value is UNSEEN for value in reads), case["name"]
    assert (len(cases), refused) == (295, 4)
