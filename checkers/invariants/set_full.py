"""set: an element that is known to be in the set stays in it.

    T1 ── w element7 7 ── acknowledged
    T2 ───────────────────────────────── r element7 –       T1 ─realtime→ T2 ─rw→ T1

An element is known from its acknowledgement on, or from the end of a read that saw it. It is lost if the read of
it that began last misses it, and was read stale if a read in between does (Jepsen's set-full). The client that
added it has to find it in its later transactions, whatever the times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkers.dirty_reads import DIRTY_READS, dirty_reads
from checkers.findings import anomaly, findings, shown
from checkers.joins import Bools, Ints, join
from checkers.registers import INITIAL, Registers, registers_of
from harness.history import History
from harness.verdict import Anomaly, Evidence, Findings, Step

__all__ = ["check_set_full"]

_ACKNOWLEDGED_NEEDED = 10

_STALE = "G-single-item-realtime"
_STALE_SESSION = "G-single-item-process"


@dataclass(frozen=True, kw_only=True)
class _Known:
    """Per write of an element: since when it is known to be in the set, and by which transaction's end."""

    since: Ints  # (w,) the largest number there is where it never became known.
    witness: Ints  # (w,) rows: the writer itself where it was acknowledged first, otherwise a reader that saw it.


def check_set_full(history: History) -> Findings:
    """lost-element, stale reads (in real time or within a session), and dirty reads."""
    registers = registers_of(history)
    known = _known(registers)
    missing, write = _misses(registers, known)
    acknowledged, read_back = _read_back(registers)
    return findings(
        "set",
        history,
        searched=("lost-element", _STALE, _STALE_SESSION, *DIRTY_READS),
        anomalies=[
            *_anomalies(registers, known, missing, write),
            *dirty_reads(registers),
        ],
        evidence=[
            Evidence("elements acknowledged", acknowledged, _ACKNOWLEDGED_NEEDED),
            Evidence("elements read after their acknowledgement", read_back, max(acknowledged, 1)),
            Evidence("elements never read after their acknowledgement", acknowledged - read_back),
        ],
        doubts=registers.doubts,
    )


def _known(registers: Registers) -> _Known:
    history = registers.history
    ok = registers.ok[registers.write_txn]
    since = np.where(ok, history.end[registers.write_txn], np.iinfo(np.int64).max)
    witness = registers.write_txn.copy()
    # Of a reader that was not acknowledged the end is not known.
    saw = np.flatnonzero(registers.ok[registers.read_txn] & (registers.read_writer >= 0))
    i, write = join(_version(registers, saw), _written_version(registers))
    seen_at, reader = history.end[registers.read_txn[saw[i]]], registers.read_txn[saw[i]]
    latest_first = np.argsort(-seen_at, kind="stable")
    earlier = latest_first[seen_at[latest_first] < since[write[latest_first]]]
    since[write[earlier]], witness[write[earlier]] = seen_at[earlier], reader[earlier]
    return _Known(since=since, witness=witness)


def _version(registers: Registers, reads: Ints) -> Ints:
    return registers.read_key[reads] * max(len(registers.history.values), 1) + registers.read_value[reads]


def _written_version(registers: Registers) -> Ints:
    return registers.write_key * max(len(registers.history.values), 1) + registers.write_value


def _misses(registers: Registers, known: _Known) -> tuple[Ints, Ints]:
    """(read, write): committed reads that found nothing where an element was known, in real time or a session."""
    absent = np.flatnonzero(registers.sees & (registers.read_writer == INITIAL) & (registers.read_updated < 0))
    real = np.flatnonzero(registers.real)
    i, j = join(registers.read_key[absent], registers.write_key[real])
    read, write = absent[i], real[j]
    late = _is_late(registers, known, read, write) | _is_of_session(registers, read, write)
    return read[late], write[late]


def _is_late(registers: Registers, known: _Known, read: Ints, write: Ints) -> Bools:
    """Whether the element was known before the reader began."""
    return np.asarray(known.since[write] < registers.history.start[registers.read_txn[read]])


def _is_of_session(registers: Registers, read: Ints, write: Ints) -> Bools:
    """Whether the reader's own client had added the element, acknowledged: the rows of a client are in its order."""
    client, writer, reader = registers.history.client, registers.write_txn[write], registers.read_txn[read]
    return np.asarray(registers.ok[writer] & (client[writer] == client[reader]) & (writer < reader))


def _is_last_read(registers: Registers, reads: Ints) -> Bools:
    """Whether no committed read of the same key began later."""
    last = np.full(max(len(registers.history.keys), 1), -1, dtype=np.int64)
    np.maximum.at(last, registers.read_key[registers.sees], registers.read_txn[registers.sees])
    return np.asarray(last[registers.read_key[reads]] == registers.read_txn[reads])


def _read_back(registers: Registers) -> tuple[int, int]:
    """How many elements were acknowledged, and how many of these were read, found or not, by a later reader."""
    history = registers.history
    ok = np.flatnonzero(registers.ok[registers.write_txn])
    last = np.full(max(len(history.keys), 1), np.iinfo(np.int64).min, dtype=np.int64)
    np.maximum.at(last, registers.read_key[registers.sees], history.start[registers.read_txn[registers.sees]])
    later = last[registers.write_key[ok]] > history.end[registers.write_txn[ok]]
    return len(ok), int(later.sum())


def _anomalies(registers: Registers, known: _Known, read: Ints, write: Ints) -> list[Anomaly]:
    """Each miss is one of: within a session, by the last read of the element, or by a read before that."""
    session = _is_of_session(registers, read, write)
    lost = _is_late(registers, known, read, write) & _is_last_read(registers, read)
    kinds = (("lost-element", lost), (_STALE_SESSION, session), (_STALE, ~lost & ~session))
    return [_anomaly(registers, known, name, read[chosen], write[chosen]) for name, chosen in kinds if chosen.any()]


def _anomaly(registers: Registers, known: _Known, name: str, read: Ints, write: Ints) -> Anomaly:
    """The first miss, one of an acknowledged element if there is one; the count is that of the elements."""
    history = registers.history
    direct = known.witness[write] == registers.write_txn[write]
    if name == _STALE_SESSION:
        direct = np.ones(len(write), dtype=np.bool_)
    first = int(np.lexsort((registers.read_op[read], ~direct))[0])
    reader, writer = int(registers.read_txn[read[first]]), int(registers.write_txn[write[first]])
    witness = writer if direct[first] else int(known.witness[write[first]])
    key = history.keys[registers.write_key[write[first]]]
    value = history.values[registers.write_value[write[first]]]
    order, why = "realtime", f"T{witness} had ended before T{reader} began."
    if name == _STALE_SESSION:
        order, why = "session", f"client {history.client[reader]} ran T{witness} before T{reader}."
    steps = [
        Step(order, witness, reader, None, None, why),
        Step("rw", reader, writer, key, value, f"T{reader} read {shown(key)} as nothing, which T{writer} wrote."),
    ]
    if witness != writer:
        steps.insert(
            0, Step("wr", writer, witness, key, value, f"T{witness} read {shown(key)}, which T{writer} wrote.")
        )
    how = f"T{writer} had written it" if witness == writer else f"T{witness} had read it"
    sentence = f"{shown(key)} is missing from T{reader}'s read, although {how} and was acknowledged before."
    txns = [step.before for step in steps]
    longest = int((history.start[registers.read_txn[read]] - known.since[write]).max())
    late = f"The longest time after which a known element was still missing is {longest} {history.info.clock}."
    details = (late,) if longest > 0 else ()
    return anomaly(history, name, txns, sentence, steps=steps, count=len(np.unique(write)), details=details)
