"""A scratch directory in which commands are carried out, and modules with targets of the user's own."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from front_door_commands import EMPTY_ENVIRONMENT, Finished

from anomalist.cli import run_command_line

Command = Callable[..., Finished]

_NUMBERS = itertools.count()


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Carries out `anomalist WORDS` in this process, in an empty directory, and never sees a traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in EMPTY_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)

    def carry_out(*words: object) -> Finished:
        capsys.readouterr()
        code = run_command_line([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Finished(code, out, err)

    return carry_out


@pytest.fixture
def own_module(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Writes a module of the user's into the scratch directory and gives its name, which no other test uses."""
    names = []

    def write(source: str) -> str:
        names.append(f"front_door_own_{next(_NUMBERS)}")
        (tmp_path / f"{names[-1]}.py").write_text(source)
        return names[-1]

    yield write
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def _recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("front_door") / "recorded"
    words = ["run", "-w", "list-append", "-w", "set", "--txns", "200", "--report", "json", "--out", str(directory)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory.parent)
        assert run_command_line([*words, "--json"]) == 0
    return directory


@pytest.fixture
def recorded(_recorded_once: Path, tmp_path: Path) -> Path:
    """A copy of a finished run of two workloads that passed, called `recorded` in the scratch directory."""
    return Path(shutil.copytree(_recorded_once, tmp_path / "recorded"))
