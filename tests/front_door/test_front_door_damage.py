"""Full disks, damaged run directories and files of a newer format: a sentence, and nothing recorded is lost."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from front_door_commands import WRITE_SKEW, Finished, child, one_sentence

Command = Callable[..., Finished]

SET_RUN = Path("runs/reference-serializable-set-0")
REMEDY = "delete the folder so that the run is read from its events.log, or run it again."
NEWER = "has format version 3 and this program reads version {}; use the version of the program that wrote it."


def make_newer(path: Path) -> None:
    newer, changed = re.subn(r'"format_version": [12]', '"format_version": 3', path.read_text())
    assert changed == 1
    path.write_text(newer)


# No space left


def test_no_space_for_the_log_ends_in_a_partial_report(tmp_path: Path) -> None:
    """Where the log cannot grow the run ends with exit 4; what was written is judged and says what is missing."""
    words = ("run", "-w", "list-append", "--txns", "600", "--report", "json", "--out", "out")
    finished = child(*words, cwd=tmp_path, file_size_bytes_max=20_000)
    assert finished.code == 4
    told = " ".join(finished.out.split())
    assert (
        "trouble: cannot write out/runs/reference-serializable-list-append-0/events.log: File too large; free some "
        "space or choose another directory with --out" in told
    )
    entry = json.loads((tmp_path / "out/report.json").read_text())["runs"][0]
    assert (entry["outcome"], entry["anomalies"]) == ("unknown", [])
    assert entry["stats"]["txns"] > 50
    assert entry["cut"]
    assert child("check", "out", cwd=tmp_path).code == 4
    assert child("report", "out", cwd=tmp_path).code == 0


def test_no_space_at_all_is_a_sentence(tmp_path: Path) -> None:
    """Where not even the first file can be written, exit 4 names the place."""
    words = ("run", "-w", "set", "--txns", "20", "--out", "out")
    finished = child(*words, cwd=tmp_path, file_size_bytes_max=100)
    assert finished.code == 4
    assert one_sentence(finished) == (
        "cannot write to out/runs/reference-serializable-set-0: File too large; choose another directory with --out."
    )


def test_no_space_for_the_page_leaves_the_recorded(tmp_path: Path) -> None:
    """Where only the page cannot be written, exit 4 has the remedy, and the run can be reported on afterwards."""
    words = ("run", "-w", "set", "--txns", "100", "--out", "out")
    finished = child(*words, cwd=tmp_path, file_size_bytes_max=24_000)
    assert finished.code == 4
    assert "File too large; free some space or name another place." in finished.err
    assert child("check", "out", cwd=tmp_path).code == 0
    assert child("report", "out", cwd=tmp_path).code == 0
    assert (tmp_path / "out/report.html").stat().st_size > 24_000


def test_no_space_for_the_page_names_the_page(tmp_path: Path) -> None:
    """The sentence about a page that cannot be written names it."""
    words = ("run", "-w", "set", "--txns", "100", "--out", "out")
    finished = child(*words, cwd=tmp_path, file_size_bytes_max=24_000)
    assert "out/report.html" in finished.err


def test_no_space_for_the_page_does_not_mask_a_fail(tmp_path: Path) -> None:
    """A fail is said even where its page could not be written: 1 comes before 4."""
    words = ("run", "-i", "snapshot-isolation", "--expect", "serializable", "-w", "write-skew", "--txns", "100")
    finished = child(*words, "--out", "out", cwd=tmp_path, file_size_bytes_max=24_000)
    assert finished.code == 1
    assert "G2-item" in finished.out


# Damaged run directories


@pytest.mark.parametrize("verb", ["check", "report"])
def test_a_damaged_column_is_named(command: Command, recorded: Path, verb: str) -> None:
    """A column whose bytes are not those that were written is refused by name, with the way back to the log."""
    column = recorded / SET_RUN / "history/client.npy"
    data = bytearray(column.read_bytes())
    data[-1] ^= 1
    column.write_bytes(data)
    finished = command(verb, "recorded")
    assert finished.code == 2
    assert one_sentence(finished) == (
        f"recorded/{SET_RUN}/history/client.npy is damaged (its bytes are not those that were written); {REMEDY}"
    )


def test_the_remedy_for_a_damaged_column_works(command: Command, recorded: Path) -> None:
    """With the damaged folder deleted, as the sentence says, the run is judged from its log as before."""
    shutil.rmtree(recorded / SET_RUN / "history")
    finished = command("check", "recorded", "--json")
    assert finished.code == 0
    assert [one["outcome"] for one in json.loads(finished.out)["histories"]] == ["pass", "pass"]


def test_a_missing_column_is_named(command: Command, recorded: Path) -> None:
    """A column that is not there is named."""
    (recorded / SET_RUN / "history/keys.msgpack").unlink()
    finished = command("check", "recorded")
    assert finished.code == 2
    assert one_sentence(finished) == (
        f"cannot read recorded/{SET_RUN}/history/keys.msgpack: No such file or directory; {REMEDY}"
    )


@pytest.mark.parametrize("name", ["suite.json", f"{SET_RUN}/run.json"])
def test_a_damaged_record_is_named(command: Command, recorded: Path, name: str) -> None:
    """A record that ends in the middle is refused by name."""
    (recorded / name).write_text("{")
    finished = command("check", "recorded")
    assert finished.code == 2
    assert one_sentence(finished).startswith(f"recorded/{name} is damaged (")


def test_a_lost_run_is_named(command: Command, recorded: Path) -> None:
    """A run that suite.json lists and that is gone is named."""
    shutil.rmtree(recorded / SET_RUN)
    finished = command("check", "recorded")
    assert finished.code == 2
    assert one_sentence(finished) == (
        f"cannot read recorded/{SET_RUN}/events.log: No such file or directory; name a run directory."
    )


def test_a_run_outside_of_its_suite_is_not_believed(command: Command, recorded: Path) -> None:
    """suite.json cannot lead to a directory outside of its own."""
    path = recorded / "suite.json"
    path.write_text(path.read_text().replace(f'"{SET_RUN}"', '"../../elsewhere"'))
    finished = command("check", "recorded")
    assert finished.code == 2
    assert "names a run outside of its directory" in one_sentence(finished)


def test_lost_verdicts_are_made_again(command: Command, recorded: Path) -> None:
    """Verdicts can be lost or damaged: `report` judges what lacks them."""
    for damage in ((recorded / "verdicts.json").unlink, lambda: (recorded / "verdicts.json").write_text("{")):
        damage()
        (recorded / "report.html").unlink(missing_ok=True)
        assert command("report", "recorded").code == 0
        assert "list-append" in (recorded / "report.html").read_text()


def test_a_suite_killed_between_two_runs_is_not_a_pass(command: Command, recorded: Path) -> None:
    """A suite that was killed before suite.json says so: what was still to run is not known to have passed."""
    (recorded / "suite.json").unlink()
    finished = command("check", "recorded")
    assert finished.code == 3
    assert "killed" in finished.out


# Newer formats


@pytest.mark.parametrize("name", ["suite.json", f"{SET_RUN}/run.json", f"{SET_RUN}/history/format.json"])
@pytest.mark.parametrize("verb", ["check", "report"])
def test_a_newer_format_is_refused(command: Command, recorded: Path, verb: str, name: str) -> None:
    """A file of a newer format is refused with its version."""
    make_newer(recorded / name)
    finished = command(verb, "recorded")
    read = 2 if name.endswith("history/format.json") else 1
    assert (finished.code, one_sentence(finished)) == (2, f"recorded/{name} {NEWER.format(read)}")


def test_newer_verdicts_are_refused(command: Command, recorded: Path) -> None:
    """`report` refuses verdicts of a newer format."""
    make_newer(recorded / "verdicts.json")
    finished = command("report", "recorded")
    assert finished.code == 2
    assert one_sentence(finished) == (
        "recorded/verdicts.json was written by a newer Anomalist (format 3); upgrade it."
    )


def test_newer_verdicts_of_another_shape_are_refused(command: Command, recorded: Path) -> None:
    """The version is looked at before the rest, whose shape is what a newer format changes."""
    (recorded / "verdicts.json").write_text('{"format_version": 2, "verdicts": []}')
    finished = command("report", "recorded")
    assert finished.code == 2
    assert "newer Anomalist (format 2)" in one_sentence(finished)


def test_check_of_two_run_directories_rewrites_both(command: Command, recorded: Path) -> None:
    """`check` on run directories rewrites the verdicts of each, not only where there is one."""
    shutil.copytree(recorded, "again")
    for name in ("recorded", "again"):
        Path(name, "verdicts.json").unlink()
    assert command("check", "recorded", "again").code == 0
    assert all(Path(name, "verdicts.json").exists() for name in ("recorded", "again"))


def test_a_refused_check_writes_nothing(command: Command, tmp_path: Path) -> None:
    """A check that ends in a usage error has not made its --out."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    assert command("check", "skew.edn", "--expect", "acid", "--out", "out").code == 2
    assert not (tmp_path / "out").exists()


def test_a_seed_that_cannot_be_stored_is_refused(command: Command) -> None:
    """A seed either runs and can be read back, or is a usage error before anything is recorded."""
    words = ("run", "-w", "set", "--txns", "60", "--seed", str(2**64), "--out", "out")
    assert command(*words).code in {0, 2}


def test_no_space_for_the_page_of_a_check_does_not_mask_a_fail(tmp_path: Path) -> None:
    """What `check` found is said even where its run directory could not be written: 1 comes before 4."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    finished = child("check", "skew.edn", "--out", "out", cwd=tmp_path, file_size_bytes_max=3_000)
    assert finished.code == 1
    assert "G2-item" in finished.out
    assert "File too large; free some space or name another place." in finished.err


def test_a_proof_is_stored_whole_and_shown_again(command: Command) -> None:
    """The order that proves a level stands in verdicts.json number by number, and `report` needs no new verdict."""
    command("run", "-w", "rw-register", "--txns", "1100", "--schedule", "steps", "--out", "proven")
    assert command("check", "proven", "--expect", "read-committed").code == 0
    (verdicts,) = json.loads(Path("proven/verdicts.json").read_text())["runs"].values()
    orders = [proof["order"] for one in verdicts for proof in one["findings"]["certificates"]]
    committed = verdicts[0]["findings"]["evidence"][0]
    assert committed[0] == "transactions committed"
    assert {len(set(order)) for order in orders} == {committed[1]}
    assert command("report", "proven").code == 0
    assert "Expected read-committed." in Path("proven/report.html").read_text()
