"""Runs that are killed or interrupted: what they recorded is judged, and nobody is accused for the rest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from front_door_commands import Finished, child, started

Command = Callable[..., Finished]

LONG = ("run", "-w", "list-append", "--schedule", "threads", "--txns", "1000000", "--time-limit", "600")
RUN = Path("runs/reference-serializable-list-append-0")
LOG_BYTES = 60_000

HANGS = """\
import threading
from examples.own_target import DictSession, DictTarget
from pathlib import Path

class Target(DictTarget):
    name, steps = "hanging", 0
    def session(self, level): return Session(self)

class Session(DictSession):
    def step(self, op):
        Target.steps += 1
        if Target.steps > 100:
            Path("hangs").touch()
            threading.Event().wait()
        return super().step(op)
"""


def wait_for(seen: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Look again and again until it is so; a process that has ended meanwhile will never make it so."""
    while not seen():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def log_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("runs/*/events.log"))


def read_until(stream: IO[str] | None, words: str) -> str:
    assert stream is not None
    text = ""
    while words not in text:
        line = stream.readline()
        assert line, text
        text += line
    return text


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run that was killed by SIGKILL in the middle of its work."""
    place = tmp_path_factory.mktemp("killed")
    process = started(*LONG, "--out", "out", cwd=place)
    wait_for(lambda: log_bytes(place / "out") > LOG_BYTES, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (place / "out/suite.json").exists()
    return place / "out"


def test_a_killed_run_is_judged_from_its_log(killed: Path, command: Command) -> None:
    """`check` judges what the log holds, accuses nobody, and says what was cut."""
    finished = command("check", killed, "--json")
    entry = json.loads(finished.out)["histories"][0]
    assert finished.code != 1
    assert entry["anomalies"] == []
    assert entry["stats"]["txns"] > 100
    assert entry["evidence"]["transactions committed"] > 50
    unknown = entry["evidence"]["unknown"]
    without = "1 transaction has" if unknown == 1 else f"{unknown} transactions have"
    assert entry["cut"] == (
        f"the run was killed or could not go on writing: {without} no outcome, "
        "and transactions that were still open then are missing"
    )
    text = " ".join(command("check", killed).out.split())
    assert f"list-append seed 0: evidence: the history is not whole: {entry['cut']}" in text


def test_a_killed_run_is_valid_or_inconclusive(killed: Path, command: Command) -> None:
    """The exit code about a killed run of a correct engine is 0 or 3."""
    assert command("check", killed).code in {0, 3}


def test_a_killed_run_is_reported(killed: Path, command: Command) -> None:
    """`report` makes the page of a killed run, which says that it is not whole."""
    finished = command("report", killed)
    assert (finished.code, finished.out) == (0, f"{killed / 'report.html'}\n")
    assert "the run was killed or could not go on writing" in (killed / "report.html").read_text()


def test_a_single_run_of_a_killed_suite_is_judged(killed: Path, command: Command) -> None:
    """The directory of a single run can be named as well as that of its suite."""
    finished = command("check", killed / RUN, "--json")
    assert finished.code != 1
    assert json.loads(finished.out)["histories"][0]["stats"]["txns"] > 100


def test_a_torn_tail_is_cut(killed: Path, command: Command) -> None:
    """A log that ends inside a frame loses that frame, says so, and accuses nobody."""
    log = killed / RUN / "events.log"
    whole = log.read_bytes()
    try:
        log.write_bytes(whole[: len(whole) // 2 + 1])
        finished = command("check", killed, "--json")
    finally:
        log.write_bytes(whole)
    entry = json.loads(finished.out)["histories"][0]
    assert finished.code != 1
    assert entry["anomalies"] == []
    assert entry["cut"]


def test_an_interrupted_run_leaves_an_honest_report(tmp_path: Path) -> None:
    """SIGINT ends the run well: exit 130, a summary, a page, a sealed history; UNKNOWN although nothing was found."""
    process = started(*LONG, "--out", "out", "--json", cwd=tmp_path)
    wait_for(lambda: log_bytes(tmp_path / "out") > LOG_BYTES, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert err.strip() == "anomalist: stopping; what is recorded will be judged. Again to quit at once."
    run = json.loads(out)["runs"][0]
    assert (run["outcome"], run["reason"], run["interrupted"]) == ("unknown", "interrupted", True)
    assert run["sentence"] == "the run was stopped by hand before it was done"
    assert run["anomalies"] == []
    assert run["stats"]["txns"] > 100
    assert (tmp_path / "out" / RUN / "history/format.json").exists()
    assert "the run was stopped by hand before it was done" in (tmp_path / "out/report.html").read_text()
    assert child("report", "out", cwd=tmp_path).code == 0


def test_an_interrupted_suite_names_what_did_not_run(tmp_path: Path) -> None:
    """An honest partial report says which workloads of the suite were not run at all."""
    process = started(*LONG, "-w", "set", "-w", "bank", "--out", "out", cwd=tmp_path)
    wait_for(lambda: log_bytes(tmp_path / "out") > LOG_BYTES, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    told = out.partition("repeat")[0] + (tmp_path / "out/report.html").read_text().partition("<footer")[0]
    told = told.replace(" -w set", "").replace(" -w bank", "")
    assert "bank" in told


def test_the_second_interrupt_quits_at_once(tmp_path: Path) -> None:
    """While calls hang, the first SIGINT waits for them and the second does not: 130, the log stays, no page."""
    (tmp_path / "own.py").write_text(HANGS)
    words = ("run", "-w", "list-append", "-t", "own:Target", "--timeout", "3600", "--out", "out")
    process = started(*words, cwd=tmp_path)
    wait_for((tmp_path / "hangs").exists, process)
    process.send_signal(signal.SIGINT)
    read_until(process.stderr, "Again to quit at once.")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err.strip()) == (130, "", "anomalist: interrupted.")
    assert not (tmp_path / "out/report.html").exists()
    checked = child("check", "out", "--json", cwd=tmp_path)
    assert checked.code != 1
    assert json.loads(checked.out)["histories"][0]["stats"]["txns"] > 5


def test_a_killed_run_of_several_processes_ends_quietly(tmp_path: Path) -> None:
    """With -j, the processes of a killed run end as well, and without a traceback."""
    process = started(*LONG, "-w", "set", "-j", "2", "--out", "out", cwd=tmp_path)
    wait_for(lambda: log_bytes(tmp_path / "out") > LOG_BYTES, process)
    process.kill()
    _, err = process.communicate()  # Ends when the last process that holds stderr is gone.
    assert "Traceback" not in err


def test_an_interrupted_run_of_several_processes(tmp_path: Path) -> None:
    """With -j, an interrupt of the whole group, as a terminal sends it, ends each run well: one page, exit 130."""
    process = started(*LONG, "-w", "set", "-j", "2", "--out", "out", "--json", cwd=tmp_path)
    wait_for(lambda: log_bytes(tmp_path / "out") > LOG_BYTES, process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert err.strip() == "anomalist: stopping; what is recorded will be judged. Again to quit at once."
    assert [run["reason"] for run in json.loads(out)["runs"]] == ["interrupted", "interrupted"]
    assert (tmp_path / "out/report.html").exists()


def test_an_interrupt_while_calls_hang_is_bounded(tmp_path: Path) -> None:
    """One SIGINT while calls hang ends after the time-out: exit 130 and a page with the UNKNOWN transaction."""
    (tmp_path / "own.py").write_text(HANGS)
    words = ("run", "-w", "list-append", "-t", "own:Target", "--timeout", "2", "--out", "out", "--json")
    process = started(*words, cwd=tmp_path)
    wait_for((tmp_path / "hangs").exists, process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 130
    assert json.loads(out)["runs"][0]["evidence"]["unknown"] >= 1
    assert (tmp_path / "out/report.html").exists()
