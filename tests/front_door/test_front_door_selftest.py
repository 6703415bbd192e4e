"""`selftest`: every mutant dies by what its row names, a survivor or an accusation fails, and all of it is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Command

from anomalist import instruments, selftest
from anomalist.instruments import Job, attempt
from anomalist.suites import ON_KEYS
from engine.mutants import MUTANTS, FoundBy, Mutant
from engine.mutants.rule import NothingIsJudged
from engine.ssi import SerializableRule
from harness.kills import Attempt, SelfTest, Subject

# Those that only threads or crashes show have tests of their own, in tests/engine, by the same searches.
QUICKLY_FOUND = [name for name, mutant in MUTANTS.items() if mutant.found_by.instrument not in {"race", "crash"}]


@pytest.mark.parametrize("name", [*QUICKLY_FOUND, "skips-stamps-when-alone", "forgets-the-rename"])
def test_each_mutant_is_found_by_what_its_row_names(name: str) -> None:
    """The instrument of the row finds one of the row's anomalies; in the engine it finds nothing."""
    by = MUTANTS[name].found_by
    found = attempt(Job(name, by.instrument, by.where, by.what, by.initial))
    assert found.found
    assert not by.what or set(by.what) & set(found.found)
    assert found.sentence
    if by.instrument not in {"refusal", "race", "crash"}:
        assert attempt(Job("", by.instrument, by.where, initial=by.initial)).found == ()


def test_the_catalogue_is_as_large_as_was_asked_for() -> None:
    """There are at least 25 mutants, each with a sentence of its own, and every instrument has something to find."""
    assert len(MUTANTS) >= 25
    sentences = [mutant.sentence for mutant in MUTANTS.values()]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence.endswith(".") for sentence in sentences)
    assert {mutant.found_by.instrument for mutant in MUTANTS.values()} == set(instruments.INSTRUMENTS)


def test_selftest_prints_one_document(command: Command) -> None:
    """Exit 0 and the shape that other tools rely on."""
    words = (
        "-m",
        "strict-comparison",
        "-m",
        "stamp-assigned",
        "-m",
        "codec-number-of-the-newest",
        "--clean-runs",
        "7",
    )
    finished = command("selftest", "--quick", *words, "-j", "1", "--json")
    assert finished.code == 0
    document = json.loads(finished.out)
    assert document["schema_version"] == 1
    assert [(one["name"], one["killed"]) for one in document["mutants"]] == [
        ("strict-comparison", True), ("stamp-assigned", True), ("codec-number-of-the-newest", True),
    ]  # fmt: skip
    by = [one["by"] for one in document["mutants"]]
    assert (by[0]["where"], by[0]["checker"], by[0]["txns"]) == ("write-skew", "write-skew", 250)
    assert "G2-item" in by[0]["found"]
    assert len(by[0]["witness"]) == 16
    assert (by[1]["instrument"], by[1]["txns"]) == ("schedule", 4)
    assert (by[2]["where"], by[2]["checks"]) == ("compression", 1)
    assert (document["clean"]["runs"], document["clean"]["accusations"]) == (7, 0)
    assert document["command"].startswith("anomalist selftest --quick -m strict-comparison")


def test_the_command_of_a_kill_repeats_it(command: Command) -> None:
    """What the document gives as the command finds the same anomaly with the same witness."""
    found = attempt(Job("strict-comparison", "workload", "write-skew", ("G2-item",)))
    words = found.command.split()[1:]
    finished = command(*words, "--json")
    assert finished.code == 1
    (run,) = json.loads(finished.out)["runs"]
    assert found.witness in {one["witness"] for one in run["anomalies"]}


def planted(monkeypatch: pytest.MonkeyPatch, part: type) -> None:
    """Put another part into the row of a mutant."""
    row = Mutant("strict-comparison", part, FoundBy("workload", "write-skew", ("G2-item",)))
    monkeypatch.setitem(MUTANTS, "strict-comparison", row)


def test_a_mutant_that_survives_fails(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1, and the survivor is named with what should have found it."""
    planted(monkeypatch, SerializableRule)
    finished = command("selftest", "-m", "strict-comparison", "--quick", "--clean-runs", "0", "-j", "1")
    assert finished.code == 1
    assert finished.out.startswith("FAIL  0 of 1 mutant killed")
    assert "SURVIVED" in finished.out
    assert "It was to be found by workload write-skew (G2-item)" in " ".join(finished.out.split())


def test_another_anomaly_than_the_row_names_is_no_kill() -> None:
    """A mutant that is found for another reason than its row says is not what the row takes it for."""
    subject = Subject("a", "s", "workload", "bank", ("wrong-total",))
    made = Attempt(mutant="a", instrument="workload", where="bank", found=("lost-update",))
    done = SelfTest(
        subjects=[subject], columns=("bank",), attempts=[made], clean=[], seconds=1, clean_seconds=0, command=""
    )
    assert done.survivors == [subject]


def test_an_accusation_of_the_engine_fails(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an instrument finds something in the engine itself, exit 1 and what it found."""
    monkeypatch.setattr("engine.store.Store.rule_class", NothingIsJudged)
    finished = command("selftest", "-m", "ttl-per-read", "--quick", "--clean-runs", "3", "-j", "1")
    assert finished.code == 1
    assert "the engine itself is accused by workload write-skew: G2-item" in finished.out


def test_without_quick_all_workloads_are_tried(command: Command) -> None:
    """The matrix says for each stock workload whether it finds the mutant too."""
    finished = command("selftest", "-m", "ranges-forgotten", "--clean-runs", "0", "-j", "1")
    assert finished.code == 0
    lines = [line.split() for line in finished.out.splitlines()]
    with_ranges = {"predicate-skew", "predicates"}
    assert ["ranges-forgotten", *("250" if name in with_ranges else "·" for name in ON_KEYS)] in lines


def test_processes_find_the_same(command: Command) -> None:
    """Several processes give the document that one gives, but for the seconds and the command."""
    documents: list[Any] = []
    for jobs in (1, 2):
        finished = command("selftest", "-m", "largest-out-edge", "--quick", "--clean-runs", "2", "-j", jobs, "--json")
        document = json.loads(finished.out)
        document["clean"].pop("seconds")
        documents.append((document["mutants"], document["clean"]))
    assert documents[0] == documents[1]


def test_an_interrupt_ends_it_with_what_there_is(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: exit 130, the kills so far are printed."""
    made = iter([attempt(Job("ttl-per-read", "contract", "ttl"))])

    def interrupted(job: Job) -> Attempt:
        try:
            return next(made)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(selftest, "attempt", interrupted)
    finished = command("selftest", "-m", "ttl-per-read", "-m", "strict-comparison", "--quick", "-j", "1")
    assert finished.code == 130
    assert "1 of 2 mutants killed" in finished.out
    assert "interrupted" in finished.out


def test_an_unknown_mutant_is_a_usage_error(command: Command) -> None:
    """Exit 2 and where to look."""
    finished = command("selftest", "-m", "no-such-thing")
    assert finished.code == 2
    assert "list mutants" in finished.err


def test_mutants_are_listed_and_explained(command: Command) -> None:
    """`list mutants` has every row, `explain` what must find it."""
    assert len(command("list", "mutants").out.splitlines()) >= len(MUTANTS)
    text = command("explain", "judged-as-snapshot-isolation").out
    assert "workload write-skew: G2-item" in text
    assert "-t reference:mutant=judged-as-snapshot-isolation" in text
