"""The page: what is on it, what must never be on it, and that it is one self-contained file."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
import report_samples as samples
from page_reader import Page

from harness.build import build_history
from harness.fingerprint import fingerprint
from harness.history import History
from harness.level import Level
from harness.verdict import Anomaly, RunResult, SuiteRun
from reports.page import render_page


@pytest.fixture(scope="module")
def every() -> Page:
    return Page(render_page(samples.every_kind()))


def fingerprints(suite_run: SuiteRun) -> list[str]:
    found = [
        one.fingerprint for run in suite_run.runs for verdict in run.verdicts for one in verdict.findings.anomalies
    ]
    return list(dict.fromkeys(found))


def test_every_fingerprint_has_its_anchor(every: Page) -> None:
    """Each anomaly is one `details` with the id a-<fingerprint>, and the table links to exactly these."""
    wanted = sorted(f"a-{one}" for one in fingerprints(samples.every_kind()))
    assert len(wanted) == 6
    assert sorted(one["id"] or "" for one in every.having("details", "a")) == wanted
    assert sorted(every.attribute("data-a")) == wanted


def test_ids_are_unique_and_links_lead_somewhere(every: Page) -> None:
    """No id occurs twice, and every local link and reference has its target."""
    ids = every.attribute("id")
    assert [one for one, count in Counter(ids).items() if count > 1] == []
    assert [one for one in every.attribute("href") if one[1:] not in ids] == []
    labels = [one for value in every.attribute("aria-labelledby") for one in value.split()]
    assert [one for one in labels if one not in ids] == []


def test_the_same_fingerprint_in_two_runs_keeps_two_places() -> None:
    """The first place is a-<fingerprint>, the second has the number of its run, one table line stands for both."""
    suite_run = samples.suite_of(samples.failing_run(seed=1), samples.failing_run(seed=2))
    page = Page(render_page(suite_run))
    only = fingerprints(suite_run)[0]
    assert [one["id"] for one in page.having("details", "a")] == [f"a-{only}", f"a-{only}-2"]
    assert page.attribute("data-a") == [f"a-{only} a-{only}-2"]


def test_the_page_makes_no_request(every: Page) -> None:
    """The policy forbids everything, and nothing on the page asks: no address outside of it, no source, no import."""
    source = render_page(samples.every_kind())
    policies = [one for one in every.having("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert [one["content"] for one in policies] == [
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    ]
    assert "http://" not in source
    assert "https://" not in source
    assert every.attribute("src") == []
    assert [one for one in every.attribute("href") if not one.startswith("#")] == []
    assert [one for one in re.findall(r"url\(([^)]*)\)", source) if not one.startswith("#")] == []
    assert "@import" not in source
    assert Counter(tag for tag, _ in every.elements)["script"] == 1
    assert Counter(tag for tag, _ in every.elements)["style"] == 1


def test_script_and_style_stay_small(every: Page) -> None:
    """At most 25 KB of script and 10 KB of style."""
    assert 0 < len(every.inline["script"].encode()) <= 25_000
    assert 0 < len(every.inline["style"].encode()) <= 10_000


def test_the_same_inputs_give_the_same_bytes() -> None:
    """Two renderings of equal suites are equal."""
    assert render_page(samples.every_kind()).encode() == render_page(samples.every_kind()).encode()


def test_hostile_values_stay_text() -> None:
    """No element, handler or control character comes from a value, wherever it stands."""
    source = render_page(samples.suite_of(samples.hostile_run(), suite=samples.HOSTILE, command=samples.HOSTILE))
    page = Page(source)
    assert samples.HOSTILE not in source
    assert not set("\x1b\x00\x07\u202e\u2066") & set(source)
    assert "img" not in {tag for tag, _ in page.elements}
    assert [name for _, one in page.elements for name in one if name.startswith("on")] == []
    assert Counter(tag for tag, _ in page.elements)["script"] == 1
    assert samples.HOSTILE in page.text
    assert samples.LONG not in source
    assert "10240 characters" in page.text
    assert source.encode("utf-8")


@pytest.mark.parametrize(
    ("kinds", "edges"),
    [(("rw", "rw"), 2), (("wr", "rw", "ww"), 3), (("rw", "wr", "rw", "session"), 4), (("rw",) * 6, 6)],
)
def test_a_cycle_is_drawn_with_a_card_per_transaction_and_an_arrow_per_step(
    kinds: tuple[str, ...], edges: int
) -> None:
    """Cycles of 2, 3, 4 and 6 have as many cards, arrows of the right kind, proof steps and lanes."""
    page = Page(render_page(samples.suite_of(samples.failing_run(kinds))))
    assert len(page.having("rect", "card")) == edges
    drawn = [(one.get("class") or "").split()[1] for one in page.having("g", "e")]
    assert drawn == [kind if kind != "session" else "order" for kind in kinds]
    steps = [one for one in page.having("li") if "data-k" in one]
    assert [one["data-k"] for one in steps] == [f"e{number}" for number in range(1, edges + 1)]
    assert f"Cycle: {' → '.join(f'T{row}' for row in (*range(edges), 0))}" in page.text
    for place in range(edges):
        assert f"T{place} must precede T{(place + 1) % edges} on k{place}." in page.text


def test_the_order_that_shows_a_step_is_looked_up_in_the_history(every: Page) -> None:
    """Below a step stand its key, its value and the longest committed read of that key."""
    page = Page(render_page(samples.suite_of(samples.failing_run())))
    assert "Key k0, value 10" in page.text
    assert "Order of k0, longest read: T2 saw [1 2 10 20]" in page.text


def test_operations_that_carry_an_edge_are_numbered() -> None:
    """The reads that missed and the appends that were missed have the number of their step."""
    page = Page(render_page(samples.suite_of(samples.failing_run())))
    rows = [one["data-k"] for one in page.having("tr") if "data-k" in one]
    assert rows == ["t0 e1", "t0 e2", "t1 e1", "t1 e2"]


def test_an_anomaly_without_a_cycle_shows_operations_and_details() -> None:
    """No arrows, but the sentences that contradict and the operations they speak of."""
    page = Page(render_page(samples.suite_of(samples.invariant_run())))
    assert page.having("g", "e") == []
    for sentence in ("T0 and T1 both updated a = 5.", "T0 read a as 5 and wrote 6.", "r a → 5", "w a 7"):
        assert sentence in page.text
    assert "the steps of one thread: it has no latency and no throughput" in page.text
    assert "the command repeats the same history, byte for byte" in page.text
    assert page.having("figure", "chart") == []


def test_the_levels_an_anomaly_rules_out_are_listed() -> None:
    """The weakest first, then all that imply it, then what it leaves."""
    text = " ".join(Page(render_page(samples.suite_of(samples.failing_run()))).text.split())
    assert "weakest ruled out: repeatable-read" in text
    assert "with them: serializable, strong-session-serializable, strict-serializable" in text
    assert "not ruled out by this: update-serializable, strong-snapshot-isolation, linearizable" in text


def test_the_rail_is_a_chain_through_the_expected_level() -> None:
    """Weak to strong: what stands, what is expected, what is refuted."""
    page = Page(render_page(samples.suite_of(samples.failing_run())))
    assert [one["class"] for one in page.having("li") if one.get("class")] == [
        "not-refuted",
        "not-refuted",
        "not-refuted",
        "not-refuted",
        "observed",
        "refuted fail",
        "refuted fail",
    ]
    text = " ".join(page.text.split())
    assert "snapshot-isolation observed: not refuted" in text
    assert "serializable refuted, expected" in text
    assert "strict-serializable refuted" in text
    assert "Not on this line, refuted: repeatable-read." in text


def test_each_outcome_has_its_word_and_sentence() -> None:
    """FAIL, UNKNOWN and PASS are words in the title and the heading, each with its reason."""
    failing = render_page(samples.suite_of(samples.failing_run()))
    assert "<title>FAIL · quick · Anomalist</title>" in failing
    assert "ledgerdb 0.9.2 was held to serializable and did not keep it." in failing
    passing = render_page(samples.suite_of(samples.passing_run()))
    assert "<title>PASS · quick · Anomalist</title>" in passing
    assert "Nothing contradicts serializable in ledgerdb 0.9.2." in passing
    vacuous = render_page(samples.suite_of(samples.vacuous_run()))
    assert "<title>UNKNOWN · quick · Anomalist</title>" in vacuous
    assert "overlapping pairs 0 of 10 needed" in vacuous
    assert "too little" in vacuous


def test_a_foreign_cut_history_tells_its_limits() -> None:
    """Trust in the file, the torn end, unknown fates and unanswered reads are said; an unseen value is a ?."""
    text = Page(render_page(samples.suite_of(samples.doubtful_run()))).text
    for sentence in (
        "The history is not whole: the end is torn off.",
        "Not vouched for (evidence): client 3 overlaps itself.",
        "The fate of 1 transaction is unknown",
        "that its times and values are true is taken on trust",
        "positions, not time: it has no latency",
        "r x → ?",
        "position 3–…",
    ):
        assert sentence in text


def test_an_interrupted_run_says_so() -> None:
    """A run stopped by hand is unknown, and its section says why."""
    passing = samples.passing_run()
    stopped = RunResult(history=passing.history, verdicts=passing.verdicts, interrupted=True)
    text = Page(render_page(samples.suite_of(stopped))).text
    assert "interrupted: the run was stopped by hand before it was done." in text


def test_a_suite_without_runs_has_a_page() -> None:
    """Nothing ran is a page too."""
    text = Page(render_page(samples.suite_of())).text
    assert "Nothing ran." in text


def test_an_empty_history_has_a_section() -> None:
    """A run without a single transaction is shown without a timeline."""
    page = Page(render_page(samples.suite_of(samples.run_of(build_history([], samples.info())))))
    assert "An empty history has no timeline." in page.text
    assert page.having("svg", "bars") == []


def test_runs_with_anomalies_are_open_and_others_folded(every: Page) -> None:
    """Worst first: five failing runs open, then the unknown and passing ones folded."""
    runs = every.having("details", "run")
    assert [(one["id"], "open" in one) for one in runs] == [
        ("run-1", True),
        ("run-2", True),
        ("run-3", True),
        ("run-4", True),
        ("run-5", True),
        ("run-7", False),
        ("run-8", False),
        ("run-6", False),
    ]


def test_the_matrix_links_every_run(every: Page) -> None:
    """Each run has its link, with word and note, in the cell of its target, level and workload."""
    assert sorted(one for one in every.attribute("href") if one.startswith("#run-")) == [
        f"#run-{n}" for n in range(1, 9)
    ]
    assert every.text.count("– not run") == 3


def many(count: int, operations: int, clients: int = 7) -> History:
    """A large history, straight from columns."""
    draw = np.random.default_rng(7)
    start = np.sort(draw.integers(0, 10_000_000_000, count))
    total = count * operations
    return History(
        info=samples.info(),
        client=(np.arange(count) % clients).astype(np.int32),
        status=np.zeros(count, np.int8),
        start=start,
        end=start + draw.integers(1_000_000, 9_000_000, count),
        error=np.full(count, -1, np.int32),
        op_offset=np.arange(0, total + 1, operations),
        op_kind=np.ones(total, np.int8),
        op_key=np.zeros(total, np.int32),
        op_value=np.zeros(total, np.int64),
        op_length=np.full(total, -2, np.int32),
        elements=np.zeros(0, np.int32),
        keys=("k",),
        values=(1,),
    )


def test_two_thousand_operations_are_bars_and_one_more_is_density() -> None:
    """At the limit every transaction has its bar; beyond it the page says that it shows their density."""
    bars = Page(render_page(samples.suite_of(samples.run_of(many(1_000, 2)))))
    assert len([one for one in bars.having("rect", "ok") if one.get("y") == "9"]) == 1_000
    assert "All 1000 transactions, a bar each." in bars.text
    dense = Page(render_page(samples.suite_of(samples.run_of(many(2_001, 1)))))
    assert [one for one in dense.having("rect", "ok") if one.get("y") == "9"] == []
    assert "All 2001 transactions with 2001 operations, as density and not a bar each" in dense.text
    assert len([one for one in dense.having("path", "ok") if (one["d"] or "").startswith("M0 20")]) == 7


def test_a_large_history_gives_a_small_page() -> None:
    """200,000 transactions of 300 clients make a page no larger than a small run's, with every client in a row."""
    source = render_page(samples.suite_of(samples.run_of(many(200_000, 2, clients=300))))
    assert len(source) < 150_000
    page = Page(source)
    assert len([one for one in page.having("path", "ok") if (one["d"] or "").startswith("M0 20")]) == 30
    assert "0–9" in page.text


def test_what_the_page_cannot_tell_is_counted() -> None:
    """Of 450 shapes 400 are told, 24 with drawings, and the page says how many it leaves out."""
    about = samples.info()
    shapes = [
        Anomaly(
            name=f"G2-item-{number}",
            txns=(0, 1),
            steps=(),
            refutes=(Level("repeatable-read"),),
            sentence=f"shape {number}",
            fingerprint=fingerprint(about, f"G2-item-{number}", ("rw", "rw")),
            witness=f"{number:016x}",
        )
        for number in range(450)
    ]
    page = Page(render_page(samples.suite_of(samples.run_of(samples.cycle_history(about, ("rw", "rw")), *shapes))))
    assert len(page.having("details", "a")) == 400
    assert len(page.having("svg", "zoom")) == 24
    assert page.text.count("Told in words only") == 376
    assert "50 further lines are not listed here" in page.text
    assert "50 further anomalies of this run are not told here" in page.text


def test_a_cycle_too_large_to_draw_is_listed() -> None:
    """Fifty transactions are not drawn; forty steps are listed and ten are counted."""
    page = Page(render_page(samples.suite_of(samples.failing_run(("rw",) * 50))))
    assert page.having("rect", "card") == []
    assert "A cycle of 50 transactions is too large to draw; its steps are listed." in page.text
    assert "10 further steps are not listed." in page.text
    assert "38 further transactions have no lane." in page.text


def test_svg_drawings_have_title_and_description(every: Page) -> None:
    """Every drawing that says something has a title and a description, every other is hidden from readers."""
    silent = [one for one in every.having("svg") if one.get("aria-hidden") != "true" and "aria-labelledby" not in one]
    assert [one for one in silent if "preserveaspectratio" not in one and one.get("overflow") != "visible"] == []


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * one for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_colours_can_be_read_in_light_and_dark(every: Page, scheme: int) -> None:
    """Text has a contrast of 4.5 on every ground it stands on, bars of 3 on the page and on fault bands."""
    blocks = re.findall(r":root\{([^}]*--bg[^}]*)\}", every.inline["style"])
    assert len(blocks) == 2
    colours = dict(re.findall(r"--([a-z]+):(#[0-9a-f]+)", blocks[scheme]))
    for text in ("ink", "mute", "fail", "pass", "unk", "link", "wr", "rw"):
        grounds = ("bg", "soft") + (("band",) if text in {"ink", "mute"} else ())
        for ground in grounds:
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for ground in ("bg", "band"):
        assert contrast(colours["bar"], colours[ground]) >= 3
