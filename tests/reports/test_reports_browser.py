"""The page in a real browser: no error, no request, keys, filter, and nothing wider than a phone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import contract_samples
import pytest
import report_samples as samples

from reports.page import render_page

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
if not CHROMIUM:
    pytest.skip("no Chromium on the PATH; install it with: apt-get install chromium", allow_module_level=True)
playwright_api = pytest.importorskip("playwright.sync_api", reason="install it with: pip install playwright")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


PAGES = ("every", "hostile", "contract", "hostile-contract")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright_api.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS, env=dict(os.environ))
        yield opened
        opened.close()


class Visit:
    """A page that remembers everything it complained about and everything it asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def close(self) -> None:
        self.context.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    kept = samples.failing_run(command=f"{contract_samples.COMMAND} --check A1")
    pages = {
        "every": samples.every_kind(),
        "hostile": samples.suite_of(samples.hostile_run()),
        "contract": contract_samples.suite(None, kept),
        "hostile-contract": contract_samples.suite(contract_samples.hostile()),
    }
    for name, suite_run in pages.items():
        (folder / f"{name}.html").write_text(render_page(suite_run), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_loads_without_complaint_or_request(browser: Any, files: dict[str, Path], name: str) -> None:
    """Nothing is logged, nothing is asked for but the file itself, and no value of a database became an element."""
    visit = Visit(browser, files[name])
    assert visit.complaints == []
    assert visit.requests == [files[name].as_uri()]
    assert visit.page.locator("img").count() == 0
    visit.close()


def test_j_and_k_walk_the_anomalies(browser: Any, files: dict[str, Path]) -> None:
    """j goes to the first and the next anomaly and opens it, k goes back, the address follows."""
    visit = Visit(browser, files["every"])
    anchors = visit.page.eval_on_selector_all("details.a", "all => all.map(one => one.id)")
    for key, place in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        visit.page.keyboard.press(key)
        assert visit.page.evaluate("location.hash.slice(1)") == anchors[place]
    assert visit.page.evaluate("document.activeElement.parentElement.id") == anchors[1]
    visit.close()


def test_the_filter_hides_lines_and_their_anomalies(browser: Any, files: dict[str, Path]) -> None:
    """/ goes to the filter, typing narrows table and anomalies and says how many are left, Esc brings all back."""
    visit = Visit(browser, files["every"])
    visit.page.keyboard.press("/")
    visit.page.keyboard.type("lost-update")
    assert visit.page.locator("#shown").inner_text() == "1 of 6 shown"
    assert visit.page.locator("#list tbody tr:visible").count() == 1
    assert visit.page.eval_on_selector_all("details.a", "all => all.filter(one => !one.hidden).length") == 1
    visit.page.keyboard.press("Escape")
    assert visit.page.locator("#shown").inner_text() == "6 of 6 shown"
    assert visit.page.locator("#list tbody tr:visible").count() == 6
    visit.close()


def test_a_hash_opens_what_is_folded(browser: Any, files: dict[str, Path]) -> None:
    """An address with #run-6 opens that folded run."""
    visit = Visit(browser, files["every"])
    assert visit.page.eval_on_selector("#run-6", "one => one.open") is False
    visit.page.evaluate("location.hash = 'run-6'")
    visit.page.wait_for_function("document.getElementById('run-6').open")
    visit.close()


def test_hovering_an_edge_lights_its_step_and_cards(browser: Any, files: dict[str, Path]) -> None:
    """A click on an arrow keeps its proof step, cards and operations lit; Esc lets go."""
    visit = Visit(browser, files["every"])
    first = visit.page.locator("details.a").first
    first.locator("g.e text").first.click()
    lit = first.evaluate("one => Array.from(one.querySelectorAll('.hot')).map(each => each.tagName + each.dataset.k)")
    assert [one for one in lit if one.startswith("LI")] == ["LIe1"]
    assert "gt0" in lit
    assert "gt1" in lit
    visit.page.keyboard.press("Escape")
    assert visit.page.locator(".hot").count() == 0
    visit.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(browser: Any, files: dict[str, Path], name: str, width: int) -> None:
    """The page never scrolls sideways, on a phone or a desk, with every fold open."""
    visit = Visit(browser, files[name], viewport={"width": width, "height": 800})
    visit.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    visit.close()


def test_no_word_of_the_matrix_is_broken(browser: Any, tmp_path: Path) -> None:
    """However many workloads a suite has, their names keep their words whole, and outcomes do not touch."""
    names = [
        *("list-append", "bank", "write-skew", "predicate-skew", "counter", "long-fork"),
        *("set", "unique-ids", "monotonic", "session-guarantees", "rw-register", "predicates"),
    ]
    runs = [samples.passing_run(name) for name in names]
    page = tmp_path / "page.html"
    page.write_text(render_page(samples.suite_of(*runs)))
    visit = Visit(browser, page, viewport={"width": 900, "height": 800})
    lines = visit.page.eval_on_selector_all("#matrix thead th", "all => all.map(one => one.innerText)")
    assert lines[2:] == names
    broken = visit.page.evaluate(
        """() => Array.from(document.querySelectorAll('#matrix thead th')).flatMap(cell => {
          const text = cell.firstChild, found = [];
          for (const word of text.data.matchAll(/[a-z]+/g)) {
            const range = document.createRange();
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            if (range.getClientRects().length > 1) { found.push(word[0]); }
          }
          return found;
        })"""
    )
    assert broken == []
    assert visit.page.evaluate(
        """() => Array.from(document.querySelectorAll('#matrix td')).every(cell => {
          const word = cell.querySelector('.word');
          return !word || word.getBoundingClientRect().right < cell.getBoundingClientRect().right;
        })"""
    )
    visit.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_texts_in_a_cycle_do_not_overlap(browser: Any, files: dict[str, Path], width: int) -> None:
    """In every drawing of a cycle each text has its place to itself."""
    visit = Visit(browser, files["every"], viewport={"width": width, "height": 800})
    overlapping = visit.page.evaluate(
        """() => Array.from(document.querySelectorAll('svg.cycle, svg.zoom')).flatMap(drawing => {
          const texts = Array.from(drawing.querySelectorAll('text'))
            .map(one => [one.textContent, one.getBoundingClientRect()]);
          const found = [];
          texts.forEach(([name, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
            const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (wide > 1 && high > 4) { found.push(name + ' / ' + other); }
          }));
          return found;
        })"""
    )
    assert overlapping == []
    visit.close()


def test_the_page_reads_without_scripts(browser: Any, files: dict[str, Path]) -> None:
    """With scripts off a folded run still opens, and what needs scripts is not shown."""
    visit = Visit(browser, files["every"], java_script_enabled=False)
    assert visit.page.locator("#filter").is_visible() is False
    assert visit.page.locator("#run-6 .in").is_visible() is False
    visit.page.locator("#run-6 > summary").click()
    assert visit.page.locator("#run-6 .in").is_visible() is True
    visit.close()


def test_j_walks_the_findings_and_then_the_anomalies(browser: Any, files: dict[str, Path]) -> None:
    """j goes from finding to finding, and on to the anomaly of the history that was recorded for one."""
    visit = Visit(browser, files["contract"])
    walked = []
    for _ in range(5):
        visit.page.keyboard.press("j")
        walked.append(visit.page.evaluate("location.hash"))
    assert walked[:4] == ["#f-A1", "#f-B2", "#f-J2", "#f-J3"]
    assert walked[4].startswith("#a-")
    assert visit.page.evaluate("document.getElementById('run-1').open") is True
    visit.close()


def test_the_filter_narrows_checks_and_opens_their_sections(browser: Any, files: dict[str, Path]) -> None:
    """Typing leaves the rows that match, with their sections open and the others away; Esc brings all back."""
    visit = Visit(browser, files["contract"])
    visit.page.keyboard.press("/")
    visit.page.keyboard.type("put_batch")
    assert visit.page.locator("#found").inner_text() == "3 of 16 shown"
    shown = "all => all.filter(one => !one.hidden).map(one => one.id)"
    assert visit.page.eval_on_selector_all("#checks details", shown) == ["section-P"]
    assert visit.page.eval_on_selector_all("#checks tr[id]", shown) == ["c-P1.1", "c-P1.2", "c-P1.3"]
    assert visit.page.locator("#c-P1\\.2").is_visible() is True
    visit.page.keyboard.press("Escape")
    assert visit.page.locator("#found").inner_text() == "16 of 16 shown"
    assert len(visit.page.eval_on_selector_all("#checks details", shown)) == 5
    visit.close()


def test_a_mark_leads_to_its_check(browser: Any, files: dict[str, Path]) -> None:
    """The mark of a check in the table of sections opens its folded section and goes to its row."""
    visit = Visit(browser, files["contract"])
    assert visit.page.locator("#c-K1\\.1").is_visible() is False
    visit.page.locator("a[href='#c-K1.1']").click()
    visit.page.wait_for_function("document.getElementById('section-K').open")
    assert visit.page.locator("#c-K1\\.1").is_visible() is True
    visit.close()


def test_checks_read_without_scripts(browser: Any, files: dict[str, Path]) -> None:
    """With scripts off a folded section still opens, and the filter is not there."""
    visit = Visit(browser, files["contract"], java_script_enabled=False)
    assert visit.page.locator("#find").is_visible() is False
    visit.page.locator("#section-P > summary").click()
    assert visit.page.locator("#c-P1\\.1").is_visible() is True
    visit.close()
