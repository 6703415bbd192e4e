"""Real releases of SochDB through the whole command line: what is found in 0.5.2, and that 0.8.3 runs through."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from anomalist.suites import ON_KEYS

ROOT = Path(__file__).resolve().parent.parent.parent
INTERPRETERS = {"0.5.2": "ANOMALIST_SOCHDB_PYTHON_052", "0.8.3": "ANOMALIST_SOCHDB_PYTHON_083"}


def interpreter(release: str) -> str:
    """The Python that has this release, or a skip with the command that makes one."""
    found = os.environ.get(INTERPRETERS[release], "")
    if not found:
        pytest.skip(f"no Python with sochdb {release}: run `make sochdb` and set {INTERPRETERS[release]}")
    return found


@cache
def verdict(release: str, place: Path) -> tuple[int, dict[str, Any], Path]:
    """Exit code, document and directory of a run of the quick suite, smaller than by default."""
    out = place / f"sochdb-{release}"
    done = subprocess.run(
        [
            interpreter(release),
            "-m",
            "anomalist",
            "run",
            "-t",
            "sochdb",
            "--txns",
            "600",
            "--out",
            str(out),
            "--json",
        ],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), out


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sochdb")


def anomalies(document: dict[str, Any]) -> dict[str, set[str]]:
    """Workload → the names that refute what was expected."""
    return {
        run["workload"]: {one["name"] for one in run["anomalies"] if not one["allowed"]} for run in document["runs"]
    }


def test_0_5_2_loses_updates_and_lets_write_skew_through(place: Path) -> None:
    """Exit 1; lost updates, write skew, a phantom and wrong totals, each where its workload looks for it."""
    code, document, _ = verdict("0.5.2", place)
    assert code == 1
    assert {run["target_version"] for run in document["runs"]} == {"0.5.2"}
    found = anomalies(document)
    assert "lost-update" in found["counter"]
    assert {"lost-update", "wrong-total"} <= found["bank"]
    assert "G2-item" in found["write-skew"]
    assert "G2" in found["predicate-skew"]


def test_the_report_of_0_5_2_shows_both_with_their_cycles(place: Path) -> None:
    """The page holds a section with a drawn cycle for the lost update and for the write skew."""
    _, document, out = verdict("0.5.2", place)
    page = (out / "report.html").read_text()
    for workload, name in (("counter", "lost-update"), ("write-skew", "G2-item")):
        (run,) = [run for run in document["runs"] if run["workload"] == workload]
        (anomaly,) = [one for one in run["anomalies"] if one["name"] == name]
        at = page.index(f'id="a-{anomaly["fingerprint"]}')
        assert "<svg" in page[at : at + 20_000]
        assert anomaly["sentence"].split()[0] in page[at : at + 20_000]


def test_0_8_3_runs_through(place: Path) -> None:
    """The released version ends by itself with a verdict for every workload and no trouble."""
    code, document, _ = verdict("0.8.3", place)
    assert code in (0, 1, 3)
    assert [run.get("trouble", "") for run in document["runs"]] == [""] * len(ON_KEYS)
