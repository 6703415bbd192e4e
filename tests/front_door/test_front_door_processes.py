"""Runs in processes of their own: as many as asked for, the same results, and a crash that takes nothing with it."""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anomalist.suites import ON_KEYS

ROOT = Path(__file__).resolve().parent.parent.parent

CRASHING = '''
import os
import signal

from harness.target import Capabilities
from harness.targets.reference import ReferenceTarget


class Crashing(ReferenceTarget):
    """Correct, until its process dies in the middle of the 200th commit."""

    name = "crashing"
    capabilities = Capabilities(kinds=ReferenceTarget.capabilities.kinds, native=True)

    def session(self, level):
        session = super().session(level)
        commit = session.commit

        def counted():
            self.commits = getattr(self, "commits", 0) + 1
            if self.commits == 200:
                os.kill(os.getpid(), signal.SIGSEGV)
            commit()

        session.commit = counted
        return session
'''


def anomalist(*words: str, cwd: Path) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON document and stderr of a command."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "anomalist", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_several_at_a_time_give_what_one_at_a_time_gives(tmp_path: Path) -> None:
    """With -j 2 every run leaves the same history, byte for byte, and the same verdict, in the same order."""
    words = ("run", "-i", "snapshot-isolation", "--expect", "serializable", "--txns", "300", "--seed", "3", "--json")
    one, first, _ = anomalist(*words, "--out", "one", cwd=tmp_path)
    two, second, _ = anomalist(*words, "-j", "2", "--out", "two", cwd=tmp_path)
    assert one == two == 1
    judged = [
        [(run["workload"], run["outcome"], [a["fingerprint"] for a in run["anomalies"]]) for run in document["runs"]]
        for document in (first, second)
    ]
    assert judged[0] == judged[1]
    assert len(judged[0]) == len(ON_KEYS)
    for history in sorted((tmp_path / "one" / "runs").glob("*/history")):
        other = tmp_path / "two" / history.relative_to(tmp_path / "one")
        names = sorted(path.name for path in history.iterdir())
        assert filecmp.cmpfiles(history, other, names, shallow=False) == (names, [], [])


def test_a_crash_of_the_database_is_trouble_and_its_log_is_judged(tmp_path: Path) -> None:
    """A native crash ends with exit 4 and a sentence, and what was recorded before it is judged, never accused."""
    (tmp_path / "crashing.py").write_text(CRASHING)
    words = (
        "run",
        "-t",
        "crashing:Crashing",
        "-w",
        "list-append",
        "-w",
        "counter",
        "--schedule",
        "threads",
        "--json",
    )
    code, document, stderr = anomalist(*words, "--json", "--out", "out", cwd=tmp_path)
    assert code == 4
    assert "Traceback" not in stderr
    assert [run["outcome"] for run in document["runs"]] == ["unknown", "unknown"]
    for run in document["runs"]:
        assert run["trouble"] == (
            "the process in which crashing ran was killed by SIGSEGV; what was recorded until then is judged"
        )
        assert run["anomalies"] == []
        assert run["stats"]["txns"] >= 150


@pytest.mark.parametrize("target", ["nowhere:Target", "sochdb:colour=red"])
def test_what_cannot_start_is_said_from_a_process_too(tmp_path: Path, target: str) -> None:
    """A target that cannot be made ends with one sentence, also with several jobs."""
    code, _, stderr = anomalist("run", "-t", target, "-j", "2", cwd=tmp_path)
    assert code in (2, 4)
    assert stderr.startswith("anomalist: ")
    assert stderr.count("\n") == 1
