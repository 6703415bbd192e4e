"""Programs that show what failed without Anomalist: which of the three ways fits, and where they are written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from anomalist.exits import UsageError
from anomalist.rig import TargetRig
from harness.contract import CheckOutcome, Conducted, ContractRun
from harness.interleaving import Performance
from harness.repro import repro
from harness.repro_lines import Unshowable
from harness.scenario_repro import PROGRAMS, PROMISES, promise_repro, scenario_repro
from harness.step_repro import step_repro
from harness.trouble import described

__all__ = ["NO_PROGRAM", "Place", "make_place", "program_of", "write_repros"]

NO_PROGRAM: Final = "# There is no short program for this: "


class Place(NamedTuple):
    """Where a scenario stands: so many calls had been made before a check, and calls and performances after it."""

    before: int
    calls: int
    performances: int


def program_of(rig: TargetRig, check: str, place: Place, detail: str) -> str:
    """The program for a check that failed at `place`, or a comment that says why there is none.

    What was called is called again; of a scripted interleaving the order that refutes the promise is performed; what
    takes threads has a program of its own.
    """
    surface = rig.surface
    if surface is None:
        return f"{NO_PROGRAM}target {rig.target} has no surface\n"
    transcript = rig.transcript[: place.calls]
    done = {line.name for line in transcript[place.before :]}
    try:
        if PROMISES.get(check, ("",))[0] in surface.lacking:
            return promise_repro(check, surface, detail)
        if "conduct" in done:
            return step_repro(_refuted(rig, rig.performances[: place.performances]), surface.script, detail)
        if done & {"run", "threads"} or check in PROGRAMS:
            return scenario_repro(check, surface.script, detail)
        return repro(transcript, surface.script, since=place.before, root=str(rig.directory), detail=detail)
    except Unshowable as error:
        return f"{NO_PROGRAM}{error}\n"
    except Exception as error:  # noqa: BLE001  The check has failed; nothing that goes wrong here may change that.
        return f"{NO_PROGRAM}{described(error)}\n"


def _refuted(rig: TargetRig, performances: Sequence[Conducted]) -> Performance:
    """Of the script that was performed last, the first order that refutes what is promised, or the last one."""
    last = performances[-1].performance
    found = (
        performance
        for performance, findings in performances
        if performance.interleaving.name == last.interleaving.name and rig.promised in findings.refuted
    )
    return next(found, last)


def make_place(directory: Path) -> None:
    """Make the directory for programs. Raises UsageError where that is impossible."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {directory}: {error.strerror}; choose another directory") from error


def write_repros(contract: ContractRun, directory: Path) -> None:
    """Write a file for each failed check that has a program. Raises UsageError where that cannot be written."""
    try:
        for result in contract.results:
            if result.outcome is CheckOutcome.FAIL and result.repro and not result.repro.startswith(NO_PROGRAM):
                (directory / f"{result.id.replace(' ', '-')}.py").write_text(result.repro)
    except OSError as error:
        raise UsageError(f"cannot write to {directory}: {error.strerror}; choose another directory") from error
