"""Words that the command line does not know, and places that it cannot write to: exit 2 with the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from front_door_commands import Finished, one_sentence

from anomalist.suites import WORKLOADS

Command = Callable[..., Finished]

SMALL = ("run", "-w", "set", "--txns", "20")
OWN_KNOWN = "known: reference, sochdb, or a class of yours as module.path:Class."


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "nonsense"), "unknown suite 'nonsense'; known suites: quick, standard, models, contract."),
        (
            ("run", "-w", "nonsense"),
            f"unknown workload 'nonsense'; known workloads: {', '.join(WORKLOADS)}.",
        ),
        (
            ("run", "-i", "repeatable-read"),
            "target reference does not run at level 'repeatable-read'; it knows: serializable, snapshot-isolation, "
            "read-committed.",
        ),
        (("run", "-t", "nonsense"), f"unknown target 'nonsense'; {OWN_KNOWN}"),
        (("run", "-t", "sochbd"), f"unknown target 'sochbd' (did you mean sochdb?); {OWN_KNOWN}"),
        (
            ("run", "-t", "no_such_module:Target"),
            f"there is no module 'no_such_module' here; unknown target 'no_such_module'; {OWN_KNOWN}",
        ),
        (("run", "-t", "reference:path"), "the option 'path' of target reference is not written key=value."),
        (("run", "--shard", "99/99", "--txns", "20"), "nothing is left to run in shard 99 of 99."),
        (("report", "nowhere"), "nowhere is not a run directory; make one of a history file with check --out DIR."),
        (("report", "."), ". holds no run; name a run directory, or run it again."),
        (("check", "."), ". holds no run; name a run directory, or run it again."),
        (
            ("list",),
            "Missing argument 'KIND'. Choose from: anomalies, checkers, checks, interleavings, levels, mutants, "
            "suites, targets, workloads; see `anomalist list --help`.",
        ),
    ],
)
def test_unknown_names(command: Command, words: tuple[str, ...], sentence: str) -> None:
    """An unknown name is refused in one sentence that names those known, and nothing is recorded."""
    finished = command(*words)
    assert (finished.code, one_sentence(finished)) == (2, sentence)
    assert list(Path.cwd().iterdir()) == []


def test_unknown_option_of_a_target(command: Command) -> None:
    """An option that a target does not take is refused with those that it takes."""
    finished = command("run", "-t", "reference:colour=red")
    assert finished.code == 2
    assert one_sentence(finished).startswith("the reference target has no option 'colour'; it has path, ")


def test_unknown_level_to_expect(command: Command) -> None:
    """A level that is not in the lattice is refused before anything runs."""
    finished = command("run", "--expect", "acid")
    assert finished.code == 2
    assert one_sentence(finished).startswith("unknown level 'acid'; known levels: read-uncommitted, read-committed, ")
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gate", "x"), ("'gate'",)),
        (("run", "--faults", "kill"), ("--faults",)),
        (("check", "x", "--format", "xml"), ("--format", "'xml'", "'auto'", "'edn'", "'jsonl'", "'json'")),
        (("run", "--report", "pdf"), ("--report", "unknown report 'pdf'", "known: html, json, junit")),
        (("run", "--schedule", "random"), ("--schedule", "'steps'", "'threads'")),
        (("run", "--color", "blue"), ("--color", "'auto'", "'always'", "'never'")),
        (("run", "--seed", "-1"), ("--seed", "0<=x<=")),
        (("run", "--seed", "seven"), ("--seed", "'seven'")),
        (("run", "--txns", "0"), ("--txns", "1<=x<=")),
        (("run", "--clients", "0"), ("--clients", "1<=x<=")),
        (("run", "--timeout", "0"), ("--timeout", "0<x<=")),
        (("run", "--shard", "3/2"), ("--shard", "1 <= i <= n", "2/3")),
        (("run", "quick", "more"), ("more",)),
        (("check",), ("HISTORY",)),
        (("list", "nonsense"), ("'nonsense'", "'anomalies'", "'levels'", "'workloads'")),
    ],
)
def test_unknown_verbs_flags_and_formats(command: Command, words: tuple[str, ...], said: tuple[str, ...]) -> None:
    """What is not built does not exist: exit 2, the last line says what is wrong, and nothing is recorded."""
    finished = command(*words)
    assert (finished.code, finished.out) == (2, "")
    assert all(part in finished.err.splitlines()[-1] for part in said), finished.err
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("words", [("gate", "x"), ("run", "--report", "pdf"), ("run", "--txns", "0")])
def test_usage_errors_are_one_sentence_too(command: Command, words: tuple[str, ...]) -> None:
    """Every error has one form: a sentence after the program's name."""
    one_sentence(command(*words))


def test_an_empty_level_to_expect_is_refused(command: Command) -> None:
    """--expect with nothing in it, as from an unset variable of a script, is not silently the default."""
    assert command(*SMALL, "--expect", "").code == 2


def test_explain_of_an_unknown_name(command: Command) -> None:
    """A name that no catalogue has is refused, with the nearest one and the command that shows all."""
    finished = command("explain", "G2-itm")
    assert finished.code == 2
    assert one_sentence(finished) == (
        "nothing is called 'G2-itm' (did you mean G2-item?); `anomalist list KIND` shows every name."
    )


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("file", "cannot use file: File exists; name a writable directory with --out."),
        ("file/below", "cannot use file/below: Not a directory; name a writable directory with --out."),
        ("full", "full is not empty; name a new or an empty directory with --out."),
        ("/proc/below", "cannot use /proc/below: No such file or directory; name a writable directory with --out."),
    ],
)
@pytest.mark.parametrize("words", [SMALL, ("check", "recorded")])
def test_places_that_cannot_be_used(
    command: Command, recorded: Path, words: tuple[str, ...], out: str, sentence: str
) -> None:
    """A place for results that is a file, lies below one, is not empty or cannot be written is refused unharmed."""
    Path("file").write_text("mine")
    Path("full").mkdir()
    Path("full/mine").write_text("mine")
    finished = command(*words, "--out", out)
    assert (finished.code, one_sentence(finished)) == (2, sentence)
    assert Path("file").read_text() == Path("full/mine").read_text() == "mine"
    assert [path.name for path in Path("full").iterdir()] == ["mine"]


def test_the_default_place_that_cannot_be_used(command: Command) -> None:
    """Where anomalist-runs is a file, the run is refused and the file is kept."""
    Path("anomalist-runs").write_text("mine")
    finished = command(*SMALL)
    assert finished.code == 2
    assert one_sentence(finished).endswith("File exists; name a writable directory with --out.")
    assert Path("anomalist-runs").read_text() == "mine"


def test_pages_that_cannot_be_written(command: Command, recorded: Path) -> None:
    """`report --out` below a folder that does not exist is refused with the remedy."""
    finished = command("report", "recorded", "--out", "nowhere/page.html")
    assert finished.code == 2
    assert one_sentence(finished) == (
        "cannot write nowhere/page.html: No such file or directory; name another file with --out."
    )


def test_one_page_for_several_runs(command: Command, recorded: Path) -> None:
    """`report --out` names one page, so it takes one run."""
    finished = command("report", "recorded", "recorded", "--out", "page.html")
    assert finished.code == 2
    assert one_sentence(finished) == ("--out names one page; leave it out to write each run's page beside the run.")
