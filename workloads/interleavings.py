"""All scripts, and the anomalies that they are about in the order in which a matrix shows them."""

from __future__ import annotations

from harness.interleaving import Interleaving
from workloads.hermitage import HERMITAGE
from workloads.stories import STORIES

__all__ = ["ANOMALIES", "INTERLEAVINGS"]

# {what a script calls its anomaly: what people call it}, the weakest demand first.
ANOMALIES: dict[str, str] = {
    "G0": "dirty write",
    "G1a": "aborted read",
    "G1b": "intermediate read",
    "G1c": "circular information flow",
    "OTV": "observed transaction vanishes",
    "P4": "lost update",
    "PMP": "predicate-many-preceders",
    "G-single": "read skew",
    "long-fork": "contradicting snapshots",
    "read-only": "read-only anomaly",
    "G2-item": "write skew",
    "G2": "write skew by phantoms",
    "stale-read": "missed what was acknowledged",
}

INTERLEAVINGS: tuple[Interleaving, ...] = tuple(
    script for anomaly in ANOMALIES for script in (*HERMITAGE, *STORIES) if script.anomaly == anomaly
)
