"""For every anomaly the smallest history that shows it, drawn: a line is a session, and time runs to the right.

    A  append x 1 | read x = []        two transactions of session A, one after the other
    B    append x 2                    one of session B, at the same time as the first of A

The tests read these drawings as histories and have each judged by the checker that stands beside it: a drawing
that does not show its anomaly is an error. `aborts` and `unknown` at the end of a transaction are its fate; what
follows ← is a remark, and what follows # in a number tells equal ones apart.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["EXAMPLES", "Example"]


class Example(NamedTuple):
    """A drawing, the name of the checker that finds the anomaly in it, and the history's clock (`RunInfo`)."""

    checker: str
    drawing: str
    clock: str = "positions"


def _lists(*lines: str) -> Example:
    return Example("list-append", "\n".join(lines))


def _registers(*lines: str) -> Example:
    return Example("rw-register", "\n".join(lines))


def _scripted(*lines: str) -> Example:
    return Example("brute-force", "\n".join(lines))


# Nobody tells whether A or B wrote x first, nor whether C or D wrote y first: two orders of each, and every one of
# the four ways to choose closes a circle through what the readers of both saw, or missed.
_EIGHT_BY_READS = (
    "A  write x 1 · write p 1 ...........................",
    "B  write x 2 · write q 1 ...........................",
    "C  write y 1 · write r 1 ...........................",
    "F  read x = 2 · read r = 1 · read s = 1 ............",
    "G  read y = 1 · read p = 1 · read q = 1 ............",
    "H  read y = 2 · read p = 1 · read q = 1 ............",
)
_EIGHT_BY_MISSES = (
    "A  read c = nothing · read d = nothing · write x 1 ......",
    "B  read c = nothing · read d = nothing · write x 2 ......",
    "C  read a = nothing · read b = nothing · write y 1 ......",
    "F  read x = 2 · write b 1 ...............................",
    "G  read y = 1 · write c 1 ...............................",
    "H  read y = 2 · write d 1 ...............................",
)

EXAMPLES: dict[str, Example] = {
    "G0": _lists(
        "A  append x 1 · append y 1            ← x shows A before B, y shows B before A",
        "B  append x 2 · append y 2",
        "C  read x = [1 2] · read y = [2 1]",
    ),
    "G1a": _lists(
        "A  append x 1 · aborts",
        "B  read x = [1]              ← an append that never was",
    ),
    "G1b": _lists(
        "A  append x 1 · append x 2",
        "B  read x = [1]              ← half of a transaction",
    ),
    "G1c": _lists(
        "A  append x 1 · read y = [2]      ← A saw B, and B saw A",
        "B  append y 2 · read x = [1]",
    ),
    "G-single-item": _lists(
        "A  append x 1 · append y 1",
        "B  read x = [1] · read y = []      ← after A by x, before A by y",
    ),
    "G-single": _scripted(
        "A  write x 1 · write y 1",
        "B  read x = 1 · scan y to z = {}      ← after A by x, and the range misses A's y",
    ),
    "G-nonadjacent-item": _lists(
        "A  append x 1                      B  append y 1",
        "C  read x = [1] · read y = []      ← A before B",
        "D  read x = [] · read y = [1]      ← B before A",
    ),
    "G-nonadjacent": _scripted(
        "A  write x 1                               B  write y 1",
        "C  read x = 1 · scan y to z = {}           ← A before B",
        "D  scan x to y = {} · read y = 1           ← B before A",
    ),
    "G2-item": _lists(
        "A  read y = [] · append x 1      ← A missed B, and B missed A",
        "B  read x = [] · append y 1",
    ),
    "G2": _scripted(
        "A  scan a to m = {} · write n 1      ← A's range missed B's row, and B's range missed A's",
        "B  scan n to z = {} · write a 1",
    ),
    "G0-process": _lists(
        "A  append x 1 | append x 2      ← in this order",
        "B  read x = [2 1]               ← in the other one",
    ),
    "G1c-process": _lists(
        "A  read x = [1] | append y 1                ← A saw B, whose first transaction saw A's next one",
        "B  read y = [1] | append x 1",
    ),
    "G-single-item-process": _lists(
        "A  append x 1 | read x = []      ← its own append is not there",
    ),
    "G-single-process": _scripted(
        "A  write x 1 | scan x to y = {}      ← its own write is not in the range",
    ),
    "G-nonadjacent-item-process": _lists(
        "A  append x 1        | read y = []      ← B is not there yet",
        "B  append y 1                           ← and D, which saw B, missed A's first",
        "D  read y = [1] · read x = []",
    ),
    "G-nonadjacent-process": _scripted(
        "A  write x 1        | scan y to z = {}      ← B is not there yet",
        "B  write y 1                                ← and D, which saw B, missed A's first",
        "D  read y = 1 · scan x to y = {}",
    ),
    "G2-item-process": _lists(
        "A  append y 1     | read x = []      ← B comes later",
        "B  append x 1 · read y = []          ← and yet B missed what A did first",
    ),
    "G2-process": _scripted(
        "A  write y 1     | scan x to y = {}      ← B comes later",
        "B  write x 1 · scan y to z = {}          ← and yet B missed what A did first",
    ),
    "G0-realtime": _lists(
        "A  append x 1",
        "B               append x 2",
        "C  read x = [2 1]               ← B first, though A had ended when B began",
    ),
    "G1c-realtime": _lists(
        "A  read x = [1]",
        "B                 append x 1      ← A saw what B had not yet done",
    ),
    "G-single-item-realtime": _lists(
        "A  append x 1",
        "B               read x = []      ← A had ended",
    ),
    "G-single-realtime": _scripted(
        "A  write x 1",
        "B              scan x to y = {}      ← A had ended",
    ),
    "G-nonadjacent-item-realtime": _lists(
        "A  append x 1",
        "B               read y = []            ← A had ended; C is not there yet",
        "C  append y 1 ..............           ← and D, which saw C, missed A",
        "D  read y = [1] · read x = [] .",
    ),
    "G-nonadjacent-realtime": _scripted(
        "A  write x 1",
        "B              scan y to z = {}        ← A had ended; C is not there yet",
        "C  write y 1 ..................        ← and D, which saw C, missed A",
        "D  read y = 1 · scan x to y = {} .",
    ),
    "G2-item-realtime": _lists(
        "A  append y 1",
        "B                 read x = []          ← C comes later",
        "C  append x 1 · read y = [] ...        ← and yet C missed A, which had ended when B began",
    ),
    "G2-realtime": _scripted(
        "A  write y 1",
        "B                 scan x to y = {}       ← C comes later",
        "C  write x 1 · scan y to z = {} .        ← and yet C missed A, which had ended when B began",
    ),
    "internal": _lists(
        "A  append x 1 · read x = []      ← its own append is not there",
    ),
    "OTV": _scripted(
        "A  write x 1 · write y 1",
        "B  write x 2 · write y 2",
        "C  read x = 2 · read y = 1                                ← it had seen B, which wrote over A",
        "D                             read x = 2 · read y = 2",
    ),
    "OTV-process": _registers(
        "A  write x 1 | write x 2 · write y 2",
        "B  read y = 2 · read x = 1      ← it had seen A's second transaction, which comes after the first",
    ),
    "future-read": _lists(
        "A  read x = [1] · append x 1      ← it saw what it had not yet done",
    ),
    "dirty-update": _lists(
        "A  append x 1 · aborts",
        "B  append x 2",
        "C  read x = [1 2]           ← B built on what never was",
    ),
    "duplicate-elements": _lists(
        "A  append x 1",
        "B  read x = [1 1]      ← one append, twice",
    ),
    "incompatible-order": _lists(
        "A  append x 1       B  append x 2",
        "C  read x = [1 2]",
        "D  read x = [2]           ← neither begins the other",
    ),
    "cyclic-versions": _registers(
        "A  read x = 1 · write x 2      ← A overwrote B's version, and B overwrote A's",
        "B  read x = 2 · write x 1",
    ),
    "garbage-read": _lists(
        "A  read x = [7]      ← nobody appended that",
    ),
    "lost-update": _lists(
        "A  read x = [] · append x 1      ← both updated the same version",
        "B  read x = [] · append x 2",
    ),
    "fractured-read": _registers(
        "A  write x 1 · write y 1",
        "B  read x = 1 · write x 2 · read y = 1 · write y 2",
        "C  read y = 1 · read x = 2      ← one half of B, and what B had overwritten",
    ),
    "fractured-read-process": _registers(
        "A  write x 1 · write y 1 | read x = nothing      ← its own session had written it",
    ),
    "causality-violation": _registers(
        "A  write x 1",
        "B  read x = 1 · write x 2",
        "C  read x = 2 · write y 1",
        "D  read y = 1 · read x = 1      ← it saw C, which had seen B, and missed B",
    ),
    "causality-violation-process": _registers(
        "A  write x 1",
        "B  read x = 1 · write x 2 | write y 1",
        "C  read y = 1 · read x = 1      ← it saw B's second transaction and missed the first",
    ),
    "no-parallel-snapshot-order": _registers(
        "A  read q = nothing · write p 1 · write x 1      ← whichever of the two wrote x first,",
        "B  read p = nothing · write q 1 · write x 2      ← the other missed what it wrote besides",
    ),
    "no-snapshot-order": _registers(
        *_EIGHT_BY_READS, "D  write y 2 · write s 1", "E  read x = 1 · read r = 1 · read s = 1"
    ),
    "no-snapshot-order-process": _registers(*_EIGHT_BY_READS, "D  write y 2 · write s 1 | read x = 1 · read r = 1"),
    "no-snapshot-order-realtime": _registers(
        *_EIGHT_BY_READS, "D  write y 2 · write s 1", "E                         read x = 1 · read r = 1"
    ),
    "no-serial-order": _registers(
        *_EIGHT_BY_MISSES, "D  read a = nothing · read b = nothing · write y 2", "E  read x = 1 · write a 1"
    ),
    "no-serial-order-process": _registers(
        *_EIGHT_BY_MISSES, "D  read b = nothing · write y 2 | read x = 1 · write a 1"
    ),
    "no-serial-order-realtime": _registers(
        *_EIGHT_BY_MISSES,
        "D  read b = nothing · write y 2",
        "E                                 read x = 1 · write a 1",
    ),
    "not-linearizable": Example(
        "linearizable",
        "A  write x 1 | write x 2\nB               read x = 2 | read x = 1      ← it had seen the newer value",
    ),
    "duplicate-id": Example(
        "unique-ids", "A  incr ids 1 = 1 | incr ids 1 = 2\nB                    incr ids 1 = 2      ← A's"
    ),
    "non-monotonic-read": Example(
        "session-guarantees", "A  append x 1\nB    read x = [1] | read x = []      ← it had been there"
    ),
    "non-monotonic-write": Example(
        "session-guarantees",
        "A  append x 1 | append x 2\nB    read x = [2]                  ← without what A did before",
    ),
    "missed-own-write": Example(
        "session-guarantees", "A  append x 1 | read x = []      ← its own append is not there"
    ),
    "writes-do-not-follow-reads": Example(
        "session-guarantees",
        "A  append x 1\nB  read x = [1] | append x 2\nC  read x = [2]                  ← without what B had seen",
    ),
    "lost-append": _lists(
        "A  append x 1",
        "B               read x = []      ← it had been acknowledged",
    ),
    "predicate-read-miss": Example(
        "predicates",
        "S  write x 1                            ← the initial state of a history without times\n"
        "A               scan x to y = {}        ← nobody deleted x",
        "sessions",
    ),
    "wrong-total": Example(
        "bank",
        "S  write a 50#s · write b 50#s\n"
        "A                               read a = 50#s · write a 45#a · read b = 50#s · write b 55#a\n"
        "B                               read a = 50#s · read b = 55#a      ← one half of A: 105 in all",
    ),
    "lost-increment": Example(
        "counter",
        "A  read n = nothing · write n 1#a\n"
        "B                                   read n = nothing      ← A's increment had been acknowledged",
    ),
    "extra-increment": Example(
        "counter",
        "A  read n = nothing · write n 1#a\n"
        "B  read n = 1#a · write n 2#b · aborts\n"
        "C  read n = 2#b                             ← only A's increment was acknowledged",
    ),
    "long-fork": Example(
        "long-fork",
        "A  write x 1                             B  write y 1\n"
        "C  read x = 1 · read y = nothing         ← A before B\n"
        "D  read x = nothing · read y = 1         ← B before A",
    ),
    "lost-element": Example(
        "set", "A  write element1 1\nB                      read element1 = nothing      ← it had been acknowledged"
    ),
    "duplicate-claim": Example(
        "total-queue",
        "S  make_queue q (86400 9) | enqueue q job = 1\n"
        "A                                              dequeue q = (1 job 1 11)      ← both have it\n"
        "B                                              dequeue q = (1 job 1 12)",
    ),
    "lost-task": Example(
        "total-queue",
        "S  make_queue q (86400 9) | enqueue q job = 1\n"
        "A                                              dequeue q = nothing      ← and nobody has it",
    ),
    "redelivered-task": Example(
        "total-queue",
        "S  make_queue q (86400 9) | enqueue q j = 1\n"
        "A                                            dequeue q = (1 j 1 7) · ack q 7 = true\n"
        "B                                                                                   dequeue q = (1 j 2 8)",
    ),
    "stale-ack": Example(
        "total-queue",
        "S  make_queue q (86400 9) | enqueue q job = 1\n"
        "A                                              dequeue q = (1 job 1 11) · aborts | ack q 11 = true",
    ),
    "dangling-edge": Example(
        "graph",
        "A  add_node g 3 · add_node g 5 · add_edge g (3 to 5) = true | delete_node g 5\n"
        "B     traverse g (3 1) = ((3) ((3 to 5)))      ← the edge is there, node 5 is not",
    ),
}
