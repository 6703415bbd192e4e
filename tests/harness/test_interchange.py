"""Foreign files become the history they tell, ours survive the way out and back, malformed ones are refused."""

from __future__ import annotations

import gc
import re
from pathlib import Path
from typing import Any

import pytest
from foreign_files import INVOKE, history_of, refusal, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.history import UNSEEN, Fault
from harness.interchange import HistoryFormatError, read_history

ROOT = Path(__file__).resolve().parents[2]


# What a file tells


def test_the_example_of_the_format_page(tmp_path: Path) -> None:
    """The example in the page about the format is the history that the page says it is."""
    page = (ROOT / "docs" / "HISTORY_FORMAT.md").read_text(encoding="utf-8")
    example = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert example is not None
    history = history_of(tmp_path, example[1])
    assert rows(history) == [
        (0, "OK", 0, 2, [("r", "x", []), ("append", "x", 1)], ""),
        (1, "UNKNOWN", 1, 4, [("append", "x", 2), ("append", "y", 1)], "connection reset"),
        (2, "ABORTED", 6, 7, [("append", "y", 2)], "serialization failure"),
        (0, "OK", 8, 9, [("r", "x", [1, 2]), ("r", "y", [1])], ""),
    ]
    assert history.faults == (Fault("kill", 3, 5, "n1"),)
    info = history.info
    assert (info.suite, info.workload, info.target, info.clock) == ("check", "list-append", "recorded", "positions")
    assert (info.foreign, info.clients, info.command, info.target_version) == (True, 3, "", "")


def test_the_edn_example_of_the_format_page(tmp_path: Path) -> None:
    """The EDN example of the page is read, tag included, and keywords become their names."""
    page = (ROOT / "docs" / "HISTORY_FORMAT.md").read_text(encoding="utf-8")
    example = re.search(r"```clojure\n(.*?)```", page, re.DOTALL)
    assert example is not None
    expected = [(0, "OK", 0, 1, [("r", "x", [1, 2]), ("append", "x", 3)], "")]
    assert rows(history_of(tmp_path, example[1])) == expected
    assert rows(history_of(tmp_path, f"; all\n[{example[1]}]\n; done\n")) == expected
    assert rows(history_of(tmp_path, f"({example[1]})", format="edn")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # An ok without a value: what was asked, its reads unseen.
        (INVOKE + "{:type :ok :process 0 :f :txn}", ("OK", 0, 1, [("r", "x", UNSEEN), ("append", "x", 1)])),
        # A nil that was answered in a list-append history is the empty list, with or without a third part.
        (
            INVOKE + "{:type :ok :process 0 :value [[:r :x] [:append :x 1] [:r :y nil]]}",
            ("OK", 0, 1, [("r", "x", []), ("append", "x", 1), ("r", "y", [])]),
        ),
        # A failure is told by the invocation, whatever its own value is.
        (
            INVOKE + "{:type :fail :process 0 :f :txn :value :conflict}",
            ("ABORTED", 0, 1, [("r", "x", UNSEEN), ("append", "x", 1)]),
        ),
        (
            INVOKE + "{:type :fail :process 0 :f :txn :value [[:r :y [1]]]}",
            ("ABORTED", 0, 1, [("r", "x", UNSEEN), ("append", "x", 1)]),
        ),
        (
            INVOKE + "{:type :fail :process 0 :f :txn :value [[:r :x [7]] [:append :x 1]]}",
            ("ABORTED", 0, 1, [("r", "x", [7]), ("append", "x", 1)]),
        ),
        # Of unknown fate: what its own value says, reads of nil unseen, others kept.
        (
            INVOKE + "{:type :info :process 0 :f :txn :value [[:r :x [5]] [:append :x 1] [:r :z nil]]}",
            ("UNKNOWN", 0, 1, [("r", "x", [5]), ("append", "x", 1), ("r", "z", UNSEEN)]),
        ),
        (
            INVOKE + "{:type :info :process 0 :f :txn :value :timed-out}",
            ("UNKNOWN", 0, 1, [("r", "x", UNSEEN), ("append", "x", 1)]),
        ),
        # Never completed: it runs beyond the last operation.
        (INVOKE + "{:type :info :process 9 :f :log}", ("UNKNOWN", 0, 2, [("r", "x", UNSEEN), ("append", "x", 1)])),
        # A completion without an invocation is a point.
        ("{:type :info :process 0 :value [[:append 1 2]]}", ("UNKNOWN", 0, 0, [("append", 1, 2)])),
        ("{:type :fail :process 0 :f :txn :value nil}", ("ABORTED", 0, 0, [])),
    ],
)
def test_how_an_invocation_and_its_completion_fold(tmp_path: Path, text: str, expected: Any) -> None:
    """Each way in which a transaction can complete gives the operations that are known of it."""
    assert [row[1:5] for row in rows(history_of(tmp_path, text))] == [expected]


def test_order_is_position_and_not_time_or_index(tmp_path: Path) -> None:
    """The fields time and index do not change the order of the file."""
    text = "{:index 7, :time 90, :type :ok, :process 1, :f :txn, :value [[:w 1 1]]}\n" * 2
    text += "{:index 1, :time 10, :type :ok, :process 2, :f :txn, :value [[:w 1 2]]}\n"
    assert [row[:4] for row in rows(history_of(tmp_path, text))] == [
        (1, "OK", 0, 0),
        (1, "OK", 1, 1),
        (2, "OK", 2, 2),
    ]


def test_a_client_that_overlaps_itself_is_kept_as_it_is(tmp_path: Path) -> None:
    """Two open transactions of one process both stay, each with its own completion, and their intervals overlap."""
    text = """{:type :invoke :process 0 :f :txn :value [[:append :x 1]]}
    {:type :invoke :process 0 :f :txn :value [[:append :y 1]]}
    {:type :ok :process 0 :f :txn :value [[:append :y 1]]}
    {:type :fail :process 0 :f :txn :value [[:append :x 1]]}"""
    assert [row[1:5] for row in rows(history_of(tmp_path, text))] == [
        ("ABORTED", 0, 3, [("append", "x", 1)]),
        ("OK", 1, 2, [("append", "y", 1)]),
    ]


def test_a_second_invocation_leaves_the_first_open_to_the_end(tmp_path: Path) -> None:
    """Where one of two overlapping transactions never completes, it is of unknown fate and runs to the end."""
    text = """{:type :invoke :process 0 :f :txn :value [[:append :x 1]]}
    {:type :invoke :process 0 :f :txn :value [[:append :y 1]]}
    {:type :ok :process 0 :f :txn :value [[:append :y 1]]}"""
    assert [row[1:4] for row in rows(history_of(tmp_path, text))] == [("UNKNOWN", 0, 3), ("OK", 1, 2)]


def test_named_clients_get_numbers_after_the_others(tmp_path: Path) -> None:
    """A process with a name is a client with the next free number; whole numbers stay."""
    text = "".join(
        f'{{"process": {process}, "type": "ok", "f": "txn", "value": [["w", 1, {n}]]}}\n'
        for n, process in enumerate(['"b"', "7", '"a"', '"b"', "-1", '"7"'])
    )
    history = history_of(tmp_path, text)
    assert history.client.tolist() == [8, 7, 9, 8, -1, 10]
    assert history.client.dtype == "int32"


def test_operations_of_clients_that_are_no_transactions_are_left_out(tmp_path: Path) -> None:
    """Calls of other data types and log lines are no transactions, but they hold their positions."""
    text = """{:type :invoke :process 0 :f :read :value nil}
    {:type :ok :process 0 :f :read :value [1 2 3]}
    {:type :invoke :process 0 :f :cas :value [1 2]}
    {:type :fail :process 0 :f :cas :value [1 2]}
    {:type :info :process :logger :f :log :value "hello"}
    {:type :ok :process 0 :f :mixed :value [[:w 1 2]]}"""
    assert rows(history_of(tmp_path, text)) == [(0, "OK", 5, 5, [("w", 1, 2)], "")]


def test_nemesis_operations_become_faults(tmp_path: Path) -> None:
    """Pairs of operations of the nemesis with the same f are faults; the last of an odd number runs to the end."""
    text = """{:type :info :process :nemesis :f :start :value nil}
    {:type :info :process :nemesis :f :start :value {:isolated #{"n1"}}}
    {:type :ok :process 1 :value [[:w 1 1]]}
    {:type :info :process :nemesis :f :stop :value [:a "b"]}"""
    history = history_of(tmp_path, text)
    assert history.faults == (Fault("start", 0, 1, '{:isolated #{"n1"}}'), Fault("stop", 3, 4, '[:a "b"]'))
    assert len(history) == 1


def test_an_init_operation_writes_each_key(tmp_path: Path) -> None:
    """The initial state that some histories begin with is a transaction of writes."""
    text = (
        "{:type :invoke :process 0 :f :init :value {:x 0, 5 1}}\n{:type :ok :process 0 :f :init :value {:x 0, 5 1}}"
    )
    assert rows(history_of(tmp_path, text)) == [(0, "OK", 0, 1, [("w", "x", 0), ("w", 5, 1)], "")]


@pytest.mark.parametrize(
    ("value", "workload", "read"),
    [
        ('[["append", "y", 1], ["r", "x", null]]', "list-append", []),
        ('[["w", "y", 1], ["r", "x", null]]', "rw-register", None),
        ('[["w", "y", 1], ["r", "x", [1, [2]]]]', "rw-register", (1, (2,))),
        ('[["r", "y", [1]], ["r", "x", null]]', "list-append", []),
        ('[["read", "y", 1], ["read", "x", null]]', "rw-register", None),
        ('[["r", "y", [1]], ["w", "z", 1], ["append", "z", 1], ["r", "x", null]]', "list-append", []),
    ],
)
def test_the_workload_decides_what_a_read_saw(tmp_path: Path, value: str, workload: str, read: Any) -> None:
    """The operations tell the workload, and with it whether nil and lists are lists or values."""
    history = history_of(tmp_path, f'{{"process": 0, "type": "ok", "f": "txn", "value": {value}}}')
    assert history.info.workload == workload
    assert next(op.value for op in history.txn(0).ops if op.key == "x") == read


def test_a_given_workload_overrides_the_operations(tmp_path: Path) -> None:
    """The caller's workload decides, also against what the operations look like; others are kept by name."""
    text = '{"process": 0, "type": "ok", "f": "txn", "value": [["r", "x", null]]}'
    appended = history_of(tmp_path, text, workload="list-append")
    register = history_of(tmp_path, text, workload="long-fork")
    assert (appended.info.workload, appended.txn(0).ops[0].value) == ("list-append", [])
    assert (register.info.workload, register.txn(0).ops[0].value) == ("long-fork", None)


def test_a_predicate_read_of_everything_is_a_scan(tmp_path: Path) -> None:
    """A predicate that is always true is the prefix of every key; any other is refused by name."""
    text = "{:process 0 :type :ok :value [[:rp :true {:x 1}] [:insert :z 2] [:delete :x] [:scan [1 5] {2 [3]}]]}"
    assert rows(history_of(tmp_path, text))[0][4] == [
        ("scan", "", {"x": 1}),
        ("w", "z", 2),
        ("delete", "x", None),
        ("scan", (1, 5), {2: (3,)}),
    ]
    assert "predicate true" in refusal(tmp_path, "{:process 0 :type :ok :value [[:rp [:= 1] {:x 1}]]}")


def test_values_that_only_edn_has_keep_their_content(tmp_path: Path) -> None:
    """Tagged values, decimals and ratios become lists that name their sort."""
    text = '{:process 0 :type :ok :value [[:w #inst "2020" 1.5M] [:w 1/2 #{1}] [:w \\a #anomalist/bytes "00ff"]]}'
    assert rows(history_of(tmp_path, text))[0][4] == [
        ("w", ("#inst", "2020"), ("#Decimal", "1.5")),
        ("w", ("#Fraction", "1/2"), ("#set", 1)),
        ("w", "a", b"\x00\xff"),
    ]


@pytest.mark.parametrize("text", ["", " \n\n", "[]", "[\n]", "{}", "; nothing\n", "()"])
def test_a_file_without_operations_is_an_empty_history(tmp_path: Path, text: str) -> None:
    """A file without operations is a history of zero transactions in every notation."""
    if text == "{}":
        assert "no type" in refusal(tmp_path, text)
    else:
        assert len(history_of(tmp_path, text)) == 0


def test_a_byte_order_mark_and_windows_line_ends_are_understood(tmp_path: Path) -> None:
    """Files from other systems are read like any other."""
    text = '\ufeff{"process": 0, "type": "ok", "value": [["w", 1, 1]]}\r\n\r\n' * 1
    assert len(history_of(tmp_path, text)) == 1
    edn = "{:type :ok, :process 0, :f :txn, :value [[:w 1 1]]}\r\n" * 3
    assert len(history_of(tmp_path, edn)) == 3


# Notations


OPERATION = '{"process": 0, "type": "ok", "f": "txn", "value": [["w", "x", 1]]}'


@pytest.mark.parametrize(
    "text",
    [
        OPERATION,
        f"\n\n  {OPERATION}\n\n",
        f"[{OPERATION}]",
        f" [\n {OPERATION}\n]\n",
        "{:process 0 :type :ok :f :txn :value [[:w :x 1]]}",
        '{"process" 0, "type" :ok, "f" "txn", "value" [["w" "x" 1]]}',
        '{"type" :ok, "process" 0, "value" (("w" x 1))}',
        "#jepsen.history.Op{:process 0 :type :ok :f :txn :value [[:write :x 1]]}",
        "[{:process 0 :type :ok :f :txn :value [[:w :x 1]]}]",
    ],
)
def test_the_notation_is_found_from_the_content(tmp_path: Path, text: str) -> None:
    """JSON lines, a JSON array and EDN are told apart without looking at the file's name."""
    assert rows(history_of(tmp_path, text)) == [(0, "OK", 0, 0, [("w", "x", 1)], "")]


def test_an_unknown_format_is_named_with_the_known_ones(tmp_path: Path) -> None:
    """A format that does not exist is a plain ValueError that lists those that do."""
    with pytest.raises(ValueError, match="unknown history format 'xml'; known formats: auto, edn, jsonl, json"):
        history_of(tmp_path, "", format="xml")


def test_a_given_format_is_not_second_guessed(tmp_path: Path) -> None:
    """Content in another notation than the given one is an error, not a guess."""
    assert "line 1" in refusal(tmp_path, OPERATION, format="json")
    assert "line 1" in refusal(tmp_path, "{:type :ok}", format="jsonl")


def test_reading_leaves_the_cycle_collector_as_it_was(tmp_path: Path) -> None:
    """The cycle collector runs again after a file was read, and after one was refused."""
    history_of(tmp_path, OPERATION)
    refusal(tmp_path, "[1]")
    assert gc.isenabled()


# Refusals


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("\0\1", ["given is not a history", "binary"]),
        ("<xml/>", ["given is not a history", "begins with '<xml/>'"]),
        ("{:type :ok}\n[1 2", ["given, line 2, column 1", "cut off", "copy the whole file again"]),
        ("[{:type :ok :process 0}\n{:type :ok :process 0}", ["given, line 1, column 1", "cut off"]),
        (INVOKE * 3 + INVOKE[:30], ["given, line 4, column 1", "cut off"]),
        ("[{:type :ok :process 0}] {}", ["line 1, column 26", "something follows"]),
        (INVOKE + "\n\n {:type :ok ]", ["line 4, column 13", "] closes the open {", "correct or delete"]),
        (INVOKE + "{:type :done}", ["line 2, column 1", "the type 'done'", "invoke, ok, fail or info"]),
        (INVOKE + "{:process 1}", ["line 2, column 1", "no type"]),
        (INVOKE + "5", ["line 2, column 1", "not an operation"]),
        (INVOKE + "{:type :ok :process 1 :f :txn :value 7}", ["line 2", "not a list of micro-operations"]),
        (INVOKE + "{:type :ok :process 1 :f :txn :value [[:pop 1]]}", ["line 2", "'pop' is unknown", "append"]),
        (INVOKE + "{:type :ok :process 1 :f :txn :value [[:r]]}", ["line 2", "not of the form", '["r"]']),
        (INVOKE + "{:type :ok :process 1 :f :txn :value [[:r 1 2 3]]}", ["line 2", "fourth part"]),
        (INVOKE + "{:type :ok :process 1 :f :txn :value [[:scan 1 2]]}", ["line 2", "list of pairs"]),
        ("{:type :ok :f :txn :value [[:r 1]]}", ["line 1", "no process"]),
        ("{:type :ok :process 4294967296 :f :txn :value [[:r 1]]}", ["line 1", "32 bits"]),
        (INVOKE + '{:type :ok :process 1 :value [[:w "x" 1]]}', ["line 2", "'x' stands here as a string"]),
        ("{:type :ok :value " + "[" * 500, ["line 1", "nested more than 100"]),
        (f"{OPERATION}\n" + '{"type": "ok", ', ["line 2, column 1", "cut off", "delete this line"]),
        (f'{OPERATION}\n{{"type": ok}}\n{OPERATION}', ["line 2, column 10", "malformed", "write each operation"]),
        (f'{OPERATION}\n{{"type": "é', ["line 2", "cut off"]),
        (f'{OPERATION}\n{{"type": "ok"\n{OPERATION}', ["line 2, column 1", "truncated"]),
        (f'{OPERATION}\n{{"process": 1}}', ["line 2", "no type"]),
        (f"{OPERATION}\n7", ["line 2", "expected `object`"]),
        (f'[{OPERATION}, {{"type": "x"}}]', ["operation 2", "the type 'x'"]),
        (f"[{OPERATION},", ["line 1", "cut off"]),
        (f"[{OPERATION},\n x]", ["line 2, column 2", "malformed"]),
        ('{"type": "ok", "process": 0, "value": ' + "[" * 100_000, ["nested too deep"]),
        ('{"type": "ok", "process": 0, "value": [["w", 1, ' + "[" * 700 + "]" * 700 + "]]}", ["nested too deep"]),
        ('{"type": "ok", "process": 0, "value": [["w", 1, {"#bytes": "*"}]]}', ["line 1", "base64"]),
    ],
)
def test_a_malformed_file_is_one_sentence_with_its_place(tmp_path: Path, text: str, parts: list[str]) -> None:
    """Every way to be malformed or cut is an error that names the file, the place, the fault and the remedy."""
    sentence = refusal(tmp_path, text)
    assert sentence.startswith("given")
    assert [part for part in parts if part not in sentence] == [], sentence


_WHOLE = f"{INVOKE}{OPERATION}\n[" + INVOKE.replace(":x", '"a b"').replace("}", ' :error "no"}') + "]\n"


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_a_damaged_file_is_a_history_or_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever characters are lost, replaced or doubled, the outcome is a checked history or the one error."""
    text = data.draw(st.sampled_from([INVOKE * 2, f"{OPERATION}\n" * 2, f"[{OPERATION}]", _WHOLE]))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 4)) :]
    (tmp_path / "given").write_bytes(text.encode("utf-8", "surrogatepass"))
    notation = data.draw(st.sampled_from(["auto", "edn", "jsonl", "json"]))
    try:
        read_history(tmp_path / "given", format=notation)._check()
    except HistoryFormatError as error:
        sentence = str(error)
    else:
        sentence = "given"
    assert sentence.startswith("given")
    assert "\n" not in sentence


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are an error that names the line."""
    (tmp_path / "given").write_bytes(INVOKE.encode() + b'{:value "\xff"}')
    with pytest.raises(HistoryFormatError, match="given is not a history: line 2 is not UTF-8 text"):
        read_history(tmp_path / "given")


_ODD_JSON = (
    '{"process": 0, "type": "ok", "f": "txn", "value": [["w", "\\u00e9é", 1.5e3], ["r", 1, null], ["w", 3, -1]]}'
)
_ODD_EDN = (
    r"""{:type :ok, :process 0, :f :txn, :value [[:r "\u00e9" nil] [:w #inst "2020" \a] #_ 5 [:w #:a{:b 1} ##Inf]]}"""
)


@pytest.mark.parametrize(
    ("before", "text", "notation"),
    [
        ("", f"[{_ODD_JSON},\n{_ODD_JSON}]", "json"),
        (f"{_ODD_JSON}\n", _ODD_JSON, "jsonl"),
        ("", f"[{_ODD_EDN}\n{_ODD_EDN}]", "edn"),
        ("", "[" + INVOKE * 2 + "]", "edn"),
        (f"{INVOKE}{_ODD_EDN}\n", _ODD_EDN, "edn"),
    ],
)
def test_a_file_cut_anywhere_is_never_silently_shorter(tmp_path: Path, before: str, text: str, notation: str) -> None:
    """Wherever an operation, a vector or an array is cut, the error says that the file was cut off."""
    assert len(history_of(tmp_path, before + text, format=notation)) >= 1
    for length in range(1, len(text)):
        assert "cut off" in refusal(tmp_path, before + text[:length], format=notation)


def test_an_object_on_several_lines_is_no_line(tmp_path: Path) -> None:
    """JSON lines are one object each: an object that goes on in the next line is refused with its place."""
    assert "line 2, column 1" in refusal(tmp_path, f'{OPERATION}\n{{"process": 0,\n"type": "ok"}}\n', format="jsonl")
