"""Histories of plain reads and writes: the order of versions is not known, and has to be found.

check      the checker: what is named, then what is decided          late_reads  circles past own writes
solver     decide one level: a certificate, a contradiction or a doubt
problem    versions, reads and blocks     placement  a guess of the order, tried
part       known orders and open choices  pruning    choices that follow
search     the rest of the choices        choices    made so that no circle is closed, learning from those met
reasons, contradiction, story             why there is no order
scans, tombstones                         ranges and deletes as reads and writes
weak and weak_*                           the levels from read committed to causal
"""

from __future__ import annotations

from checkers.rw_register.check import check_rw_register

__all__ = ["check_rw_register"]
