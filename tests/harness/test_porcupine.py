"""Porcupine's logs become the history they tell; whatever is malformed is refused with line and reason."""

from __future__ import annotations

import random

import pytest
from foreign_files import rows
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.events import HistoryFormatError
from harness.formats.porcupine import read_porcupine
from harness.history import UNSEEN, Fault, History, Status

LOG = """\
INFO  jepsen.util - 0	:invoke	:write	4
INFO  jepsen.util - 1	:invoke	:cas	[4 3]
INFO  jepsen.util - 0	:ok	:write	4
INFO  jepsen.util - 1	:ok	:cas	[4 3]
INFO  jepsen.util - 0   :invoke :cas    [4 1]
INFO  jepsen.core - Starting something - else
INFO  jepsen.util - 1	:invoke	:read	nil
INFO  jepsen.util - :nemesis	:info	:start	"cut off n1"
INFO  jepsen.util - 0	:fail	:cas	[4 1]
INFO  jepsen.util - 1	:fail	:read	:timed-out
INFO  jepsen.util - 1	:invoke	:read	nil
INFO  jepsen.util - 0	:invoke	:cas	[3 -2]
INFO  jepsen.util - 2	:invoke	:write	5
INFO  jepsen.util - :nemesis	:info	:start	nil
INFO  jepsen.util - 1	:ok	:read	nil
INFO  jepsen.util - 0	:info	:cas	:timed-out
INFO  jepsen.util - 1	:invoke	:read	nil
INFO  jepsen.util - 1	:ok	:read	3

"""
EDN = """\
{:process 0, :type :invoke, :f :append, :key "4", :value "x 0 1 y"}
{:process 1, :type :invoke, :f :get, :key "4", :value nil}
{:process 0, :type :ok, :f :append, :key "4", :value "x 0 1 y"}
{:process 1, :type :ok, :f :get, :key "4", :value ""}
{:process 1, :type :invoke, :f :put, :key "5", :value "a \\"b\\" {"}
{:process 0, :type :invoke, :f :get, :key "4", :value nil}
{:process 0, :type :ok, :f :get, :key "4", :value "x 0 1 y"}
{:process 1, :type :info, :f :put, :key "5", :value "a \\"b\\" {"}
"""


def read(text: str) -> History:
    return read_porcupine("given", text)


def read_or_refusal(text: str) -> History | str:
    try:
        return read(text)
    except HistoryFormatError as error:
        return str(error)


def refusal(text: str) -> str:
    with pytest.raises(HistoryFormatError) as caught:
        read(text)
    return str(caught.value)


def test_a_log_is_the_history_of_one_register() -> None:
    """A refused cas was answered; a time-out of a read is without effect, one of a write or cas of unknown fate."""
    assert rows(read(LOG)) == [
        (0, "OK", 0, 2, [("w", "register", 4)], ""),
        (1, "OK", 1, 3, [("cas", "register", (4, 3, True))], ""),
        (0, "OK", 4, 7, [("cas", "register", (4, 1, False))], ""),
        (1, "ABORTED", 5, 8, [("r", "register", UNSEEN)], "timed-out"),
        (1, "OK", 9, 13, [("r", "register", None)], ""),
        (0, "UNKNOWN", 10, 14, [("cas", "register", (3, -2))], "timed-out"),
        (2, "UNKNOWN", 11, 17, [("w", "register", 5)], ""),
        (1, "OK", 15, 16, [("r", "register", 3)], ""),
    ]
    assert read(LOG).faults == (Fault("start", 6, 12, '"cut off n1"'),)
    info = read(LOG).info
    assert (info.workload, info.clock, info.foreign, info.clients) == ("linearizable-register", "positions", True, 3)


def test_edn_is_the_history_of_texts_by_their_keys() -> None:
    """get, put and append are r, w and append of the key; what reads get are texts."""
    assert rows(read(EDN)) == [
        (0, "OK", 0, 2, [("append", "4", "x 0 1 y")], ""),
        (1, "OK", 1, 3, [("r", "4", "")], ""),
        (1, "UNKNOWN", 4, 7, [("w", "5", 'a "b" {')], ""),
        (0, "OK", 5, 6, [("r", "4", "x 0 1 y")], ""),
    ]


def test_nothing_is_a_history_of_nothing() -> None:
    """An empty file has no transactions."""
    assert len(read("")) == len(read("\n\n")) == 0


INVOKE = "INFO  jepsen.util - 0	:invoke	:cas	[1 2]\n"
GET = '{:process 0, :type :invoke, :f :get, :key "4", :value nil}\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            INVOKE + "INFO  jepsen.util - 0	:ok	:cas	[1 2",
            "line 2, column 1: here is no operation of a log: ",
        ),
        ("INFO  jepsen.ut", "line 1, column 1: here is no operation of a log: 'INFO  jepsen.ut'"),
        (
            INVOKE + "INFO  jepsen.util - 0	:ok	:cas	[1 3]",
            "line 2, column 1: the answer to a cas has another value",
        ),
        (
            INVOKE + "INFO  jepsen.util - 0	:ok	:cas	:odd",
            "line 2, column 1: an operation that is ok has a reason",
        ),
        (
            INVOKE + "INFO  jepsen.util - 0	:ok	:write	1",
            "line 2, column 1: process 0 has an answer to another",
        ),
        (
            INVOKE + "INFO  jepsen.util - 1	:ok	:cas	[1 2]",
            "line 2, column 1: process 1 has an answer, but it asked",
        ),
        (INVOKE + INVOKE, "line 2, column 1: process 0 asks again while it waits for an answer"),
        (
            "INFO  jepsen.util - 0	:invoke	:cas	3",
            "line 1, column 1: a cas has not the value that is asked with it",
        ),
        (
            "INFO  jepsen.util - 0	:invoke	:read	3",
            "line 1, column 1: a read has not the value that is asked with it",
        ),
        ("INFO  jepsen.util - 0	:invoke	:append	3", "line 1, column 1: a append has not the value"),
        (
            "INFO  jepsen.util - 0	:invoke	:pop	nil",
            "line 1, column 1: the operation 'pop' is unknown (known: read, ",
        ),
        (
            "INFO  jepsen.util - 0	:maybe	:read	nil",
            "line 1, column 1: an operation has the type 'maybe', not",
        ),
        (
            GET + "{:process 0, :type :ok, :f :get",
            "line 2, column 1: the text ends inside a value, so the file was cut",
        ),
        (GET + "7", "line 2, column 1: here is no map of :process, :type, :f, :key and :value"),
        (GET + "{:process 0, :type :ok}", "line 2, column 1: here is no map of :process, :type, :f, :key and :value"),
        (GET.replace("0", '"0"'), "line 1, column 1: an operation has a process that is no number"),
        (GET.replace('"4"', "4"), "line 1, column 1: an operation has a process that is no number"),
        (GET.replace("0", "5000000000"), "line 1, column 1: a process number does not fit into 32 bits"),
        (
            GET + GET.replace("invoke", "ok").replace('"4"', '"5"'),
            "line 2, column 1: process 0 has an answer to another",
        ),
        (GET + GET.replace("invoke", "ok").replace("nil", "7"), "line 2, column 1: a read has no value that can be"),
        (GET + ")", "line 2, column 1: ) closes nothing"),
    ],
)
def test_what_is_malformed_is_refused(text: str, sentence: str) -> None:
    """The refusal names file, line and reason."""
    assert refusal(text).startswith(f"given, {sentence}")


@pytest.mark.parametrize("text", [LOG, EDN])
def test_a_file_that_was_cut_tells_no_other_history(text: str) -> None:
    """Cut after any character it is refused, or tells the operations of its whole lines."""
    for length in range(len(text)):
        whole = text[:length].count("\n")
        history = read_or_refusal(text[:length])
        if isinstance(history, str):
            assert f"line {whole + 1}" in history
            continue
        told = rows(read("".join(text.splitlines(keepends=True)[:whole])))
        also = rows(read("".join(text.splitlines(keepends=True)[: whole + 1])))
        # A number or a reason at the very end of a file may have been longer.
        assert [one[:4] for one in rows(history)] in ([one[:4] for one in told], [one[:4] for one in also])


def mangled(text: str, seed: int) -> str:
    """The text with some lines, words and characters lost, doubled, swapped or replaced."""
    rng = random.Random(seed)
    parts: list[str] = text.splitlines(keepends=True) if rng.random() < 0.5 else list(text)
    if rng.random() < 0.3:
        parts = text.replace("\t", " \t").split(" ")
        parts = [f"{part} " for part in parts]
    for _ in range(rng.randint(1, 4)):
        at, to = rng.randrange(len(parts)), rng.randrange(len(parts))
        change = rng.randrange(4)
        if change == 0:
            parts[at] = ""
        elif change == 1:
            parts[at] += parts[to]
        elif change == 2:
            parts[at], parts[to] = parts[to], parts[at]
        else:
            parts[at] = rng.choice('{}[]()":;#\\@\t\n 09-axé\0\ud800٣') + parts[at][1:]
    return "".join(parts)


def tell(text: str) -> None:
    """Read the text; what comes out is a history that holds together, or a refusal in one sentence."""
    history = read_or_refusal(text)
    if isinstance(history, str):
        assert history.startswith("given, line ")
        assert "\n" not in history
        return
    history._check()
    for txn in history.txns():
        assert len(txn.ops) == 1
        assert txn.status is not Status.OK or txn.ops[0].value is not UNSEEN


# By hand: 50,000 mangled files, and 17,000 texts in each of the three forms, without a failure.
@settings(max_examples=300, deadline=None)
@given(st.sampled_from([LOG, EDN]), st.integers(0, 2**32))
def test_a_mangled_file_is_read_or_refused(text: str, seed: int) -> None:
    """Whatever a file has lost or got by accident: a history that holds together, or one sentence."""
    tell(mangled(text, seed))


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        alphabet='INFO jepsn.util-\t\n:{}[]"0123 okfailreadwritecasgetputappendprocessvaluekeytype,\\#;_', max_size=80
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text leads to another error."""
    tell(text)
    tell("{" + text)
    tell("INFO  jepsen.util - 0\t:invoke\t" + text)
