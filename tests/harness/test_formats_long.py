"""Long runs of anything take time in proportion to their length: a quadratic reader would not end here."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_files import INVOKE
from formats_samples import DBCOP

from harness.interchange import FORMATS, HistoryFormatError, read_history

LENGTH = 400_000
OK = "{:type :ok, :process 0, :f :txn, :value [[:r :x [1 2]] [:append :x 1]]}\n"
JSON = '{"process": 0, "type": "ok", "f": "txn", "value": [["append", "x", 1]]}\n'
BEGINNINGS = {
    "edn": (INVOKE + OK) * 3,
    "jsonl": JSON * 3,
    "json": f"[{JSON},",
    "plume": "w(7,3,0,12)\n",
    "awdit": "w 0 0\n",
    "dbcop": DBCOP[0][:60],
    "chronos": "[",
    "porcupine": "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n",
}
RUNS = (
    " ",
    "\n",
    ",",
    "1",
    "9 ",
    "-",
    "=",
    '"',
    '"a" ',
    "]",
    "[] ",
    "[1 2] ",
    "; \n",
    "#_1 ",
    "\\",
    ":a ",
    "{} ",
    "x",
    "é",
)


@pytest.mark.parametrize("notation", BEGINNINGS)
@pytest.mark.parametrize("run", RUNS)
def test_a_long_run_ends(tmp_path: Path, notation: str, run: str) -> None:
    """At the beginning, after whole operations, inside a value and before the end, in every notation."""
    path = tmp_path / "given"
    long = run * (LENGTH // len(run))
    whole = BEGINNINGS[notation]
    outcomes = []
    for text in (long, whole + long, whole + "[" + long, whole + long + whole, whole[:-8] + long + "x\n"):
        path.write_text(text, encoding="utf-8")
        try:
            outcomes.append(f"{len(read_history(path, format=notation))} transactions")
        except HistoryFormatError as error:
            outcomes.append(str(error))
    assert len(outcomes) == 5
    assert max(map(len, outcomes)) < 1000


def test_irregular_operations_take_time_in_proportion(tmp_path: Path) -> None:
    """Many operations with a field that no template admits, between a few regular ones, are read one by one."""
    path = tmp_path / "given"
    odd = INVOKE.replace(":process 0", ":process 0, :node {}") + OK.replace(":process 0", ":process 0, :node {}")
    path.write_text((INVOKE + OK) * 3 + odd * 3_000 + INVOKE + OK)
    assert len(read_history(path)) == 3_004


def test_every_notation_of_text_is_tried() -> None:
    """No notation of text is left out above."""
    assert BEGINNINGS.keys() == set(FORMATS) - {"auto", "cobra", "dbcop-bincode"}
