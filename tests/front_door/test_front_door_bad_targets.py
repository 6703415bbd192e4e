"""Targets that are missing, broken, strange or hanging: a sentence, a bounded time, and what is recorded stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from front_door_commands import Finished, child, one_sentence

Command = Callable[..., Finished]
OwnModule = Callable[[str], str]

SMALL = ("run", "-w", "list-append", "--txns", "100", "--timeout", "0.5")

# Transactions on one dict, to be run by one client; every test breaks it in another way.
OWN = """\
import threading
from harness.target import Capabilities

class Target:
    name, version, settings = "own", "1.0", {}
    levels = {"serializable": "strict-serializable"}
    capabilities = Capabilities(kinds=frozenset({"r", "w", "append"}), steps=True)
    def open(self): self.data = {}
    def session(self, level): return Session(self)
    def close(self): pass

class Session:
    def __init__(self, target): self.target = target
    def begin(self): self.undo = dict(self.target.data)
    def step(self, op):
        seen = self.target.data.get(op.key, ())
        if op.kind == "r":
            return op._replace(value=list(seen))
        self.target.data[op.key] = (*seen, op.value)
        return op
    def commit(self): self.undo = None
    def abort(self):
        if self.undo is not None:
            self.target.data, self.undo = self.undo, None
    def close(self): pass

"""

HANGS = """
class Hanging(Session):
    steps = 0
    def step(self, op):
        Hanging.steps += 1
        if Hanging.steps > 60:
            threading.Event().wait()
        return super().step(op)
Target.session = lambda self, level: Hanging(self)
"""

# As in examples/own_target.py: one transaction after the other, whoever begins first.
LOCKED = """
class Locked(Hanging):
    lock = threading.Lock()
    def begin(self):
        Locked.lock.acquire()
        super().begin()
    def commit(self):
        super().commit()
        Locked.lock.release()
Target.session = lambda self, level: Locked(self)
"""

STRANGE = """
class Odd(BaseException):
    def __str__(self): raise ValueError("even its text fails")
ERRORS = [Odd, SystemExit, KeyboardInterrupt, MemoryError, StopIteration, GeneratorExit, RecursionError, OSError]
class Strange(Session):
    steps = 0
    def step(self, op):
        Strange.steps += 1
        if Strange.steps % 5 == 0:
            raise ERRORS[Strange.steps // 5 % len(ERRORS)]()
        return super().step(op)
Target.session = lambda self, level: Strange(self)
"""


def entries(finished: Finished) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(finished.out)["runs"]
    return found


def test_a_missing_driver_names_the_extra(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target whose driver is not installed is refused with the command that installs it."""
    # The run's own process inherits this path, and finds this file before an installed driver.
    (tmp_path / "sochdb.py").write_text("raise ImportError('not here')")
    monkeypatch.syspath_prepend(tmp_path)
    finished = command("run", "-t", "sochdb", "--txns", "20")
    assert finished.code == 4
    assert one_sentence(finished) == "sochdb is not installed: pip install 'anomalist[sochdb]'."


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import surely_no_such_driver", "ModuleNotFoundError: No module named 'surely_no_such_driver'"),
        ("raise SystemExit(7)", "SystemExit: 7"),
    ],
)
def test_an_own_module_that_does_not_import(
    command: Command, own_module: OwnModule, source: str, complaint: str
) -> None:
    """What an own module raises when it is imported is told, with exit 4."""
    name = own_module(source)
    finished = command(*SMALL, "-t", f"{name}:Target")
    assert finished.code == 4
    assert one_sentence(finished) == f"the module {name} cannot be imported: {complaint}."


def test_an_own_module_with_a_syntax_error(command: Command, own_module: OwnModule) -> None:
    """A syntax error in an own module is told with file and line."""
    name = own_module("\ndef broken(:\n")
    finished = command(*SMALL, "-t", f"{name}:Target")
    assert finished.code == 4
    assert one_sentence(finished) == (
        f"the module {name} cannot be imported: SyntaxError: invalid syntax ({name}.py, line 2)."
    )


def test_an_own_class_that_is_not_there(command: Command, own_module: OwnModule) -> None:
    """A class that the module lacks is a usage error."""
    name = own_module(OWN)
    finished = command(*SMALL, "-t", f"{name}:Other")
    assert (finished.code, one_sentence(finished)) == (2, f"the module {name} has no class Other.")


def test_an_own_class_that_lacks_methods(command: Command, own_module: OwnModule) -> None:
    """A class without the members of a target is refused with the list of what it lacks."""
    name = own_module(OWN + "class Lacking:\n    name, version, settings, levels = 'own', '1', {}, {}\n")
    finished = command(*SMALL, "-t", f"{name}:Lacking")
    assert finished.code == 2
    assert one_sentence(finished) == (f"{name}:Lacking is not a target: it lacks capabilities, open, session, close.")


def test_an_own_target_without_levels(command: Command, own_module: OwnModule) -> None:
    """A target that offers no level is told so."""
    name = own_module(OWN + "Target.levels = {}\n")
    finished = command(*SMALL, "-t", f"{name}:Target")
    assert finished.code in {2, 4}
    assert "level" in one_sentence(finished)
    assert "mistake of Anomalist" not in finished.err


def test_an_own_target_that_promises_an_unknown_level(command: Command, own_module: OwnModule) -> None:
    """A promise that is no level of the lattice is the target's, and the sentence says so."""
    name = own_module(OWN + "Target.levels = {'serializable': 'very-safe'}\n")
    finished = command(*SMALL, "-t", f"{name}:Target")
    assert finished.code in {2, 4}
    sentence = one_sentence(finished)
    assert "'very-safe'" in sentence
    assert "target own" in sentence


def test_a_target_that_does_not_open(command: Command, own_module: OwnModule) -> None:
    """What open() raises is told, with control characters made visible; exit 4."""
    name = own_module(
        OWN + "def fail(self): raise ConnectionError('refused\\x1b[31m\\nby peer')\nTarget.open = fail\n"
    )
    finished = command(*SMALL, "-t", f"{name}:Target")
    assert finished.code == 4
    assert one_sentence(finished) == ("the target own does not start: ConnectionError: refused\\x1b[31m\\nby peer.")


def test_a_target_that_gives_no_session(command: Command, own_module: OwnModule) -> None:
    """A target that opens but never gives a session ends in exit 4, with what it raised."""
    name = own_module(OWN + "def fail(self, level): raise RuntimeError('too many')\nTarget.session = fail\n")
    finished = command("run", "-w", "set", "--txns", "50", "--timeout", "0.1", "-t", f"{name}:Target", "--json")
    assert finished.code == 4
    assert str(entries(finished)[0]["trouble"]).endswith(
        "broken sessions in a row, at last with RuntimeError: too many"
    )


def test_a_session_without_methods_is_trouble(command: Command, own_module: OwnModule) -> None:
    """A session that lacks its methods is the target's fault: exit 4, and the sentence names a missing method."""
    name = own_module(OWN + "Target.session = lambda self, level: object()\n")
    finished = command(*SMALL, "-t", f"{name}:Target", "--json")
    assert finished.code == 4
    assert "AttributeError" in str(entries(finished)[0]["sentence"])


def test_a_target_whose_version_is_no_text(command: Command, own_module: OwnModule) -> None:
    """A target with a version of None is refused as trouble in a sentence, not as a crash."""
    name = own_module(OWN + "Target.version = None\n")
    finished = command(*SMALL, "-t", f"{name}:Target", "--json")
    assert finished.code in {2, 4}
    assert "mistake of Anomalist" not in finished.err


def test_strange_exceptions_are_unknown(command: Command, own_module: OwnModule) -> None:
    """Whatever a target raises in a step makes that transaction UNKNOWN; the run goes on to its end."""
    name = own_module(OWN + STRANGE)
    finished = command(*SMALL, "-t", f"{name}:Target", "--clients", "1", "--timeout", "60", "--json")
    run = entries(finished)[0]
    evidence = run["evidence"]
    assert isinstance(evidence, dict)
    assert (finished.code, run["outcome"], run["reason"]) == (3, "unknown", "vacuous")
    assert evidence["unknown"] > 20
    assert evidence["transactions committed"] > 20
    assert run["anomalies"] == []


def test_a_hanging_target_ends_in_a_partial_report(tmp_path: Path) -> None:
    """A call that never returns makes its transaction UNKNOWN; the run ends, reports, and exits with 4."""
    (tmp_path / "own.py").write_text(OWN + HANGS + LOCKED)
    words = ("run", "-w", "list-append", "-t", "own:Target", "--schedule", "threads", "--timeout", "0.5")
    finished = child(*words, "--out", "out", "--json", cwd=tmp_path)
    run = entries(finished)[0]
    evidence = run["evidence"]
    assert isinstance(evidence, dict)
    assert (finished.code, run["outcome"], run["reason"]) == (4, "unknown", "trouble")
    assert str(run["trouble"]).startswith("the target hangs: every client has hung, the last in ")
    assert evidence["unknown"] >= 1
    assert evidence["transactions committed"] >= 10
    assert "the target hangs: every client has hung" in (tmp_path / "out/report.html").read_text()
    checked = child("check", "out", cwd=tmp_path)
    assert checked.code == 4
    assert "trouble: the target hangs: every client has hung" in checked.out


def test_a_hang_of_the_only_thread_ends_too(tmp_path: Path) -> None:
    """In steps a call that never returns ends the run as well: UNKNOWN, exit 4, and a report."""
    (tmp_path / "own.py").write_text(OWN + HANGS)
    words = ("run", "-w", "list-append", "-t", "own:Target", "--schedule", "steps", "--clients", "1")
    finished = child(*words, "--timeout", "0.5", "--out", "out", "--json", cwd=tmp_path)
    run = entries(finished)[0]
    assert (finished.code, run["outcome"], run["reason"]) == (4, "unknown", "trouble")
    assert run["trouble"] in {
        f"the target hangs: {kind} of client 0 did not return (time-out 0.5 s)" for kind in ("r", "append")
    }
    assert (tmp_path / "out/report.html").exists()


def test_the_repeat_command_keeps_the_time_out(command: Command, own_module: OwnModule) -> None:
    """The time-out is one of the run's choices: the command that repeats it has it."""
    name = own_module(OWN)
    finished = command(*SMALL, "-t", f"{name}:Target", "--json")
    assert "--timeout 0.5" in json.loads(finished.out)["command"]
