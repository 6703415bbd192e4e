"""A database's own timestamps on their way: from a session through the log and the sealed columns to the checker."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from small_runs import perform
from test_eventlog import recorder, small_log

from checkers.certificates import verify
from checkers.timestamps import check_timestamps
from harness.history import History, Op, RunInfo, Status
from harness.recorder import Lease, read_history
from harness.store import load_history, save_history
from harness.targets.reference import ReferenceTarget
from workloads.rw_register import RW_REGISTER


def stamps(history: History) -> list[tuple[int, int]]:
    return list(zip(history.snapshot_timestamp.tolist(), history.commit_timestamp.tolist(), strict=True))


def recorded(tmp_path: Path, level: str) -> History:
    target = ReferenceTarget()
    info_changes = {"target": target, "schedule": "steps", "txns": 60, "clients": 3}
    return perform(tmp_path, RW_REGISTER, info=RunInfo(level=level, workload="rw-register"), **info_changes).history


def test_what_a_session_tells_is_recorded_with_the_outcome(tmp_path: Path) -> None:
    """Timestamps come back from the log with their transaction, and -1 for those that have none."""
    log = recorder(tmp_path / "events.log")
    for client, told in ((0, (4, 7)), (1, None)):
        lease = Lease(client)
        attempt = log.begin(lease)
        attempt.ask(Op("w", "x", client))
        attempt.answer(Op("w", "x", client), None)
        log.intend(lease)
        log.finish(lease, Status.OK, timestamps=told)
    log.end()
    assert stamps(read_history(tmp_path / "events.log")) == [(4, 7), (-1, -1)]


def test_a_log_of_the_version_before_is_read(tmp_path: Path) -> None:
    """A log without timestamps, of format version 1, gives its transactions as ever."""
    path = tmp_path / "events.log"
    small_log(path)
    data = bytearray(path.read_bytes())
    data[8:12] = struct.pack("<I", 1)
    path.write_bytes(data)
    history = read_history(path)
    assert ([txn.ops for txn in history.txns()], stamps(history)) == (
        [(Op("append", "x", client),) for client in range(3)],
        [],
    )


@pytest.mark.parametrize("level", ["serializable", "snapshot-isolation"])
def test_the_reference_engine_tells_what_proves_its_snapshots(tmp_path: Path, level: str) -> None:
    """A recorded run has a timestamp of each commit, through the sealed columns too, and they prove the level."""
    history = recorded(tmp_path, level)
    acknowledged = history.status == Status.OK
    assert acknowledged.sum() > 20
    assert ((history.commit_timestamp >= 0) == acknowledged).all()
    save_history(history, tmp_path)
    assert json.loads((tmp_path / "history" / "format.json").read_text())["format_version"] == 2
    loaded = load_history(tmp_path)
    assert stamps(loaded) == stamps(history)
    (snapshots,) = [one for one in check_timestamps(loaded).certificates if one.snapshot is not None]
    assert (snapshots.level, verify(loaded, snapshots)) == ("strong-snapshot-isolation", "")


def test_read_committed_has_no_snapshot_to_tell(tmp_path: Path) -> None:
    """Where each operation sees its own moment, nothing is told, and the columns are as they were without."""
    history = recorded(tmp_path, "read-committed")
    save_history(history, tmp_path)
    assert stamps(history) == []
    assert json.loads((tmp_path / "history" / "format.json").read_text())["format_version"] == 1
    assert not (tmp_path / "history" / "commit_timestamp.npy").exists()
    assert np.array_equal(load_history(tmp_path).op_value, history.op_value)
