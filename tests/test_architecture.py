"""The layers: who may import whom, held by walking the imports of every file."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("anomalist", "harness", "engine", "workloads", "checkers", "reports")

# package: what it may import of ours. The one exception has a row of its own.
MAY_IMPORT = {
    "engine": {"engine"},
    "harness": {"harness"},
    "workloads": {"workloads", "harness"},
    "checkers": {"checkers", "harness"},
    "reports": {"reports", "harness"},
    "anomalist": set(PACKAGES),
}
EXCEPTIONS = {
    "harness/targets/reference.py": {"harness", "engine"},
    "harness/targets/reference_surface.py": {"harness", "engine"},
}
# What workloads, checkers and reports may know of harness: the nouns, and no verb.
NOUNS = {
    "build",
    "contract",
    "fingerprint",
    "history",
    "interleaving",
    "kills",
    "level",
    "matrix",
    "models",
    "program",
    "surface",
    "target",
    "verdict",
}


def files(package: str) -> Iterator[Path]:
    return (ROOT / package).rglob("*.py")


def imported(path: Path) -> Iterator[str]:
    """The dotted names of every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            yield node.module or ""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_the_layers_below_it(package: str) -> None:
    """No file imports one of our packages that the table does not allow it."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(package)
        for name in imported(path)
        if name.split(".")[0] in PACKAGES
        and name.split(".")[0] not in EXCEPTIONS.get(path.relative_to(ROOT).as_posix(), MAY_IMPORT[package])
    ]
    assert wrong == []


def test_the_engine_does_not_know_that_it_is_tested() -> None:
    """No file of the engine itself imports its deliberate bugs or the instruments that find them."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "engine").rglob("*.py")
        if path.relative_to(ROOT / "engine").parts[0] not in {"mutants", "proof"}
        for name in imported(path)
        if name.startswith(("engine.mutants", "engine.proof"))
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["workloads", "checkers", "reports"])
def test_the_pure_packages_know_nouns_only(package: str) -> None:
    """Workloads, checkers and reports import the nouns of harness and none of its verbs."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(package)
        for name in imported(path)
        if name.startswith("harness") and (name == "harness" or name.split(".")[1] not in NOUNS)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["checkers", "workloads"])
def test_judges_and_generators_are_pure(package: str) -> None:
    """No checker and no workload touches files, threads, the network or the wall clock."""
    impure = {"os", "pathlib", "threading", "socket", "subprocess", "datetime", "tempfile", "io", "sys", "shutil"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(package)
        for name in imported(path)
        if name.split(".")[0] in impure
    ]
    assert wrong == []


def test_nobody_imports_the_front_door() -> None:
    """No package but anomalist itself imports anomalist."""
    wrong = [
        str(path.relative_to(ROOT))
        for package in PACKAGES[1:]
        for path in files(package)
        for name in imported(path)
        if name.split(".")[0] == "anomalist"
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_module_offers_exists(package: str) -> None:
    """Every module with code says in `__all__` what it offers, and each of those names is there."""
    for found in pkgutil.walk_packages([str(ROOT / package)], prefix=f"{package}."):
        if found.name in {"anomalist.__main__"}:
            continue
        module = importlib.import_module(found.name)
        tree = ast.parse(Path(str(module.__file__)).read_text())
        if any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign) for node in tree.body):
            assert hasattr(module, "__all__"), f"{found.name} has no __all__"
            assert sorted(set(module.__all__)) == sorted(module.__all__), f"{found.name} repeats a name"
            missing = [name for name in module.__all__ if not hasattr(module, name)]
            assert missing == [], f"{found.name} offers {missing}"
