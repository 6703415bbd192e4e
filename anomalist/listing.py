"""`list` and `explain`: the catalogues, for people and as JSON."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from textwrap import indent
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from anomalist.exits import Exit, UsageError
from anomalist.suites import CHECKERS, CONTRACT, SUITES, WORKLOADS
from anomalist.verbs import terminal
from checkers.catalogue import CATALOGUE, refutes, source
from checkers.examples import EXAMPLES
from engine.mutants import MUTANTS, Mutant
from harness.contract import Scenario
from harness.interleaving import Action, Interleaving, orders_of
from harness.level import IMPLIES, Level, implied_by, refuted_by
from harness.targets import TARGETS
from reports.document import encode
from workloads.contract import SCENARIOS, SECTIONS
from workloads.interleavings import ANOMALIES, INTERLEAVINGS

__all__ = ["explain_verb", "list_verb"]


class Row(NamedTuple):
    """A name and one sentence about it."""

    name: str
    sentence: str


def _anomalies() -> Iterator[Row]:
    return (Row(one.name, f"{one.sentence} Refutes {', '.join(one.refutes)}.") for one in CATALOGUE)


def _checkers() -> Iterator[Row]:
    return (Row(name, _first_line(source)) for name, source in CHECKERS.items())


def _checks() -> Iterator[Row]:
    for scenario in SCENARIOS:
        for check in scenario.checks:
            whose = "; ours" if check.ours else ""
            yield Row(check.id, f"{check.title} ({scenario.severity}{whose})")


def _interleavings() -> Iterator[Row]:
    return (Row(one.name, one.story) for one in INTERLEAVINGS)


def _levels() -> Iterator[Row]:
    for name, (weaker, whence) in IMPLIES.items():
        yield Row(name, f"implies {', '.join(weaker)} ({whence})" if weaker else whence)


def _mutants() -> Iterator[Row]:
    return (Row(one.name, one.sentence) for one in MUTANTS.values())


def _suites() -> Iterator[Row]:
    yield from (Row(one.name, f"{one.sentence}: {', '.join(one.workloads)}") for one in SUITES.values())
    yield Row(CONTRACT, f"the promises of a database, one by one: {', '.join(SECTIONS.values())}")


def _targets() -> Iterator[Row]:
    return (Row(name, _first_line(source)) for name, source in TARGETS.items())


def _workloads() -> Iterator[Row]:
    return (Row(name, _first_line(one.source)) for name, one in WORKLOADS.items())


_LISTS: dict[str, Callable[[], Iterator[Row]]] = {
    "anomalies": _anomalies,
    "checkers": _checkers,
    "checks": _checks,
    "interleavings": _interleavings,
    "levels": _levels,
    "mutants": _mutants,
    "suites": _suites,
    "targets": _targets,
    "workloads": _workloads,
}


def _teaching(source: str) -> str:
    """The docstring of the module that a table's source names; of a package, that of what it offers."""
    place, _, name = source.partition(":")
    module = import_module(place)
    if hasattr(module, "__path__"):
        module = import_module(getattr(module, name).__module__)
    return inspect.getdoc(module) or ""


def _first_line(source: str) -> str:
    return _teaching(source).partition("\n")[0]


def list_verb(*, kind: str, as_json: bool, color: str) -> int:
    """`anomalist list`."""
    rows = list(_LISTS[kind]())
    if as_json:
        sys.stdout.write(encode({"schema_version": 1, "kind": kind, "rows": [row._asdict() for row in rows]}))
        return Exit.VALID
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(Text(row.name), Text(row.sentence))
    terminal(color).print(table)
    return Exit.VALID


def explain_verb(*, name: str, color: str) -> int:
    """`anomalist explain`."""
    text = "\n\n".join(_explanations(name))
    if not text:
        known = [row.name for rows in _LISTS.values() for row in rows()]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise UsageError(f"nothing is called {name!r}{hint}; `anomalist list KIND` shows every name")
    terminal(color).print(Text(text))
    return Exit.VALID


def _explanations(name: str) -> Iterator[str]:
    """One text for each catalogue that has this name: a workload and its checker often share theirs."""
    for row in CATALOGUE:
        if row.name == name:
            yield _explained_anomaly(row.name, row.sentence)
    if name in IMPLIES:
        yield _explained_level(Level(name))
    if name in WORKLOADS:
        checkers = ", ".join(WORKLOADS[name].checkers)
        yield f"workload {name}, judged by the checker {checkers}\n\n{_teaching(WORKLOADS[name].source)}"
    if name in CHECKERS:
        yield f"checker {name}\n\n{_teaching(CHECKERS[name])}"
    for script in INTERLEAVINGS:
        if name == script.name:
            yield _explained_interleaving(script)
    yield from _explained_parts_of_a_run(name)


def _explained_parts_of_a_run(name: str) -> Iterator[str]:
    """Suites and checks, mutants and targets of this name."""
    if name in SUITES:
        one = SUITES[name]
        yield (
            f"suite {name}: {one.sentence}\n\n{', '.join(one.workloads)}; each up to {one.txns} transactions "
            f"by {one.clients} clients"
        )
    if name == CONTRACT:
        yield _explained_contract()
    for scenario in SCENARIOS:
        if name == scenario.id or any(name == check.id for check in scenario.checks):
            yield _explained_scenario(scenario, name)
    if name in MUTANTS:
        yield _explained_mutant(MUTANTS[name])
    if name in TARGETS:
        yield f"target {name}\n\n{_teaching(TARGETS[name])}"


def _explained_contract() -> str:
    rows = [
        f"{letter}  {title}: {sum(len(one.checks) for one in SCENARIOS if one.section == letter)} checks"
        for letter, title in SECTIONS.items()
    ]
    checks = [check for scenario in SCENARIOS for check in scenario.checks]
    ours = sum(check.ours for check in checks)
    return "\n\n".join(
        (
            f"suite {CONTRACT}: the promises of a database, one by one; {len(checks)} checks, {ours} of them ours",
            "\n".join(rows),
            "A scenario is explained by its name, such as A1, and a check by its own, such as A1.2.",
        )
    )


def _explained_scenario(scenario: Scenario, name: str) -> str:
    """A scenario with all its checks, or with the one of this name."""
    needs = ", ".join((*scenario.kinds, *scenario.calls))
    lines = [
        f"{check.id}  {check.title}{' (ours)' if check.ours else ''}"
        + (f" [needs {', '.join(check.needs)}]" if check.needs else "")
        for check in scenario.checks
        if name in (check.id, scenario.id)
    ]
    return "\n\n".join(
        (
            f"scenario {scenario.id}, {scenario.title}: {scenario.severity}, of section {scenario.section}, "
            f"{SECTIONS[scenario.section]}",
            *([f"Needs {needs}."] if needs else []),
            "\n".join(lines),
            f"Where it fails: {scenario.impact}",
            f"Try it: anomalist run contract --check {name!r}"
            if " " in name
            else f"Try it: anomalist run contract --check {name}",
        )
    )


def _explained_mutant(mutant: Mutant) -> str:
    by = mutant.found_by
    what = f": {' or '.join(by.what)}" if by.what else ""
    parts = [
        f"mutant {mutant.name}",
        inspect.getdoc(mutant.part) or "",
        f"It must be found by {by.instrument} {by.where}{what}.",
    ]
    if mutant.is_reached_by_workloads:
        parts.append(f"Try it: anomalist run -t reference:mutant={mutant.name}")
    return "\n\n".join(parts)


def _explained_anomaly(name: str, sentence: str) -> str:
    direct = ", ".join(refutes(name))
    above = ", ".join(level for level in refuted_by(refutes(name)) if level not in refutes(name))
    return "\n\n".join(
        (
            f"anomaly {name} ({source(name)})",
            sentence,
            indent(EXAMPLES[name].drawing, "    "),
            f"A line is a session, and time runs to the right; the checker {EXAMPLES[name].checker} finds it.",
            f"Refutes {direct}{', and so every level above: ' if above else ''}{above}.",
        )
    )


def _explained_interleaving(script: Interleaving) -> str:
    width = max(map(len, script.sessions))
    sessions = "\n".join(
        f"    {name:{width}}  {' · '.join(_explained_step(step, action) for step, action in actions.items())}"
        for name, actions in script.sessions.items()
    )
    orders = len(list(orders_of(script)))
    return "\n\n".join(
        (
            f"interleaving {script.name}, about {script.anomaly} ({ANOMALIES[script.anomaly]}; {script.source})",
            script.story,
            sessions,
            f"Performed by `anomalist probe` in {orders} orders of these steps. The weakest level that forbids the "
            f"anomaly is {script.forbidden_by}.",
        )
    )


def _explained_step(name: str, action: Action) -> str:
    if callable(action):
        return f"{name} (computes)"
    return ", ".join(
        " ".join("..".join(part) if isinstance(part, tuple) else str(part) for part in op if part is not None)
        for op in action
    )


def _explained_level(name: Level) -> str:
    weaker, whence = IMPLIES[name]
    below = sorted(implied_by(name) - {name})
    refuting = [row.name for row in CATALOGUE if name in refuted_by(refutes(row.name))]
    return "\n\n".join(
        (
            f"level {name} ({whence})",
            f"Implies {', '.join(weaker) or 'no other level here'}"
            + (f"; in all: {', '.join(below)}." if below else "."),
            f"Refuted by {', '.join(refuting) or 'no anomaly of this catalogue'}.",
        )
    )
