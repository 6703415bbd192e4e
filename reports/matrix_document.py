"""The JSON document of `probe --json`, schema version 1: the matrix, then every script with its witnesses."""

from __future__ import annotations

from typing import Any

from harness.interleaving import Interleaving, Moment
from harness.matrix import Cell, Matrix, Trial
from reports.document import SCHEMA_VERSION
from reports.values import json_safe

__all__ = ["matrix_document"]


def matrix_document(matrix: Matrix) -> dict[str, Any]:
    """What `probe --json` prints: plain JSON types only."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "outcome": matrix.outcome.name.lower(),
        "target": matrix.target,
        "target_version": matrix.version,
        "settings": matrix.settings,
        "command": matrix.command,
        "seconds": round(matrix.seconds, 3),
        "levels": [_level(matrix, level) for level in matrix.levels],
        "anomalies": [
            {
                "name": name,
                "called": called,
                "cells": [_cell(matrix.of_anomaly(name, level)) for level in matrix.levels],
            }
            for name, called in matrix.anomalies.items()
        ],
        "interleavings": [_interleaving(matrix, one) for one in matrix.interleavings],
    }
    mishaps = {"trouble": matrix.trouble, "interrupted": matrix.interrupted}
    safe: dict[str, Any] = json_safe(document | {name: value for name, value in mishaps.items() if value})
    return safe


def _level(matrix: Matrix, level: str) -> dict[str, Any]:
    found = matrix.outcome_of(level)
    return {
        "name": level,
        "promises": matrix.levels[level],
        "outcome": found.outcome.name.lower(),
        "reason": found.reason,
        "sentence": found.sentence,
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "level": cell.level,
        "orders": len(cell.trials),
        "seen": len(cell.seen),
        "broken": len(cell.broken),
        "prevented_by": list(cell.prevented_by),
        "lacking": list(cell.lacking),
    }


def _interleaving(matrix: Matrix, interleaving: Interleaving) -> dict[str, Any]:
    cells = [matrix.of_interleaving(interleaving, level) for level in matrix.levels]
    return {
        "name": interleaving.name,
        "anomaly": interleaving.anomaly,
        "forbidden_by": interleaving.forbidden_by,
        "story": interleaving.story,
        "source": interleaving.source,
        "cells": [_cell(cell) | {"witness": _witness(cell)} for cell in cells],
    }


def _witness(cell: Cell) -> dict[str, Any] | None:
    """The first order that breaks the promise, or else the first in which the anomaly was seen."""
    shown = cell.broken or cell.seen
    return _trial(shown[0]) if shown else None


def _trial(trial: Trial) -> dict[str, Any]:
    performance, findings = trial
    found = findings.findings
    return {
        "order": list(performance.order),
        "broken": trial.broken,
        "anomalies": [
            {
                "name": one.name,
                "fingerprint": one.fingerprint,
                "sentence": one.sentence,
                "steps": [step.sentence for step in one.steps],
            }
            for one in found.anomalies
        ],
        "refuted": list(found.refuted),
        "moments": [_moment(moment) for moment in performance.moments],
        "final": performance.final,
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "session": moment.session,
        "step": moment.step,
        "ops": [[op.kind, op.key, op.value] for op in moment.ops],
        "outcome": moment.outcome,
        "error": moment.error,
    }
