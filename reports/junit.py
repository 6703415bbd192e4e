"""JUnit XML for continuous integration: a test case per target, workload, level and seed, and per contract check.

FAIL is a failure. UNKNOWN is an error of type "inconclusive", and trouble of the harness or target an error of
type "trouble": neither may slip through a gate as if it had passed. A check is skipped where the target lacks what
it takes; that all were skipped is an error of its own.
"""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from harness.verdict import Outcome, RunResult, SuiteRun
from reports.contract_junit import contract_cases
from reports.overall import AnomalyGroup, Overall, overall
from reports.values import visible

__all__ = ["render_junit"]

_INSTANCES_MAX = 3
_STEPS_MAX = 40


def render_junit(suite_run: SuiteRun) -> str:
    """The suite as a JUnit document with an XML declaration."""
    cases = [_case(run, overall(run), suite_run.command) for run in suite_run.runs]
    if suite_run.contract is not None:
        cases = [*contract_cases(suite_run.contract), *cases]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{suite_run.seconds:.3f}",
    }
    root = Xml.Element("testsuites", {"name": "anomalist"} | counts)
    suite = Xml.SubElement(root, "testsuite", {"name": visible(suite_run.suite or "anomalist")} | counts)
    if suite_run.started:
        suite.set("timestamp", visible(suite_run.started))
    if suite_run.environment:
        properties = Xml.SubElement(suite, "properties")
        for name, value in suite_run.environment:
            Xml.SubElement(properties, "property", {"name": visible(name), "value": visible(value)})
    suite.extend(cases)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _case(run: RunResult, one: Overall, command: str) -> Xml.Element:
    info = run.info
    name = f"{info.target or 'history'}/{info.workload or 'unknown'}/{info.level or one.expected}/{info.seed}"
    case = Xml.Element(
        "testcase",
        {
            "classname": visible(f"{info.suite or 'anomalist'}.{info.target or 'history'}"),
            "name": visible(name),
            "time": f"{run.seconds:.3f}",
        },
    )
    text = _body(run, one, info.command or command)
    if one.outcome == Outcome.FAIL:
        failure = Xml.SubElement(case, "failure", {"type": _type(one), "message": visible(one.sentence)})
        failure.text = text
    elif one.outcome == Outcome.UNKNOWN:
        kind = "trouble" if one.reason == "trouble" else "inconclusive"
        message = visible(f"{one.reason}: {one.sentence}")
        Xml.SubElement(case, "error", {"type": kind, "message": message}).text = text
    else:
        Xml.SubElement(case, "system-out").text = text
    return case


def _type(one: Overall) -> str:
    names = dict.fromkeys(group.name for group in one.groups if not group.allowed)
    return visible(", ".join(names) or "refuted")


def _body(run: RunResult, one: Overall, command: str) -> str:
    lines = [f"expected: {one.expected}", f"refuted: {', '.join(one.refuted) or 'nothing'}"]
    lines += [line for group in one.groups for line in _anomaly_lines(group)]
    lines += [f"evidence: {row.name} {row.found}, needed {row.needed}" for row in one.evidence]
    lines += [f"trouble: {run.trouble}"] if run.trouble else []
    lines += [f"stopped: {run.stopped}"] if run.stopped else []
    lines += [f"cut: {run.history.cut}"] if run.history.cut else []
    lines += [f"history: {run.directory}"] if run.directory else []
    lines += [f"repeat: {command}"] if command else []
    return "\n" + "\n".join(visible(line) for line in lines) + "\n"


def _anomaly_lines(group: AnomalyGroup) -> list[str]:
    state = "allowed" if group.allowed else "refutes the expected level"
    lines = [f"{group.name} ×{group.count} ({state}), fingerprint {group.fingerprint}"]
    for anomaly in group.instances[:_INSTANCES_MAX]:
        lines.append(f"  {anomaly.sentence}")
        lines += [f"  {number}. {step.sentence}" for number, step in enumerate(anomaly.steps[:_STEPS_MAX], 1)]
        more = len(anomaly.steps) - _STEPS_MAX
        lines += [f"  … and {more} more steps, not listed here"] if more > 0 else []
        lines += [f"  - {detail}" for detail in anomaly.details]
    left_out = len(group.instances) - _INSTANCES_MAX
    return lines + ([f"  … and {left_out} more instances, not listed here"] if left_out > 0 else [])
