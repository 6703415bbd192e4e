"""How a target is written on the command line, and what is said where that is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import targets
from harness.target import TargetUnavailable
from harness.targets import load_target

OWN = """
from harness.target import Capabilities, TargetUnavailable

class Mine:
    name, version, settings, capabilities = "mine", "1", {}, Capabilities()
    levels = {"serializable": "serializable"}
    def __init__(self, port="1", dsn=""):
        if port == "bad":
            raise ValueError("port is a number")
        if port == "gone":
            raise TargetUnavailable("start the server")
        if port == "driver":
            import no_such_driver
        if port == "crash":
            raise KeyError("x")
        self.port, self.dsn = port, dsn
    def open(self): ...
    def session(self, level): ...
    def close(self): ...

class Half:
    name = "half"
    def open(self): ...
"""


@pytest.fixture(autouse=True)
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules of a user's in the current directory, forgotten afterwards."""
    (tmp_path / "own_targets.py").write_text(OWN)
    (tmp_path / "own_broken.py").write_text("import no_such_driver\n")
    (tmp_path / "own_exits.py").write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield
    sys.path[:] = before
    for name in ("own_targets", "own_broken", "own_exits"):
        sys.modules.pop(name, None)


def test_own_class_with_options() -> None:
    """A class in the current directory is made with the options, whose values may hold colons and equals signs."""
    target = load_target("own_targets:Mine:port=5433,dsn=host=a:b")
    assert (target.name, target.port, target.dsn) == ("mine", "5433", "host=a:b")  # type: ignore[attr-defined]
    assert load_target("own_targets:Mine").port == "1"  # type: ignore[attr-defined]


def test_named_target_with_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name of the table is made the same way."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(targets.TARGETS, "known", "own_targets:Mine")
    assert load_target("known:port=7").port == "7"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("refernce", r"unknown target 'refernce' \(did you mean reference\?\); known: reference, sochdb, or a class"),
        ("qqq", "unknown target 'qqq'; known: reference, sochdb, or a class of yours as module.path:Class"),
        ("own_targets:port=1", "unknown target 'own_targets'"),
        ("own_missing:Mine", "there is no module 'own_missing' here; unknown target"),
        ("own_targets:Nobody", "the module own_targets has no class Nobody"),
        ("own_targets:Mine:port", "the option 'port' of target own_targets:Mine is not written key=value"),
        ("own_targets:Mine:colour=red", r"does not take these options .*'colour'.*; known: port, dsn"),
        ("own_targets:Mine:port=bad", "port is a number"),
        ("own_targets:Half", "own_targets:Half is not a target: it lacks version, settings, levels, capabilities"),
    ],
)
def test_wrong_spec_is_a_usage_error(spec: str, sentence: str) -> None:
    """What the user wrote wrong is a ValueError that says how to write it."""
    with pytest.raises(ValueError, match=sentence):
        load_target(spec)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("own_broken:Mine", "the module own_broken cannot be imported: ModuleNotFoundError: .*no_such_driver"),
        ("own_exits:Mine", "the module own_exits cannot be imported: SystemExit: 3"),
        ("own_targets:Mine:port=gone", "start the server"),
        ("own_targets:Mine:port=driver", "lacks a package .*no_such_driver.*: install what it needs"),
        ("own_targets:Mine:port=crash", "the target own_targets:Mine cannot be made: KeyError: 'x'"),
    ],
)
def test_what_cannot_be_used_here_is_unavailable(spec: str, sentence: str) -> None:
    """What this machine lacks is TargetUnavailable with the reason."""
    with pytest.raises(TargetUnavailable, match=sentence):
        load_target(spec)


def test_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A target of ours without its driver says what to install."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(targets.TARGETS, "sochdb", "own_broken:Target")
    with pytest.raises(
        TargetUnavailable, match=r"the target sochdb lacks a package .*: pip install 'anomalist\[sochdb\]'"
    ):
        load_target("sochdb")
