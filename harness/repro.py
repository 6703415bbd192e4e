"""A failure as a program of at most 30 lines that shows it without the harness: from the calls that were made.

    transcript ──the calls that matter──▶ steps ──harness.repro_lines──▶ program

The program makes the calls again, prints what they give, and at last what was seen and what should have been.
What takes threads has no transcript that could be made again: see harness.scenario_repro.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any, Final

from harness.contract import TranscriptLine
from harness.expressions import Expression, written
from harness.repro_lines import BEGINNINGS, Script, Step, TooLong, Unshowable, assembled, is_import, lines_of
from harness.surface import Claim

__all__ = ["repro"]

# The arguments of these that are paths.
_PATHS: Final = {
    "open": (0,),
    "backup": (0,),
    "verify_backup": (0,),
    "restore": (0, 1),
    "damage": (0,),
    "child": (0,),
}
# How the names of calls begin that change nothing: before the check's own they need not be made again.
_LOOKS: Final = ("get", "exists", "scan", "search", "count", "ns_get", "ns_scan", "stats", "cache_get", "cache_stats")
_VALUES_MAX: Final = 20_000  # in lists and arrays
_ENDS: Final = {"kill": "os.kill(os.getpid(), 9)", "close": "db.close()"}

_BREATH_S: Final = 0.05

Lines = Sequence[TranscriptLine]


def repro(transcript: Lines, script: Script, *, since: int, root: str, detail: str) -> str:
    """The program for a check that failed: transcript[since:] is its own part, what is before led there.

    `root` is the directory that the paths are in, `detail` what was seen and what was expected. Raises Unshowable.
    """
    lines = _that_matter(transcript, since)
    _refuse_what_is_too_much(lines)
    return _shortest(lines, script, root, detail)


def _shortest(lines: Lines, script: Script, root: str, detail: str) -> str:
    """With all of the lines or, if that is too long, without parts that the others do without.

    What the detail speaks of is kept the longest.
    """
    with suppress(TooLong):
        return _program(lines, script, root, detail, tight=False)
    try:
        return _program(lines, script, root, detail)
    except TooLong:
        parts = _by_mention(_parts(lines), detail)
        kept = lines
        for part in parts[:0:-1]:
            left_out = set(map(id, part))
            kept = [line for line in kept if id(line) not in left_out]
            with suppress(TooLong):
                return _program(kept, script, root, detail)
        if len(parts) < 2:
            raise
    return _shortest(kept, script, root, detail)


def _program(lines: Lines, script: Script, root: str, detail: str, *, tight: bool = True) -> str:
    opened = {line.database for line in lines if line.name == "open"}
    if not opened >= {line.database for line in lines} - {0}:
        raise TooLong("what is left needs a database that is left out")
    places = _Places(root)
    numbers = {database: number for number, database in enumerate(sorted({one.database for one in lines} - {0}), 1)}
    steps = [_step(line, numbers.get(line.database, 0), places, script) for line in lines]
    steps = _with_claims(lines, steps)
    body = lines_of(_with_queues(_with_functions(steps, script)), script, tight=tight)
    return assembled([*places.lines, *body], detail)


def _refuse_what_is_too_much(lines: Lines) -> None:
    """To look for a short way of saying it would take minutes. Raises Unshowable."""
    given = [one for line in lines for one in line.arguments]
    values = sum(getattr(one, "size", 0) or (len(one) if isinstance(one, list) else 0) for one in given)
    if values > _VALUES_MAX:
        raise Unshowable(f"it takes {values} values")


# Which lines matter.


def _that_matter(transcript: Lines, since: int) -> list[TranscriptLine]:
    """What happened to the databases that the check's own part speaks of, without what was only looked at before."""
    own = {id(line) for line in transcript[since:]}
    groups = [group for group in _grouped(transcript, _path_marks) if any(id(line) in own for line in group)]
    kept = {id(line) for group in groups for line in group}
    chosen = [
        line
        for place, line in enumerate(transcript)
        if (id(line) in kept or (not _path_marks(line) and not _is_a_breath(line)))
        and (place >= since or line.transaction or not line.name.startswith(_LOOKS))
    ]
    begins = next((place for place, line in enumerate(chosen) if _path_marks(line)), 0)
    return chosen[begins:]


def _is_a_breath(line: TranscriptLine) -> bool:
    """Somebody waits a little for another thread."""
    return line.name == "wait" and line.arguments[0] < _BREATH_S


def _parts(lines: Lines) -> list[list[TranscriptLine]]:
    """What can be left out by itself: backups, or databases, or keys and the transactions that meet them."""
    by_place = _grouped(lines, _place_marks)
    beside = [group for group in by_place if all(line.name != "open" for line in group)]
    return next((parts for parts in (beside, by_place) if len(parts) > 1), _grouped(lines, _key_marks))


def _path_marks(line: TranscriptLine) -> set[Hashable]:
    paths = {line.arguments[place] for place in _PATHS.get(line.name, ())}
    return paths | ({line.database} if line.database else set())


def _place_marks(line: TranscriptLine) -> set[Hashable]:
    """As _path_marks, but a backup is not of the database that it was made of."""
    marks = _path_marks(line)
    return marks - {line.database} if len(marks) > 1 and line.name != "open" else marks


def _key_marks(line: TranscriptLine) -> set[Hashable]:
    keys: set[Hashable] = {("key", one) for one in line.arguments[:1] if isinstance(one, bytes)}
    return keys | ({("transaction", line.transaction)} if line.transaction else set())


def _grouped(lines: Lines, marks_of: Callable[[TranscriptLine], set[Hashable]]) -> list[list[TranscriptLine]]:
    """Lines in groups of which no two share a mark, in the order of their beginnings; without unmarked ones."""
    group_of: dict[Hashable, list[TranscriptLine]] = {}
    groups: list[list[TranscriptLine]] = []
    for line in lines:
        marks = marks_of(line)
        touched = [one for one in groups if any(group_of.get(mark) is one for mark in marks)]
        if not marks:
            continue
        into = touched[0] if touched else []
        if not touched:
            groups.append(into)
        for other in touched[1:]:
            into += other
            groups[:] = [one for one in groups if one is not other]
            group_of |= {mark: into for mark, one in group_of.items() if one is other}
        into.append(line)
        group_of |= dict.fromkeys(marks, into)
    return groups


def _by_mention(parts: list[list[TranscriptLine]], detail: str) -> list[list[TranscriptLine]]:
    """Those first that the detail speaks of by more words that are not of all parts."""
    said = [{word for line in part for word in _words(line) if word in detail} for part in parts]
    common = set.intersection(*said) if said else set()
    order = sorted(range(len(parts)), key=lambda place: -len(said[place] - common))
    return [parts[place] for place in order]


def _words(line: TranscriptLine) -> list[str]:
    texts = [one.decode(errors="replace") if isinstance(one, bytes) else one for one in line.arguments]
    shares = [f" {one:.{digits}%}" for one in texts if isinstance(one, float) for digits in (0, 1)]
    return [*(one for one in texts if isinstance(one, str) and len(one) > 2), *shares]


# From the transcript to steps.


class _Places:
    """A directory of its own for every path that the calls name."""

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/") + "/"
        self._known: dict[str, Expression] = {}

    @property
    def lines(self) -> list[str]:
        """What makes them. A path of the rig's is a number and a name below its directory."""
        return [
            f"{name} = tempfile.mkdtemp() + {written('/' + path.removeprefix(self._root).partition('/')[2])}"
            for path, name in self._known.items()
        ]

    def __call__(self, path: Any) -> Any:
        if not isinstance(path, str) or not path.startswith(self._root):
            return path
        known = self._known
        return known.setdefault(path, Expression("path" if not known else f"path{len(known) + 1}"))


def _step(line: TranscriptLine, number: int, places: _Places, script: Script) -> Step:
    arguments = list(line.arguments)
    for place in _PATHS.get(line.name, ()):
        arguments[place] = places(arguments[place])
    if not number:
        return Step(line.name, lines=_in_the_world(line, arguments, script))
    txn = ""
    if line.transaction:
        txn = f"t{line.transaction}" if number == 1 else f"t{number}_{line.transaction}"
    return Step(line.name, tuple(arguments), txn, "db" if number == 1 else f"db{number}", bool(line.error))


def _in_the_world(line: TranscriptLine, arguments: Sequence[Any], script: Script) -> tuple[str, ...]:
    """What the rig did beside calls."""
    match line.name:
        case "wait":
            return (f"time.sleep({arguments[0]!r})",)
        case "damage":
            return _damaged(f"pathlib.Path({written(arguments[0])}, {line.result!r})", *arguments[1:])
        case "child":
            return _elsewhere(script, *arguments)
    return ()  # What threads called stands there in the order in which it came back.


def _damaged(file: str, how: str, place: float) -> tuple[str, ...]:
    if how == "cut":
        return (f"file = {file}", f"os.truncate(file, int(file.stat().st_size * {place!r}))")
    return (
        f"file = {file}",
        "held = bytearray(file.read_bytes())",
        f"held[int(len(held) * {place!r})] ^= 0x10",
        "file.write_bytes(held)",
    )


def _elsewhere(script: Script, path: Any, calls: Sequence[tuple[Any, ...]], end: str) -> tuple[str, ...]:
    """The calls in a process of their own."""
    steps = [Step("open", (Expression("sys.argv[1]"),)), *(Step(name, tuple(given)) for name, *given in calls)]
    lines = lines_of(steps, script)
    imports = {"import os", "import sys", *(line for line in lines if is_import(line))}
    return (
        "child = r'''",
        ", ".join(sorted(imports)).replace(", import", ","),
        *(line for line in lines if not is_import(line)),
        f"{_ENDS[end]}'''",
        f'print("child", subprocess.run([sys.executable, "-c", child, {written(path)}], check=False).returncode)',
    )


def _with_claims(lines: Lines, steps: Sequence[Step]) -> list[Step]:
    """What `dequeue` gave is kept where a later call gives its receipt back: receipts differ from run to run."""
    made = list(steps)
    claims: dict[Any, int] = {}
    for place, line in enumerate(lines):
        if line.name == "dequeue" and isinstance(line.result, Claim):
            claims.setdefault(line.result.receipt, place)
        if line.name in {"ack", "nack"} and line.arguments[1] in claims:
            at = claims[line.arguments[1]]
            variable = made[at].into or f"claim{1 + sum(bool(step.into) for step in made)}"
            made[at] = made[at]._replace(into=variable)
            made[place] = made[place]._replace(arguments=(line.arguments[0], Expression(variable)))
    return made


def _with_functions(steps: Sequence[Step], script: Script) -> list[Step]:
    """Functions of a transaction as definitions: what was called within is in the transcript before the call."""
    made: list[Step] = []
    begun: set[str] = set()
    within: list[Step] = []
    for step in steps:
        if step.name in BEGINNINGS:
            begun.add(step.txn)
        if step.txn and step.txn not in begun:
            within.append(step)
        elif any(map(callable, step.arguments)):
            made += [_definition(step, within, script), step._replace(arguments=(Expression("work"),))]
            within = []
        else:
            made.append(step)
    return made


def _definition(step: Step, within: Sequence[Step], script: Script) -> Step:
    body = [line for one in within for line in lines_of([one], script)]
    if step.raised and not any(one.raised for one in within):
        body.append("raise RuntimeError('raised by the function')")
    txn = within[0].txn if within else "t"
    return Step("def", lines=(f"def work({txn}):", *(f"    {line}" for line in body or ["pass"])))


def _with_queues(steps: Sequence[Step]) -> list[Step]:
    """A database that is opened again has its queues made again, where they are objects beside it."""
    made: list[Step] = []
    queues: dict[tuple[str, Any], Step] = {}
    for step in steps:
        made.append(step)
        if step.name == "make_queue":
            queues[step.db, step.arguments[0]] = step
        if step.name == "open":
            made += [queue for (db, _), queue in queues.items() if db == step.db]
    return made
