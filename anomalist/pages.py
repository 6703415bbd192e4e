"""docs/anomalies.md and docs/levels.md, made from the tables: `python -m anomalist.pages docs`.

The tests hold that what lies in docs/ is what the tables say.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from checkers.catalogue import CATALOGUE, refutes, source
from checkers.examples import EXAMPLES
from harness.level import IMPLIES, Level, implied_by, level, minimal, refuted_by

__all__ = ["PAGES", "anomalies_page", "levels_page"]


def anomalies_page() -> str:
    """Every anomaly with its drawing, its source and the levels that it refutes."""
    parts = [
        "# Anomalies",
        "Every name that a verdict can carry. In the drawings a line is a session, and time runs to the right: what "
        "stands above one another is concurrent. Each drawing is read by the tests as a history, and the checker "
        "named below it finds the anomaly. A cycle's name is its class, then `-item` where every anti-dependency "
        "needed is on a single key, then `-process` or `-realtime` for the strongest order needed.",
    ]
    for row in CATALOGUE:
        example = EXAMPLES[row.name]
        parts += [
            f"## {row.name}",
            row.sentence,
            f"```\n{example.drawing}\n```",
            f"Found by `{example.checker}` · refutes {_names(refutes(row.name))} and all above · {source(row.name)}",
        ]
    return "\n\n".join(parts) + "\n"


def levels_page() -> str:
    """Every level with its source, what it implies, and the anomalies that refute it but none below it."""
    lines = [
        "# Levels",
        "",
        "`a` implies `b`: every history that `a` allows is allowed by `b` too. What refutes a level refutes every "
        "level above it; the last column has what refutes this level directly.",
        "",
        "| level | implies | source | refuted directly by |",
        "| --- | --- | --- | --- |",
    ]
    for name, (weaker, whence) in IMPLIES.items():
        direct = [row.name for row in CATALOGUE if level(name) in minimal(refuted_by(refutes(row.name)))]
        lines.append(f"| `{name}` | {_names(weaker)} | {whence} | {', '.join(direct)} |")
    lines += ["", "Strongest first, each with how many levels it implies:", ""]
    by_strength = sorted(IMPLIES, key=lambda name: (-len(implied_by(name)), name))
    lines += [f"- `{name}`: {len(implied_by(Level(name))) - 1}" for name in by_strength]
    return "\n".join(lines) + "\n"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


PAGES: dict[str, Callable[[], str]] = {"anomalies.md": anomalies_page, "levels.md": levels_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(sys.argv[1]) / name).write_text(page())
