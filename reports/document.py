"""The JSON documents of `run --json` and `check --json`, schema version 1, and what stands in verdicts.json.

An entry per history holds what all its checkers said together: one anomaly per name and fingerprint, `evidence`
as {name: found}, `needed` as {name: needed}. A run of the contract suite is an entry with `checks` instead, before
those of the histories that were recorded for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from harness.contract import CheckOutcome, CheckResult, ContractRun
from harness.verdict import Doubt, Outcome, RunResult, SuiteRun, worst
from reports.findings import sections
from reports.overall import AnomalyGroup, Overall, overall
from reports.values import json_safe

__all__ = ["SCHEMA_VERSION", "check_document", "encode", "run_document"]

SCHEMA_VERSION = 1


def run_document(suite_run: SuiteRun, out: str) -> dict[str, Any]:
    """What `run --json` prints: plain JSON types only. `out` is the run directory, as the user wrote it."""
    contract = [] if suite_run.contract is None else [_contract_entry(suite_run.contract)]
    document = {
        "schema_version": SCHEMA_VERSION,
        "outcome": _word(suite_run.outcome),
        "suite": suite_run.suite,
        "command": suite_run.command,
        "seconds": round(suite_run.seconds, 3),
        "runs": [*contract, *(_run_entry(run) for run in suite_run.runs)],
        "out": out,
    }
    safe: dict[str, Any] = json_safe(document)
    return safe


def check_document(histories: Iterable[tuple[str, RunResult]]) -> dict[str, Any]:
    """What `check --json` prints, for (name of the file or directory, its verdicts)."""
    judged = [(name, run, overall(run)) for name, run in histories]
    document = {
        "schema_version": SCHEMA_VERSION,
        "outcome": _word(worst(one.outcome for _, _, one in judged)),
        "histories": [{"history": name} | _format(run) | _entry(one) | _mishaps(run) for name, run, one in judged],
    }
    safe: dict[str, Any] = json_safe(document)
    return safe


def encode(document: dict[str, Any]) -> str:
    """A document as text, two spaces deep, with a newline at its end."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _run_entry(run: RunResult) -> dict[str, Any]:
    info = run.info
    named = {
        "target": info.target,
        "target_version": info.target_version,
        "settings": info.settings,
        "level": info.level,
        "workload": info.workload,
        "seed": info.seed,
        "schedule": info.schedule,
        "clients": info.clients,
        "command": info.command,
        "directory": run.directory,
        "seconds": round(run.seconds, 3),
    }
    return named | _entry(overall(run)) | _mishaps(run)


def _contract_entry(run: ContractRun) -> dict[str, Any]:
    entry = {
        "target": run.target,
        "target_version": run.version,
        "settings": run.settings,
        "workload": "contract",
        "command": run.command,
        "seconds": round(run.seconds, 3),
        "outcome": _word(run.outcome),
        "counts": {outcome.name.lower(): run.count(outcome) for outcome in CheckOutcome},
        "sections": [
            {"id": one.letter, "title": one.title}
            | {outcome.name.lower(): one.count(outcome) for outcome in CheckOutcome}
            for one in sections(run)
        ],
        "checks": [_check(result) for result in run.results],
    }
    return entry | ({"interrupted": True} if run.interrupted else {})


def _check(result: CheckResult) -> dict[str, Any]:
    return result._asdict() | {"outcome": result.outcome.name.lower()}


def _entry(one: Overall) -> dict[str, Any]:
    return {
        "outcome": _word(one.outcome),
        "expected": one.expected,
        "anomalies": [_anomaly(group) for group in one.groups],
        "refuted": list(one.refuted),
        "strongest": list(one.strongest),
        "proven": list(one.proven),
        "doubts": [_doubt(doubt) for doubt in one.doubts],
        "reason": one.reason,
        "sentence": one.sentence,
        "evidence": {row.name: row.found for row in one.evidence},
        "needed": {row.name: row.needed for row in one.evidence},
        "stats": {name: _number(name, value) for name, value in one.stats.items()},
    }


def _anomaly(group: AnomalyGroup) -> dict[str, Any]:
    return {
        "name": group.name,
        "count": group.count,
        "allowed": group.allowed,
        "fingerprint": group.fingerprint,
        "witness": group.first.witness,
        "txns": list(group.first.txns),
        "sentence": group.first.sentence,
    }


def _doubt(doubt: Doubt) -> dict[str, Any]:
    """What was not searched, and the weakest levels that it concerns: with them all above, every level if none."""
    return {"reason": doubt.reason, "sentence": doubt.sentence, "levels": list(doubt.levels)}


def _format(run: RunResult) -> dict[str, Any]:
    """Which format a file of other tools was taken to be in."""
    found = run.info.settings.get("format")
    return {"format": found} if run.info.foreign and found else {}


def _mishaps(run: RunResult) -> dict[str, Any]:
    """What keeps a history from being whole. The keys are there only where there is something to say."""
    told = {
        "trouble": run.trouble,
        "interrupted": run.interrupted,
        "stopped": run.stopped,
        "cut": run.history.cut,
    }
    return {name: value for name, value in told.items() if value}


def _number(name: str, value: float) -> float | int:
    return int(value) if name != "seconds" and float(value).is_integer() else value


def _word(outcome: Outcome) -> str:
    return outcome.name.lower()
