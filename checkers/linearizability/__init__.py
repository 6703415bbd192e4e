"""Linearizability of single objects: registers, counters, sets, lists, texts and queues.

check       the checker: one object after another, each by the quickest way that decides it
calls       from a history to the calls on each object
models      what an object is: a table of pure step functions
registers   zones: registers and counters in n log n
ranks       sets and lists in n log n
queues      queues in n log n
search      the search of Wing, Gong and Lowe, for everything else
witness     what contradicts: few calls, and the order that goes furthest
"""

from checkers.linearizability.check import Judgement, check_linearizability, judged_objects

__all__ = ["Judgement", "check_linearizability", "judged_objects"]
