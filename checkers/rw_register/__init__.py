"""Histories of plain reads and writes: the order of versions is not known, and has to be found.

check      the checker: what is named, then what is decided
solver     decide one level: a certificate, a contradiction or a doubt
problem    versions, reads and blocks     placement  a guess of the order, tried
part       known orders and open choices  pruning    choices that follow        search  the rest, by SAT
reasons, contradiction, story             why there is no order
circular                                 circles of reads and real time
"""

from __future__ import annotations

from checkers.rw_register.check import check_rw_register

__all__ = ["check_rw_register"]
