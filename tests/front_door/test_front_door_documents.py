"""What stands on stdout and in files: JSON documents, JUnit, pages, colours, and the catalogues' lists."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from front_door_commands import WRITE_SKEW, Finished

import anomalist

Command = Callable[..., Finished]

KINDS = ("anomalies", "checkers", "interleavings", "levels", "suites", "targets", "workloads")
JUDGED_KEYS = {
    "outcome",
    "expected",
    "anomalies",
    "refuted",
    "strongest",
    "proven",
    "doubts",
    "reason",
    "sentence",
    "evidence",
    "needed",
    "stats",
}
RUN_KEYS = JUDGED_KEYS | {
    "target",
    "target_version",
    "settings",
    "level",
    "workload",
    "seed",
    "schedule",
    "clients",
    "command",
    "directory",
    "seconds",
}
ANOMALY_KEYS = {"name", "count", "allowed", "fingerprint", "witness", "txns", "sentence"}


@pytest.fixture
def skew(command: Command, tmp_path: Path) -> str:
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    return "skew.edn"


def document(finished: Finished) -> dict[str, Any]:
    """stdout is one JSON document and stderr is empty."""
    assert finished.err == ""
    found: dict[str, Any] = json.loads(finished.out)
    assert found["schema_version"] == 1
    return found


def names_of(kind: str, command: Command) -> list[str]:
    return [row["name"] for row in document(command("list", kind, "--json"))["rows"]]


# JSON


def test_document_of_run(command: Command) -> None:
    """`run --json` prints the document of the run, and nothing else."""
    finished = command(
        "run", "-w", "list-append", "-w", "set", "--txns", "200", "--seed", "5", "--out", "out", "--json"
    )
    found = document(finished)
    assert finished.code == 0
    assert set(found) == {"schema_version", "outcome", "suite", "command", "seconds", "runs", "out"}
    assert (found["outcome"], found["suite"], found["out"]) == ("pass", "quick", "out")
    first, second = found["runs"]
    assert set(first) == set(second) == RUN_KEYS
    assert [first[name] for name in ("target", "level", "workload", "seed", "schedule", "clients")] == [
        "reference",
        "serializable",
        "list-append",
        5,
        "steps",
        5,
    ]
    assert {"txns", "edges", "seconds"} <= set(first["stats"])
    assert Path("out", first["directory"], "history/format.json").exists()
    assert (first["anomalies"], first["refuted"], first["reason"]) == ([], [], "")
    assert first["strongest"] == ["strict-serializable"]


def test_document_of_check(command: Command, skew: str) -> None:
    """`check --json` prints one entry per history, with one anomaly per name and fingerprint."""
    finished = command("check", skew, "--expect", "serializable", "--json")
    found = document(finished)
    assert finished.code == 1
    assert set(found) == {"schema_version", "outcome", "histories"}
    (entry,) = found["histories"]
    assert set(entry) == JUDGED_KEYS | {"history", "format"}
    assert (entry["history"], entry["outcome"], entry["expected"]) == (skew, "fail", "serializable")
    assert entry["refuted"] == [
        "repeatable-read",
        "serializable",
        "strong-session-serializable",
        "strict-serializable",
    ]
    assert "strong-snapshot-isolation" in entry["strongest"]
    (anomaly,) = entry["anomalies"]
    assert set(anomaly) == ANOMALY_KEYS
    assert (anomaly["name"], anomaly["count"], anomaly["allowed"], anomaly["txns"]) == ("G2-item", 1, False, [0, 1])
    assert len(anomaly["fingerprint"]) == len(anomaly["witness"]) == 16
    assert int(anomaly["fingerprint"], 16) != int(anomaly["witness"], 16)
    assert entry["stats"]["txns"] == 3


def test_only_some_anomalies_count(command: Command, skew: str) -> None:
    """With --anomalies the others are neither listed nor refute anything."""
    finished = command("check", skew, "--anomalies", "G0,G1c", "--json")
    entry = document(finished)["histories"][0]
    assert (finished.code, entry["outcome"], entry["anomalies"], entry["refuted"]) == (0, "pass", [], [])


def test_codes_of_several_histories(command: Command, skew: str, tmp_path: Path) -> None:
    """Over several histories the worst code wins: 1 before 3 before 5 before 0."""
    (tmp_path / "overlap.edn").write_text(WRITE_SKEW.replace(":process 1", ":process 0"))
    (tmp_path / "empty.edn").write_text("")
    expected = ("--expect", "snapshot-isolation")
    assert command("check", skew, "empty.edn", "overlap.edn").code == 1
    assert command("check", skew, "empty.edn", "overlap.edn", *expected).code == 3
    assert command("check", skew, "empty.edn", *expected).code == 5
    assert command("check", skew, *expected).code == 0


def test_what_a_target_prints_is_not_in_the_document(command: Command, own_module: Callable[[str], str]) -> None:
    """stdout holds the result only, even where a driver prints."""
    name = own_module(
        "from examples.own_target import DictTarget, DictSession\n"
        "class Loud(DictTarget):\n"
        "    def open(self):\n"
        "        print('connected')\n"
        "        super().open()\n"
    )
    finished = command("run", "-t", f"{name}:Loud", "-w", "set", "--txns", "60", "--json")
    assert json.loads(finished.out)["schema_version"] == 1


# Files


def test_all_reports_of_a_run(command: Command) -> None:
    """--report html,json,junit,md leaves all four, and the JSON file is what --json printed."""
    words = ("run", "-i", "snapshot-isolation", "--expect", "serializable", "-w", "write-skew", "--txns", "200")
    finished = command(*words, "--report", "html,json,junit,md", "--out", "out", "--json")
    assert finished.code == 1
    assert {path.name for path in Path("out").iterdir()} == {
        "junit.xml",
        "report.html",
        "report.json",
        "report.md",
        "runs",
        "suite.json",
        "verdicts.json",
    }
    assert json.loads(Path("out/report.json").read_text()) == document(finished)
    root = Xml.fromstring(Path("out/junit.xml").read_text())  # noqa: S314 - our own output.
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["1", "1", "0", "0"]
    fingerprint = document(finished)["runs"][0]["anomalies"][0]["fingerprint"]
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("type") == "G2-item"
    assert fingerprint in (failure.text or "")
    assert fingerprint in Path("out/report.html").read_text()
    assert f"fingerprint `{fingerprint}`" in Path("out/report.md").read_text()


def test_no_page_unless_asked(command: Command) -> None:
    """--report json leaves no page."""
    assert command("run", "-w", "set", "--txns", "60", "--report", "json", "--out", "out").code == 0
    assert Path("out/report.json").exists()
    assert not Path("out/report.html").exists()


def test_the_default_place(command: Command) -> None:
    """Without --out a run lands in anomalist-runs, named by suite and seed, and `latest` leads to the newest."""
    assert command("run", "-w", "set", "--txns", "60", "--seed", "3").code == 0
    finished = command("run", "-w", "set", "--txns", "60", "--seed", "4")
    latest = Path("anomalist-runs/latest")
    assert latest.is_symlink()
    assert latest.resolve().name.endswith("-quick-4")
    assert finished.out.splitlines()[-1] == f"report  anomalist-runs/{latest.resolve().name}/report.html"
    assert len(list(Path("anomalist-runs").iterdir())) == 3


def test_check_of_a_run_directory_rewrites_its_verdicts(command: Command, recorded: Path) -> None:
    """On one of our own run directories `check` replaces verdicts.json, and `report` shows what is then in it."""
    finished = command("check", "recorded", "--expect", "read-committed", "--json")
    assert finished.code == 0
    assert [one["expected"] for one in document(finished)["histories"]] == ["read-committed"] * 2
    assert set(re.findall(r'"expected": "(.*)"', (recorded / "verdicts.json").read_text())) == {"read-committed"}
    assert command("report", "recorded").code == 0
    page = (recorded / "report.html").read_text()
    assert "read-committed" in page
    assert "strict-serializable" not in page.partition("</header>")[0]
    assert command("check", "recorded").code == 0
    assert '"expected": "read-committed"' not in (recorded / "verdicts.json").read_text()


def test_check_makes_a_run_directory_of_a_foreign_history(command: Command, skew: str) -> None:
    """`check --out` keeps a foreign history with a report, and the directory can be checked and reported again."""
    finished = command("check", skew, "--out", "kept", "--json")
    assert finished.code == 1
    page = Path("kept/report.html").read_text()
    anomaly = document(finished)["histories"][0]["anomalies"][0]
    assert anomaly["fingerprint"] in page
    again = command("check", "kept", "--json")
    assert again.code == 1
    assert document(again)["histories"][0]["anomalies"] == [anomaly]
    Path("kept/report.html").unlink()
    assert command("report", "kept").out == "kept/report.html\n"
    assert anomaly["fingerprint"] in Path("kept/report.html").read_text()


def test_pages_of_several_runs(command: Command, recorded: Path) -> None:
    """`report` prints the path of each page that it wrote, beside its run or where --out says."""
    assert command("report", "recorded", "recorded").out == "recorded/report.html\n" * 2
    finished = command("report", "recorded", "--out", "page.html")
    assert (finished.code, finished.out, finished.err) == (0, "page.html\n", "")
    assert Path("page.html").read_bytes() == (recorded / "report.html").read_bytes()


def test_a_page_that_is_too_big(command: Command, recorded: Path) -> None:
    """A page above --max-size is not written, exit 2, and an earlier one is left as it was."""
    (recorded / "report.html").write_text("earlier")
    refused = command("report", "recorded", "--max-size", "0.01")
    assert refused.code == 2
    finished = command("run", "--txns", "600", "--out", "big")
    assert finished.code == 0
    Path("big/report.html").write_text("earlier")
    refused = command("report", "big", "--max-size", "0.1")
    assert (refused.code, refused.out) == (2, "")
    assert "more than --max-size 0.1" in refused.err
    assert Path("big/report.html").read_text() == "earlier"
    assert command("report", "big", "--max-size", "20").code == 0


# Colour


def test_colour_only_where_it_is_wanted(command: Command, skew: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No terminal, no colour; --color always brings it even against NO_COLOR, --color never takes it away."""
    assert "\x1b" not in command("check", skew).out
    assert "\x1b[1;31mFAIL" in command("check", skew, "--color", "always").out
    assert "\x1b" not in command("check", skew, "--color", "never").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in command("check", skew).out
    assert "\x1b[1;31mFAIL" in command("check", skew, "--color", "always").out
    assert "\x1b" not in command("check", skew, "--color", "always", "--json").out
    for words in (("list", "levels"), ("explain", "G0"), ("doctor",)):
        assert "\x1b" not in command(*words).out


def test_colour_does_not_bring_a_moving_bar_into_a_log(command: Command, skew: str) -> None:
    """--color always colours the result; a progress display still needs a terminal on stderr."""
    assert command("check", skew, "--color", "always").err == ""
    assert command("run", "-w", "set", "--txns", "60", "--color", "always").err == ""


# Catalogues


@pytest.mark.parametrize("kind", KINDS)
def test_lists(command: Command, kind: str) -> None:
    """`list KIND` prints every name with a sentence, in JSON and for people."""
    rows = document(command("list", kind, "--json"))
    assert set(rows) == {"schema_version", "kind", "rows"}
    assert rows["kind"] == kind
    assert all(set(row) == {"name", "sentence"} and row["name"] and row["sentence"] for row in rows["rows"])
    finished = command("list", kind)
    assert (finished.code, finished.err) == (0, "")
    first_words = {line.split(" ")[0] for line in finished.out.splitlines()}
    assert {row["name"] for row in rows["rows"]} <= first_words


@pytest.mark.parametrize("kind", KINDS)
def test_every_listed_name_is_explained(command: Command, kind: str) -> None:
    """`explain` knows every name that a list shows, and says more than the name."""
    for name in names_of(kind, command):
        finished = command("explain", name)
        assert (finished.code, finished.err) == (0, ""), name
        assert name in finished.out
        assert len(finished.out.split()) > 8, name


def test_explained_anomaly(command: Command) -> None:
    """An anomaly is explained with its drawing and the levels that it refutes."""
    lines = command("explain", "G2-item").out.splitlines()
    assert lines[0] == "anomaly G2-item (Adya 1999; Berenson 1995 (write skew, phantom))"
    assert any("read y = [] · append x 1" in line for line in lines)
    assert any(line.startswith("Refutes repeatable-read, and so every level above: serializable, ") for line in lines)


def test_a_checker_of_several_files_is_explained_by_what_it_does(command: Command) -> None:
    """Not the table of its files is shown, but what stands where it begins."""
    assert "T1 had ended, so x was 1" in command("explain", "linearizable").out
    assert "each ends in a proof, a contradiction, or a doubt" in command("explain", "rw-register").out


def test_doctor(command: Command) -> None:
    """`doctor` says what works: exit 0 where the embedded target, the checkers and the place for runs do."""
    finished = command("doctor", "--json")
    found = document(finished)
    assert finished.code == 0
    assert set(found) == {"schema_version", "findings"}
    works = {one["name"]: one["works"] for one in found["findings"]}
    assert works["target reference"] is works["checkers"] is works["place for runs"] is True
    assert {"python", "target sochdb"} <= set(works)
    plain = command("doctor")
    assert (plain.code, plain.err) == (0, "")
    assert "target reference  works" in plain.out
    assert list(Path.cwd().iterdir()) == []


def test_doctor_in_a_place_that_cannot_be_written(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no run could be recorded, `doctor` names the place and exits with 4."""
    monkeypatch.chdir("/proc")
    finished = command("doctor", "--json")
    assert finished.code == 4
    place = next(one for one in document(finished)["findings"] if one["name"] == "place for runs")
    assert place["works"] is False
    assert place["detail"].endswith("run elsewhere or use --out")


def test_version(command: Command) -> None:
    """--version prints the program and its version."""
    assert command("--version") == (0, f"anomalist {anomalist.__version__}\n", "")


@pytest.mark.parametrize("verb", ["run", "probe", "check", "report", "list", "explain", "doctor"])
def test_help_of_every_verb(command: Command, verb: str) -> None:
    """Every verb has help, and stands in the help of the program."""
    finished = command(verb, "--help")
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.startswith(f"Usage: anomalist {verb}")
    assert f"\n  {verb} " in command("--help").out
