"""The contract suite's checks as JUnit test cases."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as Xml

from harness.contract import CheckOutcome, CheckResult, ContractRun
from harness.verdict import Outcome
from reports.findings import observation, repeat_command
from reports.values import visible

__all__ = ["contract_cases"]


def contract_cases(run: ContractRun) -> list[Xml.Element]:
    """A case for each check; one more where the suite came to no verdict and no check says why."""
    cases = [_case(run, result) for result in run.results]
    if run.outcome is Outcome.UNKNOWN and not run.count(CheckOutcome.ERROR):
        case = _element(run, "contract", "the suite as a whole", 0.0)
        why = "it was stopped by hand" if run.interrupted else "no check was tried"
        Xml.SubElement(case, "error", {"type": "inconclusive", "message": why}).text = _body([], run.command)
        cases.append(case)
    return cases


def _case(run: ContractRun, result: CheckResult) -> Xml.Element:
    case = _element(run, result.scenario, f"{result.id} {result.title}", result.seconds)
    message = visible(observation(result))
    if result.outcome is CheckOutcome.FAIL:
        failure = Xml.SubElement(case, "failure", {"type": visible(result.severity), "message": message})
        failure.text = _body(_lines(run, result), repeat_command(run, result.scenario))
    elif result.outcome is CheckOutcome.ERROR:
        error = Xml.SubElement(case, "error", {"type": "harness", "message": message})
        error.text = _body([], repeat_command(run, result.scenario))
    elif result.outcome is CheckOutcome.SKIP:
        Xml.SubElement(case, "skipped", {"message": message})
    return case


def _element(run: ContractRun, scenario: str, name: str, seconds: float) -> Xml.Element:
    named = {"classname": visible(f"contract.{run.target}.{scenario}"), "name": visible(name)}
    return Xml.Element("testcase", named | {"time": f"{seconds:.3f}"})


def _lines(run: ContractRun, result: CheckResult) -> Iterator[str]:
    yield f"promised: {result.title}"
    yield f"seen: {observation(result)}"
    impact = run.scenarios.get(result.scenario, {}).get("impact", "")
    if impact:
        yield f"impact: {impact}"
    yield from (f"called: {line}" for line in result.transcript)


def _body(lines: Iterator[str] | list[str], command: str) -> str:
    told = [*lines, *([f"repeat: {command}"] if command else [])]
    return "\n" + "\n".join(visible(line) for line in told) + "\n"
