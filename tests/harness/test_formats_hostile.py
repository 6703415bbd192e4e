"""What could be overlooked in a file is refused with its place, or counted: names twice, depth, cut numbers."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from foreign_files import history_of, refusal
from formats_samples import COBRA, cobra_folder

from anomalist.cli import command_line
from harness import fold, history_file, interchange, json_events
from harness.build import build_history
from harness.edn import EdnReader
from harness.formats import FORMATS
from harness.history import Status, Txn
from harness.interchange import read_history, write_edn, write_jsonl

OPERATION = '{"process": 0, "type": "ok", "f": "txn", "value": [["w", "x", 1]]}'


def operation(**fields: Any) -> str:
    return json.dumps({"process": 0, "type": "ok", "f": "txn", "value": [["w", "x", 1]], **fields})


# Names


@pytest.mark.parametrize(
    ("text", "place", "name"),
    [
        (f'{OPERATION}\n{OPERATION[:-1]}, "value": []}}\n', "line 2, column 68", "value"),
        (f'{OPERATION[:-1]}, "v\\u0061lue": []}}\n', "line 1, column 68", "value"),
        (OPERATION.replace('"w", "x", 1', '"scan", "", {"a": 1, "b": 2, "a": 3}'), "line 1, column 82", "a"),
        (f'[{OPERATION},\n {OPERATION[:-1]}, "process": 1}}]', "line 2, column 69", "process"),
        ('[[{"events": [["w", 0, 1]],\n "events": [], "committed": true}]]', "line 2, column 2", "events"),
        ('[{"tid": 1, "sid": 0, "sts": {"p": 1}, "cts": {"p": 2, "p": 3}, "ops": []}]', "line 1, column 56", "p"),
    ],
)
def test_an_object_that_names_a_field_twice_is_refused(tmp_path: Path, text: str, place: str, name: str) -> None:
    """Of two values of one field neither is taken: the sentence has the place of the second."""
    sentence = f"given, {place}: an object has the name '{name}' twice; correct or delete one of the two"
    assert refusal(tmp_path, text) == sentence


def test_a_field_twice_in_one_operation_and_never_in_another(tmp_path: Path) -> None:
    """That another operation lacks the field does not hide it."""
    text = (
        '{"type": "info", "process": 0, "process": 1, "f": "x", "value": 0}\n{"type": "info", "f": "x", "value": 0}\n'
    )
    assert "an object has the name 'process' twice" in refusal(tmp_path, text, format="jsonl")


def test_names_of_fields_may_be_keys_and_values(tmp_path: Path) -> None:
    """What looks like a name twice and is none is read, and so are the same names in different objects."""
    text = operation(value=[["w", "value", "type"], ["w", "a\\", '"value": 1, "value"'], ["scan", "", {"f": "f"}]])
    (txn,) = history_of(tmp_path, f"{text}\n", workload="rw-register").txns()
    assert [op.value for op in txn.ops] == ["type", '"value": 1, "value"', {"f": "f"}]


def test_a_field_of_edn_under_two_sorts_of_name_is_refused(tmp_path: Path) -> None:
    """:value and "value" are one field: neither hides the other."""
    text = '{:type :ok :process 0 :f :txn :value [[:append :x 1]] "value" []}\n'
    assert refusal(tmp_path, text) == (
        "given, line 1, column 1: an operation has a field twice, as a keyword and as another sort of name; correct "
        "or delete this operation"
    )


def test_a_scan_that_returned_a_key_twice_is_refused(tmp_path: Path) -> None:
    """Of a list of pairs none is dropped."""
    sentence = refusal(tmp_path, operation(value=[["scan", "", [[1, 2], [3, 4], [1, 5]]]]))
    assert sentence.startswith("given, line 1, column 1: a scan returned a key twice: ")


def test_a_log_of_cobra_that_leads_nowhere_is_not_left_out(tmp_path: Path) -> None:
    """A client whose log cannot be read is missed: the rest is no whole history."""
    folder = cobra_folder(tmp_path, COBRA)
    (folder / "T9.log").symlink_to("gone")
    with pytest.raises(FileNotFoundError):
        read_history(folder)


@pytest.mark.parametrize("suffix", ["", "M", "/3"])
@pytest.mark.parametrize("form", ["#{{{}}}", "{{{} 1}}"])
def test_numbers_of_one_hash_are_told_apart_by_their_text(suffix: str, form: str) -> None:
    """Whole numbers that differ by multiples of the modulus of Python's hash do not make a set slow."""
    numbers = [(2**61 - 1) * 3 * n + 1 for n in range(5, 9)]
    texts = [f"{number}{suffix}" for number in numbers]
    reader = EdnReader(form.format((" 1 " if "1}" in form else " ").join(texts)))
    assert reader.read()
    assert {hash(Fraction(number)) for number in numbers} == {1}
    assert len({hash(one) for one in reader.value}) == 4
    name = {"": "int", "M": "Decimal", "/3": "Fraction"}[suffix]
    assert set(reader.value) == {(f"#{name}", text.removesuffix("M")) for text in texts}


@pytest.mark.parametrize("kind", ["invoke", "ok"])
def test_a_huge_process_number_is_refused_where_it_stands(tmp_path: Path, kind: str) -> None:
    """Also before its transaction is complete, and where there is none."""
    text = f"{OPERATION}\n{operation(type=kind, process=2**61 - 1, f='x', value=1)}\n"
    sentence = "given, line 2, column 1: a process number does not fit into 32 bits; use smaller ones"
    assert refusal(tmp_path, text, workload="rw-register") == sentence


# Depth


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "fields",
    [
        {"value": [["w", "x", nested(91)]]},
        {"value": [["w", nested(91), 1]]},
        {"process": nested(600)},
        {"f": nested(600)},
        {"value": [["w", "x", [*nested(600), {"#bytes": ""}]]]},
    ],
)
@pytest.mark.parametrize("shape", ["{}\n", "[{}]"])
def test_values_nested_too_deep_are_refused(tmp_path: Path, fields: dict[str, Any], shape: str) -> None:
    """Depth ends in a sentence wherever it is, and never in an error of ours."""
    place = "line 1, column 1" if shape == "{}\n" else "operation 1"
    sentence = refusal(tmp_path, shape.format(operation(**fields)))
    assert sentence == f"given, {place}: values are nested too deep; correct or delete this operation"


def test_the_deepest_value_is_written_and_read_again(tmp_path: Path) -> None:
    """What one notation may hold, the others may."""
    history = history_of(tmp_path, operation(value=[["w", "x", nested(90)]]))
    for write in (write_edn, write_jsonl):
        assert [txn.ops for txn in history_of(tmp_path, "\n".join(write(history))).txns()] == [history.txn(0).ops]


# Ends and numbers


@pytest.mark.parametrize("text", ["{}", "{}\n{}", "[{}]"])
def test_half_a_surrogate_pair_is_no_cut_file(tmp_path: Path, text: str) -> None:
    """The sentence has the place of the escape that lacks its other half, at the end of a file too."""
    half = operation(value=[["w", "x", "\ud800"]])
    column = text.index("{") + half.index("ud800")
    assert refusal(tmp_path, text.replace("{}", half), workload="rw-register") == (
        f"given, line 1, column {column}: a string has half of a surrogate pair; correct or delete this operation"
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("w 7 12\n=====\nr 7 1", "line 3, column 6"),
        ("INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\t1", "line 2, column 34"),
    ],
)
def test_a_number_that_may_be_cut_is_refused(tmp_path: Path, text: str, place: str) -> None:
    """Where only the end of its line ends a number, a file without that may have lost digits."""
    assert refusal(tmp_path, text) == (
        f"given, {place}: the file ends without a line end, so its last number may be cut off; end its last line"
    )
    assert len(history_of(tmp_path, f"{text}\n")) > 0


def test_numbers_in_plume_are_numbers(tmp_path: Path) -> None:
    """012 and 12 are one transaction, 01 and 1 one session."""
    (txn,) = history_of(tmp_path, "w(7,3,1,012)\nr(7,3,01,12)\n").txns()
    assert (txn.client, [op.kind for op in txn.ops]) == (1, ["w", "r"])


def test_a_line_longer_than_many_pieces_is_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pieces a line of JSON has, it is looked at when it is whole, and its place is right."""
    monkeypatch.setattr(history_file, "PIECE_BYTES", 64)
    looked: list[int] = []
    real = json_events._may_repeat
    monkeypatch.setattr(json_events, "_may_repeat", lambda text, ops: looked.append(len(text)) or real(text, ops))
    long = operation(value=[["w", "x", number] for number in range(500)])
    assert len(history_of(tmp_path, f"{long}\n{long}\n", workload="rw-register").txn(0).ops) == 500
    assert sum(looked) == 2 * (len(long) + 1) + 1  # And the line end that ends every file.
    assert refusal(tmp_path, f"{long}\n{{", workload="rw-register").startswith("given, line 2, column 1: ")


# Operations


@pytest.mark.parametrize("workload", [None, "rw-register"])
def test_operations_left_out_are_counted(tmp_path: Path, workload: str | None) -> None:
    """Beside transactions, other operations of clients do not count, open ones neither; that is told."""
    others = [operation(f="read", value=5), operation(type="invoke", f="write", process=7, value=6)]
    nemesis = operation(type="info", f="kill", process="nemesis", value=None)
    history = history_of(tmp_path, "\n".join([OPERATION, *others, nemesis]), workload=workload)
    assert (len(history), history.info.settings) == (1, {"format": "jsonl", "left out": "2"})


def test_a_busy_client_is_searched_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers in the opposite order of many questions do not cost the product of both."""
    compared: list[int] = []
    real = fold._alike
    monkeypatch.setattr(fold, "_alike", lambda one, two: compared.append(1) or real(one, two))
    lines = [operation(type="invoke", value=[["w", number, 1]]) for number in range(300)]
    lines += [operation(value=[["w", number, 1]]) for number in reversed(range(300))]
    assert len(history_of(tmp_path, "\n".join(lines))) == 300
    assert 300 <= len(compared) <= 64 * 300


def test_a_client_that_goes_on_at_once_is_written_in_order() -> None:
    """Of one client a transaction is completed before the next is invoked, also at one moment, also several times."""
    moments = [(0, 0, 5), (0, 5, 5), (0, 5, 5), (0, 5, 9), (1, 5, 5), (2, 4, 5)]
    txns = [Txn(0, client, (), Status.OK, start, end) for client, start, end in moments]
    told = [json.loads(line) for line in write_jsonl(build_history(txns))]
    at_five = [(one["process"], one["type"]) for one in told if one["time"] == 5]
    own = [(0, "ok"), (0, "invoke")]
    assert at_five == [(1, "invoke"), *own * 3, (2, "ok"), (1, "ok")]


def test_one_list_of_formats() -> None:
    """The command line offers what is read, all of it."""
    for verb, flag in (("check", "file_format"), ("export", "file_format")):
        (option,) = [one for one in command_line.commands[verb].params if one.name == flag]
        assert tuple(option.type.choices) == FORMATS  # type: ignore[attr-defined]
    known = {*interchange._OPERATIONS, *interchange._TEXTS, interchange._BINCODE, interchange._FOLDER}
    assert known == set(FORMATS) - {"auto"}
