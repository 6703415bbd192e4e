"""The Markdown documents: the contract suite's findings, any other suite, and texts that cannot become markup."""

from __future__ import annotations

import contract_samples as samples
import report_samples
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reports.markdown import render_markdown
from reports.markdown_text import code, fenced, inline, table
from reports.values import visible

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TEXTS = st.text(st.sampled_from("ab1 \\`*_[]()<>|~$&@#-+=.!:/\n\té\u202e"), max_size=24).filter(
    lambda one: one.strip()
)


def flat(source: str) -> list[Token]:
    """All tokens of a document, those within lines too."""
    return [one for token in READER.parse(source) for one in (token, *(token.children or ()))]


def read(source: str, kind: str = "text") -> str:
    """What a reader sees of a document of one line."""
    return "".join(one.content for one in flat(source) if one.type == kind)


def headings(source: str) -> list[tuple[str, str]]:
    tokens = READER.parse(source)
    found = [(one.tag, tokens[at + 1].children or ()) for at, one in enumerate(tokens) if one.type == "heading_open"]
    return [(tag, "".join(child.content for child in children)) for tag, children in found]


def test_the_findings_have_the_shape_of_the_seed() -> None:
    """Title and result, findings by severity, what passed, what was not tried, what to do, how to repeat."""
    document = render_markdown(samples.suite())
    assert headings(document) == [
        ("h1", "ledgerdb 0.9.2: findings of the contract suite"),
        ("h2", "CRITICAL"),
        ("h3", "1. Lost updates (A1)"),
        ("h3", "2. Counting under contention (B2)"),
        ("h2", "HIGH"),
        ("h3", "3. Calls on a closed database (J2)"),
        ("h2", "MEDIUM"),
        ("h3", "4. Paths that make no sense (J3)"),
        ("h2", "Sections"),
        ("h2", "What passed"),
        ("h2", "What was not tried"),
        ("h2", "Errors of the harness"),
        ("h2", "Priority recommendations"),
        ("h2", "How to repeat"),
    ]
    assert document.splitlines()[2] == (
        "**Test:** `anomalist run contract -t ledgerdb` | **Result:** 5 PASS, 5 FAIL, 5 SKIP, 1 ERROR "
        "across 16 checks in 5 sections (A–P)"
    )


def test_a_finding_is_told_so() -> None:
    """Severity, each failed check with what was seen, the calls, the impact, the command."""
    document = render_markdown(samples.suite())
    finding = document[document.index("### 1.") : document.index("### 2.")]
    assert finding.splitlines() == [
        "### 1. Lost updates (A1)",
        "",
        "**Severity: CRITICAL** — 2 of 3 checks failed",
        "",
        "- **A1.2** Exactly one of two increments commits.  ",
        "  Seen: both committed, expected one typed conflict",
        "",
        "```text",
        "db1.open('d') → None",
        "db1.put(b'counter', b'0') → None",
        "db1.begin() → t1",
        "db1.begin() → t2",
        "db1.t1.commit() → 1",
        "db1.t2.commit() → 2",
        "```",
        "",
        "- **A1.3** The final value is the number of acknowledged commits.  ",
        "  Seen: final value: b'1', expected b'2'",
        "",
        "```text",
        "db1.get(b'counter') → b'1'",
        "```",
        "",
        "**Impact:** Counters lose increments silently.",
        "",
        "**Repeat:** `anomalist run contract -t ledgerdb --check A1`",
        "",
    ]


def test_the_tables_of_the_findings() -> None:
    """Sections, what passed, what was not tried and why."""
    lines = render_markdown(samples.suite()).splitlines()
    for line in (
        "| **A** Isolation | ✕ FAIL | 3 | 2 |  | 1 | CRITICAL |",
        "| **K** Documented calls | – SKIP |  |  | 1 |  |  |",
        "| **Reading one's own writes** | A5 ✓ | "
        "A transaction reads what it wrote; Of two writes it reads the second |",
        "| 3 | P1 | ledgerdb 0.9.2 has no put_batch |",
        "| 1 | A2.1 | this is a mistake of Anomalist's own: KeyError: 'bob' |",
        "1. **Detect conflicts at commit.** (CRITICAL: A1)",
        "**Without the harness** (B2.2):",
    ):
        assert line in lines


def test_a_run_that_keeps_everything_has_no_finding() -> None:
    """It says so, and has neither recommendations nor a list of what was not tried."""
    document = render_markdown(samples.suite(samples.only("pass")))
    assert [text for _, text in headings(document)] == [
        "ledgerdb 0.9.2: findings of the contract suite",
        "No broken promise",
        "Sections",
        "What passed",
        "How to repeat",
    ]
    assert "5 of 5 checks held and none failed.\n" in document


def test_recorded_histories_follow_the_findings() -> None:
    """The histories of the suite, with their anomalies."""
    document = render_markdown(samples.suite(None, report_samples.failing_run()))
    assert [text for _, text in headings(document)][-3:] == ["Recorded histories", "Anomalies", "G2-item ×1"]


def test_any_suite_has_a_document() -> None:
    """Verdict, a table of runs, each anomaly with its proof, fingerprint and command."""
    run = report_samples.failing_run()
    fingerprint = run.verdicts[0].findings.anomalies[0].fingerprint
    assert render_markdown(report_samples.suite_of(run)).splitlines() == [
        "# FAIL: quick",
        "",
        "**ledgerdb 0.9.2 was held to serializable and did not keep it.** In one place its transactions contradict "
        "that level: G2-item. 2 transactions that each must come before the next.",
        "",
        "| Workload | Outcome | Target | Expected | Anomalies | Evidence |",
        "| --- | --- | --- | --- | --- | --- |",
        "| list-append seed 204 | **FAIL** | ledgerdb 0.9.2 at serializable | serializable | G2-item ×1 | "
        "3 txns, overlapping pairs 40, rw edges 7 |",
        "",
        "## Anomalies",
        "",
        "### G2-item ×1",
        "",
        "2 transactions that each must come before the next.",
        "",
        "1. T0 must precede T1 on k0.",
        "2. T1 must precede T0 on k1.",
        "",
        f"list-append seed 204, fingerprint `{fingerprint}`",
        "",
        "Repeat: `anomalist run quick -t ledgerdb -w list-append --seed 204`",
        "",
        "## How to repeat",
        "",
        "```text",
        "anomalist run quick -t ledgerdb --seed 204",
        "```",
    ]


def test_an_unknown_and_what_was_not_run_are_said() -> None:
    """An UNKNOWN tells its reason; what the suite has and the run lacks is told."""
    suite = report_samples.suite_of(report_samples.vacuous_run(), environment=(("not run", "set: no scans"),))
    document = render_markdown(suite)
    assert "| **UNKNOWN** vacuous |" in document
    assert "Not run: set: no scans\n" in document
    assert "long-fork seed 204: vacuous: nothing was found, but nothing could have been" in document


def test_hostile_values_become_no_markup() -> None:
    """Whatever a database says: no HTML, link, picture or heading of its own, and it reads as it was said."""
    for suite in (samples.suite(samples.hostile()), report_samples.suite_of(report_samples.hostile_run())):
        document = render_markdown(suite)
        assert not set("\x1b\x00\x07\u202e\u2066") & set(document)
        kinds = {one.type for one in flat(document)}
        assert kinds & {"html_block", "html_inline", "link_open", "image", "s_open", "em_open"} == set()
        assert report_samples.HOSTILE in read(document)
        assert not {"h", "h4", "h5", "h6"} & {tag for tag, _ in headings(document)}
    document = render_markdown(samples.suite(samples.hostile()))
    assert [tag for tag, _ in headings(document)] == ["h1", "h2", "h3", "h2", "h2", "h2", "h2", "h2"]
    assert len([one for one in flat(document) if one.type == "tr_open"]) == 6


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_line_reads_as_itself(text: str) -> None:
    """In a paragraph, in a list, in bold and in a cell any text reads as itself, and is nothing but text."""
    wanted = visible(text).strip()
    assert read(inline(text)) == wanted
    assert [one.type for one in READER.parse(inline(text))] == ["paragraph_open", "inline", "paragraph_close"]
    assert read(f"- {inline(text)}") == wanted
    cells = flat("\n".join(table(("head",), [(inline(text),)])))
    assert [one.content for one in cells if one.type == "text"][:1] == ["head"]
    assert "".join(one.content for one in cells if one.type == "text")[4:] == wanted
    assert len([one for one in cells if one.type == "td_open"]) == 1


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_code_reads_as_itself(text: str) -> None:
    """In a span, and in a block of lines, whatever ticks are in it."""
    source = code(text)
    assert read(source, "text" if "|" in text else "code_inline").strip() == visible(text).strip()
    lines = text.split("\n")
    blocks = READER.parse("\n".join([*fenced(lines), "", "after"]))
    assert [one.type for one in blocks] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert blocks[0].content == "\n".join(visible(line) for line in lines) + "\n"


def test_addresses_are_no_links() -> None:
    """GitHub makes links of bare addresses and names: none is left that it would take for one."""
    assert inline("see https://example.org, www.example.org") == "see https&#58;//example.org, www&#46;example.org"
    assert inline("@everyone: put_batch is _gone_") == "&#64;everyone: put_batch is \\_gone\\_"
    assert inline("1. first") == "1\\. first"
    assert inline("# no heading") == "\\# no heading"
