"""bank: transfers move money between accounts, so every read of all accounts adds up to what was paid in.

    T1 ── r a 50 ── r b 50 ── w a 45 ── w b 55 ── commit
    T2 ── r a 50 ─────────────────────────────── r b 55     wrong-total: T2 saw one half of T1

The deposit is the one transaction that writes accounts without reading them. A read of all accounts as nothing
is no wrong total: it came before the deposit, which is wrong only where real time counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkers.dirty_reads import DIRTY_READS, dirty_reads
from checkers.findings import anomaly, concurrency, findings, shown
from checkers.invariants.lost_update import lost_updates
from checkers.invariants.numbers import numbers_of
from checkers.joins import Ints
from checkers.registers import INITIAL, Registers, registers_of
from harness.history import History
from harness.verdict import Anomaly, Doubt, Evidence, Findings, Step

__all__ = ["check_bank"]

_TOTALS_NEEDED = 5
_TRANSFERS_NEEDED = 10
_VANISHED = "G-single-item-realtime"


@dataclass(frozen=True, kw_only=True)
class _Totals:
    """What was paid in, and the committed transactions that read every account, one entry each."""

    deposit: int  # The row that paid it in, -1 if that is not known.
    accounts: Ints  # Numbers of keys.
    paid_in: int
    reader: Ints  # Rows, ascending.
    total: Ints
    empty: Ints  # How many of the accounts were read as nothing.


def check_bank(history: History) -> Findings:
    """wrong-total, lost-update, an acknowledged deposit gone, and dirty reads."""
    registers = registers_of(history)
    totals, doubts = _totals(registers)
    transfers = np.unique(registers.write_txn[registers.real])
    return findings(
        "bank",
        history,
        searched=("wrong-total", "lost-update", _VANISHED, *DIRTY_READS),
        anomalies=[
            *_wrong_totals(registers, totals),
            *lost_updates(registers),
            *_vanished(registers, totals),
            *dirty_reads(registers),
        ],
        evidence=[
            concurrency(history),
            Evidence("transfers committed", int((transfers != totals.deposit).sum()), _TRANSFERS_NEEDED),
            Evidence("reads of all accounts", len(totals.reader), _TOTALS_NEEDED),
        ],
        doubts=[*registers.doubts, *doubts, *_unbalanced(registers, totals.deposit)],
    )


def _totals(registers: Registers) -> tuple[_Totals, list[Doubt]]:
    number, readable = numbers_of(registers.history)
    updating = np.zeros(len(registers.write_txn), dtype=np.bool_)
    updating[registers.read_updated[registers.read_updated >= 0]] = True
    blind = np.flatnonzero(~updating & registers.real)
    rows = np.unique(registers.write_txn[blind])
    if len(rows) != 1 or not readable[registers.write_value[blind]].all():
        nobody = np.zeros(0, dtype=np.int64)
        known = _Totals(deposit=-1, accounts=nobody, paid_in=0, reader=nobody, total=nobody, empty=nobody)
        return known, [Doubt("evidence", f"{len(rows)} transactions are known to have paid deposits in, not one")]
    accounts = registers.write_key[blind]
    reader, total, empty = _full_reads(registers, accounts)
    paid_in = int(number[registers.write_value[blind]].sum())
    deposit = int(rows[0])
    return _Totals(deposit=deposit, accounts=accounts, paid_in=paid_in, reader=reader, total=total, empty=empty), []


def _full_reads(registers: Registers, accounts: Ints) -> tuple[Ints, Ints, Ints]:
    """(row, sum, accounts without anything) of every committed transaction that read all of `accounts`."""
    number, readable = numbers_of(registers.history)
    reads = np.flatnonzero(registers.sees & np.isin(registers.read_key, accounts) & readable[registers.read_value])
    reads = reads[np.argsort(registers.read_op[reads], kind="stable")]
    keys = max(len(registers.history.keys), 1)
    once = np.unique(registers.read_txn[reads] * keys + registers.read_key[reads], return_index=True)[1]
    reads = reads[once]  # The first read of each account by each transaction, in row order.
    row, first, count = np.unique(registers.read_txn[reads], return_index=True, return_counts=True)
    if len(row) == 0:
        return row, row, row
    total = np.add.reduceat(number[registers.read_value[reads]], first)
    empty = np.add.reduceat((registers.read_writer[reads] == INITIAL).astype(np.int64), first)
    full = count == len(accounts)
    return row[full], total[full], empty[full]


def _wrong_totals(registers: Registers, totals: _Totals) -> list[Anomaly]:
    wrong = np.flatnonzero((totals.total != totals.paid_in) & (totals.empty < len(totals.accounts)))
    if len(wrong) == 0:
        return []
    reader, total = int(totals.reader[wrong[0]]), int(totals.total[wrong[0]])
    sentence = f"T{reader} read all {len(totals.accounts)} accounts and found {total}; {totals.paid_in} were paid in."
    reads = _reads_of(registers, reader)
    history = registers.history
    seen = [(history.keys[registers.read_key[i]], history.values[registers.read_value[i]]) for i in reads]
    details = [*_halves(registers, reads), *(_account(registers, i) for i in reads)]
    return [anomaly(history, "wrong-total", (reader,), sentence, seen=seen, count=len(wrong), details=details)]


def _reads_of(registers: Registers, reader: int) -> list[int]:
    reads = np.flatnonzero(registers.read_txn == reader)
    return sorted(reads.tolist(), key=lambda i: str(registers.history.keys[registers.read_key[i]]))


def _account(registers: Registers, read: int) -> str:
    key = shown(registers.history.keys[registers.read_key[read]])
    value = shown(registers.history.values[registers.read_value[read]])
    writer = int(registers.read_writer[read])
    return f"{key}: {value}" + (f", written by T{writer}" if writer >= 0 else "")


def _halves(registers: Registers, reads: list[int]) -> list[str]:
    """A sentence on the first transfer of which the reader saw one half and surely missed the other."""
    missed = {(registers.read_key[i], registers.read_value[i]): i for i in reads}
    saw = {int(registers.read_writer[i]): i for i in reads}
    of_writers = np.isin(registers.read_txn, list(saw)) & (registers.read_updated >= 0)
    for found in np.flatnonzero(of_writers).tolist():
        behind = missed.get((registers.read_key[found], registers.read_value[found]))
        if behind is not None:
            writer = int(registers.read_txn[found])
            ahead = saw[writer]
            reader = int(registers.read_txn[ahead])
            one, two = (shown(registers.history.keys[registers.read_key[i]]) for i in (ahead, behind))
            return [f"T{reader} saw {one} as T{writer} left it, and {two} as T{writer} found it."]
    return []


def _vanished(registers: Registers, totals: _Totals) -> list[Anomaly]:
    """Readers that found no account at all, although the deposit was acknowledged before they began."""
    if totals.deposit < 0 or not registers.ok[totals.deposit]:
        return []
    history, deposit = registers.history, totals.deposit
    late = history.start[totals.reader] > history.end[deposit]
    gone = np.flatnonzero(late & (totals.empty == len(totals.accounts)))
    if len(gone) == 0:
        return []
    reader, key = int(totals.reader[gone[0]]), history.keys[totals.accounts[0]]
    steps = [
        Step("realtime", deposit, reader, None, None, f"T{deposit} had ended before T{reader} began."),
        Step(
            "rw",
            reader,
            deposit,
            key,
            None,
            f"T{reader} read {shown(key)} as nothing, before T{deposit} wrote it."
            f" So T{reader} comes before T{deposit}.",
        ),
    ]
    sentence = f"T{reader} found every account empty after T{deposit} had acknowledged the deposits."
    return [anomaly(history, _VANISHED, (deposit, reader), sentence, steps=steps, count=len(gone))]


def _unbalanced(registers: Registers, deposit: int) -> list[Doubt]:
    """A doubt where a transfer does not put back what it takes: then totals would prove nothing."""
    history = registers.history
    number, readable = numbers_of(history)
    change = np.zeros(len(history), dtype=np.int64)
    np.add.at(change, registers.write_txn, number[registers.write_value])
    updating = np.flatnonzero(registers.read_updated >= 0)
    updating = updating[np.unique(registers.read_updated[updating], return_index=True)[1]]
    np.subtract.at(change, registers.read_txn[updating], number[registers.read_value[updating]])
    numeric = np.ones(len(history), dtype=np.bool_)
    numeric[registers.write_txn[~readable[registers.write_value]]] = False
    # Of a transfer that is only known by what others saw of it, the record may hold a part: no total is sure then.
    odd = np.flatnonzero(registers.committed & ((change != 0) | ~numeric) & (np.arange(len(history)) != deposit))
    return [Doubt("evidence", f"T{odd[0]} does not put back what it takes")] if len(odd) else []
