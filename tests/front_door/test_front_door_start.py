"""What happens before any verb: cheap help, packages that hide ours, output that cannot be written, hostile names."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from front_door_commands import ROOT, WRITE_SKEW, Finished, child, environment, one_sentence

from anomalist.verbs import status

Command = Callable[..., Finished]

HEAVY = ("numpy", "numba", "matplotlib", "networkx", "rich", "hypothesis", "jinja2", "msgspec")
ESCAPE = "\x1b[31mred"


def imported_by(words: tuple[str, ...], cwd: Path) -> set[str]:
    """The heavy packages that a command has imported when it ends."""
    source = (
        "import sys; from anomalist.__main__ import main\n"
        "try: main()\n"
        f"finally: print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", source, *words],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


# Start-up


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("run", "--help"),
        ("probe", "--help"),
        ("selftest", "--help"),
        ("check", "--help"),
        ("export", "--help"),
    ],
)
def test_help_imports_nothing_heavy(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Help and version import no package that computes, draws or lays out."""
    assert imported_by(words, tmp_path) == set()


def test_a_small_run_imports_no_compiler(tmp_path: Path) -> None:
    """A small run imports neither the compiler nor what only large histories, plots and tests need."""
    words = ("run", "-w", "list-append", "--txns", "60", "--clients", "5", "--report", "json", "--json")
    assert imported_by(words, tmp_path) <= {"numpy", "rich", "jinja2", "msgspec"}


@pytest.mark.parametrize("name", ["engine", "harness", "workloads", "checkers", "reports"])
def test_a_package_that_hides_ours(tmp_path: Path, name: str) -> None:
    """A folder of the user's with the name of one of our packages ends the start: exit 4, with its path."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("raise RuntimeError('imported')\n")
    finished = child("--version", cwd=tmp_path)
    assert finished.code == 4
    assert one_sentence(finished) == (
        f"the package {name!r} is taken from {tmp_path / name}, which hides Anomalist's own in {ROOT}: run the "
        "`anomalist` command from another directory, or rename that package."
    )


def test_a_module_that_hides_ours(tmp_path: Path) -> None:
    """A single file of that name hides ours as well."""
    (tmp_path / "engine.py").write_text("")
    finished = child("--version", cwd=tmp_path)
    assert finished.code == 4
    assert one_sentence(finished).startswith(f"the package 'engine' is taken from {tmp_path / 'engine.py'}, ")


def test_a_folder_without_python_hides_nothing(tmp_path: Path) -> None:
    """A folder of that name without a package in it does no harm: ours are regular packages and come first."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/mine.html").write_text("")
    assert child("--version", cwd=tmp_path).code == 0


# Output that cannot be written


@pytest.mark.parametrize("words", [("check", "skew.edn"), ("check", "skew.edn", "--json"), ("list", "levels")])
def test_output_to_a_full_device(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Output that cannot be written is said in a sentence, exit 4."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "anomalist", *words],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr.startswith("anomalist: cannot write what was recorded: No space left on device; ")
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    """A reader that closes the pipe, as `head` does, ends the command quietly."""
    command = [sys.executable, "-m", "anomalist", "list", "levels"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode in {0, 141}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_cannot_show_every_character(tmp_path: Path, encoding: str) -> None:
    """Where stdout is no UTF-8 the verdict is the same; a character that cannot be shown is replaced."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW.replace(":x", '"\u2192"'))
    finished = child("check", "skew.edn", cwd=tmp_path, changes={"PYTHONIOENCODING": encoding})
    assert finished.code == 1
    assert "G2-item" in finished.out


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_closed_output(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """With stdout closed, as some job runners have it, the exit code still is the verdict's."""
    (tmp_path / "skew.edn").write_text(WRITE_SKEW)
    shell = f'exec "{sys.executable}" -m anomalist check skew.edn {" ".join(flags)} >&-'
    done = subprocess.run(
        ["sh", "-c", shell], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")


# Hostile names


def test_escapes_in_words_are_made_visible(command: Command) -> None:
    """No word of the command line brings a terminal escape to the terminal."""
    for words in (
        ("run", ESCAPE),
        ("run", "-t", ESCAPE),
        ("run", "-w", ESCAPE),
        ("run", "-i", ESCAPE),
        ("run", "--expect", ESCAPE),
        ("run", "--out", f"/proc/{ESCAPE}"),
        ("run", "--seed", ESCAPE),
        ("run", "--report", ESCAPE),
        ("check", ESCAPE),
        ("check", ESCAPE, "--format", ESCAPE),
        ("report", ESCAPE),
        ("explain", ESCAPE),
        ("list", ESCAPE),
        (ESCAPE,),
        ("run", f"--{ESCAPE}"),
    ):
        finished = command(*words)
        assert finished.code == 2, words
        assert "\x1b" not in finished.out + finished.err, words
        assert "red" in finished.err, words


def test_escapes_in_a_history_are_made_visible(command: Command, tmp_path: Path) -> None:
    """Keys and values of a history reach terminal, JSON and page only with control characters escaped."""
    hostile = WRITE_SKEW.replace(":x", '"\\u001b[31mred\\u0007"').replace(":y", '"\\u0000yellow"')
    (tmp_path / "skew.edn").write_text(hostile)
    finished = command("check", "skew.edn", "--out", "out")
    assert finished.code == 1
    assert "\\x1b[31mred\\x07" in finished.out
    assert "\\x00yellow" in finished.out
    printed = finished.out + command("check", "skew.edn", "--json").out + Path("out/report.html").read_text()
    assert not {"\x1b", "\x00", "\x07"} & set(printed)


def test_escapes_in_a_target_are_made_visible(command: Command, own_module: Callable[[str], str]) -> None:
    """Name, version and errors of a target are no less hostile than its data."""
    name = own_module(
        "from examples.own_target import DictTarget\n"
        "class Red(DictTarget):\n"
        "    name, version = '\\x1b[31mred\\x00', '\\x1b[2J'\n"
    )
    finished = command("run", "-t", f"{name}:Red", "-w", "set", "--txns", "60", "--out", "out")
    assert finished.code in {0, 3}
    assert "\\x1b[31mred\\x00 \\x1b[2J at serializable" in finished.out
    assert not {"\x1b", "\x00"} & set(finished.out + Path("out/report.html").read_text())
    (run,) = Path("out/runs").iterdir()
    assert run.name == "_31mred_-serializable-set-0"


def test_an_escape_in_a_file_name_is_made_visible(command: Command, tmp_path: Path) -> None:
    """A history's file name is shown with its control characters escaped."""
    (tmp_path / f"{ESCAPE}.edn").write_text(WRITE_SKEW)
    finished = command("check", f"{ESCAPE}.edn", "--out", f"{ESCAPE}.run")
    assert finished.code == 1
    assert "\x1b" not in finished.out
    assert "\\x1b[31mred.run/report.html" in finished.out


def test_an_escape_in_the_path_of_a_page_is_made_visible(command: Command, recorded: Path) -> None:
    """The path that `report` prints is shown with its control characters escaped."""
    recorded.rename(recorded.with_name(ESCAPE))
    finished = command("report", ESCAPE)
    assert finished.code == 0
    assert "\x1b" not in finished.out


def test_a_file_name_that_is_no_text(command: Command, tmp_path: Path) -> None:
    """A file name that is not UTF-8 can be judged, and stands escaped in the document."""
    name = "\udcff.edn"
    (tmp_path / name).write_text(WRITE_SKEW)
    finished = command("check", name, "--json")
    assert finished.code == 1
    assert json.loads(finished.out)["histories"][0]["history"] == "\\udcff.edn"


def test_a_file_name_that_is_no_text_can_be_kept(command: Command, tmp_path: Path) -> None:
    """A history whose file name is not UTF-8 gets its run directory and report as any other."""
    (tmp_path / "\udcff.edn").write_text(WRITE_SKEW)
    finished = command("check", "\udcff.edn", "--out", "kept")
    assert finished.code == 1
    assert Path("kept/report.html").exists()


def test_a_name_is_no_markup_while_something_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the line that says what is being done shows a file's name as it is."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with status("never") as tell:
        tell("reading [red]x.edn: 5 %")
    assert "reading [red]x.edn: 5 %" in shown.getvalue()
