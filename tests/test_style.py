"""House style that matters is a test: sizes as a ratchet, docstrings, names, and no trace of a machine."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("anomalist", "harness", "engine", "workloads", "checkers", "reports")
FILE_LINES_MAX = 500
BODY_LINES_MAX = 50
# One compiled loop cannot be cut into functions without a cost at every step. The numbers may only fall.
LONG_BODIES = {
    "checkers/graphs/kernels.py:shortest_returns": 85,
}
FORBIDDEN_FILE_NAMES = {"utils.py", "helpers.py", "manager.py", "common.py", "misc.py"}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last one."""
    body = function.body[1:] if ast.get_docstring(function) is not None and len(function.body) > 1 else function.body
    return (function.body[-1].end_lineno or 0) - body[0].lineno + 1


def test_files_stay_short() -> None:
    """No file of the product or its tests has more than 500 lines."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources(*PACKAGES, "tests", "benchmarks", "examples")
        if (lines := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }
    assert long == {}


def test_functions_do_one_thing() -> None:
    """No function body has more than 50 lines, but for the listed ones, which may only shrink."""
    long = {
        f"{path.relative_to(ROOT).as_posix()}:{function.name}": body_lines(function)
        for path in sources(*PACKAGES)
        for function in functions(path)
        if body_lines(function) > BODY_LINES_MAX
    }
    assert {name: lines for name, lines in long.items() if lines > LONG_BODIES.get(name, BODY_LINES_MAX)} == {}
    assert set(LONG_BODIES) <= set(long), "a listed function is short now: take it off the list"


def test_files_are_nouns() -> None:
    """No file has a name that says nothing."""
    assert [path for path in sources(*PACKAGES) if path.name in FORBIDDEN_FILE_NAMES] == []


def test_every_module_says_what_it_is() -> None:
    """Every file of the product begins with a docstring."""
    bare = [
        str(path.relative_to(ROOT))
        for path in sources(*PACKAGES, "benchmarks", "examples")
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert bare == []


def test_public_functions_and_classes_have_docstrings() -> None:
    """What a module offers in `__all__` has a docstring."""
    bare = []
    for path in sources(*PACKAGES):
        tree = ast.parse(path.read_text())
        offered = {
            name
            for node in tree.body
            if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "__all__" for one in node.targets)
            for name in ast.literal_eval(node.value)
        }
        bare += [
            f"{path.relative_to(ROOT)}:{node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            and node.name in offered
            and ast.get_docstring(node) is None
        ]
    assert bare == []


def test_every_test_states_its_property() -> None:
    """Every test function has a docstring: the property in a sentence."""
    bare = [
        f"{path.relative_to(ROOT)}:{function.name}"
        for path in sources("tests")
        if path.name.startswith("test_")
        for function in functions(path)
        if function.name.startswith("test_") and ast.get_docstring(function) is None
    ]
    assert bare == []


def test_no_path_of_a_machine_and_no_registry_in_the_project() -> None:
    """No tracked file names a package registry's host or an absolute path of somebody's machine."""
    hosts = "|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "npmjs" + r"\.(com|org)", "deb" + r"\.debian"))
    forbidden = re.compile(rf"{hosts}|/(?:home|root|Users)/\w|/work" + r"/(?:main|shared)")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found = [
        name
        for name in listed.splitlines()
        if (ROOT / name).suffix in {".py", ".md", ".toml", ".j2", ".yml", ""}
        and (ROOT / name).is_file()
        and forbidden.search((ROOT / name).read_text(errors="replace"))
    ]
    assert found == []
