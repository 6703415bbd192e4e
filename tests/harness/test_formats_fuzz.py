"""Hostile input: every reader ends with a checked history or one sentence, whatever it is given.

A slice runs with the other tests. The whole, 100,000 cases for each reader, is `make fuzz`:

    ANOMALIST_FUZZ=100000 python -m pytest tests/harness/test_formats_fuzz.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from foreign_files import INVOKE
from formats_samples import CHRONOS, COBRA, DBCOP, bincode, cobra_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.history import History
from harness.interchange import FORMATS, HistoryFormatError, read_history, write_edn, write_jsonl

CASES = int(os.environ.get("ANOMALIST_FUZZ") or 150)
FUZZ = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)

OK = "{:type :ok, :process 0, :f :txn, :value [[:r :x [1 2]] [:append :x 1]]}\n"
SINGLES = "".join(
    f"{{:process {p}, :type :{kind}, :f :{f}, :value {value}}}\n"
    for p, kind, f, value in (
        (0, "invoke", "add", 1),
        (0, "ok", "add", 1),
        (1, "invoke", "read", "nil"),
        (1, "ok", "read", "#{1}"),
        (2, "invoke", "write", "[1 2]"),
        (2, "ok", "enqueue", 5),
        (2, "ok", "drain", "[5]"),
    )
)
JSON = '{"process": 0, "type": "ok", "f": "txn", "value": [["append", "x", 1], ["r", "\\u00e9", [{"#bytes": ""}]]]}'
LOG = "INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]\nINFO  jepsen.util - 0\t:fail\t:cas\t[1 2]\n"
KEYS = "".join(f'{{:process 0, :type :{kind}, :f :append, :key "0", :value "x y"}}\n' for kind in ("invoke", "ok"))
SEEDS: dict[str, tuple[str | bytes, ...]] = {
    "edn": ((INVOKE + OK) * 2, f"[{INVOKE} ; note\n #_ 5 {OK}]", SINGLES),
    "jsonl": (f"{JSON}\n\n{JSON}\n",),
    "json": (f"[{JSON},\n {JSON}]",),
    "plume": ("w(7,3,0,12)\nr(7,0,1,13)\nw(8,0,0,12)\nw(7,4,1,-1)\n",),
    "awdit": ("w 0 0\nw 1 5\n=====\nr 0 0\n-----\nr 1 0\n",),
    "dbcop": DBCOP,
    "chronos": (json.dumps(CHRONOS),),
    "porcupine": (LOG, KEYS),
    "dbcop-bincode": (bincode([[([(1, 7, 5, 1), (0, 7, 9, 0)], 1)], [([(0, 7, 5, 1)], 0)]]),),
}
_BITS = st.sampled_from(
    [
        *(
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            "#",
            '"',
            ":",
            ",",
            " ",
            "\n",
            "\\",
            ";",
            "-",
            "0",
            "9" * 30,
            "1e999",
            "null",
        ),
        *("nil", "true", ":f :txn", '"type"', "\ufeff", "\x00", "\u202e", "é", "[" * 300, '{"a":' * 300, "#_", "-1"),
        *('"value": []', '"variable"', "r(1,2,3,4)", "====", "w 1 2", '"version": null', "##NaN", "1/0", "\\u0000"),
        *("[" * 95 + "]" * 95, "[" * 600 + "1" + "]" * 600, '{"a":' * 600 + "1" + "}" * 600, ', "type": "ok"'),
    ]
)


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[str | bytes, ...]) -> bytes:
    """A whole file with pieces lost, replaced, doubled or moved."""
    seed = draw(st.sampled_from(seeds))
    data = seed.encode() if isinstance(seed, str) else seed
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = at + draw(st.integers(0, 12))
        new = draw(
            st.one_of(
                st.just(b""), st.binary(max_size=8), _BITS.map(lambda bit: bit.encode()), st.just(data[at:end] * 2)
            )
        )
        data = data[:at] + new + data[end:]
    return data


def outcome(read: Callable[[], History]) -> tuple[str, History | None]:
    """The sentence of a refusal, or a history that holds together; nothing else may come of it."""
    try:
        history = read()
    except HistoryFormatError as error:
        sentence = str(error)
        assert sentence
        assert "\n" not in sentence
        assert len(sentence) < 1000
        return sentence, None
    history._check()
    assert len(list(history.txns())) == len(history)
    return "", history


@pytest.mark.parametrize("notation", SEEDS)
@FUZZ
@given(data=st.data())
def test_a_damaged_file_is_a_history_or_one_sentence(tmp_path: Path, notation: str, data: st.DataObject) -> None:
    """Read as what it was or as what it looks like, a damaged file never fails in any other way."""
    path = tmp_path / "given"
    path.write_bytes(data.draw(damaged(SEEDS[notation])))
    workload = data.draw(st.sampled_from([None, "list-append", "rw-register", "set", "linearizable-set"]))
    for name in (notation, "auto"):
        sentence, _ = outcome(lambda name=name: read_history(path, format=name, workload=workload))
        assert not sentence or sentence.startswith("given")


@pytest.mark.parametrize("notation", [name for name in FORMATS if name != "cobra"])
@FUZZ
@given(
    data=st.binary(max_size=80)
    | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.lists(_BITS).map(lambda bits: "".join(bits).encode())
)
def test_any_bytes_are_a_history_or_one_sentence(tmp_path: Path, notation: str, data: bytes) -> None:
    """No content makes a reader fail in any other way than with its own error."""
    path = tmp_path / "given"
    path.write_bytes(data)
    outcome(lambda: read_history(path, format=notation))


@FUZZ
@given(data=st.data())
def test_damaged_logs_are_a_history_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    """Cobra's folder with damaged logs is a history or a refusal that names the folder."""
    folder = cobra_folder(tmp_path, COBRA)
    for name in ("T1.log", "T2.log"):
        path = folder / name
        path.write_bytes(data.draw(damaged((path.read_bytes(),)) | st.just(path.read_bytes())))
    sentence, _ = outcome(lambda: read_history(folder))
    assert not sentence or sentence.startswith("logs")


def _seen(history: History) -> list[Any]:
    return [(t.client, t.status.name, repr(t.ops)) for t in history.txns()]


# Changes of one byte that could be overlooked: each is visible in what was read, or refused.
_EVIDENCE = {
    "plume": b"w(17,23,4,12)\nr(17,23,5,13)\n",
    "awdit": b"w 7 5\n=====\nr 7 5\n",
    "dbcop": b'[[{"events":[["w",7,5],["r",8,3]],"committed":true}]]',
    "dbcop-bincode": bincode([[([(1, 7, 5, 1)], 1)], [([(0, 7, 5, 1)], 1)]])[67:],
}
_BINCODE_HEAD = bincode([])[:67]


@pytest.mark.parametrize("notation", _EVIDENCE)
@FUZZ
@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_changed_byte_is_seen(tmp_path: Path, notation: str, place: int, value: int) -> None:
    """Of files where every byte is evidence, any changed byte changes the transactions or is refused.

    White space, numbers of transactions and of sessions, and the forms in which a truth can be written are none.
    """
    whole = _EVIDENCE[notation]
    at = place % len(whole)
    head = _BINCODE_HEAD if notation == "dbcop-bincode" else b""
    path = tmp_path / "given"
    path.write_bytes(head + whole)
    _, before = outcome(lambda: read_history(path, format=notation))
    path.write_bytes(head + whole[:at] + bytes([value]) + whole[at + 1 :])
    _, after = outcome(lambda: read_history(path, format=notation))
    assert before is not None
    if after is not None and whole[at] != value:
        blank = whole[at : at + 1].isspace() or bytes([value]).isspace()
        named = notation == "plume" and at in _numbered(whole)
        ruled = notation == "awdit" and whole[at] in b"=-"
        assert blank or named or ruled or _seen(after) != _seen(before)


def _numbered(lines: bytes) -> set[int]:
    """Where the numbers of sessions and transactions stand in Plume's text."""
    places, commas = set(), 0
    for at, byte in enumerate(lines):
        commas = 0 if byte == ord("\n") else commas + (byte == ord(","))
        if commas >= 2:
            places.add(at)
    return places


@pytest.mark.parametrize("notation", ["edn", "jsonl"])
@FUZZ
@given(data=st.data())
def test_what_survives_damage_survives_writing(tmp_path: Path, notation: str, data: st.DataObject) -> None:
    """A history that a damaged file still tells is written and read again as the same."""
    path = tmp_path / "given"
    path.write_bytes(data.draw(damaged(SEEDS[notation])))
    _, history = outcome(lambda: read_history(path, format=notation))
    if history is None or history.info.workload not in {"list-append", "rw-register", ""}:
        return
    write = write_edn if notation == "edn" else write_jsonl
    path.write_text("\n".join(write(history)), encoding="utf-8")
    _, again = outcome(lambda: read_history(path, format=notation))
    assert again is not None
    assert sorted(_seen(again)) == sorted(_seen(history))
