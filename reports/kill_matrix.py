"""What `selftest` prints: the kill matrix, the witness of every kill, and what became of the engine itself.

A cell holds how many transactions it took, after the anomaly's name; a dot where the instrument found nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.kills import Attempt, SelfTest, Subject
from reports.values import counted, visible

__all__ = ["kill_document", "kill_summary"]

_ALL_WORKLOADS_MIN = 2  # other workloads are shown where any was tried


def kill_document(done: SelfTest) -> dict[str, Any]:
    """The self-test as one JSON document."""
    return {
        "schema_version": 1,
        "command": done.command,
        "seconds": round(done.seconds, 3),
        "mutants": [_mutant_document(done, subject) for subject in done.subjects],
        "clean": {
            "runs": sum(one.instrument == "workload" for one in done.clean),
            "attempts": len(done.clean),
            "accusations": len(done.accusations),
            "accused_by": [_attempt_document(one) for one in done.accusations],
            "seconds": round(done.clean_seconds, 3),
        },
    }


def _mutant_document(done: SelfTest, subject: Subject) -> dict[str, Any]:
    kill = done.kill_of(subject)
    others = [one for one in done.attempts if one.mutant == subject.name and one is not kill and one.found]
    return {
        "name": subject.name,
        "sentence": subject.sentence,
        "must_be_found_by": {"instrument": subject.instrument, "where": subject.where, "what": list(subject.what)},
        "killed": kill is not None,
        "by": _attempt_document(kill) if kill is not None else None,
        "also_by": [_attempt_document(one) for one in others],
    }


def _attempt_document(attempt: Attempt) -> dict[str, Any]:
    return {
        "instrument": attempt.instrument,
        "where": attempt.where,
        "checker": attempt.checker,
        "found": list(attempt.found),
        "txns" if attempt.unit == "transactions" else attempt.unit: attempt.amount,
        "witness": attempt.witness,
        "sentence": attempt.sentence,
        "command": attempt.command,
    }


def kill_summary(done: SelfTest) -> RenderableType:
    """The self-test as a terminal shows it."""
    parts: list[RenderableType] = [_headline(done), _kills(done)]
    matrix = _others(done)
    if matrix.row_count:
        parts += [Text("\nother stock workloads: after how many transactions each found it too, · never"), matrix]
    parts += list(_survivors(done))
    parts += list(_accusations(done))
    parts.append(_closing(done))
    return Group(*parts)


def _headline(done: SelfTest) -> Text:
    killed = len(done.subjects) - len(done.survivors)
    good = not done.survivors and not done.accusations and not done.interrupted
    line = Text()
    line.append("PASS" if good else "FAIL", style="bold green" if good else "bold red")
    runs = sum(one.instrument == "workload" for one in done.clean)
    line.append(
        f"  {killed} of {counted(len(done.subjects), 'mutant')} killed, each by what its row names; "
        f"the engine itself: {counted(len(done.accusations), 'accusation')} in {counted(runs, 'run')} "
        f"and {counted(len(done.clean) - runs, 'other attempt')}"
    )
    if done.interrupted:
        line.append("; interrupted", style="bold yellow")
    return line


def _kills(done: SelfTest) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    table.add_column("mutant", no_wrap=True)
    table.add_column("found by", no_wrap=True)
    table.add_column("what was found", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("after", justify="right", no_wrap=True)
    for subject in done.subjects:
        kill = done.kill_of(subject)
        if kill is None:
            table.add_row(Text(subject.name), Text(_place(subject)), Text("SURVIVED", style="bold red"), "")
        else:
            table.add_row(
                Text(subject.name),
                Text(_place(subject)),
                Text(_found(subject, kill)),
                counted(kill.amount, kill.unit[:-1]),
            )
    return table


def _place(subject: Subject) -> str:
    return subject.where if subject.instrument == "workload" else subject.instrument


def _found(subject: Subject, kill: Attempt) -> str:
    names = [name for name in kill.found if not subject.what or name in subject.what]
    return visible(f"{names[0]}: {kill.sentence}", 160) if kill.sentence else names[0]


def _others(done: SelfTest) -> Table:
    """The workloads that were set on mutants beside what their rows name."""
    columns = [name for name in done.columns if any(_is_other(done, one, name) for one in done.attempts)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("mutant", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right")
    for subject in done.subjects:
        cells = [done.attempt(subject.name, name) for name in columns]
        if sum(cell is not None for cell in cells) >= _ALL_WORKLOADS_MIN:
            table.add_row(Text(subject.name), *(_cell(cell) for cell in cells))
    return table


def _is_other(done: SelfTest, attempt: Attempt, column: str) -> bool:
    return attempt.instrument == "workload" and attempt.where == column and len(done.attempts) > len(done.subjects)


def _cell(attempt: Attempt | None) -> Text:
    if attempt is None:
        return Text("")
    return Text(f"{attempt.amount:,}") if attempt.found else Text("·", style="dim")


def _survivors(done: SelfTest) -> Iterator[Text]:
    for subject in done.survivors:
        wanted = f" ({' or '.join(subject.what)})" if subject.what else ""
        line = Text("\n")
        line.append(subject.name, style="bold red")
        line.append(
            visible(f": {subject.sentence} It was to be found by {subject.instrument} {subject.where}{wanted}.")
        )
        yield line


def _accusations(done: SelfTest) -> Iterator[Text]:
    for one in done.accusations:
        line = Text("\n")
        line.append("the engine itself is accused", style="bold red")
        line.append(visible(f" by {one.instrument} {one.where}: {', '.join(one.found)}. {one.sentence}"))
        if one.command:
            line.append(visible(f"\n  {one.command}"))
        yield line


def _closing(done: SelfTest) -> Text:
    mutants = done.seconds - done.clean_seconds
    line = Text("\n")
    line.append(f"{mutants:.0f} s for the mutants, {done.clean_seconds:.0f} s for the engine itself\n", style="dim")
    line.append("repeat  ", style="dim")
    return line.append(visible(done.command))
