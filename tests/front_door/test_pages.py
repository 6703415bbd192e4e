"""The pages of docs/ that are made from tables are what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomalist.pages import PAGES, anomalies_page, levels_page
from checkers.catalogue import CATALOGUE
from checkers.examples import EXAMPLES
from harness.level import IMPLIES

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_tables_say(name: str) -> None:
    """`make docs` would change nothing."""
    assert (DOCS / name).read_text() == PAGES[name]()


def test_the_pages_have_every_row() -> None:
    """Each anomaly has a heading and its drawing, each level a line with its source."""
    anomalies, levels = anomalies_page(), levels_page()
    for row in CATALOGUE:
        assert f"\n## {row.name}\n\n{row.sentence}\n\n```\n{EXAMPLES[row.name].drawing}\n```\n" in anomalies
    for name, (_, source) in IMPLIES.items():
        (line,) = [line for line in levels.splitlines() if line.startswith(f"| `{name}` |")]
        assert f" | {source} | " in line
    assert "\n- `strict-serializable`: " in levels
