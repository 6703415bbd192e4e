"""The one sentence of the verdict strip that a manager understands, made from the runs' data."""

from __future__ import annotations

from harness.contract import CheckOutcome, ContractRun
from harness.verdict import Outcome, RunResult, SuiteRun
from reports.findings import extent, findings, observation, reasons, subject
from reports.overall import Overall
from reports.values import counted, ended

__all__ = ["headline"]

Seen = list[tuple[RunResult, Overall]]


def headline(suite_run: SuiteRun, seen: Seen) -> tuple[str, str]:
    """(the bold statement, what follows it)."""
    contract = suite_run.contract
    if contract is not None and contract.outcome >= max((one.outcome for _, one in seen), default=Outcome.PASS):
        return _contract(contract)
    if not seen:
        return "Nothing ran.", "There is no history, so there is no verdict."
    worst = max(one.outcome for _, one in seen)
    deciding = [(run, one) for run, one in seen if one.outcome == worst]
    if worst == Outcome.FAIL:
        return _fail(seen, deciding)
    if worst == Outcome.UNKNOWN:
        return _unknown(seen, deciding)
    return _pass(seen)


def _fail(seen: Seen, deciding: Seen) -> tuple[str, str]:
    run, one = deciding[0]
    breaking = [group for _, each in deciding for group in each.groups if not group.allowed]
    names = ", ".join(dict.fromkeys(group.name for group in breaking))
    places = sum(group.count for group in breaking)
    where = "In one place" if places == 1 else f"In {places} places"
    if len(seen) > 1:
        where += f", in {len(deciding)} of {len(seen)} runs,"
    rest = f"{where} its transactions contradict that level: {names}. " if breaking else f"{one.sentence}. "
    example = breaking[0].first.sentence if breaking else ""
    if example and len(breaking) + places > 2:
        example = f"One of them: {example}"
    return f"{_name(run)} was held to {one.expected} and did not keep it.", rest + example


def _unknown(seen: Seen, deciding: Seen) -> tuple[str, str]:
    run, one = deciding[0]
    subject = f"It cannot be said whether {_name(run)} keeps {one.expected or 'its level'}."
    reason = one.sentence[:1].upper() + one.sentence[1:]
    are = "is" if len(deciding) == 1 else "are"
    rest = f" {len(deciding)} of {len(seen)} runs {are} unknown." if len(seen) > 1 else ""
    return subject, f"{reason}{'' if reason.endswith('.') else '.'}{rest}"


def _pass(seen: Seen) -> tuple[str, str]:
    expected = ", ".join(dict.fromkeys(one.expected for _, one in seen))
    targets = ", ".join(dict.fromkeys(_name(run) for run, _ in seen))
    txns = sum(len(run.history) for run, _ in seen)
    runs = "one run" if len(seen) == 1 else f"{len(seen)} runs"
    weight = _weight(seen)
    allowed = sum(group.count for _, one in seen for group in one.groups)
    were = "anomaly was" if allowed == 1 else "anomalies were"
    admitted = f" {allowed} {were} found that {expected} allows." if allowed else ""
    return (
        f"Nothing contradicts {expected} in {targets}.",
        f"{counted(txns, 'transaction')} in {runs}, searched for anomalies.{weight}{admitted}",
    )


def _weight(seen: Seen) -> str:
    """What the evidence is worth: a foreign history may pass by the mathematics alone."""
    if any(one.lacking for _, one in seen):
        return " There is too little evidence in it to make much of that: a failure could hardly have shown."
    if any(row.needed for _, one in seen for row in one.evidence):
        return " There was evidence enough that a failure could have shown."
    return ""


def _contract(run: ContractRun) -> tuple[str, str]:
    """What became of the contract suite: the worst finding is told, or why there is nothing to tell."""
    name = subject(run)
    tried = run.count(CheckOutcome.PASS) + run.count(CheckOutcome.FAIL)
    if run.outcome is Outcome.FAIL:
        worst = findings(run)[0]
        bold = f"{name} broke {run.count(CheckOutcome.FAIL)} of {counted(tried, 'promise')} that were tried."
        return bold, f"The worst: {worst.title} ({worst.failed[0].id}): {ended(observation(worst.failed[0]))}"
    if run.outcome is Outcome.PASS:
        skipped = run.count(CheckOutcome.SKIP)
        others = f"; {skipped} of them skipped, {reasons(run, CheckOutcome.SKIP)[0].detail}" if skipped else ""
        return f"{name} keeps all {counted(tried, 'promise')} that were tried.", ended(extent(run) + others)
    errors, skips = reasons(run, CheckOutcome.ERROR), reasons(run, CheckOutcome.SKIP)
    if errors:
        number = run.count(CheckOutcome.ERROR)
        bold = f"It cannot be said whether {name} keeps what it promises."
        return bold, f"{counted(number, 'check')} ended in an error of the harness: {ended(errors[0].detail)}"
    if tried:
        return f"{name} keeps what was tried so far.", "The run was stopped by hand before it was done."
    rest = f"{extent(run)}, all of them skipped: {ended(skips[0].detail)}" if skips else "No check has a result."
    return f"Nothing of {name} was tried.", rest


def _name(run: RunResult) -> str:
    if run.info.foreign:
        return run.info.settings.get("file") or "the recorded history"
    return f"{run.info.target} {run.info.target_version}".strip() or "the target"
