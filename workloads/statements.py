"""sql-append, sql-bank: list-append and bank on the rows of a table, where statements read and change them.

    T1 ── SELECT v … 'x' ── UPDATE … 'y' ── commit       T1 missed T2's update and T2 missed T1's:
    T2 ──── SELECT v … 'y' ── UPDATE … 'x' ── commit     T1 ─rw→ T2 ─rw→ T1

So what transactions of statements promise is judged by the same checkers. Each uses what the workload that it is made
of uses.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.history import Op
from harness.models import CREATE_CELLS
from harness.program import Params, Program, Programs, Rng, Workload
from workloads.bank import BANK
from workloads.list_append import LIST_APPEND
from workloads.sweep import straight

__all__ = ["SQL_APPEND", "SQL_BANK"]


def _in_a_table(workload: Workload, name: str) -> Workload:
    """The workload with every key moved into the table that its set-up makes."""

    def setup(rng: Rng, params: Params) -> Iterator[Program]:
        yield straight([Op("sql", "cells", CREATE_CELLS)])
        yield from map(_moved, workload.setup(rng, params))

    return Workload(name, setup, _all_moved(workload.programs), _all_moved(workload.finale), workload.defaults)


def _all_moved(programs: Programs) -> Programs:
    return lambda rng, params: map(_moved, programs(rng, params))


def _moved(program: Program) -> Program:
    op = next(program, None)
    while op is not None:
        done = yield op._replace(key=("sql", op.key))
        try:
            op = program.send(done._replace(key=op.key))
        except StopIteration:
            return


SQL_APPEND = _in_a_table(LIST_APPEND, "sql-append")
SQL_BANK = _in_a_table(BANK, "sql-bank")
