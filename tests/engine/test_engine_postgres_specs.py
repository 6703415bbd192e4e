"""PostgreSQL's own isolation specs as key-value programs: exactly the true serialization failures are refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine import Conflict, Database, IsolationLevel, Transaction

FOLDER = Path(os.environ.get("ANOMALIST_CONFORMANCE", Path(__file__).parents[2].parent / "shared" / "conformance"))
SPECS = FOLDER / "postgres_isolation_specs.json"


def known_specs() -> list[Any]:
    if not SPECS.is_file():
        why = f"{SPECS} is missing; set ANOMALIST_CONFORMANCE to the folder that holds it"
        return [pytest.param(None, marks=pytest.mark.skip(reason=why))]
    specs = [spec for spec in json.loads(SPECS.read_text()) if spec["kv_expressible"]]
    return [pytest.param(spec, id=spec["spec"]) for spec in specs]


def application_errors(spec: Any) -> set[tuple[str, ...]]:
    """The permutations that PostgreSQL ends by a constraint or a trigger: a key-value program has neither."""
    return {tuple(one["order"]) for one in spec["expected_failures"] if "serialization" not in one["kind"]}


def must_fail(spec: Any) -> set[tuple[str, ...]]:
    """The permutations in which somebody has to be refused."""
    failures = spec.get("true_anomalies_only") or [
        failure["order"] for failure in spec["expected_failures"] if "serialization" in failure["kind"]
    ]
    return {tuple(order) for order in failures}


def perform(transaction: Transaction, operations: list[list[str]]) -> None:
    if not operations:
        transaction.get("\0")  # The step does nothing but take the snapshot.
    for kind, *arguments in operations:
        if kind == "put":
            transaction.put(arguments[0], arguments[1].encode())
        elif kind == "scan_prefix":
            transaction.scan_prefix_unchecked(arguments[0])
        else:
            getattr(transaction, kind)(*arguments)


def refused_in(spec: Any, order: list[str]) -> set[str]:
    """Run one permutation; the sessions that were refused. What PostgreSQL stopped early is run to its end."""
    level = IsolationLevel.SERIALIZABLE if spec["isolation"] == "serializable" else IsolationLevel.SNAPSHOT
    database = Database.open()
    database.put_batch([(key, value.encode()) for key, value in spec["initial_keys"].items()])
    transactions = {session: database.begin_transaction(level) for session in spec["sessions"]}
    session_of = {step: session for session, steps in spec["sessions"].items() for step in steps}
    rest = [step for steps in spec["sessions"].values() for step in steps if step not in order]
    refused: set[str] = set()
    ended: set[str] = set()
    for step in [*order, *rest]:
        session, operations = session_of[step], spec["operations_when_alone"][step]
        if session in ended:
            continue
        try:
            perform(transactions[session], operations)
        except Conflict:
            refused.add(session)
        if session in refused or operations[-1:] in ([["commit"]], [["abort"]]):
            ended.add(session)
    database._check()
    return refused


@pytest.mark.parametrize("spec", known_specs())
def test_exactly_the_true_failures_are_refused(spec: Any) -> None:
    """In each permutation somebody is refused if and only if PostgreSQL rightly fails it."""
    judged = {tuple(order) for order in spec["permutations"]} - application_errors(spec)
    assert {order for order in judged if refused_in(spec, list(order))} == must_fail(spec)
