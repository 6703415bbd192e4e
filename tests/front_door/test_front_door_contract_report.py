"""What a run of the contract suite leaves behind, and that its page can be made again from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from front_door_commands import Finished, one_sentence

from anomalist.recorded import load_finished, stored_suite

Command = Callable[..., Finished]

TARGET = "reference:mutant=nothing-is-judged"


@pytest.fixture
def ran(command: Command) -> Finished:
    """The scenario of lost updates on an engine that judges nothing, with every report."""
    words = ("run", "contract", "-t", TARGET, "--check", "A1", "--report", "html,json,junit,md")
    finished = command(*words, "--out", "out")
    assert finished.code == 1
    return finished


def test_every_report_tells_the_same(ran: Finished) -> None:
    """Terminal, JSON, JUnit, Markdown and page have the finding and the same failed checks."""
    found = json.loads(Path("out/report.json").read_text())["runs"][0]
    failed = [one["id"] for one in found["checks"] if one["outcome"] == "fail"]
    assert found["outcome"] == "fail"
    assert failed
    assert failed[0] == "A1.2"
    cases = Xml.fromstring(Path("out/junit.xml").read_text()).iter("testcase")  # noqa: S314 - our own output.
    named = {(one.get("name") or "").split(" ")[0]: one for one in cases}
    markdown, page = Path("out/report.md").read_text(), Path("out/report.html").read_text()
    assert "1. Lost update (A1)" in ran.out
    for check in failed:
        assert named[check].find("failure") is not None
        assert f"- **{check}** " in markdown
        assert f'<tr id="c-{check}">' in page
        assert f"✕ {check}  " in ran.out


def test_the_page_is_made_again_from_what_lies_there(ran: Finished, command: Command) -> None:
    """`report` writes the same bytes, the checks and the recorded histories included."""
    first = Path("out/report.html").read_bytes()
    Path("out/report.html").unlink()
    assert command("report", "out").code == 0
    assert Path("out/report.html").read_bytes() == first
    assert b'id="f-A1"' in first


def test_judging_again_keeps_the_checks(ran: Finished) -> None:
    """What `check` renews the page of a run directory from has the checks that lie there."""
    found = stored_suite([], "", Path("out")).contract
    assert found is not None
    assert found == load_finished(Path("out"))[0].contract
    assert [one.id for one in found.results][:2] == ["A1.1", "A1.2"]


def test_a_damaged_file_of_checks_is_refused(ran: Finished, command: Command) -> None:
    """A torn or newer contract.json is one sentence and exit 2; no page without the checks is written."""
    path = Path("out/contract.json")
    whole = path.read_text()
    Path("out/report.html").unlink()
    for text, said in (
        (whole[:-40], "is damaged"),
        (whole.replace('"format_version": 1', '"format_version": 9'), "has format version 9"),
    ):
        path.write_text(text)
        finished = command("report", "out")
        assert finished.code == 2
        assert said in one_sentence(finished)
        assert not Path("out/report.html").exists()
