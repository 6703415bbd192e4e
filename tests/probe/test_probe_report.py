"""What `probe` prints: the matrix in a narrow and a wide terminal, and a broken promise step by step."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from probe_targets import LockingTarget, SharedTarget, UnguardedTarget
from rich.console import Console

from anomalist.probe import probe
from harness.interleaving import COMMIT, Interleaving
from harness.level import level
from harness.matrix import Matrix
from harness.program import read, write
from harness.target import Target
from harness.targets.reference import ReferenceTarget
from reports.document import encode
from reports.matrix import matrix_summary
from reports.matrix_document import matrix_document
from workloads.interleavings import INTERLEAVINGS

SCRIPTS = {one.name: one for one in INTERLEAVINGS}
STRICT = {"serializable": level("strict-serializable")}


def printed(matrix: Matrix, *, width: int = 100, colour: bool = False) -> list[str]:
    """The lines of the summary, without blanks at their ends."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
    )
    console.print(matrix_summary(matrix))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def small(target: Target, *names: str, **promises: str) -> Matrix:
    """A probe of these scripts, of which a table shows the rows that they need."""
    chosen = tuple(SCRIPTS[name] for name in names)
    levels = {at.replace("_", "-"): level(promise) for at, promise in promises.items()} or STRICT
    matrix = probe(target, levels, interleavings=chosen, command="anomalist probe -t it", wait_s=0.2)
    rows = {name: called for name, called in matrix.anomalies.items() if name in {one.anomaly for one in chosen}}
    return replace(matrix, anomalies=rows, seconds=1.25)


def test_a_probe_that_passes_is_printed_exactly_so() -> None:
    """Headline, what was tried and promised, a row for each anomaly, a legend, and the command that repeats it."""
    promises = {"serializable": "strict-serializable", "read_committed": "read-committed"}
    assert printed(small(ReferenceTarget(), "G1a", "P4", "user-name", **promises)) == [
        "PASS  reference 0.1.0 keeps what it promises",
        "3 scripts, 92 orders of their steps, 1.2 s; serializable promises strict-serializable,",
        "read-committed promises read-committed",
        "",
        "anomaly  called        serializable  read-committed",
        "G1a      aborted read  not seen      not seen",
        "P4       lost update   refused       36 of 40",
        "",
        "k of n: in k of n orders, what was read shows the anomaly or a worse one",
        "refused, waits: in no order; somebody was refused or had to wait",
        "",
        "repeat  anomalist probe -t it",
    ]


def test_a_broken_promise_is_printed_step_by_step() -> None:
    """The sessions stand side by side, time runs down, and the proof names the sessions."""
    matrix = small(UnguardedTarget(), "G2-item")
    lines = printed(matrix)
    assert lines[0] == "FAIL  fake 1 breaks its promise at serializable"
    assert "G2-item  write skew  18 of 20 BROKEN" in lines
    assert "BROKEN: the level's promise forbids what was read" in lines
    start = lines.index("G2-item at serializable: 18 of 20 orders break strict-serializable")
    assert lines[start + 1 :] == [
        "  Both read x and y, then each writes one of them. One of them must have seen the other's write.",
        "  T1         T2",
        "  r x → 10",
        "  r y → 20",
        "  w x 11",
        "             r x → 10",
        "             r y → 20",
        "  commit",
        "             w y 21",
        "             commit",
        "  in the end x = 11, y = 21",
        "  G2-item: Each must come before the next: T1 → T2 → T1.",
        "    1. T1 read y as 20, and T2 wrote over that.",
        "    2. T2 read x as 10, and T1 wrote over that.",
        "",
        "repeat  anomalist probe -t it",
    ]


def test_another_anomaly_than_the_scripts_own() -> None:
    """Where a promise is broken by something else, the cell says that its own anomaly was not seen, and what was."""
    assert "G1c      circular information flow  not seen but G2-item BROKEN" in printed(
        small(UnguardedTarget(), "G1c")
    )


def test_who_waits_and_who_is_refused_is_told() -> None:
    """In a script performed on a locking database each wait and each refusal has its line."""
    script = replace(SCRIPTS["P4"], orders=("r1 r2 w1 w2 c1 c2",))
    matrix = probe(LockingTarget(), STRICT, interleavings=(script,), wait_s=0.5)
    shown = {trial.performance.moments[2] for trial in matrix.trials}
    assert {(moment.step, moment.outcome) for moment in shown} == {("w1", "waits")}
    assert "P4          lost update                    refused, waits" in printed(matrix)


def test_a_narrow_terminal() -> None:
    """In 64 columns the people's names for the anomalies give way, and no line is wider than the terminal."""
    promises = {"serializable": "serializable", "snapshot_isolation": "snapshot-isolation"}
    matrix = small(ReferenceTarget(), "G2-item", "G2", **promises, read_committed="read-committed")
    lines = printed(matrix, width=64)
    assert "anomaly  serializable  snapshot-isolation  read-committed" in lines
    assert "G2-item  refused       18 of 20            18 of 20" in lines
    assert max(map(len, lines)) <= 64
    assert any(line.startswith("anomaly  called ") for line in printed(matrix, width=100))


def test_colour_repeats_what_the_words_say() -> None:
    """With colour there are escapes, without them none, and the text is the same."""
    matrix = small(SharedTarget(), "G0")
    assert "\x1b[1;31m6 of 20 BROKEN" in "\n".join(printed(matrix, colour=True))
    assert "\x1b" not in "\n".join(printed(matrix))


def test_what_a_database_says_cannot_move_the_terminal() -> None:
    """Names, values and errors of a target are shown with their control characters escaped."""

    class Red(SharedTarget):
        name, version = "\x1b[31mred", "\x07"

        def session(self, level: str) -> Any:
            session = super().session(level)

            def step(op: Any) -> Any:
                answer = type(session).step(session, op)
                return answer._replace(value="\x1b[2J") if op.kind == "r" and answer.value == 10 else answer

            session.step = step
            return session

    matrix = small(Red(), "P4")
    text = "\n".join(printed(matrix)) + encode(matrix_document(matrix))
    assert "\\x1b[31mred" in text
    assert not {"\x1b", "\x07"} & set(text)
    assert "garbage-read: T1 read x as" in text


def test_many_broken_scripts_are_counted() -> None:
    """Six scripts are told in full, the rest is counted; the document has every one."""
    matrix = probe(SharedTarget(), STRICT)
    lines = printed(matrix)
    assert sum(" orders break strict-serializable" in line for line in lines) == 6
    assert "… and in 18 more scripts: --json has them all" in lines
    cells = [cell for one in matrix_document(matrix)["interleavings"] for cell in one["cells"]]
    assert sum(cell["witness"] is not None and cell["witness"]["broken"] for cell in cells) == 24


def test_mishaps_are_told() -> None:
    """An interruption, trouble and a level that cannot be judged each have their sentence."""
    matrix = small(ReferenceTarget(), "P4", serializable="PRAM")
    assert printed(matrix)[0] == "UNKNOWN  reference 0.1.0 may or may not keep what it promises"
    assert any(
        line.startswith("serializable: undecided: nothing that the brute-force checker") for line in printed(matrix)
    )
    assert "interrupted: the orders that are missing here were not performed" in printed(
        replace(matrix, interrupted=True)
    )
    assert "it hangs" in printed(replace(matrix, trouble="it hangs"))
    empty = replace(matrix, trials=(), lacking={"P4": ("r",)})
    assert "P4       lost update  no r" in printed(empty)


def test_the_document() -> None:
    """The JSON document holds levels, rows, scripts and a witness with every operation."""
    document = matrix_document(small(UnguardedTarget(), "on-call"))
    assert set(document) == {
        "schema_version",
        "outcome",
        "target",
        "target_version",
        "settings",
        "command",
        "seconds",
        "levels",
        "anomalies",
        "interleavings",
    }
    assert (document["schema_version"], document["outcome"], document["target"]) == (1, "fail", "fake")
    assert document["levels"] == [
        {
            "name": "serializable",
            "promises": "strict-serializable",
            "outcome": "fail",
            "reason": "",
            "sentence": "",
        }
    ]
    cell = {
        "level": "serializable",
        "orders": 20,
        "seen": 18,
        "broken": 18,
        "prevented_by": [],
        "lacking": [],
    }
    assert document["anomalies"] == [{"name": "G2-item", "called": "write skew", "cells": [cell]}]
    (script,) = document["interleavings"]
    assert (script["name"], script["forbidden_by"]) == ("on-call", "repeatable-read")
    witness = script["cells"][0]["witness"]
    assert witness["order"] == ["r1", "w1", "r2", "c1", "w2", "c2"]
    assert witness["moments"][1] == {
        "session": "T1",
        "step": "w1",
        "ops": [["w", "alice", "off"]],
        "outcome": "done",
        "error": "",
    }
    assert (witness["final"], [one["name"] for one in witness["anomalies"]]) == (
        {"alice": "off", "bob": "off"},
        ["G2-item"],
    )
    assert witness["refuted"] == [
        "repeatable-read",
        "serializable",
        "strong-session-serializable",
        "strict-serializable",
    ]


def test_a_script_of_the_users_own() -> None:
    """`probe` takes any script; three sessions get three columns."""
    script = Interleaving(
        name="mine",
        anomaly="P4",
        forbidden_by="cursor-stability",
        story="Mine.",
        source="",
        sessions={
            "A": {"a": [read("n")], "b": [write("n", 1)], "c": [COMMIT]},
            "B": {"d": [read("n"), write("n", 2), COMMIT]},
            "C": {"e": [read("n"), COMMIT]},
        },
        orders=("a d b e c",),
    )
    lines = printed(probe(UnguardedTarget(), STRICT, interleavings=(script,)))
    start = lines.index("  A            B            C")
    assert lines[start + 1 : start + 8] == [
        "  r n → none",
        "               r n → none",
        "               w n 2",
        "               commit",
        "  w n 1",
        "                            r n → 2",
        "                            commit",
    ]
