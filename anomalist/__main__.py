"""The entry point: makes sure that the six packages are ours before any of them is imported."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["PACKAGES", "main", "shadowing"]

PACKAGES = ("anomalist", "harness", "engine", "workloads", "checkers", "reports")
_SHADOWED_EXIT = 4


def shadowing() -> str:
    """A sentence about the first package that is found elsewhere than beside this one, or nothing."""
    ours = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = find_spec(name)
        places = list(spec.submodule_search_locations or [spec.origin or ""]) if spec else []
        if not places:
            return f"the package {name!r} is missing beside {ours / 'anomalist'}: install Anomalist again"
        if Path(places[0]).resolve().parent != ours:
            return (
                f"the package {name!r} is taken from {places[0]}, which hides Anomalist's own in {ours}: "
                "run the `anomalist` command from another directory, or rename that package"
            )
    return ""


def main() -> None:
    """Run the command line and exit with its code."""
    hidden = shadowing()
    if hidden:
        print(f"anomalist: {hidden}.", file=sys.stderr)
        sys.exit(_SHADOWED_EXIT)
    from anomalist.cli import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
