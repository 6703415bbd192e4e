"""Calls as a program: lines of the target's own, loops where they repeat, and what a program has around them.

put k0 v0, put k1 v1, put k2 v2 …      for i in range(100): db.put(b"k%d" % i, b"v%d" % i)
put sun 7, put moon 4, put mars 9      for a, b in [(b"sun", b"7"), (b"moon", b"4"), (b"mars", b"9")]: db.put(a, b)
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from harness.expressions import Expression, generalised, written
from harness.surface import Lacking

__all__ = ["BEGINNINGS", "LINES_MAX", "Script", "Step", "TooLong", "Unshowable", "assembled", "is_import", "lines_of"]

LINES_MAX: Final = 30
_WIDTH_MAX: Final = 3_000
_LISTED_MAX: Final = 600  # Characters of a list that a loop goes over.
_SENTENCE_MAX: Final = 400
_REPEATS_MIN: Final = 3
_PERIOD_MAX: Final = 6

# The calls that give a transaction.
BEGINNINGS: Final = ("begin", "begin_transaction", "begin_at")
# Calls whose result says no more than that they returned.
_QUIET: Final = frozenset(
    {
        *BEGINNINGS,
        *("open", "close", "abort", "put", "put_ttl", "put_path", "put_index", "delete", "ns_put", "ns_delete"),
        *("add_node", "add_edge", "add_temporal_edge", "delete_node", "delete_edge", "cache_put", "set_compression"),
        *("backup", "make_queue", "make_vectors", "make_index"),
    }
)
_MODULES: Final = ("os", "pathlib", "subprocess", "sys", "tempfile", "threading", "time")
_TRIED: Final = (
    "def tried(call):",
    "    try:",
    "        return call()",
    "    except Exception as error:",
    '        return f"{type(error).__name__}: {error}"',
)

Script = Callable[[str, tuple[Any, ...], str], str]
"""A surface's `script`: the name of a call, its arguments, the variable of its transaction → a line of Python."""


class Unshowable(Exception):
    """There is no short program for this. The text says why."""


class TooLong(Unshowable):
    """Fewer calls might do."""


class Step(NamedTuple):
    """A call as the program makes it. `txn` is the variable of its transaction, or "".

    `into` is the variable that its result is kept in, where a later call needs it. `lines` are there, perhaps none,
    where the program has them in place of the target's own line.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    txn: str = ""
    db: str = "db"
    raised: bool = False
    into: str = ""
    lines: tuple[str, ...] | None = None


def lines_of(steps: Sequence[Step], script: Script, *, tight: bool = False) -> list[str]:
    """The steps as lines of Python, with loops where they repeat. Raises Unshowable.

    `tight`: calls that only have their names in common are in a loop too.
    """
    lines: list[str] = []
    at = 0
    while at < len(steps):
        block = _block(steps, at, tight)
        made = [line for step in block.steps for line in _lines(step, script)]
        lines += _looped(block.loop, made) if block.loop else made
        at += block.length
    return lines


def assembled(body: Sequence[str], detail: str) -> str:
    """The program: imports, what its lines need defined, the lines, and the sentence at last. Raises Unshowable."""
    code = [line for line in body if not is_import(line)]
    text = "\n".join(code)
    imports = {line for line in body if is_import(line)}
    imports |= {f"import {name}" for name in _MODULES if re.search(rf"\b{name}\.", text)}
    sentence = detail if len(detail) <= _SENTENCE_MAX else f"{detail[:_SENTENCE_MAX]}…"
    ending = f"print({'Anomalist saw: ' + sentence!r})"
    lines = [*sorted(imports), *(_TRIED if "tried(" in text else ()), *code, ending]
    if len(lines) > LINES_MAX:
        raise TooLong(f"it takes {len(lines)} lines")
    if max(map(len, lines)) > _WIDTH_MAX:
        raise Unshowable("its values are too long to be written down")
    program = "\n".join(lines) + "\n"
    try:
        compile(program, "repro", "exec")
    except SyntaxError as error:
        raise Unshowable(f"a value in it cannot be written down: {error.text}") from error
    return program


def is_import(line: str) -> bool:
    """Whether the line is one of the imports, which come first."""
    return re.fullmatch(r"import \w+", line) is not None


# Loops.


class _Block(NamedTuple):
    """Steps, the head of the loop that they are in, and how many steps of the whole they stand for."""

    steps: list[Step]
    loop: str
    length: int


def _looped(loop: str, lines: list[str]) -> list[str]:
    imports = [line for line in lines if is_import(line)]
    inner = [line for line in lines if not is_import(line)]
    printed = re.fullmatch(r"print\(('[^']*'), (.*)\)", inner[0]) if len(inner) == 1 else None
    if printed:
        return [*imports, f"print({printed[1]}, [{printed[2]} {loop}])"]
    return [*imports, f"{loop}:", *(f"    {line}" for line in inner)]


def _block(steps: Sequence[Step], at: int, tight: bool) -> _Block:
    """The block that begins here: the loop that stands for the most steps, or one step."""
    best = _Block([steps[at]], "", 1)
    for period in range(1, _PERIOD_MAX + 1):
        rounds = _rounds(steps, at, period)
        # If so many rounds have a general form, so have fewer: the most are looked for by halves.
        times = bisect_left(range(len(rounds)), True, key=lambda count: _general(rounds[: count + 1]) is None)
        block = _general(rounds[:times]) if times >= _REPEATS_MIN and times * period > best.length else None
        if block is not None:
            best = _Block(block, f"for i in range({times})", times * period)
    return best if best.loop or not tight else _listed(steps, at) or best


def _rounds(steps: Sequence[Step], at: int, period: int) -> list[list[Step]]:
    """The same calls again and again, as often as they follow one another here."""
    rounds: list[list[Step]] = []
    while len(block := _own(steps[at : at + period])) == period and not any(step.into for step in block):
        if rounds and list(map(_shape, block)) != list(map(_shape, rounds[0])):
            break
        rounds.append(block)
        at += period
    return rounds


def _shape(step: Step) -> Step:
    return step._replace(arguments=(len(step.arguments),))


def _own(steps: Sequence[Step]) -> list[Step]:
    """Transactions that begin in a block are named by their place in it, so that rounds can be compared."""
    names: dict[str, str] = {}
    for step in steps:
        if step.name in BEGINNINGS:
            names[step.txn] = "t" if not names else f"u{len(names)}"
    return [step._replace(txn=names.get(step.txn, step.txn)) for step in steps]


def _general(rounds: Sequence[Sequence[Step]]) -> list[Step] | None:
    """One round whose arguments are expressions of `i`; None where they do not grow evenly."""
    block = []
    for column in zip(*rounds, strict=True):
        arguments = []
        for values in zip(*(step.arguments for step in column), strict=True):
            known = generalised(values)
            if known is None:
                return None
            arguments.append(values[0] if known == written(values[0]) else Expression(known))
        block.append(column[0]._replace(arguments=tuple(arguments)))
    return block


def _listed(steps: Sequence[Step], at: int) -> _Block | None:
    """The same call with one argument after another, as a loop over these."""
    rounds = [step.arguments for (step,) in _rounds(steps, at, 1)]
    if len(rounds) < _REPEATS_MIN or steps[at].name in BEGINNINGS or not rounds[0]:
        return None
    columns = list(zip(*rounds, strict=True))
    changing = [place for place, column in enumerate(columns) if len(set(map(written, column))) > 1]
    names = {place: Expression("abcdef"[number]) for number, place in enumerate(changing[:6])}
    values = list(zip(*(columns[place] for place in names), strict=True))
    said = written([one[0] if len(names) == 1 else one for one in values])
    if len(said) > _LISTED_MAX:
        return None
    arguments = tuple(names.get(place, one) for place, one in enumerate(rounds[0]))
    head = f"for {', '.join(names.values())} in {said}"
    return _Block([steps[at]._replace(arguments=arguments)], head, len(rounds))


# Lines.


def _lines(step: Step, script: Script) -> list[str]:
    """A step's line, behind the imports that it takes. What it gives is printed, or what it raises."""
    if step.lines is not None:
        return list(step.lines)
    try:
        *imports, line = script(step.name, step.arguments, step.txn).split("\n")
    except Lacking as lacking:
        raise Unshowable(str(lacking)) from lacking
    # The name alone is meant, not where it stands in a text.
    line = line if step.db == "db" else re.sub(r"(?<![\w'\"/])db(?=[.,) ]| =)", step.db, line)
    target, equals, expression = line.partition(" = ")
    assigned = bool(equals) and target.isidentifier()
    label = f"{step.txn}.{step.name}" if step.txn and step.name not in BEGINNINGS else f"{step.db}.{step.name}"
    if step.into:
        return [*imports, f"{step.into} = {line}", f"print({label!r}, {step.into})"]
    if step.raised:
        return [*imports, f"print({label!r}, tried(lambda: {expression if assigned else line}))"]
    if assigned or step.name in _QUIET:
        return [*imports, line]
    return [*imports, f"print({label!r}, {line})"]
