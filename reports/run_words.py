"""One run in a few words, for every output that is text: its name, its place, what was found, on what evidence.

They are as the database gave them: whoever prints them makes them safe.
"""

from __future__ import annotations

from harness.verdict import RunResult
from reports.overall import Overall

__all__ = ["anomaly_names", "evidence", "run_name", "where"]


def run_name(run: RunResult) -> str:
    """Workload and seed, or for a foreign history its file."""
    if run.info.foreign:
        place = run.info.settings.get("file") or run.directory
        return " ".join(part for part in (run.info.workload, place) if part) or "history"
    return f"{run.info.workload or run.directory} seed {run.info.seed}"


def where(run: RunResult) -> str:
    """Target, version and level."""
    parts = (run.info.target, run.info.target_version, run.info.level and f"at {run.info.level}")
    return " ".join(part for part in parts if part) or "recorded elsewhere"


def anomaly_names(one: Overall) -> str:
    """The anomalies with their counts, or none."""
    names = (f"{group.name} ×{group.count}" + (" allowed" if group.allowed else "") for group in one.groups)
    return ", ".join(names) or "none"


def evidence(one: Overall) -> str:
    """What is lacking, or else how much there is."""
    if one.lacking:
        return ", ".join(f"{row.name} {row.found} of {row.needed} needed" for row in one.lacking)
    return f"{int(one.stats['txns'])} txns, " + ", ".join(f"{row.name} {row.found}" for row in one.evidence)
