"""A foreign history file made for a test, and what was read from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.history import History
from harness.interchange import HistoryFormatError, read_history

INVOKE = "{:type :invoke, :process 0, :f :txn, :value [[:r :x nil] [:append :x 1]]}\n"


def history_of(tmp_path: Path, text: str, **options: Any) -> History:
    path = tmp_path / "given"
    path.write_text(text, encoding="utf-8")
    return read_history(path, **options)


def rows(history: History) -> list[tuple[Any, ...]]:
    """(client, status, start, end, ops, error) of each transaction, ops as plain tuples."""
    return [(t.client, t.status.name, t.start, t.end, [tuple(op) for op in t.ops], t.error) for t in history.txns()]


def refusal(tmp_path: Path, text: str, **options: Any) -> str:
    with pytest.raises(HistoryFormatError) as caught:
        history_of(tmp_path, text, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence
