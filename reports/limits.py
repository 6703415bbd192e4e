"""What a verdict does not say, as sentences for the end of the page. Each is made from the data of its run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from harness.contract import CheckOutcome, ContractRun
from harness.history import KIND_CODE, UNSEEN_LENGTH, Status
from harness.level import IMPLIES, LEVELS, implied_by, minimal
from harness.verdict import Outcome, RunResult
from reports.findings import sections
from reports.overall import Overall
from reports.values import counted, ended

__all__ = ["CONTRACT_REPEATS", "contract_limits", "limits", "repeats", "suite_limits"]

CONTRACT_REPEATS: Final = (
    "The command makes the same calls; where threads race, their interleaving may differ, and the rate with it."
)


def repeats(run: RunResult) -> str:
    """What the printed command repeats."""
    if run.info.foreign:
        return "The history was recorded elsewhere: the command repeats the judgement, not the run."
    if run.info.schedule == "steps":
        return "One thread released every step from the seed: the command repeats the same history, byte for byte."
    return "On real threads the command repeats the programs and the faults; the interleaving may differ."


def suite_limits(seen: Sequence[tuple[RunResult, Overall]]) -> tuple[str, ...]:
    """The limits of all runs together; those of one run stand at its end."""
    if not seen:
        return ("Nothing ran, so nothing is said.",)
    unknown = sum(one.outcome == Outcome.UNKNOWN for _, one in seen)
    said = [
        "“Not refuted” is never “proven”: a longer run, another seed or another fault may refute it.",
        "A level that no checker searched is neither refuted nor kept. Each run lists its own limits at its end.",
    ]
    if unknown:
        are = "run is" if unknown == 1 else "runs are"
        said.append(f"{unknown} {are} UNKNOWN, which is not a pass. It never hides a FAIL, nor a FAIL it.")
    if len({repeats(run) for run, _ in seen}) > 1:
        said.append("Runs differ in what their command repeats; each says so beside it.")
    return tuple(said)


def contract_limits(run: ContractRun) -> tuple[str, ...]:
    """The limits of what the contract suite says."""
    said = [
        "A check that held was tried as it says and no further: that is an example, not a proof.",
        "A FAIL stands by itself: other checks can only add to it.",
    ]
    skipped, errors = run.count(CheckOutcome.SKIP), run.count(CheckOutcome.ERROR)
    if skipped:
        said.append(f"{counted(skipped, 'check')} skipped: nothing is said of what they ask.")
    if errors:
        said.append(f"{counted(errors, 'check')} ended in an error of the harness, which is not a pass.")
    missing = [one.letter for one in sections(run) if not one.results]
    if missing:
        said.append(f"Nothing was run of {counted(len(missing), 'section')}: {', '.join(missing)}.")
    if run.interrupted:
        said.append("The run was stopped by hand: checks without a result were not tried.")
    return tuple(said)


def limits(run: RunResult, one: Overall) -> tuple[str, ...]:
    """The limits of one run's verdict."""
    return tuple(_sentences(run, one))


def _sentences(run: RunResult, one: Overall) -> Iterator[str]:
    history = run.history
    if one.outcome == Outcome.FAIL:
        yield "A FAIL stands whatever was not searched: a longer search can only add to it."
    if one.proven:
        yield (
            f"Proven of these {len(history)} transactions: {', '.join(one.proven)}; an order was found that explains "
            "every read. Others might break it all the same."
        )
    standing = ", ".join(level for level in one.standing if level not in one.proven)
    if standing:
        yield (
            f"“Not refuted” is not “proven”: these {len(history)} transactions do not contradict {standing}; "
            "others might."
        )
    yield from _unsearched(one)
    if run.trouble:
        yield f"The run met trouble: {ended(run.trouble)} Nothing after that was observed."
    if run.interrupted:
        yield "The run was stopped by hand before it was done."
    if run.stopped:
        yield f"The run was {ended(run.stopped)} What would have come after that is not known."
    if history.cut:
        yield f"The history is not whole: {ended(history.cut)} Nothing may be concluded from what is not in it."
    for doubt in one.doubts:
        levels = f", {', '.join(minimal(doubt.levels))} and all above" if doubt.levels else ""
        yield f"Not vouched for ({doubt.reason}){levels}: {ended(doubt.sentence)}"
    if one.lacking:
        names = ", ".join(row.name for row in one.lacking)
        yield f"There was too little of {names} to have shown what was looked for."
    unknown = int(np.count_nonzero(history.status == Status.UNKNOWN))
    if unknown:
        yield (
            f"The fate of {counted(unknown, 'transaction')} is unknown to the clients: "
            "it may be committed, or be so later, or never."
        )
    unseen = int(np.count_nonzero(history.op_length == UNSEEN_LENGTH))
    if unseen:
        yield (
            f"{counted(unseen, 'operation')} never had an answer; "
            "what would have been seen, shown as ?, counts for nothing."
        )
    yield from _origin(run)


def _origin(run: RunResult) -> Iterator[str]:
    """What is taken on trust of a foreign history, and which faults one of ours was put through."""
    history = run.history
    if run.info.foreign:
        yield "The history was recorded elsewhere: that its times and values are true is taken on trust."
        if run.info.append == "atomic" and (history.op_kind == KIND_CODE["append"]).any():
            yield (
                "Appends are taken to be atomic. Where one is a read and a write, say so with --append "
                "read-modify-write: below the levels that forbid lost updates, one may then overwrite another."
            )
    elif not history.faults:
        yield "No fault was injected: nothing is said about crashes, pauses or partitions."
    else:
        names = ", ".join(dict.fromkeys(fault.name for fault in history.faults))
        yield f"The faults were these: {names}. Nothing is said about any other."


def _unsearched(one: Overall) -> Iterator[str]:
    """Levels above what was searched: neither refuted nor looked at."""
    reached = {level for name in one.searched for level in implied_by(name)} | set(one.refuted)
    missing = [level for level in LEVELS if level not in reached]
    weakest = ", ".join(minimal(missing))
    if missing:
        yield f"No checker searched these levels, nor those that imply them: {weakest}."
    if one.expected in IMPLIES and one.expected in missing:
        yield f"The expected level {one.expected} is one of them."
