"""`anomalist probe` as a user meets it: exit codes, the document, words it does not know, targets of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from front_door_commands import Finished, one_sentence

Command = Callable[..., Finished]
OwnModule = Callable[[str], str]

# The engine's snapshots, sold as serializable; and databases with a fault each, all with few operations for speed.
OWN = """\
from engine import IsolationLevel
from harness.target import Capabilities, TargetUnavailable
from harness.targets.reference import ReferenceTarget

class Plain(ReferenceTarget):
    levels = {"serializable": "strict-serializable"}
    capabilities = Capabilities(kinds=frozenset({"r", "w"}), steps=True)

class Oversold(Plain):
    def session(self, level):
        print("a driver that prints")
        session = super().session(level)
        session._isolation = IsolationLevel.SNAPSHOT
        return session

class Boasting(Plain):
    levels = {"serializable": "acid"}

class Undecided(Plain):
    levels = {"serializable": "PRAM"}

class Without(Plain):
    capabilities = Capabilities(kinds=frozenset({"append"}), steps=True)

class Absent(Plain):
    def open(self):
        raise TargetUnavailable("the server is not installed: install it")

class Closed(Plain):
    def session(self, level):
        raise OSError("no more connections")
"""


@pytest.fixture
def own(own_module: OwnModule) -> Callable[[str], str]:
    """The name of a target of the module above."""
    module = own_module(OWN)
    return lambda name: f"{module}:{name}"


def test_the_engine_keeps_its_promise(command: Command) -> None:
    """On the embedded engine, at a level of it, the matrix is printed and the exit code is 0; nothing is written."""
    finished = command("probe", "-i", "snapshot-isolation")
    assert (finished.code, finished.err) == (0, "")
    lines = finished.out.splitlines()
    assert lines[0] == "PASS  reference 0.1.0 keeps what it promises"
    assert lines[1].endswith(" s; snapshot-isolation promises strong-snapshot-isolation")
    assert "G2-item     write skew                     64 of 75" in [line.rstrip() for line in lines]
    assert lines[-1] == "repeat  anomalist probe -t reference -i snapshot-isolation"
    assert list(Path.cwd().iterdir()) == []


def test_a_broken_promise(command: Command, own: Callable[[str], str]) -> None:
    """A promise that what was read contradicts: exit 1, with the interleaving; what a driver prints is kept out."""
    finished = command("probe", "-t", own("Oversold"))
    assert finished.code == 1
    assert finished.out.startswith("FAIL  reference 0.1.0 breaks its promise at serializable\n")
    assert "G2-item at serializable: 18 of 20 orders break strict-serializable\n" in finished.out
    assert "G2-item: Each must come before the next: T1 → T2 → T1." in finished.out
    assert "no delete, scan" in finished.out
    assert "a driver that prints" not in finished.out
    assert "a driver that prints" in finished.err


def test_the_document(command: Command, own: Callable[[str], str]) -> None:
    """--json prints one document and nothing else, with the same exit code."""
    finished = command("probe", "-t", own("Plain"), "--json")
    found = json.loads(finished.out)
    assert (finished.code, finished.err) == (0, "")
    assert (found["schema_version"], found["outcome"]) == (1, "pass")
    assert [one["name"] for one in found["levels"]] == ["serializable"]
    assert found["command"].startswith("anomalist probe -t front_door_own_")
    rows = {row["name"]: row["cells"][0] for row in found["anomalies"]}
    assert list(rows)[:4] == ["G0", "G1a", "G1b", "G1c"]
    assert (rows["P4"]["orders"], rows["P4"]["seen"], rows["P4"]["prevented_by"]) == (40, 0, ["refused"])
    assert (rows["G2"]["orders"], rows["G2"]["lacking"]) == (0, ["delete", "scan"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("-i", "repeatable-read"),
            "target reference does not run at level 'repeatable-read'; it knows: serializable, snapshot-isolation, "
            "read-committed.",
        ),
        (
            ("-t", "nonsense"),
            "unknown target 'nonsense'; known: reference, sochdb, or a class of yours as module.path:Class.",
        ),
        (("-t", "reference:path"), "the option 'path' of target reference is not written key=value."),
        (("more",), "Got unexpected extra argument (more); see `anomalist probe --help`."),
    ],
)
def test_unknown_words(command: Command, words: tuple[str, ...], sentence: str) -> None:
    """What the command line does not know is refused in one sentence, exit 2."""
    finished = command("probe", *words)
    assert (finished.code, one_sentence(finished)) == (2, sentence)


def test_a_promise_that_is_no_level(command: Command, own: Callable[[str], str]) -> None:
    """A target that promises what is in no table is refused before anything runs."""
    finished = command("probe", "-t", own("Boasting"))
    assert finished.code == 2
    assert one_sentence(finished).startswith(
        "target reference promises at serializable: unknown level 'acid'; known levels: "
    )


def test_a_promise_that_cannot_be_judged(command: Command, own: Callable[[str], str]) -> None:
    """A promise that no anomaly of the scripts refutes is inconclusive: exit 3, with the reason."""
    finished = command("probe", "-t", own("Undecided"))
    assert finished.code == 3
    assert (
        "\nserializable: undecided: nothing that the brute-force checker looks for could refute PRAM\n"
        in finished.out
    )


def test_a_target_that_does_not_start(command: Command, own: Callable[[str], str]) -> None:
    """A target that is not there is trouble: exit 4, with its own sentence."""
    finished = command("probe", "-t", own("Absent"))
    assert (finished.code, one_sentence(finished)) == (4, "the server is not installed: install it.")


def test_a_target_that_fails(command: Command, own: Callable[[str], str]) -> None:
    """A target without sessions is trouble: exit 4; the matrix shows that nothing ran."""
    finished = command("probe", "-t", own("Closed"))
    lines = finished.out.splitlines()
    assert finished.code == 4
    assert "G0: no more connections" in lines
    assert sum(line.rstrip().endswith(("not run", "no scan", "no delete, scan")) for line in lines) == 13


def test_a_target_without_reads_and_writes(command: Command, own: Callable[[str], str]) -> None:
    """Where no script can be performed, nothing ran: exit 5."""
    finished = command("probe", "-t", own("Without"))
    assert finished.code == 5
    assert finished.out.startswith("UNKNOWN  ")
    assert sum("  no " in line for line in finished.out.splitlines()) == 13


def test_colour_only_where_it_is_wanted(command: Command, own: Callable[[str], str]) -> None:
    """--color always colours the result, and no terminal means no colour."""
    plain, coloured = (command("probe", "-t", own("Plain"), *words).out for words in ((), ("--color", "always")))
    assert "\x1b" not in plain
    assert "\x1b[1;32mPASS" in coloured


def test_scripts_are_listed_and_explained(command: Command) -> None:
    """`list interleavings` tells each story, and `explain` shows the sessions with their steps."""
    listed = command("list", "interleavings")
    assert listed.code == 0
    assert "on-call              Each of two doctors leaves if the other is still on call." in listed.out
    explained = command("explain", "G-single-predicate").out
    assert explained.startswith("interleaving G-single-predicate, about G-single (read skew; Hermitage, G-single)\n")
    assert "    T1  scan new..nex · r count · commit\n    T2  w new1 30 · w count 1 · commit\n" in explained
    assert "Performed by `anomalist probe` in 20 orders" in explained
