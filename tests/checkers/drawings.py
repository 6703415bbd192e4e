"""Reads a drawn history: a line is a session, and time runs to the right (see `checkers.examples`)."""

from __future__ import annotations

import re
from typing import Any

from harness.history import KINDS, Op, Status, Txn

__all__ = ["drawn"]

_SESSION = re.compile(r"(?<!\S)([A-Z])  ")
_FATES = {"aborts": Status.ABORTED, "unknown": Status.UNKNOWN}
_WORDS = {"read": "r", "write": "w"}
_KINDS = {kind.name for kind in KINDS}
_PART = re.compile(r"\([^()]*(?:\([^()]*\)[^()]*)*\)|\S+")
_OP = re.compile(
    r"(?P<kind>\w+) (?P<key>\w+)(?: to (?P<high>\w+)(?= =))?(?: (?P<given>[^=]+?))?(?: = (?P<result>.+))?"
)


def drawn(text: str) -> list[Txn]:
    """The transactions of a drawing; a transaction runs from its first column to its last."""
    txns = []
    for line in text.splitlines():
        told = line.partition("←")[0]
        for session, first, last in _sessions(told):
            at = first
            for part in told[first:last].split("|"):
                txns.append(_txn(ord(session), part, at))
                at += len(part) + 1
    return sorted(txns, key=lambda txn: txn.start)


def _sessions(line: str) -> list[tuple[str, int, int]]:
    """(name, first column, column behind the last) of each session that the line shows."""
    found = list(_SESSION.finditer(line))
    ends = [one.start() for one in found[1:]] + [len(line)]
    return [(one[1], one.end(), end) for one, end in zip(found, ends, strict=True)]


def _txn(client: int, part: str, at: int) -> Txn:
    start = at + len(part) - len(part.lstrip())
    end = at + len(part.rstrip()) - 1
    words = [word.strip(" .") for word in part.split("·")]
    status = _FATES.get(words[-1], Status.OK)
    ops = tuple(_op(word) for word in words if word not in _FATES)
    return Txn(0, client, ops, status, start, end)


def _op(word: str) -> Op:
    found = _OP.fullmatch(word)
    assert found, f"{word!r} is no operation"
    kind = _WORDS.get(found["kind"], found["kind"])
    assert kind in _KINDS, f"{kind!r} is no kind of operation"
    if kind == "scan":
        return Op(kind, (found["key"], found["high"]), _value(found["result"]))
    if kind in {"r", "w", "append"}:
        return Op(kind, found["key"], _value(found["result"] if kind == "r" else found["given"]))
    given, result = _value(found["given"]), _value(found["result"])
    joined = {"incr", "enqueue", "ack", "nack", "add_edge", "traverse"}
    return Op(kind, found["key"], (given, result) if kind in joined else result if given is None else given)


def _value(text: str | None) -> Any:
    """`nothing`, a number, [a b], (a b), {key: value}, or a word."""
    text = (text or "nothing").strip()
    if text == "nothing":
        return None
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    inner = text[1:-1]
    match text[0]:
        case "[":
            return [_value(one) for one in inner.split()]
        case "(":
            return tuple(_value(one) for one in _PART.findall(inner))
        case "{":
            pairs = (one.split(":") for one in inner.split(",") if one)
            return {key.strip(): _value(value) for key, value in pairs}
    return {"true": True, "false": False}.get(text, text)
