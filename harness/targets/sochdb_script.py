"""Calls as lines of Python with SochDB's SDK alone, for scripts that show a failure without the harness."""

from __future__ import annotations

import re
from typing import Any, Final

from harness.expressions import Expression, written
from harness.targets.sochdb_calls import ROWS
from harness.targets.sochdb_models import CODECS, level_name

__all__ = ["script_of"]

# What is not of harness.surface.CALLS. The first one opens `db`; a transaction is the variable {on}.
_ENDS: Final = {
    "open": "import sochdb\ndb = sochdb.Database.open({0})",
    "close": "db.close()",
    "begin": "{on} = db.transaction()",
    "commit": "{on}.commit()",
    "abort": "{on}.abort()",
}


def script_of(name: str, arguments: tuple[Any, ...], within: str) -> str:
    """The line. Where it needs a module, the lines that import it come before."""
    template = _ENDS[name] if name in _ENDS else ROWS[name].script
    words = [written(one) for one in arguments]
    line = template.format(*words, **_filled(name, arguments, words), on=within or "db")
    return f"import numpy\n{line}" if "numpy." in line else line


def _filled(name: str, arguments: tuple[Any, ...], words: list[str]) -> dict[str, str]:
    """What the templates say beside the arguments as they are."""
    first = str(arguments[0]) if arguments else ""
    filled = {
        "queue": _variable("queue", first),
        "index": _variable("index", first),
        "dead": written(f"{first}-dead"),
        "codec": written(CODECS.get(first, first)),
        "level": level_name(first),
        "receipt": _receipt(*arguments[1:2]) if name in {"ack", "nack"} else "",
    }
    filled |= {f"list{place}": _listed(arguments[place], words[place]) for place in range(len(arguments))}
    if name == "make_queue":
        milliseconds = round(arguments[1] * 1000)
        filled["config"] = f"{words[0]}, {milliseconds}, {words[2]}, {filled['dead']}"
    return filled


def _receipt(claim: Any) -> str:
    """The id of the task: of the variable that it was assigned to, or as it is."""
    return f"{claim}.task_id" if isinstance(claim, Expression) else written(claim)


def _variable(kind: str, name: str) -> str:
    return re.sub(r"\W", "_", f"{kind}_{name}")


def _listed(argument: Any, word: str) -> str:
    """An embedding as the SDK wants it."""
    return word if isinstance(argument, list | Expression) else f"list({word})"
