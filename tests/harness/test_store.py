"""Sealed histories and the directories that hold them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.build import build_history
from harness.history import UNSEEN, Fault, History, Op, RunInfo, Status, Txn
from harness.recorder import Lease, Recorder, step_clock
from harness.rundir import (
    RunEntry,
    create_run_directory,
    create_suite_directory,
    load_run,
    load_suite,
    run_directories,
    safe_name,
    save_suite,
)
from harness.store import load_history, save_history, write_atomically
from harness.trouble import StoreError
from harness.verdict import RunResult, SuiteRun

INFO = RunInfo(suite="quick", target="t", level="l", workload="w", seed=3, params={"keys": 2}, settings={"a": "b"})
STARTED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def some_history() -> History:
    txns = [
        Txn(0, 0, (Op("append", ("k", 1), 1), Op("r", ("k", 1), [1])), Status.OK, 0, 3),
        Txn(1, 1, (Op("r", "x", (1, b"\xff", None)), Op("w", "y", "\ud800")), Status.ABORTED, 1, 2, "refused"),
        Txn(2, 0, (Op("scan", ("a", "z"), {"a": True, "b": 1.5}), Op("r", "z", UNSEEN)), Status.UNKNOWN, 4, 5),
    ]
    return build_history(txns, INFO, faults=[Fault("pause", 1, 2, "why")], cut="something is missing")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_history_round_trips(tmp_path: Path) -> None:
    """A loaded history has the same columns, dictionaries, faults and run information, to the type."""
    history = some_history()
    save_history(history, tmp_path)
    loaded = load_history(tmp_path)
    for name in (
        "client",
        "status",
        "start",
        "end",
        "error",
        "op_offset",
        "op_kind",
        "op_key",
        "op_value",
        "op_length",
    ):
        saved, read = getattr(history, name), getattr(loaded, name)
        assert np.array_equal(saved, read), name
        assert saved.dtype == read.dtype, name
    assert repr((loaded.keys, loaded.values)) == repr((history.keys, history.values))
    assert (loaded.info, loaded.faults, loaded.cut) == (history.info, history.faults, history.cut)
    assert repr(list(loaded.txns())) == repr(list(history.txns()))


def test_empty_history_round_trips(tmp_path: Path) -> None:
    """A run in which nothing happened has a history too."""
    save_history(build_history([], INFO), tmp_path)
    assert len(load_history(tmp_path)) == 0


def test_columns_are_memory_maps(tmp_path: Path) -> None:
    """Loading reads no column into memory: each is a read-only view on its file."""
    save_history(some_history(), tmp_path)
    column = load_history(tmp_path).start
    assert isinstance(column.base, np.memmap)
    assert not column.flags.writeable


def test_same_history_gives_same_bytes(tmp_path: Path) -> None:
    """history/ is a function of the history alone; when and how it was run is in run.json."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    save_history(some_history(), tmp_path / "a")
    later = RunInfo(started="later", command="other")
    save_history(
        build_history(some_history().txns(), later, faults=[Fault("pause", 1, 2, "why")], cut="something is missing"),
        tmp_path / "b",
    )
    assert contents(tmp_path / "a" / "history") == contents(tmp_path / "b" / "history")
    assert "format.json" in contents(tmp_path / "a" / "history")
    assert (tmp_path / "a" / "run.json").read_bytes() != (tmp_path / "b" / "run.json").read_bytes()


def test_second_seal_replaces_the_first(tmp_path: Path) -> None:
    """Saving again leaves the new history and no other files."""
    save_history(some_history(), tmp_path)
    save_history(build_history([], INFO), tmp_path)
    assert len(load_history(tmp_path)) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history", "run.json"]


FILES = [
    "client.npy", "elements.npy", "end.npy", "error.npy", "keys.msgpack", "op_key.npy", "op_kind.npy",
    "op_length.npy", "op_offset.npy", "op_value.npy", "start.npy", "status.npy", "values.msgpack",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    """One flipped bit, a missing end, or no file at all: the sentence names the file and what to do."""
    save_history(some_history(), tmp_path)
    path = tmp_path / "history" / name
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[-1] ^= 1
    for bad in (bytes(flipped), data[:-1], b""):
        path.write_bytes(bad)
        with pytest.raises(StoreError, match=rf"{name} is damaged .*; delete the folder"):
            load_history(tmp_path)
    path.unlink()
    with pytest.raises(StoreError, match=rf"cannot read .*{name}: No such file .*; delete the folder"):
        load_history(tmp_path)


def test_every_file_is_checked(tmp_path: Path) -> None:
    """The list that the test of damaged files goes through is the list of all files."""
    save_history(some_history(), tmp_path)
    assert sorted(contents(tmp_path / "history")) == sorted([*FILES, "format.json"])


def test_columns_that_point_nowhere_are_refused(tmp_path: Path) -> None:
    """A history whose numbers contradict each other is refused though each file has its checksum."""
    history = some_history()
    object.__setattr__(history, "client", history.client[:-1])
    save_history(history, tmp_path)
    with pytest.raises(StoreError, match="malformed history: txn columns differ in length"):
        load_history(tmp_path)


@pytest.mark.parametrize("name", ["history/format.json", "run.json"])
def test_newer_and_damaged_json_is_refused(tmp_path: Path, name: str) -> None:
    """A newer version, a torn file and a list instead of a map each give one sentence with the file's name."""
    save_history(some_history(), tmp_path)
    path = tmp_path / name
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"format_version": 3}))
    with pytest.raises(StoreError, match=rf"{path.name} has format version 3 and this program reads version \d;"):
        load_history(tmp_path)
    for bad in ("{", "[]", '{"format_version": "1"}', ""):
        path.write_text(bad)
        with pytest.raises(StoreError, match=rf"{path.name} is damaged"):
            load_history(tmp_path)


def test_failed_atomic_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader sees the old content or the new, and no temporary file stays behind."""
    path = tmp_path / "verdicts.json"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="No space"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["verdicts.json"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("reference", "reference"),
        ("mypkg.mod:Class", "mypkg.mod_Class"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        ("", "_"),
        ("a\x1b[31m\0b", "a_31m_b"),
    ],
)
def test_names_become_safe(name: str, safe: str) -> None:
    """A name never leads out of its directory nor puts control characters on a terminal."""
    assert safe_name(name) == safe


def test_long_names_stay_different() -> None:
    """Names that differ only beyond the length limit are still two."""
    one, two = safe_name("a" * 300 + "1"), safe_name("a" * 300 + "2")
    assert (len(one), len(two), one == two) == (60, 60, False)


def test_suite_directory_and_latest_link(tmp_path: Path) -> None:
    """Each suite has a directory of its own, even in the same second, and `latest` is the newest."""
    first = create_suite_directory("quick", 1, STARTED, root=tmp_path)
    second = create_suite_directory("quick", 1, STARTED, root=tmp_path)
    assert (first.name, second.name) == ("20260203T040506-quick-1", "20260203T040506-quick-1-2")
    assert (tmp_path / "latest").resolve() == second.resolve()


def test_something_called_latest_is_left_alone(tmp_path: Path) -> None:
    """A file of the user's with that name is not replaced."""
    (tmp_path / "latest").write_text("mine")
    made = create_suite_directory("quick", 1, STARTED, root=tmp_path)
    assert (tmp_path / "latest").read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == [made, tmp_path / "latest"]


def test_out_must_be_empty_and_usable(tmp_path: Path) -> None:
    """--out takes a new or an empty directory and refuses all else with a sentence."""
    (tmp_path / "empty").mkdir()
    for good in ("empty", "new/deep"):
        assert create_suite_directory("s", 1, STARTED, out=tmp_path / good) == tmp_path / good
    with pytest.raises(StoreError, match="empty is not empty; name a new or an empty directory with --out"):
        create_suite_directory("s", 1, STARTED, out=tmp_path / "empty")
    (tmp_path / "file").touch()
    for bad in ("file", "file/below"):
        with pytest.raises(StoreError, match=r"cannot use .*; name a writable directory with --out"):
            create_suite_directory("s", 1, STARTED, out=tmp_path / bad)


def test_out_must_be_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that the system does not let us write to is refused before anything runs."""
    (tmp_path / "locked").mkdir()
    real = Path.mkdir

    def guarded(path: Path, *args: Any, **options: Any) -> None:
        # Instead of permissions, which the system does not apply to root.
        if path.parent == tmp_path / "locked":
            raise PermissionError(13, "Permission denied")
        real(path, *args, **options)

    monkeypatch.setattr(Path, "mkdir", guarded)
    with pytest.raises(StoreError, match=r"cannot use .*: Permission denied"):
        create_suite_directory("s", 1, STARTED, out=tmp_path / "locked")


def test_run_directories_have_the_runs_names(tmp_path: Path) -> None:
    """Target, level, workload and seed name a run; a second one of that name gets a number."""
    info = RunInfo(target="mypkg.mod:Class", level="serializable", workload="list-append", seed=5)
    made = [create_run_directory(tmp_path, info).relative_to(tmp_path).as_posix() for _ in range(2)]
    name = "runs/mypkg.mod_Class-serializable-list-append-5"
    assert made == [name, f"{name}-2"]


def test_suite_round_trips(tmp_path: Path) -> None:
    """suite.json brings back what the report needs beside histories and verdicts."""
    result = RunResult(
        history=some_history(), verdicts=(), directory="runs/a", seconds=1.5, trouble="hung", interrupted=True
    )
    suite = SuiteRun(
        suite="quick", command="anomalist run", started="now", seconds=2.0, runs=(result,),
        environment=(("python", "3"),), version="0.1",
    )  # fmt: skip
    save_suite(suite, tmp_path)
    record = load_suite(tmp_path)
    assert (record.suite, record.command, record.started, record.seconds, record.version, record.environment) == (
        "quick", "anomalist run", "now", 2.0, "0.1", (("python", "3"),),
    )  # fmt: skip
    assert record.runs == (RunEntry("runs/a", 1.5, "hung", True),)


def test_runs_outside_of_the_suite_are_not_believed(tmp_path: Path) -> None:
    """A suite.json cannot make the program read elsewhere."""
    for evil in ("/etc", "../x", "runs/../../x"):
        (tmp_path / "suite.json").write_text(
            json.dumps({"format_version": 1, "suite": "s", "runs": [{"directory": evil}]})
        )
        with pytest.raises(StoreError, match="names a run outside of its directory"):
            load_suite(tmp_path)


def test_killed_suite_still_lists_its_runs(tmp_path: Path) -> None:
    """Without a suite.json the runs that left a run.json are found, and the unsealed one says so."""
    whole = create_run_directory(tmp_path, INFO)
    save_history(some_history(), whole)
    killed = create_run_directory(tmp_path, INFO)
    save_history(some_history(), killed)
    (killed / "history" / "format.json").unlink()
    record = load_suite(tmp_path)
    assert (record.suite, run_directories(tmp_path)) == ("quick", (whole, killed))
    assert [run.missing for run in record.runs] == [
        "the suite was killed before it ended, and what had not begun is missing"
    ] * 2
    assert load_suite(whole).runs == (RunEntry("."),)
    with pytest.raises(StoreError, match="holds no run"):
        load_suite(tmp_path / "runs" / "nothing")


def test_load_run_prefers_the_seal_and_falls_back_to_the_log(tmp_path: Path) -> None:
    """A run without a seal is read from its log, and one without a readable beginning from run.json."""
    log = Recorder(tmp_path / "events.log", INFO, step_clock())
    lease = Lease(4)
    log.begin(lease)
    log.intend(lease)
    assert [txn.client for txn in load_run(tmp_path).txns()] == [4]
    save_history(some_history(), tmp_path)
    assert len(load_run(tmp_path)) == 3
    (tmp_path / "history" / "format.json").unlink()
    (tmp_path / "events.log").write_bytes(b"ANOM")
    assert (len(load_run(tmp_path)), load_run(tmp_path).info) == (0, INFO)
    (tmp_path / "events.log").unlink()
    with pytest.raises(StoreError, match=r"lacks its format\.json and there is no events\.log"):
        load_run(tmp_path)
