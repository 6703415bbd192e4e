"""`probe`: every script in every one of its orders, at every level, and what the target's promises say to it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from time import monotonic

from anomalist.commands import command_text
from anomalist.exits import Exit, combined
from anomalist.plan import levels_of, promised, target_of
from anomalist.verbs import counting, terminal
from checkers.brute_force import check_by_brute_force
from harness.conductor import HANG_S, WAIT_S, conduct
from harness.history import RunInfo
from harness.interleaving import Interleaving, Performance, orders_of
from harness.keeper import Keeper
from harness.level import Level
from harness.matrix import Matrix, Trial
from harness.target import Target
from harness.trouble import RunTrouble
from harness.verdict import Outcome, judge
from reports.document import encode
from reports.matrix import matrix_summary
from reports.matrix_document import matrix_document
from workloads.interleavings import ANOMALIES, INTERLEAVINGS

__all__ = ["probe", "probe_verb"]

_TROUBLES_MAX = 3
_PLAIN_KINDS = frozenset({"r", "w"})

Told = Callable[[int, int], None]  # (performances so far, performances in all)


def probe_verb(*, target: str, level: str | None, as_json: bool, color: str) -> int:
    """`anomalist probe`."""
    chosen = target_of(target)
    promises = {at: promised(chosen, at) for at in levels_of(chosen, level)}
    command = command_text(("probe", "-t", target), [("-i", level)])
    # What a driver prints must not get into the result.
    with redirect_stdout(sys.stderr), counting(color, "orders of steps") as told:
        matrix = probe(chosen, promises, command=command, told=told)
    if as_json:
        sys.stdout.write(encode(matrix_document(matrix)))
    else:
        terminal(color).print(matrix_summary(matrix), crop=False)
    return _exit_of(matrix)


def probe(
    target: Target,
    promises: Mapping[str, Level],
    *,
    interleavings: tuple[Interleaving, ...] = INTERLEAVINGS,
    command: str = "",
    told: Told | None = None,
    wait_s: float = WAIT_S,
    hang_s: float = HANG_S,
) -> Matrix:
    """Perform all scripts that the target can run at the levels of `promises`, {level: what is promised there}.

    Raises TargetUnavailable where the target does not start. All later trouble is in the matrix.
    """
    began = monotonic()
    keeper = Keeper(target)
    keeper.open(threading.Event())
    lacking = {one.name: kinds for one in interleavings if (kinds := _lacking(one, target))}
    scripts = [one for one in interleavings if one.name not in lacking]
    plan = [(level, one, order) for level in promises for one in scripts for order in orders_of(one)]
    trials: list[Trial] = []
    trouble, interrupted = "", False
    try:
        for number, (level, script, order) in enumerate(plan):
            info = _info(target, script, level, promises[level])
            performance = conduct(target, script, order, info, number=number, wait_s=wait_s, hang_s=hang_s)
            trials.append(_judged(performance, promises[level]))
            if told is not None:
                told(len(trials), len(plan))
            if sum(bool(one.performance.trouble) for one in trials) == _TROUBLES_MAX:
                trouble = f"given up after {_TROUBLES_MAX} orders that did not come to their end"
                break
    except RunTrouble as error:
        trouble = str(error)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        closing = keeper.close()
    return Matrix(
        target=target.name,
        version=target.version,
        settings=dict(target.settings),
        levels=promises,
        anomalies=ANOMALIES,
        interleavings=interleavings,
        lacking=lacking,
        trials=tuple(trials),
        command=command,
        seconds=monotonic() - began,
        trouble=trouble or closing,
        interrupted=interrupted,
    )


def _lacking(interleaving: Interleaving, target: Target) -> tuple[str, ...]:
    return tuple(sorted((interleaving.needs | _PLAIN_KINDS) - target.capabilities.kinds))


def _info(target: Target, script: Interleaving, level: str, promise: Level) -> RunInfo:
    return RunInfo(
        suite="probe",
        workload=script.name,
        target=target.name,
        target_version=target.version,
        level=level,
        expected=promise,
        clients=len(script.sessions),
        clock="steps",
    )


def _judged(performance: Performance, promise: Level) -> Trial:
    findings = check_by_brute_force(performance.history, performance.name_of)
    # Whether there was enough to be seen is asked of all scripts of a level together, not of each performance.
    return Trial(performance, judge(findings, promise, strict_evidence=False))


def _exit_of(matrix: Matrix) -> Exit:
    if matrix.interrupted:
        return Exit.INTERRUPTED
    codes = {
        Outcome.FAIL: Exit.ANOMALY,
        Outcome.UNKNOWN: Exit.INCONCLUSIVE,
        Outcome.PASS: Exit.VALID,
    }
    found = [codes[matrix.outcome_of(level).outcome] for level in matrix.levels] if matrix.trials else []
    hung = any(trial.performance.trouble for trial in matrix.trials)
    return combined([*found, *([Exit.TROUBLE] if matrix.trouble or hung else [])])
