"""Verdicts made visible, every output from one `SuiteRun`.

overall.py    what all checkers of one run say together     values.py    values as safe text
document.py   JSON of `run` and `check`                     terminal.py  the printed summary
junit.py      JUnit XML                                     page.py      the HTML page
section.py    one run on the page                           proof.py     one anomaly on the page
rail.py       levels as a line                              limits.py    what a verdict does not say
run_words.py  one run in a few words                        markdown.py  Markdown; markdown_text.py makes it safe
findings.py   a contract run seen as a whole, for its part of each of these:
              contract_terminal.py contract_section.py contract_junit.py findings_markdown.py
svg.py clock.py cycle_svg.py lanes_svg.py timeline_svg.py series.py      the drawings
"""
