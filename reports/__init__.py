"""Verdicts made visible, every output from one `SuiteRun`.

overall.py    what all checkers of one run say together     values.py    values as safe text
document.py   JSON of `run` and `check`                     terminal.py  the printed summary
junit.py      JUnit XML                                     page.py      the HTML page
section.py    one run on the page                           proof.py     one anomaly on the page
rail.py       levels as a line                              limits.py    what a verdict does not say
svg.py clock.py cycle_svg.py lanes_svg.py timeline_svg.py series.py      the drawings
"""
