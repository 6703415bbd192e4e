"""Files are read in pieces: wherever a piece ends, the events, the history and the errors are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_files import INVOKE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harness.history_file
from harness.edn_events import edn_events
from harness.events import Event, HistoryFormatError, Regular
from harness.fold import fold
from harness.history import RunInfo
from harness.history_file import HistoryFile, HistoryText
from harness.interchange import read_history

OK = "{:type :ok, :process 0, :f :txn, :value [[:r :x [1 2]] [:append :x 1]]}\n"
ODD = '{:type :info, :process 7, :f :log, :value "a\nb" ; more\n :error [:x\n {1 2}]}\n'
JSON = '{"process": 0, "type": "ok", "f": "txn", "value": [["w", "\u00e9", 1]]}\n'


class Pieces(HistoryText):
    """A text in pieces of a given length, which end anywhere."""

    def __init__(self, text: str, length: int) -> None:
        super().__init__("given", text)
        self._length = length

    def pieces(self) -> object:  # type: ignore[override]
        return (self.text[at : at + self._length] for at in range(0, len(self.text), self._length))


def events_of(file: HistoryText, *, fast: bool = True) -> list[Event] | str:
    """The events, or the refusal; of regular lines nobody knows the place."""
    try:
        found = list(edn_events(file, fast=fast))
    except HistoryFormatError as error:
        return str(error)
    return [event._replace(at=0) for one in found for event in (one.events() if isinstance(one, Regular) else (one,))]


_parts = st.lists(
    st.sampled_from([INVOKE, OK, ODD, "\n", " ; note\n", "#jepsen.history.Op", "5 ", "[", '"']), max_size=6
)


@given(_parts, st.booleans(), st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_pieces_may_end_anywhere(parts: list[str], vector: bool, length: int) -> None:
    """Events and refusals, with their places, do not depend on where pieces end."""
    text = f"[{''.join(parts)}]\n;end" if vector else "".join(parts)
    assert events_of(Pieces(text, length)) == events_of(HistoryText("given", text))


_words = st.sampled_from(["1", "2", "3", "-4", "0", ":x", '"s"', "nil"])
_lists = st.lists(st.integers(1, 4).map(str), max_size=4).map(lambda found: f"[{' '.join(found)}]")
_ops = st.builds(
    "[{} {} {}]".format,
    st.sampled_from([":r", ":append", ":w"]),
    st.sampled_from(["1", "2", ":k"]),
    st.one_of(_words, _lists),
)
_lines = st.builds(
    "{{:type :{}, :process {}, :f :txn, :value {}{}}}\n".format,
    st.sampled_from(["invoke", "ok", "ok", "fail", "info"]),
    st.integers(0, 2),
    st.one_of(st.just("nil"), st.lists(_ops, max_size=3).map(lambda ops: f"[{' '.join(ops)}]")),
    st.sampled_from(["", "", ", :error nil", ", :error :gone"]),
)


@given(st.lists(_lines, max_size=14), st.booleans())
@settings(max_examples=400, deadline=None)
def test_regular_lines_become_the_columns_that_their_events_become(lines: list[str], lists: bool) -> None:
    """A history folded from words is the one folded from values, whatever was asked, answered or left open."""
    text = (OK + INVOKE) * 2 + "".join(lines)
    fast, slow = (
        fold(file, edn_events(file, fast=way), RunInfo(), lists=lists)
        for way, file in ((True, HistoryText("f", text)), (False, HistoryText("f", text)))
    )
    assert list(map(repr, fast.txns())) == list(map(repr, slow.txns()))
    assert fast.client.tolist() == slow.client.tolist()


def test_a_list_that_goes_on_is_stored_once(tmp_path: Path) -> None:
    """Reads of beginnings of one list share its elements, and one that contradicts has its own."""
    line = "{{:type :ok, :process 0, :f :txn, :value [[:r 1 [{}]]]}}\n"
    path = tmp_path / "given"
    path.write_text("".join(map(line.format, ["", "", "1", "1 2 3", "1 2", "", "1 12", "1 2 3 4", "1 2 3"])))
    history = read_history(path, workload="list-append")
    seen = [txn.ops[0].value for txn in history.txns()]
    assert seen == [[], [], [1], [1, 2, 3], [1, 2], [], [1, 12], [1, 2, 3, 4], [1, 2, 3]]
    assert len(history.elements) == 4 + 2


@given(st.binary(max_size=40), st.integers(1, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_bytes_are_decoded_alike(tmp_path: Path, data: bytes, size: int) -> None:
    """Blocks of any size give the text of the whole, or the same refusal."""
    path = tmp_path / "given"
    path.write_bytes(data)

    def read() -> str:
        try:
            return HistoryFile(path, "stop").text
        except HistoryFormatError as error:
            return str(error)

    whole = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.history_file, "PIECE_BYTES", size)
        assert read() == whole or b"\0" in data
        assert HistoryFile(path, "stop").contains("ab") == (b"ab" in data)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize(
    "text", [INVOKE * 5 + OK * 5 + ODD + OK, JSON * 9 + "\n\n" + JSON.strip(), f"[{JSON},{JSON}]"]
)
def test_histories_do_not_depend_on_the_size_of_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, text: str
) -> None:
    """In every notation the history is the same, and so is the place of what is cut off."""
    path = tmp_path / "given"

    def read(content: str) -> list[str]:
        path.write_text(content, encoding="utf-8")
        try:
            return list(map(repr, read_history(path).txns()))
        except HistoryFormatError as error:
            return [str(error)]

    cut = text.rstrip()[:-9]
    whole = read(text), read(cut)
    monkeypatch.setattr(harness.history_file, "PIECE_BYTES", size)
    assert (read(text), read(cut)) == whole
    assert "cut off" in whole[1][0]


def test_reading_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has been read grows with the pieces, up to the whole."""
    monkeypatch.setattr(harness.history_file, "PIECE_BYTES", 200)
    path = tmp_path / "given"
    path.write_text(OK * 10)
    told: list[tuple[int, int]] = []
    read_history(path, workload="list-append", on_read=lambda done, total: told.append((done, total)))
    size = len(OK) * 10
    assert {total for _, total in told} == {size}
    assert told[-1] == (size, size)
    assert len(told) >= 4
